/*
 * uidset: a set of uids as ascending runs. A hundred thousand uids in a row
 * cost one run. Also a session's sequence numbers: the uid at a place, and the
 * place of a uid, by binary search.
 */
#ifndef STORE_UIDSET_H
#define STORE_UIDSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct uidrun {
	uint32_t	first, last;	/* both inside */
	uint32_t	before;		/* how many uids stand in earlier runs */
};

struct uidset {
	struct uidrun	*runs;
	size_t		 n, cap;
	bool		 failed;	/* memory ran out; sticky */
};

#define UIDSET_INIT	{ .n = 0 }

void	uidset_free(struct uidset *);

/* Empty again; the memory stays. */
void	uidset_reset(struct uidset *);

/*
 * Add first..last (either order of runs is allowed; ascending is fast). What
 * is in the set already stays once. Uid 0 is never in a set.
 */
void	uidset_add(struct uidset *, uint32_t first, uint32_t last);

/* Take all of del out of the set. */
void	uidset_remove(struct uidset *, const struct uidset *del);

/* A copy: false when memory ran out. */
bool	uidset_copy(struct uidset *dst, const struct uidset *src) __attribute__((warn_unused_result));

bool		uidset_has(const struct uidset *, uint32_t uid);
uint32_t	uidset_count(const struct uidset *);

/* The i-th uid, counted from 0; 0 when there are fewer. */
uint32_t	uidset_nth(const struct uidset *, uint32_t i);

/* How many uids of the set are smaller than uid. */
uint32_t	uidset_below(const struct uidset *, uint32_t uid);

/* The first run that holds a uid >= uid: its index, or n. */
size_t		uidset_run(const struct uidset *, uint32_t uid);

/*
 * Step through: the smallest uid of the set that is > after, or 0.
 *	for (uint32_t u = 0; (u = uidset_next(&s, u)) != 0; )
 */
uint32_t	uidset_next(const struct uidset *, uint32_t after);

#endif
