/*
 * words: header text into UTF-8 (and back): encoded words (RFC 2047), encoded parameters
 * (RFC 2231), raw UTF-8 (RFC 6532). Tolerant: encoded words are read wherever
 * they stand, also within quotes; a character cut between two words of one
 * charset is put together; what cannot be decoded stays as it is.
 */
#ifndef PROTO_WORDS_H
#define PROTO_WORDS_H

#include "charset.h"
#include "params.h"

/* Append a field's value, unfolded and decoded. */
void	words_decode(struct buf *, struct str value, const struct charset_hooks *);

/*
 * Append UTF-8 text as encoded words in base64, divided by folds, none longer
 * than 75 bytes. The caller stands behind a field's name or a space.
 */
void	words_encode(struct buf *, struct str text);

/*
 * Append a parameter's text, of "name*" when it is there (charset'language'%41), else of "name";
 * false without either.
 */
bool	params_decode(struct buf *, const struct params *, struct str name, const struct charset_hooks *);

#endif
