/* authres: what is written of hostile values, what is read, and what is written read again. */
#include "proto/authres.h"

#include "../tap.h"
#include "base/limits.h"

static struct arena	arena = ARENA_INIT(1 << 20);

static void
dump(struct buf *b, const struct authres *a)
{
	if (a->instance > 0)
		buf_addf(b, "i=%u ", a->instance);
	buf_add(b, a->id);
	if (a->version != 1)
		buf_addf(b, " version %u", a->version);
	for (const struct authres_result *r = a->results; r != NULL; r = r->next) {
		buf_addf(b, "|" STR_FMT, STR_ARG(r->method));
		if (r->version != 1)
			buf_addf(b, "/%u", r->version);
		buf_addf(b, "=" STR_FMT, STR_ARG(r->result));
		if (r->comment.n > 0)
			buf_addf(b, " (" STR_FMT ")", STR_ARG(r->comment));
		if (r->reason.n > 0)
			buf_addf(b, " reason[" STR_FMT "]", STR_ARG(r->reason));
		for (const struct authres_prop *p = r->props; p != NULL; p = p->next)
			buf_addf(b, " " STR_FMT "." STR_FMT "[" STR_FMT "]", STR_ARG(p->ptype), STR_ARG(p->name), STR_ARG(p->value));
	}
}

/* want NULL: a syntax error. */
static const struct {
	const char	*name;
	struct str	 text;
	const char	*want;
} reads[] = {
	/* RFC 8601 appendix B */
	{ "B.2: none", STR_INIT(" example.org 1; none"), "example.org" },
	{ "B.3", STR_INIT(" example.com;\r\n\tspf=pass smtp.mailfrom=example.net"), "example.com|spf=pass smtp.mailfrom[example.net]" },
	{ "B.4", STR_INIT(" example.com;\r\n  auth=pass (cram-md5) smtp.auth=sender@example.net;\r\n  spf=pass smtp.mailfrom=example.net"),
	    "example.com|auth=pass (cram-md5) smtp.auth[sender@example.net]|spf=pass smtp.mailfrom[example.net]" },
	{ "B.6", STR_INIT(" example.com;\r\n dkim=pass reason=\"good signature\"\r\n  header.i=@mail-router.example.net;\r\n"
	    " dkim=fail reason=\"bad signature\"\r\n  header.i=@newyork.example.com"),
	    "example.com|dkim=pass reason[good signature] header.i[@mail-router.example.net]"
	    "|dkim=fail reason[bad signature] header.i[@newyork.example.com]" },
	{ "B.7: comments everywhere", STR_INIT(" foo.example.net (foobar) 1 (baz);\r\n dkim (Because I like it) / 1 (One yay) ="
	    " (wait for it) fail\r\n  policy (A dot can go here) . (like that) expired\r\n"
	    "  (this surprised me) = (as I wasn't expecting it) 1362471462"),
	    "foo.example.net|dkim=fail (A dot can go here) policy.expired[1362471462]" },
	/* RFC 6008, 7489, 8617 */
	{ "quoted signature", STR_INIT("a.example; dkim=pass header.b=\"oINEO/gg\""), "a.example|dkim=pass header.b[oINEO/gg]" },
	/* as found in the world */
	{ "bare base64 and IPv6", STR_INIT("a.example; iprev=pass policy.iprev=2001:db8::1; dkim=pass header.b=a/b+c=="),
	    "a.example|iprev=pass policy.iprev[2001:db8::1]|dkim=pass header.b[a/b+c==]" },
	{ "no ptype, reason last", STR_INIT("a.example; dmarc=pass action=none header.from=b.example;compauth=pass reason=100"),
	    "a.example|dmarc=pass .action[none] header.from[b.example]|compauth=pass reason[100]" },
	{ "a semicolon too many", STR_INIT("a.example; spf=pass;"), "a.example|spf=pass" },
	{ "two of them", STR_INIT("a.example;; spf=pass"), "a.example|spf=pass" },
	{ "no results at all", STR_INIT("a.example"), "a.example" },
	{ "a method that is called none", STR_INIT("a.example; none=pass"), "a.example|none=pass" },
	{ "an odd method", STR_INIT("a.example; x_y-z=pass"), "a.example|x_y-z=pass" },
	{ "quoted id", STR_INIT("\"a b\"; none"), "a b" },
	{ "escapes", STR_INIT("a; spf=fail reason=\"a \\\"b\\\" \\\\ ;c=d\""), "a|spf=fail reason[a \"b\" \\ ;c=d]" },
	{ "a quoted local part", STR_INIT("a; spf=pass smtp.mailfrom=\"x y; z\"@b.example"), "a|spf=pass smtp.mailfrom[\"x y; z\"@b.example]" },
	{ "nested comments", STR_INIT("a; spf=pass (x (y) \\) ; z) smtp.helo=b"), "a|spf=pass (x (y) \\) ; z) smtp.helo[b]" },
	{ "method version", STR_INIT("a; dkim/2=pass"), "a|dkim/2=pass" },
	{ "another version is not read", STR_INIT("a 2; whatever"), "a version 2" },
	{ "nor is more behind it", STR_INIT("a 2 b; whatever"), NULL },
	{ "quoted and empty", STR_INIT("a; spf=pass smtp.mailfrom=\"\""), "a|spf=pass smtp.mailfrom[]" },
	/* broken */
	{ "nothing", STR_INIT(""), NULL },
	{ "white space alone", STR_INIT(" \r\n "), NULL },
	{ "no id", STR_INIT("; spf=pass"), NULL },
	{ "a comment without end", STR_INIT("a (b; spf=pass"), NULL },
	{ "an escape at the end of a comment", STR_INIT("a (b\\"), NULL },
	{ "a quote without end", STR_INIT("a; spf=pass reason=\"b"), NULL },
	{ "an escape at the end of a quote", STR_INIT("a; spf=pass reason=\"b\\"), NULL },
	{ "no result", STR_INIT("a; spf="), NULL },
	{ "no equals sign", STR_INIT("a; spf"), NULL },
	{ "none and more", STR_INIT("a; none; spf=pass"), NULL },
	{ "no value", STR_INIT("a; spf=pass smtp.helo="), NULL },
	{ "no property", STR_INIT("a; spf=pass smtp.=b"), NULL },
	{ "two names", STR_INIT("a b; spf=pass"), NULL },
	{ "a parenthesis that only ends", STR_INIT("a; spf=pass ) smtp.helo=b"), NULL },
	{ "a NUL", STR_INIT("a; spf=pass smtp.helo=b\0c"), NULL },
};

