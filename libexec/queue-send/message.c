#include <errno.h>
#include <stdlib.h>

#include "heap.h"
#include "queue-send.h"
#include "sys/fd.h"
#include "sys/log.h"

enum {
	BUCKETS		= 1024,
	TURN		= 200,	/* messages looked at before workers are heard again */
};

bool
rcpt_is_over(const struct rcpt *r)
{
	return spool_is_final((enum spool_state)r->state) && !r->success;
}

static bool
is_waiting(const struct rcpt *r)
{
	return (r->state == SPOOL_WAITING || r->state == SPOOL_TRYING) && r->phase == PHASE_WAIT;
}

/* --- by name */

static struct message **
bucket_of(const struct queue *q, struct str id)
{
	return &q->bucket[hash_str(HASH_START, id) & (q->buckets - 1)];
}

struct message *
message_find(const struct queue *q, struct str id)
{
	struct message	*m;

	if (q->buckets == 0)
		return NULL;
	for (m = *bucket_of(q, id); m != NULL; m = m->chain)
		if (str_eq(str_c(m->id), id))
			return m;
	return NULL;
}

static void
grow(struct queue *q)
{
	size_t		  old = q->buckets;
	struct message	**was = q->bucket, **b = calloc(old == 0 ? BUCKETS : old * 2, sizeof(b[0]));

	if (b == NULL)
		return;
	q->bucket = b;
	q->buckets = old == 0 ? BUCKETS : old * 2;
	for (size_t i = 0; i < old; i++)
		while (was[i] != NULL) {
			struct message	*m = was[i], **at = bucket_of(q, str_c(m->id));

			was[i] = m->chain;
			m->chain = *at;
			*at = m;
		}
	free(was);
}

bool
message_add(struct queue *q, struct message *m)
{
	struct message	**at;

	if (q->nmessage >= q->buckets)
		grow(q);
	if (q->buckets == 0 || !heap_reserve(q))
		return false;
	at = bucket_of(q, str_c(m->id));
	m->chain = *at;
	*at = m;
	q->nmessage++;
	return true;
}

void
message_free(struct queue *q, struct message *m)
{
	struct dialed	*d;

	while ((d = m->dialed) != NULL) {
		m->dialed = d->next;
		name_drop(&q->names, d->dest);
		free(d);
	}
	for (uint32_t i = 0; i < m->nrcpt; i++)
		name_drop(&q->names, m->rcpt[i].domain);
	name_drop(&q->names, m->account);
	name_drop(&q->names, m->from_domain);
	free(m);
}

/* Out of memory with it; none of its recipients is busy. The files stay. */
static void
message_forget(struct queue *q, struct message *m)
{
	struct message	**at = bucket_of(q, str_c(m->id));

	while (*at != m)
		at = &(*at)->chain;
	*at = m->chain;
	q->nmessage--;
	heap_remove(q, m);
	for (uint32_t i = 0; i < m->nrcpt; i++)
		if (m->rcpt[i].phase == PHASE_DUE)
			dest_remove(q, &m->rcpt[i]);
	message_free(q, m);
}

void
messages_free(struct queue *q)
{
	for (size_t i = 0; i < q->buckets; i++)
		while (q->bucket[i] != NULL)
			message_forget(q, q->bucket[i]);
	free(q->bucket);
	free(q->heap);
}

static int
by_age(const void *a, const void *b)
{
	return memcmp(a, b, SPOOL_ID);
}

char *
message_ids(const struct queue *q, size_t *n_r)
{
	char	*ids = calloc(q->nmessage, SPOOL_ID + 1);

	*n_r = 0;
	for (size_t i = 0; ids != NULL && i < q->buckets; i++)
		for (struct message *m = q->bucket[i]; m != NULL; m = m->chain)
			if (m->nrcpt > 0)
				memcpy(ids + (*n_r)++ * (SPOOL_ID + 1), m->id, SPOOL_ID + 1);
	if (*n_r > 0)
		qsort(ids, *n_r, SPOOL_ID + 1, by_age);
	return ids;
}

/* --- its file */

void
message_complain(const char *event, const char *id, int err)
{
	struct log	l;

	log_start(&l, event);
	log_cstr(&l, "msg", id);
	log_err(&l, err);
	log_end(&l);
}

/* Its file is gone: whoever removed it meant it. */
static void
vanish(struct queue *q, struct message *m)
{
	message_complain("vanished", m->id, ENOENT);
	for (uint32_t i = 0; i < m->nrcpt; i++) {
		struct rcpt	*r = &m->rcpt[i];

		if (r->phase == PHASE_DUE)
			dest_remove(q, r);
		if (r->phase == PHASE_WAIT) {
			r->state = SPOOL_DROPPED;
			r->success = false;
		}
	}
}

