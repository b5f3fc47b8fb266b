/*
 * handoff: a connection on its way to a door that only authd can open, in steps that never wait.
 */
#ifndef AUTHD_HANDOFF_H
#define AUTHD_HANDOFF_H

#include "sys/ipc.h"

struct handoff {
	const char	*door;
	int		 sock;		/* to the door, or -1 while it is crowded */
	bool		 sent;
	struct buf	 rec;		/* "conn" */
	struct ipc_fds	 fds;
	struct deadline	 until;
};

enum handoff_got {
	HANDOFF_AGAIN,		/* wait for input on sock, or a moment when it is -1 */
	HANDOFF_DONE,
	HANDOFF_FAILED,
};

enum { HANDOFF_MS = 5000, HANDOFF_RETRY_MS = 20 };

/* rec has been filled; the descriptors of fds are ours from now on. */
void	handoff_start(struct handoff *, const char *door, struct ipc_fds *fds);

enum handoff_got	handoff_step(struct handoff *) __attribute__((warn_unused_result));

void	handoff_free(struct handoff *);

#endif
