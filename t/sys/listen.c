/* listen: the sockets a supervisor passed, and telling it that we are ready. */
#include "sys/listen.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../tap.h"

static void
environment(const char *pid, const char *n)
{
	char	own[24];

	(void)snprintf(own, sizeof(own), "%ld", (long)getpid());
	(void)setenv("LISTEN_PID", pid == NULL ? own : pid, 1);
	(void)setenv("LISTEN_FDS", n, 1);
	(void)setenv("LISTEN_FDNAMES", "ctl:public/smtp:public/imap:local/smtp", 1);
}

static void
test_names(void)
{
	const char	*name;
	size_t		 at = 0;

	for (int fd = 3; fd < 7; fd++)
		if (dup2(STDERR_FILENO, fd) == -1)
			exit(1);
	is_num(listen_fd("ctl"), -1, "without the environment there is none");
	environment("1", "4");
	is_num(listen_fd("ctl"), -1, "what is meant for another process is not ours");
	environment(NULL, "-1");
	is_num(listen_fd("ctl"), -1, "nor is a strange count");
	environment(NULL, "4");
	is_num(listen_fd("ctl"), 3, "the one of that name");
	ok((fcntl(3, F_GETFD) & FD_CLOEXEC) != 0, "close-on-exec");
	is_num(listen_fd("ct"), -1, "a part of a name is none");
	is_num(listen_next("public/", 1, &at, &name), 4, "the first that begins so");
	is_str(str_c(name), STR("public/smtp"), "its name");
	is_num(listen_next("public/", 1, &at, &name), 5, "the second");
	is_num(listen_next("public/", 1, &at, &name), -1, "no third");
	environment(NULL, "1");
	is_num(listen_fd("local/smtp"), -1, "a name without a descriptor is none");
}

static void
test_notify(void)
{
	struct sockaddr_un	un = { .sun_family = AF_UNIX };
	char			dir[] = "/tmp/posthorn-listen.XXXXXX", got[64];
	ssize_t			n;
	int			sock = socket(AF_UNIX, SOCK_DGRAM, 0);

	if (mkdtemp(dir) == NULL || chdir(dir) == -1)
		exit(1);
	notify_ready();
	(void)snprintf(un.sun_path, sizeof(un.sun_path), "notify");
	if (bind(sock, (struct sockaddr *)&un, sizeof(un)) == -1)
		exit(1);
	(void)setenv("NOTIFY_SOCKET", "nowhere", 1);
	notify_ready();
	ok(recv(sock, got, sizeof(got), MSG_DONTWAIT) == -1, "nobody to tell is no trouble");
	(void)setenv("NOTIFY_SOCKET", "notify", 1);
	notify_ready();
	n = recv(sock, got, sizeof(got), MSG_DONTWAIT);
	is_str(str_n(got, n > 0 ? (size_t)n : 0), STR("READY=1"), "ready");
	notify_state("STOPPING=1");
	n = recv(sock, got, sizeof(got), MSG_DONTWAIT);
	is_str(str_n(got, n > 0 ? (size_t)n : 0), STR("STOPPING=1"), "another state");
	(void)unlink("notify");
	(void)rmdir(dir);
}

int
main(void)
{
	test_names();
	test_notify();
	return done_testing();
}