static void
test_reads(void)
{
	struct buf	b = BUF_INIT(4096);
	struct authres	a;

	for (size_t i = 0; i < sizeof(reads) / sizeof(reads[0]); i++) {
		enum authres_err	err;

		arena_reset(&arena);
		err = authres_parse(reads[i].text, &arena, &a);
		if (reads[i].want == NULL) {
			ok(err == AUTHRES_SYNTAX && a.results == NULL, "not read: %s", reads[i].name);
			continue;
		}
		buf_reset(&b);
		dump(&b, &a);
		is_num(err, AUTHRES_OK, reads[i].name);
		is_str(buf_str(&b), str_c(reads[i].want), "what it says");
	}
	buf_reset(&b);
	is_num(authres_parse_arc(STR(" i=2; a.example; spf=fail\r\n smtp.from=b@c.example; arc=pass (as.1=pass)"), &arena, &a), AUTHRES_OK, "ARC");
	dump(&b, &a);
	is_str(buf_str(&b), STR("i=2 a.example|spf=fail smtp.from[b@c.example]|arc=pass (as.1=pass)"), "with its instance");
	is_num(authres_parse_arc(STR("a.example; spf=pass"), &arena, &a), AUTHRES_SYNTAX, "ARC without an instance");
	is_num(authres_parse_arc(STR("i=x; a.example; spf=pass"), &arena, &a), AUTHRES_SYNTAX, "ARC without a number");
	buf_free(&b);
}

