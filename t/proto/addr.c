/* addr: a row for each rule of RFC 5321 4.1.2 and 4.1.3, RFC 6531 3.3, and our limits. */
#include "proto/addr.h"

#include "base/limits.h"

#include "../tap.h"

#define X10	"xxxxxxxxxx"
#define X60	X10 X10 X10 X10 X10 X10
#define L63	X60 "xxx"

struct row {
	const char	*name, *in;
	enum addr_err	 err;
	const char	*text;		/* canonical, when ADDR_OK */
};

static struct buf
text_of(const struct addr *a)
{
	struct buf	b = BUF_INIT(1024);

	addr_add_text(&b, a);
	return b;
}

static const struct row	mailboxes[] = {
	{ "plain", "joe@example.org", ADDR_OK, "joe@example.org" },
	{ "domain case folds, localpart case stays", "Joe@EXAMPLE.Org", ADDR_OK, "Joe@example.org" },
	{ "all of atext", "!#$%&'*+-/=?^_`{|}~@x", ADDR_OK, "!#$%&'*+-/=?^_`{|}~@x" },
	{ "dots between atoms", "a.b.c@x", ADDR_OK, "a.b.c@x" },
	{ "dot first", ".a@x", ADDR_SYNTAX, NULL },
	{ "dot last", "a.@x", ADDR_SYNTAX, NULL },
	{ "two dots", "a..b@x", ADDR_SYNTAX, NULL },
	{ "no localpart", "@x", ADDR_SYNTAX, NULL },
	{ "no domain", "a@", ADDR_SYNTAX, NULL },
	{ "no at", "a", ADDR_SYNTAX, NULL },
	{ "empty", "", ADDR_SYNTAX, NULL },
	{ "two ats", "a@b@c", ADDR_SYNTAX, NULL },
	{ "space", "a b@x", ADDR_SYNTAX, NULL },
	{ "control", "a\x01@x", ADDR_SYNTAX, NULL },
	{ "needless quotes go", "\"joe\"@x", ADDR_OK, "joe@x" },
	{ "needed quotes stay", "\"joe q\"@x", ADDR_OK, "\"joe q\"@x" },
	{ "quoted dots", "\"a..b\"@x", ADDR_OK, "\"a..b\"@x" },
	{ "quoted at", "\"a@b\"@x", ADDR_OK, "\"a@b\"@x" },
	{ "empty quotes", "\"\"@x", ADDR_OK, "\"\"@x" },
	{ "quoted pair", "\"a\\\"b\\\\c\"@x", ADDR_OK, "\"a\\\"b\\\\c\"@x" },
	{ "needless pair goes", "\"\\j\\o\\e\"@x", ADDR_OK, "joe@x" },
	{ "quoted pair at the end", "\"a\\\"@x", ADDR_SYNTAX, NULL },
	{ "pair with a control", "\"a\\\x01\"@x", ADDR_SYNTAX, NULL },
	{ "tab in quotes", "\"a\tb\"@x", ADDR_SYNTAX, NULL },
	{ "quotes not closed", "\"a@x", ADDR_SYNTAX, NULL },
	{ "text behind quotes", "\"a\"b@x", ADDR_SYNTAX, NULL },
	{ "quotes in the middle", "a\"b\"@x", ADDR_SYNTAX, NULL },
	{ "utf8 localpart", "j\xc3\xb6rg@x", ADDR_OK, "j\xc3\xb6rg@x" },
	{ "utf8 in quotes", "\"j\xc3\xb6 g\"@x", ADDR_OK, "\"j\xc3\xb6 g\"@x" },
	{ "utf8 domain", "a@b\xc3\xbc" "cher.example", ADDR_OK, "a@b\xc3\xbc" "cher.example" },
	{ "not utf8", "j\xf6rg@x", ADDR_SYNTAX, NULL },
	{ "label of digits", "a@1.2x", ADDR_OK, "a@1.2x" },
	{ "hyphen inside a label", "a@x-y", ADDR_OK, "a@x-y" },
	{ "hyphen first", "a@-x", ADDR_SYNTAX, NULL },
	{ "hyphen last", "a@x-.org", ADDR_SYNTAX, NULL },
	{ "empty label", "a@x..org", ADDR_SYNTAX, NULL },
	{ "dot at the end of the domain", "a@x.", ADDR_SYNTAX, NULL },
	{ "underscore", "a@x_y", ADDR_SYNTAX, NULL },
	{ "label of 63", "a@" L63, ADDR_OK, "a@" L63 },
	{ "label of 64", "a@" L63 "x", ADDR_SYNTAX, NULL },
	{ "ipv4 literal", "a@[192.0.2.1]", ADDR_OK, "a@[192.0.2.1]" },
	{ "ipv4 of three", "a@[192.0.2]", ADDR_SYNTAX, NULL },
	{ "ipv4 of five", "a@[192.0.2.1.1]", ADDR_SYNTAX, NULL },
	{ "ipv4 too large", "a@[192.0.2.256]", ADDR_SYNTAX, NULL },
	{ "ipv4 empty part", "a@[192..2.1]", ADDR_SYNTAX, NULL },
	{ "ipv6 full", "a@[IPv6:1:2:3:4:5:6:7:8]", ADDR_OK, "a@[ipv6:1:2:3:4:5:6:7:8]" },
	{ "ipv6 compressed", "a@[ipv6:2001:DB8::1]", ADDR_OK, "a@[ipv6:2001:db8::1]" },
	{ "ipv6 any", "a@[IPv6:::]", ADDR_OK, "a@[ipv6:::]" },
	{ "ipv6 with ipv4", "a@[IPv6:::ffff:192.0.2.1]", ADDR_OK, "a@[ipv6:::ffff:192.0.2.1]" },
	{ "ipv6 full with ipv4", "a@[IPv6:1:2:3:4:5:6:192.0.2.1]", ADDR_OK, "a@[ipv6:1:2:3:4:5:6:192.0.2.1]" },
	{ "ipv6 with ipv4 not last", "a@[IPv6:192.0.2.1::]", ADDR_SYNTAX, NULL },
	{ "ipv6 of seven", "a@[IPv6:1:2:3:4:5:6:7]", ADDR_SYNTAX, NULL },
	{ "ipv6 of nine", "a@[IPv6:1:2:3:4:5:6:7:8:9]", ADDR_SYNTAX, NULL },
	{ "ipv6 eight and a gap", "a@[IPv6:1:2:3:4::5:6:7:8]", ADDR_SYNTAX, NULL },
	{ "ipv6 two gaps", "a@[IPv6:1::2::3]", ADDR_SYNTAX, NULL },
	{ "ipv6 three colons", "a@[IPv6:1:::2]", ADDR_SYNTAX, NULL },
	{ "ipv6 one colon first", "a@[IPv6::1]", ADDR_SYNTAX, NULL },
	{ "ipv6 group of five", "a@[IPv6:12345::]", ADDR_SYNTAX, NULL },
	{ "ipv6 without tag", "a@[::1]", ADDR_SYNTAX, NULL },
	{ "general literal", "a@[x400:c=us;a=b]", ADDR_OK, "a@[x400:c=us;a=b]" },
	{ "general literal with a space", "a@[x400:c us]", ADDR_SYNTAX, NULL },
	{ "literal not closed", "a@[192.0.2.1", ADDR_SYNTAX, NULL },
	{ "empty literal", "a@[]", ADDR_SYNTAX, NULL },
	{ "text behind a literal", "a@[192.0.2.1]x", ADDR_SYNTAX, NULL },
	{ "localpart of 128", X60 X60 "12345678@x", ADDR_OK, X60 X60 "12345678@x" },
	{ "localpart of 129", X60 X60 "123456789@x", ADDR_LONG, NULL },
	{ "path of 256", L63 "@" L63 "." L63 "." X60 "x", ADDR_OK, L63 "@" L63 "." L63 "." X60 "x" },
	{ "path of 257", L63 "x@" L63 "." L63 "." X60 "xx", ADDR_LONG, NULL },
	{ "domain of 256", "a@" L63 "." L63 "." L63 "." L63 ".x", ADDR_LONG, NULL },
};

