/*
 * arena: memory that is freed all at once, of a message or a command, with a
 * maximum. A request over the maximum gives NULL: the caller refuses the peer.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "str.h"

struct arena_block;

struct arena {
	struct arena_block	*blocks;
	size_t			 used;	/* bytes handed out, with rounding */
	size_t			 max;
};

#define ARENA_INIT(limit)	{ .max = (limit) }

void	arena_init(struct arena *, size_t max);
void	arena_free(struct arena *);

/* Forget all that was handed out; one block is kept for reuse. */
void	arena_reset(struct arena *);

/* n zeroed bytes, aligned for anything; NULL over the maximum. */
void	*arena_alloc(struct arena *, size_t n) __attribute__((warn_unused_result));

/* count members of size bytes each, with the multiplication checked. */
void	*arena_array(struct arena *, size_t count, size_t size) __attribute__((warn_unused_result));

/* A copy of s that lives as long as the arena; false over the maximum. */
bool	arena_dup(struct arena *, struct str s, struct str *out_r) __attribute__((warn_unused_result));

#endif
