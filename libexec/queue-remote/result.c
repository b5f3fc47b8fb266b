#include "remote.h"

static bool
is_final(enum smtp_mail_got got)
{
	return got == SMTP_MAIL_OK || got == SMTP_MAIL_PERM || got == SMTP_MAIL_UNSURE;
}

bool
results_done(const struct attempt *a)
{
	for (size_t i = 0; i < a->mail.nrcpt; i++)
		if (!is_final(a->mail.rcpt[i].got))
			return false;
	return true;
}

size_t
results_untried(const struct attempt *a)
{
	size_t	n = 0;

	for (size_t i = 0; i < a->mail.nrcpt; i++)
		n += a->mail.rcpt[i].got == SMTP_MAIL_UNTRIED;
	return n;
}

void
results_again(struct attempt *a, struct str host)
{
	for (size_t i = 0; i < a->mail.nrcpt; i++)
		if (!is_final(a->mail.rcpt[i].got) && !str_ieq(a->answered[i], host)) {
			a->mail.rcpt[i].got = SMTP_MAIL_UNTRIED;
			a->taken[i] = false;
		}
}

static struct str
copy(struct attempt *a, struct str s)
{
	struct str	out;

	return arena_dup(a->arena, s, &out) ? out : STR("(no memory for the text)");
}

static bool
is_policy(struct str status)
{
	return str_starts(status, STR("5.7."));
}

/* A result of recipient i. A peer's word is worth more than ours, and a later one more than an earlier. */
static void
put(struct attempt *a, size_t i, enum smtp_mail_got got, const struct job_result *r)
{
	if (got != SMTP_MAIL_HOST)
		a->only_host[i] = false;
	if (is_final(got) || r->code != 0 || a->result[i].code == 0)
		a->result[i] = *r;
	a->result[i].got = got == SMTP_MAIL_OK ? JOB_OK : got == SMTP_MAIL_PERM ? JOB_PERM : JOB_TEMP;
	a->mail.rcpt[i].got = got;
	a->taken[i] = true;
}

void
results_own(struct attempt *a, enum smtp_mail_got got, const char *status, struct str text, struct str host, struct str ip)
{
	struct job_result	r = {
		.status = copy(a, str_c(status)), .text = copy(a, text), .host = copy(a, host), .ip = copy(a, ip),
	};

	for (size_t i = 0; i < a->mail.nrcpt; i++)
		if (a->mail.rcpt[i].got == SMTP_MAIL_UNTRIED)
			put(a, i, got, &r);
}

/* What is the same for all recipients of one session. */
static struct job_result
of_session(struct attempt *a, const struct session *s)
{
	char		text[IP_TEXT];
	struct buf	ip = { .p = text, .cap = sizeof(text), .max = sizeof(text) - 1 };

	ip_format(&ip, &s->conn.ip);
	return (struct job_result){
		.host = copy(a, s->host), .ip = copy(a, buf_str(&ip)), .tls = copy(a, str_c(s->tls)),
	};
}

/* Has another host or address been tried in vain? */
static bool
is_second(const struct attempt *a)
{
	for (size_t i = 0; i < a->mail.nrcpt; i++)
		if (a->mail.rcpt[i].got == SMTP_MAIL_UNTRIED && a->result[i].text.n > 0)
			return true;
	return false;
}

/* Why no mail could be sent: each host may have its own reason. */
static enum smtp_mail_got
failure(const struct attempt *a, const struct session *s)
{
	const struct smtp_client	*c = &s->client;

	switch (c->why) {
	case SMTPC_REFUSED:
		return c->code / 100 == 5 ? SMTP_MAIL_HOST : SMTP_MAIL_TEMP;
	case SMTPC_NO_TLS:
		return a->mail.requiretls ? SMTP_MAIL_HOST : SMTP_MAIL_TEMP;
	case SMTPC_LOOP:
		/* behind better hosts that are down we may be one of those who take mail for it */
		return is_second(a) ? SMTP_MAIL_TEMP : SMTP_MAIL_PERM;
	case SMTPC_LOST:
	case SMTPC_CLOSING:
	case SMTPC_GARBAGE:
	case SMTPC_NO_AUTH:
	case SMTPC_ABORTED:
	case SMTPC_ENDED:
		break;
	}
	return SMTP_MAIL_TEMP;
}

