/* imap_text: a header field's value as an IMAP string. Of imap_mime's own files. */
#ifndef PROTO_IMAP_TEXT_H
#define PROTO_IMAP_TEXT_H

#include "imap_write.h"

/* Unfolded, without NUL; NIL for a str whose p is NULL. */
void	imap_put_text(struct buf *, struct str value);

#endif
