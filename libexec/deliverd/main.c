/*
 * deliverd: puts messages into accounts. A pool of processes that accept on
 * one socket, the listening one named deliverd (LISTEN_FDS), so that their
 * syncs overlap. Working directory: var. Exit codes 0, 100, 111; see deliverd(8).
 */
#include <sys/wait.h>

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/num.h"
#include "deliverd.h"
#include "sys/child.h"
#include "sys/die.h"
#include "sys/fd.h"
#include "sys/home.h"
#include "sys/listen.h"
#include "sys/log.h"

enum {
	WORKERS		= 4,
	WORKERS_MOST	= 64,
	AGAIN_MS	= 500,	/* before a worker that died is replaced */
};

volatile sig_atomic_t	deliverd_stop;

static unsigned	workers_option(int argc, char *argv[]);
static void	signals(sigset_t *waiting);
static void	tend(int door, unsigned workers, const sigset_t *waiting);

int
main(int argc, char *argv[])
{
	sigset_t	waiting;
	unsigned	workers;
	int		door;

	prog_init(argv[0]);
	workers = workers_option(argc, argv);
	if (home_enter() == -1)
		die(EXIT_TEMP, "unable to enter the var directory");
	door = listen_fd("deliverd");
	if (door == -1)
		diex(EXIT_PERM, "no socket named deliverd was passed");
	if (fd_nonblock(door, true) == -1)
		die(EXIT_TEMP, "unable to begin");
	signals(&waiting);
	tend(door, workers, &waiting);
	return EXIT_OK;
}

static unsigned
workers_option(int argc, char *argv[])
{
	uint32_t	n = WORKERS;
	int		c;

	while ((c = getopt(argc, argv, "n:")) != -1)
		if (c != 'n' || !num_u32(str_c(optarg), WORKERS_MOST, &n) || n == 0)
			diex(EXIT_PERM, "usage: deliverd [-n workers]");
	if (optind != argc)
		diex(EXIT_PERM, "usage: deliverd [-n workers]");
	return n;
}

static void
on_term(int sig)
{
	(void)sig;
	deliverd_stop = 1;
}

static void
on_child(int sig)
{
	(void)sig;
}

/* Signals come only while we wait: no delivery is cut in the middle. */
static void
signals(sigset_t *waiting)
{
	struct sigaction	sa = { .sa_handler = on_term };
	sigset_t		block;

	(void)sigemptyset(&block);
	(void)sigaddset(&block, SIGTERM);
	(void)sigaddset(&block, SIGINT);
	(void)sigaddset(&block, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &block, waiting);
	(void)sigaction(SIGTERM, &sa, NULL);
	(void)sigaction(SIGINT, &sa, NULL);
	sa.sa_handler = on_child;
	(void)sigaction(SIGCHLD, &sa, NULL);
	sa.sa_handler = SIG_IGN;
	(void)sigaction(SIGPIPE, &sa, NULL);
}

static pid_t
start(int door, const sigset_t *waiting)
{
	pid_t	parent = getpid(), pid = fork();

	if (pid == -1)
		log_failure("no-worker", "fork", errno);
	if (pid == 0) {
		child_follow(parent);
		exit(worker_run(door, waiting));
	}
	return pid;
}

/* Note who ended. Ones that fell get others in their place, after a while. */
static bool
reap(pid_t *pids, unsigned n)
{
	pid_t	pid;
	int	status;
	bool	fell = false;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (unsigned i = 0; i < n; i++)
			if (pids[i] == pid) {
				struct log	l;

				pids[i] = -1;
				fell = true;
				if (deliverd_stop)
					continue;
				log_start(&l, "worker-ended");
				log_num(&l, "worker", pid);
				log_num(&l, "status", status);
				log_end(&l);
			}
	return fell;
}

static void
stop_all(pid_t *pids, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (pids[i] > 0)
			(void)kill(pids[i], SIGTERM);
	for (unsigned i = 0; i < n; i++)
		while (pids[i] > 0 && waitpid(pids[i], NULL, 0) == -1 && errno == EINTR)
			;
}

static void
tend(int door, unsigned workers, const sigset_t *waiting)
{
	pid_t	pids[WORKERS_MOST];

	for (unsigned i = 0; i < workers; i++)
		pids[i] = start(door, waiting);
	notify_ready();
	while (!deliverd_stop) {
		struct timespec	soon = { .tv_nsec = AGAIN_MS * 1000000L };
		bool		missing = false;

		for (unsigned i = 0; i < workers; i++)
			missing = missing || pids[i] == -1;
		(void)ppoll(NULL, 0, missing ? &soon : NULL, waiting);
		if (reap(pids, workers) || deliverd_stop)
			continue;
		for (unsigned i = 0; i < workers; i++)
			if (pids[i] == -1)
				pids[i] = start(door, waiting);
	}
	stop_all(pids, workers);
}
