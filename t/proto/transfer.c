/* transfer: base64 and quoted-printable, whole and byte by byte. */
#include "proto/transfer.h"

#include "../tap.h"

static const struct {
	enum transfer	kind;
	const char	*in;
	const char	*want;
} rows[] = {
	{ TRANSFER_PLAIN, "a=41\r\n", "a=41\r\n" },
	{ TRANSFER_BASE64, "", "" },
	{ TRANSFER_BASE64, "Zg==", "f" },
	{ TRANSFER_BASE64, "Zm8=", "fo" },
	{ TRANSFER_BASE64, "Zm9v", "foo" },
	{ TRANSFER_BASE64, "Zm9vYmFy\r\nZm9v\r\n", "foobarfoo" },
	{ TRANSFER_BASE64, "Z m-9*v", "foo" },
	{ TRANSFER_BASE64, "Zg==Zm8=", "ffo" },
	{ TRANSFER_BASE64, "Zm9vYg", "foob" },
	{ TRANSFER_QP, "a=3Db", "a=b" },
	{ TRANSFER_QP, "a=3db", "a=b" },
	{ TRANSFER_QP, "Now's the time =\r\nfor all folk to come=\r\n to the aid", "Now's the time for all folk to come to the aid" },
	{ TRANSFER_QP, "a \t\r\nb", "a\r\nb" },
	{ TRANSFER_QP, "a \nb\n", "a\nb\n" },
	{ TRANSFER_QP, "a= \t\r\nb", "ab" },
	{ TRANSFER_QP, "a=20\r\n", "a \r\n" },
	{ TRANSFER_QP, "a=\nb", "ab" },
	{ TRANSFER_QP, "a=zb", "a=zb" },
	{ TRANSFER_QP, "a=4zb", "a=4zb" },
	{ TRANSFER_QP, "a==41", "a=A" },
	{ TRANSFER_QP, "a= b", "a= b" },
	{ TRANSFER_QP, "a=", "a" },
	{ TRANSFER_QP, "a=4", "a=4" },
	{ TRANSFER_QP, "a  ", "a" },
	{ TRANSFER_QP, "a\rb", "a\rb" },
	{ TRANSFER_QP, "=E2=82=AC", "\xe2\x82\xac" },
};

int
main(void)
{
	struct buf	all = BUF_INIT(1000), one = BUF_INIT(1000);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct transfer_state	t;
		struct str		in = str_c(rows[i].in);

		buf_reset(&all);
		buf_reset(&one);
		transfer_start(&t, rows[i].kind);
		transfer_feed(&t, in, &all);
		transfer_end(&t, &all);
		is_str(buf_str(&all), str_c(rows[i].want), rows[i].want);
		transfer_start(&t, rows[i].kind);
		for (size_t k = 0; k < in.n; k++)
			transfer_feed(&t, str_n(in.p + k, 1), &one);
		transfer_end(&t, &one);
		is_str(buf_str(&one), buf_str(&all), "byte by byte is the same");
	}
	ok(transfer_named(STR("Base64")) == TRANSFER_BASE64, "base64 by name");
	ok(transfer_named(STR("QUOTED-printable")) == TRANSFER_QP, "quoted-printable by name");
	ok(transfer_named(STR("x-uuencode")) == TRANSFER_PLAIN, "others are not decoded");
	buf_free(&all);
	buf_free(&one);
	return done_testing();
}
