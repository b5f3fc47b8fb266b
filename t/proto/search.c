/* search: keys are found through encodings, charsets and cases. */
#include "proto/search.h"

#include "sys/charset_iconv.h"
#include "../tap.h"

static const struct charset_hooks	iconv_hooks = CHARSET_ICONV;

static const char	message[] =
	"Date: Sat, 29 Feb 2020 23:30:00 -0500\r\n"
	"From: =?iso-8859-1?q?J=F6rg?= Smith <js@example.org>\r\n"
	"Subject: =?utf-8?b?xIxlc2vDoSBwb8WhdGE=?=\r\n long\r\n"
	"X-Empty:\r\n"
	"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
	"prologue\r\n"
	"--b\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
	"Gr=FC=\r\n=DFe aus K=F6ln\r\n"
	"--b\r\nContent-Type: text/html; charset=koi8-r\r\nContent-Transfer-Encoding: base64\r\n\r\n"
	"8NLJ18XU\r\n"
	"--b\r\nContent-Type: application/octet-stream; name=\"report.pdf\"\r\nContent-Transfer-Encoding: base64\r\n\r\n"
	"c2VjcmV0\r\n"
	"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner words\r\n\r\nbody of inner\r\n"
	"--b\r\nContent-Type: text/plain; charset=iso-2022-jp\r\n\r\n"
	"\x1b$BF|K\\8l\x1b(B\r\n"
	"--b\r\nContent-Type: text/plain\r\n\r\nraw \xd0\x96 utf-8\r\n"
	"--b--\r\n";

enum where { HEADER, BODY, TEXT };

static const struct {
	enum where	 where;
	const char	*name;
	const char	*key;
	bool		 want;
} rows[] = {
	{ HEADER, "from", "j\xc3\xb6rg smith", true },
	{ HEADER, "from", "J\xc3\x96RG", true },
	{ HEADER, "from", "EXAMPLE.ORG", true },
	{ HEADER, "from", "?q?", false },
	{ HEADER, "subject", "\xc4\x8d" "esk\xc3\xa1 po\xc5\xa1ta long", true },
	{ HEADER, "subject", "\xc4\x8c" "ESK\xc3\x81 PO\xc5\xa0TA", true },
	{ HEADER, "subject", "inner", false },
	{ HEADER, "x-empty", "", true },
	{ HEADER, "x-none", "", false },
	{ HEADER, "x-empty", "x", false },
	{ BODY, "", "gr\xc3\xbc\xc3\x9f" "e aus k\xc3\xb6ln", true },
	{ BODY, "", "\xd0\xbf\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82", true },
	{ BODY, "", "secret", false },
	{ BODY, "", "REPORT.pdf", true },
	{ BODY, "", "inner words", true },
	{ BODY, "", "body of inner", true },
	{ BODY, "", "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e", true },
	{ BODY, "", "RAW \xd0\xb6 UTF", true },
	{ BODY, "", "prologue", false },
	{ BODY, "", "example.org", false },
	{ BODY, "", "", true },
	{ TEXT, "", "example.org", true },
	{ TEXT, "", "from: j\xc3\xb6rg", true },
	{ TEXT, "", "body of inner", true },
	{ TEXT, "", "nowhere to be found", false },
};

static void
test_rows(void)
{
	struct arena		a = ARENA_INIT(MIME_ARENA);
	struct mime		m;
	struct search_key	k;
	bool			got = false;

	ok(mime_parse(&m, str_c(message), &a), "parsed");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ok(search_key(&k, STR("utf-8"), str_c(rows[i].key), NULL, &a), "a key");
		switch (rows[i].where) {
		case HEADER:
			got = search_header(m.text, str_c(rows[i].name), &k, &iconv_hooks);
			break;
		case BODY:
			got = search_body(&m, &k, &iconv_hooks);
			break;
		case TEXT:
			got = search_text(&m, &k, &iconv_hooks);
			break;
		}
		ok(got == rows[i].want, "%d %s \"%s\"", rows[i].where, rows[i].name, rows[i].key);
	}
	ok(search_key(&k, STR("iso-8859-1"), STR("\xf6RG"), NULL, &a), "a key in another charset");
	ok(search_header(m.text, STR("from"), &k, NULL), "is found");
	ok(!search_key(&k, STR("x-klingon"), STR("a"), &iconv_hooks, &a), "a charset that nobody knows");
	arena_free(&a);
}

/* A key is found wherever the pieces are cut, in every encoding. */
static void
test_pieces(void)
{
	struct buf		text = BUF_INIT(1 << 20);
	struct arena		a = ARENA_INIT(MIME_ARENA);
	struct search_key	k;
	struct mime		m;
	size_t			missed = 0;

	ok(search_key(&k, STR("utf-8"), STR("\xc3\xa4needle\xc3\xb6"), NULL, &a), "a key");
	for (size_t at = 8170; at < 8200; at++) {
		buf_reset(&text);
		buf_adds(&text, "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n");
		for (size_t i = 0; i < at; i++)
			buf_addc(&text, 'n');
		buf_adds(&text, "=C3=A4nee=\r\ndle\xc3\xb6 and more");
		missed += !mime_parse(&m, buf_str(&text), &a) || !search_body(&m, &k, NULL);
		buf_reset(&text);
		buf_adds(&text, "Content-Type: text/plain; charset=iso-8859-1\r\n\r\n");
		for (size_t i = 0; i < at; i++)
			buf_addc(&text, (char)0xe4);
		buf_adds(&text, "\xe4needle\xf6");
		missed += !mime_parse(&m, buf_str(&text), &a) || !search_body(&m, &k, NULL);
	}
	is_num(missed, 0, "found at every place");
	buf_free(&text);
	arena_free(&a);
}

int
main(void)
{
	int32_t	day;

	test_rows();
	test_pieces();
	ok(search_sent(str_c(message), &day) && day == 18321, "the day it was sent, where it was sent");
	ok(!search_sent(STR("Subject: x\r\n\r\n"), &day), "no date");
	return done_testing();
}
