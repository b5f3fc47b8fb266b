#include "tool_dns.h"

#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/ip.h"
#include "base/num.h"
#include "client/dns.h"
#include "sys/child.h"
#include "sys/die.h"
#include "sys/fd.h"
#include "sys/home.h"
#include "sys/ipc.h"

enum { CONNECT_MS = 10000, DOOR_FD = 3 };

static pid_t	child;		/* the resolver of our own; 0: there is none */

static bool
is_server(struct str s)
{
	struct str	address;
	struct ip	ip;
	uint32_t	port = 53;
	bool		at = str_cut(&s, '@', &address);

	return ip_parse(address, &ip) && (!at || (num_u32(s, 65535, &port) && port > 0));
}

/* Its descriptor 3 is the socket named dnsd, as the supervisor would pass it. What it logs is not for this terminal. */
static noreturn void
run_dnsd(const char *path, const char *server, int door, pid_t parent)
{
	char	*argv[] = { (char *)(uintptr_t)"dnsd", (char *)(uintptr_t)"-f", (char *)(uintptr_t)server, NULL };
	char	 pid[32];
	int	 null = open("/dev/null", O_RDWR | O_CLOEXEC), moved = fcntl(door, F_DUPFD_CLOEXEC, DOOR_FD + 1);

	child_follow(parent);
	(void)snprintf(pid, sizeof(pid), "%ld", (long)getpid());
	if (null == -1 || moved == -1 || dup2(moved, DOOR_FD) == -1 || dup2(null, STDIN_FILENO) == -1 ||
	    dup2(null, STDOUT_FILENO) == -1 || dup2(null, STDERR_FILENO) == -1 || setenv("LISTEN_PID", pid, 1) == -1 ||
	    setenv("LISTEN_FDS", "1", 1) == -1 || setenv("LISTEN_FDNAMES", "dnsd", 1) == -1 || unsetenv("NOTIFY_SOCKET") == -1)
		_exit(EXIT_TEMP);
	(void)execv(path, argv);
	_exit(EXIT_TEMP);
}

/* A listening socket and a connection to it, which waits there; nothing of them stays in the file system. */
static int
make_door(struct held *h)
{
	const char	*tmp = getenv("TMPDIR");
	char		 dir[64], path[80];
	int		 door = -1, err;

	/* a socket's path must be short */
	if (tmp == NULL || snprintf(dir, sizeof(dir), "%s/posthorn-dns-XXXXXX", tmp) >= (int)sizeof(dir))
		(void)snprintf(dir, sizeof(dir), "/tmp/posthorn-dns-XXXXXX");
	if (mkdtemp(dir) == NULL)
		die(EXIT_TEMP, "unable to make a directory for a socket in %s", dir);
	(void)snprintf(path, sizeof(path), "%s/dnsd", dir);
	door = ipc_listen(path, 0600);
	if (door != -1)
		h->sock = ipc_connect(path, deadline_in(CONNECT_MS));
	err = errno;
	(void)unlink(path);
	(void)rmdir(dir);
	errno = err;
	if (door == -1 || h->sock == -1)
		die(EXIT_TEMP, "unable to make a socket in %s", dir);
	return door;
}

static void
start_own(struct held *h, const char *server)
{
	char	path[PATH_MAX];
	pid_t	parent = getpid();
	int	door;

	if (!is_server(str_c(server)))
		diex(EXIT_PERM, "%s is no ADDRESS or ADDRESS@PORT of a name server", server);
	if (home_program("dnsd", path, sizeof(path)) == -1)
		die(EXIT_TEMP, "unable to find dnsd in %s", home_libexec());
	door = make_door(h);
	child = fork();
	if (child == -1)
		die(EXIT_TEMP, "unable to start dnsd");
	if (child == 0)
		run_dnsd(path, server, door, parent);
	(void)fd_close(&door);
}

void
tool_dns_open(struct held *h, const char *server)
{
	*h = (struct held)HELD_INIT(DNS_SOCKET);
	child = 0;
	if (server != NULL) {
		start_own(h, server);
		return;
	}
	if (home_enter() == -1)
		die(EXIT_TEMP, "unable to enter the var directory");
	h->sock = ipc_connect(h->path, deadline_in(CONNECT_MS));
	if (h->sock == -1)
		die(EXIT_TEMP, "unable to ask dnsd (posthorn serve starts it; --dns names another server)");
}

void
tool_dns_close(struct held *h)
{
	int	status = 0;

	held_free(h);
	if (child == 0)
		return;
	if (waitpid(child, &status, WNOHANG) == child) {
		warnx("dnsd ended by itself (%s %d)", WIFEXITED(status) ? "exit code" : "signal", WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	} else {
		(void)kill(child, SIGTERM);
		while (waitpid(child, &status, 0) == -1 && errno == EINTR)
			;
	}
	child = 0;
}
