/*
 * verifyd: tells what is known about who sent a message. One loop for all
 * sessions: they keep a connection each and ask over it for every message.
 * Descriptor: the listening socket named verifyd (LISTEN_FDS). It reads no
 * file and, until messages are authenticated, asks nobody. Exit codes 0, 100, 111; see verifyd(8).
 */
#include <sys/epoll.h>
#include <sys/socket.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/limits.h"
#include "sys/die.h"
#include "sys/fd.h"
#include "sys/ipc.h"
#include "sys/listen.h"
#include "sys/log.h"
#include "sys/sandbox.h"
#include "sys/stop.h"

enum {
	EVENTS		= 64,
	FULL_MS		= 50,
	ANSWER_MS	= 1000,	/* a session that does not take its answer is given up */
};

static void	serve(int door, int events, const sigset_t *waiting);

int
main(int argc, char *argv[])
{
	sigset_t	block, waiting;
	int		door, events;

	prog_init(argv[0]);
	if (argc != 1)
		diex(EXIT_PERM, "usage: verifyd");
	door = listen_fd("verifyd");
	if (door == -1)
		diex(EXIT_PERM, "no socket named verifyd was passed");
	events = epoll_create1(EPOLL_CLOEXEC);
	if (events == -1 || fd_nonblock(door, true) == -1)
		die(EXIT_TEMP, "unable to begin");
	/* signals come only while we wait */
	(void)sigemptyset(&block);
	(void)sigaddset(&block, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &block, &waiting);
	stop_catch();
	sandbox_enter(SANDBOX_VERIFY);
	notify_ready();
	serve(door, events, &waiting);
	return EXIT_OK;
}

static int
watch(int events, int fd)
{
	struct epoll_event	e = { .events = EPOLLIN, .data.fd = fd };

	return epoll_ctl(events, EPOLL_CTL_ADD, fd, &e);
}

/* The facts about one message. Nothing is looked up: what is not told is not known. */
static void
judge(struct buf *rec)
{
	attr_start(rec, "facts", 1);
	attr_adds(rec, "iprev", "none");
}

/* One question and its answer; -1 when the connection is of no more use. */
static int
answer(int sock, struct buf *rec)
{
	struct deadline	dl = deadline_in(ANSWER_MS);
	struct ipc_fds	fds = { .n = 0 };
	bool		known;

	if (ipc_recv(sock, rec, &fds, dl) == -1)
		return -1;
	known = attr_is(buf_str(rec), "verify", 1);
	ipc_close(&fds);
	if (!known) {
		log_failure("not-understood", "verify", EPROTO);
		return -1;
	}
	judge(rec);
	return ipc_send(sock, buf_str(rec), NULL, dl);
}

static void
enter(int door, int events)
{
	int	sock = accept4(door, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (sock == -1) {
		int	err = errno;

		if (err != EAGAIN && err != EINTR && err != ECONNABORTED)
			log_failure("not-accepted", "session", err);
		/* out of descriptors: sessions wait in the backlog, and we do not spin */
		if (err == EMFILE || err == ENFILE)
			(void)poll(NULL, 0, FULL_MS);
		return;
	}
	if (watch(events, sock) == -1) {
		log_failure("not-accepted", "session", errno);
		(void)close(sock);
	}
}

static void
serve(int door, int events, const sigset_t *waiting)
{
	struct buf		rec = BUF_INIT(LIMIT_RECORD);
	struct epoll_event	e[EVENTS];

	if (watch(events, door) == -1)
		die(EXIT_TEMP, "unable to wait for sessions");
	while (!stop_asked) {
		int	n = epoll_pwait(events, e, EVENTS, -1, waiting);

		for (int i = 0; i < n; i++) {
			if (e[i].data.fd == door)
				enter(door, events);
			else if (answer(e[i].data.fd, &rec) == -1)
				(void)close(e[i].data.fd);
		}
	}
	buf_free(&rec);
}
