#include "conn.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "sys/fd.h"

enum { CHUNK = 16384 };

/* 1 ready, -1 with errno. */
static int
wait_for(struct conn *c, short events, struct deadline d)
{
	struct pollfd	pfd[2] = { { .fd = c->fd, .events = events }, { .fd = c->watch, .events = POLLRDHUP } };
	int		n;

	d = deadline_sooner(d, c->by);
	for (;;) {
		n = poll(pfd, 2, deadline_poll(d));
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return -1;
		if (n == 0) {
			errno = ETIMEDOUT;
			return -1;
		}
		if ((pfd[1].revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL)) != 0) {
			errno = ECANCELED;
			return -1;
		}
		if (pfd[0].revents != 0)
			return 1;
	}
}

/* --- dialing */

static socklen_t
address(const struct ip *ip, uint16_t port, struct sockaddr_storage *ss)
{
	struct sockaddr_in	*in = (struct sockaddr_in *)ss;
	struct sockaddr_in6	*in6 = (struct sockaddr_in6 *)ss;

	memset(ss, 0, sizeof(*ss));
	if (ip->len == 4) {
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		memcpy(&in->sin_addr, ip->b, 4);
		return sizeof(*in);
	}
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(port);
	memcpy(&in6->sin6_addr, ip->b, 16);
	return sizeof(*in6);
}

static int
finish_dial(struct conn *c, struct deadline d)
{
	int		err = 0, on = 1;
	socklen_t	n = sizeof(err);

	if (wait_for(c, POLLOUT, d) == -1 || getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &err, &n) == -1)
		return -1;
	if (err != 0) {
		errno = err;
		return -1;
	}
	/* commands are short, and each waits for its reply */
	(void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return 0;
}

int
conn_dial(struct conn *c, const struct ip *ip, uint16_t port, struct deadline d)
{
	struct sockaddr_storage	ss;
	socklen_t		n = address(ip, port, &ss);
	int			err;

	conn_close(c);
	c->fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->fd == -1)
		return -1;
	c->ip = *ip;
	c->port = port;
	if ((connect(c->fd, (struct sockaddr *)&ss, n) == 0 || errno == EINPROGRESS || errno == EINTR) &&
	    finish_dial(c, d) == 0)
		return 0;
	err = errno;
	conn_close(c);
	errno = err;
	return -1;
}

/* --- bytes */

int
conn_ssl_wait(struct conn *c, int n, struct deadline d)
{
	switch (SSL_get_error(c->ssl, n)) {
	case SSL_ERROR_WANT_READ:
		return wait_for(c, POLLIN, d);
	case SSL_ERROR_WANT_WRITE:
		return wait_for(c, POLLOUT, d);
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	default:
		if (errno == 0 || errno == EAGAIN)
			errno = ECONNRESET;
		return -1;
	}
}

/* What is there now: a count, 0 at the end, -1 with errno (EAGAIN: nothing). */
static ssize_t
read_now(struct conn *c)
{
	size_t	room;
	char	*p = buf_room(&c->in, CHUNK, &room);
	ssize_t	n;

	if (p == NULL) {
		errno = EFBIG;
		return -1;
	}
	if (c->ssl != NULL) {
		int	k;

		errno = 0;
		k = SSL_read(c->ssl, p, (int)room);
		if (k <= 0)
			switch (SSL_get_error(c->ssl, k)) {
			case SSL_ERROR_WANT_READ:
			case SSL_ERROR_WANT_WRITE:
				errno = EAGAIN;
				return -1;
			case SSL_ERROR_ZERO_RETURN:
				c->closed = true;
				return 0;
			default:
				if (errno == 0)
					errno = ECONNRESET;
				return -1;
			}
		n = k;
	} else
		n = recv(c->fd, p, room, MSG_DONTWAIT);
	if (n > 0)
		buf_grew(&c->in, (size_t)n);
	if (n == 0)
		c->closed = true;
	return n;
}

int
conn_read(struct conn *c, int64_t ms)
{
	struct deadline	d = deadline_in(ms);
	ssize_t		n;

	for (;;) {
		n = read_now(c);
		if (n >= 0)
			return n > 0;
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN || wait_for(c, POLLIN, d) == -1)
			return -1;
	}
}

int
conn_peek(struct conn *c)
{
	ssize_t	n;

	/* a server that talks without end is not to fill our memory */
	if (c->in.n >= CONN_INPUT / 2)
		return 0;
	do
		n = read_now(c);
	while (n == -1 && errno == EINTR);
	if (n == -1 && errno == EAGAIN)
		return 0;
	return n > 0 ? 1 : (int)n;
}

static ssize_t
write_now(struct conn *c, struct str s)
{
	int	n;

	if (c->ssl == NULL)
		return send(c->fd, s.p, s.n, MSG_NOSIGNAL | MSG_DONTWAIT);
	errno = 0;
	n = SSL_write(c->ssl, s.p, s.n > CHUNK ? CHUNK : (int)s.n);
	if (n > 0)
		return n;
	switch (SSL_get_error(c->ssl, n)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		errno = EAGAIN;
		return -1;
	default:
		if (errno == 0)
			errno = ECONNRESET;
		return -1;
	}
}

/* While it does not take our bytes it may be waiting for us to take its own. */
int
conn_write(struct conn *c, struct str s, int64_t ms)
{
	struct deadline	d = deadline_in(ms);

	while (s.n > 0) {
		ssize_t	n = write_now(c, s);

		if (n >= 0) {
			s = str_skip(s, (size_t)n);
			d = deadline_in(ms);
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN || conn_peek(c) == -1)
			return -1;
		if (wait_for(c, POLLOUT | (c->closed || c->in.n >= CONN_INPUT / 2 ? 0 : POLLIN), d) == -1)
			return -1;
	}
	return 0;
}

void
conn_close(struct conn *c)
{
	if (c->ssl != NULL)
		SSL_free(c->ssl);
	c->ssl = NULL;
	(void)fd_close(&c->fd);
	buf_reset(&c->in);
	c->closed = false;
}
