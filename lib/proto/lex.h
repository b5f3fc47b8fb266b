/*
 * lex: the small pieces that structured fields are made of (RFC 5322 3.2, RFC
 * 2045 5.1). A cursor over a value with its folds; folding white space is
 * white space. Nothing recurses: nested comments are counted.
 */
#ifndef PROTO_LEX_H
#define PROTO_LEX_H

#include "../base/buf.h"

struct lex {
	struct str	s;
	size_t		at;
};

bool	lex_end(const struct lex *);
char	lex_peek(const struct lex *);		/* NUL at the end */

/*
 * Past white space and comments. When comment_r is not NULL and there was a
 * comment, it gets the inside of the last one. True when anything was passed.
 */
bool	lex_skip(struct lex *, struct str *comment_r);

/* The bytes up to one of stop, white space or a comment; perhaps none. */
struct str	lex_token(struct lex *, const char *stop);

/*
 * At a quote: past the quoted string, also one that is not ended. Its inside
 * is given raw, and lex_unquote() appends it without backslashes and line endings.
 */
struct str	lex_quoted(struct lex *);
void		lex_unquote(struct buf *, struct str inside);

/* True when lex_unquote would change it. */
bool		lex_is_escaped(struct str inside);

#endif
