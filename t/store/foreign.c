/* foreign: what other programs do to a maildir is seen and taken up. */
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/file.h"
#include "store/message.h"
#include "store/view.h"

#include "../tap.h"
#include "check.h"
#include "scratch.h"

static struct account	*acc;
static struct mailbox	*mb;

static void
put(const char *path, const char *text)
{
	int	fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);

	ok(fd != -1 && write_all(fd, str_c(text)) == 0, "another program writes %s", path);
	(void)close(fd);
}

static struct str
content(uint32_t uid, struct buf *b)
{
	struct entry	e;
	int		fd;

	buf_reset(b);
	if (message_get(mb, uid, &e) == -1 || (fd = message_open(mb, &e)) == -1)
		return STR("(none)");
	while (read_some(fd, b, 1000) > 0)
		;
	(void)close(fd);
	return buf_str(b);
}

static void
path_of(uint32_t uid, char path[400])
{
	struct entry	e;
	char		name[FILE_NAME_SIZE];

	if (message_get(mb, uid, &e) == -1)
		e = (struct entry){ .uid = 0 };
	file_name(&e, name);
	(void)snprintf(path, 400, "acct/mail/INBOX/cur/%s", name);
}

static void
pause_ms(int ms)
{
	(void)usleep((useconds_t)ms * 1000);
}

static void
test_delivered(struct view *v, struct view_news *news)
{
	struct buf	b = BUF_INIT(10000);
	struct entry	e;

	put("acct/mail/INBOX/new/1700000000.foo.host", "Subject: lf\n\nbody\r\nmixed\n");
	is_num(view_sync(v, news), 0, "sync");
	is_num(uidset_count(&news->added), 1, "a file in new/ is a message");
	is_str(content(1, &b), STR("Subject: lf\r\n\r\nbody\r\nmixed\r\n"), "in CRLF");
	ok(message_get(mb, 1, &e) == 0 && e.size == 28 && e.date == 1700000000, "its size and date");
	put("acct/mail/INBOX/cur/1700000001.bar.host:2,FS", "Subject: crlf\r\n\r\n");
	is_num(view_sync(v, news), 0, "sync");
	is_num(uidset_count(&news->added), 1, "a file in cur/ too");
	ok(message_get(mb, 2, &e) == 0 && e.flags.sys == (FLAG_FLAGGED | FLAG_SEEN), "with its flags");
	is_str(content(2, &b), STR("Subject: crlf\r\n\r\n"), "its bytes");
	put("acct/mail/INBOX/new/empty", "");
	ok(mkdir("acct/mail/INBOX/new/dir", 0700) == 0 &&
	    symlink("/etc/passwd", "acct/mail/INBOX/new/link") == 0, "and what is no file");
	is_num(view_sync(v, news), 0, "sync");
	is_num(uidset_count(&news->added), 1, "an empty one; no directory, no link");
	(void)rmdir("acct/mail/INBOX/new/dir");
	(void)unlink("acct/mail/INBOX/new/link");
	buf_free(&b);
}

static void
test_flags(struct view *v, struct view_news *news)
{
	char		from[400], to[410];
	struct entry	e;

	path_of(1, from);
	(void)snprintf(to, sizeof(to), "%sRS", from);
	is_num(rename(from, to), 0, "another program sets flags");
	is_num(view_sync(v, news), 0, "sync");
	ok(uidset_has(&news->changed, 1), "they are told");
	ok(message_get(mb, 1, &e) == 0 && e.flags.sys == (FLAG_ANSWERED | FLAG_SEEN), "and right");
	pause_ms(30);
	is_num(view_sync(v, news), 0, "sync");
	is_num(news->changed.n, 0, "once");
	path_of(1, from);
	(void)snprintf(to, sizeof(to), "%.*sSTF", (int)(strlen(from) - 2), from);
	is_num(rename(from, to), 0, "in another order");
	is_num(view_sync(v, news), 0, "sync");
	ok(message_get(mb, 1, &e) == 0 && e.flags.sys == (FLAG_FLAGGED | FLAG_SEEN | FLAG_DELETED), "right");
	path_of(1, from);
	is_num(access(from, F_OK), 0, "the name is ours again");
}

