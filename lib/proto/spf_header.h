/* spf_header: the field Received-SPF (RFC 7208 section 9.1). */
#ifndef PROTO_SPF_HEADER_H
#define PROTO_SPF_HEADER_H

#include "../base/buf.h"
#include "spf_record.h"

/* Text of strangers is cut, and what may not stand in a header becomes '?'. */
struct spf_header {
	enum spf_result	result;
	struct str	receiver;	/* our host name */
	struct ip	ip;
	struct str	sender;		/* the address that was checked; postmaster at the EHLO name for that */
	bool		is_helo;	/* so it is */
	struct str	helo;
	struct str	mechanism;	/* may be empty, as */
	struct str	problem;
	bool		utf8;		/* the message may have UTF-8 in its header */
};

/* Append it, folded, CRLF at each line's end. No line is longer than RFC 5322 allows. */
void	spf_header_write(struct buf *, const struct spf_header *);

#endif
