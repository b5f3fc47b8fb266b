/* str: comparing, cutting, searching, UTF-8. */
#include "base/str.h"

#include "../tap.h"

static void
test_utf8(void)
{
	static const struct {
		const char	*name;
		struct str	 in;
		bool		 want;
	} rows[] = {
		{ "empty", STR_INIT(""), true },
		{ "ascii", STR_INIT("abc"), true },
		{ "NUL", STR_INIT("a\0b"), false },
		{ "two bytes", STR_INIT("\xc3\xa9"), true },
		{ "overlong slash", STR_INIT("\xc0\xaf"), false },
		{ "overlong in three", STR_INIT("\xe0\x9f\xbf"), false },
		{ "surrogate", STR_INIT("\xed\xa0\x80"), false },
		{ "last code point", STR_INIT("\xf4\x8f\xbf\xbf"), true },
		{ "past the last", STR_INIT("\xf4\x90\x80\x80"), false },
		{ "cut short", STR_INIT("\xe2\x82"), false },
		{ "lone continuation", STR_INIT("\x80"), false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ok(str_is_utf8(rows[i].in) == rows[i].want, "utf8: %s", rows[i].name);
}

static void
test_cut(void)
{
	struct str	rest = STR("a,b"), head;

	ok(str_cut(&rest, ',', &head), "a comma is found");
	is_str(head, STR("a"), "before it");
	is_str(rest, STR("b"), "after it");
	ok(!str_cut(&rest, ',', &head), "no further comma");
	is_str(head, STR("b"), "all of it is the head");
	is_num(rest.n, 0, "nothing is left");
}

static void
test_search(void)
{
	is_num(str_find(STR("banana"), STR("nan")), 2, "find inside");
	is_num(str_find(STR("banana"), STR("nab")), 6, "find nothing");
	is_num(str_find(STR("banana"), STR("banana!")), 6, "needle longer");
	is_num(str_find(STR("aab"), STR("ab")), 1, "find after a false start");
	is_num(str_rchr(STR("a.b.c"), '.'), 3, "last dot");
	ok(str_iends(STR("A.EXAMPLE"), STR(".example")), "ends, any case");
	ok(!str_ends(STR("x"), STR("xx")), "suffix longer");
	is_str(str_trim(STR(" \t a b\r\n")), STR("a b"), "trim");
}

static void
test_copy(void)
{
	char	small[4];

	ok(str_copy(STR("abc"), small, sizeof(small)), "just fits");
	ok(!str_copy(STR("abcd"), small, sizeof(small)), "one too many");
	ok(!str_copy(STR("a\0b"), small, sizeof(small)), "a NUL inside");
}

int
main(void)
{
	test_utf8();
	test_cut();
	test_search();
	test_copy();
	return done_testing();
}
