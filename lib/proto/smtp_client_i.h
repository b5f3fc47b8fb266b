/* What the files of smtp_client share; nobody else includes this. */
#ifndef PROTO_SMTP_CLIENT_I_H
#define PROTO_SMTP_CLIENT_I_H

#include "smtp_client.h"

enum {
	PHASE_GREETING,
	PHASE_EHLO,
	PHASE_HELO,
	PHASE_STARTTLS,
	PHASE_AUTH,
	PHASE_MAIL,		/* nothing is under way */
	PHASE_ENVELOPE,		/* RSET, MAIL, RCPT, DATA */
	PHASE_BODY,		/* bytes of the message are being sent */
	PHASE_END,		/* its reply is awaited */
	PHASE_EMPTY,		/* a lone dot was sent: no recipient was taken, but DATA */
	PHASE_QUIT,
};

/* Where a recipient is in the transaction under way. */
enum {
	STAGE_OUT,		/* not in it */
	STAGE_CHOSEN,
	STAGE_ACCEPTED,
};

/* The commands of an envelope, in order: RSET, MAIL, RCPT for each chosen one, DATA. */
enum { CMD_RSET, CMD_MAIL, CMD_RCPT };

/* The connection is over: why, with the reply that said it or (reply false) with our own words. */
void	smtp_client_close(struct smtp_client *, enum smtp_client_why, bool reply, const char *status, struct str text);

/* A whole reply while a message is under way. */
void	smtp_client_mail_reply(struct smtp_client *);

/* --- smtp_client_envelope.c */

/* What this server cannot take has its result then; sets whether the message needs SMTPUTF8. */
void	smtp_client_check(struct smtp_client *);

/* Untried ones, as many as the server's limits let us (RFC 9422); without any, what every server must take. */
void	smtp_client_choose(struct smtp_client *);

/* The next command, or with PIPELINING (RFC 2920) all of them. */
void	smtp_client_commands(struct smtp_client *);

/* --- smtp_client_result.c */

/* This is the result of the recipient, which is in the transaction no more. */
void	smtp_client_result(struct smtp_client *, struct smtp_mail_rcpt *, enum smtp_mail_got, unsigned code, const char *status, struct str text);

/* The reply is the result of this one; of all that are in this stage. */
void	smtp_client_reply_result(struct smtp_client *, struct smtp_mail_rcpt *);
void	smtp_client_reply_results(struct smtp_client *, int stage);

/* Our own words are the result of all that have none. */
void	smtp_client_own_results(struct smtp_client *, enum smtp_mail_got, const char *status, struct str text);

/*
 * The connection ends. What was not answered is temporary, and the end of the message being
 * sent, unsure. Those of other transactions stay untried: they may be tried on another
 * connection at once.
 */
void	smtp_client_mail_over(struct smtp_client *);

/* 552 is temporary (RFC 5321 4.5.3.1.10), unless the message is said to be too large. */
enum smtp_mail_got	smtp_client_verdict(const struct smtp_client *);

#endif