static void
test_mailboxes(void)
{
	for (size_t i = 0; i < sizeof(mailboxes) / sizeof(mailboxes[0]); i++) {
		const struct row	*r = &mailboxes[i];
		struct addr		 a, again;
		enum addr_err		 e = addr_parse(str_c(r->in), &a);
		struct buf		 b = text_of(&a);

		ok(e == r->err, "%s", r->name);
		if (e == ADDR_OK && r->err == ADDR_OK) {
			is_str(buf_str(&b), str_c(r->text), r->name);
			ok(addr_parse(buf_str(&b), &again) == ADDR_OK && addr_same(&a, &again),
			    "%s: its text is the same address", r->name);
		}
		buf_free(&b);
	}
}

static const struct {
	const char	*name, *in;
	enum addr_kind	 kind;
	enum addr_err	 err;
	const char	*text, *rest;
} paths[] = {
	{ "reverse", "<joe@x> SIZE=1", ADDR_REVERSE, ADDR_OK, "joe@x", " SIZE=1" },
	{ "null", "<>", ADDR_REVERSE, ADDR_OK, "", "" },
	{ "null is no recipient", "<>", ADDR_FORWARD, ADDR_SYNTAX, NULL, NULL },
	{ "postmaster", "<PostMaster>", ADDR_FORWARD, ADDR_OK, "PostMaster", "" },
	{ "postmaster is no sender", "<postmaster>", ADDR_REVERSE, ADDR_SYNTAX, NULL, NULL },
	{ "other without domain", "<joe>", ADDR_FORWARD, ADDR_SYNTAX, NULL, NULL },
	{ "route", "<@a,@b.c:joe@x>", ADDR_FORWARD, ADDR_OK, "joe@x", "" },
	{ "route of one", "<@a:joe@x>", ADDR_REVERSE, ADDR_OK, "joe@x", "" },
	{ "route with a literal", "<@[192.0.2.1]:joe@x>", ADDR_FORWARD, ADDR_OK, "joe@x", "" },
	{ "route without colon", "<@a,@b>", ADDR_FORWARD, ADDR_SYNTAX, NULL, NULL },
	{ "route with a comma too many", "<@a,:joe@x>", ADDR_FORWARD, ADDR_SYNTAX, NULL, NULL },
	{ "route and nothing", "<@a:>", ADDR_FORWARD, ADDR_SYNTAX, NULL, NULL },
	{ "route before postmaster", "<@a:postmaster>", ADDR_FORWARD, ADDR_SYNTAX, NULL, NULL },
	{ "no brackets", "joe@x", ADDR_FORWARD, ADDR_SYNTAX, NULL, NULL },
	{ "not closed", "<joe@x", ADDR_FORWARD, ADDR_SYNTAX, NULL, NULL },
	{ "space inside", "<joe@x >", ADDR_FORWARD, ADDR_SYNTAX, NULL, NULL },
	{ "bracket in quotes", "<\"a>b\"@x>y", ADDR_FORWARD, ADDR_OK, "\"a>b\"@x", "y" },
	{ "two opened", "<<joe@x>", ADDR_FORWARD, ADDR_SYNTAX, NULL, NULL },
};

