/*
 * message: reading and changing messages of an open mailbox, by sets of uids.
 * Uids of a set that are not there are passed over. Every change is one
 * transaction with one new modseq of the account; no change takes none.
 * Errors are those of account.h.
 */
#ifndef STORE_MESSAGE_H
#define STORE_MESSAGE_H

#include "entry.h"
#include "mailbox.h"
#include "map.h"
#include "page.h"
#include "uidset.h"

/*
 * The entries of a set in ascending order of uid, page by page; nothing is
 * allocated for a message. The set must stay. 1 with an entry, 0 at the end, -1.
 *
 *	struct entries	it;
 *
 *	entries_start(&it, mb, &set);
 *	while ((n = entries_next(&it, &e)) == 1)
 */
struct entries {
	struct mailbox		*mb;
	const struct uidset	*set;
	size_t			 run;
	uint64_t		 at;		/* next uid to look at */
	uint32_t		 uidnext;
	uint64_t		 page_no, map_no;	/* of what is held, or UINT64_MAX */
	struct page		 page;
	struct map		 map;
};

void	entries_start(struct entries *, struct mailbox *, const struct uidset *);
int	entries_next(struct entries *, struct entry *out_r) __attribute__((warn_unused_result));

/* One of them. ENOENT when it is not there. */
int	message_get(struct mailbox *, uint32_t uid, struct entry *out_r) __attribute__((warn_unused_result));

/* Its file, read only; the size is in the entry. A descriptor, or -1 with ENOENT when it is gone. */
int	message_open(struct mailbox *, const struct entry *) __attribute__((warn_unused_result));

enum flag_mode {
	FLAGS_ADD,
	FLAGS_REMOVE,
	FLAGS_REPLACE,
};

struct flag_change {
	enum flag_mode	mode;
	struct flags	flags;
	uint64_t	unchangedsince;	/* UINT64_MAX: whatever their modseq is */
};

/* Free with flag_result_free(). */
struct flag_result {
	struct uidset	changed;	/* got new flags, and modseq */
	struct uidset	modified;	/* left alone: modseq above unchangedsince (MODIFIED) */
	uint64_t	modseq;		/* of those changed; 0 when there are none */
};

int	message_flags(struct mailbox *, const struct uidset *, const struct flag_change *, struct flag_result *out_r) __attribute__((warn_unused_result));
void	flag_result_free(struct flag_result *);

/*
 * Remove those of the set, or of these those with \Deleted. gone_r (may be
 * NULL) gets their uids added.
 */
int	message_expunge(struct mailbox *, const struct uidset *, bool only_deleted, struct uidset *gone_r) __attribute__((warn_unused_result));

/* The i-th uid of src became the i-th of dst. Free with copied_free(). */
struct copied {
	uint32_t	uidvalidity;	/* of the target */
	struct uidset	src, dst;
};

/*
 * Flags and dates come along, keywords by name (EOVERFLOW when the target has
 * no letters left for them). Durable when it returns. EINVAL for the mailbox itself. All or nothing.
 */
int	message_copy(struct mailbox *, const struct uidset *, struct mailbox *to, struct copied *out_r) __attribute__((warn_unused_result));
int	message_move(struct mailbox *, const struct uidset *, struct mailbox *to, struct copied *out_r) __attribute__((warn_unused_result));
void	copied_free(struct copied *);

/*
 * Uids expunged since a modseq, added to gone_r. *complete_r is false when the
 * log does not reach back that far: then gone_r has every uid below uidnext that is not there.
 */
int	message_vanished(struct mailbox *, uint64_t since, struct uidset *gone_r, bool *complete_r) __attribute__((warn_unused_result));

#endif
