#include "dsn_internal.h"

#include "../base/ip.h"
#include "../base/limits.h"
#include "../base/num.h"
#include "addr.h"
#include "smtp_cmd.h"

enum { VALUE = 900 };	/* of a value that stands in one line */

struct str
dsn_status(const struct dsn_rcpt *r)
{
	static const char *const	of_class[] = {
		[DSN_FAILED]	= "5.0.0",
		[DSN_DELAYED]	= "4.0.0",
		[DSN_DELIVERED]	= "2.0.0",
		[DSN_RELAYED]	= "2.0.0",
		[DSN_EXPANDED]	= "2.0.0",
	};
	struct str	rest = r->status, class, subject;
	uint64_t	n;

	if (str_cut(&rest, '.', &class) && str_cut(&rest, '.', &subject) && class.n == 1 &&
	    (class.p[0] == '2' || class.p[0] == '4' || class.p[0] == '5') &&
	    subject.n <= 3 && rest.n <= 3 && num_u64(subject, 999, &n) && num_u64(rest, 999, &n))
		return r->status;
	return str_c(of_class[r->action]);
}

struct str
dsn_hostname(const struct dsn *d)
{
	return addr_is_domain(d->hostname) || addr_is_literal(d->hostname) ? d->hostname : STR("localhost");
}

bool
dsn_is_ours(const struct dsn *d, const struct dsn_rcpt *r)
{
	return r->remote.n > 0 && str_ieq(r->remote, d->hostname);
}

struct str
dsn_remote(const struct dsn *d, const struct dsn_rcpt *r)
{
	return addr_is_domain(r->remote) && !dsn_is_ours(d, r) ? r->remote : STR("");
}

struct str
dsn_remote_ip(const struct dsn *d, const struct dsn_rcpt *r)
{
	struct ip	ip;

	return ip_parse(r->remote_ip, &ip) && !dsn_is_ours(d, r) ? r->remote_ip : STR("");
}

static void
add_date(struct buf *b, const char *name, struct date d)
{
	if (d.time <= 0)
		return;
	buf_adds(b, name);
	date_write(b, d);
	buf_adds(b, "\r\n");
}

/* name is with what stands before the value. Without a value there is no field. */
static void
add_line(struct buf *b, const char *name, struct str value, bool utf8)
{
	if (str_trim(value).n == 0)
		return;
	buf_adds(b, name);
	dsn_clean(b, value, VALUE, utf8);
	buf_adds(b, "\r\n");
}

static void
add_folded(struct buf *b, const char *name, struct str value, bool utf8)
{
	struct buf	clean = BUF_INIT(LIMIT_SMTP_REPLY);
	struct str	text;

	dsn_clean(&clean, value, LIMIT_SMTP_REPLY, utf8);
	text = str_trim(buf_str(&clean));
	if (text.n > 0) {
		buf_adds(b, name);
		dsn_fold(b, strlen(name), " ", text);
	}
	buf_free(&clean);
}

static void
add_xtext(struct buf *b, const char *name, struct str xtext)
{
	struct buf	plain = BUF_INIT(LIMIT_SMTP_LINE);

	if (smtp_unxtext(&plain, xtext) && !buf_failed(&plain))
		add_line(b, name, buf_str(&plain), false);
	buf_free(&plain);
}

static void
add_orcpt(struct buf *b, struct str orcpt, bool global)
{
	struct str	type, rest = orcpt;

	if (!str_cut(&rest, ';', &type))
		return;
	if (str_ieq(type, STR("rfc822")))
		add_xtext(b, "Original-Recipient: rfc822; ", rest);
	/* as it came is a form of its own in either kind of part (RFC 6533 3) */
	else if (str_ieq(type, STR("utf-8")) && str_is_utf8(rest) && (global || str_is_ascii(rest)))
		add_line(b, "Original-Recipient: utf-8; ", rest, global);
}

/* RFC 6533's utf-8-addr-unitext: UTF-8, but some of ASCII by number. */
static void
add_unitext(struct buf *b, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == ' ' || s.p[i] == '\\' || s.p[i] == '+' || s.p[i] == '=')
			buf_addf(b, "\\x{%02X}", (unsigned)s.p[i]);
		else
			buf_addc(b, s.p[i]);
	}
}

static void
add_final(struct buf *b, struct str address, bool global)
{
	struct buf	clean = BUF_INIT(VALUE);

	if (str_is_ascii(address) || !global || !str_is_utf8(address)) {
		add_line(b, "Final-Recipient: rfc822; ", address.n > 0 ? address : STR("unknown"), false);
		return;
	}
	/* each byte may become six */
	dsn_clean(&clean, address, VALUE / 6, true);
	buf_adds(b, "Final-Recipient: utf-8; ");
	add_unitext(b, buf_str(&clean));
	buf_adds(b, "\r\n");
	buf_free(&clean);
}

static void
add_remote(struct buf *b, const struct dsn *d, const struct dsn_rcpt *r)
{
	struct str	name = dsn_remote(d, r), ip = dsn_remote_ip(d, r);

	/* names are of the DNS: U-labels do not come here */
	if (!str_is_ascii(name))
		name = STR("");
	if (name.n > 0)
		buf_addf(b, ip.n > 0 ? "Remote-MTA: dns; " STR_FMT " (" STR_FMT ")\r\n" : "Remote-MTA: dns; " STR_FMT "\r\n",
		    STR_ARG(name), STR_ARG(ip));
	else if (ip.n > 0)
		buf_addf(b, "Remote-MTA: dns; [%s" STR_FMT "]\r\n", str_chr(ip, ':') < ip.n ? "IPv6:" : "", STR_ARG(ip));
}

static void
add_rcpt(struct buf *b, const struct dsn *d, const struct dsn_rcpt *r, bool global)
{
	static const char *const	action[] = {
		[DSN_FAILED]	= "failed",
		[DSN_DELAYED]	= "delayed",
		[DSN_DELIVERED]	= "delivered",
		[DSN_RELAYED]	= "relayed",
		[DSN_EXPANDED]	= "expanded",
	};

	buf_adds(b, "\r\n");
	add_orcpt(b, r->orcpt, global);
	add_final(b, r->address, global);
	buf_adds(b, "Action: ");
	buf_adds(b, action[r->action]);
	buf_adds(b, "\r\nStatus: ");
	buf_add(b, dsn_status(r));
	buf_adds(b, "\r\n");
	add_remote(b, d, r);
	/* RFC 3464 2.3.6: of what failed or waits */
	if (r->action <= DSN_DELAYED)
		add_folded(b, r->smtp ? "Diagnostic-Code: smtp; " : "Diagnostic-Code: x-posthorn; ", r->diagnostic, global);
	add_date(b, "Last-Attempt-Date: ", r->last_attempt);
	if (r->action == DSN_DELAYED)
		add_date(b, "Will-Retry-Until: ", r->retry_until);
}

void
dsn_fields(struct buf *b, const struct dsn *d, bool global)
{
	add_xtext(b, "Original-Envelope-Id: ", d->envid);
	add_line(b, "Reporting-MTA: dns; ", dsn_hostname(d), false);
	add_date(b, "Arrival-Date: ", d->arrival);
	add_line(b, "Future-Release-Request: ", d->future, false);
	for (size_t i = 0; i < d->nrcpt; i++)
		add_rcpt(b, d, &d->rcpt[i], global);
}
