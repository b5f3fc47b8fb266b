/* precis: RFC 8265 section 4.3, and the classes of RFC 8264. */
#include "proto/precis.h"

#include "../tap.h"

static const struct {
	const char	*name;
	struct str	 in;
	const char	*want;		/* NULL: refused */
} rows[] = {
	{ "12", STR_INIT("correct horse battery staple"), "correct horse battery staple" },
	{ "13", STR_INIT("Correct Horse Battery Staple"), "Correct Horse Battery Staple" },
	{ "14", STR_INIT("\xcf\x80\xc3\x9f\xc3\xa5"), "\xcf\x80\xc3\x9f\xc3\xa5" },
	{ "15", STR_INIT("Jack of \xe2\x99\xa6s"), "Jack of \xe2\x99\xa6s" },
	{ "16: an ogham space", STR_INIT("foo\xe1\x9a\x80" "bar"), "foo bar" },
	{ "17: empty", STR_INIT(""), NULL },
	{ "18: a tab", STR_INIT("my cat is a \tby"), NULL },
	{ "a no-break space", STR_INIT("a\xc2\xa0" "b"), "a b" },
	{ "an ideographic space", STR_INIT("a\xe3\x80\x80" "b"), "a b" },
	{ "composed", STR_INIT("A\xcc\x8angstrom"), "\xc3\x85ngstrom" },
	{ "fullwidth stays", STR_INIT("\xef\xbc\xa1"), "\xef\xbc\xa1" },
	{ "a ligature stays", STR_INIT("\xef\xac\x81"), "\xef\xac\x81" },
	{ "an emoji", STR_INIT("\xf0\x9f\x90\xb4"), "\xf0\x9f\x90\xb4" },
	{ "NUL", STR_INIT("a\0b"), NULL },
	{ "DEL", STR_INIT("a\x7f"), NULL },
	{ "a C1 control", STR_INIT("a\xc2\x85"), NULL },
	{ "no UTF-8", STR_INIT("a\xff"), NULL },
	{ "private use", STR_INIT("\xee\x80\x80"), NULL },
	{ "unassigned", STR_INIT("\xcd\xb8"), NULL },
	{ "a noncharacter", STR_INIT("\xef\xbf\xbe"), NULL },
	{ "a soft hyphen", STR_INIT("a\xc2\xad" "b"), NULL },
	{ "a tag character", STR_INIT("\xf3\xa0\x81\x81"), NULL },
	{ "old hangul", STR_INIT("\xe1\x84\x80"), NULL },
	{ "tatweel", STR_INIT("\xd9\x80"), NULL },
	{ "middle dot in Catalan", STR_INIT("l\xc2\xb7l"), "l\xc2\xb7l" },
	{ "middle dot elsewhere", STR_INIT("a\xc2\xb7" "b"), NULL },
	{ "joiner after virama", STR_INIT("\xe0\xa4\x95\xe0\xa5\x8d\xe2\x80\x8d"), "\xe0\xa4\x95\xe0\xa5\x8d\xe2\x80\x8d" },
	{ "virama that normalizing moves away", STR_INIT("\xd6\xa4\xd6\xa4\xe0\xa5\x8d\xe2\x80\x8c"), NULL },
	{ "joiner elsewhere", STR_INIT("a\xe2\x80\x8d"), NULL },
	{ "non-joiner between joining letters", STR_INIT("\xd8\xa8\xe2\x80\x8c\xd8\xa8"), "\xd8\xa8\xe2\x80\x8c\xd8\xa8" },
	{ "non-joiner elsewhere", STR_INIT("a\xe2\x80\x8c" "b"), NULL },
	{ "katakana dot", STR_INIT("\xe3\x82\xa2\xe3\x83\xbb"), "\xe3\x82\xa2\xe3\x83\xbb" },
	{ "katakana dot alone", STR_INIT("a\xe3\x83\xbb"), NULL },
	{ "both kinds of arabic digits", STR_INIT("\xd9\xa0\xdb\xb0"), NULL },
	{ "one kind", STR_INIT("\xd9\xa0\xd9\xa1"), "\xd9\xa0\xd9\xa1" },
	{ "Greek keraia", STR_INIT("\xcd\xb5\xce\xb1"), "\xcd\xb5\xce\xb1" },
	{ "geresh after Hebrew", STR_INIT("\xd7\x90\xd7\xb3"), "\xd7\x90\xd7\xb3" },
	{ "geresh alone", STR_INIT("\xd7\xb3"), NULL },
};

int
main(void)
{
	struct buf	out = BUF_INIT(2048), again = BUF_INIT(2048);
	static char	longest[1025];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool	good;

		buf_reset(&out);
		buf_reset(&again);
		good = precis_password(rows[i].in, &out);
		ok(good == (rows[i].want != NULL), "%s", rows[i].name);
		if (!good || rows[i].want == NULL)
			continue;
		is_str(buf_str(&out), str_c(rows[i].want), "its form");
		ok(precis_password(buf_str(&out), &again) && str_eq(buf_str(&out), buf_str(&again)), "which stays as it is");
	}
	memset(longest, 'x', sizeof(longest));
	ok(!precis_password(str_n(longest, sizeof(longest)), &out), "too long");
	buf_reset(&out);
	ok(precis_username(STR("mu\xcc\x88ller@example.org"), &out), "a name");
	is_str(buf_str(&out), STR("m\xc3\xbcller@example.org"), "in NFC");
	ok(!precis_username(STR(""), &out) && !precis_username(STR("\xff"), &out), "none");
	buf_free(&out);
	buf_free(&again);
	return done_testing();
}
