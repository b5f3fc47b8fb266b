/* code: RFC 4648 section 10's vectors, what is not canonical, the log's escape. */
#include "base/code.h"

#include "../tap.h"

static void
test_base64(void)
{
	static const struct {
		struct str	plain, coded, url;
	} rows[] = {
		{ STR_INIT(""), STR_INIT(""), STR_INIT("") },
		{ STR_INIT("f"), STR_INIT("Zg=="), STR_INIT("Zg") },
		{ STR_INIT("fo"), STR_INIT("Zm8="), STR_INIT("Zm8") },
		{ STR_INIT("foo"), STR_INIT("Zm9v"), STR_INIT("Zm9v") },
		{ STR_INIT("foobar"), STR_INIT("Zm9vYmFy"), STR_INIT("Zm9vYmFy") },
		{ STR_INIT("\xff\xfe\xfd"), STR_INIT("//79"), STR_INIT("__79") },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf	b = BUF_INIT(64);

		code_b64(&b, rows[i].plain);
		is_str(buf_str(&b), rows[i].coded, "base64");
		buf_reset(&b);
		ok(code_is_b64(rows[i].coded) && code_unb64(&b, rows[i].coded) && str_eq(buf_str(&b), rows[i].plain), "and back");
		buf_reset(&b);
		code_b64url(&b, rows[i].plain);
		is_str(buf_str(&b), rows[i].url, "base64url");
		buf_reset(&b);
		ok(code_unb64url(&b, rows[i].url) && str_eq(buf_str(&b), rows[i].plain), "and back");
		buf_free(&b);
	}
}

static void
test_not_canonical(void)
{
	static const char *const	bad[] = { "Zg", "Zg=", "Zh==", "Zm9=", "Z===", "====", "Zg==Zg==", "Zm 9v", "_w==" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct buf	b = BUF_INIT(64);

		ok(!code_unb64(&b, str_c(bad[i])) && !code_is_b64(str_c(bad[i])), "refused: %s", bad[i]);
		buf_free(&b);
	}
}

static void
test_escape(void)
{
	struct buf	b = BUF_INIT(256);

	code_escape(&b, STR("a\r\n\"\\\x7f\xc3\xa9\xff\xc2\x9b"));
	is_str(buf_str(&b), STR("a\\x0d\\x0a\\x22\\x5c\\x7f\xc3\xa9\\xff\\xc2\\x9b"), "escape");
	buf_reset(&b);
	code_escape(&b, STR("a\xe2\x80\xae" "b\xe2\x81\xa6\xe2\x80\xa8\xef\xbb\xbf\xe2\x82\xac\xe2\x80\x93\xe2\x80"));
	is_str(buf_str(&b), STR("a\\xe2\\x80\\xaeb\\xe2\\x81\\xa6\\xe2\\x80\\xa8\\xef\\xbb\\xbf\xe2\x82\xac\xe2\x80\x93\\xe2\\x80"), "what hides text");
	buf_free(&b);
}

static void
test_json(void)
{
	struct buf	b = BUF_INIT(256);

	code_json(&b, STR("a\"\\/\n\x7f\xc3\xa9\xff\xe2\x82"));
	is_str(buf_str(&b), STR("\"a\\\"\\\\/\\u000a\\u007f\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""), "a string of JSON");
	buf_reset(&b);
	code_json(&b, STR(""));
	is_str(buf_str(&b), STR("\"\""), "an empty one");
	buf_free(&b);
}

int
main(void)
{
	test_base64();
	test_not_canonical();
	test_escape();
	test_json();
	return done_testing();
}
