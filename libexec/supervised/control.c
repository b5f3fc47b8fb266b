#include "supervised.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/attr.h"
#include "sys/fd.h"
#include "sys/home.h"
#include "sys/ipc.h"
#include "sys/log.h"

enum { CLIENT_MS = 5000 };

/* Where services say that they are ready: any user of ours may write there. */
static int
notify_open(void)
{
	struct sockaddr_un	un = { .sun_family = AF_UNIX, .sun_path = HOME_RUN "/notify" };
	int			sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;

	if (sock == -1)
		return -1;
	(void)unlink(un.sun_path);
	/* the kernel tells who wrote, so that only a child of ours is believed */
	if (setsockopt(sock, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) == -1 ||
	    bind(sock, (struct sockaddr *)&un, sizeof(un)) == -1 || chmod(un.sun_path, 0666) == -1) {
		(void)fd_close(&sock);
		return -1;
	}
	return sock;
}

int
control_open(struct super *su)
{
	for (size_t i = 0; i < CLIENTS; i++)
		su->client[i] = (struct client){ .fd = -1, .by = DEADLINE_NEVER };
	su->notify_fd = notify_open();
	su->ctl_fd = ipc_listen(HOME_RUN "/supervised", 0600);
	if (su->notify_fd == -1 || su->ctl_fd == -1)
		return -1;
	return fd_nonblock(su->ctl_fd, true);
}

void
control_unlink(void)
{
	(void)unlink(HOME_RUN "/notify");
	(void)unlink(HOME_RUN "/supervised");
}

/* --- readiness */

static bool
has_line(struct str text, struct str want)
{
	struct str	line;
	bool		more = true;

	while (more) {
		more = str_cut(&text, '\n', &line);
		if (str_eq(line, want))
			return true;
	}
	return false;
}

static void
notify_from(struct super *su, pid_t pid, struct str text)
{
	for (size_t i = 0; i < su->table.nservice; i++)
		if (su->unit[i].pid == pid && has_line(text, STR("READY=1")))
			unit_event(&su->unit[i], EVENT_READY);
}

void
notify_take(struct super *su)
{
	union {
		char		bytes[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(sizeof(int) * LIMIT_RECORD_FDS)];
		struct cmsghdr	align;
	} control;
	char		text[1024];
	struct iovec	iov = { text, sizeof(text) };
	struct msghdr	msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof(control.bytes) };
	ssize_t		n = recvmsg(su->notify_fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct ucred	cred;

	/* an empty one may bring descriptors all the same */
	if (n == -1)
		return;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c != NULL; c = CMSG_NXTHDR(&msg, c)) {
		if (c->cmsg_level != SOL_SOCKET)
			continue;
		if (c->cmsg_type == SCM_RIGHTS) {
			size_t	count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

			for (size_t i = 0; i < count; i++) {
				int	fd;

				memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
				(void)close(fd);
			}
		} else if (c->cmsg_type == SCM_CREDENTIALS) {
			memcpy(&cred, CMSG_DATA(c), sizeof(cred));
			notify_from(su, cred.pid, str_n(text, (size_t)n));
		}
	}
}

/* --- commands */

static void
drop(struct client *c)
{
	(void)fd_close(&c->fd);
	c->by = DEADLINE_NEVER;
	c->stopper = false;
}

void
control_accept(struct super *su)
{
	int	fd = accept4(su->ctl_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd == -1)
		return;
	for (size_t i = 0; i < CLIENTS; i++)
		if (su->client[i].fd == -1) {
			su->client[i] = (struct client){ .fd = fd, .by = deadline_in(CLIENT_MS) };
			return;
		}
	(void)close(fd);
}

/* Never waits: what does not fit into the socket is the asker's loss. */
static bool
answer(const struct client *c, const struct buf *rec)
{
	return !buf_failed(rec) && ipc_send(c->fd, buf_str(rec), NULL, deadline_in(0)) == 0;
}

static bool
answer_units(const struct super *su, const struct client *c, struct buf *rec)
{
	for (size_t i = 0; i < su->table.nservice; i++) {
		const struct unit	*u = &su->unit[i];

		attr_start(rec, "service", 1);
		attr_adds(rec, "name", u->sv->name);
		attr_adds(rec, "state", state_name(u->state));
		attr_addu(rec, "pid", (uint64_t)u->pid);
		attr_addu(rec, "since", (uint64_t)u->since);
		attr_addu(rec, "starts", u->starts);
		attr_adds(rec, "text", u->text);
		if (!answer(c, rec))
			return false;
	}
	return true;
}

static bool
answer_jobs(const struct super *su, const struct client *c, struct buf *rec)
{
	for (size_t i = 0; i < su->table.njob; i++) {
		const struct jobrun	*j = &su->job[i];

		attr_start(rec, "job", 1);
		attr_adds(rec, "name", j->jb->name);
		attr_addu(rec, "next", (uint64_t)j->next);
		attr_addu(rec, "last", (uint64_t)j->last);
		attr_adds(rec, "result", j->result);
		if (!answer(c, rec))
			return false;
	}
	return true;
}

static struct unit *
unit_named(struct super *su, struct str name)
{
	for (size_t i = 0; i < su->table.nservice; i++)
		if (str_eq(str_c(su->table.service[i].name), name))
			return &su->unit[i];
	return NULL;
}

static const char *
restart(struct super *su, struct str name)
{
	struct unit	*u = unit_named(su, name);

	if (u == NULL)
		return "there is no such service";
	if (su->stopping)
		return "stopping";
	unit_event(u, EVENT_RESTART);
	return "ok";
}

static void
command(struct super *su, struct client *c, struct str req)
{
	char		text[1024];
	struct buf	rec = { .p = text, .cap = sizeof(text), .max = sizeof(text) - 1 };
	struct str	cmd = attr_get(req, "cmd");
	const char	*result = "ok";

	if (!attr_is(req, "ctl", 1))
		result = "not a ctl record";
	else if (str_eq(cmd, STR("status"))) {
		if (!answer_units(su, c, &rec) || !answer_jobs(su, c, &rec))
			return;
	} else if (str_eq(cmd, STR("stop"))) {
		c->stopper = true;
		super_stop(su);
	} else if (str_eq(cmd, STR("reload")))
		result = super_reload(su) ? "ok" : "not all listeners could be bound";
	else if (str_eq(cmd, STR("restart")))
		result = restart(su, attr_get(req, "name"));
	else
		result = "there is no such command";
	attr_start(&rec, "end", 1);
	attr_adds(&rec, "result", result);
	(void)answer(c, &rec);
}

void
control_client(struct super *su, struct client *c)
{
	struct buf	rec = BUF_INIT(LIMIT_RECORD);

	if (ipc_recv(c->fd, &rec, NULL, deadline_in(0)) == -1) {
		drop(c);
	} else {
		command(su, c, buf_str(&rec));
		/* who asked for the end sees it when this closes with us */
		if (c->stopper)
			c->by = DEADLINE_NEVER;
		else
			drop(c);
	}
	buf_free(&rec);
}
