/*
 * entry: what the index knows of one message. 64 bytes on disk, little endian,
 * with a checksum; this is their one encoder and one decoder.
 */
#ifndef STORE_ENTRY_H
#define STORE_ENTRY_H

#include "flags.h"

enum {
	ENTRY_SIZE	= 64,
	ENTRY_ID_SIZE	= 10,	/* bytes of identity */
	ENTRY_ID_TEXT	= 16,	/* the same in base32, lower case, no padding */
};

struct entry {
	uint32_t	uid;
	struct flags	flags;
	uint64_t	modseq;
	uint64_t	size;		/* bytes of the file */
	int64_t		date;		/* internal date, seconds since 1970 UTC */
	int64_t		saved;		/* when it came into this mailbox */
	uint8_t		id[ENTRY_ID_SIZE];	/* EMAILID; unique for ever */
};

void	entry_encode(const struct entry *, uint8_t out[ENTRY_SIZE]);

/* An empty slot (all zero) is uid 0 and good. False: damaged. */
bool	entry_decode(const uint8_t in[ENTRY_SIZE], struct entry *out_r) __attribute__((warn_unused_result));

/* The id as 16 characters and a NUL, and back (false: not 16 characters of our base32). */
void	entry_id_text(const uint8_t id[ENTRY_ID_SIZE], char out[ENTRY_ID_TEXT + 1]);
bool	entry_id_parse(struct str, uint8_t id_r[ENTRY_ID_SIZE]) __attribute__((warn_unused_result));

#endif
