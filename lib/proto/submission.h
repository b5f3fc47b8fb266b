/*
 * submission: what a submitted message says of itself, and its header as it is
 * sent on (RFC 6409 section 8). Pure; who may say what is the caller's affair.
 *
 *	submission_look(head, &arena, &s)	head: the message's beginning, all of its header
 *	submission_write(&out, &s, …)		the fields that stay, behind those that the caller puts on top
 */
#ifndef PROTO_SUBMISSION_H
#define PROTO_SUBMISSION_H

#include "../base/arena.h"
#include "../base/buf.h"
#include "../base/limits.h"

struct submission {
	struct str	 head;		/* as given */
	size_t		 body;		/* offset behind the empty line; head.n when there is none */
	bool		 separated;	/* an empty line stands between header and body */
	bool		 ascii;		/* every byte of the header is */
	unsigned	 nfrom;		/* From fields */
	unsigned	 nreceived;
	bool		 has_date, has_message_id;	/* that are not empty */
	bool		 tls_no;	/* every TLS-Required says no (RFC 8689 section 5), and there is one */
	/* of a From that holds one address and nothing odd; else local is empty */
	struct str	 name, local, domain;	/* name is empty without; domain too. In the arena */
	struct str	 message_id;	/* in one line, without control characters; empty: none, or not to be told */
};

/* False when the arena is full. */
bool	submission_look(struct str head, struct arena *, struct submission *out_r) __attribute__((warn_unused_result));

/*
 * The header without its empty line. Left out: Bcc, Resent-Bcc and Return-Path, empty Date and Message-ID,
 * what another claims that hostname had found (Authentication-Results), a
 * mailbox file's "From " line; and From when author (a whole field) is there instead.
 */
void	submission_write(struct buf *, const struct submission *, struct str hostname, struct str author);

/* "From: NAME <LOCAL@DOMAIN>" with CRLF. name may be empty; local is as it is meant. */
void	submission_author(struct buf *, struct str name, struct str local, struct str domain);

/*
 * Look at all bytes of a message, in pieces. Lines should end in CRLF, and nothing
 * else hold a CR or LF; binary is for them that do not.
 */
struct submission_scan {
	bool	cr;		/* the last byte was CR */
	bool	bare;		/* a CR or LF stood alone */
	bool	eightbit;
	bool	nul;
};

void	submission_scan(struct submission_scan *, struct str part);
bool	submission_is_binary(const struct submission_scan *);	/* at the end */

/* Make every CR, LF and CRLF a CRLF. *cr is false at the start; room for twice the part. */
void	submission_lines(struct buf *, bool *cr, struct str part);

#endif
