/*
 * charset_iconv: the charsets that proto/charset.h does not know, by iconv(3).
 * It opens files of the C library, and loads its converters: only for
 * programs that may; charset_open() calls it last. Names come from peers, checked there.
 */
#ifndef SYS_CHARSET_ICONV_H
#define SYS_CHARSET_ICONV_H

#include "../base/buf.h"

void	*charset_iconv_open(const char *name);
void	 charset_iconv_convert(void *, struct str *in, struct buf *out);
void	 charset_iconv_close(void *);

/* An initialiser for struct charset_hooks, which belongs to another layer. */
#define CHARSET_ICONV	{ charset_iconv_open, charset_iconv_convert, charset_iconv_close }

#endif
