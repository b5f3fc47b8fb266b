/* names: mailbox names and paths, names of files, sets of uids. */
#include "store/name.h"

#include <errno.h>

#include "store/file.h"
#include "store/uidset.h"

#include "../tap.h"

static void
test_mailbox_names(void)
{
	static const struct {
		const char	*in, *want, *path;
		int		 err;
	} rows[] = {
		{ "inbox", "INBOX", "INBOX", 0 },
		{ "iNbOx/Sub", "INBOX/Sub", "INBOX/Sub", 0 },
		{ "inboxes", "inboxes", "inboxes", 0 },
		{ "a/b c", "a/b c", "a/b c", 0 },
		{ "\xc3\xbc" "ber", "\xc3\xbc" "ber", "\xc3\xbc" "ber", 0 },
		{ "100%", "100%", "100%25", 0 },
		{ ".hidden", ".hidden", "%2Ehidden", 0 },
		{ "a.b", "a.b", "a.b", 0 },
		{ "tmp/new/cur", "tmp/new/cur", "%74mp/%6Eew/%63ur", 0 },
		{ "posthorn.mailbox", "posthorn.mailbox", "%70osthorn.mailbox", 0 },
		{ "tmpx", "tmpx", "tmpx", 0 },
		{ "", NULL, NULL, EINVAL },
		{ "/a", NULL, NULL, EINVAL },
		{ "a/", NULL, NULL, EINVAL },
		{ "a//b", NULL, NULL, EINVAL },
		{ ".", NULL, NULL, EINVAL },
		{ "a/..", NULL, NULL, EINVAL },
		{ "#news", NULL, NULL, EINVAL },
		{ "a\nb", NULL, NULL, EINVAL },
		{ "a\x7f", NULL, NULL, EINVAL },
		{ "a\xc2\x85", NULL, NULL, EINVAL },
		{ "a\xe2\x80\xa8", NULL, NULL, EINVAL },
		{ "a\xff", NULL, NULL, EINVAL },
	};
	struct buf	got = BUF_INIT(2000), path = BUF_INIT(4000);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int	n = name_canon(str_c(rows[i].in), &got);

		if (rows[i].want == NULL) {
			ok(n == -1 && errno == rows[i].err, "refused: row %zu", i);
			continue;
		}
		is_str(buf_str(&got), str_c(rows[i].want), rows[i].in);
		buf_reset(&path);
		name_path(buf_str(&got), &path);
		is_str(buf_str(&path), str_c(rows[i].path), "its path");
	}
	ok(!name_element(STR("%41"), &got) && !name_element(STR("%2"), &got) && !name_element(STR(".x"), &got) &&
	    !name_element(STR("cur"), &got), "entries that no name gives");
	buf_free(&got);
	buf_free(&path);
}

static void
test_file_names(void)
{
	static const char	exact[] = "1700000000.abcdefghijklmnop.posthorn,S=12,U=7:2,FSaz";
	struct entry		e;
	struct flags		f;
	char			name[FILE_NAME_SIZE];
	int64_t			date;
	bool			is_exact;

	ok(file_parse(str_c(exact), &e, &is_exact) && is_exact, "ours");
	ok(e.uid == 7 && e.size == 12 && e.date == 1700000000 &&
	    e.flags.sys == (FLAG_FLAGGED | FLAG_SEEN) && e.flags.keywords == (1u | 1u << 25), "its parts");
	file_name(&e, name);
	is_str(str_c(name), str_c(exact), "and back");
	ok(file_parse(STR("1.abcdefghijklmnop.posthorn,S=1,U=7:2,SF"), &e, &is_exact) && !is_exact, "flags in another order");
	ok(file_parse(STR("1.abcdefghijklmnop.posthorn,S=1"), &e, &is_exact) && is_exact && e.uid == 0, "in new/");
	ok(!file_parse(STR("1.abcdefghijklmnop.posthorn,S=1:2,X"), &e, &is_exact), "an unknown flag");
	ok(!file_parse(STR("1.Abcdefghijklmnop.posthorn,S=1"), &e, &is_exact), "no id");
	ok(!file_parse(STR("1.abcdefghijklmnop.posthorn,S=1,U=4294967296:2,"), &e, &is_exact), "no uid");
	file_foreign(STR("1700000001.V1.host:2,RSx"), 5, &f, &date);
	ok(f.sys == (FLAG_ANSWERED | FLAG_SEEN) && date == 1700000001, "another program's");
	file_foreign(STR("msg.1"), 5, &f, &date);
	is_num(date, 5, "without a time");
}

static void
test_sets(void)
{
	struct uidset	s = UIDSET_INIT, d = UIDSET_INIT;
	uint32_t	n = 0;

	uidset_add(&s, 10, 20);
	uidset_add(&s, 30, 40);
	uidset_add(&s, 21, 29);
	is_num(s.n, 1, "runs that touch are one");
	is_num(uidset_count(&s), 31, "31 uids");
	uidset_add(&s, 1, 3);
	uidset_add(&s, 2, 5);
	is_num(s.n, 2, "two runs");
	is_num(uidset_nth(&s, 5), 10, "the sixth");
	is_num(uidset_below(&s, 12), 7, "below 12");
	uidset_add(&d, 3, 15);
	uidset_add(&d, 38, UINT32_MAX);
	uidset_remove(&s, &d);
	ok(uidset_has(&s, 2) && !uidset_has(&s, 3) && uidset_has(&s, 16) && !uidset_has(&s, 38), "removed");
	for (uint32_t u = 0; (u = uidset_next(&s, u)) != 0; )
		n++;
	is_num(n, uidset_count(&s), "stepping");
	uidset_reset(&s);
	uidset_add(&s, UINT32_MAX, UINT32_MAX);
	uidset_add(&s, 1, UINT32_MAX);
	is_num(s.n, 1, "all of them");
	is_num(uidset_next(&s, UINT32_MAX), 0, "the end");
	uidset_free(&s);
	uidset_free(&d);
}

int
main(void)
{
	test_mailbox_names();
	test_file_names();
	test_sets();
	return done_testing();
}
