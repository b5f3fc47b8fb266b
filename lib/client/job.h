/*
 * job: what queue-send gives to a process that delivers (queue-remote,
 * queue-local), and what it hears back. One connection (SOCK_SEQPACKET) is one
 * worker: one "job" record with the spool file's descriptor, one "done" record,
 * then perhaps the next for the same destination. A worker that waits too long
 * for another ends by itself; queue-send closing the socket tells it to end.
 */
#ifndef CLIENT_JOB_H
#define CLIENT_JOB_H

#include "../base/arena.h"
#include "../base/buf.h"
#include "../proto/smtp_cmd.h"
#include "../sys/deadline.h"

enum {
	JOB_RCPTS	= 100,	/* of one job; so that it and its answer fit into a record */
	JOB_PORTS	= 4,	/* as many as posthorn.conf's outgoing-ports takes */
};

enum job_kind {
	JOB_DIRECT,		/* to the MX of `domain` */
	JOB_SMARTHOST,		/* to `host`, whatever the domain */
	JOB_LOCAL,		/* to accounts of ours */
};

enum job_tls {
	JOB_TLS_POLICY,		/* as the destination's own policies say; opportunistic without any */
	JOB_TLS_IMPLICIT,	/* from the first byte (port 465), verified */
	JOB_TLS_STARTTLS,	/* required, verified */
	JOB_TLS_UNVERIFIED,	/* STARTTLS required, the certificate is not looked at */
	JOB_TLS_OFF,
};

struct job_rcpt {
	struct str	address;
	unsigned	notify;
	struct str	orcpt;
	struct str	account, mailbox;	/* JOB_LOCAL: a notification's target; empty: as the configuration says */
};

struct job {
	struct str	 id;			/* the message's, for logs */
	enum job_kind	 kind;
	struct str	 hostname;		/* ours, for EHLO */
	struct str	 domain;
	struct str	 host;			/* SMARTHOST: name or address */
	uint16_t	 port[JOB_PORTS];		/* to be tried in order */
	size_t		 nport;
	enum job_tls	 tls;
	struct str	 ca_file;		/* empty: the system's */
	struct str	 user, password;	/* SMARTHOST: empty user: no AUTH */
	struct str	 mechanisms;		/* allowed ones, by spaces; empty: all but PLAIN and LOGIN without TLS */
	bool		 no_ipv4, no_ipv6;
	struct str	 from;
	enum smtp_body	 body;
	bool		 smtputf8;
	bool		 require_tls, tls_no;	/* REQUIRETLS; TLS-Required: No */
	enum smtp_ret	 ret;
	struct str	 envid;
	unsigned	 attempt;		/* from 1 */
	struct str	 dialed;		/* what the worker told of earlier attempts; opaque to queue-send */
	uint64_t	 content, size;		/* of the message in the descriptor */
	struct job_rcpt	*rcpt;
	size_t		 nrcpt;
};

enum job_got {
	JOB_OK,
	JOB_TEMP,
	JOB_PERM,
};

struct job_result {			/* of one recipient, in the order of the job */
	enum job_got	 got;
	unsigned	 code;		/* of the peer; 0: it did not say */
	struct str	 status, text;	/* as struct spool_result */
	struct str	 host, ip, tls;
	bool		 dsn, local;
};

struct job_done {
	struct job_result *result;	/* nrcpt of the job */
	size_t		 nresult;
	struct str	 dialed;	/* to be kept for the next attempt */
	bool		 unreached;	/* no transaction was begun: the destination is down or refuses us */
	bool		 more;		/* the worker stays for another job of this destination */
};

/*
 * Records "job" and "done", version 1. In a job everything but `rcpt` is told of
 * the message; `rcpt` begins a recipient, and notify, orcpt, account and mailbox
 * behind it are told of that one. In a done `result` (ok, temp, perm) begins one,
 * and `again` behind it says that all else is as it was with the one before.
 * A job may hold a password: it is never to be logged.
 *
 * Encoding puts the record into rec (an initialised buf of at most LIMIT_RECORD).
 * A job that does not fit, because of what its recipients say, gives false and
 * is to be done in parts; one recipient always fits. A done has its texts cut so that it fits,
 * and is false only when there is nothing to encode or no memory.
 *
 * Decoding borrows text from rec; arrays are the arena's. False when it is not
 * such a record, or something in it cannot be: no recipient or more than
 * JOB_RCPTS, an unknown kind, a port of 0, no host for a smart host.
 */
bool	job_encode(struct buf *rec, const struct job *) __attribute__((warn_unused_result));
bool	job_decode(struct str rec, struct arena *, struct job *out_r) __attribute__((warn_unused_result));
bool	job_done_encode(struct buf *rec, const struct job_done *) __attribute__((warn_unused_result));
bool	job_done_decode(struct str rec, struct arena *, struct job_done *out_r) __attribute__((warn_unused_result));

#endif
