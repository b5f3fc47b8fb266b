/* utf8: code points and their simple case folding (Unicode 15, one to one). */
#ifndef PROTO_UTF8_H
#define PROTO_UTF8_H

#include <stdint.h>

#include "../base/buf.h"

/* One code point as UTF-8; U+FFFD for what is none. */
void	utf8_add(struct buf *, uint32_t c);

/*
 * The character at the front of s (not empty): its bytes, and the code point
 * in *c_r. 0 when it is cut by the end; for what is not well-formed 1, and UINT32_MAX in *c_r.
 */
size_t	utf8_next(struct str s, uint32_t *c_r);

/*
 * Append UTF-8 with upper case as lower (simple case folding of Latin, Greek,
 * Cyrillic and Armenian). Bytes that are not UTF-8 stay. Never longer than s.
 */
void	utf8_fold(struct buf *, struct str s);

#endif
