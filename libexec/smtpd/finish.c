/* The end of a message: what its header says, what verifyd says, and deliverd for each recipient. */
#include <errno.h>

#include "smtpd.h"
#include "base/limits.h"
#include "client/deliver.h"
#include "client/verify.h"
#include "proto/addrlist.h"
#include "proto/header.h"
#include "proto/trace.h"
#include "sys/log.h"

struct job {
	struct smtpd	*d;
	struct date	 now;
	struct str	 from;		/* From's canonical address; empty without one that is clear */
	bool		 headless;	/* the body must be kept apart from what is put in front */
};

/* What became of one account's copy, or of all copies of an alias. */
struct outcome {
	int		 code;
	struct str	 status, text;
};

static const struct outcome	delivered = { 250, STR_INIT("2.2.0"), STR_INIT("delivered") };
static const struct outcome	lookup_failed = { 451, STR_INIT("4.3.0"), STR_INIT("an address cannot be looked up now") };

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

static void
log_rcpt(const struct smtpd *d, const char *event, struct str rcpt, struct str account, const struct outcome *o)
{
	struct log	l;

	log_start(&l, event);
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

static void
write_prefix(struct buf *b, const struct job *j, struct str rcpt)
{
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

/* Into one account; rcpt is the address it is delivered for. */
static struct outcome
deliver_to(const struct job *j, struct str rcpt, const struct conf_rcpt *r)
{
	struct smtpd		*d = j->d;
	struct buf		 prefix = BUF_INIT(LIMIT_RECORD / 2);
	struct deliver_request	 q = { .account = r->account, .rcpt = rcpt, .mailbox = r->mailbox,
	    .mailfrom = d->s.from_text, .conn = d->s.msg, .message = message_fd(&d->msg) };
	struct deliver_result	 got;
	struct outcome		 o = delivered;

	write_prefix(&prefix, j, rcpt);
	q.prefix = buf_str(&prefix);
	if (q.message == -1 || buf_failed(&prefix))
		o = (struct outcome){ 451, STR("4.3.0"), STR("the message cannot be read back now") };
	else {
		got = deliver_message(&d->deliver, &q, service_deadline(d));
		if (got.lost != 0)
			log_failure("no-answer", "deliverd", got.lost);
		/* RFC 5321 4.2.2: 452 is for storage */
		if (got.got == DELIVER_TEMP)
			o.code = str_eq(got.status, STR("4.2.2")) || str_eq(got.status, STR("4.3.1")) ? 452 : 451;
		else if (got.got == DELIVER_PERM)
			o.code = 550;
		if (o.code >= 400) {
			o.status = got.status;
			o.text = got.text;
		}
	}
	buf_free(&prefix);
	log_rcpt(d, o.code < 400 ? "delivered" : o.code < 500 ? "deferred" : "refused", rcpt, r->account, &o);
	return o;
}

/* May the message's author post to this alias? */
static bool
may_post(const struct job *j, const struct conf_rcpt *alias, const struct conf_rcpt *member, size_t n)
{
	if (j->from.n == 0)
		return alias->post_public;
	if (str_eq(j->from, alias->address))
		return alias->allow_msg_from;
	for (size_t i = 0; i < n; i++)
		if (str_eq(j->from, member[i].address))
			return true;
	return alias->post_public;
}

/* A recipient of its own in this transaction. */
static bool
is_recipient(const struct smtpd *d, struct str address)
{
	for (size_t i = 0; i < d->s.nrcpt; i++) {
		const struct conf_rcpt	*r = d->s.rcpt[i].found;

		if (r != NULL && r->kind == CONF_RCPT_ACCOUNT && str_eq(r->address, address))
			return true;
	}
	return false;
}

/*
 * To each member but its author and those who are addressed themselves. A full
 * account does not keep the others' mail from them: that is only told when nobody got it.
 */
static struct outcome
deliver_members(const struct job *j, const struct conf_rcpt *alias, const struct conf_rcpt *member)
{
	struct outcome	worst = delivered, full = delivered;
	size_t		done = 0;

	for (size_t i = 0; i < alias->nmember; i++) {
		struct outcome	o;

		if (str_eq(member[i].address, j->from) || is_recipient(j->d, member[i].address))
			continue;
		o = member[i].kind == CONF_RCPT_ACCOUNT ? deliver_to(j, member[i].address, &member[i]) : lookup_failed;
		if (o.code < 400)
			done++;
		else if (str_eq(o.status, STR("4.2.2")))
			full = (struct outcome){ 452, STR("4.2.2"), STR("storage of a member is full") };
		else if (worst.code == 250 || (worst.code >= 500 && o.code < 500))
			worst = (struct outcome){ o.code, o.code < 500 ? STR("4.3.0") : STR("5.3.0"),
			    STR("not delivered to all members") };
	}
	return worst.code == 250 && done == 0 ? full : worst;
}

static struct outcome
deliver_alias(const struct job *j, const struct conf_rcpt *alias)
{
	struct smtpd		*d = j->d;
	struct conf_rcpt	*member = arena_array(&d->found, alias->nmember, sizeof(*member));

	if (member == NULL)
		return lookup_failed;
	for (size_t i = 0; i < alias->nmember; i++) {
		conf_rcpt_text(d->conf, alias->member[i], &d->found, &member[i]);
		if (member[i].kind == CONF_RCPT_ERROR)
			return lookup_failed;
	}
	if (!may_post(j, alias, member, alias->nmember))
		return (struct outcome){ 550, STR("5.7.2"), STR("not allowed to post to this list") };
	return deliver_members(j, alias, member);
}

/* The address that wrote the message, as far as its header can be believed. */
static struct str
author(struct smtpd *d, struct str from_field)
{
	struct addrlist_item	i;
	struct str		canonical;

	if (!addrlist_single(from_field, &d->found, &i) ||
	    conf_canonical(d->conf, i.local, i.domain, &d->found, &canonical) != CONF_OK)
		return STR("");
	return canonical;
}

/* Count Received, find From, and see that a line stands between header and body. False: refused. */
static bool
read_header(struct job *j, struct str text)
{
	struct smtpd		*d = j->d;
	struct header		 h;
	struct header_field	 f;
	struct str		 from = STR("");
	size_t			 received = 0, froms = 0;

	header_open(&h, text);
	while (header_next(&h, &f)) {
		if (str_ieq(f.name, STR("Received")))
			received++;
		else if (str_ieq(f.name, STR("From"))) {
			froms++;
			from = f.value;
		}
	}
	if (received > LIMIT_RECEIVED) {
		smtp_session_refused(&d->s, 550, "5.4.6", "loop: too many Received fields");
		return false;
	}
	j->from = froms == 1 ? author(d, from) : STR("");
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
deliver_all(const struct job *j)
{
	struct smtp_session	*s = &j->d->s;

	for (size_t i = 0; i < s->nrcpt; i++) {
		const struct smtp_rcpt	*r = &s->rcpt[i];
		const struct conf_rcpt	*c = r->found;
		struct outcome		 o;

		if (!r->deliver)
			continue;
		o = c->kind == CONF_RCPT_ALIAS ? deliver_alias(j, c) : deliver_to(j, r->text, c);
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
