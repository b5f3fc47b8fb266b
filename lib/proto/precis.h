/*
 * precis: passwords and user names so that one that is typed on another
 * keyboard is still the same (RFC 8264, RFC 8265). For authd and passwd only:
 * it brings libunistring.
 */
#ifndef PROTO_PRECIS_H
#define PROTO_PRECIS_H

#include "../base/buf.h"

/*
 * The OpaqueString profile (RFC 8265 section 4.2) of a password, appended to
 * out. False for one that is empty, no UTF-8, or holds what a password may not hold.
 */
bool	precis_password(struct str in, struct buf *out) __attribute__((warn_unused_result));

/* A login name in NFC, appended to out; false when it is empty or no UTF-8. */
bool	precis_username(struct str in, struct buf *out) __attribute__((warn_unused_result));

#endif
