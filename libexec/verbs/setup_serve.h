/* setup_serve: a supervisor of our own, until it says that all its services are ready, and to its end. */
#ifndef VERBS_SETUP_SERVE_H
#define VERBS_SETUP_SERVE_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#include "sys/deadline.h"

struct setup_serve {
	pid_t		 pid;
	int		 sock;
	const char	*path;		/* where it says that it is ready, below the working directory */
};

/*
 * Start supervised(8) in the working directory, in a process group of its own.
 * etc: where its table is, NULL for the usual place; quiet: it logs nothing.
 * Ends the program when that cannot be.
 */
void	setup_serve_start(struct setup_serve *, const char *path, const char *etc, bool quiet);

enum setup_serve_got {
	SETUP_SERVE_READY,
	SETUP_SERVE_ENDED,	/* by itself: *status_r as of waitpid(2) */
	SETUP_SERVE_LATE,	/* not ready in time */
	SETUP_SERVE_STOP,	/* *stop became true */
};

/* Wait until it is ready. Unless that or STOP comes back it is ended when this returns. */
enum setup_serve_got	setup_serve_wait(struct setup_serve *, struct deadline, const volatile sig_atomic_t *stop, int *status_r);

/* End it and wait for that; its status. */
int	setup_serve_end(struct setup_serve *);

#endif
