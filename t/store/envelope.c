/* envelope: what is encoded is decoded again; what cannot be is not; damage is seen. */
#include "store/envelope.h"

#include <stdlib.h>

#include "../tap.h"

static struct arena	arena = ARENA_INIT(LIMIT_ENVELOPE_ARENA);

static struct envelope
sample(struct envelope_rcpt *r, size_t n)
{
	return (struct envelope){
		.id = "06dt0v1g0123abcv", .queued = 1700000000, .not_before = 1700003600, .future = STR("for;3600"),
		.account = STR("joe"), .login = STR("joe@example.org"), .from = STR("joe+x@example.org"),
		.body = SMTP_BODY_8BITMIME, .smtputf8 = true, .tls = ENVELOPE_TLS_REQUIRED, .ret = SMTP_RET_HDRS,
		.envid = STR("QQ+2B1"), .message_id = STR("<1@example.org>"), .rcpt = r, .nrcpt = n,
	};
}

static void
test_whole(void)
{
	struct envelope_rcpt	r[] = {
		{ .address = STR("a@b.example"), .notify = SMTP_NOTIFY_SUCCESS | SMTP_NOTIFY_DELAY, .orcpt = STR("rfc822;a@b.example") },
		{ .address = STR("\"x@y\"@Example.ORG"), .notify = SMTP_NOTIFY_NEVER },
		{ .address = STR("joe@example.org"), .account = STR("joe"), .mailbox = STR("INBOX/b\303\266x") },
		{ .address = STR("q@[192.0.2.1]") },
	};
	struct envelope	e = sample(r, 4), d;
	struct buf	b = BUF_INIT(LIMIT_ENVELOPE);
	size_t		n;

	ok(envelope_encode(&b, &e), "encoded");
	n = b.n;
	buf_adds(&b, "Subject: x\r\n\r\nrcpt");
	is_num(envelope_length(str_head(buf_str(&b), ENVELOPE_HEAD)), n, "its length is in its head");
	ok(envelope_decode(buf_str(&b), &arena, &d), "decoded");
	is_num(d.content, n, "the message begins behind it");
	is_str(str_c(d.id), str_c(e.id), "id");
	ok(d.queued == e.queued && d.not_before == e.not_before, "times");
	is_str(d.future, e.future, "future");
	is_str(d.account, e.account, "account");
	is_str(d.login, e.login, "login");
	is_str(d.from, e.from, "from");
	ok(d.body == e.body && d.smtputf8 && d.tls == e.tls && d.ret == e.ret, "words");
	is_str(d.envid, e.envid, "envid");
	is_str(d.message_id, e.message_id, "message id");
	is_num(d.nrcpt, 4, "recipients");
	is_str(d.rcpt[0].orcpt, r[0].orcpt, "orcpt");
	ok(d.rcpt[0].notify == r[0].notify && d.rcpt[1].notify == SMTP_NOTIFY_NEVER && d.rcpt[2].notify == 0, "notify");
	is_str(d.rcpt[1].domain, STR("example.org"), "domain in lower case");
	is_str(d.rcpt[1].address, r[1].address, "address as it was");
	is_str(d.rcpt[2].account, r[2].account, "account of a recipient");
	is_str(d.rcpt[2].mailbox, r[2].mailbox, "mailbox of a recipient");
	is_str(d.rcpt[3].domain, STR("[192.0.2.1]"), "a literal");
	buf_free(&b);
	arena_reset(&arena);
}

static void
test_least(void)
{
	struct envelope_rcpt	r = { .address = STR("a@b.example") };
	struct envelope		e = { .id = "0000000000000000", .rcpt = &r, .nrcpt = 1 }, d;
	struct buf		b = BUF_INIT(LIMIT_ENVELOPE);

	ok(envelope_encode(&b, &e) && envelope_decode(buf_str(&b), &arena, &d), "the least");
	ok(d.from.n == 0 && d.account.n == 0 && d.not_before == 0 && d.tls == ENVELOPE_TLS_ANY && !d.smtputf8, "is empty");
	buf_free(&b);
	arena_reset(&arena);
}

