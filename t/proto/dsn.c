/*
 * dsn: what is written is read again with our own parsers, in all its parts. With
 * the name of a sample it writes that message and no more (t/prog/dsn.t reads it elsewhere).
 */
#include "proto/dsn.h"

#include "../tap.h"
#include "proto/header.h"
#include "proto/mime.h"
#include "proto/words.h"

enum { NOW = 1795000000 };

static const struct dsn_rcpt	failed_rcpt[] = {
	{
		.action = DSN_FAILED, .address = STR_INIT("bob@example.com"), .orcpt = STR_INIT("rfc822;bob+2Bx@example.com"),
		.status = STR_INIT("5.1.1"), .remote = STR_INIT("mx.example.com"), .remote_ip = STR_INIT("192.0.2.1"),
		.diagnostic = STR_INIT("550-5.1.1 The email account that you tried to reach does not exist.\n550 5.1.1 Please look again."),
		.smtp = true, .last_attempt = { NOW, 0 },
	}, {
		.action = DSN_FAILED, .address = STR_INIT("carl@example.net"), .status = STR_INIT("4.4.1"),
		.orcpt = STR_INIT(""), .remote = STR_INIT(""), .remote_ip = STR_INIT("2001:db8::1"),
		.diagnostic = STR_INIT("connection refused"), .last_attempt = { NOW, 0 },
	},
};

static const struct dsn_rcpt	delayed_rcpt[] = {
	{
		.action = DSN_DELAYED, .address = STR_INIT("bob@example.com"), .orcpt = STR_INIT(""),
		.status = STR_INIT("4.2.2"), .remote = STR_INIT("mx.example.com"), .remote_ip = STR_INIT(""),
		.diagnostic = STR_INIT("452 4.2.2 full"), .smtp = true, .last_attempt = { NOW - 60, 0 }, .retry_until = { NOW + 3 * 86400, 0 },
	}, {
		.action = DSN_RELAYED, .address = STR_INIT("dora@example.org"), .orcpt = STR_INIT(""), .status = STR_INIT(""),
		.remote = STR_INIT("mx.example.org"), .remote_ip = STR_INIT(""), .diagnostic = STR_INIT("250 ok"), .smtp = true,
		.last_attempt = { NOW - 60, 0 },
	},
};

static const struct dsn_rcpt	local_rcpt[] = {
	{
		.action = DSN_FAILED, .address = STR_INIT("bob@example.org"), .orcpt = STR_INIT(""), .status = STR_INIT("4.2.2"),
		.remote = STR_INIT("mail.example.org"), .remote_ip = STR_INIT(""), .diagnostic = STR_INIT("452 over quota"), .smtp = true,
	},
};

static const struct dsn_rcpt	utf8_rcpt[] = {
	{
		.action = DSN_FAILED, .address = STR_INIT("\xc3\xbc+x@example.com"), .orcpt = STR_INIT("utf-8;\\x{FC}@example.com"),
		.status = STR_INIT("5.1.1"), .remote = STR_INIT(""), .remote_ip = STR_INIT(""),
		.diagnostic = STR_INIT("550 5.1.1 nicht m\xc3\xb6glich"), .smtp = true,
	},
};

static const struct dsn_rcpt	hostile_rcpt[] = {
	{
		.action = DSN_FAILED, .address = STR_INIT("a\r\nX-Forged: 1\r\n\r\n--b1\r\n@x"), .orcpt = STR_INIT("rfc822;a+0D+0Ab"),
		.status = STR_INIT("5.1.1\r\nAction: delivered"), .remote = STR_INIT("evil\r\n\r\n--b1--"), .remote_ip = STR_INIT("1.2.3.4\r\n"),
		.diagnostic = STR_INIT("550 no\r\n\r\n--b1\r\nContent-Type: text/html\n\n\0<b>\xff\xe2\x80\xae"), .smtp = true,
	},
};

#define HEADER	"From: me@example.org\r\nSubject: Hello\r\n\tthere\r\nMessage-ID: <1@example.org>\r\n"

