/*
 * queue-send: sees to it that every message of the queue is delivered, or its
 * sender told. Working directory: var; descriptor 3 and on: the control socket "ctl"
 * (LISTEN_FDS). Exit codes 0, 100, 111; see queue-send(8).
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/num.h"
#include "queue-send.h"
#include "sys/die.h"
#include "sys/fd.h"
#include "sys/home.h"
#include "sys/listen.h"
#include "sys/log.h"
#include "sys/sandbox.h"

enum {
	AGAIN		= 60,		/* seconds between two looks at everything, and until what failed here is tried again */
	LOOK_MS		= 1000,		/* the same without inotify */
	GRACE_MS	= 4000,		/* for jobs under way, after SIGTERM */
	SET_BACK	= 2,		/* seconds: more than rounding makes */
	BASE_MOST	= 7 * 24 * 3600,
	FIXED		= 2,		/* descriptors in poll beside workers and clients */
};

static int		signal_pipe[2];
static volatile sig_atomic_t	stop;

static void	options(struct queue *, int, char *[]);
static void	catch_signals(void);
static void	look_at_clock(struct queue *);
static void	start(struct queue *);
static void	serve(struct queue *);
static void	let_go(struct queue *);

int
main(int argc, char *argv[])
{
	struct queue	q = { .arena = ARENA_INIT(LIMIT_ENVELOPE_ARENA + LIMIT_ENVELOPE), .base = SCHEDULE_BASE, .again = AGAIN, .watch = -1 };

	prog_init(argv[0]);
	options(&q, argc, argv);
	if (home_enter() == -1)
		die(EXIT_TEMP, "unable to enter the var directory");
	catch_signals();
	start(&q);
	notify_ready();
	serve(&q);
	let_go(&q);
	return EXIT_OK;
}

static void
options(struct queue *q, int argc, char *argv[])
{
	uint64_t	n;
	int		c;

	while ((c = getopt(argc, argv, "b:")) != -1) {
		if (c != 'b' || !num_u64(str_c(optarg), BASE_MOST, &n))
			diex(EXIT_PERM, "usage: queue-send [-b seconds]");
		q->base = (int64_t)n;
		q->again = n == 0 ? 1 : n < AGAIN ? (uint32_t)n : AGAIN;
	}
	if (optind != argc)
		diex(EXIT_PERM, "usage: queue-send [-b seconds]");
}

static void
on_signal(int sig)
{
	int	err = errno;

	(void)sig;
	stop = 1;
	if (write(signal_pipe[1], "", 1) == -1)
		errno = EAGAIN;		/* full: the loop wakes up anyway */
	errno = err;
}

static void
catch_signals(void)
{
	struct sigaction	sa = { .sa_handler = on_signal, .sa_flags = SA_RESTART };

	if (pipe2(signal_pipe, O_CLOEXEC | O_NONBLOCK) == -1)
		die(EXIT_TEMP, "unable to make a pipe");
	(void)sigemptyset(&sa.sa_mask);
	if (sigaction(SIGTERM, &sa, NULL) == -1 || sigaction(SIGINT, &sa, NULL) == -1)
		die(EXIT_TEMP, "unable to catch signals");
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
}

/*
 * What is left: queue/, the configuration (renamed into var when it is built anew), the
 * doors, who calls. Workers, whose answers are read here, talk to strangers.
 */
static void
confine(const struct queue *q)
{
	int	var = dir_open(AT_FDCWD, ".");

	if (var == -1)
		die(EXIT_TEMP, "unable to open the var directory");
	sandbox_enter_dirs(SANDBOX_QUEUE, q->spool.queue, var);
	(void)fd_close(&var);
}

static void
start(struct queue *q)
{
	struct log	l;

	q->conf = conf_open();
	if (q->conf == NULL)
		die(EXIT_TEMP, "unable to open the configuration");
	if (spool_open(&q->spool, true) == -1)
		die(EXIT_TEMP, "unable to open the queue");
	q->null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (q->null == -1)
		die(EXIT_TEMP, "unable to open /dev/null");
	look_at_clock(q);
	q->random = (uint32_t)clock_now_us();
	doors_init(q);
	control_open(q, listen_fd("ctl"));
	watch_open(q);		/* before the first scan: nothing comes in between */
	confine(q);
	spool_tidy(&q->spool, q->now);
	watch_scan(q);
	log_start(&l, "started");
	log_num(&l, "messages", (int64_t)q->nmessage);
	log_end(&l);
}

