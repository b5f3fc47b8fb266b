/* num: what is a number and what is not. */
#include "base/num.h"

#include "../tap.h"

static void
test_u64(void)
{
	static const struct {
		const char	*name;
		struct str	 in;
		uint64_t	 max;
		bool		 good;
		uint64_t	 want;
	} rows[] = {
		{ "zero", STR_INIT("0"), 10, true, 0 },
		{ "at the maximum", STR_INIT("10"), 10, true, 10 },
		{ "over it", STR_INIT("11"), 10, false, 0 },
		{ "digit over a tiny maximum", STR_INIT("7"), 5, false, 0 },
		{ "largest", STR_INIT("18446744073709551615"), UINT64_MAX, true, UINT64_MAX },
		{ "largest and one", STR_INIT("18446744073709551616"), UINT64_MAX, false, 0 },
		{ "wraps far", STR_INIT("99999999999999999999"), UINT64_MAX, false, 0 },
		{ "empty", STR_INIT(""), 10, false, 0 },
		{ "sign", STR_INIT("+1"), 10, false, 0 },
		{ "space", STR_INIT(" 1"), 10, false, 0 },
		{ "NUL", STR_INIT("1\0"), 10, false, 0 },
		{ "leading zeros", STR_INIT("0007"), 10, true, 7 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t	v = 0;

		ok(num_u64(rows[i].in, rows[i].max, &v) == rows[i].good && v == rows[i].want,
		    "u64: %s", rows[i].name);
	}
}

static void
test_units(void)
{
	uint64_t	v;

	ok(num_bytes(STR("25M"), &v) && v == 25u * 1024 * 1024, "25M");
	ok(num_bytes(STR("1k"), &v) && v == 1024, "1k");
	ok(!num_bytes(STR("M"), &v), "a unit alone");
	ok(!num_bytes(STR("99999999999T"), &v), "too many");
	ok(num_seconds(STR("12h"), &v) && v == 43200, "12h");
	ok(num_seconds(STR("90"), &v) && v == 90, "90");
	ok(num_hex(STR("fF"), &v) && v == 255, "hex");
	ok(!num_hex(STR("fg"), &v), "not hex");
}

static void
test_span(void)
{
	static const struct {
		int64_t		 seconds;
		const char	*want;
	} rows[] = {
		{ -5, "0s" }, { 0, "0s" }, { 59, "59s" }, { 60, "1m 0s" }, { 3599, "59m 59s" }, { 8100, "2h 15m" },
		{ 86399, "23h 59m" }, { 200000, "2d 7h" }, { INT64_MAX, "106751991167300d 15h" },
	};
	char	text[NUM_SPAN + 1];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		num_span(rows[i].seconds, " ", text, sizeof(text));
		is_str(str_c(text), str_c(rows[i].want), rows[i].want);
	}
}

int
main(void)
{
	test_u64();
	test_units();
	test_span();
	return done_testing();
}
