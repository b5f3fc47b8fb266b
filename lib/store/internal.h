/* internal: what account and mailbox handles are inside. For lib/store only. */
#ifndef STORE_INTERNAL_H
#define STORE_INTERNAL_H

#include "account.h"
#include "mailbox.h"
#include "tdbx.h"

struct account {
	char		*path;		/* of the account's directory */
	char		*index;		/* path of index.tdb */
	int		 dir;		/* the directory; also what flock(2) is taken on */
	int		 mail;		/* mail/ */
	int		 changed;	/* touched after each commit */
	unsigned	 locks;		/* depth of account_lock() */
	bool		 mending;	/* in account_load(): no second one inside */
	uint64_t	 quota;
	struct tdbx	 db;
};

struct mailbox {
	struct account	*acc;
	uint32_t	 id;		/* its uidvalidity: never used twice in an account */
	int		 dir, tmp, new, cur;
	uint32_t	 uidmax;	/* as written to posthorn.mailbox by this process */
	uint32_t	 reserve, reserve_from;	/* uids that a transaction missed */
	bool		 rescan;	/* a file was not where the index said */
	bool		 restart;	/* the index may be older than what was announced: skip to uidmax */
};

/* The directory opened, the index not. */
int	account_handle(const char *path, struct account **out_r) __attribute__((warn_unused_result));

/* The records of the index agree with each other: nothing was torn. */
bool	index_agrees(struct account *);

/*
 * The account's lock: around what changes mailboxes as such or replaces files,
 * and may sync. Never waited for inside a transaction. Nests.
 */
int	account_lock(struct account *) __attribute__((warn_unused_result));
void	account_unlock(struct account *);	/* keeps errno */

/* Open the index again, or build it, when the one that is open is not index.tdb any more. */
int	account_fresh(struct account *) __attribute__((warn_unused_result));

/* After -1 from an operation: true when it was mended and is worth another try; counts in *tries. */
bool	account_retry(struct account *, struct mailbox *, unsigned *tries);

/* Build index.tdb anew from the files. */
int	account_rebuild(struct account *) __attribute__((warn_unused_result));

/* Tell those who wait that something was committed. */
void	account_touch(struct account *);

/* The boot id of the machine, always BOOT_ID_SIZE bytes; false, and dashes, when it cannot be read. */
bool	boot_id(char *out);

/* Open a maildir below mail/ whose id is known (0: read it from its file). ENOENT when it is none. */
int	mailbox_open_at(struct account *, int dir, uint32_t id, struct mailbox **out_r) __attribute__((warn_unused_result));

/* Raise uidmax so that n more uids from uidnext on are reserved on disk. */
int	mailbox_reserve(struct mailbox *, uint32_t uidnext, uint32_t n) __attribute__((warn_unused_result));

#endif
