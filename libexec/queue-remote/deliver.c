#include "remote.h"

#include <errno.h>

#include "base/limits.h"
#include "sys/log.h"

/* The job as the SMTP client has it. False: no memory. */
static bool
prepare(struct attempt *a)
{
	const struct job	*j = a->job;

	a->mail = (struct smtp_mail){
		.from = j->from, .body = j->body, .smtputf8 = j->smtputf8,
		/* a notification is not held up for it (RFC 8689 section 5) */
		.requiretls = j->require_tls && j->from.n > 0,
		.ret = j->ret, .envid = j->envid, .size = j->size,
		.nrcpt = j->nrcpt, .arena = a->arena,
		.rcpt = arena_array(a->arena, j->nrcpt, sizeof(a->mail.rcpt[0])),
	};
	a->result = arena_array(a->arena, j->nrcpt, sizeof(a->result[0]));
	a->taken = arena_array(a->arena, j->nrcpt, sizeof(a->taken[0]));
	a->answered = arena_array(a->arena, j->nrcpt, sizeof(a->answered[0]));
	a->only_host = arena_array(a->arena, j->nrcpt, sizeof(a->only_host[0]));
	if (a->mail.rcpt == NULL || a->result == NULL || a->taken == NULL || a->answered == NULL || a->only_host == NULL)
		return false;
	for (size_t i = 0; i < j->nrcpt; i++) {
		a->mail.rcpt[i] = (struct smtp_mail_rcpt){
			.address = j->rcpt[i].address, .notify = j->rcpt[i].notify, .orcpt = j->rcpt[i].orcpt,
		};
		a->result[i].got = JOB_TEMP;
		a->answered[i] = STR("");
		a->only_host[i] = true;
	}
	return true;
}

static struct str
format_dialed(struct attempt *a)
{
	struct buf	b = BUF_INIT(LIMIT_JOB_DIALED);
	struct str	out = STR("");

	dialed_format(&b, &a->dialed);
	if (buf_failed(&b) || !arena_dup(a->arena, buf_str(&b), &out))
		out = a->job->dialed;
	buf_free(&b);
	return out;
}

void
deliver(struct remote *r, const struct job *j, int fd, struct arena *arena, struct job_done *d)
{
	struct attempt	a = { .r = r, .job = j, .fd = fd, .arena = arena, .by = deadline_in(r->o.job_ms) };

	*d = (struct job_done){ .nresult = j->nrcpt };
	if (!prepare(&a)) {
		log_failure("problem", "memory", ENOMEM);
		d->result = arena_array(arena, j->nrcpt, sizeof(d->result[0]));
		for (size_t i = 0; d->result != NULL && i < j->nrcpt; i++)
			d->result[i] = (struct job_result){ .got = JOB_TEMP, .status = STR("4.3.0"), .text = STR("out of memory") };
		d->nresult = d->result != NULL ? j->nrcpt : 0;
		return;
	}
	dialed_parse(j->dialed, &a.dialed);
	if (session_serves(&r->session, j))
		route_held(&a);
	else
		session_end(&r->session);
	if (!results_done(&a))
		route(&a);
	results_close(&a);
	d->result = a.result;
	d->dialed = format_dialed(&a);
	/* what is so because of this message says nothing about others */
	d->unreached = !a.begun && !is_stopped(&a) && !a.mail.requiretls && !j->tls_no;
	d->more = true;
}
