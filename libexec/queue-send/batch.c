#include <errno.h>

#include "queue-send.h"
#include "sys/fd.h"
#include "sys/log.h"

struct message *
rcpt_message(struct rcpt *r)
{
	struct rcpt	*first = r - r->index;

	return (struct message *)(void *)((char *)first - offsetof(struct message, rcpt));
}

static struct rcpt *
rcpt_of(const struct batch *b, unsigned i)
{
	return &b->m->rcpt[b->rcpt[i]];
}

/* --- taking and giving back */

static void
take(struct batch *b, struct rcpt *r)
{
	link_remove(&r->link);
	r->dest->ndue--;
	r->phase = PHASE_BUSY;
	b->m->nbusy++;
	b->rcpt[b->n++] = r->index;
}

bool
batch_take(struct queue *q, struct dest *d, struct batch *b)
{
	struct rcpt	*first;

	(void)q;
	if (d->due.next == &d->due)
		return false;
	first = (struct rcpt *)(void *)d->due.next;
	*b = (struct batch){ .m = rcpt_message(first), .dest = d, .attempt = first->attempts + !first->noted };
	for (uint32_t i = first->index; i < b->m->nrcpt && b->n < JOB_RCPTS; i++) {
		struct rcpt	*r = &b->m->rcpt[i];

		if (r->phase == PHASE_DUE && r->dest == d && r->attempts == first->attempts && r->noted == first->noted)
			take(b, r);
	}
	return true;
}

static void
give_back(struct batch *b, unsigned i)
{
	struct rcpt	*r = rcpt_of(b, i);

	r->phase = PHASE_WAIT;
	r->dest = NULL;
	b->m->nbusy--;
}

/* Due again, behind those that wait. */
static void
return_from(struct queue *q, struct batch *b, unsigned from)
{
	for (unsigned i = from; i < b->n; i++) {
		struct rcpt	*r = rcpt_of(b, i);

		r->phase = PHASE_DUE;
		b->m->nbusy--;
		if (r->held) {
			r->phase = PHASE_WAIT;
			r->dest = NULL;
			continue;
		}
		link_add(&b->dest->due, &r->link);
		b->dest->ndue++;
	}
	b->n = from;
	dest_touch(q, b->dest);
}

void
batch_shorten(struct queue *q, struct batch *b, unsigned n)
{
	return_from(q, b, n);
}

void
batch_return(struct queue *q, struct batch *b)
{
	return_from(q, b, 0);
	message_settle(q, b->m);
}

void
batch_postpone(struct queue *q, struct batch *b, int64_t seconds)
{
	for (unsigned i = 0; i < b->n; i++) {
		give_back(b, i);
		rcpt_of(b, i)->due = (struct due){ .at = q->now + seconds, .wait = (uint32_t)seconds };
	}
	dest_touch(q, b->dest);
	message_settle(q, b->m);
}

/* --- the attempt */

static void
complain(const char *event, const struct batch *b, int err)
{
	struct log	l;

	log_start(&l, event);
	log_cstr(&l, "msg", b->m->id);
	log_err(&l, err);
	log_end(&l);
}

static int
note(struct queue *q, const struct batch *b, struct spool_entry *e, bool sync)
{
	e->at = q->now;
	if (spool_note(&q->spool, b->m->id, e, sync) == 0)
		return 0;
	complain("not-noted", b, errno);
	return -1;
}

int
batch_try(struct queue *q, struct batch *b)
{
	struct spool_entry	e = { .event = SPOOL_EV_TRY, .rcpt = b->rcpt, .nrcpt = b->n, .attempt = b->attempt };
	int64_t			wait = schedule_backoff(q->base, b->attempt - 1, q->random);

	q->random = q->random * 1664525 + 1013904223;
	e.next = b->next = q->now + wait;
	if (!rcpt_of(b, 0)->noted && note(q, b, &e, false) == -1) {
		batch_postpone(q, b, q->again);
		return -1;
	}
	for (unsigned i = 0; i < b->n; i++) {
		struct rcpt	*r = rcpt_of(b, i);

		r->state = SPOOL_TRYING;
		r->attempts = (uint8_t)(b->attempt < UINT8_MAX ? b->attempt : UINT8_MAX);
		r->noted = true;
		r->due = (struct due){ .at = b->next, .wait = (uint32_t)wait };
	}
	return 0;
}

/* --- what came of it */

