/* SMTP_WANT_SENDER of a mail exchanger: could the sender be answered? */
#include "smtpd.h"

#include "client/mx.h"
#include "sys/log.h"

enum { SENDER_MS = 30000 };	/* at most; peers wait five minutes for the reply (RFC 5321 4.5.3.2) */

/*
 * Who is trusted has answered for it already, a test system's senders need not
 * be, and ours are known. A domain that cannot be looked up may come back.
 */
static enum smtp_sender
judge(struct smtpd *d, struct str domain, struct arena *a, struct str *why_r)
{
	int64_t			ms = d->o.service_ms < SENDER_MS ? d->o.service_ms : SENDER_MS;
	struct conf_domain	own;
	struct mx		mx;
	enum mx_got		got;

	*why_r = STR("");
	if (d->sc.localserve || d->sc.trusted || conf_domain(d->conf, domain, a, &own) == CONF_OK)
		return SMTP_SENDER_OK;
	got = mx_find(&d->dns, domain, a, deadline_in(ms), &mx);
	*why_r = mx.why;
	switch (got) {
	case MX_OK:
		return SMTP_SENDER_OK;
	case MX_NULL:
	case MX_NO_DOMAIN:
	case MX_INVALID:
		return SMTP_SENDER_NO_MAIL;
	case MX_BOGUS:
	case MX_TEMP:
		break;
	}
	return SMTP_SENDER_ERROR;
}

void
smtpd_sender(struct smtpd *d)
{
	struct arena		a = ARENA_INIT(LIMIT_SMTP_TRANSACTION);
	struct str		domain = d->s.from.domain, why;
	enum smtp_sender	answer = judge(d, domain, &a, &why);
	struct log		l;

	if (answer != SMTP_SENDER_OK) {
		log_start(&l, answer == SMTP_SENDER_ERROR ? "sender-deferred" : "sender-refused");
		log_str(&l, "domain", domain);
		log_str(&l, "why", why);
		log_end(&l);
	}
	arena_free(&a);
	smtp_session_sender(&d->s, answer);
}