static void
test_removed(struct view *v, struct view_news *news)
{
	char	path[400];

	path_of(2, path);
	is_num(unlink(path), 0, "another program removes a file");
	is_num(view_sync(v, news), 0, "sync");
	ok(uidset_has(&news->expunged, 2), "it is expunged");
	view_drop(v, &news->expunged);
}

/* A change under our hands, which the directory's time hides. */
static void
test_raced(struct view *v, struct view_news *news)
{
	struct flag_change	seen = { FLAGS_ADD, { FLAG_SEEN, 0 }, UINT64_MAX };
	struct uidset		one = UIDSET_INIT;
	struct flag_result	r;
	struct entry		e;
	char			from[400], to[410];
	int64_t			uid = deliver(mb, "x\r\n");

	ok(uid > 0, "delivered");
	is_num(view_sync(v, news), 0, "sync");
	path_of((uint32_t)uid, from);
	(void)snprintf(to, sizeof(to), "%sF", from);
	is_num(rename(from, to), 0, "renamed within the tick");
	uidset_add(&one, (uint32_t)uid, (uint32_t)uid);
	is_num(message_flags(mb, &one, &seen, &r), 0, "flags are set all the same");
	flag_result_free(&r);
	ok(message_get(mb, (uint32_t)uid, &e) == 0 && e.flags.sys == (FLAG_SEEN | FLAG_FLAGGED), "both are there");
	path_of((uint32_t)uid, from);
	(void)snprintf(to, sizeof(to), "%.*sFRS", (int)(strlen(from) - 2), from);
	is_num(rename(from, to), 0, "again");
	is_num(message_expunge(mb, &one, false, NULL), 0, "expunge finds it");
	is_num(view_sync(v, news), 0, "sync");
	ok(uidset_has(&news->expunged, (uint32_t)uid), "gone");
	view_drop(v, &news->expunged);
	uidset_free(&one);
}

/* A crash between rename and commit; a uid that another holds; one that was used. */
static void
test_adopt(void)
{
	struct mailbox_status	st;
	struct entry		e, got;
	char			name[FILE_NAME_SIZE], path[400];

	is_num(mailbox_status(mb, &st), 0, "status");
	e = (struct entry){ .uid = st.uidnext, .date = 1600000000, .size = 3, .flags = { FLAG_SEEN, 0 } };
	e.id[0] = 7;
	file_name(&e, name);
	(void)snprintf(path, sizeof(path), "acct/mail/INBOX/cur/%s", name);
	put(path, "x\r\n");
	ok(mailbox_status(mb, &st) == 0 && message_get(mb, e.uid, &got) == 0, "a uid from uidnext on is kept");
	ok(got.date == e.date && got.flags.sys == FLAG_SEEN && got.id[0] == 7, "with all it has");
	e.id[0] = 8;
	file_name(&e, name);
	(void)snprintf(path, sizeof(path), "acct/mail/INBOX/cur/%s", name);
	put(path, "x\r\n");
	ok(mailbox_status(mb, &st) == 0 && message_get(mb, st.uidnext - 1, &got) == 0 &&
	    got.id[0] == 8 && got.uid != e.uid, "a uid that another holds is not");
	e.uid = 2;
	e.id[0] = 9;
	e.size = 77;
	file_name(&e, name);
	(void)snprintf(path, sizeof(path), "acct/mail/INBOX/cur/%s", name);
	put(path, "x\r\n");
	ok(mailbox_status(mb, &st) == 0 && message_get(mb, st.uidnext - 1, &got) == 0 &&
	    got.id[0] == 9, "nor one that was used");
	is_num(got.size, 3, "and a wrong size is put right");
}

enum { MANY = 2500 };		/* more than one transaction takes in */

/* Number i of many: LF or CRLF, in new/ or cur/, written in an order that is not that of the dates. */
static bool
put_one(const char *box, unsigned i)
{
	const char	*eol = i % 3 == 0 ? "\r\n" : "\n";
	char		 path[200], text[200];
	int		 fd;
	bool		 fine;

	(void)snprintf(path, sizeof(path), "acct/mail/%s/%s/%u.P%u.host%s", box, i % 2 == 0 ? "new" : "cur",
	    1500000000 + i, i, i % 2 == 0 ? "" : ":2,S");
	(void)snprintf(text, sizeof(text), "Subject: %u%s%sbody%s", i, eol, eol, eol);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	fine = fd != -1 && write_all(fd, str_c(text)) == 0;
	(void)close(fd);
	return fine;
}

