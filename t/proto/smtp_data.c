/* smtp_data: dots, line ends, the smuggling forms; any cutting gives the same. */
#include "proto/smtp_data.h"

#include <time.h>

#include "../tap.h"

static const struct row {
	const char	*name, *in, *out;	/* out is NULL when spoiled */
	const char	*rest;			/* NULL: not at the end */
} rows[] = {
	{ "one line", "a\r\n.\r\n", "a\r\n", "" },
	{ "empty message", ".\r\n", "", "" },
	{ "what follows stays", "a\r\n.\r\nQUIT\r\n", "a\r\n", "QUIT\r\n" },
	{ "not at the end", "a\r\nb", "a\r\nb", NULL },
	{ "dot stuffed", "..a\r\n..\r\n.\r\n", ".a\r\n.\r\n", "" },
	{ "one dot before text", ".a\r\n.\r\n", "a\r\n", "" },
	{ "dot inside", "a.b\r\n.\r\n", "a.b\r\n", "" },
	{ "dots inside", "a\r\nb..\r\n.\r\n", "a\r\nb..\r\n", "" },
	{ "empty lines", "\r\n\r\n.\r\n", "\r\n\r\n", "" },
	{ "bare LF becomes CRLF", "a\nb\r\n.\r\n", "a\r\nb\r\n", "" },
	{ "many bare LF", "a\n\nb\n\r\n.\r\n", "a\r\n\r\nb\r\n\r\n", "" },
	{ "dots behind a bare LF stay", "a\n..b\r\n.\r\n", "a\r\n..b\r\n", "" },
	{ "one dot and text behind a bare LF", "a\n.b\r\n.\r\n", "a\r\n.b\r\n", "" },
	{ "NUL and 8-bit pass", "\xff\xfe\r\n.\r\n", "\xff\xfe\r\n", "" },
	{ "CRLF . LF", "a\r\n.\nb\r\n.\r\n", NULL, "" },
	{ "LF . LF", "a\n.\nb\r\n.\r\n", NULL, "" },
	{ "LF . CRLF", "a\n.\r\nb\r\n.\r\n", NULL, "" },
	{ "LF . CRLF is not the end", "a\n.\r\nMAIL FROM:<x@y>\r\n", NULL, NULL },
	{ "LF . CRLF, and its CRLF begins the end", "a\n.\r\n.\r\nQ", NULL, "Q" },
	{ "CRLF . CR", "a\r\n.\rb\r\n.\r\n", NULL, "" },
	{ "CRLF . CR CRLF", "a\r\n.\r\r\nb\r\n.\r\n", NULL, "" },
	{ "LF . CR", "a\n.\rb\r\n.\r\n", NULL, "" },
	{ "CR . CR", "a\r.\rb\r\n.\r\n", NULL, "" },
	{ "CR . CRLF", "a\r.\r\nb\r\n.\r\n", NULL, "" },
	{ "bare CR in a line", "a\rb\r\n.\r\n", NULL, "" },
	{ "CR CRLF", "a\r\r\n.\r\n", NULL, "" },
	{ "LF dot at the start", ".\na\r\n.\r\n", NULL, "" },
	{ "dot CR at the start", ".\ra\r\n.\r\n", NULL, "" },
	{ "LF CR", "a\n\rb\r\n.\r\n", NULL, "" },
	{ "spoiled late", "aaaaaaaa\r\nbbbbbb\r\nc\rc\r\ndd\r\n.\r\n", NULL, "" },
};

/* Feed in pieces of n bytes, through a small out that is emptied often. */
static void
run(const struct row *r, size_t n, struct buf *got, bool *end, bool *spoiled, struct str *rest)
{
	struct smtp_data	d = SMTP_DATA_INIT;
	struct buf		out = BUF_INIT(8);
	struct str		in = str_c(r->in);

	*end = false;
	while (in.n > 0 && !*end) {
		struct str	piece = str_head(in, n);
		size_t		before = piece.n;

		*end = smtp_data_feed(&d, &piece, &out) == SMTP_DATA_END;
		in = str_skip(in, before - piece.n);
		buf_add(got, buf_str(&out));
		if (buf_failed(&out))
			ok(false, "out never overflows");
		buf_reset(&out);
	}
	*spoiled = d.spoiled;
	*rest = in;
	buf_free(&out);
}

static void
test_rows(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row	*r = &rows[i];

		for (size_t n = 1; n <= strlen(r->in); n++) {
			struct buf	got = BUF_INIT(1000);
			struct str	rest;
			bool		end, spoiled;
			char		name[128];

			(void)snprintf(name, sizeof(name), "%s, by %zu", r->name, n);
			run(r, n, &got, &end, &spoiled, &rest);
			ok(end == (r->rest != NULL) && spoiled == (r->out == NULL), "%s", name);
			if (r->out != NULL)
				is_str(buf_str(&got), str_c(r->out), name);
			if (r->rest != NULL)
				is_str(rest, str_c(r->rest), name);
			buf_free(&got);
		}
	}
}

static double
rate(struct str text, int rounds)
{
	struct smtp_data	d = SMTP_DATA_INIT;
	struct buf		out = BUF_INIT(1u << 19);
	clock_t			t;

	t = clock();
	for (int i = 0; i < rounds; i++) {
		struct str	in = text;

		buf_reset(&out);
		while (in.n > 0) {
			struct str	piece = str_head(in, 65536);
			size_t		before = piece.n;

			buf_reset(&out);
			(void)!smtp_data_feed(&d, &piece, &out);
			in = str_skip(in, before - piece.n);
		}
	}
	t = clock() - t;
	buf_free(&out);
	return (double)text.n * rounds / ((double)(t > 0 ? t : 1) / CLOCKS_PER_SEC) / 1e6;
}

/* The worst input may cost much more than text, and not a thousand times more. */
static void
test_speed(void)
{
	static const char *const	patterns[] = { "aa\r", "aa\n", "\r", "\n", ".\r\n", "aa\n.b" };
	struct buf			text = BUF_INIT(1u << 20);
	double				fast;

	while (text.n < (1u << 19))
		buf_adds(&text, "The quick brown fox jumps over the lazy dog, and does so all day long.\r\n");
	fast = rate(buf_str(&text), 40);
	printf("# text: %.0f MB/s\n", fast);
#ifndef POSTHORN_SANITIZE
	ok(fast > 300, "ordinary text is fast, with room for a busy machine");
#endif
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		double	slow;

		buf_reset(&text);
		while (text.n < (1u << 18))
			buf_adds(&text, patterns[i]);
		slow = rate(buf_str(&text), 4);
		printf("# pattern %zu: %.0f MB/s\n", i, slow);
		ok(slow > 5, "pattern %zu is not quadratic", i);
	}
	buf_free(&text);
}

int
main(void)
{
	test_rows();
	test_speed();
	return done_testing();
}
