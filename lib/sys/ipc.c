#include "ipc.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "fd.h"

static int
ipc_address(const char *path, struct sockaddr_un *un)
{
	*un = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (!str_copy(str_c(path), un->sun_path, sizeof(un->sun_path))) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return 0;
}

/* Close without losing the errno that is on its way to the caller. */
static int
ipc_fail(int *fd)
{
	int	err = errno;

	(void)fd_close(fd);
	errno = err;
	return -1;
}

/* Wait over signals: a stub's call is not given up for one. */
static int
ipc_wait(int sock, short events, struct deadline d)
{
	int	n;

	do
		n = deadline_wait(sock, events, d);
	while (n == -1 && errno == EINTR);
	return n == 1 ? 0 : -1;
}

int
ipc_connect(const char *path, struct deadline d)
{
	struct sockaddr_un	un;
	int			sock, tries = 0;

	if (ipc_address(path, &un) == -1)
		return -1;
	sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (sock == -1)
		return -1;
	while (connect(sock, (struct sockaddr *)&un, sizeof(un)) == -1) {
		/* a full backlog says EAGAIN and gives nothing to poll for */
		if ((errno != EAGAIN && errno != EINTR) || deadline_over(d))
			return ipc_fail(&sock);
		(void)poll(NULL, 0, tries < 10 ? ++tries : 10);
	}
	return sock;
}

int
ipc_send(int sock, struct str rec, const struct ipc_fds *fds, struct deadline d)
{
	union {
		char		bytes[CMSG_SPACE(sizeof(int) * LIMIT_RECORD_FDS)];
		struct cmsghdr	align;
	} control = { .bytes = { 0 } };
	struct iovec	iov = { .iov_base = (void *)(uintptr_t)rec.p, .iov_len = rec.n };
	struct msghdr	msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t		n;

	if (rec.n == 0 || rec.n > LIMIT_RECORD) {
		errno = EMSGSIZE;
		return -1;
	}
	if (fds != NULL && fds->n > 0) {
		struct cmsghdr	*c;

		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * fds->n);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * fds->n);
		memcpy(CMSG_DATA(c), fds->fd, sizeof(int) * fds->n);
	}
	for (;;) {
		n = sendmsg(sock, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n != -1)
			return 0;
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return -1;
		if (ipc_wait(sock, POLLOUT, d) == -1)
			return -1;
	}
}

/* Keep the descriptors of a message; false when there were too many to take. */
static bool
ipc_collect(struct msghdr *msg, struct ipc_fds *fds)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < (c->cmsg_len - CMSG_LEN(0)) / sizeof(int); i++) {
			int	fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (fds->n < LIMIT_RECORD_FDS)
				fds->fd[fds->n++] = fd;
			else
				(void)close(fd);
		}
	}
	return (msg->msg_flags & (MSG_CTRUNC | MSG_TRUNC)) == 0;
}

int
ipc_recv(int sock, struct buf *rec, struct ipc_fds *fds, struct deadline d)
{
	union {
		char		bytes[CMSG_SPACE(sizeof(int) * LIMIT_RECORD_FDS)];
		struct cmsghdr	align;
	} control;
	struct ipc_fds	got = { .n = 0 };
	struct iovec	iov;
	struct msghdr	msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t		n;

	buf_reset(rec);
	for (;;) {
		/* most records are small: ask how large the next one is */
		n = recv(sock, NULL, 0, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);
		if (n >= 0)
			break;
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN || ipc_wait(sock, POLLIN, d) == -1)
			return -1;
	}
	if (n == 0) {
		errno = EPIPE;
		return -1;
	}
	iov.iov_base = buf_room(rec, (size_t)n, &iov.iov_len);
	msg.msg_control = control.bytes;
	msg.msg_controllen = sizeof(control.bytes);
	do
		n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	while (n == -1 && errno == EINTR);
	if (n == -1)
		return -1;
	if (!ipc_collect(&msg, &got) || n == 0) {
		ipc_close(&got);
		errno = EPROTO;
		return -1;
	}
	buf_grew(rec, (size_t)n);
	if (fds != NULL)
		*fds = got;
	else
		ipc_close(&got);
	return 0;
}

int
ipc_call(const char *path, struct str req, const struct ipc_fds *fds, struct buf *rep, struct deadline d)
{
	int	sock = ipc_connect(path, d);

	if (sock == -1)
		return -1;
	if (ipc_send(sock, req, fds, d) == -1 || ipc_recv(sock, rep, NULL, d) == -1)
		return ipc_fail(&sock);
	return fd_close(&sock);
}

int
ipc_take(struct ipc_fds *fds, size_t i)
{
	int	fd = i < fds->n ? fds->fd[i] : -1;

	if (i < fds->n)
		fds->fd[i] = -1;
	return fd;
}

void
ipc_close(struct ipc_fds *fds)
{
	for (size_t i = 0; i < fds->n; i++)
		(void)fd_close(&fds->fd[i]);
	fds->n = 0;
}

int
ipc_listen(const char *path, mode_t mode)
{
	struct sockaddr_un	un;
	int			sock;

	if (ipc_address(path, &un) == -1)
		return -1;
	sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (sock == -1)
		return -1;
	(void)unlink(path);
	if (bind(sock, (struct sockaddr *)&un, sizeof(un)) == -1 ||
	    chmod(path, mode) == -1 || listen(sock, 1024) == -1)
		return ipc_fail(&sock);
	return sock;
}
