/*
 * authd: who is that? Serves "auth" version 1 on the socket passed as "authd"
 * with a few workers, so that hashing takes the cores there are and no more. Only
 * authd opens imapd's door. Exits 0 on SIGTERM, 100, 111. See authd(8).
 */
#include "authd.h"

#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/num.h"
#include "sys/deadline.h"
#include "sys/die.h"
#include "sys/fd.h"
#include "sys/listen.h"
#include "sys/log.h"

enum {
	RESPAWN_MS	= 500,			/* a worker that fails at once is not started at once */
	KEEP_ATTEMPTS	= 30 * 24 * 3600,	/* seconds */
	CLEAN_EVERY	= 3600,
};

static volatile sig_atomic_t	stop;

static unsigned	opts(int, char *[], const char **door);
static void	databases_open(struct authd *, bool create);
static void	supervise(struct authd *, int sock, unsigned n);

static void
on_term(int sig)
{
	(void)sig;
	stop = 1;
}

static void
on_child(int sig)
{
	(void)sig;
}

int
main(int argc, char *argv[])
{
	struct authd	a = { .imapd = "run/imapd" };
	unsigned	workers;
	int		sock;

	prog_init(argv[0]);
	workers = opts(argc, argv, &a.imapd);
	sock = listen_fd("authd");
	if (sock == -1)
		diex(EXIT_PERM, "no socket was passed as \"authd\"");
	if (fd_nonblock(sock, true) == -1)
		die(EXIT_TEMP, "unable to set up the socket");
	a.limiter = limiter_new();
	if (a.limiter == NULL)
		die(EXIT_TEMP, "no memory to share");
	supervise(&a, sock, workers);
	return EXIT_OK;
}

static unsigned
opts(int argc, char *argv[], const char **door)
{
	long		cores = sysconf(_SC_NPROCESSORS_ONLN);
	uint32_t	n = cores < 1 ? 1 : cores > LIMIT_AUTHD_WORKERS ? LIMIT_AUTHD_WORKERS : (uint32_t)cores;
	int		c;

	while ((c = getopt(argc, argv, "d:w:")) != -1) {
		if (c == 'd')
			*door = optarg;
		else if (c != 'w' || !num_u32(str_c(optarg), LIMIT_AUTHD_WORKERS, &n) || n == 0)
			diex(EXIT_PERM, "usage: authd [-d DOOR] [-w WORKERS]");
	}
	if (optind != argc)
		diex(EXIT_PERM, "usage: authd [-d DOOR] [-w WORKERS]");
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

static void
worker(struct authd *a, int sock, const sigset_t *mask)
{
	(void)signal(SIGTERM, SIG_DFL);
	(void)signal(SIGCHLD, SIG_DFL);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	(void)sigprocmask(SIG_SETMASK, mask, NULL);
	databases_open(a, false);
	a->conf = conf_open();
	if (a->conf == NULL)
		die(EXIT_TEMP, "unable to open config.tdb");
	if (!cache_init(&a->cache))
		die(EXIT_TEMP, "no randomness");
	worker_run(a, sock);
	_exit(EXIT_TEMP);
}

static void
start(struct authd *a, int sock, pid_t *pid, const sigset_t *mask)
{
	*pid = fork();
	if (*pid == 0)
		worker(a, sock, mask);
	if (*pid == -1)
		log_failure("worker-not-started", "fork", errno);
}

/* Old attempts are forgotten by a child, so that no lock is left in us. */
static pid_t
clean(const sigset_t *mask)
{
	pid_t	pid = fork();

	if (pid == 0) {
		struct tdb_context	*db = attempts_open(false);

		(void)signal(SIGTERM, SIG_DFL);
		(void)sigprocmask(SIG_SETMASK, mask, NULL);
		if (db != NULL)
			attempts_clean(db, clock_now() - KEEP_ATTEMPTS);
		_exit(EXIT_OK);
	}
	return pid;
}

/* A worker that ended is noticed, and its place is empty. */
static void
reap(pid_t *pid, unsigned n)
{
	int	status;
	pid_t	gone;

	while ((gone = waitpid(-1, &status, WNOHANG)) > 0) {
		for (unsigned i = 0; i < n; i++) {
			struct log	l;

			if (pid[i] != gone)
				continue;
			pid[i] = -1;
			log_start(&l, "worker-ended");
			log_num(&l, "status", status);
			log_end(&l);
		}
	}
}

static void
stop_all(const pid_t *pid, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (pid[i] > 0)
			(void)kill(pid[i], SIGTERM);
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
}

static void
supervise(struct authd *a, int sock, unsigned n)
{
	pid_t			pid[LIMIT_AUTHD_WORKERS];
	sigset_t		hold, mask;
	struct sigaction	sa = { .sa_handler = on_term };
	int64_t			cleaned = clock_ms();

	(void)sigemptyset(&hold);
	(void)sigaddset(&hold, SIGTERM);
	(void)sigaddset(&hold, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &hold, &mask);
	(void)sigaction(SIGTERM, &sa, NULL);
	sa.sa_handler = on_child;
	(void)sigaction(SIGCHLD, &sa, NULL);
	databases_open(a, true);
	databases_close(a);
	for (unsigned i = 0; i < n; i++)
		start(a, sock, &pid[i], &mask);
	notify_ready();
	while (!stop) {
		struct timespec	wait = { .tv_sec = CLEAN_EVERY };
		bool		missing = false;

		for (unsigned i = 0; i < n; i++)
			missing = missing || pid[i] == -1;
		if (missing)
			wait = (struct timespec){ .tv_nsec = RESPAWN_MS * 1000000L };
		(void)ppoll(NULL, 0, &wait, &mask);
		reap(pid, n);
		for (unsigned i = 0; !stop && missing && i < n; i++)
			if (pid[i] == -1)
				start(a, sock, &pid[i], &mask);
		if (clock_ms() - cleaned >= CLEAN_EVERY * 1000LL) {
			cleaned = clock_ms();
			(void)!clean(&mask);
		}
	}
	stop_all(pid, n);
}
