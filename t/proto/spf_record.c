/* spf_record: the grammar of RFC 7208 section 12, a row a rule. */
#include "proto/spf_record.h"

#include "base/buf.h"
#include "../tap.h"

/* want: NULL, the record is good; or the term it is wrong at. */
static const struct {
	const char	*name, *txt, *want;
} rows[] = {
	{ "the version alone", "v=spf1", NULL },
	{ "4.5 in any case", "V=SpF1 -ALL", NULL },
	{ "12 spaces at the end", "v=spf1 -all   ", NULL },
	{ "4.6.1 several spaces between terms", "v=spf1    mx     -all", NULL },
	{ "12 a tab is no space", "v=spf1 mx\t-all", "mx\t-all" },
	{ "4.6 an error behind a match", "v=spf1 -all ip4:1.2.3", "ip4:1.2.3" },
	{ "4.6.2 qualifiers", "v=spf1 +a -a ~a ?a", NULL },
	{ "4.6.2 one qualifier", "v=spf1 --a", "--a" },
	{ "4.6.2 a qualifier alone", "v=spf1 -", "-" },
	{ "4.6.2 no qualifier before a modifier", "v=spf1 +redirect=a.example", "+redirect=a.example" },
	{ "4.6.1 names in any case", "v=spf1 A Mx iP4:192.0.2.1 InClude:a.example", NULL },
	{ "no such mechanism", "v=spf1 moo", "moo" },
	{ "nor with an argument", "v=spf1 moo:a.example", "moo:a.example" },
	{ "a name that only begins so", "v=spf1 allx", "allx" },
	{ "bytes that are not ASCII", "v=spf1 a:\xef\xbb\xbfgarbage.example -all", "a:\xef\xbb\xbfgarbage.example" },
	{ "in a name", "v=spf1 \x80""a:a.example", "\x80""a:a.example" },
	{ "a control", "v=spf1 a:ctrl.example\rptr -all", "a:ctrl.example\rptr" },

	{ "5.1 all has no domain", "v=spf1 -all:a.example", "-all:a.example" },
	{ "nor a prefix length", "v=spf1 -all/8", "-all/8" },
	{ "nor a dot", "v=spf1 -all.", "-all." },
	{ "twice is nothing bad", "v=spf1 -all -all", NULL },
	{ "5.2 include needs a domain", "v=spf1 include", "include" },
	{ "that is not empty", "v=spf1 include:", "include:" },
	{ "and has no prefix length", "v=spf1 include:a.example/24", "include:a.example/24" },
	{ "5.3 a", "v=spf1 a a:a.example a/24 a//64 a/24//64 a:a.example/24 a:a.example//64 a:a.example/24//64", NULL },
	{ "5.6 prefix lengths of 0", "v=spf1 a/0 a//0 mx/0//0 ip4:192.0.2.1/0 ip6:::1/0", NULL },
	{ "of 32 and 128", "v=spf1 a/32//128 ip4:192.0.2.1/32 ip6:::1/128", NULL },
	{ "of 33", "v=spf1 a/33", "a/33" },
	{ "of 129", "v=spf1 a//129", "a//129" },
	{ "a leading zero", "v=spf1 a/08", "a/08" },
	{ "of 00", "v=spf1 a/00", "a/00" },
	{ "none behind the slash", "v=spf1 a/", "a/" },
	{ "none behind two", "v=spf1 a//", "a//" },
	{ "letters", "v=spf1 a/x", "a/x" },
	{ "the wrong way round", "v=spf1 a//64/24", "a//64/24" },
	{ "an empty domain", "v=spf1 a:", "a:" },
	{ "before a prefix length", "v=spf1 a:/24", "a:/24" },
	{ "5.4 mx is as a", "v=spf1 mx mx:a.example mx/24 mx:a.example//64", NULL },
	{ "an empty domain there", "v=spf1 mx:", "mx:" },
	{ "5.5 ptr", "v=spf1 ptr ptr:a.example", NULL },
	{ "an empty domain there too", "v=spf1 ptr:", "ptr:" },
	{ "ptr has no prefix length", "v=spf1 ptr/24", "ptr/24" },
	{ "5.6 ip4 needs an address", "v=spf1 ip4", "ip4" },
	{ "that is there", "v=spf1 ip4:", "ip4:" },
	{ "all of it", "v=spf1 ip4:192.0.2/24", "ip4:192.0.2/24" },
	{ "no more of it", "v=spf1 ip4:192.0.2.1.1", "ip4:192.0.2.1.1" },
	{ "without leading zeros", "v=spf1 ip4:192.0.02.1", "ip4:192.0.02.1" },
	{ "without a port", "v=spf1 ip4:192.0.2.1:25", "ip4:192.0.2.1:25" },
	{ "not of the other family", "v=spf1 ip4:2001:db8::1", "ip4:2001:db8::1" },
	{ "nor mapped", "v=spf1 ip4:::ffff:192.0.2.1", "ip4:::ffff:192.0.2.1" },
	{ "not with two slashes", "v=spf1 ip4:192.0.2.1//32", "ip4:192.0.2.1//32" },
	{ "nor a slash alone", "v=spf1 ip4:192.0.2.1/", "ip4:192.0.2.1/" },
	{ "over 32", "v=spf1 ip4:192.0.2.1/33", "ip4:192.0.2.1/33" },
	{ "a leading zero there", "v=spf1 ip4:192.0.2.1/032", "ip4:192.0.2.1/032" },
	{ "5.6 ip6", "v=spf1 ip6:2001:DB8::cd30 ip6:2001:db8::/32 ip6:::1.1.1.1/0 ip6:::ffff:192.0.2.1", NULL },
	{ "needs an address too", "v=spf1 ip6", "ip6" },
	{ "not of the other family", "v=spf1 ip6:192.0.2.1", "ip6:192.0.2.1" },
	{ "not half of one", "v=spf1 ip6:2001:db8", "ip6:2001:db8" },
	{ "not with two slashes", "v=spf1 ip6:::1//33", "ip6:::1//33" },
	{ "over 128", "v=spf1 ip6:::1/129", "ip6:::1/129" },
	{ "no zone", "v=spf1 ip6:fe80::1%eth0", "ip6:fe80::1%eth0" },
	{ "5.7 exists needs a domain", "v=spf1 exists", "exists" },
	{ "that is not empty", "v=spf1 exists:", "exists:" },
	{ "without a prefix length", "v=spf1 exists:a.example/24", "exists:a.example/24" },

	{ "6 modifiers anywhere", "v=spf1 redirect=a.example a exp=b.example mx", NULL },
	{ "in any case", "v=spf1 REDIRECT=a.example Exp=b.example", NULL },
	{ "redirect twice", "v=spf1 redirect=a.example redirect=b.example", "redirect=b.example" },
	{ "exp twice", "v=spf1 exp=a.example -all Exp=b.example", "Exp=b.example" },
	{ "redirect without a domain", "v=spf1 redirect=", "redirect=" },
	{ "exp without a domain", "v=spf1 exp=", "exp=" },
	{ "redirect with a bad one", "v=spf1 redirect=%{a}.example", "redirect=%{a}.example" },
	{ "exp as well", "v=spf1 exp=x%(i).example", "exp=x%(i).example" },
	{ "a colon does not make a modifier", "v=spf1 redirect:a.example", "redirect:a.example" },
	{ "6 unknown ones, as often as they like", "v=spf1 moo=1 moo=2 default=pass -all", NULL },
	{ "with a name of all its characters", "v=spf1 moo.cow-far_out9=man:dog/cat", NULL },
	{ "with the name of a mechanism", "v=spf1 a=b mx=c", NULL },
	{ "without a value", "v=spf1 moo=", NULL },
	{ "macros are held to the grammar there too", "v=spf1 moo=%abc", "moo=%abc" },
	{ "the letters of explanations may be there", "v=spf1 moo=%{c}%{r}%{t}%{S}", NULL },
	{ "no name", "v=spf1 =a", "=a" },
	{ "a name that begins with a digit", "v=spf1 9a=b", "9a=b" },
	{ "a name with another character", "v=spf1 moo*cow=a", "moo*cow=a" },

	{ "7.1 a domain with all that may be in it", "v=spf1 a:foo:bar/baz!~#.example.com", NULL },
	{ "a dot at the end", "v=spf1 a:a.example.", NULL },
	{ "two dots inside are grammar, not yet a name", "v=spf1 a:a..example", NULL },
	{ "two at the end are not", "v=spf1 a:a.example..", "a:a.example.." },
	{ "one label", "v=spf1 a:museum", "a:museum" },
	{ "one label and a dot", "v=spf1 a:museum.", "a:museum." },
	{ "one label behind a dot", "v=spf1 a:.museum", NULL },
	{ "an address", "v=spf1 a:192.0.2.1", "a:192.0.2.1" },
	{ "a top-level name of digits", "v=spf1 a:a.123", "a:a.123" },
	{ "with digits", "v=spf1 a:a.1x2", NULL },
	{ "with a hyphen", "v=spf1 a:a.x-y a:a.1-2", NULL },
	{ "with a hyphen in front", "v=spf1 a:a.-x", "a:a.-x" },
	{ "with a hyphen at the end", "v=spf1 a:a.x-", "a:a.x-" },
	{ "with an underscore", "v=spf1 a:a.x_y", "a:a.x_y" },
	{ "with a slash", "v=spf1 a:a.x/y", "a:a.x/y" },
	{ "a macro at the end", "v=spf1 a:%{d} a:x%{d} a:%{d}%{o} a:%%", NULL },
	{ "a label behind a macro", "v=spf1 a:%{d}com", "a:%{d}com" },
	{ "a name behind one", "v=spf1 a:%{d}.com", NULL },
	{ "with its dot in the macro's place", "v=spf1 a:a.%{d1}com", "a:a.%{d1}com" },
	{ "a prefix length behind a macro", "v=spf1 a:%{d}/24//64", NULL },
	{ "a slash inside one", "v=spf1 a:%{l/}.a.example/24", NULL },
	{ "7.1 transformers and delimiters", "v=spf1 exists:%{l1r+-./,_=}.%{D127R}.a.example", NULL },
	{ "%%, %_ and %-", "v=spf1 exists:%%%_%-.a.example", NULL },
	{ "no such letter", "v=spf1 exists:%{a}.a.example", "exists:%{a}.a.example" },
	{ "no letter", "v=spf1 exists:%{}.a.example", "exists:%{}.a.example" },
	{ "no such delimiter", "v=spf1 exists:%{l;}.a.example", "exists:%{l;}.a.example" },
	{ "the r behind the delimiter", "v=spf1 exists:%{l-r}.a.example", "exists:%{l-r}.a.example" },
	{ "7.3 zero parts", "v=spf1 exists:%{d0}.a.example", "exists:%{d0}.a.example" },
	{ "more parts than there can be", "v=spf1 exists:%{d99999999999999999999}.a.example", NULL },
	{ "not closed", "v=spf1 exists:%{d", "exists:%{d" },
	{ "a % at the end", "v=spf1 exists:a.example%", "exists:a.example%" },
	{ "7.3 parentheses", "v=spf1 -exists:%(ir).sbl.example", "-exists:%(ir).sbl.example" },
	{ "7.2 letters of explanations", "v=spf1 exists:%{c}.a.example", "exists:%{c}.a.example" },
	{ "7.2 the same", "v=spf1 a:%{R}", "a:%{R}" },
	{ "7.2 and", "v=spf1 exp=%{t}.a.example", "exp=%{t}.a.example" },
};

