/* account: the first way through: create, deliver, list, read, flags, expunge. */
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/incoming.h"
#include "store/view.h"
#include "sys/fd.h"

#include "../tap.h"
#include "check.h"
#include "scratch.h"

static void
test_create(void)
{
	struct arena		 a = ARENA_INIT(100000);
	struct account		*acc;
	struct mailbox_info	*list;
	size_t			 n;

	is_num(account_create("acct"), 0, "an account is made");
	ok(account_create("acct") == -1 && errno == EEXIST, "not twice");
	is_num(account_open("acct", &acc), 0, "and opened");
	is_num(mailbox_list(acc, &a, &list, &n), 0, "listed");
	is_num(n, 6, "six mailboxes");
	if (n == 6) {
		is_str(list[0].name, STR("INBOX"), "INBOX first");
		is_str(list[1].name, STR("Archive"), "then by name");
		is_num(list[1].special, SPECIAL_ARCHIVE, "special use");
		ok(list[5].subscribed && list[5].exists && !list[5].children, "subscribed, no children");
	}
	account_close(acc);
	arena_free(&a);
	ok(account_open("nobody", &acc) == -1 && errno == ENOENT, "no such account");
}

static void
test_messages(void)
{
	struct account		*acc;
	struct mailbox		*mb;
	struct mailbox_status	 st;
	struct view		 v;
	struct view_start	 start;
	struct view_news	 news = VIEW_NEWS_INIT;
	struct flag_change	 seen = { FLAGS_ADD, { FLAG_SEEN, 0 }, UINT64_MAX };
	struct flag_change	 del = { FLAGS_ADD, { FLAG_DELETED, 0 }, UINT64_MAX };
	struct flag_result	 r;
	struct uidset		 all = UIDSET_INIT, one = UIDSET_INIT, gone = UIDSET_INIT;
	struct buf		 text = BUF_INIT(1000);
	struct entry		 e;
	uint64_t		 before;
	int			 fd;

	is_num(account_open("acct", &acc), 0, "open");
	is_num(mailbox_open(acc, STR("inbox"), &mb), 0, "open INBOX");
	for (int i = 1; i <= 5; i++)
		is_num(deliver(mb, "Subject: one\r\n\r\nbody\r\n"), i, "delivered");
	is_num(mailbox_status(mb, &st), 0, "status");
	is_num(st.exists, 5, "five exist");
	is_num(st.unseen, 5, "five unseen");
	is_num(st.uidnext, 6, "uidnext");
	is_num(st.recent, 5, "recent");
	is_num(st.size, 5 * 22, "size");
	is_num(view_open(&v, mb, true, &start), 0, "view");
	is_num(view_count(&v), 5, "five in view");
	is_num(start.first_unseen, 1, "first unseen");
	is_num(uidset_count(&v.recent), 5, "recent in view");
	is_num(message_get(mb, 3, &e), 0, "entry");
	fd = message_open(mb, &e);
	ok(fd != -1, "message opens");
	while (read_some(fd, &text, 100) > 0)
		;
	is_str(buf_str(&text), STR("Subject: one\r\n\r\nbody\r\n"), "its bytes");
	(void)close(fd);
	uidset_add(&all, 1, UINT32_MAX);
	uidset_add(&one, 2, 3);
	before = e.modseq;
	is_num(message_flags(mb, &one, &seen, &r), 0, "flags");
	is_num(uidset_count(&r.changed), 2, "two changed");
	ok(r.modseq > before, "a new modseq");
	flag_result_free(&r);
	is_num(message_flags(mb, &one, &seen, &r), 0, "again");
	ok(r.changed.n == 0 && r.modseq == 0, "no change, no modseq");
	flag_result_free(&r);
	fd = message_open(mb, &e);
	ok(fd != -1, "opens with old flags in hand");
	(void)close(fd);
	is_num(view_sync(&v, &news), 0, "sync");
	is_num(uidset_count(&news.changed), 2, "two are told");
	is_num(message_flags(mb, &one, &del, &r), 0, "deleted");
	flag_result_free(&r);
	is_num(message_expunge(mb, &all, true, &gone), 0, "expunge");
	is_num(uidset_count(&gone), 2, "two gone");
	is_num(deliver(mb, "x\r\n"), 6, "another");
	is_num(view_sync(&v, &news), 0, "sync");
	ok(uidset_count(&news.expunged) == 2 && uidset_has(&news.expunged, 2), "expunged are told");
	is_num(uidset_count(&news.added), 1, "and the new one");
	is_num(view_count(&v), 6, "still in the view");
	is_num(view_seq(&v, 6), 6, "at its old place");
	view_drop(&v, &news.expunged);
	is_num(view_seq(&v, 6), 4, "until dropped");
	is_num(view_sync(&v, &news), 0, "sync");
	is_num(news.expunged.n + news.changed.n + news.added.n, 0, "nothing more");
	is_num(mailbox_status(mb, &st), 0, "status");
	is_num(st.unseen, 4, "unseen");
	view_close(&v);
	view_news_free(&news);
	uidset_free(&all);
	uidset_free(&one);
	uidset_free(&gone);
	buf_free(&text);
	mailbox_close(mb);
	account_close(acc);
}

