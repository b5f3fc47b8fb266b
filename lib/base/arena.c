#include "arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>

enum { ARENA_BLOCK = 4096 - 64 };	/* one page with malloc's own part */

struct arena_block {
	struct arena_block	*next;
	size_t			 size;
	size_t			 used;
	alignas(max_align_t) char data[];
};

void
arena_init(struct arena *a, size_t max)
{
	*a = (struct arena)ARENA_INIT(max);
}

void
arena_free(struct arena *a)
{
	struct arena_block	*b, *next;

	for (b = a->blocks; b != NULL; b = next) {
		next = b->next;
		free(b);
	}
	arena_init(a, a->max);
}

void
arena_reset(struct arena *a)
{
	struct arena_block	*keep = NULL, *b, *next;

	for (b = a->blocks; b != NULL; b = next) {
		next = b->next;
		if (keep == NULL && b->size == ARENA_BLOCK)
			keep = b;
		else
			free(b);
	}
	if (keep != NULL) {
		keep->next = NULL;
		keep->used = 0;
	}
	a->blocks = keep;
	a->used = 0;
}

static struct arena_block *
arena_grow(struct arena *a, size_t n)
{
	size_t			 size = n > ARENA_BLOCK ? n : ARENA_BLOCK;
	struct arena_block	*b;

	if (size > SIZE_MAX - sizeof(*b))
		return NULL;
	b = malloc(sizeof(*b) + size);
	if (b == NULL)
		return NULL;
	*b = (struct arena_block){ .next = a->blocks, .size = size };
	a->blocks = b;
	return b;
}

void *
arena_alloc(struct arena *a, size_t n)
{
	const size_t		 align = alignof(max_align_t);
	struct arena_block	*b = a->blocks;
	void			*p;

	if (n == 0)
		n = 1;
	if (n > a->max - a->used)
		return NULL;
	if (n % align != 0)
		n += align - n % align;
	if (b == NULL || n > b->size - b->used)
		b = arena_grow(a, n);
	if (b == NULL)
		return NULL;
	p = b->data + b->used;
	b->used += n;
	/* rounding may pass the maximum by less than one alignment */
	a->used = n > a->max - a->used ? a->max : a->used + n;
	return memset(p, 0, n);
}

void *
arena_array(struct arena *a, size_t count, size_t size)
{
	if (size != 0 && count > SIZE_MAX / size)
		return NULL;
	return arena_alloc(a, count * size);
}

bool
arena_dup(struct arena *a, struct str s, struct str *out_r)
{
	char	*p = arena_alloc(a, s.n);

	if (p == NULL)
		return false;
	if (s.n > 0)
		memcpy(p, s.p, s.n);
	*out_r = (struct str){ p, s.n };
	return true;
}
