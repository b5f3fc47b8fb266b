/*
 * look: what a reader finds in an account after something went wrong:
 * look PATH opens it, prints "UID SIZE LAST-LINE" for each message of INBOX, then
 * "problem WHERE: WHAT" for each disagreement, then "end".
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "store/check.h"
#include "store/message.h"
#include "store/view.h"
#include "sys/die.h"

static void
print_problem(void *arg, const char *where, const char *what)
{
	(void)arg;
	(void)printf("problem %s: %s\n", where, what);
}

static void
print_message(struct mailbox *mb, const struct entry *e)
{
	char	text[8192];
	int	fd = message_open(mb, e);
	ssize_t	n = fd == -1 ? -1 : read(fd, text, sizeof(text));
	struct str s = str_trim_end(str_n(text, n < 0 ? 0 : (size_t)n));

	if (n < 0)
		die(EXIT_TEMP, "uid %u", e->uid);
	(void)close(fd);
	s = str_skip(s, str_rchr(s, '\n') == s.n ? 0 : str_rchr(s, '\n') + 1);
	(void)printf("%u %lld " STR_FMT "\n", e->uid, (long long)e->size, STR_ARG(s));
}

int
main(int argc, char *argv[])
{
	struct account	*acc;
	struct mailbox	*mb;
	struct view	 v;
	struct entries	*it, held;
	struct entry	 e;
	uint64_t	 problems;
	int		 n;

	prog_init(argv[0]);
	if (argc != 2)
		diex(EXIT_PERM, "usage: look path");
	if (account_open(argv[1], &acc) == -1 || mailbox_open(acc, STR("INBOX"), &mb) == -1 ||
	    view_open(&v, mb, false, NULL) == -1)
		die(EXIT_TEMP, "%s", argv[1]);
	it = &held;
	entries_start(it, mb, &v.uids);
	while ((n = entries_next(it, &e)) == 1)
		print_message(mb, &e);
	if (n == -1)
		die(EXIT_TEMP, "%s", argv[1]);
	view_close(&v);
	mailbox_close(mb);
	account_close(acc);
	if (account_check(argv[1], print_problem, NULL, &problems) == -1)
		die(EXIT_TEMP, "%s", argv[1]);
	(void)printf("end\n");
	return EXIT_OK;
}
