/* imap_write: values as IMAP puts them on the wire (RFC 3501 section 9). */
#ifndef PROTO_IMAP_WRITE_H
#define PROTO_IMAP_WRITE_H

#include "../base/buf.h"

/* "…" where that is possible (no CR, LF, NUL, 8-bit, not long), else a literal. */
void	imap_put_string(struct buf *, struct str);

/* NIL for a str whose p is NULL. */
void	imap_put_nstring(struct buf *, struct str);

/* An atom where that is possible, else as a string. */
void	imap_put_astring(struct buf *, struct str);

/* A mailbox name held in UTF-8: modified UTF-7, then as an astring; INBOX in capitals. */
void	imap_put_mailbox(struct buf *, struct str utf8);

/* "dd-Mon-yyyy hh:mm:ss +0000" with its quotes. */
void	imap_put_date_time(struct buf *, int64_t when);

#endif
