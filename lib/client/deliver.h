/*
 * deliver: how a program asks deliverd to put a message into an account
 * (record "deliver" 1, answer "delivered" 1; deliverd(8)).
 */
#ifndef CLIENT_DELIVER_H
#define CLIENT_DELIVER_H

#include "held.h"

#define DELIVER_SOCKET	"run/deliverd"	/* for HELD_INIT */

struct deliver_request {
	struct str	account;
	struct str	rcpt;		/* the address it came for */
	struct str	mailbox;	/* UTF-8 name */
	struct str	mailfrom;	/* canonical; empty for the null path */
	struct str	prefix;		/* header lines to put in front, each with CRLF */
	struct str	conn;		/* id for logs */
	int		message;	/* its position stays untouched */
	uint64_t	offset, size;	/* of the message in it; size 0: all from offset on */
};

enum deliver_got {
	DELIVER_OK,
	DELIVER_TEMP,
	DELIVER_PERM,
};

/* Text is borrowed from the struct held until its next call. */
struct deliver_result {
	enum deliver_got got;
	struct str	status;		/* enhanced code */
	struct str	text;
	struct str	id;		/* of the message, for logs */
	int		lost;		/* not 0: no answer, an errno: deliverd is dead, silent or speaks otherwise */
};

/*
 * Ask, and wait for the answer. No answer by the deadline is DELIVER_TEMP; the
 * message may be delivered all the same.
 */
struct deliver_result	deliver_message(struct held *, const struct deliver_request *, struct deadline);

#endif
