/* peer_starttls: the new socket takes the old one's place, and nothing of the old one is read. */
#include "sys/peer.h"

#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/attr.h"
#include "sys/deadline.h"
#include "sys/ipc.h"
#include "../tap.h"

static int	control, old_peer, new_peer;	/* listend's ends */
static char	text[4096];

/* A session with fresh sockets on 0, 1 and PEER_CONTROL; the answer is there before the question. */
static void
prepare(const char *proto, bool with_fd)
{
	struct buf	rec = { .p = text, .cap = sizeof(text), .max = sizeof(text) - 1 };
	struct ipc_fds	fds = { .n = with_fd };
	int		c[2], o[2], n[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, c) == -1 || socketpair(AF_UNIX, SOCK_STREAM, 0, o) == -1 ||
	    socketpair(AF_UNIX, SOCK_STREAM, 0, n) == -1 || dup2(o[1], 0) == -1 || dup2(o[1], 1) == -1 ||
	    dup2(c[1], PEER_CONTROL) == -1)
		_exit(99);
	(void)close(o[1]);
	if (c[1] != PEER_CONTROL)
		(void)close(c[1]);
	control = c[0];
	old_peer = o[0];
	new_peer = n[0];
	fds.fd[0] = n[1];
	attr_start(&rec, proto, 1);
	attr_adds(&rec, "tls", "TLSv1.3");
	attr_adds(&rec, "exporter", "abcd");
	if (ipc_send(control, buf_str(&rec), &fds, deadline_in(1000)) == -1)
		_exit(99);
	(void)close(n[1]);
}

static void
finish(void)
{
	(void)close(control);
	(void)close(old_peer);
	(void)close(new_peer);
}

static struct str
next_wish(void)
{
	static char	wish[8];
	ssize_t		n = recv(control, wish, sizeof(wish), MSG_DONTWAIT);

	return str_n(wish, n > 0 ? (size_t)n : 0);
}

static struct str
read_from(int fd)
{
	static char	got[64];
	ssize_t		n = recv(fd, got, sizeof(got), MSG_DONTWAIT);

	return str_n(got, n > 0 ? (size_t)n : 0);
}

static void
test_new_socket(void)
{
	struct peer	p = { .starttls = true };

	prepare("tls", true);
	if (write(old_peer, "INJECTED\r\n", 10) != 10 || write(new_peer, "EHLO x\r\n", 8) != 8)
		_exit(99);
	is_num(peer_starttls(&p, STDIN_FILENO, deadline_in(1000)), 0, "TLS is there");
	is_str(next_wish(), STR("S"), "it was asked for");
	is_str(next_wish(), STR("G"), "and taken");
	is_str(p.tls, STR("TLSv1.3"), "the version is known");
	is_str(p.exporter, STR("abcd"), "and the channel binding");
	ok(!p.starttls, "it cannot be asked for again");
	is_str(read_from(STDIN_FILENO), STR("EHLO x\r\n"), "the first bytes read came through TLS");
	ok(write(STDOUT_FILENO, "250 ok\r\n", 8) == 8, "a reply");
	is_str(read_from(new_peer), STR("250 ok\r\n"), "goes there too");
	ok(recv(old_peer, text, 1, MSG_DONTWAIT) <= 0, "none of it goes in plain text");
	ok(send(old_peer, "x", 1, MSG_NOSIGNAL) == -1 && errno == EPIPE, "nobody holds the old socket any more");
	finish();
}

static void
test_failures(void)
{
	struct peer	p = { .starttls = true };

	prepare("nonsense", true);
	ok(peer_starttls(&p, STDIN_FILENO, deadline_in(1000)) == -1 && errno == EPROTO, "another record is refused");
	ok(p.starttls && p.tls.n == 0, "and nothing has changed");
	finish();
	prepare("tls", true);
	(void)recv(PEER_CONTROL, text, sizeof(text), 0);
	(void)shutdown(control, SHUT_WR);
	ok(peer_starttls(&p, STDIN_FILENO, deadline_in(1000)) == -1 && errno == EPIPE, "a failed handshake is the end");
	finish();
	prepare("tls", true);
	(void)recv(PEER_CONTROL, text, sizeof(text), 0);
	ok(peer_starttls(&p, STDIN_FILENO, deadline_in(50)) == -1 && errno == ETIMEDOUT, "so is one that takes too long");
	finish();
}

int
main(void)
{
	int	tap = fcntl(STDOUT_FILENO, F_DUPFD, 10);
	FILE	*f = tap == -1 ? NULL : fdopen(tap, "w");

	if (dup2(STDIN_FILENO, PEER_CONTROL) == -1)
		return 99;
	/* descriptors 0, 1 and 3 become the session's */
	if (f == NULL)
		return 99;
	(void)fflush(stdout);
	stdout = f;
	test_new_socket();
	test_failures();
	return done_testing();
}
