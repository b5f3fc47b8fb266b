/*
 * authd: who is that? Serves "auth" version 1 on the socket passed as "authd"
 * with a few workers, so that hashing takes the cores there are and no more. Only
 * authd opens the doors of imapd and queue-put. Exits 0 on SIGTERM, 100, 111. See authd(8).
 */
#include "authd.h"

#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/num.h"
#include "sys/child.h"
#include "sys/deadline.h"
#include "sys/die.h"
#include "sys/fd.h"
#include "sys/listen.h"
#include "sys/log.h"
#include "sys/sandbox.h"
#include "sys/stop.h"

enum {
	RESPAWN_MS	= 500,			/* a worker that fails at once is not started at once */
	KEEP_ATTEMPTS	= 30 * 24 * 3600,	/* seconds */
	CLEAN_EVERY	= 3600,
};

#define USAGE	"usage: authd [-d DOOR] [-k FILE] [-q DOOR] [-w WORKERS]"

/* The processes that serve, and the sockets on which they ask for limits. */
struct crew {
	struct authd	*authd;
	int		 sock;
	unsigned	 n;
	pid_t		 pid[LIMIT_AUTHD_WORKERS];	/* -1: none */
	int		 limits[LIMIT_AUTHD_WORKERS];	/* -1: none */
	struct limiter	 limiter;
	struct conf	*conf;
	sigset_t	 mask;				/* outside of waits */
};

static unsigned	opts(int, char *[], struct authd *, const char **key);
static void	databases_open(struct authd *, bool create);
static void	supervise(struct authd *, int sock, unsigned n);

static void
on_child(int sig)
{
	(void)sig;
}

int
main(int argc, char *argv[])
{
	struct authd	a = { .imapd = "run/imapd", .queue = "run/queue-put" };
	const char	*key = NULL;
	unsigned	workers;
	int		sock;

	prog_init(argv[0]);
	workers = opts(argc, argv, &a, &key);
	if (seal_key_load(&a.seal, key) == -1)
		die(EXIT_TEMP, "unable to read the key of seals");
	sock = listen_fd("authd");
	if (sock == -1)
		diex(EXIT_PERM, "no socket was passed as \"authd\"");
	if (fd_nonblock(sock, true) == -1)
		die(EXIT_TEMP, "unable to set up the socket");
	supervise(&a, sock, workers);
	return EXIT_OK;
}

static unsigned
opts(int argc, char *argv[], struct authd *a, const char **key)
{
	long		cores = sysconf(_SC_NPROCESSORS_ONLN);
	uint32_t	n = cores < 1 ? 1 : cores > LIMIT_AUTHD_WORKERS ? LIMIT_AUTHD_WORKERS : (uint32_t)cores;
	int		c;

	while ((c = getopt(argc, argv, "d:k:q:w:")) != -1) {
		if (c == 'd')
			a->imapd = optarg;
		else if (c == 'k')
			*key = optarg;
		else if (c == 'q')
			a->queue = optarg;
		else if (c != 'w' || !num_u32(str_c(optarg), LIMIT_AUTHD_WORKERS, &n) || n == 0)
			diex(EXIT_PERM, USAGE);
	}
	if (optind != argc)
		diex(EXIT_PERM, USAGE);
	return n;
}

/* For one process: what was locked before a fork is not locked after it. */
static void
databases_open(struct authd *a, bool create)
{
	a->secrets = secrets_open(create);
	if (a->secrets == NULL || secrets_fake_key(a->secrets, a->fake) == -1)
		die(EXIT_TEMP, "unable to use auth/secrets.tdb");
	a->keys = keys_open(create);
	if (a->keys == NULL)
		die(EXIT_TEMP, "unable to use auth/keys.tdb");
	a->attempts = attempts_open(create);
	if (a->attempts == NULL)
		die(EXIT_TEMP, "unable to use auth/attempts.tdb");
}

static void
databases_close(struct authd *a)
{
	(void)tdb_close(a->secrets);
	(void)tdb_close(a->keys);
	(void)tdb_close(a->attempts);
}

/* What is left: sockets, the files that are open, and a look at config.tdb. */
static void
confine(struct authd *a)
{
	struct secrets	s;
	int		dir = dir_open(AT_FDCWD, ".");

	/* what libcrypto opens when it is first used has to be open by now */
	secrets_fake(a->fake, STR("nobody"), &s);
	(void)secrets_check(&s, STR(""));
	if (dir == -1)
		die(EXIT_TEMP, "unable to open the working directory");
	sandbox_enter_dir(SANDBOX_NET, dir);
	(void)fd_close(&dir);
}

static void
worker(struct crew *c, int limits, pid_t parent)
{
	struct authd	*a = c->authd;

	(void)signal(SIGTERM, SIG_DFL);
	(void)signal(SIGCHLD, SIG_DFL);
	(void)signal(SIGPIPE, SIG_IGN);
	child_follow(parent);
	(void)sigprocmask(SIG_SETMASK, &c->mask, NULL);
	for (unsigned i = 0; i < c->n; i++)
		(void)fd_close(&c->limits[i]);
	a->limiter = limits;
	conf_close(c->conf);
	databases_open(a, false);
	a->conf = conf_open();
	if (a->conf == NULL)
		die(EXIT_TEMP, "unable to open config.tdb");
	if (!cache_init(&a->cache))
		die(EXIT_TEMP, "no randomness");
	confine(a);
	worker_run(a, c->sock);
	_exit(EXIT_TEMP);
}