static void
test_find(void)
{
	struct authres			 a;
	const struct authres_result	*r;

	is_num(authres_parse(STR("a; spf=fail; DKIM=pass header.D=x.example header.s=y"), &arena, &a), AUTHRES_OK, "two results");
	r = authres_find(&a, STR("dkim"));
	if (ok(r != NULL, "a method, in any case"))
		ok(authres_find_prop(r, STR("header"), STR("d")) != NULL, "a property, too");
	ok(r != NULL && authres_find_prop(r, STR("smtp"), STR("d")) == NULL, "none of another type");
	ok(authres_find(&a, STR("dmarc")) == NULL, "no such method");
}

static void
repeat(struct buf *b, const char *first, const char *s, size_t n)
{
	buf_reset(b);
	for (buf_adds(b, first); n > 0; n--)
		buf_adds(b, s);
}

static void
test_limits(void)
{
	struct buf	b = BUF_INIT(1 << 20);
	struct authres	a;

	repeat(&b, "a ", "(", LIMIT_AUTHRES_DEPTH);
	for (int i = 0; i < LIMIT_AUTHRES_DEPTH; i++)
		buf_addc(&b, ')');
	is_num(authres_parse(buf_str(&b), &arena, &a), AUTHRES_OK, "comments as deep as may be");
	repeat(&b, "a ", "(", 100000);
	is_num(authres_parse(buf_str(&b), &arena, &a), AUTHRES_LIMIT, "and deeper");
	arena_reset(&arena);
	repeat(&b, "a", "; spf=pass", LIMIT_AUTHRES_RESULTS);
	is_num(authres_parse(buf_str(&b), &arena, &a), AUTHRES_OK, "as many results as may be");
	buf_adds(&b, "; spf=pass");
	is_num(authres_parse(buf_str(&b), &arena, &a), AUTHRES_LIMIT, "and one more");
	arena_reset(&arena);
	repeat(&b, "a; spf=pass", " x.y=z", LIMIT_AUTHRES_PROPS + 1);
	is_num(authres_parse(buf_str(&b), &arena, &a), AUTHRES_LIMIT, "too many properties");
	ok(a.results == NULL, "nothing of it is told");
	buf_free(&b);
}

/* --- writing */

static const struct {
	const char	*name;
	struct str	 value;
	bool		 utf8;
	const char	*want;	/* as written */
	struct str	 back;	/* as read again; p NULL: the value */
} values[] = {
	{ "a domain", STR_INIT("a.example"), false, "a.example", { NULL, 0 } },
	{ "an address", STR_INIT("joe+x@a.example"), false, "joe+x@a.example", { NULL, 0 } },
	{ "@domain", STR_INIT("@a.example"), false, "@a.example", { NULL, 0 } },
	{ "a quoted local part", STR_INIT("\"a b\"@c.example"), false, "\"a b\"@c.example", { NULL, 0 } },
	{ "one that holds a field", STR_INIT("\"a; dkim=pass\"@c.example"), false, "\"a; dkim=pass\"@c.example", { NULL, 0 } },
	{ "IPv6", STR_INIT("2001:db8::1"), false, "\"2001:db8::1\"", { NULL, 0 } },
	{ "base64", STR_INIT("ab/c+d=="), false, "\"ab/c+d==\"", { NULL, 0 } },
	{ "nothing", STR_INIT(""), false, "\"\"", { NULL, 0 } },
	{ "another result", STR_INIT("x; dmarc=pass"), false, "\"x; dmarc=pass\"", { NULL, 0 } },
	{ "a quote", STR_INIT("x\"; dmarc=pass"), false, "\"x\\\"; dmarc=pass\"", { NULL, 0 } },
	{ "a backslash at the end", STR_INIT("x\\"), false, "\"x\\\\\"", { NULL, 0 } },
	{ "a comment", STR_INIT("x (y"), false, "\"x (y\"", { NULL, 0 } },
	{ "a line", STR_INIT("x\r\nSubject: y"), false, "\"x??Subject: y\"", STR_INIT("x??Subject: y") },
	{ "a NUL", STR_INIT("x\0y"), false, "\"x?y\"", STR_INIT("x?y") },
	{ "a literal", STR_INIT("joe@[192.0.2.1]"), false, "\"joe@[192.0.2.1]\"", { NULL, 0 } },
	{ "two at signs", STR_INIT("a@b@c"), false, "\"a@b@c\"", { NULL, 0 } },
	{ "UTF-8 without SMTPUTF8", STR_INIT("\303\274@a.example"), false, "\"??@a.example\"", STR_INIT("??@a.example") },
	{ "UTF-8 with", STR_INIT("\303\274@a.example"), true, "\303\274@a.example", { NULL, 0 } },
	{ "bad UTF-8 with", STR_INIT("\303@a.example"), true, "\"?@a.example\"", STR_INIT("?@a.example") },
};