/* --- the loop */

static int64_t
sweep_ms(const struct queue *q)
{
	return q->watch == -1 ? LOOK_MS : q->again * 1000;
}

/* Milliseconds until something is to be done without being asked. */
static int
patience(const struct queue *q)
{
	struct deadline	d = deadline_sooner(workers_deadline(q), (struct deadline){ q->sweep_at });
	int64_t		next = messages_next(q), now = clock_now();

	if (control_has_work(q) || q->touched.first != NULL)
		return 0;
	/* the wall clock counts in seconds, and may be set: never sleep for long by it */
	if (next <= now)
		return 0;
	if (next - now < AGAIN)
		d = deadline_sooner(d, deadline_in((next - now) * 1000));
	for (int i = 0; i < DOORS; i++)
		if (q->door[i].none.first != NULL || q->door[i].more.first != NULL)
			if (q->door[i].again > clock_ms())
				d = deadline_sooner(d, (struct deadline){ q->door[i].again });
	return deadline_poll(d);
}

static struct pollfd *
poll_room(const struct queue *q)
{
	static struct pollfd	*pfd;
	static size_t		 cap;
	size_t			 want = FIXED + 1 + CONTROL_CLIENTS + q->nworker;

	if (want > cap) {
		struct pollfd	*p = realloc(pfd, 2 * want * sizeof(p[0]));

		if (p == NULL)
			die(EXIT_TEMP, "out of memory");
		pfd = p;
		cap = 2 * want;
	}
	return pfd;
}

/* The wall clock, and whether it was set back since: then all times are looked at now. */
static void
look_at_clock(struct queue *q)
{
	int64_t	ahead;

	q->now = clock_now();
	ahead = q->now - clock_ms() / 1000;
	if (ahead < q->ahead - SET_BACK)
		q->sweep_at = 0;
	q->ahead = ahead;
}

static void
wait_for_events(struct queue *q, int ms)
{
	struct pollfd	*pfd = poll_room(q);
	size_t		 n = FIXED;
	char		 scrap[64];

	pfd[0] = (struct pollfd){ .fd = signal_pipe[0], .events = POLLIN };
	pfd[1] = (struct pollfd){ .fd = q->watch, .events = POLLIN };
	workers_poll(q, pfd, &n);
	control_poll(q, pfd, &n);
	if (poll(pfd, n, ms) == -1) {
		if (errno != EINTR)
			die(EXIT_TEMP, "unable to poll");
		for (size_t i = 0; i < n; i++)
			pfd[i].revents = 0;
	}
	look_at_clock(q);
	while (pfd[0].revents != 0 && read(signal_pipe[0], scrap, sizeof(scrap)) > 0)
		;
	/* workers first: what they have done is noted before anything new begins */
	workers_ready(q, pfd);
	if (pfd[1].revents != 0 && !q->stopping)
		watch_ready(q);
	control_ready(q, pfd);
}

static void
sweep(struct queue *q)
{
	if (clock_ms() < q->sweep_at)
		return;
	q->sweep_at = clock_ms() + sweep_ms(q);
	watch_scan(q);
	messages_mend(q);
}

static void
look_at_conf(struct queue *q)
{
	int	n = conf_refresh(q->conf);

	if (n == 1) {
		doors_configure(q);
		workers_renew(q);
	}
}

static void
wind_up(struct queue *q)
{
	struct deadline	grace = deadline_in(GRACE_MS);

	q->stopping = true;
	notify_state("STOPPING=1");
	while (!workers_stop(q, deadline_over(grace))) {
		workers_bury(q);
		wait_for_events(q, deadline_poll(grace));
	}
	workers_bury(q);
}

static void
serve(struct queue *q)
{
	while (!stop) {
		look_at_conf(q);
		sweep(q);
		messages_due(q);
		dests_dispatch(q);
		wait_for_events(q, patience(q));
		workers_bury(q);
	}
	wind_up(q);
}

/* All memory, so that a sanitizer can tell what nobody holds. */
static void
let_go(struct queue *q)
{
	control_close(q);
	messages_free(q);
	dests_free(q);
	free(q->names.bucket);
	arena_free(&q->arena);
	spool_close(&q->spool);
	conf_close(q->conf);
	(void)fd_close(&q->null);
	(void)fd_close(&q->watch);
}