int
message_read(struct queue *q, struct message *m, struct envelope *e, int *fd_r)
{
	int	err;

	if (spool_read(&q->spool, m->id, &q->arena, e, fd_r) == 0 && e->nrcpt == m->nrcpt)
		return 0;
	if (*fd_r != -1) {
		(void)fd_close(fd_r);
		errno = EPROTO;
	}
	err = errno;
	if (err == ENOENT)
		vanish(q, m);
	else
		message_complain("not-read", m->id, err);
	errno = err;
	return -1;
}

/* --- when */

/* Delivered, which the log does not know yet: a full disk is not full for ever. */
static void
note_again(struct queue *q, struct message *m)
{
	for (uint32_t i = 0; i < m->nrcpt; i++) {
		struct spool_entry	e = { .event = SPOOL_EV_OK, .at = q->now, .rcpt = &i, .nrcpt = 1 };

		if (m->rcpt[i].unnoted && spool_note(&q->spool, m->id, &e, true) == 0)
			m->rcpt[i].unnoted = false;
	}
}

/* What is left of it is nothing: away with the files. */
static bool
finish(struct queue *q, struct message *m)
{
	if (m->nbusy > 0)
		return false;
	for (uint32_t i = 0; i < m->nrcpt; i++)
		if (!rcpt_is_over(&m->rcpt[i]))
			return false;
	if (spool_remove(&q->spool, m->id) == 0) {
		message_forget(q, m);
		return true;
	}
	message_complain("not-removed", m->id, errno);
	note_again(q, m);
	m->tell_at = q->now + q->again;
	heap_set(q, m, m->tell_at);
	return true;
}

void
message_settle(struct queue *q, struct message *m)
{
	int64_t	due = INT64_MAX;
	bool	tell = false;

	if (m->nrcpt == 0 || finish(q, m))
		return;
	for (uint32_t i = 0; i < m->nrcpt; i++) {
		const struct rcpt	*r = &m->rcpt[i];

		tell = tell || r->unnoted || rcpt_to_tell(m, r);
		if (is_waiting(r) && !r->held && r->due.at < due)
			due = r->due.at;
	}
	if (!tell)
		m->tell_at = INT64_MAX;
	else if (m->tell_at == INT64_MAX)
		m->tell_at = q->now;
	heap_set(q, m, due < m->tell_at ? due : m->tell_at);
}

static void
send_on(struct queue *q, struct message *m, struct rcpt *r)
{
	struct route	route;

	arena_reset(&q->arena);
	route_find(q, m, r, &route);
	if (route.to == ROUTE_LATER || !dest_add(q, r, &route))
		r->due = (struct due){ .at = q->now + q->again, .wait = q->again };
}

static void
look_at(struct queue *q, struct message *m)
{
	if (m->tell_at <= q->now) {
		m->tell_at = q->now + q->again;
		note_again(q, m);
		notify_message(q, m);
	}
	for (uint32_t i = 0; i < m->nrcpt && !q->stopping; i++) {
		struct rcpt	*r = &m->rcpt[i];

		if (is_waiting(r) && !r->held && r->due.at <= q->now)
			send_on(q, m, r);
	}
	message_settle(q, m);
}

void
messages_due(struct queue *q)
{
	for (unsigned n = 0; n < TURN && q->nheap > 0 && q->heap[0]->due <= q->now; n++)
		look_at(q, q->heap[0]);
}

int64_t
messages_next(const struct queue *q)
{
	return q->nheap == 0 ? INT64_MAX : q->heap[0]->due;
}

void
messages_mend(struct queue *q)
{
	size_t	n;
	char	*ids = message_ids(q, &n);

	for (size_t i = 0; i < n; i++) {
		struct message	*m = message_find(q, str_c(ids + i * (SPOOL_ID + 1)));
		bool		 changed = m->tell_at != INT64_MAX && m->tell_at > q->now + q->again;

		if (changed)
			m->tell_at = q->now + q->again;
		for (uint32_t k = 0; k < m->nrcpt; k++)
			changed = schedule_mend(&m->rcpt[k].due, q->now) || changed;
		if (changed)
			message_settle(q, m);
	}
	free(ids);
}

/* --- what workers told */

struct str
message_dialed(const struct message *m, const struct name *dest)
{
	for (const struct dialed *d = m->dialed; d != NULL; d = d->next)
		if (d->dest == dest)
			return str_n(d->text, d->n);
	return STR("");
}

void
message_keep_dialed(struct message *m, struct name *dest, struct str text)
{
	struct dialed	**at = &m->dialed, *d;

	if (text.n == 0)
		return;
	while (*at != NULL && (*at)->dest != dest)
		at = &(*at)->next;
	d = realloc(*at, sizeof(*d) + text.n);
	if (d == NULL)
		return;
	if (*at == NULL) {
		d->next = NULL;
		d->dest = name_again(dest);
	}
	d->n = text.n;
	memcpy(d->text, text.p, text.n);
	*at = d;
}
