/*
 * limiter: how often an address may fail to log in, for all workers and all
 * protocols. It lives in the process that looks after the workers; each worker asks it
 * over a socket of its own with a record "limit" version 1: cmd=allows|failed|proved, rip.
 * The answer to allows is "limit" with yes=1 or without. A restart forgets everything.
 */
#ifndef AUTHD_LIMITER_H
#define AUTHD_LIMITER_H

#include "base/iplimit.h"

struct limiter {
	struct iplimit	minute, day;
};

/* May fail so often from one address; three and nine times that from its networks. False: no randomness. */
bool	limiter_init(struct limiter *, uint32_t per_minute, uint32_t per_day) __attribute__((warn_unused_result));
void	limiter_free(struct limiter *);
void	limiter_set(struct limiter *, uint32_t per_minute, uint32_t per_day);

/* Answer what waits on sock. -1 when the worker is gone. */
int	limiter_serve(struct limiter *, int sock, int64_t now) __attribute__((warn_unused_result));

/* For the workers. What is no address may; so may all when nobody answers. */
bool	limiter_allows(int sock, struct str rip);
void	limiter_failed(int sock, struct str rip);

/* It proved itself: its own failures are taken back, those of its neighbours stay. */
void	limiter_proved(int sock, struct str rip);

#endif