enum { RACERS = 6, RACES = 60 };

/* As deliverd and imapd do it. */
static bool
open_or_create(const char *path)
{
	struct account	*acc;

	if (account_open(path, &acc) == -1 &&
	    (errno != ENOENT || (account_create(path) == -1 && errno != EEXIST) || account_open(path, &acc) == -1))
		return errno == ENOENT;		/* its directory is there, but nothing in it yet */
	account_close(acc);
	return true;
}

/* First mail and first login at the same time. */
static void
test_create_together(void)
{
	char		path[32];
	unsigned	bad = 0;
	uint64_t	problems = 0;

	for (int i = 0; i < RACERS; i++)
		if (fork() == 0) {
			for (int k = 0; k < RACES; k++) {
				(void)snprintf(path, sizeof(path), "race%d", k);
				bad += !open_or_create(path);
			}
			_exit(bad > 0);
		}
	for (int status, i = 0; i < RACERS; i++)
		bad += wait(&status) == -1 || status != 0;
	is_num(bad, 0, "several create accounts at once");
	for (int k = 0; k < RACES; k++) {
		struct arena		 a = ARENA_INIT(100000);
		struct account		*acc;
		struct mailbox_info	*list;
		uint64_t		 p;
		size_t			 n = 0;

		(void)snprintf(path, sizeof(path), "race%d", k);
		if (account_open(path, &acc) == -1 || mailbox_list(acc, &a, &list, &n) == -1 || n != 6 ||
		    list[5].special != SPECIAL_TRASH || list[0].uidvalidity >= list[1].uidvalidity)
			problems++;
		account_close(acc);
		arena_free(&a);
		problems += account_check(path, check_print, NULL, &p) == -1 ? 1 : p;
	}
	is_num(problems, 0, "and each is whole");
}

/* A full disk: some of it is there, looked at meanwhile, and then completed. */
static void
test_half_created(void)
{
	struct account	*acc = NULL;
	uint64_t	 p = 99;

	is_num(account_create("half"), 0, "an account");
	ok(unlink("half/posthorn.account") == 0 && unlink("half/mail/INBOX/posthorn.mailbox") == 0, "that was left half made");
	is_num(account_open("half", &acc), 0, "opened");
	account_close(acc);
	ok(unlink("half/posthorn.account") == 0 && unlink("half/mail/Drafts/posthorn.mailbox") == 0 && unlink("half/index.tdb") == 0, "and once more");
	is_num(account_create("half"), 0, "completed");
	ok(account_create("half") == -1 && errno == EEXIST, "once");
	is_num(account_open("half", &acc), 0, "opened");
	account_close(acc);
	ok(account_check("half", check_print, NULL, &p) == 0 && p == 0, "no two mailboxes have one uidvalidity");
}

int
main(void)
{
	scratch_enter();
	test_half_created();
	test_create();
	test_create_together();
	test_messages();
	check_clean("acct", "at the end");
	scratch_leave();
	return done_testing();
}
