#include "trace.h"

/* An address literal (RFC 5321 4.1.3). */
static void
add_literal(struct buf *b, struct str ip)
{
	buf_adds(b, str_chr(ip, ':') != ip.n ? "[IPv6:" : "[");
	buf_add(b, ip);
	buf_addc(b, ']');
}

/* The peer's word, as it may stand in a header: other bytes become '?'. */
static void
add_word(struct buf *b, struct str s, bool utf8)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char	c = (unsigned char)s.p[i];
		bool		good = c > 0x20 && c < 0x7f && c != '(' && c != ')' && c != ';' && c != '\\';

		buf_addc(b, good || (utf8 && c >= 0x80) ? s.p[i] : '?');
	}
}

/* For whom, and when. */
static void
add_end(struct buf *b, const struct trace *t)
{
	if (t->rcpt.n > 0) {
		buf_adds(b, "\r\n\tfor <");
		buf_add(b, t->rcpt);
		buf_addc(b, '>');
	}
	buf_adds(b, ";\r\n\t");
	date_write(b, t->date);
	buf_adds(b, "\r\n");
}

void
trace_received(struct buf *b, const struct trace *t)
{
	bool	tls = t->tls.n > 0;

	buf_adds(b, "Received: from ");
	add_word(b, t->helo, t->utf8);
	if (t->rip.n > 0) {
		buf_adds(b, " (");
		add_literal(b, t->rip);
		buf_addc(b, ')');
	}
	buf_adds(b, "\r\n\tby ");
	buf_add(b, t->hostname);
	if (t->lip.n > 0) {
		buf_adds(b, " (");
		add_literal(b, t->lip);
		buf_addc(b, ')');
	}
	/* RFC 3848 has no word for HELO with TLS */
	buf_adds(b, "\r\n\tvia tcp with ");
	buf_adds(b, t->utf8 ? "UTF8SMTP" : t->esmtp ? "ESMTP" : "SMTP");
	if (t->esmtp || t->utf8)
		buf_adds(b, tls && t->auth ? "SA" : tls ? "S" : t->auth ? "A" : "");
	buf_adds(b, t->requiretls ? " (requiretls) id " : " id ");
	add_word(b, t->id, false);
	if (tls) {
		buf_adds(b, "\r\n\t(");
		/* OpenSSL says TLSv1.3 */
		add_word(b, str_starts(t->tls, STR("TLSv")) ? STR("TLS") : t->tls, false);
		if (str_starts(t->tls, STR("TLSv")))
			add_word(b, str_skip(t->tls, 4), false);
		buf_addc(b, ' ');
		add_word(b, t->cipher, false);
		buf_addc(b, ')');
	}
	add_end(b, t);
}

void
trace_received_local(struct buf *b, const struct trace *t)
{
	buf_adds(b, "Received: from ");
	buf_add(b, t->hostname);
	buf_adds(b, "\r\n\tby ");
	buf_add(b, t->hostname);
	buf_adds(b, " with local id ");
	add_word(b, t->id, false);
	add_end(b, t);
}

void
trace_delivered_to(struct buf *b, struct str rcpt)
{
	buf_adds(b, "Delivered-To: ");
	buf_add(b, rcpt);
	buf_adds(b, "\r\n");
}

void
trace_return_path(struct buf *b, struct str from)
{
	buf_adds(b, "Return-Path: <");
	buf_add(b, from);
	buf_adds(b, ">\r\n");
}