static const struct dsn	failed = {
	.hostname = STR_INIT("mail.example.org"), .to = STR_INIT("me@example.org"), .message_id = STR_INIT("<n1@mail.example.org>"),
	.boundary = STR_INIT("b1"), .date = { NOW, 0 }, .arrival = { NOW - 7200, 0 }, .envid = STR_INIT("id+2B1"),
	.future = STR_INIT("for;3600"), .original_id = STR_INIT("<1@example.org>"), .original = STR_INIT(HEADER),
	.rcpt = failed_rcpt, .nrcpt = 2,
};

static struct dsn
with(struct str original, const struct dsn_rcpt *r, size_t n)
{
	struct dsn	d = failed;

	d.original = original;
	d.rcpt = r;
	d.nrcpt = n;
	return d;
}

static struct dsn
sample(const char *name)
{
	struct dsn	d = failed;

	if (strcmp(name, "delayed") == 0)
		d = with(failed.original, delayed_rcpt, 2);
	else if (strcmp(name, "local") == 0)
		d = with(failed.original, local_rcpt, 1);
	else if (strcmp(name, "utf8") == 0)
		d = with(STR("Subject: Gr\xc3\xbc\xc3\x9f""e\r\nTo: \xc3\xbc@example.com\r\n\r\nbody\r\n"), utf8_rcpt, 1);
	else if (strcmp(name, "full") == 0)
		d = with(STR(HEADER "Content-Type: multipart/mixed; boundary=in\r\n\r\n--in\r\n\r\nb1\xe4\r\n--in--\r\n"), failed_rcpt, 2);
	else if (strcmp(name, "long") == 0)
		d = with(STR(HEADER "X: a\rb\0c\xe4  \r\n\r\nbody\r\n"), failed_rcpt, 1);
	else if (strcmp(name, "hostile") == 0) {
		d = with(STR("Subject: x =?utf-8?q?y=0D=0AX-Forged:_1?=\r\nX: --b1\r\n"), hostile_rcpt, 1);
		d.to = STR("a@b\r\nX-Forged: 1");
		d.hostname = STR("h\r\nX-Forged: 1");
		d.message_id = d.original_id = STR("<a\r\nX-Forged: 1@b>");
		d.future = d.envid = STR("for;1\r\nX-Forged: 1");
		d.boundary = STR("b1\r\n");
	}
	d.full = strcmp(name, "full") == 0 || strcmp(name, "long") == 0;
	d.utf8 = strcmp(name, "utf8") == 0;
	return d;
}

static bool
has(struct str text, const char *what)
{
	return str_find(text, str_c(what)) < text.n;
}

struct read {
	struct arena	arena;
	struct buf	text;
	struct mime	m;
	struct str	whole, people, fields, last;
};

/* Write it, and read it again: three parts, whatever it is. */
static struct read
read_again(const char *name)
{
	struct read	r = { .arena = ARENA_INIT(1 << 20), .text = BUF_INIT(1 << 20) };
	struct dsn	d = sample(name);
	size_t		top = 0;

	dsn_write(&r.text, &d);
	r.whole = buf_str(&r.text);
	ok(!buf_failed(&r.text) && mime_parse(&r.m, r.whole, &r.arena), "%s: is written", name);
	for (size_t i = 1; i < r.m.n; i++)
		top += r.m.parts[i].parent == 0;
	is_num(top, 3, "it has three parts");
	ok(mime_is(&r.m.parts[0], "multipart", "report"), "of a report");
	r.people = mime_body(&r.m, mime_child(&r.m, &r.m.parts[0], 1));
	r.fields = mime_body(&r.m, mime_child(&r.m, &r.m.parts[0], 2));
	r.last = mime_body(&r.m, mime_child(&r.m, &r.m.parts[0], 3));
	ok(!has(r.whole, "\nX-Forged") && !has(r.whole, "\n\n") && str_chr(r.whole, '\0') == r.whole.n, "with nothing of others'");
	return r;
}

static void
done(struct read *r)
{
	buf_free(&r->text);
	arena_free(&r->arena);
}

static void
is_field(struct str text, const char *name, const char *want)
{
	struct header_field	f;
	struct buf		b = BUF_INIT(10000);

	if (header_find(text, str_c(name), &f))
		words_decode(&b, f.value, NULL);
	is_str(buf_str(&b), str_c(want), name);
	buf_free(&b);
}

