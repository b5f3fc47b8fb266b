/* submission: what a header says, what of it is sent on, and the bytes behind it. */
#include "proto/submission.h"

#include "../tap.h"

static struct arena	arena = ARENA_INIT(1 << 20);

static struct submission
look(struct str head)
{
	struct submission	s;

	arena_reset(&arena);
	if (!submission_look(head, &arena, &s))
		ok(false, "the arena is large enough");
	return s;
}

static const struct {
	const char	*name;
	struct str	 value;
	const char	*address, *display;	/* NULL: none that is clear */
} authors[] = {
	{ "plain", STR_INIT("a@b"), "a@b", "" },
	{ "angle", STR_INIT("<a@b>"), "a@b", "" },
	{ "name", STR_INIT("Joe Doe <a@b>"), "a@b", "Joe Doe" },
	{ "quoted name", STR_INIT("\"Joe, @x <q@r>\" <a@b>"), "a@b", "Joe, @x <q@r>" },
	{ "comments", STR_INIT("(c@d, e@f) a@b (Joe)"), "a@b", "Joe" },
	{ "comments within", STR_INIT("Joe <a (x) @ (y\\)) b (z) . c (q)>"), "a@b.c", "Joe" },
	{ "spaces around dots", STR_INIT("a . b@c .d"), "a.b@c.d", "" },
	{ "a literal", STR_INIT("<a@[192.0.2.1]>"), "a@[192.0.2.1]", "" },
	{ "no domain", STR_INIT("root (Cron Daemon)"), "root@", "Cron Daemon" },
	{ "quoted local part", STR_INIT("\"a b\"@c"), "a b@c", "" },
	{ "its own name", STR_INIT("a@b <a@B>"), "a@B", NULL },
	{ "folded", STR_INIT("Joe\r\n <a@b>"), "a@b", "Joe" },
	{ "two", STR_INIT("a@b, c@d"), NULL, NULL },
	{ "a group", STR_INIT("g: a@b;"), NULL, NULL },
	{ "an empty group", STR_INIT("undisclosed:;"), NULL, NULL },
	{ "nothing", STR_INIT(""), NULL, NULL },
	{ "the null path", STR_INIT("<>"), NULL, NULL },
	{ "another's address for a name", STR_INIT("c@d <a@b>"), NULL, NULL },
	{ "two angles", STR_INIT("<a@b> <c@d>"), NULL, NULL },
	{ "something behind", STR_INIT("<a@b> c@d"), NULL, NULL },
	{ "an angle in an angle", STR_INIT("<a@b <c@d>>"), NULL, NULL },
	{ "another behind it", STR_INIT("a@b c@d"), NULL, NULL },
	{ "another before it", STR_INIT("c@d a@b"), NULL, NULL },
	{ "a quoted one behind it", STR_INIT("a@b \"c@d\""), NULL, NULL },
	{ "a word behind it", STR_INIT("a@b c"), NULL, NULL },
	{ "two at signs", STR_INIT("c@d@b"), NULL, NULL },
	{ "two at signs in angles", STR_INIT("Joe <c@d@b>"), NULL, NULL },
	{ "two words for a local part", STR_INIT("<c d@b>"), NULL, NULL },
	{ "an address in angles in a comment", STR_INIT("a@b (<c@d>)"), NULL, NULL },
	{ "a comment without end", STR_INIT("a@b (c@d"), NULL, NULL },
	{ "a comment that has only an end", STR_INIT("a@b c@d)"), NULL, NULL },
	{ "a comment that an escape keeps open", STR_INIT("a@b (c\\) <c@d>"), NULL, NULL },
	{ "a quote without end", STR_INIT("\"Joe <a@b>"), NULL, NULL },
	{ "an escape out of quotes", STR_INIT("a\\@b@c"), NULL, NULL },
	{ "two angles for one end", STR_INIT("<<a@b>"), NULL, NULL },
	{ "a semicolon", STR_INIT("a@b; c@d"), NULL, NULL },
	{ "a literal with more behind it", STR_INIT("<a@[192.0.2.1]b>"), NULL, NULL },
	{ "not UTF-8", STR_INIT("<a\377@b>"), NULL, NULL },
	{ "a route", STR_INIT("<@x,@y:a@b>"), NULL, NULL },
	{ "a NUL", STR_INIT("a@b\0c"), NULL, NULL },
};

static void
test_author(void)
{
	struct buf	b = BUF_INIT(1000);

	for (size_t i = 0; i < sizeof(authors) / sizeof(authors[0]); i++) {
		struct submission	s;
		char			got[100];

		buf_reset(&b);
		buf_adds(&b, "From: ");
		buf_add(&b, authors[i].value);
		buf_adds(&b, "\r\n\r\n");
		s = look(buf_str(&b));
		(void)snprintf(got, sizeof(got), STR_FMT "%s" STR_FMT, STR_ARG(s.local), s.local.n > 0 ? "@" : "", STR_ARG(s.domain));
		is_str(str_c(got), str_c(authors[i].address), authors[i].name);
		if (authors[i].display != NULL)
			is_str(s.name, str_c(authors[i].display), "its name");
	}
	buf_free(&b);
}

