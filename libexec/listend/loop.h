/*
 * loop: which descriptors are ready. epoll(7) on Linux, poll(2) elsewhere (and
 * with -DLOOP_POLL); level-triggered both, so that nothing is lost by reading once.
 */
#ifndef LISTEND_LOOP_H
#define LISTEND_LOOP_H

#include <stdbool.h>

enum {
	LOOP_IN		= 1,	/* something to read, or the end */
	LOOP_OUT	= 2,	/* room to write, or an error to find */
};

struct watch {
	int		 fd;	/* -1: none */
	int		 want;	/* set by loop_want() only */
	bool		 shared;	/* another process may have the same socket */
	void		(*ready)(void *of, int got);
	void		*of;
};

#define WATCH_NONE	{ .fd = -1 }

/* 0, or -1 with errno. */
int	loop_open(void) __attribute__((warn_unused_result));

/*
 * From now on tell of these events; 0 for none. An error or hang-up is told as
 * every event asked for. Cheap when nothing changes.
 */
void	loop_want(struct watch *, int events);

/* Stop watching and close; nothing for -1. Safe inside a ready(). */
void	loop_close(struct watch *);

/* Stop watching; the descriptor is the caller's. */
int	loop_take(struct watch *);

/*
 * Wait at most ms (-1: for ever) or for a signal, tell the timers the time,
 * and call ready() of each watch that is. They must live until it returns.
 */
void	loop_wait(int ms);

#endif
