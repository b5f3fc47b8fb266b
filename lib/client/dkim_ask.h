/* dkim_ask: the keys that the signatures of a message want, from dnsd. */
#ifndef CLIENT_DKIM_ASK_H
#define CLIENT_DKIM_ASK_H

#include "../proto/dkim_verify.h"
#include "dns.h"

/* After dkim_verify_open(): look all keys up, at once, and hand them over. The arena needs LIMIT_DKIM_ANSWERS. */
void	dkim_ask(struct held *dns, struct dkim_verify *, struct arena *, struct deadline);

#endif
