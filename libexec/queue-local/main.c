/*
 * queue-local: delivers mail of the queue to accounts of ours. Descriptor 0 is
 * the socket to queue-send, which gives jobs (lib/client/job.h) until it
 * closes it or gives none for a while. It may read the configuration and ask
 * deliverd; no more. Exits 0, 100, 111; see queue-local(8).
 */
#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "client/deliver.h"
#include "queue-local.h"
#include "sys/die.h"
#include "sys/fd.h"
#include "sys/home.h"
#include "sys/ipc.h"
#include "sys/log.h"
#include "sys/opt.h"
#include "sys/sandbox.h"
#include "sys/stop.h"

enum {
	IDLE_MS		= 5000,
	SERVICE_MS	= 60000,
	IO_MS		= 10000,	/* for queue-send to take an answer */
};

static void	options(struct worker *, int, char *[]);
static void	confine(void);
static int	serve(struct worker *);

int
main(int argc, char *argv[])
{
	struct worker	w = { .idle_ms = IDLE_MS, .service_ms = SERVICE_MS, .deliver = HELD_INIT(DELIVER_SOCKET),
	    .arena = ARENA_INIT(LIMIT_SMTP_TRANSACTION) };
	int		code;

	prog_init(argv[0]);
	options(&w, argc, argv);
	if (home_enter() == -1)
		die(EXIT_TEMP, "unable to enter the var directory");
	w.conf = conf_open();
	if (w.conf == NULL)
		die(EXIT_TEMP, "unable to open " HOME_CONFIG_TDB);
	stop_catch();
	confine();
	code = serve(&w);
	held_free(&w.deliver);
	arena_free(&w.arena);
	conf_close(w.conf);
	return code;
}

static void
options(struct worker *w, int argc, char *argv[])
{
	int	c;

	while ((c = getopt(argc, argv, "i:s:")) != -1)
		switch (c) {
		case 'i':
			w->idle_ms = opt_ms(c, optarg);
			break;
		case 's':
			w->service_ms = opt_ms(c, optarg);
			break;
		default:
			diex(EXIT_PERM, "usage: queue-local [-i ms] [-s ms]");
		}
	if (optind != argc)
		diex(EXIT_PERM, "usage: queue-local [-i ms] [-s ms]");
}

/* A new configuration is renamed into var, so it is var whose files may be read. */
static void
confine(void)
{
	int	var = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (var == -1)
		die(EXIT_TEMP, "unable to open the var directory");
	sandbox_enter_dirs(SANDBOX_NET, -1, var);
	(void)fd_close(&var);
}

/*
 * The next job: 1, or 0 when there is none. The end is made before it is looked
 * for the last time, so that no job is sent into a socket that nobody reads.
 */
static int
next_job(const struct worker *w, struct buf *rec, struct ipc_fds *fds)
{
	struct deadline	until = deadline_in(w->idle_ms);
	int		n;

	do
		n = deadline_wait(STDIN_FILENO, POLLIN, until);
	while (n == -1 && errno == EINTR && !stop_asked);
	if (n <= 0)
		(void)shutdown(STDIN_FILENO, SHUT_RD);
	return ipc_recv(STDIN_FILENO, rec, fds, deadline_in(0)) == 0;
}

/* False: nobody is there to hear it, or they speak otherwise. */
static bool
do_job(struct worker *w, struct str rec, int file)
{
	struct buf	answer = BUF_INIT(LIMIT_RECORD), memory = BUF_INIT(LIMIT_JOB_DIALED);
	struct job	j;
	struct job_done	d = { .more = !stop_asked };
	bool		good = file != -1 && job_decode(rec, &w->arena, &j) && j.kind == JOB_LOCAL;

	if (!good)
		log_failure("not-understood", "job", EPROTO);
	else {
		(void)!conf_refresh(w->conf);	/* the old one stays in use */
		deliver_job(w, &j, file, &d, &memory);
		good = d.result != NULL && job_done_encode(&answer, &d) &&
		    ipc_send(STDIN_FILENO, buf_str(&answer), NULL, deadline_in(IO_MS)) == 0;
		if (!good)
			log_failure("not-told", "queue-send", errno);
	}
	buf_free(&answer);
	buf_free(&memory);
	return good;
}

static int
serve(struct worker *w)
{
	struct buf	rec = BUF_INIT(LIMIT_RECORD);
	struct ipc_fds	fds = { .n = 0 };
	bool		good = true;
	int		file;

	while (good && !stop_asked && next_job(w, &rec, &fds)) {
		file = ipc_take(&fds, 0);
		ipc_close(&fds);
		good = do_job(w, buf_str(&rec), file);
		(void)fd_close(&file);
		arena_reset(&w->arena);
	}
	buf_free(&rec);
	return good ? EXIT_OK : EXIT_PERM;
}