static enum spool_event
event_of(const struct batch *b, const struct job_result *r)
{
	if (r->got == JOB_OK)
		return SPOOL_EV_OK;
	return r->got == JOB_PERM || b->attempt >= SCHEDULE_ATTEMPTS ? SPOOL_EV_FAIL : SPOOL_EV_DEFER;
}

static void
log_result(const struct queue *q, const struct batch *b, unsigned i, const struct job *j, const struct job_result *r)
{
	static const char *const	words[] = { [SPOOL_EV_OK] = "delivered", [SPOOL_EV_DEFER] = "deferred", [SPOOL_EV_FAIL] = "failed" };
	enum spool_event		event = event_of(b, r);
	struct log			l;

	log_start(&l, words[event]);
	log_cstr(&l, "msg", b->m->id);
	log_str(&l, "from", j->from);
	log_str(&l, "to", j->rcpt[i].address);
	log_num(&l, "attempt", b->attempt);
	if (r->host.n > 0)
		log_str(&l, "host", r->host);
	if (r->ip.n > 0)
		log_str(&l, "ip", r->ip);
	if (r->code != 0)
		log_num(&l, "code", r->code);
	log_str(&l, "status", r->status);
	if (r->tls.n > 0)
		log_str(&l, "tls", r->tls);
	log_num(&l, "delay", q->now > b->m->queued ? q->now - b->m->queued : 0);
	if (event == SPOOL_EV_DEFER)
		log_num(&l, "next", b->next);
	log_str(&l, "text", r->text);
	log_end(&l);
}

static void
apply(struct batch *b, unsigned i, enum spool_event event, const struct job_result *res)
{
	struct rcpt	*r = rcpt_of(b, i);

	give_back(b, i);
	r->noted = false;
	if (event == SPOOL_EV_DEFER)
		r->state = SPOOL_WAITING;
	else if (event == SPOOL_EV_FAIL)
		r->state = SPOOL_FAILED;
	else {
		r->state = SPOOL_DELIVERED;
		r->unnoted = true;
		r->success = !b->m->null_path && (r->notify & SMTP_NOTIFY_SUCCESS) != 0 && (res->local || !res->dsn);
	}
}

static bool
same_result(const struct job_result *a, const struct job_result *b)
{
	return a->got == b->got && a->code == b->code && a->dsn == b->dsn && a->local == b->local &&
	    str_eq(a->status, b->status) && str_eq(a->text, b->text) && str_eq(a->host, b->host) &&
	    str_eq(a->ip, b->ip) && str_eq(a->tls, b->tls);
}

/* One event for all that have the result of the i-th. */
static void
note_result(struct queue *q, struct batch *b, const struct job_done *d, unsigned i, bool *done)
{
	uint32_t		which[JOB_RCPTS];
	const struct job_result	*res = d->result, *r = &res[i];
	struct spool_entry	e = { .event = event_of(b, r), .rcpt = which, .next = b->next,
	    .result = { .host = r->host, .ip = r->ip, .code = r->code, .status = r->status,
	        .text = r->text, .tls = r->tls, .dsn = r->dsn, .local = r->local },
	    .dest = name_str(b->dest->key), .dialed = d->dialed };
	bool			delivered = e.event == SPOOL_EV_OK ||
	    (e.event == SPOOL_EV_DEFER && b->dest->kind == DEST_LOCAL && d->dialed.n > 0);

	for (unsigned k = i; k < b->n; k++)
		if (!done[k] && same_result(r, &res[k])) {
			done[k] = true;
			which[e.nrcpt++] = b->rcpt[k];
		}
	/* synced: what was delivered, also to some members of an alias, must not go out again after a power cut */
	if (note(q, b, &e, delivered) == -1)
		return;
	for (size_t k = 0; k < e.nrcpt; k++)
		b->m->rcpt[which[k]].unnoted = false;
}

/* What cannot be taken back comes first. */
static void
note_results(struct queue *q, struct batch *b, const struct job_done *d)
{
	const struct job_result	*res = d->result;
	bool			 done[JOB_RCPTS] = { false };

	for (unsigned i = 0; i < b->n; i++)
		if (!done[i] && res[i].got == JOB_OK)
			note_result(q, b, d, i, done);
	for (unsigned i = 0; i < b->n; i++)
		if (!done[i])
			note_result(q, b, d, i, done);
}

