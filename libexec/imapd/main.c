/*
 * imapd: an IMAP session after login, for one account; see imapd(8).
 *
 * Descriptors 0 and 1 are the connection; who is calling, and the bytes that
 * came before, are in the environment (sys/peer.h). Working directory: var.
 * Exit codes: 0 the session is over, 100 misuse, 111 the account cannot be opened.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include "client/conf.h"
#include "session.h"
#include "store/account.h"
#include "sys/die.h"
#include "sys/fd.h"
#include "sys/home.h"
#include "sys/log.h"
#include "sys/sandbox.h"
#include "sys/stop.h"

static void	be_small(void);
static noreturn void give_up(const struct peer *, const char *what);
static void	enter_account(const struct peer *);
static void	log_session(const struct peer *);
static void	first_input(struct buf *);
static uint64_t	quota_of(const struct peer *);

int
main(int argc, char *argv[])
{
	static struct session	s;
	uint64_t		quota;

	prog_init(argv[0]);
	be_small();
	if (argc != 1)
		diex(EXIT_PERM, "usage: imapd");
	s.peer = peer_from_env();
	log_session(&s.peer);
	stop_catch();
	stream_init(&s.io, 0, 1, LIMIT_IMAP_INPUT, LIMIT_IMAP_OUTPUT);
	s.io.stop = &stop_asked;
	first_input(&s.io.in);
	quota = quota_of(&s.peer);
	enter_account(&s.peer);
	if (account_open(".", &s.account) == -1)
		give_up(&s.peer, "the account");
	account_set_quota(s.account, quota);
	session_serve(&s);
	account_close(s.account);
	return EXIT_OK;
}

/* Thousands of these sleep at once: what a large command took goes back to the kernel. */
static void
be_small(void)
{
#if defined(__GLIBC__)
	(void)mallopt(M_MMAP_THRESHOLD, 32768);
	(void)mallopt(M_TRIM_THRESHOLD, 16384);
	(void)mallopt(M_TOP_PAD, 4096);
#endif
}

/* The client is told that it is not its fault; it may try again. */
static noreturn void
give_up(const struct peer *p, const char *what)
{
	int		err = errno;
	struct stream	io;

	stream_init(&io, 0, 1, LIMIT_IMAP_INPUT, LIMIT_IMAP_INPUT);
	if (p->tag.n > 0)
		buf_addf(&io.out, STR_FMT " NO [UNAVAILABLE] The mailboxes cannot be opened now\r\n", STR_ARG(p->tag));
	buf_adds(&io.out, "* BYE Try again later\r\n");
	if (stream_flush(&io) == -1)
		warnx("the client is gone too");
	errno = err;
	die(EXIT_TEMP, "unable to open %s", what);
}

static void
log_session(const struct peer *p)
{
	struct log	l;

	log_always("conn", p->id);
	log_always("account", p->account);
	log_start(&l, "start");
	log_str(&l, "login", p->login);
	log_str(&l, "rip", p->rip);
	log_end(&l);
}

/* What came behind the command that logged in; our environment need not keep it. */
static void
first_input(struct buf *input)
{
	if (!peer_input(input))
		diex(EXIT_PERM, "PEER_INPUT is not base64");
	(void)unsetenv("PEER_INPUT");
}

/* Bytes that the account may hold, 0 for any number; without a configuration there is no limit. */
static uint64_t
quota_of(const struct peer *p)
{
	struct conf		*conf = conf_open();
	struct arena		 arena = ARENA_INIT(LIMIT_IMAP_ARENA);
	struct conf_account	 found;
	uint64_t		 quota = 0;

	if (conf == NULL) {
		if (errno != ENOENT)
			give_up(p, HOME_CONFIG_TDB);
		return 0;
	}
	switch (conf_account(conf, p->account, &arena, &found)) {
	case CONF_OK:
		quota = found.quota;
		break;
	case CONF_NONE:
		break;
	case CONF_ERROR:
		give_up(p, HOME_CONFIG_TDB);
	}
	arena_free(&arena);
	conf_close(conf);
	return quota;
}

/* From here on there is nothing but the account's directory. */
static void
enter_account(const struct peer *p)
{
	char	path[sizeof(HOME_ACCOUNTS) + LIMIT_PATH];
	char	name[LIMIT_PATH];
	int	fd = -1;

	if (!account_name_ok(p->account) || !str_copy(p->account, name, sizeof(name)))
		diex(EXIT_PERM, "PEER_ACCOUNT is no account name");
	memcpy(path, HOME_ACCOUNTS "/", sizeof(HOME_ACCOUNTS));
	memcpy(path + sizeof(HOME_ACCOUNTS), name, p->account.n + 1);
	/* the first login of an account that has not yet got mail, or that was left half made */
	if (account_create(path) == 0 || errno == EEXIST)
		fd = dir_open(AT_FDCWD, path);
	if (fd == -1)
		give_up(p, path);
	if (fchdir(fd) == -1)
		give_up(p, path);
	sandbox_enter_dir(SANDBOX_ACCOUNT, fd);
	(void)fd_close(&fd);
}
