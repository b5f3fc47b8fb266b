/* idle: IDLE (RFC 2177): news as they come, until DONE. */
#include <errno.h>
#include <poll.h>
#include <signal.h>

#include "command.h"

/* Wait for the client, the mailbox, SIGTERM or the end of patience; true when the client stirs. */
static bool
wait_either(struct session *s, struct watch *w, struct deadline d)
{
	struct pollfd	fds[2] = {
		{ .fd = s->io.in_fd, .events = POLLIN },
		{ .fd = w != NULL ? watch_fd(w) : -1, .events = POLLIN },
	};
	int		ms = deadline_poll(d), look = w != NULL ? watch_timeout(w) : -1;
	struct timespec	ts;
	sigset_t	all, old;

	if (look != -1 && (ms == -1 || look < ms))
		ms = look;
	ts = (struct timespec){ ms / 1000, (long)(ms % 1000) * 1000000 };
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_BLOCK, &all, &old);
	if (!*s->io.stop)
		(void)ppoll(fds, 2, &ts, &old);
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	/* session_more() tells what it is, at once */
	return *s->io.stop || deadline_over(d) || (fds[0].revents != 0);
}

/* One line of the client is there; is it DONE? */
static bool
take_line(struct session *s, bool *done_r)
{
	struct str	in = buf_str(&s->io.in), line;

	if (!str_cut(&in, '\n', &line)) {
		*done_r = false;
		return s->io.in.n > 16;	/* too long to become DONE */
	}
	*done_r = str_ieq(str_trim_end(line), STR("DONE"));
	buf_consume(&s->io.in, s->io.in.n - in.n);
	return true;
}

/* False when the session or its mailbox is over. */
static bool
wait_done(struct session *s, struct watch *w, bool *done_r)
{
	struct deadline	d = deadline_in(s->io.read_ms);

	while (!take_line(s, done_r)) {
		out_flush(s);
		if (s->gone)
			return false;
		out_shrink(s);
		if (wait_either(s, w, d)) {
			if (deadline_over(d))
				s->io.read_ms = 0;
			if (!session_more(s))
				return false;
		}
		if (w != NULL && watch_changed(w) && !sync_tell(s, true))
			return false;
	}
	return true;
}

void
cmd_idle(struct session *s, struct imap_cur *c)
{
	struct watch	*w = NULL;
	bool		 done;

	if (!parsed(s, c))
		return;
	if (s->state == ST_SELECTED && watch_open(s->account, s->mb, &w) == -1) {
		reply_errno(s, errno);
		return;
	}
	buf_adds(out(s), "+ idling\r\n");
	reply(s, OK, NULL, "Idle no more");
	/* what happened before the watch was there */
	if ((w == NULL || sync_tell(s, true)) && wait_done(s, w, &done) && !done)
		reply(s, BAD, NULL, "DONE was expected");
	if (w != NULL)
		watch_close(w);
}
