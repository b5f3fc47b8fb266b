/* full: a disk without space at every step: temporary errors, nothing lost, and service again after. */
#include <sys/mount.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/message.h"
#include "store/view.h"

#include "../tap.h"
#include "check.h"
#include "scratch.h"

/* Fill the disk but for so many bytes. */
static int
ballast(size_t leave)
{
	static char	zeros[4096];
	int		fd = open("ballast", O_WRONLY | O_CREAT | O_TRUNC, 0600);
	off_t		n = 0;

	while (write(fd, zeros, sizeof(zeros)) == (ssize_t)sizeof(zeros))
		n += (off_t)sizeof(zeros);
	if (ftruncate(fd, n > (off_t)leave ? n - (off_t)leave : 0) == -1)
		n = -1;
	(void)close(fd);
	return n > 0;
}

static void
test_deliver(struct mailbox *mb, uint32_t *count)
{
	static char	big[200000];
	int		refused = 0;

	memset(big, 'x', sizeof(big) - 1);
	for (size_t leave = 0; leave < 600000; leave += 20480) {
		struct mailbox_status	st = { .exists = 0 };
		int64_t			a, b;

		ok(ballast(leave), "%zu bytes left", leave);
		a = deliver(mb, big);
		refused += a == -1;
		if (a == -1 && errno != ENOSPC)
			ok(false, "the reason is not space: %s", strerror(errno));
		b = deliver(mb, "small\r\n");
		*count += (uint32_t)(a > 0) + (uint32_t)(b > 0);
		ok(mailbox_status(mb, &st) == 0 && st.exists == *count, "what was accepted is there");
	}
	ok(refused > 0, "some were refused");
	is_num(unlink("ballast"), 0, "space again");
	ok(deliver(mb, big) > 0, "and service");
	++*count;
}

static void
test_change(struct mailbox *mb, struct mailbox *other, uint32_t *count)
{
	struct flag_change	c = { FLAGS_ADD, { FLAG_SEEN, 0 }, UINT64_MAX };
	struct uidset		all = UIDSET_INIT;
	struct flag_result	r;
	struct copied		cp;
	struct view		v;

	uidset_add(&all, 1, UINT32_MAX);
	for (size_t leave = 0; leave < 100000; leave += 12288) {
		struct mailbox_status	a, b;

		ok(ballast(leave), "%zu bytes left", leave);
		if (message_flags(mb, &all, &c, &r) == -1 && errno != ENOSPC)
			ok(false, "flags: %s", strerror(errno));
		flag_result_free(&r);
		c.mode = c.mode == FLAGS_ADD ? FLAGS_REMOVE : FLAGS_ADD;
		if (message_copy(mb, &all, other, &cp) == -1 && errno != ENOSPC)
			ok(false, "copy: %s", strerror(errno));
		*count += uidset_count(&cp.dst) * (uint32_t)(cp.dst.n > 0 && mailbox_status(other, &b) == 0 &&
		    b.exists > 0);
		copied_free(&cp);
		ok(view_open(&v, mb, true, NULL) == 0, "a session can read");
		view_close(&v);
		(void)unlink("ballast");
		ok(mailbox_status(mb, &a) == 0 && mailbox_status(other, &b) == 0, "status");
		is_num(message_expunge(other, &all, false, NULL), 0, "expunge");
	}
	uidset_free(&all);
}

int
main(void)
{
	struct account	*acc;
	struct mailbox	*mb, *other;
	uint32_t	 count = 0, ignored = 0;

	scratch_enter();
	if (mkdir("disk", 0700) == -1 || mount("none", "disk", "tmpfs", 0, "size=24m") == -1) {
		printf("1..0 # SKIP no small disk here (mount: %s)\n", strerror(errno));
		scratch_leave();
		return 0;
	}
	if (chdir("disk") == -1 || account_create("acct") == -1 || account_open("acct", &acc) == -1 ||
	    mailbox_open(acc, STR("INBOX"), &mb) == -1 || mailbox_open(acc, STR("Archive"), &other) == -1)
		ok(false, "account: %s", strerror(errno));
	else {
		test_deliver(mb, &count);
		test_change(mb, other, &ignored);
		mailbox_close(mb);
		mailbox_close(other);
		account_close(acc);
		check_clean("acct", "at the end");
	}
	if (chdir("..") == -1 || umount("disk") == -1)
		(void)umount2("disk", MNT_DETACH);
	scratch_leave();
	return done_testing();
}
