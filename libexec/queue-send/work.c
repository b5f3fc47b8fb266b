#include "work.h"

#include <errno.h>
#include <stdlib.h>

#include "sys/fd.h"
#include "sys/ipc.h"

enum { PASSWORD_PATH = 300 };

static const struct job_result	no_password = {
	.got = JOB_TEMP, .status = STR_INIT("4.3.5"), .text = STR_INIT("the password of the transport cannot be read"),
};

static enum job_tls
tls_of(const struct conf_transport *t)
{
	if (t->kind == CONF_TRANSPORT_SUBMISSIONS)
		return JOB_TLS_IMPLICIT;
	switch (t->tls) {
	case CONF_TLS_REQUIRED:
		return JOB_TLS_STARTTLS;
	case CONF_TLS_UNVERIFIED:
		return JOB_TLS_UNVERIFIED;
	case CONF_TLS_OFF:
		return JOB_TLS_OFF;
	}
	return JOB_TLS_STARTTLS;
}

/* queue/secrets/NAME without the end of its line. */
static bool
read_password(struct queue *q, struct str name, struct buf *b)
{
	char	path[PASSWORD_PATH] = "secrets/";

	if (str_chr(name, '/') != name.n || !str_copy(name, path + 8, sizeof(path) - 8) ||
	    file_read(q->spool.queue, path, b) == -1)
		return false;
	while (b->n > 0 && (b->p[b->n - 1] == '\n' || b->p[b->n - 1] == '\r'))
		b->n--;
	return true;
}

/* What the route says. */
static void
add_route(struct queue *q, struct job *j, const struct route *r, const struct rcpt *rcpt)
{
	const struct conf_machine	*m = conf_machine(q->conf);
	const struct conf_transport	*t = &r->transport;

	j->hostname = m->hostname;
	j->domain = name_str(rcpt->domain);
	j->kind = r->to == ROUTE_LOCAL ? JOB_LOCAL : r->to == ROUTE_SMARTHOST ? JOB_SMARTHOST : JOB_DIRECT;
	if (r->to == ROUTE_SMARTHOST) {
		j->host = t->host;
		j->port[0] = t->port;
		j->nport = 1;
		j->tls = tls_of(t);
		j->ca_file = t->ca_file;
		j->user = t->user;
		j->mechanisms = t->mechanisms;
	} else if (r->to == ROUTE_DIRECT) {
		for (j->nport = 0; j->nport < m->noutgoing_port && j->nport < JOB_PORTS; j->nport++)
			j->port[j->nport] = m->outgoing_port[j->nport];
		j->no_ipv4 = t->no_ipv4;
		j->no_ipv6 = t->no_ipv6;
	}
}

static void
add_message(struct job *j, const struct batch *b, const struct envelope *e, struct job_rcpt *rcpt)
{
	j->id = str_c(b->m->id);
	j->from = e->from;
	j->body = e->body;
	j->smtputf8 = e->smtputf8;
	j->require_tls = e->tls == ENVELOPE_TLS_REQUIRED;
	j->tls_no = e->tls == ENVELOPE_TLS_NO;
	j->ret = e->ret;
	j->envid = e->envid;
	j->attempt = b->attempt;
	j->dialed = message_dialed(b->m, b->dest->key);
	j->content = e->content;
	j->size = e->size;
	j->rcpt = rcpt;
	for (unsigned i = 0; i < b->n; i++) {
		const struct envelope_rcpt	*r = &e->rcpt[b->rcpt[i]];

		rcpt[i] = (struct job_rcpt){ .address = r->address, .notify = r->notify, .orcpt = r->orcpt,
		    .account = r->account, .mailbox = r->mailbox };
	}
}

/* As many recipients as fit into a record; false: not even one. */
static bool
encode(struct queue *q, struct worker *w, struct job *j)
{
	for (j->nrcpt = w->batch.n; j->nrcpt > 0; j->nrcpt /= 2)
		if (job_encode(&w->rec, j)) {
			if (j->nrcpt < w->batch.n)
				batch_shorten(q, &w->batch, (unsigned)j->nrcpt);
			return true;
		}
	return false;
}

/* The configuration may have changed since it became due: then it goes elsewhere. */
static bool
goes_here(struct queue *q, const struct worker *w, const struct route *r)
{
	const struct rcpt	*rcpt = &w->batch.m->rcpt[w->batch.rcpt[0]];
	struct name		*key = r->to == ROUTE_LATER ? NULL : route_key(q, r, rcpt);
	bool			 same = key == w->dest->key;

	name_drop(&q->names, key);
	return same;
}

/* Note the attempt, then send: in this order a crash counts one too many, never one too few. */
static enum work_got
try(struct queue *q, struct worker *w, int message)
{
	struct ipc_fds	fds = { .fd = { message }, .n = 1 };

	if (batch_try(q, &w->batch) == -1)
		return WORK_NOT;
	return ipc_send(w->sock, buf_str(&w->rec), &fds, deadline_in(0)) == 0 ? WORK_GIVEN : WORK_DEAD;
}

/* The parts of a job that is not given; for the log and the result. */
static void
fail(struct queue *q, struct worker *w, const struct job *j, const struct job_result *why)
{
	if (batch_try(q, &w->batch) == 0)
		batch_all(q, &w->batch, j, why);
}

static enum work_got
give(struct queue *q, struct worker *w, const struct envelope *e, int message)
{
	struct job_rcpt	rcpt[JOB_RCPTS];
	struct job	j = { .nrcpt = 0 };
	struct buf	password = BUF_INIT(LIMIT_PASSWORD);
	struct route	r;
	enum work_got	got = WORK_NOT;

	route_find(q, w->batch.m, &w->batch.m->rcpt[w->batch.rcpt[0]], &r);
	if (!goes_here(q, w, &r)) {
		batch_postpone(q, &w->batch, r.to == ROUTE_LATER ? q->again : 0);
		return WORK_NOT;
	}
	add_message(&j, &w->batch, e, rcpt);
	add_route(q, &j, &r, &w->batch.m->rcpt[w->batch.rcpt[0]]);
	if (j.user.n > 0 && !read_password(q, r.transport.name, &password))
		fail(q, w, &j, &no_password);
	else {
		j.password = buf_str(&password);
		if (encode(q, w, &j))
			got = try(q, w, message);
		else
			batch_postpone(q, &w->batch, 3600);
	}
	if (password.p != NULL)
		explicit_bzero(password.p, password.cap);
	buf_free(&password);
	return got;
}

enum work_got
work_give(struct queue *q, struct worker *w)
{
	struct envelope	e;
	enum work_got	got;
	int		message;

	arena_reset(&q->arena);
	if (batch_read(q, &w->batch, &e, &message) == -1)
		return WORK_NOT;
	got = give(q, w, &e, message);
	(void)fd_close(&message);
	return got;
}

/* --- back */

static bool
job_of(const struct worker *w, struct arena *a, struct job *j)
{
	return job_decode(buf_str(&w->rec), a, j) && j->nrcpt == w->batch.n;
}

void
work_done(struct queue *q, struct worker *w, const struct job_done *d)
{
	struct job	j;

	arena_reset(&q->arena);
	if (job_of(w, &q->arena, &j))
		batch_done(q, &w->batch, &j, d);
	else
		batch_postpone(q, &w->batch, 0);
}

void
work_failed(struct queue *q, struct worker *w, const struct job_result *why)
{
	struct job	j;

	arena_reset(&q->arena);
	if (job_of(w, &q->arena, &j))
		batch_all(q, &w->batch, &j, why);
	else
		batch_postpone(q, &w->batch, 0);
}
