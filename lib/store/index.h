/*
 * index: typed access to index.tdb, and transactions on it. A tx is one
 * transaction on an account; a box in it is one mailbox, whose pages, maps and
 * log are read and written through a cursor that holds one of each. Uids are best visited in ascending order.
 */
#ifndef STORE_INDEX_H
#define STORE_INDEX_H

#include "internal.h"
#include "map.h"
#include "page.h"
#include "record.h"
#include "uidset.h"

/* 1 found, 0 not there (and *out_r empty), -1. Outside of a transaction or in it. */
int	index_account(struct tdbx *, struct account_rec *out_r) __attribute__((warn_unused_result));
int	index_mailbox(struct tdbx *, uint32_t id, struct mailbox_rec *out_r) __attribute__((warn_unused_result));
int	index_page(struct tdbx *, uint32_t id, uint32_t no, struct page *out_r) __attribute__((warn_unused_result));
int	index_map(struct tdbx *, uint32_t id, uint32_t no, struct map *out_r) __attribute__((warn_unused_result));
int	index_log(struct tdbx *, uint32_t id, uint64_t no, struct log_chunk *out_r) __attribute__((warn_unused_result));

/* The same for one that should be there: 0, or -1 with ESTALE when it is not. */
int	index_the_mailbox(struct tdbx *, uint32_t id, struct mailbox_rec *out_r) __attribute__((warn_unused_result));

/* The ids of all mailboxes; free(*ids_r). */
int	index_list(struct tdbx *, uint32_t **ids_r, size_t *n_r) __attribute__((warn_unused_result));

int	index_put_account(struct tdbx *, const struct account_rec *) __attribute__((warn_unused_result));
int	index_put_mailbox(struct tdbx *, const struct mailbox_rec *) __attribute__((warn_unused_result));
int	index_put_list(struct tdbx *, const uint32_t *ids, size_t n) __attribute__((warn_unused_result));

struct tx {
	struct account		*acc;
	struct account_rec	 a;
	uint64_t		 modseq;	/* of this transaction; 0 until taken */
};

int		tx_begin(struct account *, struct tx *) __attribute__((warn_unused_result));
int		tx_commit(struct tx *) __attribute__((warn_unused_result));	/* cancelled on failure */
void		tx_cancel(struct tx *);	/* keeps errno */
uint64_t	tx_modseq(struct tx *);

/* Add a mailbox to the list and put its record; take it away with all that is its. */
int	tx_add_mailbox(struct tx *, const struct mailbox_rec *) __attribute__((warn_unused_result));
int	tx_del_mailbox(struct tx *, const struct mailbox_rec *) __attribute__((warn_unused_result));

struct box {
	struct tx		*tx;
	struct mailbox_rec	 rec;
	uint32_t		 page_no, map_no;
	uint64_t		 log_no;
	bool			 has_page, has_map, has_log;
	bool			 page_dirty, map_dirty, log_dirty;
	struct page		 page;
	struct map		 map;
	struct log_chunk	 log;
};

/* ESTALE when there is no such mailbox. */
int	box_load(struct box *, struct tx *, uint32_t id) __attribute__((warn_unused_result));

/* 1, 0 when the uid is not there, -1. */
int	box_get(struct box *, uint32_t uid, struct entry *out_r) __attribute__((warn_unused_result));

/* The smallest uid that is there and >= from; 0 when there is none; -1. */
int	box_next(struct box *, uint32_t from, uint32_t *uid_r) __attribute__((warn_unused_result));

/* 1 with the smallest uid > *uid that is there and in the set, 0 at the end, -1. Start with 0. */
int	box_next_of(struct box *, const struct uidset *, uint32_t *uid) __attribute__((warn_unused_result));

/* A new message (uid set by the caller; uidnext is raised over it). Its modseq becomes the tx's. */
int	box_add(struct box *, struct entry *) __attribute__((warn_unused_result));

/* New flags for an entry as box_get() gave it. */
int	box_update(struct box *, struct entry *, struct flags) __attribute__((warn_unused_result));

/* Gone, and into the log. */
int	box_remove(struct box *, const struct entry *) __attribute__((warn_unused_result));

/* Write all that the cursor holds, and the record. Before tx_commit(). */
int	box_flush(struct box *) __attribute__((warn_unused_result));

#endif
