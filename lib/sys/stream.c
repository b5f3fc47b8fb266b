#include "stream.h"

#include <sys/socket.h>

#include <errno.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

enum { STREAM_CHUNK = 16384 };

void
stream_init(struct stream *s, int in_fd, int out_fd, size_t in_max, size_t out_max)
{
	*s = (struct stream){
		.in_fd = in_fd, .out_fd = out_fd,
		.in = BUF_INIT(in_max), .out = BUF_INIT(out_max),
		.read_ms = 30000, .write_ms = 30000,
	};
}

void
stream_free(struct stream *s)
{
	buf_free(&s->in);
	buf_free(&s->out);
}

/* As write(2) that never blocks, for sockets and, in tests, for pipes and files. */
static ssize_t
write_now(int fd, struct str s)
{
	ssize_t	n = send(fd, s.p, s.n, MSG_NOSIGNAL | MSG_DONTWAIT);

	return n == -1 && errno == ENOTSOCK ? write(fd, s.p, s.n) : n;
}

int
stream_flush(struct stream *s)
{
	struct deadline	d = deadline_in(s->write_ms);
	struct str	left = buf_str(&s->out);

	while (left.n > 0) {
		ssize_t	n = write_now(s->out_fd, left);

		if (n >= 0) {
			left = str_skip(left, (size_t)n);
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return -1;
		n = deadline_wait(s->out_fd, POLLOUT, d);
		if (n == 0 || (n == -1 && errno != EINTR))
			return -1;
	}
	buf_reset(&s->out);
	return 0;
}

int
stream_put(struct stream *s, struct str bytes)
{
	while (bytes.n > 0) {
		struct str	part = str_head(bytes, s->out.max / 2);

		if (s->out.n > s->out.max / 2 && stream_flush(s) == -1)
			return -1;
		buf_add(&s->out, part);
		bytes = str_skip(bytes, part.n);
	}
	if (buf_failed(&s->out)) {
		errno = ENOMEM;
		return -1;
	}
	return 0;
}

/*
 * Wait for input. The stop flag is looked at with every signal held back, and
 * ppoll lets them in while it waits: one that comes between the look and the
 * wait ends the wait. 1 ready, 0 over, -1 errno (EINTR also when stop is set).
 */
static int
wait_input(struct stream *s, struct deadline d)
{
	struct pollfd	pfd = { .fd = s->in_fd, .events = POLLIN };
	struct timespec	ts, *patience = NULL;
	sigset_t	all, old;
	int		n, err, ms = deadline_poll(d);

	if (s->stop == NULL)
		return deadline_wait(s->in_fd, POLLIN, d);
	if (ms != -1) {
		ts = (struct timespec){ ms / 1000, (long)(ms % 1000) * 1000000 };
		patience = &ts;
	}
	(void)sigfillset(&all);
	if (sigprocmask(SIG_BLOCK, &all, &old) == -1)
		return -1;
	if (*s->stop) {
		n = -1;
		errno = EINTR;
	} else
		n = ppoll(&pfd, 1, patience, &old);
	err = errno;
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	errno = err;
	return n;
}

enum stream_got
stream_read(struct stream *s)
{
	struct deadline	d;
	size_t		room;
	char		*p;
	ssize_t		n;

	if (stream_flush(s) == -1)
		return errno == ETIMEDOUT ? STREAM_TIMEOUT : STREAM_ERROR;
	p = buf_room(&s->in, STREAM_CHUNK, &room);
	if (p == NULL) {
		errno = EFBIG;
		return STREAM_ERROR;
	}
	d = deadline_in(s->read_ms);
	for (;;) {
		if (s->stop != NULL && *s->stop)
			return STREAM_STOP;
		n = wait_input(s, d);
		if (n == 0)
			return STREAM_TIMEOUT;
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return STREAM_ERROR;
		n = read(s->in_fd, p, room);
		if (n == -1 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n == -1)
			return STREAM_ERROR;
		buf_grew(&s->in, (size_t)n);
		return n == 0 ? STREAM_EOF : STREAM_DATA;
	}
}
