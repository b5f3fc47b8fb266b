/* message: copies, moves, quota, what vanished, \Recent, waiting. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/message.h"
#include "store/view.h"
#include "store/watch.h"

#include "../tap.h"
#include "check.h"
#include "scratch.h"

static struct account	*acc;
static struct mailbox	*in, *arch;

static void
test_copy(void)
{
	struct flag_change	blue = { FLAGS_ADD, { FLAG_FLAGGED, 0 }, UINT64_MAX };
	struct uidset		s = UIDSET_INIT;
	struct flag_result	r;
	struct copied		c;
	struct entry		a, b;
	uint32_t		bit;

	for (int i = 1; i <= 10; i++)
		(void)deliver(in, "one\r\n");
	(void)deliver(arch, "first\r\n");
	is_num(mailbox_keyword(arch, STR("other"), true, &bit), 0, "the target has another keyword");
	is_num(mailbox_keyword(in, STR("blue"), true, &blue.flags.keywords), 0, "keyword");
	uidset_add(&s, 2, 4);
	is_num(message_flags(in, &s, &blue, &r), 0, "flags");
	flag_result_free(&r);
	uidset_add(&s, 100, 200);
	is_num(message_copy(in, &s, arch, &c), 0, "copy");
	ok(uidset_count(&c.src) == 3 && uidset_nth(&c.dst, 0) == 2 && uidset_count(&c.dst) == 3, "uids are told");
	ok(message_get(in, 2, &a) == 0 && message_get(arch, 2, &b) == 0 &&
	    memcmp(a.id, b.id, ENTRY_ID_SIZE) == 0, "the same identity");
	ok(mailbox_keyword(arch, STR("blue"), false, &bit) == 0 && b.flags.keywords == bit &&
	    b.flags.sys == FLAG_FLAGGED, "flags, and the keyword by name");
	copied_free(&c);
	is_num(message_move(in, &s, arch, &c), 0, "move");
	ok(message_get(in, 2, &a) == -1 && errno == ENOENT && message_get(arch, 5, &b) == 0, "moved");
	copied_free(&c);
	ok(message_copy(in, &s, in, &c) == -1 && errno == EINVAL, "not into itself");
	copied_free(&c);
	uidset_free(&s);
}

static void
test_unchangedsince(void)
{
	struct flag_change	seen = { FLAGS_ADD, { FLAG_SEEN, 0 }, UINT64_MAX };
	struct uidset		one = UIDSET_INIT, two = UIDSET_INIT;
	struct flag_result	r;
	struct mailbox_status	st;

	uidset_add(&one, 5, 5);
	uidset_add(&two, 5, 6);
	is_num(mailbox_status(in, &st), 0, "status");
	is_num(message_flags(in, &one, &seen, &r), 0, "one changes");
	flag_result_free(&r);
	seen.flags.sys = FLAG_ANSWERED;
	seen.unchangedsince = st.modseq;
	is_num(message_flags(in, &two, &seen, &r), 0, "unless it did");
	ok(uidset_has(&r.modified, 5) && uidset_has(&r.changed, 6) && uidset_count(&r.changed) == 1, "MODIFIED");
	flag_result_free(&r);
	uidset_free(&one);
	uidset_free(&two);
}

static void
test_vanished(void)
{
	struct mailbox_status	st;
	struct uidset		s = UIDSET_INIT, gone = UIDSET_INIT;
	bool			complete;

	is_num(mailbox_status(in, &st), 0, "status");
	uidset_add(&s, 7, 8);
	is_num(message_expunge(in, &s, false, NULL), 0, "expunge");
	ok(message_vanished(in, st.modseq, &gone, &complete) == 0 && complete, "the log reaches back");
	ok(uidset_count(&gone) == 2 && uidset_has(&gone, 8), "two vanished");
	uidset_reset(&gone);
	ok(message_vanished(in, 1, &gone, &complete) == 0 && !complete, "not before the mailbox");
	ok(uidset_has(&gone, 3) && uidset_has(&gone, 7) && !uidset_has(&gone, 9), "then all that are missing");
	uidset_free(&s);
	uidset_free(&gone);
}

static void
test_quota(void)
{
	uint64_t	bytes;
	struct uidset	s = UIDSET_INIT;
	struct copied	c;

	is_num(account_usage(acc, &bytes, NULL), 0, "usage");
	account_set_quota(acc, bytes + 7);
	is_num(deliver(in, "fits\r\n"), 11, "fits");
	ok(deliver(in, "no\r\n") == -1 && errno == EDQUOT, "over quota");
	uidset_add(&s, 9, 10);
	ok(message_copy(in, &s, arch, &c) == -1 && errno == EDQUOT, "copies count");
	copied_free(&c);
	is_num(message_move(in, &s, arch, &c), 0, "moves do not");
	copied_free(&c);
	account_set_quota(acc, 0);
	is_num(deliver(in, "yes\r\n"), 12, "no limit");
	uidset_free(&s);
}

static void
test_recent(void)
{
	struct view		a, b;
	struct view_news	news = VIEW_NEWS_INIT;
	int64_t			uid = deliver(in, "new\r\n");

	is_num(view_open(&a, in, false, NULL), 0, "a read-only session");
	ok(uidset_has(&a.recent, (uint32_t)uid), "sees it as recent");
	view_close(&a);
	is_num(view_open(&a, in, true, NULL), 0, "a session");
	ok(uidset_has(&a.recent, (uint32_t)uid), "has it");
	is_num(view_open(&b, in, true, NULL), 0, "a second");
	ok(!uidset_has(&b.recent, (uint32_t)uid), "not");
	uid = deliver(in, "newer\r\n");
	is_num(view_sync(&b, &news), 0, "who looks first");
	ok(uidset_has(&b.recent, (uint32_t)uid), "has it");
	is_num(view_sync(&a, &news), 0, "the other");
	ok(!uidset_has(&a.recent, (uint32_t)uid), "not");
	view_news_free(&news);
	view_close(&a);
	view_close(&b);
}

static void
test_watch(void)
{
	struct watch	*w;
	struct pollfd	 p = { .events = POLLIN };

	is_num(watch_open(acc, in, &w), 0, "watch");
	ok(!watch_changed(w), "nothing yet");
	(void)deliver(arch, "x\r\n");
	p.fd = watch_fd(w);
	ok(p.fd == -1 || poll(&p, 1, 2000) == 1, "a change of the account is seen");
	ok(watch_changed(w), "told");
	ok(!watch_changed(w), "once");
	watch_close(w);
}

int
main(void)
{
	scratch_enter();
	if (account_create("acct") == -1 || account_open("acct", &acc) == -1 ||
	    mailbox_open(acc, STR("INBOX"), &in) == -1 || mailbox_open(acc, STR("Archive"), &arch) == -1) {
		ok(false, "account: %s", strerror(errno));
		return done_testing();
	}
	test_copy();
	test_unchangedsince();
	test_vanished();
	test_quota();
	test_recent();
	test_watch();
	mailbox_close(in);
	mailbox_close(arch);
	account_close(acc);
	check_clean("acct", "at the end");
	scratch_leave();
	return done_testing();
}
