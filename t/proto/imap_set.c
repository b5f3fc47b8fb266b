/* imap_set: sequence sets parsed, resolved, written. */
#include "proto/imap_set.h"

#include "../tap.h"

static struct str
show(const struct imap_set *set, struct buf *out)
{
	struct imap_setw	w;

	buf_reset(out);
	imap_setw_start(&w, out);
	for (size_t i = 0; i < set->n; i++)
		imap_setw_range(&w, set->r[i].first, set->r[i].last);
	(void)imap_setw_end(&w);
	return buf_str(out);
}

static void
test_resolve(void)
{
	static const struct {
		const char	*in;
		uint32_t	 max;
		const char	*want;	/* NULL: refused */
	} rows[] = {
		{ "1", 10, "1" },
		{ "2,4:7,9,12:*", 15, "2,4:7,9,12:15" },	/* RFC 3501 section 9 */
		{ "*:4,5:7", 10, "4:10" },
		{ "4:2", 10, "2:4" },
		{ "3291:*", 10, "10:3291" },	/* includes the last message */
		{ "*", 7, "7" },
		{ "*", 0, "" },
		{ "1:*", 0, "1" },
		{ "3,1,2", 10, "1:3" },
		{ "1,1,1:2", 10, "1:2" },
		{ "4294967295,1:4294967295", 10, "1:4294967295" },
		{ "4294967296", 10, NULL },
		{ "0", 10, NULL },
		{ "01", 10, NULL },
		{ "", 10, NULL },
		{ ",1", 10, NULL },
		{ "1,", 10, NULL },
		{ "1:", 10, NULL },
		{ ":1", 10, NULL },
		{ "1:2:3", 10, NULL },
		{ "**", 10, NULL },
		{ "1 2", 10, NULL },
	};
	struct buf	out = BUF_INIT(1000);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena	a = ARENA_INIT(10000);
		struct imap_set	set;
		enum imap_set_err err = imap_set_parse(str_c(rows[i].in), &a, &set);

		if (rows[i].want == NULL)
			ok(err == IMAP_SET_SYNTAX, "refused: \"%s\"", rows[i].in);
		else if (ok(err == IMAP_SET_OK, "taken: \"%s\"", rows[i].in)) {
			imap_set_resolve(&set, rows[i].max);
			is_str(show(&set, &out), str_c(rows[i].want), rows[i].in);
		}
		arena_free(&a);
	}
	buf_free(&out);
}

static void
test_has(void)
{
	struct arena	a = ARENA_INIT(10000);
	struct imap_set	set;

	ok(imap_set_parse(STR("5:7,20,1"), &a, &set) == IMAP_SET_OK, "a set");
	imap_set_resolve(&set, 30);
	ok(imap_set_has(&set, 1) && imap_set_has(&set, 5) && imap_set_has(&set, 7) && imap_set_has(&set, 20), "members");
	ok(!imap_set_has(&set, 2) && !imap_set_has(&set, 4) && !imap_set_has(&set, 8) && !imap_set_has(&set, 21), "others");
	is_num(imap_set_max(&set), 20, "greatest");
	arena_free(&a);
	arena_init(&a, 16);
	ok(imap_set_parse(STR("1,2,3,4"), &a, &set) == IMAP_SET_NOMEM, "the arena's end is told");
	arena_free(&a);
}

static void
test_write(void)
{
	struct buf		out = BUF_INIT(1000);
	struct imap_setw	w;

	imap_setw_start(&w, &out);
	ok(!imap_setw_end(&w), "nothing added");
	imap_setw_start(&w, &out);
	for (uint32_t i = 1; i < 10; i++)
		if (i != 4)
			imap_setw_add(&w, i);
	ok(imap_setw_end(&w), "something added");
	is_str(buf_str(&out), STR("1:3,5:9"), "joined");
	buf_free(&out);
}

int
main(void)
{
	test_resolve();
	test_has();
	test_write();
	return done_testing();
}
