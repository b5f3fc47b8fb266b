/* What the files of smtpd share. */
#ifndef SMTPD_SMTPD_H
#define SMTPD_SMTPD_H

#include <signal.h>

#include "base/arena.h"
#include "client/conf.h"
#include "client/held.h"
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
};

enum timed { TIMED_NOT, TIMED_LINE, TIMED_MESSAGE };

struct smtpd {
	struct opts		 o;
	struct peer		 peer;
	struct conf		*conf;
	struct smtp_session_conf sc;
	struct smtp_session	 s;
	struct stream		 io;
	struct message		 msg;
	struct arena		 found;		/* what was looked up for this transaction */
	struct held		 deliver, verify;
	enum timed		 timed;
	struct deadline		 until;		/* what is timed must be done by then */
};

/* The session until its end. */
void	smtpd_serve(struct smtpd *);

/* SMTP_WANT_RCPT: look s.asked up. */
void	smtpd_rcpt(struct smtpd *);

/* SMTP_WANT_FINISH: judge and deliver the message. */
void	smtpd_finish(struct smtpd *);

#endif
