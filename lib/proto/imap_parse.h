/*
 * imap_parse: a cursor over the text of one command (imap_gather.h) with a
 * sticky error (RFC 3501 section 9). After the first error every call gives
 * empty values and moves nothing, so that a command reads all its arguments and
 * asks once, with imap_end(). Values borrow from the text, or live in the arena.
 */
#ifndef PROTO_IMAP_PARSE_H
#define PROTO_IMAP_PARSE_H

#include "imap_gather.h"
#include "imap_set.h"

struct imap_cur {
	struct str	 rest;
	struct arena	*arena;
	const char	*err;	/* NULL, or words for the BAD answer */
};

void	imap_cur_init(struct imap_cur *, struct str text, struct arena *);

/* Keep the first error; why is a constant. */
void	imap_cur_fail(struct imap_cur *, const char *why);

/* True when nothing went wrong and everything was read; sets err otherwise. */
bool	imap_end(struct imap_cur *);

/* Looking: is c next; is nothing left. Neither moves. */
bool	imap_peek(const struct imap_cur *, char c);
bool	imap_at_end(const struct imap_cur *);

/* Move over c, or over the token in any case, when it is next. */
bool	imap_try(struct imap_cur *, char c);
bool	imap_try_token(struct imap_cur *, const char *token);

/* The byte must be next. */
void	imap_need(struct imap_cur *, char c);
void	imap_sp(struct imap_cur *);

/*
 * Through a parenthesised list: after imap_need(c, '('), true while there is a
 * member to read; moves over the space between members and over the ')'.
 * *first starts as true.
 */
bool	imap_list_next(struct imap_cur *, bool *first);

/* tag: astring characters but '+'. word: letters, digits, '.', '-' and '_' (command and item names). */
struct str	imap_tag(struct imap_cur *);
struct str	imap_word(struct imap_cur *);
struct str	imap_atom(struct imap_cur *);

/* string takes quoted (well-formed UTF-8 allowed) and literal; astring also an atom with ']'. */
struct str	imap_string(struct imap_cur *);
struct str	imap_astring(struct imap_cur *);
struct str	imap_nstring(struct imap_cur *);	/* p NULL for NIL */
struct str	imap_list_mailbox(struct imap_cur *);	/* with % and * */

/* A mailbox name, decoded from modified UTF-7 into UTF-8; INBOX in any case is "INBOX". */
struct str	imap_mailbox(struct imap_cur *);

uint32_t	imap_number(struct imap_cur *);
uint32_t	imap_nz_number(struct imap_cur *);
uint64_t	imap_number63(struct imap_cur *);	/* mod-sequences, sizes */
struct imap_set	imap_sequence_set(struct imap_cur *);	/* not resolved */

/* One flag ("\Seen", "keyword"), and all of a list; "\*" is refused. */
enum imap_flag {
	IMAP_SEEN	= 1,
	IMAP_ANSWERED	= 2,
	IMAP_FLAGGED	= 4,
	IMAP_DELETED	= 8,
	IMAP_DRAFT	= 16,
	IMAP_RECENT	= 32,	/* never from a client */
};

struct imap_flags {
	unsigned	 system;	/* enum imap_flag */
	struct str	*keywords;	/* in the arena, as the client wrote them, no two the same */
	size_t		 n;
};

struct imap_flags	imap_flag_list(struct imap_cur *);	/* "(…)" */
struct imap_flags	imap_flags_bare(struct imap_cur *);	/* "(…)" or flags without parentheses, to the end */

/* Dates. A day is counted from 1970-01-01; a time in seconds UTC, 0 to IMAP_TIME_END - 1. */
#define IMAP_TIME_END	253402300800LL	/* the year 10000 */

struct imap_date {
	int	year, month, day;	/* month and day from 1 */
};

struct imap_date	imap_date_of(int64_t when);
struct str		imap_month_name(int month);
int64_t			imap_date(struct imap_cur *);		/* days */
int64_t			imap_date_time(struct imap_cur *);	/* seconds */

/* The section of BODY[…] and of BINARY[…]. */
enum imap_section_what {
	IMAP_SECTION_ALL,		/* [] or [1.2]: the whole, or the part's body */
	IMAP_SECTION_HEADER,
	IMAP_SECTION_FIELDS,		/* HEADER.FIELDS (…) */
	IMAP_SECTION_FIELDS_NOT,
	IMAP_SECTION_TEXT,
	IMAP_SECTION_MIME,
};

struct imap_section {
	enum imap_section_what	 what;
	uint32_t		*part;		/* 1.2.3, in the arena */
	size_t			 nparts;
	struct str		*fields;	/* names, in the arena */
	size_t			 nfields;
};

struct imap_section	imap_section(struct imap_cur *);	/* from '[' to ']' */

/* "<at.count>", when it is there. */
struct imap_partial {
	bool		given;
	uint32_t	at, count;
};

struct imap_partial	imap_partial(struct imap_cur *);

/* Character classes of the grammar. */
bool	imap_is_atom_char(char);
bool	imap_is_astring_char(char);

#endif
