/*
 * dsn: a delivery status notification (RFC 3464, 6533, 3461): a multipart/report
 * with a text for people, a message/delivery-status for machines, and the header
 * of the message it is about. Values come from strangers: whatever they hold, the
 * result is a well-formed message of exactly three parts, its lines end in CRLF
 * and have at most 998 bytes, none of them NUL. What cannot be said is left out.
 */
#ifndef PROTO_DSN_H
#define PROTO_DSN_H

#include "../base/buf.h"
#include "date.h"

enum dsn_action { DSN_FAILED, DSN_DELAYED, DSN_DELIVERED, DSN_RELAYED, DSN_EXPANDED };

struct dsn_rcpt {
	enum dsn_action	 action;
	struct str	 address;	/* final recipient */
	struct str	 orcpt;		/* "rfc822;xtext" as it came; empty: none */
	struct str	 status;	/* "5.1.1"; when empty or malformed, of the action's class */
	struct str	 remote;	/* name of the peer's host; empty: none was reached; hostname: delivered here */
	struct str	 remote_ip;
	struct str	 diagnostic;	/* the peer's whole reply with its code, lines divided by \n; or our own words */
	bool		 smtp;		/* diagnostic is a reply of SMTP */
	struct date	 last_attempt;	/* time 0, here as below: unknown */
	struct date	 retry_until;	/* DELAYED */
};

struct dsn {
	struct str	 hostname;	/* ours */
	struct str	 to;		/* the sender's address, or the account's */
	struct str	 message_id;	/* of the notification, with brackets */
	struct str	 boundary;	/* random; a number is put behind it while it occurs in the text */
	struct date	 date, arrival;
	struct str	 envid;		/* as it came (xtext); empty: none */
	struct str	 future;	/* Future-Release-Request (RFC 4865); empty: none */
	bool		 utf8;		/* the original needs SMTPUTF8: message/global-* (RFC 6533) */
	struct str	 original_id;	/* Message-ID of the original; empty: none */
	struct str	 original;	/* header of the original, or all of it when full */
	bool		 full;		/* only its header is sent all the same when it has lines too long, NUL or a bare CR */
	const struct dsn_rcpt *rcpt;
	size_t		 nrcpt;
};

/* The whole message with CRLF, from postmaster@hostname. buf fails when it does not fit. */
void	dsn_write(struct buf *, const struct dsn *);

#endif
