/*
 * conn: a TCP connection to a server, with TLS or without, each wait with its
 * patience. A wait ends, too, when queue-send goes away (ECANCELED): unless the
 * connection is told to finish what it has begun.
 */
#ifndef QUEUE_REMOTE_CONN_H
#define QUEUE_REMOTE_CONN_H

#include <openssl/ssl.h>

#include "base/buf.h"
#include "base/ip.h"
#include "sys/deadline.h"

enum { CONN_INPUT = 65536 };	/* read ahead at most */

struct conn {
	int		 fd;		/* -1: not connected */
	SSL		*ssl;
	struct buf	 in;		/* read, not yet taken */
	struct ip	 ip;
	uint16_t	 port;
	int		 watch;		/* whose hang-up ends a wait; -1: none */
	struct deadline	 by;		/* all must be over */
	bool		 closed;	/* the peer has ended its side */
};

#define CONN_INIT	{ .fd = -1, .in = BUF_INIT(CONN_INPUT), .watch = -1, .by = { INT64_MAX } }

/* 0, or -1 with errno (ETIMEDOUT, ECANCELED …). */
int	conn_dial(struct conn *, const struct ip *, uint16_t port, struct deadline) __attribute__((warn_unused_result));
int	conn_write(struct conn *, struct str, int64_t ms) __attribute__((warn_unused_result));

/* in grew; 0 at the peer's end; -1 with errno. */
int	conn_read(struct conn *, int64_t ms) __attribute__((warn_unused_result));

/* The same without waiting: 0 also when nothing is there (see closed). */
int	conn_peek(struct conn *) __attribute__((warn_unused_result));

/* SSL's wish: wait for what SSL_get_error(n) names. 1, or as the others. */
int	conn_ssl_wait(struct conn *, int n, struct deadline) __attribute__((warn_unused_result));

void	conn_close(struct conn *);

#endif
