/*
 * trace: the fields a message gets on its way in (RFC 5321 4.4, RFC 3848, RFC
 * 6531 3.7.3), folded, CRLF at each line's end.
 */
#ifndef PROTO_TRACE_H
#define PROTO_TRACE_H

#include "../base/buf.h"
#include "date.h"

struct trace {
	struct str	helo;		/* as the peer said */
	struct str	rip;		/* its address, IPv6 without brackets; empty: not told */
	struct str	hostname, lip;	/* ours */
	struct str	tls, cipher;	/* "TLSv1.3", …; empty in plain text */
	struct str	id;		/* of the transaction */
	struct str	rcpt;		/* canonical address; empty: no "for" */
	bool		esmtp, utf8, auth, requiretls;
	struct date	date;
};

void	trace_received(struct buf *, const struct trace *);

/* Of a message that lay here itself: hostname, id, rcpt and date are told. */
void	trace_received_local(struct buf *, const struct trace *);

/* "Delivered-To: rcpt" and "Return-Path: <from>"; from is empty for the null path. */
void	trace_delivered_to(struct buf *, struct str rcpt);
void	trace_return_path(struct buf *, struct str from);

#endif
