/* imap_utf7: mailbox names on the wire of IMAP4rev1, modified UTF-7 (RFC 3501 5.1.3). */
#ifndef PROTO_IMAP_UTF7_H
#define PROTO_IMAP_UTF7_H

#include "../base/buf.h"

/* Append the UTF-8 name as modified UTF-7. False when it is not UTF-8. */
bool	imap_utf7_encode(struct buf *, struct str utf8) __attribute__((warn_unused_result));

/*
 * Append the name in UTF-8. False, with nothing said about what was appended,
 * unless name is the one way to write it: RFC 3501 forbids superfluous shifts and
 * printable ASCII in base64, and two names for one mailbox would be a trap.
 */
bool	imap_utf7_decode(struct buf *, struct str name) __attribute__((warn_unused_result));

#endif
