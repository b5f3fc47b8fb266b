/* imap_pattern: the patterns of LIST and LSUB (RFC 3501 6.3.8). */
#ifndef PROTO_IMAP_PATTERN_H
#define PROTO_IMAP_PATTERN_H

#include "../base/str.h"

enum { IMAP_PATTERN_MAX = 4096 };	/* bytes; longer ones match nothing */

/*
 * Does the name match: "*" is anything, "%" anything without "/", both also
 * nothing. Name and pattern as on the wire. INBOX as first element matches in
 * any case. Costs at most the product of both lengths, whatever the pattern.
 */
bool	imap_pattern_matches(struct str pattern, struct str name);

#endif
