/*
 * mkspool: for tests: puts messages into queue/ of the working directory, tells what is there.
 *
 *	mkspool put [-f from] [-a account] [-l] [-q queued] [-n not-before] [-N notify] [-A account] [-r full|hdrs]
 *	    [-i id] [-c count] rcpt ...		the message is read from standard input; prints ids
 *	mkspool note id event rcpt at attempt next	event as a number of enum spool_event
 *	mkspool show				a line "ID FROM RCPT STATE ATTEMPTS HELD NEXT CODE TEXT" for each recipient
 *	mkspool cat id				the message
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/num.h"
#include "store/spool.h"
#include "sys/deadline.h"
#include "sys/die.h"
#include "sys/fd.h"

static struct spool	spool;

static int64_t
number(const char *s)
{
	uint64_t	n;

	if (!num_u64(str_c(s), INT64_MAX, &n))
		diex(EXIT_PERM, "not a number: %s", s);
	return (int64_t)n;
}

static void
put_one(struct envelope *e, struct str message)
{
	struct spool_new	n;

	if (spool_begin(&spool, e, &n) == -1 || write_all(n.fd, message) == -1 || spool_commit(&spool, &n) == -1)
		die(EXIT_TEMP, "unable to put a message");
	(void)printf("%s\n", n.id);
}

static void
add_rcpts(struct envelope *e, char *argv[], size_t n, unsigned notify, const char *account)
{
	e->rcpt = calloc(n, sizeof(e->rcpt[0]));
	e->nrcpt = n;
	for (size_t i = 0; e->rcpt != NULL && i < n; i++) {
		struct str	a = str_c(argv[i]);

		e->rcpt[i] = (struct envelope_rcpt){ .address = a, .domain = str_skip(a, str_rchr(a, '@') + 1), .notify = notify };
		if (account != NULL) {
			e->rcpt[i].account = str_c(account);
			e->rcpt[i].mailbox = STR("INBOX");
		}
	}
}

static void
put(int argc, char *argv[])
{
	struct envelope	e = { .queued = clock_now(), .from = STR(""), .message_id = STR("<1@test>") };
	struct buf	message = BUF_INIT(LIMIT_MESSAGE_SIZE);
	const char	*account = NULL;
	int64_t		notify = 0, count = 1;
	int		c;

	while ((c = getopt(argc, argv, "f:a:q:n:N:A:r:i:c:")) != -1)
		switch (c) {
		case 'f': e.from = str_c(optarg); break;
		case 'a': e.account = str_c(optarg); break;
		case 'q': e.queued = number(optarg); break;
		case 'n': e.not_before = number(optarg); break;
		case 'N': notify = number(optarg); break;
		case 'A': account = optarg; break;
		case 'r': e.ret = str_eq(str_c(optarg), STR("full")) ? SMTP_RET_FULL : SMTP_RET_HDRS; break;
		case 'i': (void)!str_copy(str_c(optarg), e.id, sizeof(e.id)); break;
		case 'c': count = number(optarg); break;
		default: diex(EXIT_PERM, "see mkspool.c");
		}
	add_rcpts(&e, argv + optind, (size_t)(argc - optind), (unsigned)notify, account);
	while (read_some(STDIN_FILENO, &message, 65536) > 0)
		;
	for (; count > 0; count--) {
		put_one(&e, buf_str(&message));
		e.id[0] = '\0';
	}
	free(e.rcpt);
	buf_free(&message);
}

static bool
show_one(void *arg, const char *id)
{
	static const char *const	words[] = { "waiting", "trying", "delivered", "failed", "told", "dropped" };
	struct arena			arena = ARENA_INIT(2 * LIMIT_ENVELOPE_ARENA);
	struct envelope			e;
	struct spool_rcpt		*r;
	int				fd;

	(void)arg;
	if (spool_read(&spool, id, &arena, &e, &fd) == -1) {
		(void)printf("%s unreadable %d\n", id, errno);
		return true;
	}
	r = arena_array(&arena, e.nrcpt, sizeof(r[0]));
	if (r == NULL || spool_replay(&spool, id, &arena, r, e.nrcpt, NULL, NULL) == -1)
		die(EXIT_TEMP, "%s", id);
	for (size_t i = 0; i < e.nrcpt; i++) {
		struct str	text = r[i].result.text;

		(void)printf("%s <" STR_FMT "> " STR_FMT " %s %u %d %lld %u " STR_FMT "\n", id, STR_ARG(e.from),
		    STR_ARG(e.rcpt[i].address), words[r[i].state], r[i].attempts, r[i].held, (long long)r[i].next,
		    r[i].result.code, STR_ARG(str_head(text, str_chr(text, '\n'))));
	}
	(void)fd_close(&fd);
	arena_free(&arena);
	return true;
}

static void
note(char *argv[])
{
	uint32_t		rcpt = (uint32_t)number(argv[2]);
	struct spool_entry	e = { .event = (enum spool_event)number(argv[1]), .rcpt = &rcpt, .nrcpt = 1, .at = number(argv[3]),
	    .attempt = (unsigned)number(argv[4]), .next = number(argv[5]) };

	if (spool_note(&spool, argv[0], &e, false) == -1)
		die(EXIT_TEMP, "unable to note");
}

static void
cat(const char *id)
{
	struct arena	arena = ARENA_INIT(2 * LIMIT_ENVELOPE_ARENA);
	struct buf	b = BUF_INIT(LIMIT_MESSAGE_SIZE);
	struct envelope	e;
	int		fd;

	if (spool_read(&spool, id, &arena, &e, &fd) == -1 || lseek(fd, (off_t)e.content, SEEK_SET) == -1)
		die(EXIT_TEMP, "%s", id);
	while (read_some(fd, &b, 65536) > 0)
		;
	if (write_all(STDOUT_FILENO, buf_str(&b)) == -1)
		die(EXIT_TEMP, "unable to write");
	(void)fd_close(&fd);
	buf_free(&b);
	arena_free(&arena);
}

int
main(int argc, char *argv[])
{
	struct str	cmd = str_c(argc > 1 ? argv[1] : "");

	prog_init(argv[0]);
	if (spool_open(&spool, true) == -1)
		die(EXIT_TEMP, "unable to open the queue");
	if (str_eq(cmd, STR("put")))
		put(argc - 1, argv + 1);
	else if (str_eq(cmd, STR("note")) && argc == 8)
		note(argv + 2);
	else if (str_eq(cmd, STR("show")))
		return spool_each(&spool, show_one, NULL) == -1 ? EXIT_TEMP : EXIT_OK;
	else if (str_eq(cmd, STR("cat")) && argc == 3)
		cat(argv[2]);
	else
		diex(EXIT_PERM, "see mkspool.c");
	return EXIT_OK;
}
