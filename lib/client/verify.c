#include "verify.h"

#include <errno.h>

#include "../base/attr.h"

int
verify_message(struct held *h, const struct verify_request *q, struct deadline dl)
{
	struct peer	peer = *q->peer;

	/* who reads hostile mail shall not be able to speak for the peer */
	peer.seal = STR("");
	attr_start(&h->rec, "verify", 1);
	peer_add(&h->rec, &peer);
	attr_add(&h->rec, "helo", q->helo);
	attr_add(&h->rec, "mailfrom", q->mailfrom);
	if (held_call(h, q->message, dl) == -1)
		return -1;
	if (attr_is(buf_str(&h->rec), "facts", 1))
		return 0;
	held_close(h);
	errno = EPROTO;
	return -1;
}
