/*
 * imap_mime: what FETCH says about a message's form (RFC 3501 7.4.2), and the
 * bytes of its sections (6.4.5). Everything from hostile mail; within the
 * bounds of mime.h. Bytes that no IMAP string may hold (NUL) become "?".
 */
#ifndef PROTO_IMAP_MIME_H
#define PROTO_IMAP_MIME_H

#include "imap_parse.h"
#include "mime.h"

/* The ENVELOPE of a header: "(date subject from …)". */
void	imap_put_envelope(struct buf *, struct str header);

/* BODY, or with extended BODYSTRUCTURE, of the whole message: "(…)". */
void	imap_put_body(struct buf *, const struct mime *, bool extended);

/*
 * The bytes of a section. A range of the message, or header fields put
 * together in compose (reset first; lives as long as *out_r). False when there is no such section: NIL.
 */
bool	imap_section_find(const struct mime *, const struct imap_section *, struct buf *compose, struct str *out_r);

/*
 * The same for a message that is not parsed: works for sections without part
 * numbers (all, header, fields, text), for which the header is enough to read.
 */
bool	imap_section_top(struct str message, const struct imap_section *, struct buf *compose, struct str *out_r);

/* The section as the answer repeats it: "[1.2.HEADER.FIELDS (Date From)]". */
void	imap_put_section(struct buf *, const struct imap_section *);

#endif
