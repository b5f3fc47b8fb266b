/*
 * limiter: how often an address may fail to log in, shared by all workers and
 * all protocols. In memory that the workers share; a restart forgets it.
 */
#ifndef AUTHD_LIMITER_H
#define AUTHD_LIMITER_H

#include <stdint.h>

#include "base/str.h"

struct limiter;

/* Before the fork. NULL with errno. */
struct limiter	*limiter_new(void) __attribute__((warn_unused_result));

/* May this address try again? One that is no address may. */
bool	limiter_allows(struct limiter *, struct str rip, int64_t now);
void	limiter_failed(struct limiter *, struct str rip, int64_t now);

/* It proved itself: its own failures are taken back, those of its neighbours stay. */
void	limiter_proved(struct limiter *, struct str rip);

#endif
