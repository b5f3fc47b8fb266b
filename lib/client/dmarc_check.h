/* dmarc_check: DMARC with the answers of dnsd (proto/dmarc.h tells what comes out). */
#ifndef CLIENT_DMARC_CHECK_H
#define CLIENT_DMARC_CHECK_H

#include "../proto/dmarc.h"
#include "dns.h"

/*
 * Ask and wait until it is over; what is not known by the deadline is a temporary error. Text in
 * *out_r is the arena's (LIMIT_DMARC_ARENA). *asked_r: how many names were asked for.
 */
void	dmarc_check(struct held *dns, const struct dmarc_facts *, struct arena *, struct deadline, struct dmarc *out_r, unsigned *asked_r);

#endif
