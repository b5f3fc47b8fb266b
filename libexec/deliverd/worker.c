#include "deliverd.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "sys/die.h"
#include "sys/fd.h"
#include "sys/home.h"
#include "sys/ipc.h"
#include "sys/log.h"
#include "sys/sandbox.h"

enum {
	ANSWER_MS	= 1000,	/* a session that does not take its answer is given up */
	FULL_MS		= 100,	/* before a socket is taken again when there is no descriptor */
	ONCE_MS		= 0,	/* what epoll announced is there */
};

struct worker {
	int		 door, events;
	struct accounts	*accounts;
	struct job	 jobs[JOBS];
	size_t		 n;
};

static int
watch(int events, int fd, uint32_t what)
{
	struct epoll_event	e = { .events = what, .data.fd = fd };

	return epoll_ctl(events, EPOLL_CTL_ADD, fd, &e);
}

static void
enter(struct worker *w)
{
	int	sock = accept4(w->door, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (sock == -1) {
		int	err = errno;

		if (err != EAGAIN && err != EINTR && err != ECONNABORTED)
			log_failure("not-accepted", "session", err);
		/* out of descriptors: sessions wait in the backlog, and we do not spin */
		if (err == EMFILE || err == ENFILE)
			(void)poll(NULL, 0, FULL_MS);
		return;
	}
	if (watch(w->events, sock, EPOLLIN) == -1) {
		log_failure("not-accepted", "session", errno);
		(void)close(sock);
	}
}

/* A question becomes a job of this round. */
static void
ask(struct worker *w, int sock)
{
	struct job	*j = &w->jobs[w->n];
	struct ipc_fds	 fds = { .n = 0 };

	*j = (struct job){ .sock = sock, .message = -1, .rec = BUF_INIT(LIMIT_RECORD) };
	if (ipc_recv(sock, &j->rec, &fds, deadline_in(ONCE_MS)) == -1) {
		buf_free(&j->rec);
		(void)close(sock);	/* which takes it out of events too */
		return;
	}
	j->message = ipc_take(&fds, 0);
	ipc_close(&fds);
	if (!attr_is(buf_str(&j->rec), "deliver", 1) || j->message == -1)
		j->err = EPROTO;
	w->n++;
}

static void
finish(struct worker *w)
{
	for (size_t i = 0; i < w->n; i++) {
		struct job	*j = &w->jobs[i];

		if (ipc_send(j->sock, buf_str(&j->rec), NULL, deadline_in(ANSWER_MS)) == -1)
			(void)close(j->sock);
		(void)fd_close(&j->message);
		buf_free(&j->rec);
	}
	w->n = 0;
}

/*
 * A round: whoever has asked by now. Their files are synced one behind the
 * other, mostly by one commit of the disk's journal, and one sync of the directory does for all.
 */
static void
serve_round(struct worker *w, const sigset_t *waiting)
{
	struct epoll_event	e[JOBS];
	int			n = epoll_pwait(w->events, e, JOBS, -1, waiting);

	for (int i = 0; i < n; i++) {
		if (e[i].data.fd == w->door)
			enter(w);
		else
			ask(w, e[i].data.fd);
	}
	if (w->n > 0) {
		deliver_jobs(w->accounts, w->jobs, w->n);
		finish(w);
		accounts_trim(w->accounts);
	}
}

/*
 * What is left: accounts/, the configuration, and who asks. A new configuration is
 * renamed into var, so it is var whose files may be read.
 */
static void
confine(void)
{
	int	accounts, var;

	(void)mkdir(HOME_ACCOUNTS, 0700);
	accounts = open(HOME_ACCOUNTS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	var = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (accounts == -1 || var == -1)
		die(EXIT_TEMP, "unable to open " HOME_ACCOUNTS);
	sandbox_enter_dirs(SANDBOX_STORE, accounts, var);
	(void)fd_close(&accounts);
	(void)fd_close(&var);
}

int
worker_run(int door, const sigset_t *waiting)
{
	struct worker	w = { .door = door, .events = epoll_create1(EPOLL_CLOEXEC), .accounts = accounts_new() };

	/* exclusive: one worker wakes for a new session, not all */
	if (w.events == -1 || w.accounts == NULL || watch(w.events, door, EPOLLIN | EPOLLEXCLUSIVE) == -1)
		die(EXIT_TEMP, "unable to begin");
	confine();
	while (!deliverd_stop)
		serve_round(&w, waiting);
	accounts_free(w.accounts);
	return EXIT_OK;
}
