/*
 * together: two processes and another program that renames, removes and drops
 * files change one account for some seconds. Nothing is lost, nothing doubled,
 * index and files agree.
 */
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/message.h"
#include "store/view.h"
#include "sys/deadline.h"

#include "../tap.h"
#include "check.h"
#include "scratch.h"

enum { SECONDS = 4 };

struct shared {
	atomic_int	in, out, errors, moved;
};

static struct shared	*sh;

static void
complain(const char *what)
{
	int	err = errno;

	if (atomic_fetch_add(&sh->errors, 1) < 20)
		printf("# %s: %s\n", what, strerror(err));
	(void)fflush(stdout);
}

/* Some uids of the view. */
static void
some(const struct view *v, struct uidset *s, unsigned n)
{
	uidset_reset(s);
	for (unsigned i = 0; i < n && view_count(v) > 0; i++) {
		uint32_t	u = view_uid(v, 1 + (uint32_t)random() % view_count(v));

		uidset_add(s, u, u);
	}
}

static void
change(struct view *v, struct mailbox *other)
{
	struct mailbox		*mb = v->mb;
	struct uidset		 s = UIDSET_INIT, gone = UIDSET_INIT;
	struct flag_change	 c = { FLAGS_ADD, { 1u << random() % 6, 0 }, UINT64_MAX };
	struct flag_result	 r;
	struct copied		 cp;

	switch (random() % 8) {
	case 0: case 1: case 2:
		if (deliver(mb, "Subject: a\r\n\r\nb\r\n") >= 0)	/* 0: moved on already */
			atomic_fetch_add(&sh->in, 1);
		else
			complain("deliver");
		break;
	case 3:
		c.mode = FLAGS_REMOVE;
		some(v, &s, 5);
		if (message_flags(mb, &s, &c, &r) == -1)
			complain("flags");
		flag_result_free(&r);
		break;
	case 4: case 5:
		some(v, &s, 5);
		if (message_flags(mb, &s, &c, &r) == -1)
			complain("flags");
		flag_result_free(&r);
		break;
	case 6:
		some(v, &s, 2);
		if (message_expunge(mb, &s, false, &gone) == -1)
			complain("expunge");
		atomic_fetch_add(&sh->out, (int)uidset_count(&gone));
		break;
	case 7:
		some(v, &s, 3);
		if (random() % 2) {
			if (message_move(mb, &s, other, &cp) == -1)
				complain("move");
			atomic_fetch_add(&sh->moved, (int)uidset_count(&cp.dst));
		} else {
			if (message_copy(mb, &s, other, &cp) == -1)
				complain("copy");
			else
				atomic_fetch_add(&sh->in, (int)uidset_count(&cp.dst));
		}
		copied_free(&cp);
		break;
	}
	uidset_free(&s);
	uidset_free(&gone);
}

static void
writer(unsigned seed)
{
	struct deadline		 d = deadline_in(SECONDS * 1000);
	struct account		*acc;
	struct mailbox		*a, *b;
	struct view		 va, vb;
	struct view_news	 news = VIEW_NEWS_INIT;

	srandom(seed);
	if (account_open("acct", &acc) == -1 || mailbox_open(acc, STR("INBOX"), &a) == -1 ||
	    mailbox_open(acc, STR("Archive"), &b) == -1 || view_open(&va, a, true, NULL) == -1 ||
	    view_open(&vb, b, true, NULL) == -1) {
		complain("open");
		return;
	}
	while (!deadline_over(d)) {
		if (random() % 3 != 0)
			change(&va, b);
		else
			change(&vb, a);
		if (view_sync(&va, &news) == -1)
			complain("sync");
		view_drop(&va, &news.expunged);
		if (view_sync(&vb, &news) == -1)
			complain("sync");
		view_drop(&vb, &news.expunged);
	}
	view_news_free(&news);
	view_close(&va);
	view_close(&vb);
	mailbox_close(a);
	mailbox_close(b);
	account_close(acc);
}

/* As mutt: list, pick one, change the letters of its flags; sometimes remove it. */
static void
meddle(const char *dir)
{
	char		 from[600], to[700];
	struct dirent	*de;
	DIR		*d = opendir(dir);
	long		 skip = random() % 20;

	while (d != NULL && (de = readdir(d)) != NULL) {
		const char	*flags = strstr(de->d_name, ":2,");

		if (flags == NULL || skip-- > 0)
			continue;
		(void)snprintf(from, sizeof(from), "%s/%s", dir, de->d_name);
		if (random() % 10 == 0) {
			if (unlink(from) == 0)
				atomic_fetch_add(&sh->out, 1);
			break;
		}
		(void)snprintf(to, sizeof(to), "%s/%.*s:2,%s", dir, (int)(flags - de->d_name), de->d_name,
		    random() % 2 ? "S" : "FRS");
		(void)rename(from, to);
		break;
	}
	if (d != NULL)
		(void)closedir(d);
}

static void
drop(unsigned n)
{
	char	path[200];
	int	fd;

	(void)snprintf(path, sizeof(path), "acct/mail/INBOX/tmp/1700000000.%u.foreign", n);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	if (fd == -1 || write(fd, "Subject: lf\n\nx\n", 15) != 15)
		complain("drop");
	(void)close(fd);
	{
		char	to[200];

		(void)snprintf(to, sizeof(to), "acct/mail/INBOX/new/1700000000.%u.foreign", n);
		if (rename(path, to) == -1)
			complain("drop");
	}
	atomic_fetch_add(&sh->in, 1);
}

static void
meddler(void)
{
	struct deadline	d = deadline_in(SECONDS * 1000);
	unsigned	n = 0;

	srandom(99);
	while (!deadline_over(d)) {
		meddle(random() % 2 ? "acct/mail/INBOX/cur" : "acct/mail/Archive/cur");
		if (random() % 10 == 0)
			drop(n++);
		(void)usleep((useconds_t)random() % 4000);
	}
}

static uint32_t
exists(struct account *acc, struct str name)
{
	struct mailbox		*mb;
	struct mailbox_status	 st = { .exists = 0 };

	if (mailbox_open(acc, name, &mb) == -1 || mailbox_status(mb, &st) == -1)
		complain("status");
	mailbox_close(mb);
	return st.exists;
}

int
main(void)
{
	struct account	*acc;
	int		 status;

	scratch_enter();
	sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	is_num(account_create("acct"), 0, "account");
	for (unsigned i = 0; i < 3; i++)
		if (fork() == 0) {
			if (i == 2)
				meddler();
			else
				writer(i + 1);
			_exit(0);
		}
	for (int i = 0; i < 3; i++)
		ok(wait(&status) > 0 && status == 0, "a process ends well");
	is_num(sh->errors, 0, "no call failed");
	is_num(account_open("acct", &acc), 0, "open");
	(void)usleep(50000);
	is_num(exists(acc, STR("INBOX")) + exists(acc, STR("Archive")), sh->in - sh->out,
	    "what came in and did not go out is there");
	printf("# %d in, %d out, %d moved\n", sh->in, sh->out, sh->moved);
	account_close(acc);
	check_clean("acct", "at the end");
	scratch_leave();
	return done_testing();
}
