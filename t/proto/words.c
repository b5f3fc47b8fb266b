/* words and charset: RFC 2047's and 2231's examples, tables, folding. */
#include "proto/words.h"

#include "../tap.h"

static const struct {
	const char	*in;
	const char	*want;
} rows[] = {
	{ "=?US-ASCII?Q?Keith_Moore?= <moore@cs.utk.edu>", "Keith Moore <moore@cs.utk.edu>" },
	{ "=?ISO-8859-1?Q?Keld_J=F8rn_Simonsen?= <keld@dkuug.dk>", "Keld J\xc3\xb8rn Simonsen <keld@dkuug.dk>" },
	{ "=?ISO-8859-1?Q?Andr=E9?= Pirard", "Andr\xc3\xa9 Pirard" },
	{ "=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=\r\n =?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=",
	  "If you can read this you understand the example." },
	{ "(=?ISO-8859-1?Q?a?=)", "(a)" },
	{ "(=?ISO-8859-1?Q?a?= b)", "(a b)" },
	{ "(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=)", "(ab)" },
	{ "(=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=)", "(ab)" },
	{ "(=?ISO-8859-1?Q?a?=\r\n  =?ISO-8859-1?Q?b?=)", "(ab)" },
	{ "(=?ISO-8859-1?Q?a_b?=)", "(a b)" },
	{ "(=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=)", "(a b)" },
	{ "=?utf-8?q?=C3?= =?utf-8?q?=B6?=", "\xc3\xb6" },
	{ "=?utf-8*en?q?a?=", "a" },
	{ "=?windows-1252?Q?=80?=", "\xe2\x82\xac" },
	{ "=?iso-8859-15?Q?=A4?=", "\xe2\x82\xac" },
	{ "=?koi8-r?B?0NLJ18XU?=", "\xd0\xbf\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82" },
	{ "=?utf-8?q?=ff?=", "\xef\xbf\xbd" },
	{ "=?utf-8?q?a b?=", "a b" },
	{ "=?utf-8?x?a?=", "=?utf-8?x?a?=" },
	{ "=?utf-8?q?a", "=?utf-8?q?a" },
	{ "=??q?a?=", "=??q?a?=" },
	{ "=?utf-8?q?\?=", "" },
	{ "a =?", "a =?" },
	{ "=?a?q?=?utf-8?q?b?=", "=?a?q?b" },
	{ "a=?utf-8?q?b?=c", "abc" },
	{ "\"=?utf-8?q?b?=\"", "\"b\"" },
	{ "J\xc3\xb6rg", "J\xc3\xb6rg" },
	{ "J\xf6rg", "J\xc3\xb6rg" },
	{ "=?none-such?q?a=E9?=", "a\xc3\xa9" },
	{ "a\r\n b", "a b" },
	{ "=?utf-8?b?YQ==?= x =?utf-8?b?Yg==?=", "a x b" },
	{ "=?utf-8?q?a=?=", "a=" },
	{ "=?utf-8?q?a=4?=", "a=4" },
};

static void
test_words(void)
{
	struct buf	got = BUF_INIT(10000);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		buf_reset(&got);
		words_decode(&got, str_c(rows[i].in), NULL);
		is_str(buf_str(&got), str_c(rows[i].want), rows[i].want);
	}
	buf_free(&got);
}

static void
test_params(void)
{
	struct arena	a = ARENA_INIT(1 << 20);
	struct buf	got = BUF_INIT(1000);
	struct params	ps = params_parse(STR("; a*0*=us-ascii'en'This%20is%20even%20more%20; a*1*=%2A%2A%2Afun%2A%2A%2A%20;"
	    " a*2=\"isn't it!\"; b*=utf-8''%c3%b6; c=\"=?utf-8?q?=c3=b6?=\"; d=\xf6; e*=%41"), &a);

	ok(params_decode(&got, &ps, STR("A"), NULL), "RFC 2231 4.1");
	is_str(buf_str(&got), STR("This is even more ***fun*** isn't it!"), "decoded");
	buf_reset(&got);
	ok(params_decode(&got, &ps, STR("b"), NULL) && params_decode(&got, &ps, STR("c"), NULL) &&
	    params_decode(&got, &ps, STR("d"), NULL) && params_decode(&got, &ps, STR("e"), NULL), "other forms");
	is_str(buf_str(&got), STR("\xc3\xb6\xc3\xb6\xc3\xb6" "A"), "decoded");
	ok(!params_decode(&got, &ps, STR("f"), NULL), "not there");
	buf_free(&got);
	arena_free(&a);
}