static void
test_paths(void)
{
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct str	in = str_c(paths[i].in);
		struct addr	a;
		enum addr_err	e = addr_path(&in, paths[i].kind, &a);
		struct buf	b = text_of(&a);

		ok(e == paths[i].err, "path: %s", paths[i].name);
		if (e == ADDR_OK && paths[i].err == ADDR_OK) {
			is_str(buf_str(&b), str_c(paths[i].text), paths[i].name);
			is_str(in, str_c(paths[i].rest), "what follows");
		}
		buf_free(&b);
	}
}

static void
test_helo(void)
{
	ok(addr_is_helo(STR("mail.example.org")), "helo: a domain");
	ok(addr_is_helo(STR("localhost")), "helo: one label");
	ok(addr_is_helo(STR("my_pc.local")), "helo: underscore");
	ok(addr_is_helo(STR("example.org.")), "helo: dot at the end");
	ok(!addr_is_helo(STR(".")), "helo: only a dot");
	ok(addr_is_helo(STR("[192.0.2.1]")), "helo: IPv4");
	ok(addr_is_helo(STR("[IPv6:::1]")), "helo: IPv6");
	ok(addr_is_helo(STR("[::1]")), "helo: IPv6 without its tag");
	ok(!addr_is_helo(STR("[foo]")), "helo: no literal");
	ok(!addr_is_helo(STR("a b")), "helo: two words");
	ok(!addr_is_helo(STR("")), "helo: nothing");
	ok(!addr_is_helo(STR("a\rb")), "helo: a CR");
}

static void
test_predicates(void)
{
	struct addr	a, b;
	struct buf	local = BUF_INIT(200);

	ok(addr_parse(STR("\"a b\\@\"@X"), &a) == ADDR_OK, "quoted parses");
	addr_add_local(&local, &a);
	is_str(buf_str(&local), STR("a b@"), "the localpart as it is meant");
	buf_free(&local);
	ok(addr_is_ascii(&a), "ascii");
	ok(addr_parse(STR("a@\xc3\xbc"), &a) == ADDR_OK && addr_local_is_ascii(&a) && !addr_is_ascii(&a),
	    "only the domain is not ascii");
	ok(addr_parse(STR("\"a\"@X.org"), &a) == ADDR_OK && addr_parse(STR("a@x.ORG"), &b) == ADDR_OK &&
	    addr_same(&a, &b), "the same with quotes and case");
	ok(addr_parse(STR("A@x.org"), &b) == ADDR_OK && !addr_same(&a, &b), "localparts keep their case");
}

int
main(void)
{
	test_mailboxes();
	test_paths();
	test_helo();
	test_predicates();
	return done_testing();
}
