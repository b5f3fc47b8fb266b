/* status: items of STATUS, also asked for in LIST. */
#ifndef IMAPD_STATUS_H
#define IMAPD_STATUS_H

#include "session.h"

/* "(MESSAGES …)" as a set of bits. */
unsigned	status_items(struct session *, struct imap_cur *);

/* "* STATUS name (…)". -1 with errno, and nothing written. */
int	status_put(struct session *, struct str name, unsigned items) __attribute__((warn_unused_result));

#endif