static bool
put_many(const char *box, unsigned n)
{
	bool	fine = true;

	for (unsigned i = 0; i < n; i++)
		fine = put_one(box, (i * 7 + 3) % n) && fine;
	return fine;
}

/* Both line ends in both directories, more than a batch of each: complete and by date. */
static void
test_many(void)
{
	struct mailbox_status	st;
	struct mailbox		*was = mb;
	struct buf		b = BUF_INIT(10000);
	struct entry		e;
	char			want[100];
	unsigned		right = 0, order = 0;

	is_num(mailbox_open(acc, STR("Archive"), &mb), 0, "a mailbox");
	ok(put_many("Archive", MANY), "another program brings %d messages", MANY);
	is_num(mailbox_status(mb, &st), 0, "status");
	is_num(st.exists, MANY, "all are there");
	is_num(st.unseen, MANY / 2, "those of cur/ with their flags");
	for (unsigned i = 0; i < MANY; i++) {
		if (message_get(mb, i + 1, &e) == 0 && e.date == 1500000000 + i)
			order++;
		(void)snprintf(want, sizeof(want), "Subject: %u\r\n\r\nbody\r\n", i);
		if (str_eq(content(i + 1, &b), str_c(want)) && e.size == strlen(want))
			right++;
	}
	is_num(order, MANY, "by date");
	is_num(right, MANY, "each in CRLF");
	ok(mailbox_status(mb, &st) == 0 && st.exists == MANY && st.uidnext == MANY + 1, "once");
	is_num(system("test -z \"$(ls acct/mail/Archive/tmp acct/mail/Archive/new | grep host)\""), 0, "nothing is left");
	buf_free(&b);
	mailbox_close(mb);
	mb = was;
}

/* Two look at the same time: nothing twice. Deliveries get in between. */
static void
test_two_look(void)
{
	struct mailbox_status	 st;
	struct account		*own;
	struct mailbox		*box;
	pid_t			 pid;
	int			 status = -1;

	ok(put_many("Junk", MANY), "many again");
	pid = fork();
	if (pid == 0) {
		account_close(acc);	/* the parent's */
		_exit(account_open("acct", &own) == 0 && mailbox_open(own, STR("Junk"), &box) == 0 &&
		    deliver(box, "a\r\n") > 0 && mailbox_status(box, &st) == 0 && deliver(box, "b\r\n") > 0 ? 0 : 1);
	}
	is_num(mailbox_open(acc, STR("Junk"), &box), 0, "open");
	is_num(mailbox_status(box, &st), 0, "one looks");
	ok(waitpid(pid, &status, 0) == pid && status == 0, "the other looks and delivers");
	is_num(mailbox_status(box, &st), 0, "status");
	is_num(st.exists, MANY + 2, "each is there once");
	mailbox_close(box);
}

/* The machine stopped when the copy was there and the original not yet removed. */
static void
test_converted_before(void)
{
	struct mailbox_status	st;
	uint32_t		exists;

	is_num(mailbox_status(mb, &st), 0, "status");
	exists = st.exists;
	put("acct/kept", "Subject: lf\n\nonce\n");
	is_num(link("acct/kept", "acct/mail/INBOX/new/1300000000.once"), 0, "a file comes");
	ok(mailbox_status(mb, &st) == 0 && st.exists == exists + 1, "and is picked up");
	is_num(link("acct/kept", "acct/mail/INBOX/new/1300000000.once"), 0, "the original is back");
	ok(mailbox_status(mb, &st) == 0 && st.exists == exists + 1, "it is known");
	ok(access("acct/mail/INBOX/new/1300000000.once", F_OK) == -1, "and goes");
	(void)unlink("acct/kept");
}

