/*
 * local: a message into whatever accounts an address of ours stands for: one
 * account, or the members of an alias. smtpd and queue-local do it alike.
 */
#ifndef CLIENT_LOCAL_H
#define CLIENT_LOCAL_H

#include "conf.h"
#include "deliver.h"

struct local_outcome {
	int		code;		/* 250, 4yz, 5yz */
	struct str	status, text;	/* borrowed from deliver until its next call, from the arena, or constant */
};

/* What does not change from recipient to recipient of one message. */
struct local {
	struct conf	*conf;
	struct held	*deliver;
	struct arena	*arena;		/* for look-ups */
	struct str	 mailfrom;	/* reverse-path */
	struct str	 author;	/* local_author() */
	struct str	 id;		/* for logs */
	int		 message;	/* -1: it cannot be read back */
	uint64_t	 offset, size;	/* of the message in it; size 0: all from offset on */
	int64_t		 service_ms;	/* patience with one answer of deliverd */
	struct deadline	 until;		/* and with all: past it deliverd is not asked */
	/* the header lines in front of the copy for rcpt: Delivered-To, Return-Path, Received … */
	void		 (*prefix)(struct buf *, void *, struct str rcpt);
	/* a recipient of its own of the same message, who gets it anyway; NULL: none is */
	bool		 (*is_recipient)(void *, struct str address);
	/* for the log: what became of one account's copy, and an errno when deliverd gave no answer */
	void		 (*told)(void *, struct str rcpt, struct str account, const struct local_outcome *, int lost);
	void		*arg;
};

/*
 * Who wrote it: the canonical address of the message's only From, in the arena;
 * empty when it has several or none, or not one address.
 */
struct str	local_author(struct conf *, struct arena *, struct str message);

/*
 * rcpt: the canonical address of r, or as it was written. An r that is no account or
 * alias gives the refusal that it means.
 */
struct local_outcome	local_deliver(const struct local *, struct str rcpt, const struct conf_rcpt *r);

#endif
