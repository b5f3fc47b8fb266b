#include "setup_serve.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/str.h"
#include "setup.h"
#include "sys/die.h"
#include "sys/fd.h"
#include "sys/home.h"

static int
ready_socket(const char *path)
{
	struct sockaddr_un	un = { .sun_family = AF_UNIX };
	int			sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (!str_copy(str_c(path), un.sun_path, sizeof(un.sun_path)))
		diex(EXIT_TEMP, "the path %s is too long", path);
	(void)unlink(path);
	if (sock == -1 || bind(sock, (struct sockaddr *)&un, sizeof(un)) == -1)
		die(EXIT_TEMP, "unable to listen on %s", path);
	return sock;
}

static noreturn void
become(const char *program, const char *notify, const char *etc, bool quiet)
{
	char	*args[] = { (char *)(uintptr_t)program, NULL };
	int	null = quiet ? open("/dev/null", O_RDWR | O_CLOEXEC) : -1;

	if (setenv("NOTIFY_SOCKET", notify, 1) == -1 || (etc != NULL && setenv("POSTHORN_ETC", etc, 1) == -1))
		_exit(EXIT_TEMP);
	if (null != -1 && (dup2(null, STDOUT_FILENO) == -1 || dup2(null, STDERR_FILENO) == -1))
		_exit(EXIT_TEMP);
	/* Ctrl-C is for us; we tell it */
	(void)setpgid(0, 0);
	(void)execv(program, args);
	warn("unable to run %s", program);
	_exit(EXIT_TEMP);
}

void
setup_serve_start(struct setup_serve *s, const char *path, const char *etc, bool quiet)
{
	char	program[PATH_MAX];

	if (home_program("supervised", program, sizeof(program)) == -1)
		die(EXIT_TEMP, "unable to run supervised");
	s->path = path;
	s->sock = ready_socket(path);
	s->pid = setup_child();
	if (s->pid == 0)
		become(program, path, etc, quiet);
}

static bool
is_ready(int sock)
{
	char	text[256];
	ssize_t	n = recv(sock, text, sizeof(text), MSG_DONTWAIT);

	return n > 0 && str_eq(str_n(text, (size_t)n), STR("READY=1"));
}

static void
forget_socket(struct setup_serve *s)
{
	(void)fd_close(&s->sock);
	(void)unlink(s->path);
}

enum setup_serve_got
setup_serve_wait(struct setup_serve *s, struct deadline by, const volatile sig_atomic_t *stop, int *status_r)
{
	enum setup_serve_got	got = SETUP_SERVE_READY;

	while (got == SETUP_SERVE_READY && !is_ready(s->sock)) {
		if (*stop)
			got = SETUP_SERVE_STOP;
		else if (waitpid(s->pid, status_r, WNOHANG) == s->pid)
			got = SETUP_SERVE_ENDED;
		else if (deadline_over(by)) {
			got = SETUP_SERVE_LATE;
			*status_r = setup_serve_end(s);
		} else	/* an early end makes no packet, so look now and then */
			(void)deadline_wait(s->sock, POLLIN, deadline_in(100));
	}
	forget_socket(s);
	return got;
}

int
setup_serve_end(struct setup_serve *s)
{
	int	status = 0;

	(void)kill(s->pid, SIGTERM);
	while (waitpid(s->pid, &status, 0) == -1 && errno == EINTR)
		;
	return status;
}
