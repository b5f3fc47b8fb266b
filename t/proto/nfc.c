/* nfc: compared with another implementation over 300,000 random strings; here the kinds of cases. */
#include "proto/nfc.h"

#include "../tap.h"

int
main(void)
{
	static const struct {
		const char	*name, *in;
		bool		 want;
	} rows[] = {
		{ "empty", "", true },
		{ "ASCII", "Sent Items", true },
		{ "u with diaeresis in one", "\xc3\xbc", true },
		{ "u with diaeresis in two", "u\xcc\x88", false },
		{ "a mark that composes with nothing", "q\xcc\x88q\xcc\xa3", true },
		{ "a mark alone", "\xcc\x88", true },
		{ "marks in order", "x\xcc\xa3\xcc\x88", false },	/* x with diaeresis exists */
		{ "marks in order, none composes", "q\xcc\xa3\xcc\x82", true },
		{ "marks out of order", "q\xcc\x82\xcc\xa3", false },
		{ "a mark kept off by one of its class", "a\xcc\x85\xcc\x80", true },
		{ "Angstrom sign", "\xe2\x84\xab", false },
		{ "Hangul syllable", "\xed\x95\x9c", true },
		{ "Hangul letters", "\xe1\x84\x92\xe1\x85\xa1", false },
		{ "Hangul syllable and tail", "\xed\x95\x98\xe1\x86\xab", false },
		{ "Bengali vowel behind a consonant", "\xe0\xa6\x95\xe0\xa6\xbe", true },
		{ "Bengali vowel that composes", "\xe0\xa7\x87\xe0\xa6\xbe", false },
		{ "Devanagari qa, excluded from composition", "\xe0\xa4\x95\xe0\xa4\xbc", true },
		{ "and in one", "\xe0\xa5\x98", false },
		{ "CJK compatibility", "\xef\xa4\x80", false },
		{ "an emoji", "\xf0\x9f\x98\x8a", true },
		{ "not UTF-8", "\xff", false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ok(nfc_is(str_c(rows[i].in)) == rows[i].want, "%s", rows[i].name);
	return done_testing();
}
