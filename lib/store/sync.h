/*
 * sync: seeing what other programs did to a maildir. For lib/store only.
 */
#ifndef STORE_SYNC_H
#define STORE_SYNC_H

#include "index.h"

/*
 * Before every access: the index knows what is in the directories. Gives the
 * mailbox's record. ESTALE when there is no such mailbox any more.
 */
int	mailbox_refresh(struct mailbox *, struct mailbox_rec *rec_r) __attribute__((warn_unused_result));

/* Compare both directories with the index, whatever their times say. */
int	mailbox_rescan(struct mailbox *) __attribute__((warn_unused_result));

/* The time a directory has now: for sync_note(). */
struct dirtime	sync_time(int dir);

/*
 * Within a transaction that changed cur/ itself: when it was as noted before
 * the changes (before), it is as noted after them.
 */
void	sync_note(struct mailbox *, struct mailbox_rec *, struct dirtime before);

#endif
