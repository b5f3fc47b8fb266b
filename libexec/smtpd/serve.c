/* The session: feed the engine, fulfil what it wants. */
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "smtpd.h"
#include "sys/fd.h"
#include "sys/log.h"

/* A command may come in pieces, but not for ever: RFC 5321 4.5.3.2 has five minutes. */
enum { LINE_READS = 10 };

static bool
stopped(const struct smtpd *d)
{
	return *d->io.stop != 0;
}

/* Wait that long, but not for a peer that is gone, nor over a signal to stop. */
static void
pause_for(struct smtpd *d, int64_t ms)
{
	struct deadline	until = deadline_in(ms);

	while (!stopped(d) && !deadline_over(until)) {
		int	n = deadline_wait(d->io.out_fd, 0, until);

		if (n == 1 || (n == -1 && errno != EINTR))
			return;
	}
}

/* Slow mode: a byte at a time, until our own patience is nearly over. */
static int
flush_slowly(struct smtpd *d)
{
	struct deadline	until = deadline_in(d->io.write_ms - 5 * d->o.pause_ms);
	struct buf	all = d->io.out;
	int		n = 0;

	buf_init(&d->io.out, all.max);
	for (struct str s = buf_str(&all); n == 0 && s.n > 0; ) {
		size_t	some = deadline_over(until) || stopped(d) ? s.n : 1;

		n = stream_put(&d->io, str_head(s, some));
		if (n == 0)
			n = stream_flush(&d->io);
		s = str_skip(s, some);
		if (s.n > 0 && n == 0)
			pause_for(d, d->o.pause_ms);
	}
	buf_free(&all);
	return n;
}

/* Hand the engine's replies to the stream, which writes when it must wait. */
static int
gather(struct smtpd *d)
{
	int	n = stream_put(&d->io, buf_str(&d->s.out));

	buf_reset(&d->s.out);
	return n;
}

static int
flush(struct smtpd *d)
{
	if (gather(d) == -1)
		return -1;
	return d->s.slow ? flush_slowly(d) : stream_flush(&d->io);
}

/* Say why and end; a peer that does not read is not waited for again. */
static bool
end_with(struct smtpd *d, int code, const char *enhanced, const char *text)
{
	smtp_session_stop(&d->s, code, enhanced, text);
	return true;
}

/* Read on. False: the session is over. */
static bool
read_more(struct smtpd *d)
{
	if (d->s.slow)
		pause_for(d, d->o.pause_ms);
	if (flush(d) == -1)
		return false;
	if (d->timed != TIMED_NOT && deadline_over(d->until))
		return end_with(d, 421, "4.4.2", "a message or command took too long");
	switch (stream_read(&d->io)) {
	case STREAM_DATA:
		return true;
	case STREAM_TIMEOUT:
		return end_with(d, 421, "4.4.2", "nothing heard for too long");
	case STREAM_STOP:
		return end_with(d, 421, "4.3.2", "shutting down, try again");
	case STREAM_EOF:
	case STREAM_ERROR:
		break;
	}
	return false;
}

static bool
no_space(int err)
{
	return err == ENOSPC || err == EDQUOT || err == ENOMEM || err == EFBIG;
}

static void
store(struct smtpd *d)
{
	enum smtp_stored	how = SMTP_STORED;
	bool			first = d->s.size == d->s.data.n;

	/* what an aborted message left must not be the beginning of this one */
	if ((first && message_reset(&d->msg) == -1) ||
	    message_append(&d->msg, buf_str(&d->s.data)) == -1) {
		how = no_space(errno) ? SMTP_STORED_FULL : SMTP_STORED_FAILED;
		log_failure("not-stored", "message", errno);
	}
	smtp_session_stored(&d->s, how);
}

static bool
starttls(struct smtpd *d)
{
	if (flush(d) == -1)
		return false;
	if (peer_starttls(&d->peer, d->io.in_fd, deadline_in(2 * d->o.io_ms)) == -1) {
		if (errno != EPIPE)
			log_failure("starttls-failed", "listend", errno);
		return false;
	}
	/* what came in plain text may be anybody's */
	buf_reset(&d->io.in);
	smtp_session_secured(&d->s, d->peer.fingerprint.n > 0, d->peer.exporter.n + d->peer.endpoint.n > 0);
	return true;
}

/* What the last transaction left, once it is over. */
static bool
clean_up(struct smtpd *d)
{
	bool		busy = smtp_session_in_message(&d->s);
	enum timed	now = busy ? TIMED_MESSAGE : d->s.line.n > 0 ? TIMED_LINE : TIMED_NOT;

	if (now != d->timed && now != TIMED_NOT)
		d->until = deadline_in(busy ? d->o.message_ms : LINE_READS * d->o.io_ms);
	d->timed = now;
	if (!d->s.mail)
		arena_reset(&d->found);
	if (!busy && d->msg.size > 0 && message_reset(&d->msg) == -1) {
		log_failure("not-emptied", "message", errno);
		return false;
	}
	return true;
}

/* Fulfil one want. False: the session is over. */
static bool
fulfil(struct smtpd *d, enum smtp_want want)
{
	switch (want) {
	case SMTP_WANT_INPUT:
		return clean_up(d) && read_more(d);
	case SMTP_WANT_AUTH:
		submit_auth(d);
		return true;
	case SMTP_WANT_SENDER:
		if (d->sc.submission)
			submit_sender(d);
		else
			smtpd_sender(d);
		return true;
	case SMTP_WANT_SPF:
		/* verifyd tells nothing of SPF: as if it had not passed */
		smtp_session_spf(&d->s, false);
		return true;
	case SMTP_WANT_RCPT:
		smtpd_rcpt(d);
		return true;
	case SMTP_WANT_STORE:
		store(d);
		return true;
	case SMTP_WANT_FINISH:
		if (d->sc.submission)
			submit_finish(d);
		else
			smtpd_finish(d);
		return message_reset(&d->msg) == 0;
	case SMTP_WANT_STARTTLS:
		return starttls(d);
	case SMTP_WANT_DELAY:
		if (flush(d) == -1)
			return false;
		pause_for(d, d->s.delay_ms * d->o.pause_ms / 1000);
		smtp_session_waited(&d->s);
		return true;
	case SMTP_WANT_CLOSE:
		(void)!flush(d);
		return false;
	}
	return false;
}

void
smtpd_serve(struct smtpd *d)
{
	struct str	in;
	size_t		before;

	smtp_session_init(&d->s, &d->sc);
	for (;;) {
		enum smtp_want	want;

		in = buf_str(&d->io.in);
		before = in.n;
		d->s.now = clock_now();
		want = smtp_session_feed(&d->s, &in);
		buf_consume(&d->io.in, before - in.n);
		if (gather(d) == -1)
			return;
		if (!fulfil(d, want))
			return;
	}
}
