/*
 * dialed: which addresses of which host earlier attempts were connected to, as
 * text that queue-send keeps: "HOST=IP,IP;HOST=IP", oldest first. Of it follows
 * which address is dialed next (mx_order). What is not understood is ignored.
 */
#ifndef QUEUE_REMOTE_DIALED_H
#define QUEUE_REMOTE_DIALED_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/ip.h"

enum { DIALED_HOSTS = 10, DIALED_IPS = 4 };	/* remembered */

struct dialed_host {
	struct str	name;
	struct ip	ip[DIALED_IPS];
	size_t		n;
};

struct dialed {
	struct dialed_host	host[DIALED_HOSTS];
	size_t			n;
};

/* Names borrow from text. */
void	dialed_parse(struct str text, struct dialed *out_r);

/* NULL: never dialed. */
const struct dialed_host *dialed_find(const struct dialed *, struct str host);

/* host is borrowed. */
void	dialed_add(struct dialed *, struct str host, const struct ip *);

/* At most LIMIT_JOB_DIALED bytes: hosts that do not fit are forgotten. */
void	dialed_format(struct buf *, const struct dialed *);

#endif
