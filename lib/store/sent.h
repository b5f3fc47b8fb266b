/*
 * sent: how many recipients accounts wrote to in the last day, and to whom they
 * ever wrote: queue/sent.tdb, for their daily limits. Several processes at once; not
 * synced, for what is lost are counts. A damaged file is made anew.
 *
 * What programs of this machine write is counted apart, in queue/sent-system.tdb: their users
 * can stop them (in a cgroup of their own) with a lock in their hands, and would stop all others too.
 *
 * The day is 24 hours that roll, in steps of five minutes.
 */
#ifndef STORE_SENT_H
#define STORE_SENT_H

#include "../base/str.h"
#include "tdbx.h"

struct sent {
	struct tdbx	db;		/* opened when it is first needed */
	bool		system;		/* of programs of this machine */
};

struct sent_limits {
	uint32_t	per_day;	/* recipients; 0: no limit */
	uint32_t	first_time;	/* recipients never written to before; 0: no limit */
};

enum sent_got {
	SENT_OK,
	SENT_TOO_MANY,
	SENT_TOO_MANY_NEW,
	SENT_ERROR,		/* errno */
};

/* What was counted, to take it back. */
struct sent_count {
	int64_t		at;
	uint32_t	rcpts, first;
};

/*
 * Count a message to n recipients now (seconds since 1970), if that is within
 * the limits; else nothing is counted. What an account has no limit of is not counted.
 */
enum sent_got	sent_add(struct sent *, struct str account, struct sent_limits, const struct str *rcpt, size_t n,
    int64_t now, struct sent_count *count_r) __attribute__((warn_unused_result));

/* The message was not sent after all. */
void		sent_take_back(struct sent *, struct str account, const struct sent_count *);

void		sent_close(struct sent *);

#endif