static bool
part_is(const struct read *r, uint32_t n, const char *type, const char *subtype, const char *encoding)
{
	const struct mime_part	*p = mime_child(&r->m, &r->m.parts[0], n);

	return mime_is(p, type, subtype) && str_ieq(p->encoding_name, str_c(encoding));
}

static void
test_failed(void)
{
	struct read	r = read_again("failed");
	struct str	per, first;

	is_field(r.whole, "From", "\"Mail Delivery System\" <postmaster@mail.example.org>");
	is_field(r.whole, "To", "<me@example.org>");
	is_field(r.whole, "Subject", "Undelivered: Hello there");
	is_field(r.whole, "Date", "Wed, 18 Nov 2026 11:06:40 +0000");
	is_field(r.whole, "Message-ID", "<n1@mail.example.org>");
	is_field(r.whole, "References", "<1@example.org>");
	is_field(r.whole, "In-Reply-To", "<1@example.org>");
	is_field(r.whole, "Auto-Submitted", "auto-replied");
	is_field(r.whole, "Content-Transfer-Encoding", "7bit");
	ok(part_is(&r, 1, "text", "plain", "7bit") && part_is(&r, 2, "message", "delivery-status", "7bit") &&
	    part_is(&r, 3, "text", "rfc822-headers", "7bit"), "the types of its parts");
	is_field(r.fields, "Reporting-MTA", "dns; mail.example.org");
	is_field(r.fields, "Original-Envelope-Id", "id+1");
	is_field(r.fields, "Arrival-Date", "Wed, 18 Nov 2026 09:06:40 +0000");
	is_field(r.fields, "Future-Release-Request", "for;3600");
	per = str_skip(r.fields, str_find(r.fields, STR("\r\n\r\n")) + 4);
	first = str_head(per, str_find(per, STR("\r\n\r\n")));
	is_field(first, "Original-Recipient", "rfc822; bob+x@example.com");
	is_field(first, "Final-Recipient", "rfc822; bob@example.com");
	is_field(first, "Action", "failed");
	is_field(first, "Status", "5.1.1");
	is_field(first, "Remote-MTA", "dns; mx.example.com (192.0.2.1)");
	is_field(first, "Diagnostic-Code", "smtp; 550-5.1.1 The email account that you tried to reach does not exist. 550 5.1.1 Please look again.");
	is_field(first, "Last-Attempt-Date", "Wed, 18 Nov 2026 11:06:40 +0000");
	is_field(first, "Will-Retry-Until", "");
	per = str_skip(per, first.n + 4);
	is_field(per, "Final-Recipient", "rfc822; carl@example.net");
	is_field(per, "Status", "4.4.1");
	is_field(per, "Remote-MTA", "dns; [IPv6:2001:db8::1]");
	is_field(per, "Diagnostic-Code", "x-posthorn; connection refused");
	ok(has(r.people, "\r\n    There is no such mailbox: "), "people are told why");
	ok(has(r.people, "        550-5.1.1 The email account") && has(r.people, "\r\n        550 5.1.1 Please look again.\r\n"),
	    "what the other server said, line for line");
	ok(has(r.people, "    mx.example.com [192.0.2.1] said:"), "who said it");
	ok(has(r.people, "from Wed, 18 Nov 2026 09:06:40 +0000 to"), "how long it was tried");
	ok(has(r.people, "Nothing. The message is not sent again."), "what happens next");
	ok(has(r.people, "Look whether the address is right"), "what they can do");
	is_str(r.last, STR(HEADER), "the original's header");
	done(&r);
}

static void
test_delayed(void)
{
	struct read	r = read_again("delayed");

	is_field(r.whole, "Subject", "Delayed: Hello there");
	is_field(str_skip(r.fields, str_find(r.fields, STR("\r\n\r\n")) + 4), "Action", "delayed");
	is_field(str_skip(r.fields, str_find(r.fields, STR("\r\n\r\n")) + 4), "Will-Retry-Until", "Sat, 21 Nov 2026 11:06:40 +0000");
	ok(has(r.fields, "Action: relayed\r\nStatus: 2.0.0\r\n"), "a status of its action's class");
	ok(has(r.people, "until Sat, 21 Nov") && has(r.people, "(in about 3 days)"), "how long it is tried");
	ok(has(r.people, "You need not send the"), "nothing needs to be done");
	ok(has(r.people, "<dora@example.org>\r\n    Handed over to mx.example.org on Wed, 18 Nov 2026 11:05:40 +0000.\r\n"), "who has it now");
	ok(!has(r.fields, "250 ok"), "a diagnosis is for what failed");
	done(&r);
}

