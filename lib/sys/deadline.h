/*
 * deadline: a point in monotonic time by which something must be over. Time
 * spent in several steps is not counted anew in each.
 */
#ifndef SYS_DEADLINE_H
#define SYS_DEADLINE_H

#include <stdbool.h>
#include <stdint.h>

struct deadline {
	int64_t	at;		/* milliseconds of CLOCK_MONOTONIC; INT64_MAX never */
};

#define DEADLINE_NEVER	((struct deadline){ INT64_MAX })

int64_t		clock_ms(void);		/* monotonic milliseconds */
int64_t		clock_now(void);	/* seconds since 1970, UTC */
int64_t		clock_now_us(void);	/* microseconds since 1970, UTC */

struct deadline	deadline_in(int64_t ms);
struct deadline	deadline_sooner(struct deadline, struct deadline);
bool		deadline_over(struct deadline);

/* What poll(2) wants: milliseconds left, 0 when over, -1 for never. */
int		deadline_poll(struct deadline);

/*
 * Wait until fd is ready for events (POLLIN, POLLOUT). 1 ready, 0 when the
 * deadline passed (errno ETIMEDOUT), -1 with errno; EINTR is returned, so
 * that a signal flag can be looked at.
 */
int		deadline_wait(int fd, short events, struct deadline);

#endif
