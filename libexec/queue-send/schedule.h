/*
 * schedule: when a recipient is tried again; pure, so that years pass in a test.
 *
 * The n-th attempt is followed by the next one after base * 2^(n-1) seconds, a
 * little more or less, counted from its start: with 450 s attempts begin 0,
 * 7.5 m, 22.5 m, 52.5 m, 1 h 52 m, 3 h 52 m, 7 h 52 m and 15 h 52 m after the first.
 */
#ifndef QUEUE_SEND_SCHEDULE_H
#define QUEUE_SEND_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

enum {
	SCHEDULE_BASE		= 450,	/* seconds from the first attempt to the second */
	SCHEDULE_ATTEMPTS	= 8,	/* a failure of this one, or a later one, is for good */
	SCHEDULE_DELAYED	= 5,	/* after the failure of this one the sender is told that it takes time */
};

/* Seconds from the start of an attempt to the next one; before: attempts made before it. */
int64_t	schedule_backoff(int64_t base, unsigned before, uint32_t random);

/* Seconds from the start of the next attempt to the start of the last, after so many attempts. */
int64_t	schedule_rest(int64_t base, unsigned attempts);

/*
 * A time to come is kept with how far off it was when it was set, because the
 * wall clock may be set. When it is further off now than it was then, the clock was
 * set back in between, and what it was then counts from now on. (When the clock was set
 * forward it comes early, which the next attempt's own time makes good.)
 */
struct due {
	int64_t		at;	/* seconds since 1970 */
	uint32_t	wait;	/* seconds that it was off at most */
};

/*
 * The time `next` that was set at `set`, by somebody who may have had another
 * clock; wait never exceeds most.
 */
struct due	schedule_due(int64_t now, int64_t set, int64_t next, int64_t most);

/* Bring in one that the clock has left behind; true when it changed. */
bool		schedule_mend(struct due *, int64_t now);

/* What schedule_backoff() can be at most, with some room. */
int64_t		schedule_most(int64_t base, unsigned attempts);

#endif
