/*
 * envelope: who sent a message to whom, as the beginning of a spool file:
 * attributes as in base/attr.h, "queue\0001\0envelope\0BYTES\0…", where BYTES (ten
 * digits) is the length of all of it, and so where the message begins. "rcpt"
 * begins a recipient; what follows until the next is told of that one.
 * posthorn-queue(5) has the whole list. Pure: bytes in, values out, and the other way round.
 */
#ifndef STORE_ENVELOPE_H
#define STORE_ENVELOPE_H

#include "../base/arena.h"
#include "../base/buf.h"
#include "../base/limits.h"
#include "../proto/smtp_cmd.h"

enum { SPOOL_ID = 16 };		/* lower-case base32hex, the first 8 characters of them the time: ids sort by age */

enum envelope_tls {
	ENVELOPE_TLS_ANY,
	ENVELOPE_TLS_REQUIRED,	/* REQUIRETLS (RFC 8689) */
	ENVELOPE_TLS_NO,	/* TLS-Required: No */
};

struct envelope_rcpt {
	struct str	 address;	/* LOCALPART@DOMAIN as it is written in RCPT */
	struct str	 domain;	/* of it, lower case; borrowed from address where it can be */
	unsigned	 notify;	/* SMTP_NOTIFY_*; 0: unsaid */
	struct str	 orcpt;		/* as it came; empty: absent */
	struct str	 account, mailbox;	/* a notification: into this account, whatever its addresses */
};

struct envelope {
	char		 id[SPOOL_ID + 1];
	int64_t		 queued;	/* seconds since 1970 */
	int64_t		 not_before;	/* FUTURERELEASE; 0: at once */
	struct str	 future;	/* as it was asked: "for;3600", "until;2026-11-21T12:00:00Z" */
	struct str	 account;	/* whose mail this is, told of what becomes of it; empty: the postmaster */
	struct str	 login;		/* the address that logged in; empty: none did */
	struct str	 from;		/* reverse-path; empty: <> */
	enum smtp_body	 body;
	bool		 smtputf8;
	enum envelope_tls tls;
	enum smtp_ret	 ret;
	struct str	 envid;		/* as it came */
	struct str	 message_id;	/* of the header, with its brackets; for logs and notifications */
	uint64_t	 content, size;	/* of the message in the file: set by spool_read() */
	struct envelope_rcpt *rcpt;
	size_t		 nrcpt;
};

/*
 * Append the encoded envelope (to an empty buf with a maximum of LIMIT_ENVELOPE);
 * false when it cannot be: a control character, too long, no recipient or too many.
 */
bool	envelope_encode(struct buf *, const struct envelope *) __attribute__((warn_unused_result));

/* How long the envelope is that in begins with, from the first ENVELOPE_HEAD bytes; 0: it is none. */
enum { ENVELOPE_HEAD = 28 };
size_t	envelope_length(struct str in);

/*
 * in: a file's beginning, at least all of the envelope. Borrows from in and the arena;
 * content is set, size is not. False: damaged, or the arena is full.
 */
bool	envelope_decode(struct str in, struct arena *, struct envelope *out_r) __attribute__((warn_unused_result));

/* A name that may be a spool file's. */
bool	spool_is_id(struct str);

#endif