static void
test_values(void)
{
	struct buf	b = BUF_INIT(4096), want = BUF_INIT(4096);

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		struct authres_writer		 w = { .utf8 = values[i].utf8 };
		const struct authres_prop	*p = NULL;
		struct authres			 a;

		buf_reset(&b);
		buf_reset(&want);
		arena_reset(&arena);
		authres_open(&w, &b, STR("a"));
		authres_method(&w, "spf", "pass");
		authres_prop(&w, "x", "y", values[i].value);
		authres_close(&w);
		buf_addf(&want, "Authentication-Results: a;\r\n\tspf=pass x.y=%s\r\n", values[i].want);
		is_str(buf_str(&b), buf_str(&want), values[i].name);
		if (authres_parse(str_skip(buf_str(&b), 23), &arena, &a) == AUTHRES_OK && a.results != NULL && a.results->next == NULL)
			p = a.results->props;
		if (ok(p != NULL && p->next == NULL, "one result with one property is read again"))
			is_str(p->value, values[i].back.p == NULL ? values[i].value : values[i].back, "the value");
	}
	buf_free(&b);
	buf_free(&want);
}

static void
test_facts(void)
{
	struct authres_dkim	dkim[2] = {
		{ .result = "pass", .dnssec = AUTHRES_DNSSEC_WITHOUT, .bits = 2048, .d = STR("a.example"), .s = STR("s1"),
		    .a = STR("rsa-sha256"), .b = STR("abcdefghijklmnop"), .i = STR("@a.example"), .reason = STR("") },
		{ .result = "fail", .dnssec = AUTHRES_DNSSEC_WITH, .d = STR("b.example"), .s = STR("s2"),
		    .a = STR("ed25519-sha256"), .b = STR("abc"), .i = STR(""), .reason = STR("body hash does not match") },
	};
	struct authres_facts	f = { .hostname = STR("mail.example") };
	struct buf		b = BUF_INIT(4096);

	authres_write(&b, &f);
	is_str(buf_str(&b), STR("Authentication-Results: mail.example; none\r\n"), "nothing was looked for");
	f.iprev.result = "pass";
	f.iprev.dnssec = AUTHRES_DNSSEC_WITHOUT;
	f.iprev.ip = STR("192.0.2.1");
	f.dkim_checked = true;
	f.dkim = dkim;
	f.ndkim = 2;
	f.spf.result = "softfail";
	f.spf.dnssec = AUTHRES_DNSSEC_WITH;
	f.spf.mailfrom = STR("joe@a.example");
	f.spf.helo = f.spf.reason = STR("");
	f.dmarc.result = "fail";
	f.dmarc.dnssec = AUTHRES_DNSSEC_WITHOUT;
	f.dmarc.from = STR("a.example");
	f.dmarc.overrides = STR("sampled_out,mailing_list");
	f.dmarc.reason = STR("");
	buf_reset(&b);
	authres_write(&b, &f);
	is_str(buf_str(&b), STR("Authentication-Results: mail.example;\r\n"
	    "\tiprev=pass (without dnssec) policy.iprev=192.0.2.1;\r\n"
	    "\tdkim=pass (2048 bit rsa, without dnssec) header.d=a.example\r\n"
	    "\theader.s=s1 header.a=rsa-sha256 header.b=abcdefghijkl\r\n"
	    "\theader.i=@a.example;\r\n"
	    "\tdkim=fail (with dnssec) reason=\"body hash does not match\"\r\n"
	    "\theader.d=b.example header.s=s2 header.a=ed25519-sha256 header.b=abc;\r\n"
	    "\tspf=softfail (with dnssec) smtp.mailfrom=joe@a.example;\r\n"
	    "\tdmarc=fail (without dnssec, override sampled_out,mailing_list)\r\n"
	    "\theader.from=a.example\r\n"), "all of it, in its order");
	f.ndkim = 0;
	f.iprev.result = f.spf.result = f.dmarc.result = NULL;
	buf_reset(&b);
	authres_write(&b, &f);
	is_str(buf_str(&b), STR("Authentication-Results: mail.example;\r\n\tdkim=none\r\n"), "no signature");
	buf_free(&b);
}

