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

/* The connection is over: why, with the reply that said it or (reply false) with our own words. */
void	smtp_client_close(struct smtp_client *, enum smtp_client_why, bool reply, const char *status, struct str text);

/* A whole reply while a message is under way. */
void	smtp_client_mail_reply(struct smtp_client *);

/* The connection ends with recipients that have no result. */
void	smtp_client_mail_over(struct smtp_client *);

/* 552 is temporary (RFC 5321 4.5.3.1.10), unless the message is said to be too large. */
enum smtp_mail_got	smtp_client_verdict(const struct smtp_client *);

#endif
