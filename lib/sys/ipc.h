/*
 * ipc: one record (base/attr.h) in one packet on a unix SOCK_SEQPACKET socket,
 * with descriptors beside it. Every wait has a deadline. Functions return 0 or
 * -1 with errno; ETIMEDOUT for a deadline, EPIPE when the other side is gone,
 * EPROTO for what is not a packet of ours.
 *
 * Programs run with the var directory as working directory, so that socket
 * paths ("run/authd") are short whatever the directory is called.
 */
#ifndef SYS_IPC_H
#define SYS_IPC_H

#include <sys/types.h>

#include "../base/buf.h"
#include "../base/limits.h"
#include "deadline.h"

/* Descriptors that came with a record. Those not taken must be closed. */
struct ipc_fds {
	int	fd[LIMIT_RECORD_FDS];
	size_t	n;
};

/* A connected socket to the service at path. */
int	ipc_connect(const char *path, struct deadline) __attribute__((warn_unused_result));

/* fds may be NULL. The descriptors stay the caller's. */
int	ipc_send(int sock, struct str rec, const struct ipc_fds *fds, struct deadline) __attribute__((warn_unused_result));

/*
 * One record into rec (reset first; its max should be LIMIT_RECORD). fds may
 * be NULL: then descriptors that come are closed. End of the connection is EPIPE.
 */
int	ipc_recv(int sock, struct buf *rec, struct ipc_fds *fds, struct deadline) __attribute__((warn_unused_result));

/* Connect, send, receive, close: the question and answer most stubs are. */
int	ipc_call(const char *path, struct str req, const struct ipc_fds *fds, struct buf *rep, struct deadline) __attribute__((warn_unused_result));

/* Take the i-th descriptor out (the caller owns it now), or -1. */
int	ipc_take(struct ipc_fds *, size_t i);
void	ipc_close(struct ipc_fds *);

/* A listening SOCK_SEQPACKET socket at path, replacing what is there. */
int	ipc_listen(const char *path, mode_t mode) __attribute__((warn_unused_result));

#endif
