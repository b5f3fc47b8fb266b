/* spf_check: SPF with the answers of dnsd (proto/spf.h tells what comes out). */
#ifndef CLIENT_SPF_CHECK_H
#define CLIENT_SPF_CHECK_H

#include "../proto/spf.h"
#include "dns.h"

/*
 * As spf_identity(), with the domain's U-labels made A-labels (RFC 8616 4). One that IDNA does
 * not allow stays, and the result is none. Text is the arena's or the caller's.
 */
void	spf_check_identity(struct spf_args *, struct str mailfrom, struct str helo, struct arena *);

/*
 * Ask and wait until it is over: what is not known by the deadline is temperror. RFC 7208 4.6.4
 * wants 20 seconds at least. Text in *out_r is the arena's (LIMIT_SPF_ARENA) or that of args.
 */
void	spf_check(struct held *dns, const struct spf_args *, struct arena *, struct deadline, struct spf *out_r);

#endif
