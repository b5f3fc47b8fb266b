/* What the files of smtpd share. */
#ifndef SMTPD_SMTPD_H
#define SMTPD_SMTPD_H

#include <signal.h>

#include "base/arena.h"
#include "base/limits.h"
#include "client/authd.h"
#include "client/conf.h"
#include "client/held.h"
#include "client/put.h"
#include "message.h"
#include "proto/smtp_session.h"
#include "sys/deadline.h"
#include "sys/peer.h"
#include "sys/stream.h"

struct opts {
	int64_t	io_ms;		/* patience for a read or a write */
	int64_t	message_ms;	/* for a whole message: its bytes, judgement and delivery */
	int64_t	service_ms;	/* for an answer of verifyd or deliverd */
	int64_t	pause_ms;	/* slow mode's second */
	bool	queue;		/* -Q: no peer, no login; the queue is descriptor 4 */
};

enum timed { TIMED_NOT, TIMED_LINE, TIMED_MESSAGE };

/* Submission: who it is, once that is known, and the way into the queue that comes with it. */
struct submit {
	struct authd_dialogue	 auth;
	struct put		 put;		/* sock is -1 before the login */
	char			 account[LIMIT_ACCOUNT + 1];	/* empty: not known here */
	char			 login[LIMIT_SASL_NAME + 1];
};

struct smtpd {
	struct opts		 o;
	struct peer		 peer;
	struct conf		*conf;
	struct smtp_session_conf sc;
	struct smtp_session	 s;
	struct stream		 io;
	struct message		 msg;
	struct arena		 found;		/* what was looked up for this transaction */
	struct held		 deliver, verify, dns;
	struct submit		 submit;
	enum timed		 timed;
	struct deadline		 until;		/* what is timed must be done by then */
};

/* The session until its end. */
void	smtpd_serve(struct smtpd *);

/* SMTP_WANT_SENDER: does the domain of s.from take mail? */
void	smtpd_sender(struct smtpd *);

/* SMTP_WANT_RCPT: look s.asked up. */
void	smtpd_rcpt(struct smtpd *);

/* SMTP_WANT_FINISH: judge and deliver the message. */
void	smtpd_finish(struct smtpd *);

/*
 * Submission: SMTP_WANT_AUTH by way of authd, SMTP_WANT_SENDER by what the account
 * may use, SMTP_WANT_FINISH into the queue.
 */
void	submit_init(struct smtpd *);
void	submit_free(struct smtpd *);
void	submit_auth(struct smtpd *);
void	submit_sender(struct smtpd *);
void	submit_finish(struct smtpd *);

#endif
