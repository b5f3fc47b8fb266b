/*
 * names: texts that many recipients share (domains, accounts, destinations),
 * each kept once for as long as somebody holds it.
 */
#ifndef QUEUE_SEND_NAMES_H
#define QUEUE_SEND_NAMES_H

#include <stdint.h>

#include "base/str.h"

struct dest;

struct name {
	struct name	*chain;
	struct dest	*dest;		/* the destination of that name; NULL: none now */
	uint32_t	 refs, hash;
	uint32_t	 n;
	char		 text[];
};

struct names {
	struct name	**bucket;
	size_t		  buckets, count;
};

/* The name, one more time held; NULL: no memory. */
struct name	*name_hold(struct names *, struct str) __attribute__((warn_unused_result));
struct name	*name_again(struct name *);
void		 name_drop(struct names *, struct name *);	/* NULL: nothing */

struct str	 name_str(const struct name *);

/* FNV-1a, going on from a hash. */
enum { HASH_START = 0x811c9dc5 };
uint32_t	 hash_str(uint32_t hash, struct str);

#endif
