/*
 * header: the fields of a message's header (RFC 5322 section 2.2), as they
 * really come. A line ends in LF, with or without CR before it. A field is a
 * line with a name (bytes 33 to 126 without a colon), perhaps white space, and
 * a colon; lines that start with a space or tab continue it. The header ends
 * with an empty line, or before the first line that is neither (the empty line
 * was forgotten), or at the end. NUL and 8-bit bytes in values are let through.
 * A first line "From " or ">From " (of a mailbox file) is skipped; "From :" is a field.
 *
 *	struct header		h;
 *	struct header_field	f;
 *
 *	header_open(&h, message);
 *	while (header_next(&h, &f))
 *		…
 */
#ifndef PROTO_HEADER_H
#define PROTO_HEADER_H

#include "../base/buf.h"

struct header {
	struct str	text;	/* the whole message, or the header alone */
	size_t		at;	/* the next field */
	size_t		end;	/* after header_next() gave false: offset behind the last field */
	size_t		body;	/* then: where the body starts, text.n without one */
	bool		blank;	/* then: an empty line stands between end and body */
};

/* All borrowed from the message. */
struct header_field {
	struct str	name;	/* without white space before the colon */
	struct str	value;	/* behind the colon, folds inside, without its last line ending */
	struct str	raw;	/* the whole field with its line endings */
};

void	header_open(struct header *, struct str message);

/* The next field, or false at the end of the header. */
bool	header_next(struct header *, struct header_field *f_r);

/* As header_next, for the next field of that name (of either case). */
bool	header_next_named(struct header *, struct str name, struct header_field *f_r);

/* The first field of that name; false, and an empty field, without one. */
bool	header_find(struct str message, struct str name, struct header_field *f_r);

/* The offset where the body starts (behind the empty line). */
size_t	header_length(struct str message);

/*
 * Append a value in one line: line endings of folds are removed, a bare CR or
 * LF becomes a space, white space at both ends is dropped (RFC 5322 2.2.3).
 */
void	header_unfold(struct buf *, struct str value);

/* Offset just behind the line that starts at `at`: behind its LF, or text.n. */
size_t	line_next(struct str text, size_t at);

/* s without one LF, or CR LF, at its end. */
struct str	line_trim(struct str s);

#endif
