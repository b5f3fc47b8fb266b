/* stream: waiting, stopping, patience, gathering output. */
#include "sys/stream.h"

#include <sys/socket.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "sys/deadline.h"
#include "../tap.h"

static volatile sig_atomic_t	stop;
static bool			armed;

static void
on_term(int sig)
{
	(void)sig;
	stop = 1;
}

/*
 * The narrowest gap: a signal that comes after the flag was looked at and
 * before the wait begins. Our own ppoll stands where the C library's would;
 * when armed it sends the signal first.
 */
int
ppoll(struct pollfd *fds, nfds_t n, const struct timespec *ts, const sigset_t *mask)
{
	sigset_t	old;
	int		ms, got;

	if (armed) {
		armed = false;
		(void)raise(SIGTERM);
	}
	/* what the kernel does at once, in two steps: a pending signal is seen */
	if (mask != NULL) {
		sigset_t	pending;

		(void)sigpending(&pending);
		if (sigismember(&pending, SIGTERM) && !sigismember(mask, SIGTERM)) {
			(void)sigprocmask(SIG_SETMASK, mask, &old);
			(void)sigprocmask(SIG_SETMASK, &old, NULL);
			errno = EINTR;
			return -1;
		}
	}
	ms = ts == NULL ? -1 : (int)(ts->tv_sec * 1000 + ts->tv_nsec / 1000000);
	got = poll(fds, n, ms);
	return got;
}

static void
test_stop(void)
{
	struct stream	s;
	int		pair[2];
	int64_t		from = clock_ms();

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == -1)
		exit(1);
	stream_init(&s, pair[0], pair[0], 4096, 4096);
	s.read_ms = 2000;
	s.stop = &stop;
	armed = true;
	is_num(stream_read(&s), STREAM_STOP, "a signal between look and wait stops");
	ok(clock_ms() - from < 1000, "at once");
	is_num(stream_read(&s), STREAM_STOP, "a flag set before the wait stops");
	stop = 0;
	s.read_ms = 50;
	is_num(stream_read(&s), STREAM_TIMEOUT, "patience ends without a signal");
	stream_free(&s);
	(void)close(pair[0]);
	(void)close(pair[1]);
}

static void
test_bytes(void)
{
	struct stream	s;
	int		pair[2];
	char		got[16];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == -1)
		exit(1);
	stream_init(&s, pair[0], pair[0], 8, 4096);
	s.stop = &stop;
	ok(write(pair[1], "12345678", 8) == 8, "the peer writes");
	is_num(stream_put(&s, STR("reply")), 0, "output is gathered");
	is_num(recv(pair[1], got, sizeof(got), MSG_DONTWAIT), -1, "and not yet sent");
	is_num(stream_read(&s), STREAM_DATA, "a read brings input");
	is_num(recv(pair[1], got, sizeof(got), MSG_DONTWAIT), 5, "and sent the output");
	is_str(buf_str(&s.in), STR("12345678"), "all of it");
	is_num(stream_read(&s), STREAM_ERROR, "input that is full is an error");
	is_num(errno, EFBIG, "told by errno");
	buf_consume(&s.in, 8);
	(void)close(pair[1]);
	is_num(stream_read(&s), STREAM_EOF, "the end");
	stream_free(&s);
	(void)close(pair[0]);
}

/* A peer that never reads: output waits for write_ms and no longer. */
static void
test_deaf(void)
{
	struct stream	s;
	int		pair[2], n = 0;
	char		lot[2048] = { 0 };

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == -1)
		exit(1);
	stream_init(&s, pair[0], pair[0], 4096, 4096);
	s.write_ms = 50;
	while (n < 10000 && stream_put(&s, str_n(lot, sizeof(lot))) == 0)
		n++;
	ok(n > 0 && n < 10000, "a deaf peer is given up");
	is_num(errno, ETIMEDOUT, "by time-out");
	is_num(stream_read(&s), STREAM_TIMEOUT, "stream_read says so too");
	stream_free(&s);
	(void)close(pair[0]);
	(void)close(pair[1]);
}

int
main(void)
{
	struct sigaction	sa = { .sa_handler = on_term };

	(void)sigaction(SIGTERM, &sa, NULL);
	test_stop();
	test_bytes();
	test_deaf();
	return done_testing();
}
