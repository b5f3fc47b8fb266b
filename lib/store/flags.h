/*
 * flags: the system flags of a message as bits, and what they are called in
 * IMAP and in the name of a message file (maildir's letters). Keywords are
 * bits 0..25 of a second word, one for each letter a..z of the file name; each
 * mailbox has its own table of names (mailbox.h).
 */
#ifndef STORE_FLAGS_H
#define STORE_FLAGS_H

#include <stdbool.h>
#include <stdint.h>

#include "../base/str.h"

enum {
	FLAG_DRAFT	= 1 << 0,	/* \Draft	D */
	FLAG_FLAGGED	= 1 << 1,	/* \Flagged	F */
	FLAG_FORWARDED	= 1 << 2,	/* $Forwarded	P */
	FLAG_ANSWERED	= 1 << 3,	/* \Answered	R */
	FLAG_SEEN	= 1 << 4,	/* \Seen	S */
	FLAG_DELETED	= 1 << 5,	/* \Deleted	T */
	FLAG_ALL	= (1 << 6) - 1,
	FLAG_COUNT	= 6,
	KEYWORD_MAX	= 26,		/* letters */
};

#define KEYWORD_ALL	((1u << KEYWORD_MAX) - 1)

struct flags {
	uint32_t	sys;		/* FLAG_* */
	uint32_t	keywords;	/* bit i is letter 'a' + i */
};

/* The bit of an IMAP name in any case ("\Seen", "$Forwarded"), or 0. */
uint32_t	flag_from_imap(struct str name);

/* The IMAP name of bit number i (0..FLAG_COUNT - 1). */
struct str	flag_imap(unsigned i);

/* The maildir letter of bit number i, and the bit of a letter or 0. */
char		flag_letter(unsigned i);
uint32_t	flag_from_letter(char);

#endif