static void
start(struct crew *c, unsigned i)
{
	pid_t	parent = getpid();
	int	pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1) {
		log_failure("worker-not-started", "socketpair", errno);
		return;
	}
	c->pid[i] = fork();
	if (c->pid[i] == 0) {
		(void)fd_close(&pair[0]);
		worker(c, pair[1], parent);
	}
	(void)fd_close(&pair[1]);
	c->limits[i] = pair[0];
	if (c->pid[i] != -1)
		return;
	log_failure("worker-not-started", "fork", errno);
	(void)fd_close(&c->limits[i]);
}

/* Old attempts are forgotten by a child, so that no lock is left in us. */
static void
clean(const struct crew *c)
{
	if (fork() == 0) {
		struct tdb_context	*db = attempts_open(false);

		(void)signal(SIGTERM, SIG_DFL);
		(void)sigprocmask(SIG_SETMASK, &c->mask, NULL);
		if (db != NULL)
			attempts_clean(db, clock_now() - KEEP_ATTEMPTS);
		_exit(EXIT_OK);
	}
}

/* A worker that ended is noticed, and its place is empty. */
static void
reap(struct crew *c)
{
	int	status;
	pid_t	gone;

	while ((gone = waitpid(-1, &status, WNOHANG)) > 0) {
		for (unsigned i = 0; i < c->n; i++) {
			struct log	l;

			if (c->pid[i] != gone)
				continue;
			c->pid[i] = -1;
			(void)fd_close(&c->limits[i]);
			log_start(&l, "worker-ended");
			log_num(&l, "status", status);
			log_end(&l);
		}
	}
}

static void
stop_all(const struct crew *c)
{
	for (unsigned i = 0; i < c->n; i++)
		if (c->pid[i] > 0)
			(void)kill(c->pid[i], SIGTERM);
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
}

/* One wait: for questions about limits, a worker's end, or the next cleaning. */
static void
turn(struct crew *c, bool missing)
{
	struct timespec	wait = { .tv_sec = CLEAN_EVERY };
	struct pollfd	p[LIMIT_AUTHD_WORKERS];

	if (missing)
		wait = (struct timespec){ .tv_nsec = RESPAWN_MS * 1000000L };
	for (unsigned i = 0; i < c->n; i++)
		p[i] = (struct pollfd){ .fd = c->limits[i], .events = POLLIN };
	if (ppoll(p, c->n, &wait, &c->mask) <= 0)
		return;
	if (conf_refresh(c->conf) == 1)
		limiter_set(&c->limiter, conf_machine(c->conf)->auth_failures_per_minute,
		    conf_machine(c->conf)->auth_failures_per_day);
	for (unsigned i = 0; i < c->n; i++)
		if (p[i].revents != 0 && limiter_serve(&c->limiter, c->limits[i], clock_now()) == -1)
			(void)fd_close(&c->limits[i]);
}

static void
crew_init(struct crew *c)
{
	struct sigaction	sa = { .sa_handler = on_child };
	sigset_t		hold;

	(void)sigemptyset(&hold);
	(void)sigaddset(&hold, SIGTERM);
	(void)sigaddset(&hold, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &hold, &c->mask);
	stop_catch();
	(void)sigaction(SIGCHLD, &sa, NULL);
	for (unsigned i = 0; i < LIMIT_AUTHD_WORKERS; i++)
		c->pid[i] = c->limits[i] = -1;
	c->conf = conf_open();
	if (c->conf == NULL)
		die(EXIT_TEMP, "unable to open config.tdb");
	if (!limiter_init(&c->limiter, conf_machine(c->conf)->auth_failures_per_minute,
	    conf_machine(c->conf)->auth_failures_per_day))
		die(EXIT_TEMP, "no randomness");
}

static bool
is_missing(const struct crew *c)
{
	for (unsigned i = 0; i < c->n; i++)
		if (c->pid[i] == -1)
			return true;
	return false;
}

static void
fill(struct crew *c)
{
	for (unsigned i = 0; i < c->n; i++)
		if (c->pid[i] == -1)
			start(c, i);
}

static void
supervise(struct authd *a, int sock, unsigned n)
{
	struct crew	c = { .authd = a, .sock = sock, .n = n };
	int64_t		cleaned = clock_ms();
	int64_t		filled = cleaned;

	crew_init(&c);
	databases_open(a, true);
	databases_close(a);
	fill(&c);
	notify_ready();
	while (!stop_asked) {
		turn(&c, is_missing(&c));
		reap(&c);
		if (is_missing(&c) && !stop_asked && clock_ms() - filled >= RESPAWN_MS) {
			filled = clock_ms();
			fill(&c);
		}
		if (clock_ms() - cleaned >= CLEAN_EVERY * 1000LL) {
			cleaned = clock_ms();
			clean(&c);
		}
	}
	stop_all(&c);
	limiter_free(&c.limiter);
	conf_close(c.conf);
}
