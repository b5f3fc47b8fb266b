/*
 * smtp_stuff: a message as it goes between DATA's 354 and its end (RFC 5321
 * 4.1.1.4 and 4.5.2), the mirror of smtp_data. A dot at the start of a line is
 * doubled. A CR or a LF that stands alone becomes CRLF, so that nobody on the way can
 * take part of a message for its end (what a peer does with such bytes, nobody knows).
 */
#ifndef PROTO_SMTP_STUFF_H
#define PROTO_SMTP_STUFF_H

#include "../base/buf.h"

struct smtp_stuff {
	bool	in_line;	/* not at a line's start */
	bool	cr;		/* the last byte was a CR; its CRLF is put out already */
};

#define SMTP_STUFF_INIT	{ false, false }

/* Append; at most twice the bytes of in. */
void	smtp_stuff_feed(struct smtp_stuff *, struct str in, struct buf *out);

/* The last line's CRLF where it is missing, and the dot. */
void	smtp_stuff_end(struct smtp_stuff *, struct buf *out);

#endif
