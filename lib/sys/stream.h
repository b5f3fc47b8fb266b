/*
 * stream: a session's bytes in and out, with deadlines. Output is gathered and
 * written when the session has nothing left to read, so that pipelined commands
 * are answered in few packets.
 */
#ifndef SYS_STREAM_H
#define SYS_STREAM_H

#include <signal.h>

#include "../base/buf.h"
#include "deadline.h"

struct stream {
	int		in_fd, out_fd;
	struct buf	in;		/* read, not yet taken */
	struct buf	out;		/* to be written */
	int64_t		read_ms;	/* patience for each read and write */
	int64_t		write_ms;
	volatile sig_atomic_t *stop;	/* may be NULL: set by SIGTERM, ends a wait */
};

enum stream_got {
	STREAM_DATA,		/* in grew */
	STREAM_EOF,		/* the peer is done */
	STREAM_TIMEOUT,
	STREAM_STOP,		/* *stop is set and nothing had come */
	STREAM_ERROR,		/* errno */
};

void	stream_init(struct stream *, int in_fd, int out_fd, size_t in_max, size_t out_max);
void	stream_free(struct stream *);

/* Flush, then wait for and read more input. in is full: STREAM_ERROR with EFBIG. */
enum stream_got	stream_read(struct stream *);

/* Write out what is gathered; -1 with errno (ETIMEDOUT: the peer does not read). */
int	stream_flush(struct stream *) __attribute__((warn_unused_result));

/* Gather; flushed at once when more than half of out's maximum waits. */
int	stream_put(struct stream *, struct str) __attribute__((warn_unused_result));

#endif
