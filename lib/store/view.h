/*
 * view: what one session believes a mailbox holds: its sequence numbers. They
 * change only when the session says so, so that EXPUNGE is sent only where
 * IMAP allows it (RFC 3501 7.4.1). Sequence numbers count from 1.
 */
#ifndef STORE_VIEW_H
#define STORE_VIEW_H

#include "message.h"

struct view {
	struct mailbox	*mb;
	struct uidset	 uids;		/* the i-th uid has sequence number i + 1 */
	struct uidset	 recent;	/* \Recent in this session */
	struct uidset	 gone;		/* expunged, not dropped yet; view_sync() tells them */
	uint64_t	 modseq;	/* all up to this is known: HIGHESTMODSEQ */
	uint32_t	 uidvalidity;
	uint32_t	 uidnext;
	uint32_t	 keywords;	/* letters in use */
	bool		 readwrite;
};

/* What view_open() found on the way. */
struct view_start {
	uint32_t	unseen;		/* messages without \Seen */
	uint32_t	first_unseen;	/* sequence number, 0 when there is none */
};

/*
 * mb must stay open and belongs to the view's user. A read-write view takes
 * the \Recent marks. start_r may be NULL.
 */
int	view_open(struct view *, struct mailbox *mb, bool readwrite, struct view_start *start_r) __attribute__((warn_unused_result));
void	view_close(struct view *);

/* EXISTS. */
uint32_t	view_count(const struct view *);

/* The uid at a sequence number, and the other way round; 0 when there is none. */
uint32_t	view_uid(const struct view *, uint32_t seq);
uint32_t	view_seq(const struct view *, uint32_t uid);

/* Add the uids at sequence numbers first..last (clamped) to a set. */
void	view_add_seqs(const struct view *, uint32_t first, uint32_t last, struct uidset *);

/* Add those uids in first..last that the view has to a set. */
void	view_add_uids(const struct view *, uint32_t first, uint32_t last, struct uidset *);

/* What happened since the last sync. Reset by each sync; free at the end. */
struct view_news {
	struct uidset	expunged;	/* still in the view: see view_drop() */
	struct uidset	changed;	/* in the view, with a modseq newer than the last sync */
	struct uidset	added;		/* now at the end of the view */
	bool		keywords;	/* there are new keywords: send FLAGS */
};

#define VIEW_NEWS_INIT	{ .keywords = false }

void	view_news_free(struct view_news *);

/*
 * Look at the mailbox, other programs' changes included. New messages are in
 * the view afterwards; expunged ones stay in it and are told again by each
 * sync until view_drop(). Own changes are told too: their entries carry the modseq
 * that message_flags() gave. Costs next to nothing when nothing happened. ESTALE: deleted.
 */
int	view_sync(struct view *, struct view_news *) __attribute__((warn_unused_result));

/*
 * Take expunged messages out: sequence numbers close up. To write EXPUNGE
 * responses, step through the set downwards with view_seq() before this.
 */
void	view_drop(struct view *, const struct uidset *expunged);

#endif
