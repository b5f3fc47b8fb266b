/*
 * attempts: auth/attempts.tdb, who tried to log in. Equal attempts are one
 * record "attempt" version 1 under a hash of what makes them equal: account
 * ("-" when there is none), login, rip, lip, tls, fingerprint, agent, protocol,
 * mechanism, result; and count, first, last (seconds since 1970). Kept for 30 days.
 * An account with too many different failures gets one record for the rest ("…" as login).
 */
#ifndef AUTHD_ATTEMPTS_H
#define AUTHD_ATTEMPTS_H

#include "authdb.h"

enum { ATTEMPTS_RECORD = 4096 };

/* Where values come from strangers they are cut to 200 bytes. Empty ones are left out. */
struct attempt {
	struct str	account, login, rip, lip, tls, fingerprint, agent, protocol, mechanism, result;
	uint64_t	count;
	int64_t		first, last;
};

struct tdb_context	*attempts_open(bool create) __attribute__((warn_unused_result));

/* Count it, at a->last. Lost when the database cannot be written: -1. */
int	attempts_note(struct tdb_context *, const struct attempt *a);

/* A stored value, borrowed from it; false when it is none. */
bool	attempts_decode(struct str rec, struct attempt *out_r) __attribute__((warn_unused_result));

/* Forget what was last seen before then, and count anew. */
void	attempts_clean(struct tdb_context *, int64_t before);

#endif
