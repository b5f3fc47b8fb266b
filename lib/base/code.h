/*
 * code: bytes as text. Base64 (RFC 4648 section 4), base64url without padding
 * (section 5), lower-case hexadecimal, and the one escape for logs.
 */
#ifndef BASE_CODE_H
#define BASE_CODE_H

#include "buf.h"

void	code_b64(struct buf *, struct str);
void	code_b64url(struct buf *, struct str);
void	code_hex(struct buf *, struct str);

/*
 * Append what s encodes. False, with nothing said about what was appended,
 * when s is not canonical: a byte outside the alphabet, wrong padding, bits left over.
 * code_is_b64() tells whether code_unb64() would take it, without decoding a secret to nowhere.
 */
bool	code_unb64(struct buf *, struct str) __attribute__((warn_unused_result));
bool	code_is_b64(struct str) __attribute__((warn_unused_result));
bool	code_unb64url(struct buf *, struct str) __attribute__((warn_unused_result));
bool	code_unhex(struct buf *, struct str) __attribute__((warn_unused_result));

/*
 * Bytes of a peer for a log line or a terminal: printable ASCII but quote and
 * backslash as they are, well-formed UTF-8 kept (but marks of direction, line separators and
 * what has no width), all else as \xNN.
 */
void	code_escape(struct buf *, struct str);

/* A string of JSON (RFC 8259 section 7), in its quotes; a byte that is not UTF-8 becomes U+FFFD. */
void	code_json(struct buf *, struct str);

#endif
