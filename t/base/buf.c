/* buf: the maximum holds, failure is sticky, consumption and formatting. */
#include "base/buf.h"

#include "../tap.h"

static void
test_maximum(void)
{
	struct buf	b = BUF_INIT(5);

	buf_adds(&b, "abc");
	buf_adds(&b, "def");
	ok(buf_failed(&b), "over the maximum fails");
	is_str(buf_str(&b), STR("abc"), "what did not fit is not added in part");
	buf_addc(&b, 'd');
	is_num(b.n, 3, "later adds are ignored");
	buf_reset(&b);
	buf_adds(&b, "12345");
	ok(!buf_failed(&b), "exactly the maximum fits after a reset");
	ok(buf_c(&b) != NULL && strlen(buf_c(&b)) == 5, "with a NUL behind it");
	buf_free(&b);
}

static void
test_format(void)
{
	struct buf	b = BUF_INIT(64);

	buf_addu(&b, 0);
	buf_addc(&b, ' ');
	buf_addu(&b, UINT64_MAX);
	is_str(buf_str(&b), STR("0 18446744073709551615"), "numbers");
	buf_reset(&b);
	buf_addf(&b, "%s-%d", "x", 7);
	is_str(buf_str(&b), STR("x-7"), "format");
	buf_addf(&b, "%100d", 1);
	ok(buf_failed(&b), "a format over the maximum fails");
	is_str(buf_str(&b), STR("x-7"), "and adds nothing");
	buf_free(&b);
}

static void
test_consume(void)
{
	struct buf	 b = BUF_INIT(8);
	size_t		 room;
	char		*p;

	buf_adds(&b, "abcdef");
	buf_consume(&b, 4);
	is_str(buf_str(&b), STR("ef"), "consumed in front");
	p = buf_room(&b, 100, &room);
	ok(p != NULL && room == 6, "room up to the maximum");
	memcpy(p, "gh", 2);
	buf_grew(&b, 2);
	buf_consume(&b, 100);
	is_num(b.n, 0, "more than all");
	buf_free(&b);
}

int
main(void)
{
	test_maximum();
	test_format();
	test_consume();
	return done_testing();
}
