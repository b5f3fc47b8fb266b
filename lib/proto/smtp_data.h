/*
 * smtp_data: the bytes between DATA's 354 and the end of the message, RFC 5321
 * 4.1.1.4 and 4.5.2. Dots at the start of a line are taken off; a LF without CR
 * becomes CRLF. What other servers may take for the end of a message, so that
 * a second one could be hidden in this one, spoils the message: a CR without
 * LF, a dot alone on a line of which one end is a LF without CR. Then reading goes on to the
 * one true end, CRLF "." CRLF, and the message is refused.
 *
 * BDAT's text (RFC 3030) takes the same way with chunk set: line ends are
 * treated alike, dots mean nothing, and the end is told from outside.
 */
#ifndef PROTO_SMTP_DATA_H
#define PROTO_SMTP_DATA_H

#include "../base/buf.h"

struct smtp_data {
	int	state;		/* of the line, see smtp_data.c; 0: at its start */
	bool	spoiled;	/* to be refused with 500 5.5.2; nothing more is put out */
	bool	chunk;
};

#define SMTP_DATA_INIT	{ 0, false, false }

enum smtp_data_got {
	SMTP_DATA_MORE,		/* in is used up, or out has no room left */
	SMTP_DATA_END,		/* in is what follows the message's end */
};

/*
 * Take bytes from *in, append the message's to out, which must be emptied
 * when it is full (nearly: two bytes may be needed for one).
 */
enum smtp_data_got	smtp_data_feed(struct smtp_data *, struct str *in, struct buf *out) __attribute__((warn_unused_result));

/* The last chunk is in: a CR that waits for its LF spoils the message. */
void	smtp_data_close(struct smtp_data *);

#endif
