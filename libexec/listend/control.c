#include "listend.h"

#include <sys/socket.h>

#include <errno.h>

#include "base/attr.h"
#include "sys/deadline.h"
#include "sys/fd.h"
#include "sys/ipc.h"

#define AT_ONCE	((struct deadline){ 0 })

/* Where a TLS handshake record may begin; no command holds these bytes. */
static size_t
find_hello(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == 0x16 && (i + 1 == s.n || s.p[i + 1] == 0x03))
			return i;
	return s.n;
}

/*
 * Plaintext that came behind STARTTLS and that the session has not read is
 * thrown away, up to what looks like TLS: the peer may have seen the go-ahead by
 * now. What is left goes into the handshake, and breaks it unless it is one; none
 * of it is ever a command.
 */
static void
drop_plaintext(int fd)
{
	char	scrap[4096];
	ssize_t	n;

	while ((n = recv(fd, scrap, sizeof(scrap), MSG_PEEK | MSG_DONTWAIT)) > 0) {
		size_t	drop = find_hello(str_n(scrap, (size_t)n));

		if (drop == 0 || recv(fd, scrap, drop, MSG_DONTWAIT) <= 0)
			return;
	}
}

static void
starttls(struct conn *c)
{
	c->starttls = true;
	drop_plaintext(c->tcp.fd);
	/* from now on the session uses this socket no more, see peer.h */
	if (fd_nonblock(c->tcp.fd, true) == -1 || tls_start(c) == -1)
		conn_close(c);
}

/* The facts that are new; the seal is over the old ones, too. */
static void
tls_record(struct buf *rec, const struct conn *c)
{
	char		text[4096];
	struct buf	all = { .p = text, .cap = sizeof(text), .max = sizeof(text) - 1 };
	struct str	seal;

	tls_facts(rec, c->ssl);
	attr_start(&all, "conn", 1);
	conn_facts(&all, c);
	seal = attr_get(buf_str(&all), "seal");
	if (seal.n > 0 && !buf_failed(&all))
		attr_add(rec, "seal", seal);
}

void
control_tls_done(struct conn *c)
{
	char		text[4096];
	struct buf	rec = { .p = text, .cap = sizeof(text), .max = sizeof(text) - 1 };
	struct ipc_fds	fds = { .n = 1 };
	int		pair[2], n;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == -1) {
		conn_close(c);
		return;
	}
	attr_start(&rec, "tls", 1);
	tls_record(&rec, c);
	c->data.fd = pair[0];
	fds.fd[0] = pair[1];
	n = buf_failed(&rec) ? -1 : ipc_send(c->control.fd, buf_str(&rec), &fds, AT_ONCE);
	(void)fd_close(&pair[1]);
	if (n == -1) {
		conn_close(c);
		return;
	}
	c->state = CONN_FACTS;
	timer_set(&c->timer, TIMER_SPAWN);
}

/* One byte from the session. The end of it is the end of the session. */
void
control_ready(void *of, int got)
{
	struct conn	*c = of;
	char		 wish[16];
	ssize_t		 n;

	(void)got;
	n = recv(c->control.fd, wish, sizeof(wish), MSG_DONTWAIT);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		if (c->state == CONN_DIRECT)
			conn_linger(c);
		else
			conn_close(c);
		return;
	}
	if (c->state == CONN_DIRECT && wish[0] == 'S') {
		starttls(c);
		return;
	}
	if (c->state == CONN_FACTS && wish[0] == 'G') {
		loop_close(&c->control);
		pump_start(c);
		return;
	}
	/* no session of ours says that: it is nobody to go on with */
	conn_log(c, "control", "error", "out of turn");
	conn_close(c);
}