/* All went well and nobody else is waiting: the removal of the files says it. */
static bool
is_finished(const struct message *m)
{
	for (uint32_t i = 0; i < m->nrcpt; i++)
		if (!rcpt_is_over(&m->rcpt[i]))
			return false;
	return true;
}

void
batch_done(struct queue *q, struct batch *b, const struct job *j, const struct job_done *d)
{
	for (unsigned i = 0; i < b->n; i++) {
		log_result(q, b, i, j, &d->result[i]);
		apply(b, i, event_of(b, &d->result[i]), &d->result[i]);
	}
	if (!is_finished(b->m))
		note_results(q, b, d);
	message_keep_dialed(b->m, b->dest->key, d->dialed);
	dest_touch(q, b->dest);
	message_settle(q, b->m);
}

void
batch_all(struct queue *q, struct batch *b, const struct job *j, const struct job_result *res)
{
	struct job_result	all[JOB_RCPTS];
	struct job_done		d = { .result = all, .nresult = b->n };

	for (unsigned i = 0; i < b->n; i++)
		all[i] = *res;
	batch_done(q, b, j, &d);
}

void
batch_abandon(struct queue *q, struct batch *b)
{
	struct spool_entry	e = { .event = SPOOL_EV_DEFER, .rcpt = b->rcpt, .nrcpt = b->n, .next = q->now,
	    .result = { .status = STR("4.3.2"), .text = STR("the queue was stopped while this was being delivered") } };
	struct log		l;

	log_start(&l, "interrupted");
	log_cstr(&l, "msg", b->m->id);
	log_num(&l, "recipients", b->n);
	log_num(&l, "attempt", b->attempt);
	log_end(&l);
	/* not noted: it is due when the back-off is over, which is well too */
	(void)!note(q, b, &e, false);
	for (unsigned i = 0; i < b->n; i++) {
		give_back(b, i);
		rcpt_of(b, i)->state = SPOOL_WAITING;
		rcpt_of(b, i)->noted = false;
		rcpt_of(b, i)->due = (struct due){ .at = q->now };
	}
	message_settle(q, b->m);
}

/* --- without a worker */

void
verdict_set(struct verdict *v, const struct job_result *r)
{
	*v = (struct verdict){ .perm = r->got == JOB_PERM, .code = r->code };
	if (!str_copy(str_head(r->status, sizeof(v->status) - 1), v->status, sizeof(v->status)) ||
	    !str_copy(str_head(r->text, sizeof(v->text) - 1), v->text, sizeof(v->text)) ||
	    !str_copy(str_head(r->host, sizeof(v->host) - 1), v->host, sizeof(v->host)) ||
	    !str_copy(str_head(r->ip, sizeof(v->ip) - 1), v->ip, sizeof(v->ip)))
		v->text[0] = '\0';
}

static struct job_result
verdict_result(const struct verdict *v)
{
	return (struct job_result){ .got = v->perm ? JOB_PERM : JOB_TEMP, .code = v->code, .status = str_c(v->status),
	    .text = str_c(v->text), .host = str_c(v->host), .ip = str_c(v->ip), .tls = STR("") };
}

static void
drop(struct queue *q, struct batch *b)
{
	for (unsigned i = 0; i < b->n; i++) {
		give_back(b, i);
		rcpt_of(b, i)->state = SPOOL_DROPPED;
	}
	dest_touch(q, b->dest);
	message_settle(q, b->m);
}

int
batch_read(struct queue *q, struct batch *b, struct envelope *e, int *fd_r)
{
	*fd_r = -1;
	if (message_read(q, b->m, e, fd_r) == 0)
		return 0;
	if (errno == ENOENT)
		drop(q, b);
	else
		batch_postpone(q, b, q->again);
	return -1;
}

void
batch_judge(struct queue *q, struct batch *b, const struct verdict *v)
{
	struct job_rcpt		rcpt[JOB_RCPTS];
	struct job		j = { .rcpt = rcpt };
	struct job_result	res = verdict_result(v);
	struct envelope		e;
	int			fd;

	arena_reset(&q->arena);
	if (batch_read(q, b, &e, &fd) == -1)
		return;
	(void)fd_close(&fd);
	if (batch_try(q, b) == -1)
		return;
	j.from = e.from;
	for (unsigned i = 0; i < b->n; i++)
		rcpt[i] = (struct job_rcpt){ .address = e.rcpt[b->rcpt[i]].address };
	batch_all(q, b, &j, &res);
}