/* As many and as long as there may be. */
static void
test_most(void)
{
	struct envelope_rcpt	*r = calloc(LIMIT_SMTP_RCPTS + 1, sizeof(*r));
	struct envelope		 e = sample(r, LIMIT_SMTP_RCPTS), d;
	struct buf		 b = BUF_INIT(LIMIT_ENVELOPE);
	static char		 address[LIMIT_PATH], orcpt[LIMIT_ORCPT];

	memset(address, 'x', sizeof(address));
	memset(orcpt, 'y', sizeof(orcpt));
	memcpy(address + 60, "@EXAMPLE.ORG.", 13);
	for (size_t i = 0; i <= LIMIT_SMTP_RCPTS; i++)
		r[i] = (struct envelope_rcpt){ .address = str_n(address, sizeof(address)), .notify = 14,
		    .orcpt = str_n(orcpt, sizeof(orcpt)) };
	ok(envelope_encode(&b, &e), "1000 recipients of the greatest length");
	ok(envelope_decode(buf_str(&b), &arena, &d) && d.nrcpt == LIMIT_SMTP_RCPTS, "and back");
	ok(arena.used + b.n < LIMIT_ENVELOPE_ARENA, "with the text they fit into the arena");
	e.nrcpt++;
	buf_reset(&b);
	ok(!envelope_encode(&b, &e), "not one more");
	buf_free(&b);
	free(r);
	arena_reset(&arena);
}

static bool
encodes(struct envelope e)
{
	struct buf	b = BUF_INIT(LIMIT_ENVELOPE);
	bool		good = envelope_encode(&b, &e);

	buf_free(&b);
	return good;
}

static void
test_refused(void)
{
	struct envelope_rcpt	r = { .address = STR("a@b.example") }, bad = { .address = STR("a\n@b.example") };
	struct envelope		e = sample(&r, 1);

	ok(encodes(e), "this one");
	e.rcpt = &bad;
	ok(!encodes(e), "not with a line feed in an address");
	bad.address = STR("");
	ok(!encodes(e), "not with an empty recipient");
	e.rcpt = &r;
	e.nrcpt = 0;
	ok(!encodes(e), "not without recipients");
	e = sample(&r, 1);
	e.from = STR("a\0b");
	ok(!encodes(e), "not with a NUL");
	e = sample(&r, 1);
	e.id[3] = '/';
	ok(!encodes(e), "not with another kind of id");
}

static void
test_damaged(void)
{
	static const struct {
		const char	*name;
		struct str	 text;
		bool		 good;
	} rows[] = {
		{ "plain", STR_INIT("id\0000123456789abcdef\0from\0\0rcpt\0a@b\0"), true },
		{ "a name of a later version", STR_INIT("id\0000123456789abcdef\0colour\0red\0rcpt\0a@b\0colour\0blue\0"), true },
		{ "no id", STR_INIT("from\0\0rcpt\0a@b\0"), false },
		{ "no recipient", STR_INIT("id\0000123456789abcdef\0from\0\0"), false },
		{ "an empty recipient", STR_INIT("id\0000123456789abcdef\0rcpt\0\0"), false },
		{ "cut in a value", STR_INIT("id\0000123456789abcdef\0rcpt\0a@b"), false },
		{ "a name without a value", STR_INIT("id\0000123456789abcdef\0rcpt\0a@b\0orcpt\0"), false },
		{ "a control character", STR_INIT("id\0000123456789abcdef\0rcpt\0a@\nb\0"), false },
		{ "an unknown body", STR_INIT("id\0000123456789abcdef\0body\0x\0rcpt\0a@b\0"), false },
		{ "an unknown wish", STR_INIT("id\0000123456789abcdef\0rcpt\0a@b\0notify\0success,x\0"), false },
		{ "a time that is none", STR_INIT("id\0000123456789abcdef\0queued\0-1\0rcpt\0a@b\0"), false },
		{ "an id with a slash", STR_INIT("id\000/123456789abcdef\0rcpt\0a@b\0"), false },
	};
	struct envelope	d;
	struct buf	b = BUF_INIT(1000);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		buf_reset(&b);
		buf_add(&b, STR("queue\0001\0envelope\0"));
		buf_addf(&b, "%010zu", rows[i].text.n + ENVELOPE_HEAD);
		buf_addc(&b, '\0');
		buf_add(&b, rows[i].text);
		ok(envelope_decode(buf_str(&b), &arena, &d) == rows[i].good, "%s is %s", rows[i].name, rows[i].good ? "read" : "damage");
		ok(!envelope_decode(str_head(buf_str(&b), b.n - 1), &arena, &d), "and so is it cut");
		arena_reset(&arena);
	}
	ok(envelope_length(STR("queue\0002\0envelope\0000000001234\0")) == 0, "another version");
	ok(envelope_length(STR("queue\0001\0envelope\0009999999999\0")) == 0, "longer than one can be");
	ok(envelope_length(STR("queue\0001\0envelope\000000000001x\0")) == 0, "no number");
	buf_free(&b);
}

int
main(void)
{
	test_whole();
	test_least();
	test_most();
	test_refused();
	test_damaged();
	arena_free(&arena);
	return done_testing();
}
