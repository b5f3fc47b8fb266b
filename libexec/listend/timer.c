#include "timer.h"

#include <stdbool.h>
#include <stddef.h>

struct queue {
	struct timer	*head, *tail;
	int64_t		 ms;
};

static struct queue	queues[TIMER_KINDS] = {
	[TIMER_PROXY]		= { .ms = 10 * 1000 },
	[TIMER_HANDSHAKE]	= { .ms = 60 * 1000 },
	[TIMER_REFUSED]		= { .ms = 10 * 1000 },
	[TIMER_RETRY]		= { .ms = 50 },
	[TIMER_SPAWN]		= { .ms = 20 * 1000 },
	[TIMER_IDLE]		= { .ms = 31 * 60 * 1000 },
	[TIMER_STALL]		= { .ms = 5 * 60 * 1000 },
	[TIMER_LINGER]		= { .ms = 2 * 1000 },
};
static int64_t		now_ms;

void
timers_turn(int64_t now)
{
	now_ms = now;
}

int64_t
timers_now(void)
{
	return now_ms;
}

void
timers_lasts(enum timer_kind kind, int64_t ms)
{
	queues[kind].ms = ms;
}

int64_t
timer_ms(enum timer_kind kind)
{
	return queues[kind].ms;
}

static void
unlink_timer(struct timer *t)
{
	struct queue	*q = &queues[t->kind];

	if (t->prev != NULL)
		t->prev->next = t->next;
	else
		q->head = t->next;
	if (t->next != NULL)
		t->next->prev = t->prev;
	else
		q->tail = t->prev;
	t->next = t->prev = NULL;
	t->kind = TIMER_NONE;
}

static void
append_timer(struct timer *t, enum timer_kind kind)
{
	struct queue	*q = &queues[kind];

	t->kind = kind;
	t->prev = q->tail;
	t->next = NULL;
	t->queued = now_ms;
	if (q->tail != NULL)
		q->tail->next = t;
	else
		q->head = t;
	q->tail = t;
}

void
timer_set(struct timer *t, enum timer_kind kind)
{
	t->since = now_ms;
	/* a session's every line starts it anew: no work for that, see timers_run() */
	if (t->kind == kind)
		return;
	if (t->kind != TIMER_NONE)
		unlink_timer(t);
	if (kind != TIMER_NONE)
		append_timer(t, kind);
}

void
timers_run(void)
{
	for (enum timer_kind k = TIMER_NONE + 1; k < TIMER_KINDS; k++) {
		struct timer	*t;

		while ((t = queues[k].head) != NULL && now_ms - t->queued >= queues[k].ms) {
			bool	over = now_ms - t->since >= queues[k].ms;

			unlink_timer(t);
			if (over) {
				t->over(t->of);
				continue;
			}
			/* started anew since it was queued: at most twice as patient */
			append_timer(t, k);
			t->queued = t->since;
		}
	}
}

int
timers_next(int max)
{
	int64_t	least = max;

	for (enum timer_kind k = TIMER_NONE + 1; k < TIMER_KINDS; k++) {
		int64_t	left;

		if (queues[k].head == NULL)
			continue;
		left = queues[k].head->queued + queues[k].ms - now_ms;
		if (left < least)
			least = left;
	}
	return least < 0 ? 0 : (int)least;
}