static void
test_long(void)
{
	struct buf		 b = BUF_INIT(1 << 16), text = BUF_INIT(1 << 16);
	struct authres_writer	 w = { .utf8 = true };
	size_t			 longest = 0;
	struct authres		 a;

	repeat(&text, "", "\"", 5000);
	authres_open(&w, &b, STR("mail.example"));
	authres_method(&w, "spf", "pass");
	authres_comment(&w, STR("((x) and a \\"));
	authres_comment(&w, buf_str(&text));
	authres_prop(&w, "smtp", "helo", buf_str(&text));
	repeat(&text, "x", "\303\274", 5000);
	authres_prop(&w, "smtp", "mailfrom", buf_str(&text));
	authres_close(&w);
	for (size_t i = 0, from = 0; i < b.n; i++)
		if (b.p[i] == '\n') {
			longest = i - from > longest ? i - from : longest;
			from = i + 1;
		}
	ok(longest < 998, "no line is over 998 bytes");
	ok(str_is_utf8(buf_str(&b)), "no character is cut");
	arena_reset(&arena);
	is_num(authres_parse(str_skip(buf_str(&b), 23), &arena, &a), AUTHRES_OK, "and it is read again");
	buf_free(&b);
	buf_free(&text);
}

/* --- whose it is */

static const struct {
	const char	*name;
	struct str	 value;
	bool		 ours;
} claims[] = {
	{ "ours", STR_INIT(" mail.a.example; dkim=pass"), true },
	{ "in other case", STR_INIT("MAIL.a.Example; dkim=pass"), true },
	{ "with a version", STR_INIT("mail.a.example 1; dkim=pass"), true },
	{ "with another version", STR_INIT("mail.a.example 7; dkim=pass"), true },
	{ "quoted", STR_INIT("\"mail.a.example\"; dkim=pass"), true },
	{ "quoted with escapes", STR_INIT("\"m\\ail.a.example\"; dkim=pass"), true },
	{ "behind comments", STR_INIT("(x) \r\n (y (z)) mail.a.example(w); dkim=pass"), true },
	{ "a final dot", STR_INIT("mail.a.example.; dkim=pass"), true },
	{ "alone", STR_INIT("mail.a.example"), true },
	{ "without a semicolon", STR_INIT("mail.a.example dkim=pass"), true },
	{ "a comment without end", STR_INIT("(x mail.a.example; dkim=pass"), true },
	{ "a quote without end", STR_INIT("\"mail.a.example; dkim=pass"), true },
	{ "behind a semicolon", STR_INIT("; mail.a.example; dkim=pass"), true },
	{ "of two names the second", STR_INIT("x mail.a.example; dkim=pass"), true },
	{ "another's", STR_INIT("mail.b.example; dkim=pass"), false },
	{ "another's, who tells of us", STR_INIT("mail.b.example; spf=pass smtp.helo=mail.a.example"), false },
	{ "another's in whose comment we are", STR_INIT("(mail.a.example) mail.b.example; spf=pass"), false },
	{ "a name below", STR_INIT("x.mail.a.example; dkim=pass"), false },
	{ "a name above", STR_INIT("a.example; dkim=pass"), false },
	{ "nothing", STR_INIT(""), false },
	{ "another's, broken", STR_INIT("mail.b.example (x; dkim=pass"), false },
};

static void
test_claims(void)
{
	for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++)
		ok(authres_claims(claims[i].value, STR("mail.a.example")) == claims[i].ours, "%s: %s",
		    claims[i].ours ? "claims our name" : "does not", claims[i].name);
}

int
main(void)
{
	test_reads();
	test_find();
	test_limits();
	test_values();
	test_facts();
	test_long();
	test_claims();
	arena_free(&arena);
	return done_testing();
}
