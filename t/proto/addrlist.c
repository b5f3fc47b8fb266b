/* addrlist: RFC 5322's examples (appendix A), obsolete forms, and what is seen. */
#include "proto/addrlist.h"

#include "base/limits.h"
#include "../tap.h"

/* name <local@domain> | name:… ; with "-" for no name and {route} in front */
static const struct {
	const char	*in;
	const char	*want;
} rows[] = {
	{ "John Doe <jdoe@machine.example>", "(John Doe|jdoe|machine.example)" },
	{ "Mary Smith <mary@example.net>", "(Mary Smith|mary|example.net)" },
	{ "\"Joe Q. Public\" <john.q.public@example.com>", "(Joe Q. Public|john.q.public|example.com)" },
	{ "Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>",
	  "(Mary Smith|mary|x.test)(-|jdoe|example.org)(Who?|one|y.test)" },
	{ "<boss@nil.test>, \"Giant; \\\"Big\\\" Box\" <sysservices@example.net>",
	  "(-|boss|nil.test)(Giant; \"Big\" Box|sysservices|example.net)" },
	{ "A Group:Ed Jones <joe@where.test>,John <jdoe@one.test>;",
	  "[A Group](Ed Jones|joe|where.test)(John|jdoe|one.test)[/]" },
	{ "Undisclosed recipients:;", "[Undisclosed recipients][/]" },
	{ "Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>", "(Pete|pete|silly.test)" },
	{ "A Group(Some people)\r\n     :Chris Jones <c@(Chris's host.)public.example>,\r\n"
	  "         joe@example.org,\r\n  John <jdoe@one.test> (my dear friend); (the end of the group)",
	  "[A Group](Chris Jones|c|public.example)(-|joe|example.org)(John|jdoe|one.test)[/]" },
	{ "(Empty list)(start)Hidden recipients  :(nobody(that I know))  ;", "[Hidden recipients][/]" },
	{ "Joe Q. Public <john.q.public@example.com>", "(Joe Q. Public|john.q.public|example.com)" },
	{ "Mary Smith <@node.test:mary@example.net>, , jdoe@test   . example",
	  "{@node.test}(Mary Smith|mary|example.net)(-|jdoe|test.example)" },
	{ "<@a,@b.c:d@e>", "{@a,@b.c}(-|d|e)" },
	{ "<@@@@:d@e>", "(-|:d|e)" },
	{ "", "" },
	{ " , ,", "" },
	{ "a@b", "(-|a|b)" },
	{ "a@b (Real Name)", "(Real Name|a|b)" },
	{ "<a@b> (Real Name)", "(Real Name|a|b)" },
	{ "\"joe blow\"@x", "(-|joe blow|x)" },
	{ "\"a\\@b\"@x", "(-|a@b|x)" },
	{ "a . b @ c . d", "(-|a.b|c.d)" },
	{ "a@[192.0.2.1]", "(-|a|[192.0.2.1])" },
	{ "a@[IPv6: ::1]", "(-|a|[IPv6:::1])" },
	{ "a@b <c@d>", "(a@b|c|d)" },
	{ "nobody", "(-|nobody|)" },
	{ "undisclosed recipients", "(-|undisclosedrecipients|)" },
	{ "Name <nobody>", "(Name|nobody|)" },
	{ "Name <>", "(Name||)" },
	{ "<>", "(-||)" },
	{ "Name <a@b", "(Name|a|b)" },
	{ "a@b; c@d", "(-|a|b)(-|c|d)" },
	{ "a@b c@d", "(-|a|b)" },
	{ "=?utf-8?q?J=C3=B6rg?= <j@x>", "(=?utf-8?q?J=C3=B6rg?=|j|x)" },
	{ "J\xc3\xb6rg <j\xc3\xb6@x.\xc3\xb6>", "(J\xc3\xb6rg|j\xc3\xb6|x.\xc3\xb6)" },
	{ "G: a@b, H: c@d;", "[G](-|a|b)(-|H|)[/]" },
	{ "G: a@b", "[G](-|a|b)[/]" },
	{ "G:;, a@b", "[G][/](-|a|b)" },
	{ "a@b@c", "(-|a@b|c)" },
	{ "<a@b@c>", "(-|a@b|c)" },
	{ "@b", "(-||b)" },
	{ "\"no end <a@b>", "(-|no end <a@b>|)" },
	{ "(no end <a@b>", "" },
	{ "John > Doe <a@b>", "(John > Doe|a|b)" },
	{ "a b\"c d\"e <f@g>", "(a bc de|f|g)" },
};

static void
dump(struct buf *got, const struct addrlist_item *i)
{
	if (i->route.p != NULL)
		buf_addf(got, "{" STR_FMT "}", STR_ARG(i->route));
	switch (i->kind) {
	case ADDRLIST_GROUP:
		buf_addf(got, "[" STR_FMT "]", STR_ARG(i->name));
		break;
	case ADDRLIST_GROUP_END:
		buf_adds(got, "[/]");
		break;
	case ADDRLIST_MAILBOX:
		buf_addf(got, "(" STR_FMT "|" STR_FMT "|" STR_FMT ")", STR_ARG(i->name.p == NULL ? STR("-") : i->name),
		    STR_ARG(i->local), STR_ARG(i->domain));
		break;
	}
}

static void
test_rows(void)
{
	struct buf		got = BUF_INIT(100000);
	struct arena		a = ARENA_INIT(1 << 20);
	struct addrlist		l;
	struct addrlist_item	i;

	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		buf_reset(&got);
		addrlist_open(&l, str_c(rows[r].in), &a);
		while (addrlist_next(&l, &i))
			dump(&got, &i);
		is_str(buf_str(&got), str_c(rows[r].want), rows[r].want);
	}
	buf_free(&got);
	arena_free(&a);
}

static void
test_single(void)
{
	struct arena		a = ARENA_INIT(1 << 20);
	struct addrlist_item	i;

	ok(addrlist_single(STR("A <a@b>"), &a, &i), "one address");
	is_str(i.domain, STR("b"), "its domain");
	ok(addrlist_single(STR("G: A <a@b>;"), &a, &i), "one in a group");
	ok(!addrlist_single(STR("a@b, c@d"), &a, &i), "two");
	ok(!addrlist_single(STR("a"), &a, &i), "no domain");
	ok(!addrlist_single(STR("@a"), &a, &i), "no local part");
	ok(!addrlist_single(STR(""), &a, &i), "none");
	arena_free(&a);
}

static void
test_limit(void)
{
	struct buf		in = BUF_INIT(1 << 20);
	struct arena		a = ARENA_INIT(8 << 20);
	struct addrlist		l;
	struct addrlist_item	i;
	size_t			n = 0;

	for (int k = 0; k < LIMIT_ADDRLIST + 100; k++)
		buf_adds(&in, "a@b,");
	addrlist_open(&l, buf_str(&in), &a);
	while (addrlist_next(&l, &i))
		n++;
	is_num(n, LIMIT_ADDRLIST, "no more than the limit");
	buf_free(&in);
	arena_free(&a);
}

int
main(void)
{
	test_rows();
	test_single();
	test_limit();
	return done_testing();
}
