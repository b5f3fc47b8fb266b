/* ipc: records and descriptors over a socket, and everything a caller can do wrong. */
#include "sys/ipc.h"

#include <sys/socket.h>
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/attr.h"
#include "../tap.h"

static struct deadline
soon(void)
{
	return deadline_in(200);
}

static size_t
open_fds(void)
{
	DIR	*d = opendir("/proc/self/fd");
	size_t	 n = 0;

	while (d != NULL && readdir(d) != NULL)
		n++;
	if (d != NULL)
		(void)closedir(d);
	return n;
}

static void
pair(int fd[2])
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd) == -1)
		exit(1);
}

static void
test_records(void)
{
	struct buf	rec = BUF_INIT(LIMIT_RECORD);
	static char	big[LIMIT_RECORD + 1];
	int		fd[2];

	pair(fd);
	memset(big, 'x', sizeof(big));
	is_num(ipc_send(fd[0], STR("a\0b\0"), NULL, soon()), 0, "send a record");
	is_num(ipc_send(fd[0], STR("second"), NULL, soon()), 0, "and another");
	is_num(ipc_recv(fd[1], &rec, NULL, soon()), 0, "receive");
	is_str(buf_str(&rec), STR("a\0b\0"), "whole, with its NULs");
	is_num(ipc_recv(fd[1], &rec, NULL, soon()), 0, "receive again");
	is_str(buf_str(&rec), STR("second"), "records stay apart");
	is_num(ipc_recv(fd[1], &rec, NULL, soon()), -1, "nothing there");
	is_num(errno, ETIMEDOUT, "is a time-out");
	is_num(ipc_send(fd[0], str_n(big, LIMIT_RECORD), NULL, soon()), 0, "the largest record");
	is_num(ipc_recv(fd[1], &rec, NULL, soon()), 0, "comes through");
	is_num(rec.n, LIMIT_RECORD, "whole");
	is_num(ipc_send(fd[0], str_n(big, LIMIT_RECORD + 1), NULL, soon()), -1, "one byte more is refused");
	is_num(ipc_send(fd[0], STR(""), NULL, soon()), -1, "an empty one is refused");
	ok(send(fd[0], big, LIMIT_RECORD + 1, 0) > 0 && ipc_recv(fd[1], &rec, NULL, soon()) == -1 && errno == EPROTO,
	    "a peer's packet that is too large is EPROTO");
	is_num(ipc_send(fd[0], STR("next"), NULL, soon()), 0, "the next one");
	is_num(ipc_recv(fd[1], &rec, NULL, soon()), 0, "is not hurt by it");
	(void)close(fd[0]);
	is_num(ipc_recv(fd[1], &rec, NULL, soon()), -1, "the other side is gone");
	is_num(errno, EPIPE, "is EPIPE");
	is_num(ipc_send(fd[1], STR("x"), NULL, soon()), -1, "for sending too");
	is_num(errno, EPIPE, "without a signal");
	(void)close(fd[1]);
	buf_free(&rec);
}

static void
test_full(void)
{
	int	fd[2], n = 0;
	char	lot[4096] = { 1 };

	pair(fd);
	while (n < 10000 && ipc_send(fd[0], str_n(lot, sizeof(lot)), NULL, deadline_in(20)) == 0)
		n++;
	ok(n > 0 && n < 10000 && errno == ETIMEDOUT, "who does not read is given up by the deadline");
	(void)close(fd[0]);
	(void)close(fd[1]);
}

