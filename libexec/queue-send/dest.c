#include <stdlib.h>

#include "client/conf.h"
#include "queue-send.h"

enum {
	WINDOW_FIRST	= 2,		/* workers of a destination that nothing is known of */
	LOCAL_WORKERS	= 4,		/* deliverd's own number: more would wait there */
	LIMIT_MS	= 10 * 60 * 1000,	/* how long a peer's limit of connections is remembered */
	ROW		= 20,		/* jobs in a row, before others get the place */
	SHARED_TURN	= 64,		/* of a verdict shared by many, in one turn of the loop */
};

/* --- lists */

void
link_init(struct link *l)
{
	l->next = l->prev = l;
}

void
link_add(struct link *list, struct link *l)
{
	l->prev = list->prev;
	l->next = list;
	list->prev->next = l;
	list->prev = l;
}

void
link_remove(struct link *l)
{
	l->prev->next = l->next;
	l->next->prev = l->prev;
	link_init(l);
}

static void
wait_in(struct waiting *w, struct dest *d)
{
	d->waits = w;
	d->waiting_next = NULL;
	if (w->first == NULL)
		w->first = d;
	else
		w->last->waiting_next = d;
	w->last = d;
}

static void
wait_no_more(struct dest *d)
{
	struct dest	**at = &d->waits->first, *before = NULL;

	while (*at != d) {
		before = *at;
		at = &before->waiting_next;
	}
	*at = d->waiting_next;
	if (d->waits->last == d)
		d->waits->last = before;
	d->waits = NULL;
}

static struct dest *
first_of(struct waiting *w)
{
	struct dest	*d = w->first;

	w->first = d->waiting_next;
	d->waits = NULL;
	return d;
}

void
dest_touch(struct queue *q, struct dest *d)
{
	if (d->is_touched)
		return;
	d->is_touched = true;
	d->touched_next = NULL;
	if (q->touched.first == NULL)
		q->touched.first = d;
	else
		q->touched.last->touched_next = d;
	q->touched.last = d;
}

/* --- doors */

void
doors_init(struct queue *q)
{
	q->door[DOOR_REMOTE] = (struct door){ .path = "run/queue-remote" };
	q->door[DOOR_LOCAL] = (struct door){ .path = "run/queue-local", .most = LOCAL_WORKERS };
	for (int i = 0; i < DOORS; i++)
		link_init(&q->door[i].idle);
	doors_configure(q);
}

void
doors_configure(struct queue *q)
{
	uint32_t	most = conf_machine(q->conf)->outgoing_connections;

	q->door[DOOR_REMOTE].most = most > 0 ? most : 1;
}

/* --- one destination */

static struct dest *
make(struct queue *q, struct name *key, const struct route *route)
{
	struct dest	*d = calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	d->key = name_again(key);
	d->kind = route->to == ROUTE_LOCAL ? DEST_LOCAL : route->to == ROUTE_REFUSE ? DEST_REFUSE : DEST_REMOTE;
	d->door = &q->door[d->kind == DEST_LOCAL ? DOOR_LOCAL : DOOR_REMOTE];
	d->window = WINDOW_FIRST;
	link_init(&d->due);
	if (d->kind == DEST_REFUSE) {
		d->verdict = calloc(1, sizeof(*d->verdict));
		if (d->verdict == NULL) {
			name_drop(&q->names, d->key);
			free(d);
			return NULL;
		}
		*d->verdict = route->verdict;
	}
	key->dest = d;
	return d;
}

/* Freed when nothing is left of it. */
static void
dest_release(struct queue *q, struct dest *d)
{
	if (d->ndue > 0 || d->workers > 0 || d->is_touched || d->waits != NULL)
		return;
	d->key->dest = NULL;
	name_drop(&q->names, d->key);
	free(d->verdict);
	free(d);
}

bool
dest_add(struct queue *q, struct rcpt *r, const struct route *route)
{
	struct name	*key = route_key(q, route, r);
	struct dest	*d;

	if (key == NULL)
		return false;
	d = key->dest != NULL ? key->dest : make(q, key, route);
	name_drop(&q->names, key);
	if (d == NULL)
		return false;
	r->phase = PHASE_DUE;
	r->dest = d;
	link_add(&d->due, &r->link);
	d->ndue++;
	dest_touch(q, d);
	return true;
}

void
dest_remove(struct queue *q, struct rcpt *r)
{
	link_remove(&r->link);
	r->phase = PHASE_WAIT;
	r->dest->ndue--;
	dest_touch(q, r->dest);
	r->dest = NULL;
}

/* --- how many workers */

static unsigned
most_workers(struct queue *q, const struct dest *d)
{
	unsigned	most = d->kind == DEST_LOCAL ? LOCAL_WORKERS : conf_machine(q->conf)->destination_connections;

	if (d->limit > 0 && clock_ms() < d->limit_until && d->limit < most)
		most = d->limit;
	return most > 0 ? most : 1;
}