static const struct {
	const char	*charset;
	struct str	 in;
	const char	*want;
	bool		 known;
} charsets[] = {
	{ "us-ascii", STR_INIT("a\xc3\xb6" "b\xf6"), "a\xc3\xb6" "b\xc3\xb6", true },
	{ "us-ascii", STR_INIT("a\xe2\x82"), "a\xc3\xa2\xe2\x80\x9a", true },
	{ "UTF-8", STR_INIT("\xc3\xb6\xe2\x82\xac\xf0\x9f\x98\x80"), "\xc3\xb6\xe2\x82\xac\xf0\x9f\x98\x80", true },
	{ "utf8", STR_INIT("\xc0\xafx\xed\xa0\x80"), "\xef\xbf\xbd\xef\xbf\xbdx\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", true },
	{ "ISO_8859-1", STR_INIT("\xe9"), "\xc3\xa9", true },
	{ "iso-8859-2", STR_INIT("\xb1"), "\xc4\x85", true },
	{ "windows-1251", STR_INIT("\xcf\xf0"), "\xd0\x9f\xd1\x80", true },
	{ "ISO-8859-7", STR_INIT("\xc1"), "\xce\x91", true },
	{ "shift_jis", STR_INIT("a"), "a", false },
	{ "x-none//IGNORE", STR_INIT("a"), "a", false },
};

static void
test_charsets(void)
{
	struct buf	got = BUF_INIT(1000), one = BUF_INIT(1000);

	for (size_t i = 0; i < sizeof(charsets) / sizeof(charsets[0]); i++) {
		struct str	in = charsets[i].in;
		struct charset	c;

		buf_reset(&got);
		buf_reset(&one);
		ok(charset_convert(&got, str_c(charsets[i].charset), in, NULL) == charsets[i].known, "%s", charsets[i].charset);
		is_str(buf_str(&got), str_c(charsets[i].want), "converted");
		if (!charset_open(&c, str_c(charsets[i].charset), NULL))
			continue;
		for (size_t k = 0; k < in.n; k++)
			charset_feed(&c, str_n(in.p + k, 1), &one);
		charset_end(&c, &one);
		is_str(buf_str(&one), buf_str(&got), "byte by byte is the same");
	}
	buf_free(&got);
	buf_free(&one);
}

static void
test_fold(void)
{
	static const struct {
		const char	*in, *want;
	} folds[] = {
		{ "Hello, World 123", "hello, world 123" },
		{ "\xc3\x84\xc3\x96\xc3\x9c\xc3\x97", "\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x97" },		/* AE OE UE and the times sign */
		{ "\xc4\x80\xc4\x81\xc5\xb8", "\xc4\x81\xc4\x81\xc3\xbf" },
		{ "\xce\x91\xce\xa3\xcf\x82", "\xce\xb1\xcf\x83\xcf\x83" },			/* final sigma is sigma */
		{ "\xd0\x9f\xd0\x81\xd1\x9f", "\xd0\xbf\xd1\x91\xd1\x9f" },
		{ "\xff" "A\xc3", "\xff" "a\xc3" },
		{ "\xe6\x97\xa5Q\xf0\x9f\x98\x80", "\xe6\x97\xa5q\xf0\x9f\x98\x80" },
	};
	struct buf	got = BUF_INIT(1000);

	for (size_t i = 0; i < sizeof(folds) / sizeof(folds[0]); i++) {
		buf_reset(&got);
		utf8_fold(&got, str_c(folds[i].in));
		is_str(buf_str(&got), str_c(folds[i].want), "folded");
	}
	buf_free(&got);
}

int
main(void)
{
	test_words();
	test_params();
	test_charsets();
	test_fold();
	return done_testing();
}
