#include <errno.h>
#include <stdlib.h>

#include "queue-send.h"
#include "sys/fd.h"

/* What the log tells of the times, beside what spool_replay() makes of it. */
struct told {
	struct queue		*q;
	struct message		*m;
	const struct envelope	*e;
	int64_t			*set;	/* when the time to come was set */
	bool			*by_hand, *told;
};

static void
take_entry(void *arg, const struct spool_entry *e)
{
	struct told	*t = arg;
	struct name	*dest = e->dialed.n > 0 ? name_hold(&t->q->names, e->dest) : NULL;

	if (dest != NULL) {
		message_keep_dialed(t->m, dest, e->dialed);
		name_drop(&t->q->names, dest);
	}
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
	struct told		 t = { .q = q, .m = m, .e = e };

	t.set = arena_array(&q->arena, e->nrcpt, sizeof(t.set[0]));
	t.by_hand = arena_array(&q->arena, e->nrcpt, sizeof(t.by_hand[0]));
	t.told = arena_array(&q->arena, e->nrcpt, sizeof(t.told[0]));
	errno = ENOMEM;
	if (m == NULL || sr == NULL || t.set == NULL || t.by_hand == NULL || t.told == NULL ||
	    spool_replay(&q->spool, e->id, &q->arena, sr, e->nrcpt, take_entry, &t) == -1) {
		if (m != NULL)
			message_free(q, m);
		return NULL;
	}
	m->nrcpt = (uint32_t)e->nrcpt;
	errno = ENOMEM;
	if (fill(q, m, e, sr, &t) && message_add(q, m))
		return m;
	message_free(q, m);
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
	if (!message_add(q, m))
		free(m);
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
		message_complain("damaged", id, errno);
		mark_damaged(q, id);
	} else if (errno != ENOENT)
		message_complain("not-read", id, errno);
	(void)fd_close(&fd);
}
