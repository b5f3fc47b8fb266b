/*
 * tree: the directories below mail/ and the index's list of mailboxes, and
 * what makes the two agree. For lib/store only.
 */
#ifndef STORE_TREE_H
#define STORE_TREE_H

#include "index.h"

/* A directory by mailbox name, element by element, no symbolic links. ENOENT. */
int	tree_open(struct account *, struct str name) __attribute__((warn_unused_result));

/* The directory that holds a mailbox's, and what it is called there. */
int	tree_parent(struct account *, struct str name, char elem[LIMIT_MAILBOX_ELEMENT + 1]) __attribute__((warn_unused_result));

/*
 * A maildir at that name (its parent is there; what is half made is completed)
 * with its text file, durable. Its directory is opened.
 */
int	tree_make(int mail, struct str name, const struct mailboxfile *, int *dir_r) __attribute__((warn_unused_result));

/* A uidvalidity that the account never had. Under the account's lock. */
int	tree_uidvalidity(struct account *, uint32_t *out_r) __attribute__((warn_unused_result));

/* One that no mailbox has, above all of them, for an account without its file. */
int	tree_unused(struct account *, uint32_t *out_r) __attribute__((warn_unused_result));

/*
 * Put a maildir that the index does not know into it, with its messages.
 * Under the account's lock.
 */
int	tree_register(struct mailbox *, struct str name, const struct mailboxfile *) __attribute__((warn_unused_result));

/* Call for every maildir below mail/, parents behind children; its id is 0 when it has none. Stops at -1. */
int	tree_each(struct account *, int (*call)(void *arg, struct str name, uint32_t id), void *arg) __attribute__((warn_unused_result));

/*
 * Compare all directories with the list: add, rename and drop in the index.
 * *settled_r (may be NULL): there is no directory that is not a mailbox, but may be on its way to be one.
 */
int	tree_scan(struct account *, bool *settled_r) __attribute__((warn_unused_result));

/* The same, when the times of the directories tell that another program made or removed one. */
int	tree_refresh(struct account *) __attribute__((warn_unused_result));

/* Take a deleted mailbox's directory away, as far as it is a maildir of ours. */
void	tree_remove(struct account *, const char *dirname);

/* Finish or undo what a crash interrupted: directories that were being deleted or moved. */
int	tree_tidy(struct account *) __attribute__((warn_unused_result));

/* After the machine stopped: look over every mailbox, and never announce a uid or modseq twice. */
int	account_mend(struct account *) __attribute__((warn_unused_result));

#endif
