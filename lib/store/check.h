/*
 * check: does the index agree with itself and with the files? Behind
 * posthorn-verify(8), after a power cut, and at the end of tests. Nothing is
 * changed; other processes' changes wait meanwhile.
 */
#ifndef STORE_CHECK_H
#define STORE_CHECK_H

#include "account.h"

/* Told once for each disagreement: where (a mailbox or a file), and what. */
typedef void	check_tell(void *arg, const char *where, const char *what);

/*
 * Check the account at path, which need not open. *problems_r counts what was
 * told. -1 with errno when it could not be looked at (ENOENT: no such account).
 */
int	account_check(const char *path, check_tell *, void *arg, uint64_t *problems_r) __attribute__((warn_unused_result));

/*
 * Make index and files agree: pick up, rename, forget, and when that is not
 * enough build the index anew. Files of messages are never removed; what old
 * deliveries left in tmp/ is, after the 36 hours of maildir.
 */
int	account_fix(const char *path) __attribute__((warn_unused_result));

/* Build the index anew. */
int	account_reindex(const char *path) __attribute__((warn_unused_result));

#endif
