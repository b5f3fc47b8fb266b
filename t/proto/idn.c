/* idn: the two spellings of a domain, and what is none. */
#include "proto/idn.h"

#include "../tap.h"

#include "base/limits.h"
#include "proto/addr.h"

static const struct {
	const char	*name, *utf8, *ascii;	/* ascii NULL: no such name */
} rows[] = {
	{ "ASCII", "there.example", "there.example" },
	{ "a U-label", "bücher.example", "xn--bcher-kva.example" },
	{ "in capitals", "BÜCHER.Example", "xn--bcher-kva.example" },
	{ "not in a normal form", "bu\xcc\x88""cher.example", "xn--bcher-kva.example" },
	{ "sharp s is itself (not transitional)", "straße.example", "xn--strae-oqa.example" },
	{ "from right to left", "אבג.example", "xn--4dbcd.example" },
	{ "an ideographic full stop", "例え。example", "xn--r8jz45g.example" },
	{ "a top level domain", "пример.рф", "xn--e1afmkfd.xn--p1ai" },
	{ "what IDNA does not allow", "a\xe2\x80\x8b\xe2\x98\x83 b.example", NULL },
	{ "a label too long", "üüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüü.example", NULL },
	{ "no UTF-8", "b\xfc""cher.example", NULL },
	{ "empty", "", NULL },
};

static void
test_rows(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf	b = BUF_INIT(LIMIT_PATH);
		bool		good;

		buf_addc(&b, '@');
		good = idn_to_ascii(str_c(rows[i].utf8), &b);
		ok(good == (rows[i].ascii != NULL), "%s", rows[i].name);
		if (good)
			is_str(str_skip(buf_str(&b), 1), str_c(rows[i].ascii), rows[i].name);
		else
			is_str(buf_str(&b), STR("@"), "nothing was added");
		buf_free(&b);
	}
}

static void
test_utf8(void)
{
	struct buf	b = BUF_INIT(LIMIT_PATH), small = BUF_INIT(10);

	ok(idn_to_utf8(STR("xn--bcher-kva.example"), &b), "an A-label in UTF-8");
	is_str(buf_str(&b), STR("bücher.example"), "is what it stands for");
	ok(!idn_to_utf8(STR("xn--\xff.example"), &b), "what is no name in UTF-8 is not");
	ok(!idn_to_ascii(STR("bücher.example"), &small), "no room");
	buf_free(&b);
	buf_free(&small);
}

/* Whoever builds an address of it must look at it again. */
static void
test_likeness(void)
{
	struct buf	b = BUF_INIT(LIMIT_PATH);

	if (idn_to_ascii(STR("a\xef\xbc\xa0""b.example"), &b))
		ok(!addr_is_domain(buf_str(&b)), "a wide @ becomes an @, which no domain has");
	else
		ok(true, "a wide @ is in no name");
	buf_free(&b);
}

int
main(void)
{
	test_rows();
	test_utf8();
	test_likeness();
	return done_testing();
}
