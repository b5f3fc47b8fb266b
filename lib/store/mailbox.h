/*
 * mailbox: the mailboxes of an account, by name (UTF-8, "/" between elements;
 * INBOX in any case is INBOX, and so is the first element of its children.
 * Callers bring names into NFC). Parents are made on the way; every mailbox can
 * be selected. Errors are those of account.h.
 */
#ifndef STORE_MAILBOX_H
#define STORE_MAILBOX_H

#include "../base/arena.h"
#include "account.h"
#include "flags.h"

enum special {
	SPECIAL_NONE,
	SPECIAL_ARCHIVE,
	SPECIAL_DRAFTS,
	SPECIAL_JUNK,
	SPECIAL_SENT,
	SPECIAL_TRASH,
	SPECIAL_COUNT,
};

/* "\Archive" …, "" for none; and from a name in any case, SPECIAL_NONE if unknown. */
struct str	special_name(enum special);
enum special	special_parse(struct str);

/* One mailbox, opened: descriptors of its directories. Stays good when it is renamed. */
struct mailbox;

int	mailbox_open(struct account *, struct str name, struct mailbox **out_r) __attribute__((warn_unused_result));
void	mailbox_close(struct mailbox *);	/* before account_close(); NULL is fine */

struct account	*mailbox_account(const struct mailbox *);

/* Never the same for two mailboxes that the account ever had; also its identity. */
uint32_t	mailbox_uidvalidity(const struct mailbox *);

struct mailbox_status {
	uint32_t	uidvalidity, uidnext;
	uint32_t	exists, unseen, deleted;	/* messages; without \Seen; with \Deleted */
	uint32_t	recent;		/* that no read-write session has seen */
	uint64_t	size;		/* bytes of all */
	uint64_t	deleted_size;	/* bytes of those with \Deleted */
	uint64_t	modseq;		/* HIGHESTMODSEQ */
	enum special	special;
};

/* What there is now, changes by other programs included. */
int	mailbox_status(struct mailbox *, struct mailbox_status *out_r) __attribute__((warn_unused_result));

/*
 * The keywords, by letter: names[i] is bit i, empty when not in use. Copied
 * into the arena. Their number rises and never falls.
 */
int	mailbox_keywords(struct mailbox *, struct arena *, struct str names_r[KEYWORD_MAX]) __attribute__((warn_unused_result));

/*
 * The bit of a keyword (any case; kept in lower case). ENOENT when it has none
 * and create is false; EOVERFLOW when all letters are taken; EINVAL for a name that is no
 * IMAP atom. $Forwarded is a system flag (flag_from_imap() first).
 */
int	mailbox_keyword(struct mailbox *, struct str name, bool create, uint32_t *bit_r) __attribute__((warn_unused_result));

/* In a list: the names live in the arena. */
struct mailbox_info {
	struct str	name;
	uint32_t	uidvalidity;	/* 0: subscribed, but does not exist */
	enum special	special;
	bool		exists, subscribed, children;
};

/* All mailboxes and all subscribed names, sorted by name, INBOX first. */
int	mailbox_list(struct account *, struct arena *, struct mailbox_info **list_r, size_t *n_r) __attribute__((warn_unused_result));

/* EINVAL or ENAMETOOLONG for an impossible name; else the name as kept (INBOX in capitals) in the arena. */
int	mailbox_canon(struct str name, struct arena *, struct str *out_r) __attribute__((warn_unused_result));

/*
 * Make it, subscribed, with missing parents. special is taken away from
 * another mailbox that has it. *made_r (may be NULL): how many elements of the
 * name were made, counted from its end (1: only itself).
 */
int	mailbox_create(struct account *, struct str name, enum special, unsigned *made_r) __attribute__((warn_unused_result));

/* Its messages are gone; its subscription stays. */
int	mailbox_delete(struct account *, struct str name) __attribute__((warn_unused_result));

/*
 * With its children; uids and UIDVALIDITY stay, subscriptions stay with the
 * old names. Missing parents of the new name are made. INBOX: its messages
 * move to a new mailbox; INBOX and its children stay. EEXIST when the new name is taken.
 */
int	mailbox_rename(struct account *, struct str from, struct str to) __attribute__((warn_unused_result));

/* The name need not exist. No change when it is so already. */
int	mailbox_subscribe(struct account *, struct str name, bool on) __attribute__((warn_unused_result));

#endif
