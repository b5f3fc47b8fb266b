/* The end of a message: what its header says, what verifyd says, and deliverd for each recipient. */
#include <errno.h>

#include "smtpd.h"
#include "base/limits.h"
#include "client/local.h"
#include "client/verify.h"
#include "proto/header.h"
#include "proto/trace.h"
#include "sys/log.h"

struct job {
	struct smtpd	*d;
	struct date	 now;
	struct str	 author;
	bool		 headless;	/* the body must be kept apart from what is put in front */
};

void
smtpd_rcpt(struct smtpd *d)
{
	static const enum smtp_found	found[] = {
		[CONF_RCPT_ACCOUNT]	= SMTP_FOUND_LOCAL,
		[CONF_RCPT_ALIAS]	= SMTP_FOUND_LOCAL,
		[CONF_RCPT_NONE]	= SMTP_FOUND_UNKNOWN,
		[CONF_RCPT_NO_DOMAIN]	= SMTP_FOUND_NO_DOMAIN,
		[CONF_RCPT_DISABLED]	= SMTP_FOUND_DISABLED,
		[CONF_RCPT_REFUSED]	= SMTP_FOUND_REFUSED,
		[CONF_RCPT_ERROR]	= SMTP_FOUND_ERROR,
	};
	const struct addr	*a = &d->s.asked.addr;
	struct conf_rcpt	*r = arena_alloc(&d->found, sizeof(*r));
	struct buf		 local = BUF_INIT(LIMIT_LOCALPART);
	enum smtp_found		 f;

	addr_add_local(&local, a);
	if (r == NULL || buf_failed(&local)) {
		buf_free(&local);
		smtp_session_found(&d->s, SMTP_FOUND_ERROR, STR(""), NULL);
		return;
	}
	conf_rcpt(d->conf, buf_str(&local), a->domain, &d->found, r);
	buf_free(&local);
	f = found[r->kind];
	if (r->kind == CONF_RCPT_REFUSED && r->smtp_code < 500)
		f = SMTP_FOUND_LATER;
	smtp_session_found(&d->s, f, r->smtp_text, r);
}

/* local.told */
static void
log_rcpt(void *arg, struct str rcpt, struct str account, const struct local_outcome *o, int lost)
{
	const struct job	*j = arg;
	const struct smtpd	*d = j->d;
	struct log		 l;

	if (lost != 0)
		log_failure("no-answer", "deliverd", lost);
	log_start(&l, o->code < 400 ? "delivered" : o->code < 500 ? "deferred" : "refused");
	log_str(&l, "msg", d->s.msg);
	log_str(&l, "from", d->s.from_text);
	log_str(&l, "to", rcpt);
	if (account.n > 0)
		log_str(&l, "account", account);
	log_num(&l, "size", (int64_t)d->s.size);
	if (o->code >= 400) {
		log_num(&l, "code", o->code);
		log_str(&l, "status", o->status);
		log_str(&l, "text", o->text);
	}
	log_end(&l);
}

/* local.prefix */
static void
write_prefix(struct buf *b, void *arg, struct str rcpt)
{
	const struct job	*j = arg;
	const struct smtpd	*d = j->d;
	const struct trace	 t = {
		.helo = d->s.helo, .rip = d->peer.rip, .hostname = d->sc.hostname, .lip = d->peer.lip,
		.tls = d->peer.tls, .cipher = d->peer.cipher, .id = d->s.msg, .rcpt = rcpt,
		.esmtp = d->s.esmtp, .utf8 = d->s.smtputf8, .requiretls = d->s.requiretls, .date = j->now,
	};

	trace_delivered_to(b, rcpt);
	trace_return_path(b, d->s.from_text);
	trace_received(b, &t);
	if (j->headless)
		buf_adds(b, "\r\n");
}

static struct deadline
service_deadline(const struct smtpd *d)
{
	struct deadline	dl = deadline_in(d->o.service_ms);

	return d->timed == TIMED_MESSAGE ? deadline_sooner(dl, d->until) : dl;
}

