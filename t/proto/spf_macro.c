/* spf_macro: expansion (RFC 7208 section 7). */
#include "proto/spf_macro.h"

#include "base/limits.h"
#include "../tap.h"

static struct spf_macro	v4, v6;

static const struct {
	const char	*in, *want;
} rows[] = {
	/* 7.4 */
	{ "%{s}", "strong-bad@email.example.com" },
	{ "%{o}", "email.example.com" },
	{ "%{d}", "email.example.com" },
	{ "%{d4}", "email.example.com" },
	{ "%{d3}", "email.example.com" },
	{ "%{d2}", "example.com" },
	{ "%{d1}", "com" },
	{ "%{dr}", "com.example.email" },
	{ "%{d2r}", "example.email" },
	{ "%{l}", "strong-bad" },
	{ "%{l-}", "strong.bad" },
	{ "%{lr}", "strong-bad" },
	{ "%{lr-}", "bad.strong" },
	{ "%{l1r-}", "strong" },
	{ "%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com" },
	{ "%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com" },
	{ "%{lr-}.lp.%{ir}.%{v}._spf.%{d2}", "bad.strong.lp.3.2.0.192.in-addr._spf.example.com" },
	{ "%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}", "3.2.0.192.in-addr.strong.lp._spf.example.com" },
	{ "%{d2}.trusted-domains.example.net", "example.com.trusted-domains.example.net" },
	/* 7.1, 7.2 */
	{ "a%%b%_c%-d", "a%b c%20d" },
	{ "%{i} %{c} %{ir}", "192.0.2.3 192.0.2.3 3.2.0.192" },
	{ "%{h}", "-weird_ helo!" },
	{ "%{p}", "mx.example.org" },
	{ "%{r} %{t}", "mx.receiver.example 1234567890" },
	{ "%{v}", "in-addr" },
	/* 7.3 */
	{ "%{d0003}", "email.example.com" },
	{ "%{d127} %{d128} %{d4294967297}", "email.example.com email.example.com email.example.com" },
	{ "%{s.-@}", NULL },
	{ "%{s-.}", "strong.bad@email.example.com" },
	{ "%{s1-.}", "com" },
	{ "%{dm}", NULL },
	{ "%{S}", "strong-bad%40email.example.com" },
	{ "%{H}", "-weird_%20helo%21" },
	{ "%{HR-}", "weird_%20helo%21." },
	{ "%{h2-}", ".weird_ helo!" },
	{ "%{hr-}", "weird_ helo!." },
	{ "%{L-}", "strong.bad" },
};

static void
check(const char *in, const char *want, const struct spf_macro *m)
{
	struct buf	b = BUF_INIT(4096);

	if (want == NULL) {
		ok(spf_macro_check(str_c(in), SPF_MACRO_EXPLAIN) != NULL, "%s is no macro", in);
		return;
	}
	ok(spf_macro_check(str_c(in), SPF_MACRO_EXPLAIN) == NULL, "%s may be", in);
	spf_macro_expand(&b, str_c(in), m);
	is_str(buf_str(&b), str_c(want), in);
	buf_free(&b);
}

static void
domain(const char *name, struct str in, bool good, struct str want)
{
	struct buf	b = BUF_INIT(16384);

	ok(spf_macro_domain(&b, in, &v4) == good, "%s: %s", name, good ? "a name" : "no name");
	if (good)
		is_str(buf_str(&b), want, name);
	buf_free(&b);
}

static void
test_domains(void)
{
	char		label[65], name[300] = { 0 }, many[4096] = { 0 };
	struct str	full = str_n(name, 253);
	size_t		n = 0;

	memset(label, 'x', sizeof(label));
	for (size_t i = 0; i < sizeof(name); i++)
		name[i] = i % 4 == 3 ? '.' : (char)('a' + i % 26);
	domain("a trailing dot", STR("a.example."), true, STR("a.example"));
	domain("an empty label", STR("a..example"), false, STR(""));
	domain("an empty label in front", STR(".example"), false, STR(""));
	domain("a label of 64", str_n(label, 64), false, STR(""));
	domain("a label of 63", str_n(label, 63), true, str_n(label, 63));
	domain("bytes of any kind", STR("%{h}.a%_b"), true, STR("-weird_ helo!.a b"));
	domain("253 bytes", full, true, full);
	domain("7.3 more: the left is cut off at a dot", str_n(name, 300), true, str_n(name + 48, 251));
	for (int i = 0; i < 400; i++) {
		memcpy(many + n, "%{d}.%{o}.", 10);
		n += 10;
	}
	domain("7.3 much more", str_n(many, n), true, STR(
	    "email.example.com.email.example.com.email.example.com.email.example.com.email.example.com.email.example.com.email.example.com."
	    "email.example.com.email.example.com.email.example.com.email.example.com.email.example.com.email.example.com.email.example.com"));
}

static void
test_bounds(void)
{
	struct spf_macro	m = v4;
	struct buf		b = BUF_INIT(1 << 20);
	char			dots[5000];

	memset(dots, '.', sizeof(dots));
	m.local = m.helo = str_n(dots, sizeof(dots));
	spf_macro_expand(&b, STR("%{lr.}"), &m);
	is_num(b.n, LIMIT_SPF_LOCAL, "a localpart is cut");
	buf_reset(&b);
	spf_macro_expand(&b, STR("%{h1}%{H-}"), &m);
	is_num(b.n, LIMIT_SPF_VALUE, "so is another value");
	buf_free(&b);
	b = (struct buf)BUF_INIT(16);
	spf_macro_expand(&b, STR("%{h}%{h}%{h}%{h}"), &m);
	ok(buf_failed(&b), "what does not fit is told");
	buf_free(&b);
}

static void
test_names(void)
{
	struct buf	b = BUF_INIT(1024);

	spf_name_text(&b, STR("a_b-c.D d@\xc3\xa9\\.\"x"));
	is_str(buf_str(&b), STR("a_b-c.D\\032d\\064\\195\\169\\092.\\034x"), "a name's text");
	buf_free(&b);
	ok(spf_name_is(STR("a.b"), 2) && !spf_name_is(STR("a"), 2) && !spf_name_is(STR(""), 0), "labels are counted");
	ok(spf_macro_has(STR("x.%{L-}.y"), "sl") && !spf_macro_has(STR("s.l.%%%{d}"), "sl"), "letters are found");
}

int
main(void)
{
	v4 = (struct spf_macro){
		.local = STR("strong-bad"), .origin = STR("email.example.com"), .domain = STR("email.example.com"),
		.helo = STR("-weird_ helo!"), .validated = STR("mx.example.org"), .receiver = STR("mx.receiver.example"), .now = 1234567890,
	};
	v6 = v4;
	ok(ip_parse(STR("192.0.2.3"), &v4.ip) && ip_parse(STR("2001:db8::cb01"), &v6.ip), "addresses");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check(rows[i].in, rows[i].want, &v4);
	check("%{ir}.%{v}._spf.%{d2}", "1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6._spf.example.com", &v6);
	check("%{c}", "2001:db8::cb01", &v6);
	v4.validated = v4.receiver = STR("");
	check("%{p} %{r}", "unknown unknown", &v4);
	test_domains();
	test_bounds();
	test_names();
	return done_testing();
}
