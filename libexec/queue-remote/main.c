/*
 * queue-remote: an SMTP client. Carries messages to one destination, one job after
 * the other, and keeps its connection between them.
 * 0	SOCK_SEQPACKET to queue-send: jobs with their messages, and what came of them
 * It may ask dnsd and call servers; no file can be opened. See queue-remote(8).
 */
#include <sys/socket.h>

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "base/limits.h"
#include "remote.h"
#include "sys/die.h"
#include "sys/fd.h"
#include "sys/home.h"
#include "sys/ipc.h"
#include "sys/log.h"
#include "sys/opt.h"
#include "sys/sandbox.h"

static struct opts	opts_parse(int, char *[]);
static void		signals(void);
static bool		take_job(struct remote *);

int
main(int argc, char *argv[])
{
	struct remote	r = { .jobs = STDIN_FILENO, .dns = HELD_INIT(DNS_SOCKET) };

	prog_init(argv[0]);
	r.o = opts_parse(argc, argv);
	if (home_enter() == -1)
		die(EXIT_TEMP, "unable to enter the var directory");
	signals();
	session_init(&r.session);
	while (take_job(&r))
		;
	session_free(&r.session);
	held_free(&r.dns);
	tls_free();
	return EXIT_OK;
}

static struct opts
opts_parse(int argc, char *argv[])
{
	struct opts	o = {
		.dial_ms = 30000, .dial_all_ms = 60000, .io_ms = 30000, .end_ms = 600000,
		.job_ms = 1800000, .idle_ms = 5000,
	};
	int		c;

	while ((c = getopt(argc, argv, "c:d:e:i:s:t:")) != -1)
		switch (c) {
		case 'c':
			o.dial_ms = opt_ms(c, optarg);
			break;
		case 'd':
			o.dial_all_ms = opt_ms(c, optarg);
			break;
		case 'e':
			o.end_ms = opt_ms(c, optarg);
			break;
		case 'i':
			o.idle_ms = opt_ms(c, optarg);
			break;
		case 's':
			o.job_ms = opt_ms(c, optarg);
			break;
		case 't':
			o.io_ms = opt_ms(c, optarg);
			break;
		default:
			diex(EXIT_PERM, "usage: queue-remote [-c ms] [-d ms] [-e ms] [-i ms] [-s ms] [-t ms]");
		}
	if (optind != argc)
		diex(EXIT_PERM, "usage: queue-remote [-c ms] [-d ms] [-e ms] [-i ms] [-s ms] [-t ms]");
	return o;
}

/*
 * As if queue-send had gone: no new job, and what is under way is given up unless its end
 * has been sent; what is known can still be told.
 */
static void
on_term(int sig)
{
	int	err = errno;

	(void)sig;
	(void)shutdown(STDIN_FILENO, SHUT_RD);
	errno = err;
}

static void
signals(void)
{
	struct sigaction	sa = { .sa_handler = on_term };

	(void)sigaction(SIGTERM, &sa, NULL);
	sa.sa_handler = SIG_IGN;
	(void)sigaction(SIGPIPE, &sa, NULL);
}

/* What has to be read before no file can be. */
static void
confine(struct remote *r, const struct job *j)
{
	if (r->sandboxed)
		return;
	if ((j->tls == JOB_TLS_IMPLICIT || j->tls == JOB_TLS_STARTTLS) && !tls_load(j->ca_file)) {
		struct log	l;

		log_start(&l, "no-authorities");
		log_str(&l, "file", j->ca_file.n > 0 ? j->ca_file : STR("the system's"));
		log_cstr(&l, "error", tls_error());
		log_end(&l);
	}
	sandbox_enter(SANDBOX_CALLER);
	r->sandboxed = true;
}

static void
answer(struct remote *r, const struct job_done *d)
{
	struct buf	rec = BUF_INIT(LIMIT_RECORD);

	if (!job_done_encode(&rec, d))
		log_failure("problem", "the answer", EMSGSIZE);
	else if (ipc_send(r->jobs, buf_str(&rec), NULL, deadline_in(r->o.io_ms)) == -1)
		log_failure("problem", "queue-send", errno);
	buf_free(&rec);
}

static void
do_job(struct remote *r, struct str rec, int fd)
{
	struct arena	arena = ARENA_INIT(LIMIT_REMOTE_ARENA);
	struct job_done	d;
	struct job	j;

	if (fd == -1 || !job_decode(rec, &arena, &j) || j.kind == JOB_LOCAL)
		diex(EXIT_PERM, "not a job");
	confine(r, &j);
	deliver(r, &j, fd, &arena, &d);
	answer(r, &d);
	arena_free(&arena);
}

/* Wait for a job and do it. False: there will be none. */
static bool
take_job(struct remote *r)
{
	struct buf	rec = BUF_INIT(LIMIT_RECORD);
	struct ipc_fds	fds = { .n = 0 };
	int		fd;

	if (ipc_recv(r->jobs, &rec, &fds, deadline_in(r->o.idle_ms)) == -1) {
		if (errno != EPIPE && errno != ETIMEDOUT && errno != ECONNRESET)
			die(EXIT_TEMP, "unable to read a job");
		buf_free(&rec);
		return false;
	}
	fd = ipc_take(&fds, 0);
	do_job(r, buf_str(&rec), fd);
	(void)fd_close(&fd);
	ipc_close(&fds);
	explicit_bzero(rec.p, rec.cap);
	buf_free(&rec);
	return true;
}
