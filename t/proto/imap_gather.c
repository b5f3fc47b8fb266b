/* imap_gather: commands and literals from bytes, whole and one by one. */
#include "proto/imap_gather.h"

#include "base/limits.h"

#include "../tap.h"

/* A transcript: what was told, in order, for input cut into steps of n bytes. */
static void
run(struct str in, size_t step, struct buf *out)
{
	struct imap_gather	g;

	imap_gather_init(&g);
	buf_reset(out);
	while (in.n > 0) {
		struct str	part = str_head(in, step);
		enum imap_got	got;

		in = str_skip(in, part.n);
		while ((got = imap_gather_feed(&g, &part)) != IMAP_GOT_MORE) {
			if (got == IMAP_GOT_LITERAL) {
				buf_addf(out, "{%s%s%llu}", g.literal.binary ? "~" : "", g.literal.sync ? "" : "+",
				    (unsigned long long)g.literal.size);
				if (imap_gather_literal(&g))
					continue;
				buf_adds(out, "REFUSED|");
			} else if (got == IMAP_GOT_TOOLONG)
				buf_addf(out, "LONG%s|", g.desync ? "!" : "");
			else {
				buf_add(out, buf_str(&g.text));
				buf_addc(out, '|');
			}
			imap_gather_reset(&g);
		}
	}
	if (!imap_gather_is_empty(&g))
		buf_adds(out, "...");
	imap_gather_free(&g);
}

static const struct {
	const char	*name;
	struct str	 in;
	const char	*want;
} rows[] = {
	{ "a line", STR_INIT("a NOOP\r\n"), "a NOOP|" },
	{ "two lines", STR_INIT("a NOOP\r\nb NOOP\r\n"), "a NOOP|b NOOP|" },
	{ "bare LF", STR_INIT("a NOOP\n"), "a NOOP|" },
	{ "not yet", STR_INIT("a NOOP\r"), "..." },
	{ "literal", STR_INIT("a LOGIN {3}\r\nabc {2+}\r\nde\r\n"), "{3}{+2}a LOGIN {3}\r\nabc {2+}\r\nde|" },
	{ "literal with line ends", STR_INIT("a X {4}\r\n\r\n\r\n\r\nb\r\n"), "{4}a X {4}\r\n\r\n\r\n|b|" },
	{ "empty literal", STR_INIT("a X {0}\r\n Y\r\n"), "{0}a X {0}\r\n Y|" },
	{ "literal that looks like one", STR_INIT("a X {5}\r\n {99}\r\n"), "{5}a X {5}\r\n {99}|" },
	{ "literal8", STR_INIT("a X ~{1+}\r\nz\r\n"), "{~+1}a X ~{1+}\r\nz|" },
	{ "not literals", STR_INIT("a {}\r\nb {x}\r\nc {1-}\r\nd 1}\r\ne {-1}\r\nf {+}\r\n"), "a {}|b {x}|c {1-}|d 1}|e {-1}|f {+}|" },
	{ "too big", STR_INIT("a X {102401}\r\nb Y {99999999999999999999999+}\r\n"),
	    "{102401}REFUSED|{+9223372036854775807}REFUSED|" },
	{ "empty line", STR_INIT("\r\n\n"), "||" },
};

static void
test_rows(void)
{
	struct buf	out = BUF_INIT(100000);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (size_t step = 1; step <= 16; step += 5) {
			run(rows[i].in, step == 16 ? SIZE_MAX : step, &out);
			is_str(buf_str(&out), str_c(rows[i].want), rows[i].name);
		}
	buf_free(&out);
}

static void
test_limits(void)
{
	struct buf	in = BUF_INIT(10000000), out = BUF_INIT(10000000);

	for (size_t i = 0; i < LIMIT_IMAP_LINE; i++)
		buf_addc(&in, 'a');
	buf_adds(&in, "\r\nb\r\n");
	run(buf_str(&in), 1000, &out);
	is_str(buf_str(&out), STR("LONG|b|"), "a line too long, and on with the next");
	buf_reset(&in);
	for (size_t i = 0; i < LIMIT_IMAP_LINE; i++)
		buf_addc(&in, 'a');
	buf_adds(&in, " {5+}\r\nb\r\n");
	run(buf_str(&in), 1, &out);
	is_str(buf_str(&out), STR("LONG!|b|"), "a line too long with a literal");
	buf_reset(&in);
	buf_adds(&in, "a");
	for (size_t i = 0; i < LIMIT_IMAP_LITERAL_COUNT + 1; i++)
		buf_adds(&in, " {1+}\r\nx");
	run(buf_str(&in), SIZE_MAX, &out);
	ok(str_find(buf_str(&out), STR("REFUSED")) < out.n, "too many literals");
	buf_free(&in);
	buf_free(&out);
}

int
main(void)
{
	test_rows();
	test_limits();
	return done_testing();
}
