/*
 * timer: patience. Each kind of wait lasts equally long for everybody, so that
 * a queue a kind, in order of entry, is all that is needed.
 */
#ifndef LISTEND_TIMER_H
#define LISTEND_TIMER_H

#include <stdint.h>

enum timer_kind {
	TIMER_NONE,
	TIMER_PROXY,		/* for the PROXY header */
	TIMER_HANDSHAKE,	/* for the whole TLS handshake */
	TIMER_REFUSED,		/* the same for one that will be refused after it */
	TIMER_RETRY,		/* before a service's door is tried again */
	TIMER_SPAWN,		/* for the session to be there */
	TIMER_IDLE,		/* nothing moves, in either direction */
	TIMER_STALL,		/* a side does not take what there is for it */
	TIMER_LINGER,		/* for the peer to close after us */
	TIMER_KINDS
};

struct timer {
	struct timer	*next, *prev;
	enum timer_kind	 kind;
	int64_t		 since;		/* milliseconds, monotonic */
	int64_t		 queued;	/* the same, when it took its place */
	void		(*over)(void *of);
	void		*of;
};

/* The time of this turn of the loop, and how long a kind lasts. */
void	timers_turn(int64_t now);
int64_t	timers_now(void);
void	timers_lasts(enum timer_kind, int64_t ms);
int64_t	timer_ms(enum timer_kind);

/* Start (anew), or stop with TIMER_NONE. Starting the one that runs costs little. */
void	timer_set(struct timer *, enum timer_kind);

/* Call over() of all that are. Each is stopped before. */
void	timers_run(void);

/* Milliseconds until one is over, at most max. */
int	timers_next(int max);

#endif