static void
test_mailboxes(void)
{
	struct arena		 a = ARENA_INIT(100000);
	struct mailbox_info	*list;
	struct mailbox		*other;
	struct mailbox_status	 st;
	size_t			 n;
	bool			 found = false;

	is_num(system("mkdir -p acct/mail/Lists/c/new acct/mail/Lists/c/cur acct/mail/Lists/c/tmp"), 0,
	    "another program makes a maildir");
	put("acct/mail/Lists/c/new/hello", "x\n");
	is_num(mailbox_open(acc, STR("Lists/c"), &other), 0, "it opens");
	ok(mailbox_status(other, &st) == 0 && st.exists == 1, "with its message");
	mailbox_close(other);
	is_num(mailbox_list(acc, &a, &list, &n), 0, "list");
	for (size_t i = 0; i < n; i++)
		found = found || str_eq(list[i].name, STR("Lists"));
	ok(found, "its parent is there");
	is_num(system("cp -a acct/mail/Lists/c acct/mail/Lists/d"), 0, "a copy of a maildir");
	is_num(mailbox_open(acc, STR("Lists/d"), &other), 0, "opens");
	ok(mailbox_status(other, &st) == 0 && st.exists == 1, "with its message");
	mailbox_close(other);
	is_num(system("rm -r acct/mail/Lists/c"), 0, "a maildir is removed");
	ok(mailbox_open(acc, STR("Lists/c"), &other) == -1 && errno == ENOENT, "it is gone");
	arena_free(&a);
}

static bool
is_listed(const char *name, uint32_t *id_r)
{
	struct arena		 a = ARENA_INIT(100000);
	struct mailbox_info	*list;
	size_t			 n = 0;
	bool			 found = false;

	if (mailbox_list(acc, &a, &list, &n) == -1)
		n = 0;
	for (size_t i = 0; i < n; i++)
		if (str_eq(list[i].name, str_c(name)) && list[i].exists) {
			found = true;
			*id_r = list[i].uidvalidity;
		}
	arena_free(&a);
	return found;
}

/* Without anybody opening them. */
static void
test_list(void)
{
	uint32_t	first = 0, again = 0;

	ok(!is_listed("Work", &first), "no such mailbox");
	is_num(system("mkdir acct/mail/Work"), 0, "another program makes a directory");
	ok(!is_listed("Work", &first), "which is no mailbox");
	pause_ms(50);
	ok(!is_listed("Work", &first), "nor later");
	is_num(system("mkdir acct/mail/Work/tmp acct/mail/Work/new acct/mail/Work/cur"), 0, "completes it");
	ok(is_listed("Work", &first), "it is listed");
	pause_ms(50);
	ok(is_listed("Work", &first) && is_listed("Work", &first), "still");
	is_num(system("mkdir -p acct/mail/Work/deep/er/cur"), 0, "and one below");
	ok(is_listed("Work/deep/er", &again), "it is listed");
	is_num(system("rm -r acct/mail/Work"), 0, "removes all");
	ok(!is_listed("Work", &again) && !is_listed("Work/deep/er", &again), "they are not");
	is_num(system("mkdir -p acct/mail/Work/tmp acct/mail/Work/new acct/mail/Work/cur"), 0, "makes it again");
	ok(is_listed("Work", &again) && again != first, "under another UIDVALIDITY");
}

int
main(void)
{
	struct view		v;
	struct view_news	news = VIEW_NEWS_INIT;

	scratch_enter();
	if (account_create("acct") == -1 || account_open("acct", &acc) == -1 ||
	    mailbox_open(acc, STR("INBOX"), &mb) == -1 || view_open(&v, mb, true, NULL) == -1) {
		ok(false, "account: %s", strerror(errno));
		return done_testing();
	}
	test_delivered(&v, &news);
	test_flags(&v, &news);
	test_removed(&v, &news);
	test_raced(&v, &news);
	test_adopt();
	test_converted_before();
	test_many();
	test_two_look();
	test_mailboxes();
	test_list();
	view_close(&v);
	view_news_free(&news);
	mailbox_close(mb);
	account_close(acc);
	is_num(account_fix("acct"), 0, "fix");
	check_clean("acct", "at the end");
	scratch_leave();
	return done_testing();
}
