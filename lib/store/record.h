/*
 * record: the index's records of the account and of a mailbox, and a chunk of
 * a mailbox's expunge log: one encoder and one decoder each. A decoder says
 * false for what it did not write.
 */
#ifndef STORE_RECORD_H
#define STORE_RECORD_H

#include "mailboxfile.h"

enum {
	INDEX_VERSION	= 1,
	BOOT_ID_SIZE	= 36,		/* as the kernel writes it */

	ACCOUNT_REC_SIZE = 96,
	MAILBOX_REC_SIZE = 160 + LIMIT_MAILBOX_NAME + KEYWORD_MAX * (LIMIT_KEYWORD + 1) + 8,

	LOG_ENTRIES	= 256,		/* of a chunk */
	LOG_SIZE	= LOG_ENTRIES * 12 + 8,
	LOG_KEEP	= 65536,	/* expunges remembered of a mailbox */
};

struct account_rec {
	uint32_t	version;
	uint64_t	modseq;		/* the last one given */
	uint64_t	bytes, count;	/* of all messages */
	uint64_t	epoch;		/* of the owner; 0 until there are several machines */
	uint64_t	tree;		/* sum over the directories' times: see tree.c */
	char		boot[BOOT_ID_SIZE];
};

/* A directory's mtime as last seen, and when it was looked at. Nanoseconds. */
struct dirtime {
	int64_t	mtime;		/* 0: look again */
	int64_t	noted;
};

struct mailbox_rec {
	uint32_t	uidvalidity;	/* and key */
	uint32_t	uidnext, uidmax;
	uint32_t	exists, unseen, deleted;
	uint32_t	recent;		/* the first uid that is \Recent */
	enum special	special;
	uint64_t	size, deleted_size;
	uint64_t	modseq;		/* highest */
	uint64_t	log_first, log_next;	/* numbers of logged expunges: [first, next) are there */
	uint64_t	log_floor;	/* the log has all that happened above this modseq */
	struct dirtime	new, cur;
	int64_t		foreign;	/* when another program's change was last seen, seconds */
	char		name[LIMIT_MAILBOX_NAME + 1];
	struct keyword	keywords[KEYWORD_MAX];
};

struct log_chunk {
	struct {
		uint64_t	modseq;
		uint32_t	uid;
	} e[LOG_ENTRIES];
};

void	account_rec_encode(const struct account_rec *, uint8_t out[ACCOUNT_REC_SIZE]);
bool	account_rec_decode(const uint8_t *in, size_t n, struct account_rec *out_r) __attribute__((warn_unused_result));

/* Returns the length. */
size_t	mailbox_rec_encode(const struct mailbox_rec *, uint8_t out[MAILBOX_REC_SIZE]);
bool	mailbox_rec_decode(const uint8_t *in, size_t n, struct mailbox_rec *out_r) __attribute__((warn_unused_result));

void	log_chunk_encode(const struct log_chunk *, uint8_t out[LOG_SIZE]);
bool	log_chunk_decode(const uint8_t *in, size_t n, struct log_chunk *out_r) __attribute__((warn_unused_result));

/* The letters in use, as bits. */
uint32_t	keyword_mask(const struct keyword[KEYWORD_MAX]);

#endif
