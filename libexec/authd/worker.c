#include <sys/socket.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "authd.h"
#include "dialogue.h"
#include "sys/deadline.h"
#include "sys/fd.h"
#include "sys/log.h"

struct worker {
	struct authd	*authd;
	int		 sock;
	size_t		 n;
	struct dialogue	*dialogue[LIMIT_AUTHD_DIALOGUES];
	struct pollfd	 poll[LIMIT_AUTHD_DIALOGUES + 1];
	struct buf	 rec;
};

/* All workers wake up for one connection; who comes late gets EAGAIN. */
static void
take(struct worker *w)
{
	int		 sock = accept4(w->sock, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct dialogue	*d;

	if (sock == -1)
		return;
	d = dialogue_new(sock);
	if (d == NULL) {
		(void)fd_close(&sock);
		return;
	}
	w->dialogue[w->n++] = d;
}

static void
drop(struct worker *w, size_t i)
{
	dialogue_free(w->dialogue[i]);
	w->dialogue[i] = w->dialogue[--w->n];
}

/* What each dialogue waits for; how long at most. */
static int
prepare(struct worker *w)
{
	struct deadline	until = DEADLINE_NEVER;

	for (size_t i = 0; i < w->n; i++) {
		struct dialogue	*d = w->dialogue[i];
		bool		 out = d->state == DIALOGUE_HANDOFF;

		w->poll[i] = (struct pollfd){ .fd = out ? d->handoff.sock : d->sock, .events = POLLIN };
		until = deadline_sooner(until, out ? d->handoff.until : d->until);
		if (out && d->handoff.sock == -1)
			until = deadline_sooner(until, deadline_in(HANDOFF_RETRY_MS));
	}
	w->poll[w->n] = (struct pollfd){
		.fd = w->n < LIMIT_AUTHD_DIALOGUES ? w->sock : -1, .events = POLLIN,
	};
	return deadline_poll(until);
}

static void
serve(struct worker *w, struct dialogue *d)
{
	struct ipc_fds	fds = { .n = 0 };

	if (ipc_recv(d->sock, &w->rec, &fds, deadline_in(0)) == -1) {
		if (errno != ETIMEDOUT)
			d->state = DIALOGUE_OVER;
		return;
	}
	dialogue_record(w->authd, d, buf_str(&w->rec), &fds);
	explicit_bzero(w->rec.p, w->rec.n);		/* it may have held a password */
	ipc_close(&fds);
}

static void
turn(struct worker *w, size_t i)
{
	struct dialogue	*d = w->dialogue[i];
	bool		 ready = w->poll[i].revents != 0;

	if (d->state == DIALOGUE_HANDOFF) {
		if (ready || d->handoff.sock == -1 || deadline_over(d->handoff.until))
			dialogue_go_on(d);
	} else if (ready) {
		serve(w, d);
	} else if (deadline_over(d->until)) {
		d->state = DIALOGUE_OVER;
	}
	if (d->state == DIALOGUE_OVER)
		drop(w, i);
}

void
worker_run(struct authd *a, int sock)
{
	struct worker	*w = calloc(1, sizeof(*w));

	if (w == NULL)
		return;
	*w = (struct worker){ .authd = a, .sock = sock, .rec = BUF_INIT(LIMIT_RECORD) };
	for (;;) {
		int	n = poll(w->poll, (nfds_t)w->n + 1, prepare(w));
		bool	more = w->poll[w->n].revents != 0;

		if (n == -1 && errno != EINTR) {
			log_failure("poll-failed", "dialogues", errno);
			return;
		}
		if (n == -1)
			continue;
		/* from the end: a dropped one's place is taken by one already served */
		for (size_t i = w->n; i-- > 0;)
			turn(w, i);
		if (more)
			take(w);
	}
}
