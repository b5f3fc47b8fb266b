/*
 * listen: sockets that the supervisor (or systemd) bound and passed on:
 * LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES (sd_listen_fds(3)), and readiness by NOTIFY_SOCKET.
 */
#ifndef SYS_LISTEN_H
#define SYS_LISTEN_H

#include <stddef.h>

/*
 * The next passed descriptor whose name is exactly name, or starts with it
 * when prefix is true; *at begins at 0. Returns it, close-on-exec set, with
 * its whole name in *name_r (may be NULL; lives as long as the environment); -1 when there is none left.
 */
int	listen_next(const char *name, int prefix, size_t *at, const char **name_r);

/* The one descriptor of that name, or -1. */
int	listen_fd(const char *name);

/* Tell the supervisor READY=1, or another state ("STOPPING=1"). Without a supervisor: nothing. */
void	notify_ready(void);
void	notify_state(const char *state);

#endif