static void
test_grammar(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct spf_record	r;
		struct str		bad;
		const char		*why = spf_record_parse(str_c(rows[i].txt), &r, &bad);

		ok((why == NULL) == (rows[i].want == NULL), "%s: %s", rows[i].name, why == NULL ? "good" : why);
		is_str(bad, rows[i].want == NULL ? STR("") : str_c(rows[i].want), "and where");
	}
}

static void
test_selection(void)
{
	static const struct { const char *txt; bool is; } txts[] = {
		{ "v=spf1", true }, { "v=spf1 ", true }, { "V=SPF1 mx", true }, { "v=spf10", false }, { "v=spf1\tmx", false },
		{ "v=spf1-all", false }, { " v=spf1 -all", false }, { "v=spf", false }, { "", false }, { "spf1 -all", false },
	};

	for (size_t i = 0; i < sizeof(txts) / sizeof(txts[0]); i++)
		ok(spf_record_is(str_c(txts[i].txt)) == txts[i].is, "4.5 \"%s\" is %s record", txts[i].txt, txts[i].is ? "a" : "no");
	ok(!spf_record_is(str_n("v=spf1\0", 7)), "4.5 with a NUL behind it is none");
}

static void
test_terms(void)
{
	struct str	rest = STR(" ~a:%{d}.b.example/24//64 ip4:192.0.2.77/28 -ip6:2001:db8::/33 ip6:::ffff:192.0.2.0/120 moo=x ");
	struct spf_term	t;
	const char	*why;
	struct ip	ip;

	ok(spf_term_next(&rest, &t, &why) == SPF_TERM_OK && t.kind == SPF_A && t.qualifier == SPF_SOFTFAIL, "a mechanism");
	is_str(t.text, STR("~a:%{d}.b.example/24//64"), "its text");
	is_str(t.domain, STR("%{d}.b.example"), "its domain");
	ok(t.bits4 == 24 && t.bits6 == 64, "its prefix lengths");
	ok(spf_term_next(&rest, &t, &why) == SPF_TERM_OK && t.kind == SPF_IP4 && t.qualifier == SPF_PASS, "an IPv4 network");
	ok(ip_parse(STR("192.0.2.65"), &ip) && spf_term_has(&t, &ip), "an address of it");
	ok(ip_parse(STR("192.0.2.80"), &ip) && !spf_term_has(&t, &ip), "one behind it");
	ok(ip_parse(STR("::ffff:192.0.2.65"), &ip) && spf_term_has(&t, &ip), "5 a mapped one");
	ok(spf_term_next(&rest, &t, &why) == SPF_TERM_OK && t.kind == SPF_IP6 && t.qualifier == SPF_FAIL, "an IPv6 network");
	ok(ip_parse(STR("2001:db8:7fff::1"), &ip) && spf_term_has(&t, &ip), "an address of it");
	ok(ip_parse(STR("2001:db8:8000::1"), &ip) && !spf_term_has(&t, &ip), "one behind it");
	ok(spf_term_next(&rest, &t, &why) == SPF_TERM_OK && t.net.len == 16, "a mapped network");
	ok(ip_parse(STR("192.0.2.1"), &ip) && !spf_term_has(&t, &ip), "5 IPv4 clients are ip4's");
	ok(spf_term_next(&rest, &t, &why) == SPF_TERM_OK && t.kind == SPF_UNKNOWN, "a modifier");
	is_str(t.domain, STR("x"), "its value");
	ok(spf_term_next(&rest, &t, &why) == SPF_TERM_END, "the end");
}

static void
test_record(void)
{
	struct spf_record	r;
	struct str		bad;

	ok(spf_record_parse(STR("v=spf1 exp=e.example redirect=r.example mx"), &r, &bad) == NULL && !r.all, "a record");
	is_str(r.redirect, STR("r.example"), "its redirect");
	is_str(r.exp, STR("e.example"), "its explanation");
	ok(spf_record_parse(STR("v=spf1 redirect=r.example ?all"), &r, &bad) == NULL && r.all && r.redirect.n == 0, "5.1 no redirect beside all");
}

int
main(void)
{
	test_grammar();
	test_selection();
	test_terms();
	test_record();
	return done_testing();
}
