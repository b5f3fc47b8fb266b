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

static bool
add(struct queue *q, struct message *m)
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

static void
free_message(struct queue *q, struct message *m)
{
	struct dialed	*d;

	while ((d = m->dialed) != NULL) {
		m->dialed = d->next;
		name_drop(&q->names, d->domain);
		free(d);
	}
	for (uint32_t i = 0; i < m->nrcpt; i++)
		name_drop(&q->names, m->rcpt[i].domain);
	name_drop(&q->names, m->account);
	name_drop(&q->names, m->from_domain);
	free(m);
}

void
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
	free_message(q, m);
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

/* --- from its files */

/* What the log tells of the times, beside what spool_replay() makes of it. */
struct told {
	const struct envelope	*e;
	int64_t			*set;	/* when the time to come was set */
	bool			*by_hand, *told;
};

static void
take_entry(void *arg, const struct spool_entry *e)
{
	struct told	*t = arg;

	for (size_t i = 0; i < e->nrcpt; i++) {
		uint32_t	r = e->rcpt[i];

		if (r >= t->e->nrcpt)
			continue;
		if (e->event == SPOOL_EV_TRY || e->event == SPOOL_EV_DEFER || e->event == SPOOL_EV_RETRY) {
			t->set[r] = e->at;
			t->by_hand[r] = e->event == SPOOL_EV_RETRY;
		}
		t->told[r] = t->told[r] || e->event == SPOOL_EV_TOLD;
	}
}

/* Due at once, in the order of arrival; or when the sender asked for it. */
static struct due
first_due(const struct queue *q, const struct envelope *e)
{
	if (e->not_before > 0)
		return schedule_due(q->now, e->queued, e->not_before, UINT32_MAX);
	return (struct due){ .at = e->queued < q->now ? e->queued : q->now };
}

static bool
fill_rcpt(struct queue *q, struct rcpt *r, const struct envelope_rcpt *er, const struct spool_rcpt *sr)
{
	bool	with_local = er->address.n > er->domain.n;

	r->state = (uint8_t)sr->state;
	r->attempts = (uint8_t)(sr->attempts < UINT8_MAX ? sr->attempts : UINT8_MAX);
	r->notify = (uint8_t)er->notify;
	r->held = sr->held;
	r->delayed = sr->delayed;
	r->account = er->account.n > 0;
	r->postmaster = er->domain.n == 0 ||
	    (with_local && str_ieq(str_head(er->address, er->address.n - er->domain.n - 1), STR("postmaster")));
	r->domain = name_hold(&q->names, er->domain);
	return r->domain != NULL;
}

static bool
fill(struct queue *q, struct message *m, const struct envelope *e, const struct spool_rcpt *sr, const struct told *t)
{
	struct str	domain = str_skip(e->from, str_rchr(e->from, '@') + 1);

	memcpy(m->id, e->id, sizeof(m->id));
	m->queued = e->queued;
	m->heap_at = NOWHERE;
	m->tell_at = INT64_MAX;
	m->null_path = e->from.n == 0;
	m->account = name_hold(&q->names, e->account);
	m->from_domain = name_hold(&q->names, domain);
	for (uint32_t i = 0; i < e->nrcpt; i++) {
		struct rcpt	*r = &m->rcpt[i];

		r->index = i;
		if (!fill_rcpt(q, r, &e->rcpt[i], &sr[i]))
			return false;
		r->due = t->set[i] == 0 ? first_due(q, e) : schedule_due(q->now, t->set[i], sr[i].next,
		    t->by_hand[i] ? UINT32_MAX : schedule_most(q->base, r->attempts));
		r->success = sr[i].state == SPOOL_DELIVERED && !t->told[i] && !m->null_path &&
		    (r->notify & SMTP_NOTIFY_SUCCESS) != 0 && (sr[i].result.local || !sr[i].result.dsn);
	}
	return m->account != NULL && m->from_domain != NULL;
}

static struct message *
make(struct queue *q, const struct envelope *e)
{
	struct message		*m = calloc(1, sizeof(*m) + e->nrcpt * sizeof(m->rcpt[0]));
	struct spool_rcpt	*sr = arena_array(&q->arena, e->nrcpt, sizeof(sr[0]));
	struct told		 t = { .e = e };

	t.set = arena_array(&q->arena, e->nrcpt, sizeof(t.set[0]));
	t.by_hand = arena_array(&q->arena, e->nrcpt, sizeof(t.by_hand[0]));
	t.told = arena_array(&q->arena, e->nrcpt, sizeof(t.told[0]));
	errno = ENOMEM;
	if (m == NULL || sr == NULL || t.set == NULL || t.by_hand == NULL || t.told == NULL ||
	    spool_replay(&q->spool, e->id, &q->arena, sr, e->nrcpt, take_entry, &t) == -1) {
		free(m);
		return NULL;
	}
	m->nrcpt = (uint32_t)e->nrcpt;
	errno = ENOMEM;
	if (fill(q, m, e, sr, &t) && add(q, m))
		return m;
	free_message(q, m);
	return NULL;
}

/* A file that is none of ours: said once, and left for people to look at. */
static void
mark_damaged(struct queue *q, const char *id)
{
	struct message	*m = calloc(1, sizeof(*m));

	if (m == NULL)
		return;
	memcpy(m->id, id, SPOOL_ID);
	m->heap_at = NOWHERE;
	m->due = m->tell_at = INT64_MAX;
	if (!add(q, m))
		free(m);
}

static void
complain(const char *event, const char *id, int err)
{
	struct log	l;

	log_start(&l, event);
	log_cstr(&l, "msg", id);
	log_err(&l, err);
	log_end(&l);
}

void
message_load(struct queue *q, const char *id)
{
	struct message	*m = NULL;
	struct envelope	 e;
	int		 fd = -1;

	if (message_find(q, str_c(id)) != NULL)
		return;
	arena_reset(&q->arena);
	if (spool_read(&q->spool, id, &q->arena, &e, &fd) == 0)
		m = make(q, &e);
	if (m != NULL)
		message_settle(q, m);
	else if (errno == EPROTO) {
		complain("damaged", id, errno);
		mark_damaged(q, id);
	} else if (errno != ENOENT)
		complain("not-read", id, errno);
	(void)fd_close(&fd);
}

/* Its file is gone: whoever removed it meant it. */
static void
vanish(struct queue *q, struct message *m)
{
	complain("vanished", m->id, ENOENT);
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
		complain("not-read", m->id, err);
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
	complain("not-removed", m->id, errno);
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
message_dialed(const struct message *m, const struct name *domain)
{
	for (const struct dialed *d = m->dialed; d != NULL; d = d->next)
		if (d->domain == domain)
			return str_n(d->text, d->n);
	return STR("");
}

void
message_keep_dialed(struct message *m, struct name *domain, struct str text)
{
	struct dialed	**at = &m->dialed, *d;

	if (text.n == 0)
		return;
	while (*at != NULL && (*at)->domain != domain)
		at = &(*at)->next;
	d = realloc(*at, sizeof(*d) + text.n);
	if (d == NULL)
		return;
	if (*at == NULL) {
		d->next = NULL;
		d->domain = name_again(domain);
	}
	d->n = text.n;
	memcpy(d->text, text.p, text.n);
	*at = d;
}
