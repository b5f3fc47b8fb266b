#include "listend.h"

#include <sys/socket.h>

#include <errno.h>
#include <poll.h>

#include <openssl/err.h>

#include "base/limits.h"

/*
 * Bytes are on their way through one scratch buffer for everybody. Only what
 * a side does not take is kept in the connection's own (in, out), and while
 * something is, the other side is not read: an idle connection holds no buffer.
 */
static char	scratch[LIMIT_PUMP];

enum { PUMP_ROUNDS = 4 };	/* of the scratch buffer before others have their turn */

static void	pump_data(void *, int);
static void	settle(struct conn *, bool moved);

void
pump_start(struct conn *c)
{
	c->state = CONN_PUMP;
	c->data.ready = pump_data;
	c->data.of = c;
	timer_set(&c->timer, TIMER_IDLE);
	/* the handshake may have read on into the peer's first bytes */
	if (SSL_has_pending(c->ssl))
		pump_peer(c, LOOP_IN);
	else
		settle(c, true);
}

static bool
broken(struct conn *c)
{
	conn_close(c);
	return false;
}

/* Fill the scratch buffer with what the peer sent; false when the connection is gone. */
static bool
read_peer(struct conn *c, size_t *n_r)
{
	size_t	n = 0, got;

	c->read_wants_out = c->again = false;
	while (n < sizeof(scratch)) {
		ERR_clear_error();
		if (SSL_read_ex(c->ssl, scratch + n, sizeof(scratch) - n, &got) != 1) {
			switch (SSL_get_error(c->ssl, 0)) {
			case SSL_ERROR_WANT_READ:
				break;
			case SSL_ERROR_WANT_WRITE:
				c->read_wants_out = true;
				break;
			case SSL_ERROR_ZERO_RETURN:
				c->peer_done = true;
				break;
			default:
				return false;
			}
			break;
		}
		n += got;
		/* asking once more would only be told EAGAIN */
		if (!SSL_has_pending(c->ssl))
			break;
	}
	c->again = n == sizeof(scratch) && SSL_has_pending(c->ssl);
	*n_r = n;
	return true;
}

/* Send to the session; what it does not take is kept. */
static void
to_session(struct conn *c, struct str bytes)
{
	ssize_t	n = 0;

	if (c->session_deaf || bytes.n == 0)
		return;
	n = send(c->data.fd, bytes.p, bytes.n, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n == -1 && errno != EAGAIN && errno != EINTR) {
		c->session_deaf = true;
		return;
	}
	buf_add(&c->in, str_skip(bytes, n == -1 ? 0 : (size_t)n));
	c->session_deaf = buf_failed(&c->in);
}

/* From the peer to the session; false when the connection is gone. */
static bool
inwards(struct conn *c)
{
	for (int i = 0; i < PUMP_ROUNDS && !c->peer_done && c->in.n == 0; i++) {
		size_t	n = 0;

		if (!read_peer(c, &n))
			return broken(c);
		to_session(c, str_n(scratch, n));
		if (!c->again)
			break;
	}
	return true;
}

/* Encrypt and send; false when the connection is gone. */
static bool
to_peer(struct conn *c, struct str *bytes)
{
	size_t	n;

	c->write_wants_in = false;
	while (bytes->n > 0) {
		ERR_clear_error();
		if (SSL_write_ex(c->ssl, bytes->p, bytes->n, &n) == 1) {
			*bytes = str_skip(*bytes, n);
			continue;
		}
		switch (SSL_get_error(c->ssl, 0)) {
		case SSL_ERROR_WANT_READ:
			c->write_wants_in = true;
			return true;
		case SSL_ERROR_WANT_WRITE:
			return true;
		default:
			return false;
		}
	}
	return true;
}

