/*
 * account: one account's mail, opened. See posthorn-store(5) for what lies in
 * its directory. Functions of the store return 0, or -1 with errno:
 *
 *	ENOENT		no such account, mailbox or message
 *	EEXIST		the name is taken
 *	EINVAL		not a possible name
 *	ENAMETOOLONG	a name too long for a path
 *	ENOTEMPTY	the mailbox has children
 *	EPERM		INBOX cannot be deleted
 *	EDQUOT		over quota; nothing was stored
 *	EOVERFLOW	the mailbox has 26 keywords, or its uids are used up
 *	ESTALE		the mailbox was deleted behind an open handle
 *	ETIMEDOUT	another process held the index for too long
 *	ENOSPC, EIO, …	of the system call that failed
 *
 * After any of them the account is consistent, and the handle usable.
 * Damage to index.tdb is mended inside these calls: it is rebuilt from the files.
 */
#ifndef STORE_ACCOUNT_H
#define STORE_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "../base/str.h"

struct account;

/* False for what may not be an account's directory: empty, "/", a leading dot, controls, over 128 bytes. */
bool	account_name_ok(struct str name);

/*
 * Make the directory path (its parent is there) with the usual mailboxes, all
 * subscribed: INBOX, Archive, Drafts, Junk, Sent, Trash. EEXIST when it is a
 * complete account already; what a crash left half made is completed.
 */
int	account_create(const char *path) __attribute__((warn_unused_result));

/*
 * Open the account at path, relative to the working directory
 * ("accounts/NAME", or "." for a session confined to it). The working
 * directory must stay while it is open. One process opens an account once
 * (tdb locks are the process's). After fork, the child must not use it.
 */
int	account_open(const char *path, struct account **out_r) __attribute__((warn_unused_result));
void	account_close(struct account *);

/* Bytes of messages allowed; 0 is no limit (the start). Checked by publish and copies. */
void	account_set_quota(struct account *, uint64_t bytes);

/* What is used: bytes and messages; either may be NULL. */
int	account_usage(struct account *, uint64_t *bytes_r, uint64_t *count_r) __attribute__((warn_unused_result));

/* The quota set above. */
uint64_t	account_quota(const struct account *);

#endif