/* Mail to an account of ours that failed: no other server was asked. */
static void
test_local(void)
{
	struct read	r = read_again("local");

	ok(!has(r.fields, "Remote-MTA"), "no remote server");
	ok(has(r.fields, "Diagnostic-Code: smtp; 452 over quota\r\n"), "what was said");
	ok(has(r.people, "    This server's own words:\r\n        452 over quota\r\n"), "by whom");
	done(&r);
}

static void
test_utf8(void)
{
	struct read	r = read_again("utf8");

	is_field(r.whole, "Subject", "Undelivered: Gr\xc3\xbc\xc3\x9f""e");
	is_field(r.whole, "Content-Transfer-Encoding", "8bit");
	ok(part_is(&r, 1, "text", "plain", "8bit") && part_is(&r, 2, "message", "global-delivery-status", "8bit") &&
	    part_is(&r, 3, "message", "global-headers", "8bit"), "the types of its parts");
	ok(has(r.fields, "Original-Recipient: utf-8; \\x{FC}@example.com\r\nFinal-Recipient: utf-8; \xc3\xbc\\x{2B}x@example.com\r\n"),
	    "recipients as RFC 6533 has them");
	ok(has(r.fields, "550 5.1.1 nicht m\xc3\xb6glich"), "what was said");
	is_str(r.last, STR("Subject: Gr\xc3\xbc\xc3\x9f""e\r\nTo: \xc3\xbc@example.com\r\n"), "only the header is sent back");
	done(&r);
}

static void
test_original(void)
{
	struct read	r = read_again("full");

	ok(part_is(&r, 3, "message", "rfc822", "8bit"), "a whole message");
	is_num(r.m.n, 6, "is read with its parts");
	is_field(r.whole, "Content-Transfer-Encoding", "8bit");
	ok(has(r.last, "b1\xe4\r\n--in--\r\n"), "a boundary that occurs in it is not taken");
	done(&r);
	r = read_again("long");
	ok(part_is(&r, 3, "text", "rfc822-headers", "quoted-printable"), "one that cannot be sent so is reduced to its header");
	ok(has(r.last, "X: a=0Db=00c=E4 =20\r\n") && !has(r.last, "body"), "which is encoded");
	done(&r);
}

static void
test_hostile(void)
{
	struct read	r = read_again("hostile");

	is_field(r.whole, "To", "undisclosed-recipients:;");
	is_field(r.whole, "From", "\"Mail Delivery System\" <postmaster@localhost>");
	is_field(r.whole, "Subject", "Undelivered: x y X-Forged: 1");
	is_field(r.whole, "Message-ID", "");
	is_field(r.whole, "References", "");
	ok(has(r.fields, "\r\nStatus: 5.0.0\r\n"), "a status that is none");
	ok(!has(r.fields, "Remote-MTA"), "a name that is none");
	ok(!has(r.fields, "Original-Recipient"), "an original recipient that is none");
	ok(!has(r.people, "\xe2\x80\xae"), "nothing that hides");
	done(&r);
}

int
main(int argc, char *argv[])
{
	struct buf	small = BUF_INIT(500);

	if (argc > 1) {
		struct buf	b = BUF_INIT(1 << 20);
		struct dsn	d = sample(argv[1]);

		dsn_write(&b, &d);
		(void)fwrite(b.p, 1, b.n, stdout);
		buf_free(&b);
		return 0;
	}
	test_failed();
	test_delayed();
	test_local();
	test_utf8();
	test_original();
	test_hostile();
	dsn_write(&small, &failed);
	ok(buf_failed(&small), "what does not fit fails");
	buf_free(&small);
	return done_testing();
}
