/*
 * held: a connection to a service that is kept between one question and the
 * next; stubs of services that a session asks for every message build on it.
 */
#ifndef CLIENT_HELD_H
#define CLIENT_HELD_H

#include "../base/buf.h"
#include "../base/limits.h"
#include "../sys/deadline.h"

struct held {
	const char	*path;		/* the service's socket */
	int		 sock;		/* -1: not connected */
	struct buf	 rec;		/* the question, then the answer */
};

#define HELD_INIT(where)	{ .path = (where), .sock = -1, .rec = BUF_INIT(LIMIT_RECORD) }

/*
 * Send h->rec with one descriptor beside it (-1: none), and wait for the
 * answer, which replaces it. Connects when that is needed, again when the
 * service closed meanwhile. 0; or -1 with errno, and the connection is
 * closed, so that an answer which comes late is not taken for the next one's.
 */
int	held_call(struct held *, int fd, struct deadline) __attribute__((warn_unused_result));

/* Close, errno kept; free the record too. */
void	held_close(struct held *);
void	held_free(struct held *);

#endif