/* Our own words name the peer; its own are told as they are. */
static struct str
explain(struct attempt *a, const struct session *s, unsigned code, struct str text)
{
	struct buf	b = BUF_INIT(4 * LIMIT_SMTP_REPLY);
	struct str	out;

	if (code == 0) {
		session_add_peer(s, &b);
		buf_adds(&b, s->no_tls != NULL ? ": TLS: " : ": ");
	}
	buf_add(&b, text);
	out = copy(a, buf_str(&b));
	buf_free(&b);
	return out;
}

/*
 * With both families a policy's refusal at the first attempt may be one of our
 * address of this family: the next attempt uses the other.
 */
static bool
is_softened(const struct attempt *a, const struct smtp_mail_rcpt *q, bool dualstack)
{
	return dualstack && a->job->attempt == 1 && a->job->kind == JOB_DIRECT && !a->job->no_ipv4 && !a->job->no_ipv6 &&
	    q->got == SMTP_MAIL_PERM && q->code / 100 == 5 && is_policy(str_c(q->status));
}

void
results_take(struct attempt *a, const struct session *s)
{
	struct job_result	r = of_session(a, s);

	for (size_t i = 0; i < a->mail.nrcpt; i++) {
		struct smtp_mail_rcpt	*q = &a->mail.rcpt[i];
		enum smtp_mail_got	 got = q->got;

		if (got == SMTP_MAIL_UNTRIED || a->taken[i])
			continue;
		if (is_softened(a, q, s->dualstack))
			got = SMTP_MAIL_UNSURE;		/* temporary, and nothing for another host */
		r.code = q->code;
		r.status = copy(a, str_c(q->status));
		r.text = explain(a, s, q->code, q->text);
		r.dsn = got == SMTP_MAIL_OK && s->client.peer.dsn;
		if (a->answered[i].n == 0)
			a->answered[i] = r.host;
		put(a, i, got, &r);
	}
}

void
results_failed(struct attempt *a, const struct session *s)
{
	struct job_result	r = of_session(a, s);
	enum smtp_mail_got	got = failure(a, s);
	const char		*status = s->client.status;

	if (s->client.why == SMTPC_NO_TLS && a->mail.requiretls)
		status = "5.7.10";
	r.code = s->client.code;
	r.status = copy(a, str_c(status));
	r.text = explain(a, s, r.code, buf_str(&s->client.text));
	for (size_t i = 0; i < a->mail.nrcpt; i++)
		if (a->mail.rcpt[i].got == SMTP_MAIL_UNTRIED)
			put(a, i, got, &r);
}

/* "5.7.1" of a result that is temporary, "4.7.1", and the other way round. */
static struct str
of_class(struct attempt *a, struct str status, char class)
{
	char	text[SMTP_STATUS];

	if (status.n == 0 || status.p[0] == class || !str_copy(status, text, sizeof(text)))
		return status;
	text[0] = class;
	return copy(a, str_c(text));
}

void
results_close(struct attempt *a)
{
	for (size_t i = 0; i < a->mail.nrcpt; i++) {
		struct job_result	*r = &a->result[i];

		if (!is_final(a->mail.rcpt[i].got) && a->only_host[i] && r->text.n > 0 && !is_stopped(a))
			r->got = JOB_PERM;
		if (r->got != JOB_OK)
			r->status = of_class(a, r->status, r->got == JOB_PERM ? '5' : '4');
		if (r->text.n == 0)
			r->text = STR("not tried");
	}
}