static void
test_facts(void)
{
	struct submission	s = look(STR("Date: x\r\nmessage-id:\r\n <1@x>\r\nReceived: a\r\nRECEIVED: b\r\nFrom: a@b\r\n\r\nbody"));

	ok(s.has_date && s.has_message_id && s.nreceived == 2 && s.nfrom == 1 && s.separated && s.ascii && !s.tls_no, "facts");
	is_str(s.message_id, STR("<1@x>"), "message id");
	is_str(str_skip(s.head, s.body), STR("body"), "body");
	s = look(STR("Date: \r\nMessage-ID:\r\nFrom: a@b\r\nFrom: c@d\r\nSubject: \303\274\r\n\r\n"));
	ok(!s.has_date && !s.has_message_id && s.nfrom == 2 && s.local.n == 0 && !s.ascii, "empty ones are none, two Froms are not clear");
	ok(!look(STR("From: a@b\r\nno field\r\n\r\n")).separated && !look(STR("From: a@b\r\n")).separated &&
	    !look(STR("body\r\n")).separated && look(STR("\r\nbody")).separated, "separated or not");
	ok(look(STR("TLS-Required: No\r\n\r\n")).tls_no && look(STR("tls-required: \r\n nO \r\nTLS-Required: no\r\n\r\n")).tls_no &&
	    !look(STR("TLS-Required: no\r\nTLS-Required: yes\r\n\r\n")).tls_no && !look(STR("TLS-Required: no (x)\r\n\r\n")).tls_no,
	    "TLS-Required");
	is_str(look(STR("Message-ID: <a\tb>\r\n\r\n")).message_id, STR(""), "a message id that cannot be told");
}

static void
test_write(void)
{
	struct submission	s = look(STR("From b Mon\r\nReturn-Path: <x>\r\nBcc: y\r\n z\r\nTo: q\r\nMessage-ID: \r\nDate:\r\n"
	    "Authentication-Results: mx.example; spf=pass\r\nAuthentication-Results: (c) \"MX.example\" 1; a=b\r\n"
	    "Authentication-Results: other.example; spf=pass\r\nFrom: a@b\r\nResent-Bcc: r\r\nX: 1\r\n 2\r\n\r\nbody"));
	struct buf		b = BUF_INIT(10000);

	submission_write(&b, &s, STR("mx.example"), STR(""));
	is_str(buf_str(&b), STR("To: q\r\nAuthentication-Results: other.example; spf=pass\r\nFrom: a@b\r\nX: 1\r\n 2\r\n"), "what stays");
	buf_reset(&b);
	submission_write(&b, &s, STR("mx.example"), STR("From: c@d\r\n"));
	is_str(buf_str(&b), STR("From: c@d\r\nTo: q\r\nAuthentication-Results: other.example; spf=pass\r\nX: 1\r\n 2\r\n"), "another author");
	buf_reset(&b);
	s = look(STR("To: q"));
	submission_write(&b, &s, STR("mx.example"), STR(""));
	is_str(buf_str(&b), STR("To: q\r\n"), "a last line gets its end");
	buf_reset(&b);
	submission_author(&b, STR("Joe Doe"), STR("joe"), STR("x.example"));
	submission_author(&b, STR(""), STR("j d"), STR("x"));
	submission_author(&b, STR("Joe \"Q\"\r\n, \\"), STR("joe"), STR("x"));
	submission_author(&b, STR("=?utf-8?q?J=C3=B6e?="), STR("joe"), STR("x"));
	submission_author(&b, STR("=?x <a@b>,"), STR("joe"), STR("x"));
	is_str(buf_str(&b), STR("From: Joe Doe <joe@x.example>\r\nFrom: <\"j d\"@x>\r\nFrom: \"Joe \\\"Q\\\"  , \\\\\" <joe@x>\r\n"
	    "From: =?utf-8?q?J=C3=B6e?= <joe@x>\r\nFrom: \"=?x <a@b>,\" <joe@x>\r\n"), "authors");
	buf_free(&b);
}

static const struct {
	struct str	in, lines;
	bool		binary, eightbit, nul;
} texts[] = {
	{ STR_INIT(""), STR_INIT(""), false, false, false },
	{ STR_INIT("a\r\nb\r\n"), STR_INIT("a\r\nb\r\n"), false, false, false },
	{ STR_INIT("a\nb\n"), STR_INIT("a\r\nb\r\n"), true, false, false },
	{ STR_INIT("a\rb\r\n"), STR_INIT("a\r\nb\r\n"), true, false, false },
	{ STR_INIT("a\r\r\nb"), STR_INIT("a\r\n\r\nb"), true, false, false },
	{ STR_INIT("a\n\r\nb"), STR_INIT("a\r\n\r\nb"), true, false, false },
	{ STR_INIT("a\r"), STR_INIT("a\r\n"), true, false, false },
	{ STR_INIT("\303\274\r\n"), STR_INIT("\303\274\r\n"), false, true, false },
	{ STR_INIT("\r\303\274"), STR_INIT("\r\n\303\274"), true, true, false },
	{ STR_INIT("a\0\r\n\t\r\n"), STR_INIT("a\0\r\n\t\r\n"), false, false, true },
};

static void
test_bytes(void)
{
	struct buf	b = BUF_INIT(1000);

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		for (size_t step = 1; step < 10; step++) {
			struct submission_scan	s = { .cr = false };
			bool			cr = false;

			buf_reset(&b);
			for (size_t at = 0; at < texts[i].in.n; at += step) {
				submission_scan(&s, str_head(str_skip(texts[i].in, at), step));
				submission_lines(&b, &cr, str_head(str_skip(texts[i].in, at), step));
			}
			if (submission_is_binary(&s) != texts[i].binary || s.eightbit != texts[i].eightbit || s.nul != texts[i].nul)
				ok(false, "scan %zu by %zu", i, step);
			if (!str_eq(buf_str(&b), texts[i].lines))
				is_str(buf_str(&b), texts[i].lines, "lines");
		}
	ok(true, "bytes in pieces");
	buf_free(&b);
}

int
main(void)
{
	test_author();
	test_facts();
	test_write();
	test_bytes();
	arena_free(&arena);
	return done_testing();
}