/* From the session to the peer; false when the connection is gone. */
static bool
outwards(struct conn *c)
{
	for (int i = 0; i < PUMP_ROUNDS; i++) {
		struct str	bytes;
		ssize_t		n = recv(c->data.fd, scratch, sizeof(scratch), MSG_DONTWAIT);

		if (n == -1 && (errno == EAGAIN || errno == EINTR))
			return true;
		if (n <= 0) {
			c->session_done = true;
			return true;
		}
		bytes = str_n(scratch, (size_t)n);
		if (!to_peer(c, &bytes))
			return broken(c);
		buf_add(&c->out, bytes);
		if (buf_failed(&c->out))
			return broken(c);
		/* a short read was all there is */
		if (bytes.n > 0 || (size_t)n < sizeof(scratch))
			return true;
	}
	return true;
}

/* Try again with what was kept. False when the connection is gone. */
static bool
flush_peer(struct conn *c)
{
	struct str	left = buf_str(&c->out);

	if (!to_peer(c, &left))
		return broken(c);
	if (left.n == 0)
		buf_free(&c->out);
	else
		buf_consume(&c->out, c->out.n - left.n);
	return true;
}

static void
flush_session(struct conn *c)
{
	ssize_t	n = send(c->data.fd, c->in.p, c->in.n, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n == -1 && errno != EAGAIN && errno != EINTR)
		c->session_deaf = true;
	if (n > 0)
		buf_consume(&c->in, (size_t)n);
	if (c->session_deaf || c->in.n == 0)
		buf_free(&c->in);
}

/* The session reads no more either: it has closed, and did not only say that it has nothing left to say. */
static bool
session_gone(const struct conn *c)
{
	struct pollfd	p = { .fd = c->data.fd };

	return c->session_deaf || (poll(&p, 1, 0) == 1 && (p.revents & POLLHUP) != 0);
}

/* Say the end of the session's bytes to the peer, and go on with the other direction if there is one. */
static void
session_ended(struct conn *c)
{
	if (c->peer_done || session_gone(c)) {
		conn_linger(c);
		return;
	}
	if ((SSL_get_shutdown(c->ssl) & SSL_SENT_SHUTDOWN) == 0) {
		(void)SSL_shutdown(c->ssl);
		(void)shutdown(c->tcp.fd, SHUT_WR);
	}
}

/* After every step: ends passed on, what to wait for, and how long. */
static void
settle(struct conn *c, bool moved)
{
	int	peer = 0, session = 0;

	if (c->peer_done && c->in.n == 0 && !c->session_deaf) {
		(void)shutdown(c->data.fd, SHUT_WR);
		c->session_deaf = true;
	}
	if (c->session_done && c->out.n == 0) {
		session_ended(c);
		if (c->state != CONN_PUMP)
			return;
	}
	if (!c->peer_done && c->in.n == 0)
		peer |= LOOP_IN;
	if ((c->out.n > 0 && !c->write_wants_in) || c->read_wants_out)
		peer |= LOOP_OUT;
	if (c->write_wants_in)
		peer |= LOOP_IN;
	/* the library holds bytes that no event will tell of: come back soon */
	if ((peer & LOOP_IN) != 0 && c->again)
		peer |= LOOP_OUT;
	if (!c->session_done && c->out.n == 0)
		session |= LOOP_IN;
	if (c->in.n > 0)
		session |= LOOP_OUT;
	loop_want(&c->tcp, peer);
	loop_want(&c->data, session);
	if (moved || (c->out.n > 0) != (c->timer.kind == TIMER_STALL))
		timer_set(&c->timer, c->out.n > 0 ? TIMER_STALL : TIMER_IDLE);
}

void
pump_peer(struct conn *c, int got)
{
	size_t	held = c->out.n;

	if (held > 0 && ((got & LOOP_OUT) != 0 || c->write_wants_in) && !flush_peer(c))
		return;
	if (((got & LOOP_IN) != 0 || c->read_wants_out || c->again) && !inwards(c))
		return;
	settle(c, c->out.n == 0 || c->out.n < held);
}

static void
pump_data(void *of, int got)
{
	struct conn	*c = of;

	if ((got & LOOP_OUT) != 0 && c->in.n > 0)
		flush_session(c);
	if ((got & LOOP_IN) != 0 && !c->session_done && c->out.n == 0 && !outwards(c))
		return;
	settle(c, c->out.n == 0);
}
