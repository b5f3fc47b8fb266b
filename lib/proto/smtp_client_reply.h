/*
 * smtp_client_reply: one reply of an SMTP server (RFC 5321 4.2), fed in pieces
 * of any length. What a server may send is bounded: a line, all lines of
 * a reply. A line ends with LF; the CR before it may be missing.
 */
#ifndef PROTO_SMTP_CLIENT_REPLY_H
#define PROTO_SMTP_CLIENT_REPLY_H

#include "../base/buf.h"

enum { SMTP_STATUS = 12 };	/* room for an enhanced code, "5.123.123" and its NUL */

struct smtp_client_reply {
	unsigned	code;		/* 200 to 599 */
	struct buf	text;		/* lines without codes, divided by LF; no other control, UTF-8 */
	/* for smtp_client_reply.c alone */
	struct buf	line;
	size_t		total;
	unsigned	lines;
};

enum smtp_client_reply_got {
	SMTP_REPLY_MORE,	/* in is used up */
	SMTP_REPLY_WHOLE,	/* code and text; in is what follows */
	SMTP_REPLY_BAD,		/* no reply, codes that differ, too long: the connection is of no use any more */
};

void	smtp_client_reply_init(struct smtp_client_reply *);
void	smtp_client_reply_free(struct smtp_client_reply *);

/* Before the next reply. */
void	smtp_client_reply_reset(struct smtp_client_reply *);

enum smtp_client_reply_got	smtp_client_reply_feed(struct smtp_client_reply *, struct str *in) __attribute__((warn_unused_result));

/*
 * The enhanced code (RFC 2034) that the text begins with, if the server
 * announced that it gives them and it fits the reply's code; else "4.0.0" and the like.
 * True when it was the server's.
 */
bool	smtp_client_reply_status(const struct smtp_client_reply *, bool announced, char status_r[SMTP_STATUS]);

/* For people: the code and all lines, without the enhanced codes repeated in lines after the first. */
void	smtp_client_reply_add(const struct smtp_client_reply *, struct buf *);

#endif
