/*
 * iplimit: how much one address and its networks may do. Three classes at
 * once: IPv4 /32, /26, /21 and IPv6 /64, /48, /32. Either in fixed windows
 * of time (all counts begin anew with each), or without a window: what is there right
 * now, given back by iplimit_sub(). No clock in here: the caller tells the time.
 *
 * Memory is bounded: when max_entries networks are counted, further ones pass
 * uncounted. A count of what is there now needs three entries a thing at most.
 */
#ifndef BASE_IPLIMIT_H
#define BASE_IPLIMIT_H

#include <stdint.h>

#include "ip.h"

enum { IPLIMIT_CLASSES = 3 };

struct iplimit_entry;

struct iplimit {
	uint32_t		 max[IPLIMIT_CLASSES];
	int64_t			 window_s;	/* 0: none */
	int64_t			 window;	/* the current one's number */
	uint64_t		 seed;		/* from a random source: addresses are peers' to choose */
	struct iplimit_entry	*entries;
	size_t			 n, size, max_entries;
};

void	iplimit_init(struct iplimit *, const uint32_t max[IPLIMIT_CLASSES], int64_t window_s, size_t max_entries, uint64_t seed);
void	iplimit_free(struct iplimit *);

/* Count n more at time now (seconds). False, and nothing is counted, when a class would get over its maximum. */
bool	iplimit_add(struct iplimit *, const struct ip *, int64_t now, uint32_t n) __attribute__((warn_unused_result));

/* What the address itself (class 0) has counted in this window. */
uint32_t	iplimit_count(const struct iplimit *, const struct ip *, int64_t now);

/* Give n back in every class; a count does not go below zero. */
void	iplimit_sub(struct iplimit *, const struct ip *, int64_t now, uint32_t n);

#endif
