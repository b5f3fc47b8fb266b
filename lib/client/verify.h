/*
 * verify: how a session asks verifyd what is known about who sent a message
 * (record "verify" 1, answer "facts" 1; verifyd(8)).
 */
#ifndef CLIENT_VERIFY_H
#define CLIENT_VERIFY_H

#include "../sys/peer.h"
#include "held.h"

#define VERIFY_SOCKET	"run/verifyd"	/* for HELD_INIT */

struct verify_request {
	const struct peer *peer;
	struct str	helo;
	struct str	mailfrom;	/* canonical; empty for the null path */
	int		message;	/* read from offset 0, its position untouched */
};

/*
 * Ask, and wait for the answer: 0 with the facts record in h->rec, or -1 with
 * errno when there is none by the deadline.
 */
int	verify_message(struct held *h, const struct verify_request *, struct deadline) __attribute__((warn_unused_result));

#endif
