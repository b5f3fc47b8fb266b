#include "heap.h"

#include <stdlib.h>

enum { HEAP_FIRST = 256 };

static void
put(struct queue *q, uint32_t at, struct message *m)
{
	q->heap[at] = m;
	m->heap_at = at;
}

static void
up(struct queue *q, uint32_t at)
{
	struct message	*m = q->heap[at];

	while (at > 0 && q->heap[(at - 1) / 2]->due > m->due) {
		put(q, at, q->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	put(q, at, m);
}

static void
down(struct queue *q, uint32_t at)
{
	struct message	*m = q->heap[at];

	for (;;) {
		uint32_t	child = 2 * at + 1;

		if (child + 1 < q->nheap && q->heap[child + 1]->due < q->heap[child]->due)
			child++;
		if (child >= q->nheap || q->heap[child]->due >= m->due)
			break;
		put(q, at, q->heap[child]);
		at = child;
	}
	put(q, at, m);
}

void
heap_remove(struct queue *q, struct message *m)
{
	uint32_t	 at = m->heap_at;
	struct message	*last;

	if (at == NOWHERE)
		return;
	m->heap_at = NOWHERE;
	last = q->heap[--q->nheap];
	if (last == m)
		return;
	put(q, at, last);
	up(q, at);
	down(q, last->heap_at);
}

bool
heap_reserve(struct queue *q)
{
	uint32_t	 cap = q->heap_cap == 0 ? HEAP_FIRST : q->heap_cap * 2;
	struct message	**heap;

	if (q->nmessage < q->heap_cap)
		return true;
	heap = realloc(q->heap, cap * sizeof(heap[0]));
	if (heap == NULL)
		return false;
	q->heap = heap;
	q->heap_cap = cap;
	return true;
}

void
heap_set(struct queue *q, struct message *m, int64_t due)
{
	m->due = due;
	if (due == INT64_MAX) {
		heap_remove(q, m);
		return;
	}
	if (m->heap_at == NOWHERE)
		put(q, q->nheap++, m);
	up(q, m->heap_at);
	down(q, m->heap_at);
}