static void
test_descriptors(void)
{
	struct buf	rec = BUF_INIT(LIMIT_RECORD);
	struct ipc_fds	out = { .n = 0 }, in = { .n = 0 };
	struct stat	a, b;
	size_t		before = open_fds();
	int		fd[2], got;

	pair(fd);
	out.n = 2;
	out.fd[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	out.fd[1] = open("/", O_RDONLY | O_CLOEXEC);
	is_num(ipc_send(fd[0], STR("with"), &out, soon()), 0, "send two descriptors");
	is_num(ipc_recv(fd[1], &rec, &in, soon()), 0, "receive them");
	is_num(in.n, 2, "both");
	got = ipc_take(&in, 1);
	ok(fstat(got, &a) == 0 && fstat(out.fd[1], &b) == 0 && a.st_ino == b.st_ino, "in order");
	ok((fcntl(got, F_GETFD) & FD_CLOEXEC) != 0, "close-on-exec");
	is_num(ipc_take(&in, 7), -1, "there is no seventh");
	(void)close(got);
	ipc_close(&in);
	is_num(ipc_send(fd[0], STR("unwanted"), &out, soon()), 0, "send to one who wants none");
	is_num(ipc_recv(fd[1], &rec, NULL, soon()), 0, "who takes the record");
	ipc_close(&out);
	(void)close(fd[0]);
	(void)close(fd[1]);
	is_num((long long)open_fds(), (long long)before, "no descriptor is left open");
	buf_free(&rec);
}

/* More than we take: nothing of it may stay with us. */
static void
test_too_many(void)
{
	enum { MANY = LIMIT_RECORD_FDS + 3 };
	union {
		char		bytes[CMSG_SPACE(sizeof(int) * MANY)];
		struct cmsghdr	align;
	} control = { .bytes = { 0 } };
	struct iovec	 iov = { "x", 1 };
	struct msghdr	 msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof(control.bytes) };
	struct cmsghdr	*c = CMSG_FIRSTHDR(&msg);
	struct buf	 rec = BUF_INIT(LIMIT_RECORD);
	struct ipc_fds	 in = { .n = 0 };
	size_t		 before;
	int		 fd[2], fds[MANY];

	pair(fd);
	before = open_fds();
	for (size_t i = 0; i < MANY; i++)
		fds[i] = STDERR_FILENO;
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(c), fds, sizeof(fds));
	ok(sendmsg(fd[0], &msg, 0) == 1, "a peer sends more descriptors than there may be");
	is_num(ipc_recv(fd[1], &rec, &in, soon()), -1, "refused");
	is_num(errno, EPROTO, "as EPROTO");
	is_num((long long)open_fds(), (long long)before, "and none is left open");
	(void)close(fd[0]);
	(void)close(fd[1]);
	buf_free(&rec);
}

static void
test_service(void)
{
	char		dir[] = "/tmp/posthorn-ipc.XXXXXX";
	struct buf	rec = BUF_INIT(LIMIT_RECORD);
	struct stat	st;
	int		sock, conn;

	if (mkdtemp(dir) == NULL || chdir(dir) == -1)
		exit(1);
	is_num(ipc_connect("door", soon()), -1, "no socket");
	is_num(errno, ENOENT, "is ENOENT");
	sock = ipc_listen("door", 0600);
	ok(sock != -1 && stat("door", &st) == 0 && (st.st_mode & 0777) == 0600, "listen, with its mode");
	is_num(ipc_call("door", STR("hello"), NULL, &rec, deadline_in(50)), -1, "one who never answers");
	is_num(errno, ETIMEDOUT, "is a time-out");
	conn = ipc_connect("door", soon());
	ok(conn != -1 && (fcntl(conn, F_GETFD) & FD_CLOEXEC) != 0, "connect");
	(void)close(conn);
	(void)close(sock);
	is_num(ipc_call("door", STR("hello"), NULL, &rec, soon()), -1, "a socket nobody listens on");
	is_num(errno, ECONNREFUSED, "is ECONNREFUSED");
	sock = ipc_listen("door", 0600);
	ok(sock != -1, "a left-over socket is replaced");
	(void)close(sock);
	(void)unlink("door");
	(void)rmdir(dir);
	buf_free(&rec);
}

int
main(void)
{
	test_records();
	test_full();
	test_descriptors();
	test_too_many();
	test_service();
	return done_testing();
}
