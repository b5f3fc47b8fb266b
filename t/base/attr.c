/* attr: records written and read back; damaged ones refused. */
#include "base/attr.h"

#include "base/limits.h"
#include "../tap.h"

static void
test_round_trip(void)
{
	struct buf	b = BUF_INIT(LIMIT_RECORD);
	struct str	rec;

	attr_start(&b, "deliver", 1);
	attr_adds(&b, "account", "user");
	attr_adds(&b, "empty", "");
	attr_addu(&b, "size", 4096);
	rec = buf_str(&b);
	ok(!buf_failed(&b) && attr_is(rec, "deliver", 1), "a record of that protocol");
	ok(!attr_is(rec, "deliver", 2), "not of another version");
	ok(!attr_is(rec, "verify", 1), "not of another protocol");
	is_str(attr_get(rec, "account"), STR("user"), "a value");
	ok(attr_get(rec, "empty").p != NULL && attr_get(rec, "empty").n == 0, "an empty value is there");
	ok(attr_get(rec, "user").p == NULL, "a value is not taken for a name");
	is_num(attr_getu(rec, "size", 7), 4096, "a number");
	is_num(attr_getu(rec, "account", 7), 7, "not a number");
	ok(attr_get(rec, "none").p == NULL && attr_text(rec, "none").p != NULL && attr_text(rec, "none").n == 0, "an absent one");
	is_str(attr_text(rec, "account"), attr_get(rec, "account"), "one that is there");
	is_num(attr_count(rec, "account"), 1, "is there once");
	is_num(attr_count(rec, "none"), 0, "or not");
	attr_add(&b, "bad", STR("a\0b"));
	ok(buf_failed(&b), "a NUL in a value fails");
	buf_free(&b);
}

static void
test_damaged(void)
{
	static const struct {
		const char	*name;
		struct str	 in;
	} rows[] = {
		{ "empty", STR_INIT("") },
		{ "no value", STR_INIT("p\0") },
		{ "no end", STR_INIT("p\0001") },
		{ "version not a number", STR_INIT("p\0x\0") },
		{ "name without value", STR_INIT("p\0001\0a\0") },
		{ "empty name", STR_INIT("p\0001\0\0v\0") },
		{ "rest without NUL", STR_INIT("p\0001\0a\0b\0c") },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ok(!attr_is(rows[i].in, "p", 1), "refused: %s", rows[i].name);
}

int
main(void)
{
	test_round_trip();
	test_damaged();
	return done_testing();
}