/* All that is due is recipients of one message, for one job. */
static bool
is_one_job(const struct dest *d)
{
	return d->ndue <= JOB_RCPTS &&
	    rcpt_message((struct rcpt *)(void *)d->due.next) == rcpt_message((struct rcpt *)(void *)d->due.prev);
}

/* There is more to do than the workers that are coming will take at once. */
static bool
wants_worker(struct queue *q, const struct dest *d)
{
	unsigned	most = most_workers(q, d), ready = d->opening + d->idle;

	if (d->window < most)
		most = d->window;
	if (d->kind == DEST_REFUSE || d->nshared > 0 || d->ndue <= ready || d->workers >= most)
		return false;
	return ready == 0 || !is_one_job(d);
}

void
dest_went_well(struct queue *q, struct dest *d)
{
	if (d->window < most_workers(q, d))
		d->window++;
}

/*
 * With other connections standing, the peer only did not want one more: so many it
 * is for a while. Alone, the destination is down or will not talk to us, and what
 * is due there now shares the answer: one message asked for all.
 */
void
dest_unreached(struct queue *q, struct dest *d, const struct job_result *why)
{
	unsigned	others = d->workers - d->opening - 1;

	d->window = 1;
	if (others > 0) {
		d->limit = others;
		d->limit_until = clock_ms() + LIMIT_MS;
		return;
	}
	if (d->ndue == 0 || d->nshared > 0)
		return;
	if (d->verdict == NULL)
		d->verdict = calloc(1, sizeof(*d->verdict));
	if (d->verdict == NULL)
		return;		/* each asks for itself */
	verdict_set(d->verdict, why);
	d->nshared = d->ndue;
	dest_touch(q, d);
}

bool
dest_yields(struct queue *q, const struct dest *d, unsigned row)
{
	const struct door	*door = d->door;

	(void)q;
	return door->workers >= door->most && door->none.first != NULL && (d->workers > 1 || row >= ROW);
}

/* --- work */

/* Answers that need no worker, some at a time. */
static void
judge(struct queue *q, struct dest *d)
{
	struct batch	b;
	unsigned	n = 0;

	while (n < SHARED_TURN && (d->kind == DEST_REFUSE || d->nshared > 0) && batch_take(q, d, &b)) {
		if (d->kind != DEST_REFUSE)
			d->nshared -= b.n < d->nshared ? b.n : d->nshared;
		n++;
		batch_judge(q, &b, d->verdict);
	}
	if (d->ndue == 0)
		d->nshared = 0;
}

static struct worker *
idle_worker(struct queue *q, const struct dest *d)
{
	for (struct worker *w = q->workers; w != NULL; w = w->next)
		if (w->dest == d && w->state == WORKER_IDLE)
			return w;
	return NULL;
}

static void
feed(struct queue *q, struct dest *d)
{
	struct worker	*w;

	if (d->kind == DEST_REFUSE || d->nshared > 0) {
		judge(q, d);
		if (d->ndue > 0)
			dest_touch(q, d);
		return;
	}
	while (d->ndue > 0 && d->idle > 0 && (w = idle_worker(q, d)) != NULL)
		worker_feed(q, w);
	/* its last worker is gone: it is among those that are helped first again */
	if (d->waits == &d->door->more && d->workers == 0)
		wait_no_more(d);
	if (wants_worker(q, d) && d->waits == NULL)
		wait_in(d->workers == 0 ? &d->door->none : &d->door->more, d);
}

/* Room for one more; an idle worker of others is sent away for it. */
static bool
make_room(struct queue *q, struct door *door)
{
	if (door->workers < door->most)
		return true;
	if (door->idle.next == &door->idle)
		return false;
	worker_close(q, (struct worker *)(void *)door->idle.next);
	return true;
}

static void
open_workers(struct queue *q, struct door *door)
{
	struct dest	*d;

	while ((door->none.first != NULL || door->more.first != NULL) && clock_ms() >= door->again && make_room(q, door)) {
		d = first_of(door->none.first != NULL ? &door->none : &door->more);
		if (wants_worker(q, d) && worker_open(q, d) == 0 && wants_worker(q, d))
			wait_in(&door->more, d);
		else
			dest_touch(q, d);
	}
}

/* Once through those that were touched by now; who is touched meanwhile comes in the next turn. */
void
dests_dispatch(struct queue *q)
{
	struct dest	*d = q->touched.first, *next;

	q->touched = (struct waiting){ NULL, NULL };
	for (; d != NULL; d = next) {
		next = d->touched_next;
		d->is_touched = false;
		if (!q->stopping)
			feed(q, d);
		dest_release(q, d);
	}
	for (int i = 0; i < DOORS && !q->stopping; i++)
		open_workers(q, &q->door[i]);
}

void
dests_free(struct queue *q)
{
	for (int i = 0; i < DOORS; i++) {
		while (q->door[i].none.first != NULL)
			dest_touch(q, first_of(&q->door[i].none));
		while (q->door[i].more.first != NULL)
			dest_touch(q, first_of(&q->door[i].more));
	}
	dests_dispatch(q);
}
