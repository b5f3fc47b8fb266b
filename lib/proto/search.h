/*
 * search: what IMAP SEARCH asks of a message's text (RFC 3501 6.4.4). A key is
 * found where it is part of the text, whatever the transfer encoding, charset
 * or encoded words, and whatever its case. The body is decoded in small
 * pieces: memory does not grow with it.
 */
#ifndef PROTO_SEARCH_H
#define PROTO_SEARCH_H

#include "charset.h"
#include "mime.h"

/* Something to look for: folded UTF-8. */
struct search_key {
	struct str	needle;
};

/*
 * A key from the client's string in the command's charset (empty: US-ASCII,
 * or UTF-8). False when the charset is not known (BADCHARSET) or the arena is full.
 */
bool	search_key(struct search_key *key_r, struct str charset, struct str text,
	    const struct charset_hooks *, struct arena *) __attribute__((warn_unused_result));

/*
 * HEADER name key (also FROM, TO, CC, BCC, SUBJECT): a field of that name has
 * it in its decoded value. The empty key: there is such a field.
 */
bool	search_header(struct str message, struct str name, const struct search_key *, const struct charset_hooks *);

/* TEXT's first half: any field, "Name: value". */
bool	search_headers(struct str message, const struct search_key *, const struct charset_hooks *);

/* BODY: the text parts, and the headers of parts and of messages inside. */
bool	search_body(const struct mime *, const struct search_key *, const struct charset_hooks *);

/* TEXT: header or body. */
bool	search_text(const struct mime *, const struct search_key *, const struct charset_hooks *);

/*
 * SENTBEFORE, SENTON, SENTSINCE: the day of the Date field where it was
 * written, as days since 1970-01-01. False without a date that can be read.
 */
bool	search_sent(struct str message, int32_t *day_r);

#endif
