#include "listen.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../base/num.h"
#include "fd.h"

enum { LISTEN_FIRST = 3 };	/* SD_LISTEN_FDS_START */

static size_t
listen_count(void)
{
	uint64_t	pid, n;

	if (!num_u64(str_c(getenv("LISTEN_PID")), INT32_MAX, &pid) || (pid_t)pid != getpid())
		return 0;
	return num_u64(str_c(getenv("LISTEN_FDS")), 1024, &n) ? (size_t)n : 0;
}

/* The names joined by ':' that the environment holds, cut once, in place. */
static const char *
listen_name(size_t want)
{
	static char	names[16384];
	static int	cut;
	const char	*p = names;

	if (!cut) {
		if (!str_copy(str_c(getenv("LISTEN_FDNAMES")), names, sizeof(names) - 1))
			return "";
		for (char *c = names; *c != '\0'; c++)
			if (*c == ':')
				*c = '\0';
		cut = 1;
	}
	while (want-- > 0 && p < names + sizeof(names) - 1)
		p += strlen(p) + 1;
	return p < names + sizeof(names) ? p : "";
}

int
listen_next(const char *name, int prefix, size_t *at, const char **name_r)
{
	size_t	n = listen_count();

	while (*at < n) {
		size_t		 i = (*at)++;
		const char	*got = listen_name(i);
		int		 fd = LISTEN_FIRST + (int)i;

		if (prefix ? strncmp(got, name, strlen(name)) != 0 : strcmp(got, name) != 0)
			continue;
		(void)fd_cloexec(fd, true);
		if (name_r != NULL)
			*name_r = got;
		return fd;
	}
	return -1;
}

int
listen_fd(const char *name)
{
	size_t	at = 0;

	return listen_next(name, 0, &at, NULL);
}

void
notify_state(const char *state)
{
	struct sockaddr_un	 un = { .sun_family = AF_UNIX };
	const char		*path = getenv("NOTIFY_SOCKET");
	int			 sock;

	if (path == NULL || !str_copy(str_c(path), un.sun_path, sizeof(un.sun_path)))
		return;
	if (un.sun_path[0] == '@')
		un.sun_path[0] = '\0';
	sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (sock == -1)
		return;
	(void)sendto(sock, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&un, sizeof(un));
	(void)fd_close(&sock);
}

void
notify_ready(void)
{
	notify_state("READY=1");
}
