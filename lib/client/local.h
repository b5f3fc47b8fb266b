/*
 * local: a message into whatever accounts an address of ours stands for: one
 * account, or the members of an alias. smtpd and queue-local do it alike.
 */
#ifndef CLIENT_LOCAL_H
#define CLIENT_LOCAL_H

#include "conf.h"
#include "deliver.h"

/* What does not change from recipient to recipient of one message. */
struct local {
	struct conf	*conf;
	struct held	*deliver;
	struct arena	*arena;		/* for look-ups */
	struct str	 mailfrom;	/* reverse-path */
	struct str	 author;	/* From's canonical address; empty when it is not one and clear */
	struct str	 id;		/* for logs */
	int		 message;	/* from offset 0 */
	struct deadline	 until;
	/* the header lines in front of the copy for rcpt: Delivered-To, Return-Path, Received … */
	void		 (*prefix)(struct buf *, void *, struct str rcpt);
	/* RCPT of the same transaction, who gets it anyway */
	bool		 (*is_recipient)(void *, struct str address);
	void		*arg;
};

struct local_outcome {
	int		code;		/* 250, 4yz, 5yz */
	struct str	status, text;	/* borrowed from deliver, or constant */
};

/* rcpt: the canonical address of r, or as it was written. */
struct local_outcome	local_deliver(const struct local *, struct str rcpt, const struct conf_rcpt *r);

#endif
