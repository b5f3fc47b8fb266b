/*
 * charset: text of mail into UTF-8. UTF-8, US-ASCII and the single-byte charsets
 * are known here, by table; others (of East Asia, UTF-16) only through hooks
 * that the caller passes, as iconv(3) opens files and nothing here may
 * (sys/charset_iconv.h). What is not well-formed becomes U+FFFD; where no
 * charset was told (US-ASCII), bytes that are not UTF-8 are taken for
 * windows-1252. ISO-8859-1 is read as windows-1252, its superset as used.
 */
#ifndef PROTO_CHARSET_H
#define PROTO_CHARSET_H

#include <stdint.h>

#include "../base/buf.h"
#include "../base/limits.h"
#include "utf8.h"

/* Another converter. */
struct charset_hooks {
	/* A handle for the charset of that name (letters, digits, "-_.:"), or NULL. */
	void	*(*open)(const char *name);
	/* Convert what is whole and advance *in; at least one byte when more than 16 are given. */
	void	 (*convert)(void *, struct str *in, struct buf *out);
	void	 (*close)(void *);
};

enum charset_kind {
	CHARSET_ASCII,		/* and what nobody named: UTF-8, else windows-1252 */
	CHARSET_UTF8,
	CHARSET_TABLE,
	CHARSET_HOOKS,
};

struct charset {
	enum charset_kind		 kind;
	const uint16_t			*upper;
	const struct charset_hooks	*hooks;
	void				*handle;
	char				 held[LIMIT_CHARSET_HELD];	/* a character cut by the end of what was fed */
	size_t				 n_held;
};

/* hooks may be NULL. False when the charset is not known; then it reads as US-ASCII does. */
bool	charset_open(struct charset *, struct str name, const struct charset_hooks *);

/* Convert; out grows by at most four bytes a byte. In pieces it gives what it gives at once. */
void	charset_feed(struct charset *, struct str in, struct buf *out);

/* What is left of a cut character, and the end. */
void	charset_end(struct charset *, struct buf *out);

/* All of in; of an unknown charset as CHARSET_ASCII would be, and false. */
bool	charset_convert(struct buf *out, struct str name, struct str in, const struct charset_hooks *);

#endif
