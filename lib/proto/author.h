/*
 * author: who a message says that it is from, for those who decide by it (DMARC,
 * reputation, submission). Readers differ in what they make of an odd From; what more
 * than one address could be taken from is not clear.
 */
#ifndef PROTO_AUTHOR_H
#define PROTO_AUTHOR_H

#include "../base/buf.h"
#include "addrlist.h"

enum author_got {
	AUTHOR_CLEAR,		/* one From with one address and nothing odd */
	AUTHOR_UNCLEAR,		/* one address, as most readers take it; not to be trusted, but to be judged */
	AUTHOR_NONE,		/* no From, or no address with a domain in it */
	AUTHOR_SEVERAL,		/* From fields or addresses: no author, as far as DMARC goes (RFC 7489 6.6.1) */
};

/* Of CLEAR and UNCLEAR; else empty. Text in the arena; name may be empty. */
struct author {
	struct str	name, local, domain;
};

/* head: the message, or its whole header. */
enum author_got	author_find(struct str head, struct arena *, struct author *out_r);

/*
 * The one address of a From field's value; false when there is none or it is not clear.
 * The domain may be empty ("root (Cron Daemon)").
 */
bool	author_single(struct str value, struct arena *, struct addrlist_item *out_r);

/*
 * The author's domain as DMARC wants it, appended: A-labels, lower case. False, and nothing
 * appended, for none. By libidn2; who uses it links that.
 */
bool	author_domain(struct buf *, const struct author *) __attribute__((warn_unused_result));

#endif
