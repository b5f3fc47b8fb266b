/*
 * fetch: FETCH, its items and modifiers as tables. An item is asked once for
 * each message; quick ones only need the index, the others the file.
 */
#ifndef IMAPD_FETCH_H
#define IMAPD_FETCH_H

#include "message.h"
#include "session.h"

enum item_flags {
	ITEM_FILE	= 1,	/* needs the message's file: put() */
	ITEM_SECTION	= 2,	/* "[…]" and "<…>" follow the name */
	ITEM_SEEN	= 4,	/* sets \Seen */
	ITEM_MODSEQ	= 8,	/* is a CONDSTORE enabling one */
};

struct fetch;
struct item;

struct item_kind {
	const char	*name;
	const char	*label;	/* in the response */
	unsigned	 flags;

	/* Into fetch.space bytes, a space before it; returns the end. */
	char		*(*quick)(struct fetch *, char *p);

	/* With ITEM_FILE: the value, behind label and space. False: it cannot be told. */
	bool		(*put)(struct fetch *, const struct item *);
};

struct item {
	const struct item_kind	*kind;
	struct imap_section	 section;
	struct imap_partial	 partial;
	struct str		 label;
};

struct fetch {
	struct session	*s;
	struct item	*items;
	size_t		 n, room;
	bool		 file, seen;	/* some item needs a file, or sets \Seen */
	bool		 has_since;	/* CHANGEDSINCE */
	uint64_t	 since;
	size_t		 space;		/* that all quick items may take */

	/* the message at hand */
	struct entry	 e;
	uint32_t	 seq;
	struct message	 m;

	/* the text of the last FLAGS, often the next one's too */
	char		*flags_text;
	size_t		 flags_n;
	struct flags	 flags_of;
	bool		 flags_recent;
};

/* By name, for the bytes behind it: "BODY" and "BODY[" are two. NULL: unknown. */
const struct item_kind	*item_find(struct str name, bool section);

/* Decimal digits; returns the end. */
char	*put_number(char *p, uint64_t);

#endif
