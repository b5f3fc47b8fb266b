/* dkim_canon: RFC 6376 3.4, whole and byte by byte. */
#include "proto/dkim_canon.h"

#include "../tap.h"

static void
put(void *arg, struct str s)
{
	buf_add(arg, s);
}

static void
check_body(const char *name, enum dkim_canon canon, bool lf, struct str in, struct str want)
{
	struct buf		b = BUF_INIT(1 << 20);
	struct dkim_body	d;

	dkim_body_init(&d, canon, lf, put, &b);
	dkim_body_feed(&d, in);
	dkim_body_end(&d);
	is_str(buf_str(&b), want, name);
	buf_reset(&b);
	dkim_body_init(&d, canon, lf, put, &b);
	for (size_t i = 0; i < in.n; i++)
		dkim_body_feed(&d, str_n(in.p + i, 1));
	dkim_body_end(&d);
	ok(str_eq(buf_str(&b), want), "%s, byte by byte", name);
	buf_free(&b);
}

#define ROW(name, in, simple, relaxed)	{ name, STR_INIT(in), STR_INIT(simple), STR_INIT(relaxed) }

static const struct {
	const char	*name;
	struct str	 in, simple, relaxed;
} bodies[] = {
	ROW("RFC 6376 3.4.5", " C \r\nD \t E\r\n\r\n\r\n", " C \r\nD \t E\r\n", " C\r\nD E\r\n"),
	ROW("no body", "", "\r\n", ""),
	ROW("an empty line", "\r\n", "\r\n", ""),
	ROW("empty lines", "\r\n\r\n\r\n", "\r\n", ""),
	ROW("white space alone", " \t\r\n", " \t\r\n", ""),
	ROW("white space alone, not ended", " \t", " \t\r\n", ""),
	ROW("white space in the lines at the end", "a\r\n \r\n\t\r\n", "a\r\n \r\n\t\r\n", "a\r\n"),
	ROW("not ended", "a", "a\r\n", "a\r\n"),
	ROW("not ended, with white space", "a ", "a \r\n", "a\r\n"),
	ROW("empty lines inside", "a\r\n\r\n\r\nb\r\n", "a\r\n\r\n\r\nb\r\n", "a\r\n\r\n\r\nb\r\n"),
	ROW("empty lines at the start", "\r\n\r\na\r\n", "\r\n\r\na\r\n", "\r\n\r\na\r\n"),
	ROW("a bare CR", "a\rb\r\n", "a\rb\r\n", "a\rb\r\n"),
	ROW("a bare CR at the end", "a\r", "a\r\r\n", "a\r\r\n"),
	ROW("CR CR LF", "a\r\r\n", "a\r\r\n", "a\r\r\n"),
	ROW("white space before a bare CR", "a \r b\r\n", "a \r b\r\n", "a \r b\r\n"),
	ROW("a bare LF is a byte", "a\nb \r\n", "a\nb \r\n", "a\nb\r\n"),
	ROW("NUL", "a\0 b\r\n", "a\0 b\r\n", "a\0 b\r\n"),
	ROW("8-bit", "\xff \xfe \r\n", "\xff \xfe \r\n", "\xff \xfe\r\n"),
	ROW("CR at a piece's end, then more", "a\r\n\r\rb", "a\r\n\r\rb\r\n", "a\r\n\r\rb\r\n"),
};

static void
test_bodies(void)
{
	struct buf	b = BUF_INIT(1 << 20), want = BUF_INIT(1 << 20);

	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		check_body(bodies[i].name, DKIM_SIMPLE, false, bodies[i].in, bodies[i].simple);
		check_body(bodies[i].name, DKIM_RELAXED, false, bodies[i].in, bodies[i].relaxed);
	}
	check_body("lines of a file", DKIM_RELAXED, true, STR("a \n\nb\n\n"), STR("a\r\n\r\nb\r\n"));
	check_body("lines of a file", DKIM_SIMPLE, true, STR("a \n\nb\r\n\n"), STR("a \r\n\r\nb\r\n"));
	/* longer than what is held */
	for (int i = 0; i < 10000; i++) {
		buf_adds(&b, "xy  ");
		buf_adds(&want, i == 0 ? "xy" : " xy");
	}
	buf_adds(&want, "\r\n");
	check_body("a long line", DKIM_RELAXED, false, buf_str(&b), buf_str(&want));
	buf_adds(&b, "\r\n");
	check_body("a long line", DKIM_SIMPLE, false, buf_str(&b), buf_str(&b));
	buf_reset(&b);
	for (int i = 0; i < 10000; i++)
		buf_adds(&b, "\r\n");
	check_body("many empty lines", DKIM_SIMPLE, false, buf_str(&b), STR("\r\n"));
	buf_adds(&b, "a\r\n");
	check_body("many empty lines, and one that is not", DKIM_RELAXED, false, buf_str(&b), buf_str(&b));
	buf_free(&b);
	buf_free(&want);
}

static void
test_fields(void)
{
	static const struct {
		const char	*name;
		struct str	 in, simple, relaxed;
	} rows[] = {
		ROW("RFC 6376 3.4.5, one", "A: X\r\n", "A: X\r\n", "a:X\r\n"),
		ROW("RFC 6376 3.4.5, two", "B : Y\t\r\n\tZ  \r\n", "B : Y\t\r\n\tZ  \r\n", "b:Y Z\r\n"),
		ROW("empty", "A:\r\n", "A:\r\n", "a:\r\n"),
		ROW("of white space", "A: \r\n \r\n", "A: \r\n \r\n", "a:\r\n"),
		ROW("colons in the value", "A: b: c\r\n", "A: b: c\r\n", "a:b: c\r\n"),
		ROW("not ended", "A: b", "A: b\r\n", "a:b\r\n"),
		ROW("lines of a file", "A: b\n c\n", "A: b\r\n c\r\n", "a:b c\r\n"),
		ROW("a bare CR", "A: b\rc\r\n", "A: b\rc\r\n", "a:b\rc\r\n"),
		ROW("NUL and 8-bit", "A: b\0\xff\r\n", "A: b\0\xff\r\n", "a:b\0\xff\r\n"),
	};
	struct buf	b = BUF_INIT(1000);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		buf_reset(&b);
		dkim_canon_field(&b, DKIM_SIMPLE, rows[i].in, true);
		is_str(buf_str(&b), rows[i].simple, rows[i].name);
		buf_reset(&b);
		dkim_canon_field(&b, DKIM_RELAXED, rows[i].in, true);
		is_str(buf_str(&b), rows[i].relaxed, rows[i].name);
	}
	buf_reset(&b);
	dkim_canon_field(&b, DKIM_RELAXED, STR("DKIM-Signature: b=\r\n"), false);
	is_str(buf_str(&b), STR("dkim-signature:b="), "the signature's own has no line end");
	buf_free(&b);
}

int
main(void)
{
	test_bodies();
	test_fields();
	return done_testing();
}
