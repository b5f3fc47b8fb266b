/* mailbox: names, making, deleting, renaming, subscribing, special use, keywords. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/message.h"
#include "store/view.h"

#include "../tap.h"
#include "check.h"
#include "scratch.h"

static struct account	*acc;

static struct mailbox_info
info(const char *name)
{
	static struct arena	 a = ARENA_INIT(1000000);
	struct mailbox_info	*list;
	size_t			 n;

	arena_reset(&a);
	if (mailbox_list(acc, &a, &list, &n) == 0)
		for (size_t i = 0; i < n; i++)
			if (str_eq(list[i].name, str_c(name)))
				return list[i];
	return (struct mailbox_info){ .exists = false };
}

static uint32_t
uidvalidity(const char *name)
{
	return info(name).uidvalidity;
}

static void
test_create(void)
{
	unsigned	made;

	is_num(mailbox_create(acc, STR("a/b/c"), SPECIAL_NONE, &made), 0, "create with parents");
	is_num(made, 3, "three made");
	ok(info("a").children && info("a/b").children && !info("a/b/c").children, "children");
	ok(info("a/b").subscribed, "parents are subscribed");
	ok(mailbox_create(acc, STR("a/b"), SPECIAL_NONE, NULL) == -1 && errno == EEXIST, "exists");
	ok(mailbox_create(acc, STR("inbox"), SPECIAL_NONE, NULL) == -1 && errno == EEXIST, "INBOX exists");
	is_num(mailbox_create(acc, STR("iNbOx/x"), SPECIAL_NONE, &made), 0, "child of INBOX");
	ok(info("INBOX/x").exists && made == 1, "in capitals");
	is_num(mailbox_create(acc, STR("tmp/new/.hid/100%/posthorn.mailbox"), SPECIAL_NONE, &made), 0, "odd names");
	ok(info("tmp/new/.hid/100%/posthorn.mailbox").exists && made == 5, "are mailboxes");
	ok(mailbox_create(acc, STR("a//b"), SPECIAL_NONE, NULL) == -1 && errno == EINVAL, "empty element");
	is_num(mailbox_create(acc, STR("Weg"), SPECIAL_TRASH, NULL), 0, "special use");
	ok(info("Weg").special == SPECIAL_TRASH && info("Trash").special == SPECIAL_NONE, "moves");
}

static void
test_delete(void)
{
	struct mailbox		*mb;
	struct view		 v;
	struct view_news	 news = VIEW_NEWS_INIT;
	uint32_t		 old = uidvalidity("a/b/c");
	uint64_t		 bytes;

	ok(mailbox_delete(acc, STR("INBOX")) == -1 && errno == EPERM, "not INBOX");
	ok(mailbox_delete(acc, STR("a/b")) == -1 && errno == ENOTEMPTY, "not with children");
	ok(mailbox_delete(acc, STR("zz")) == -1 && errno == ENOENT, "not what is not there");
	is_num(mailbox_open(acc, STR("a/b/c"), &mb), 0, "open");
	is_num(deliver(mb, "x\r\n"), 1, "a message");
	is_num(view_open(&v, mb, true, NULL), 0, "a session");
	is_num(mailbox_delete(acc, STR("a/b/c")), 0, "delete");
	ok(view_sync(&v, &news) == -1 && errno == ESTALE, "the session is told");
	ok(deliver(mb, "y\r\n") == -1, "nothing can be put there");
	view_close(&v);
	view_news_free(&news);
	mailbox_close(mb);
	ok(!info("a/b/c").exists && info("a/b/c").subscribed, "the subscription stays");
	is_num(account_usage(acc, &bytes, NULL), 0, "usage");
	is_num(bytes, 0, "nothing is used");
	ok(access("acct/mail/a/b/c", F_OK) == -1, "its directory is gone");
	is_num(mailbox_create(acc, STR("a/b/c"), SPECIAL_NONE, NULL), 0, "again");
	ok(uidvalidity("a/b/c") != old, "a new uidvalidity");
}

static void
test_rename(void)
{
	struct mailbox		*mb;
	struct mailbox_status	 st;
	uint32_t		 b = uidvalidity("a/b"), c = uidvalidity("a/b/c"), a = uidvalidity("a");

	is_num(mailbox_open(acc, STR("a/b/c"), &mb), 0, "open");
	is_num(deliver(mb, "x\r\n"), 1, "a message");
	is_num(mailbox_rename(acc, STR("a/b"), STR("q/r")), 0, "rename with children");
	ok(uidvalidity("q/r") == b && uidvalidity("q/r/c") == c, "uidvalidities stay");
	ok(info("q").exists && !info("a/b").exists && info("a/b").subscribed, "subscription stays with the old name");
	is_num(deliver(mb, "x\r\n"), 2, "an open handle stays good");
	mailbox_close(mb);
	is_num(mailbox_open(acc, STR("q/r/c"), &mb), 0, "open by the new name");
	ok(mailbox_status(mb, &st) == 0 && st.exists == 2, "with its messages");
	mailbox_close(mb);
	ok(mailbox_rename(acc, STR("q"), STR("a")) == -1 && errno == EEXIST, "target exists");
	is_num(mailbox_rename(acc, STR("a"), STR("a/deep/a")), 0, "below itself");
	ok(uidvalidity("a/deep/a") == a && info("a").exists && uidvalidity("a") != a, "old name is made anew");
	is_num(mailbox_open(acc, STR("INBOX"), &mb), 0, "INBOX");
	is_num(deliver(mb, "x\r\n"), 1, "a message");
	is_num(mailbox_rename(acc, STR("INBOX"), STR("old-inbox")), 0, "rename INBOX");
	ok(mailbox_status(mb, &st) == 0 && st.exists == 0, "INBOX is empty");
	mailbox_close(mb);
	ok(info("INBOX").exists && info("INBOX/x").exists, "and stays, and its child");
	is_num(mailbox_open(acc, STR("old-inbox"), &mb), 0, "the new one");
	ok(mailbox_status(mb, &st) == 0 && st.exists == 1, "has the message");
	mailbox_close(mb);
}

static void
test_keywords(void)
{
	struct mailbox	*mb;
	uint32_t	 bit, again;
	char		 name[20];

	is_num(mailbox_open(acc, STR("INBOX"), &mb), 0, "open");
	ok(mailbox_keyword(mb, STR("$Junk"), false, &bit) == -1 && errno == ENOENT, "unknown");
	is_num(mailbox_keyword(mb, STR("$Junk"), true, &bit), 0, "made");
	is_num(bit, 1, "letter a");
	ok(mailbox_keyword(mb, STR("$jUNK"), true, &again) == 0 && again == bit, "any case");
	ok(mailbox_keyword(mb, STR("a b"), true, &bit) == -1 && errno == EINVAL, "no atom");
	for (int i = 1; i < 26; i++) {
		(void)snprintf(name, sizeof(name), "k%d", i);
		if (mailbox_keyword(mb, str_c(name), true, &bit) == -1)
			ok(false, "keyword %d", i);
	}
	is_num(bit, 1u << 25, "letter z");
	ok(mailbox_keyword(mb, STR("k26"), true, &bit) == -1 && errno == EOVERFLOW, "no 27th");
	mailbox_close(mb);
}

static void
test_subscribe(void)
{
	is_num(mailbox_subscribe(acc, STR("not/there"), true), 0, "subscribe to nothing");
	ok(info("not/there").subscribed && !info("not/there").exists, "listed as such");
	is_num(mailbox_subscribe(acc, STR("not/there"), true), 0, "twice");
	is_num(mailbox_subscribe(acc, STR("not/there"), false), 0, "unsubscribe");
	ok(!info("not/there").subscribed, "gone");
}

int
main(void)
{
	scratch_enter();
	if (account_create("acct") == -1 || account_open("acct", &acc) == -1)
		ok(false, "account: %s", strerror(errno));
	else {
		test_create();
		test_delete();
		test_rename();
		test_keywords();
		test_subscribe();
		account_close(acc);
	}
	check_clean("acct", "at the end");
	scratch_leave();
	return done_testing();
}