/* local.is_recipient: one of its own in this transaction */
static bool
is_recipient(void *arg, struct str address)
{
	const struct smtpd	*d = ((const struct job *)arg)->d;

	for (size_t i = 0; i < d->s.nrcpt; i++) {
		const struct conf_rcpt	*r = d->s.rcpt[i].found;

		if (r != NULL && r->kind == CONF_RCPT_ACCOUNT && str_eq(r->address, address))
			return true;
	}
	return false;
}

/* Count Received, find the author, and see that a line stands between header and body. False: refused. */
static bool
read_header(struct job *j, struct str text)
{
	struct smtpd		*d = j->d;
	struct header		 h;
	struct header_field	 f;
	size_t			 received = 0;

	header_open(&h, text);
	while (header_next_named(&h, STR("Received"), &f))
		received++;
	if (received > LIMIT_RECEIVED) {
		smtp_session_refused(&d->s, 550, "5.4.6", "loop: too many Received fields");
		return false;
	}
	j->author = local_author(d->conf, &d->found, text);
	j->headless = !h.blank && h.end == 0 && text.n > 0;
	if (h.blank || h.end < text.n)
		return true;
	/* a header and no more: its end is an empty line */
	if (message_append(&d->msg, text.n > 0 && text.p[text.n - 1] != '\n' ? STR("\r\n\r\n") : STR("\r\n")) == 0)
		return true;
	smtp_session_refused(&d->s, 452, "4.3.1", "no space for the message now");
	return false;
}

/* Who sent this? The facts go with the message once something is made of them. */
static bool
verify(struct smtpd *d)
{
	struct verify_request	q = { .peer = &d->peer, .helo = d->s.helo, .mailfrom = d->s.from_text,
	    .message = message_fd(&d->msg) };

	if (verify_message(&d->verify, &q, service_deadline(d)) == 0)
		return true;
	log_failure("no-answer", "verifyd", errno);
	smtp_session_refused(&d->s, 451, "4.3.0", "the message cannot be judged now");
	return false;
}

static bool
any_to_deliver(const struct smtpd *d)
{
	for (size_t i = 0; i < d->s.nrcpt; i++)
		if (d->s.rcpt[i].deliver)
			return true;
	return false;
}

static void
deliver_all(struct job *j)
{
	struct smtpd		*d = j->d;
	struct smtp_session	*s = &d->s;
	const struct local	 l = {
		.conf = d->conf, .deliver = &d->deliver, .arena = &d->found, .mailfrom = s->from_text, .author = j->author,
		.id = s->msg, .message = message_fd(&d->msg), .service_ms = d->o.service_ms,
		.until = d->timed == TIMED_MESSAGE ? d->until : DEADLINE_NEVER,
		.prefix = write_prefix, .is_recipient = is_recipient, .told = log_rcpt, .arg = j,
	};

	for (size_t i = 0; i < s->nrcpt; i++) {
		const struct smtp_rcpt	*r = &s->rcpt[i];
		const struct conf_rcpt	*c = r->found;
		struct local_outcome	 o;

		if (!r->deliver)
			continue;
		o = local_deliver(&l, r->text, c);
		smtp_session_result(s, i, o.code, o.status, o.text);
	}
}

void
smtpd_finish(struct smtpd *d)
{
	struct job	j = { .d = d, .now = { .time = clock_now() } };
	struct str	text;

	if (any_to_deliver(d)) {
		if (d->msg.size != d->s.size || !message_text(&d->msg, &text)) {
			log_failure("not-read", "message", errno);
			smtp_session_refused(&d->s, 451, "4.3.0", "the message cannot be read back now");
			return;
		}
		if (!read_header(&j, text) || !verify(d))
			return;
		deliver_all(&j);
	}
	smtp_session_finished(&d->s);
}
