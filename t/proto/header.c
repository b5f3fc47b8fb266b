/* header: fields as they come, and where the body starts. */
#include "proto/header.h"

#include "../tap.h"

struct row {
	const char	*name;
	struct str	 in;
	const char	*fields;	/* name=unfolded value; … */
	size_t		 body;
	bool		 blank;
};

static const struct row rows[] = {
	{ "two fields", STR_INIT("A: b\r\nC: d\r\n\r\nbody"), "A=b;C=d;", 14, true },
	{ "LF only", STR_INIT("A: b\nC: d\n\nbody"), "A=b;C=d;", 11, true },
	{ "folded (RFC 5322 2.2.3)", STR_INIT("Subject: This\r\n is a test\r\n\r\n"), "Subject=This is a test;", 29, true },
	{ "folded with a tab, LF", STR_INIT("S: a\n\tb\n\n"), "S=a\tb;", 9, true },
	{ "a fold of white space only", STR_INIT("S: a\r\n \r\n b\r\n\r\nx"), "S=a  b;", 15, true },
	{ "no white space behind the colon", STR_INIT("A:b\r\n\r\n"), "A=b;", 7, true },
	{ "white space before the colon (4.5)", STR_INIT("A \t: b\r\n\r\n"), "A=b;", 10, true },
	{ "empty value", STR_INIT("A:\r\nB: \r\n\r\n"), "A=;B=;", 11, true },
	{ "missing empty line", STR_INIT("A: b\r\nhello you\r\n\r\n"), "A=b;", 6, false },
	{ "no body, no empty line", STR_INIT("A: b\r\n"), "A=b;", 6, false },
	{ "last line not ended", STR_INIT("A: b"), "A=b;", 4, false },
	{ "last line ends in CR", STR_INIT("A: b\r"), "A=b;", 5, false },
	{ "only a body", STR_INIT("\r\nbody"), "", 2, true },
	{ "nothing", STR_INIT(""), "", 0, false },
	{ "starts with white space", STR_INIT(" A: b\r\n\r\n"), "", 0, false },
	{ "name with 8-bit bytes is none", STR_INIT("A: b\r\n\xc3\xa9: c\r\n"), "A=b;", 6, false },
	{ "8-bit value", STR_INIT("A: \xc3\xa9\r\n\r\n"), "A=\xc3\xa9;", 9, true },
	{ "bare CR in a value", STR_INIT("A: b\rc\r\n\r\n"), "A=b c;", 10, true },
	{ "From line of a mailbox file", STR_INIT("From x Mon Jan 1\nA: b\n\n"), "A=b;", 23, true },
	{ "a first field From with white space before the colon", STR_INIT("From : a@b\r\nC: d\r\n\r\n"), "From=a@b;C=d;", 20, true },
	{ "the same with more of it", STR_INIT("From \t: a@b\n\n"), "From=a@b;", 13, true },
	{ "colon first is no field", STR_INIT(": b\r\n"), "", 0, false },
	{ "CR LF CR at the end", STR_INIT("A: b\r\n\r"), "A=b;", 6, false },
};

static void
test_rows(void)
{
	struct buf	got = BUF_INIT(4096);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct header		h;
		struct header_field	f;

		buf_reset(&got);
		header_open(&h, rows[i].in);
		while (header_next(&h, &f)) {
			buf_add(&got, f.name);
			buf_addc(&got, '=');
			header_unfold(&got, f.value);
			buf_addc(&got, ';');
		}
		is_str(buf_str(&got), str_c(rows[i].fields), rows[i].name);
		is_num(h.body, rows[i].body, "its body");
		ok(h.blank == rows[i].blank, "its empty line");
	}
	buf_free(&got);
}

int
main(void)
{
	struct str		m = STR("To: a\r\nto: b\r\nX: \0c\r\n\r\nTo: d");
	struct header_field	f;
	struct header		h;

	test_rows();
	ok(header_find(m, STR("TO"), &f), "found in either case");
	is_str(f.value, STR(" a"), "the first one");
	is_str(f.raw, STR("To: a\r\n"), "with its line ending");
	ok(header_find(m, STR("x"), &f), "a NUL does not end it");
	is_str(f.value, STR(" \0c"), "and is in the value");
	ok(!header_find(m, STR("Cc"), &f), "not found");
	is_num(f.value.n, 0, "then it is empty");
	header_open(&h, m);
	ok(header_next_named(&h, STR("to"), &f) && header_next_named(&h, STR("to"), &f), "the second of that name");
	is_str(f.value, STR(" b"), "is b");
	ok(!header_next_named(&h, STR("to"), &f), "the body's is not seen");
	is_num(header_length(m), 23, "length of the header");
	return done_testing();
}
