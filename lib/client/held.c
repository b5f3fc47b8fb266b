#include "held.h"

#include <errno.h>

#include "../sys/fd.h"
#include "../sys/ipc.h"

static int
held_send(struct held *h, int fd, struct deadline dl)
{
	struct ipc_fds	fds = { .fd = { fd }, .n = fd == -1 ? 0 : 1 };
	bool		old = h->sock != -1;

	for (;;) {
		if (h->sock == -1)
			h->sock = ipc_connect(h->path, dl);
		if (h->sock == -1)
			return -1;
		if (ipc_send(h->sock, buf_str(&h->rec), &fds, dl) == 0)
			return 0;
		if (!old || (errno != EPIPE && errno != ECONNRESET))
			return -1;
		/* closed while it was idle: nothing was asked yet */
		old = false;
		(void)fd_close(&h->sock);
	}
}

int
held_call(struct held *h, int fd, struct deadline dl)
{
	if (buf_failed(&h->rec)) {
		errno = EMSGSIZE;
		return -1;
	}
	if (held_send(h, fd, dl) == 0 && ipc_recv(h->sock, &h->rec, NULL, dl) == 0)
		return 0;
	held_close(h);
	return -1;
}

void
held_close(struct held *h)
{
	int	err = errno;

	(void)fd_close(&h->sock);
	errno = err;
}

void
held_free(struct held *h)
{
	held_close(h);
	buf_free(&h->rec);
}
