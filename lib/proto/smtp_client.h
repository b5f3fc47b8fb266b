/*
 * smtp_client: the sending side of SMTP without any I/O, the mirror of
 * smtp_session. Bytes of the server go in; commands gather in `out`, and each
 * call says what is wanted next. The caller writes `out` (and resets it) before
 * it waits for anything, and feeds again.
 *
 *	smtp_client_init(&c, &conf);
 *	want = SMTPC_WANT_INPUT
 *	INPUT		read, smtp_client_feed()
 *	STARTTLS	throw away what was read, begin TLS, smtp_client_secured()
 *	MAIL		nothing is under way: feed what came unasked (421); then
 *			smtp_client_send() a message, or smtp_client_quit()
 *	MESSAGE		smtp_client_message() with its next bytes; what the server says meanwhile is fed
 *	CLOSE		the connection is of no use any more; c.why, c.code, c.status and c.text say
 *			why when it did not end with QUIT
 *
 * feed returns as soon as anything but INPUT is wanted, perhaps with bytes left.
 * However the input is cut, output and wants are the same. A connection that
 * breaks or falls silent is told with smtp_client_lost().
 *
 * Several transactions are made of one message where the server's limits ask for it
 * (RFC 9422; 452 for a recipient when others were taken). What is not transmitted
 * stays SMTP_MAIL_UNTRIED, for another connection.
 */
#ifndef PROTO_SMTP_CLIENT_H
#define PROTO_SMTP_CLIENT_H

#include "../base/arena.h"
#include "sasl_client.h"
#include "smtp_client_reply.h"
#include "smtp_cmd.h"
#include "smtp_ehlo.h"
#include "smtp_stuff.h"

enum { SMTP_CLIENT_PIECE = 65536 };	/* most bytes for one smtp_client_message() */

enum smtp_client_tls {
	SMTPC_TLS_NEVER,	/* STARTTLS is not asked for */
	SMTPC_TLS_OFFERED,	/* when it is offered; a server that then refuses goes on in plain text */
	SMTPC_TLS_REQUIRED,
};

/* Borrowed for the session's life. */
struct smtp_client_conf {
	struct str		hostname;	/* ours: domain or literal, for EHLO */
	enum smtp_client_tls	starttls;
	bool			tls;		/* is on already */
	bool			one_by_one;	/* PIPELINING is not believed */
	bool			login;		/* AUTH is needed, as auth says */
	struct sasl_client_conf	auth;		/* clear and channel are set by smtp_client_secured(), too */
};

enum smtp_client_want {
	SMTPC_WANT_INPUT,
	SMTPC_WANT_STARTTLS,
	SMTPC_WANT_MAIL,
	SMTPC_WANT_MESSAGE,
	SMTPC_WANT_CLOSE,
};

enum smtp_client_why {
	SMTPC_ENDED,		/* with QUIT, or 421 after the last message */
	SMTPC_REFUSED,		/* the greeting, or EHLO and HELO */
	SMTPC_CLOSING,		/* 421 */
	SMTPC_GARBAGE,		/* what it says is no reply, or has no place there */
	SMTPC_LOST,		/* smtp_client_lost() */
	SMTPC_NO_TLS,		/* required, and not offered or refused */
	SMTPC_NO_AUTH,		/* no mechanism in common, refused, or a server that is not the right one */
	SMTPC_LOOP,		/* it has our own host name */
	SMTPC_ABORTED,		/* our own doing: no memory */
};

enum smtp_mail_got {
	SMTP_MAIL_UNTRIED,
	SMTP_MAIL_OK,
	SMTP_MAIL_TEMP,
	SMTP_MAIL_PERM,
	SMTP_MAIL_HOST,		/* this server cannot take such a message, another may */
	SMTP_MAIL_UNSURE,	/* no reply to the end of the message: it may have it; temporary */
};

struct smtp_mail_rcpt {
	struct str		address;	/* localpart@domain */
	unsigned		notify;		/* SMTP_NOTIFY_* */
	struct str		orcpt;		/* "type;xtext"; empty: absent */
	/* what came of it; UNTRIED is what smtp_client_send() takes up */
	enum smtp_mail_got	got;
	unsigned		code;		/* the server's; 0: it did not say */
	char			status[SMTP_STATUS];
	struct str		text;		/* code and all lines of the reply, or our own words; the arena's */
	int			stage;		/* for smtp_client_mail.c alone */
};

struct smtp_mail {
	struct str		 from;		/* empty: <> */
	enum smtp_body		 body;
	bool			 smtputf8, requiretls;
	enum smtp_ret		 ret;
	struct str		 envid;		/* xtext; empty: absent */
	uint64_t		 size;
	struct smtp_mail_rcpt	*rcpt;
	size_t			 nrcpt;
	struct arena		*arena;
};

struct smtp_client {
	const struct smtp_client_conf *conf;
	struct buf		 out;
	struct smtp_ehlo	 peer;		/* what it offers */
	bool			 tls, esmtp, authenticated;
	char			 greeting[LIMIT_DOMAIN + 1];	/* what it calls itself, or empty */
	/* after SMTPC_WANT_CLOSE */
	enum smtp_client_why	 why;
	unsigned		 code;		/* of its reply; 0: text is our own words */
	char			 status[SMTP_STATUS];
	struct buf		 text;
	/* the transaction */
	struct smtp_mail	*mail;
	bool			 transferring;	/* recipients were taken, and bytes of the message are asked for or sent */
	bool			 ended;		/* its end is sent: the server may have it from now on */
	unsigned		 transactions;	/* begun on this connection */

	/* for smtp_client*.c alone */
	enum smtp_client_want	 want;
	int			 phase;
	struct smtp_client_reply reply;
	struct sasl_client_conf	 auth;
	struct sasl_client	 sasl;
	unsigned		 sasl_tried;
	bool			 sasl_busy, in_mail, need_rset, all_at_once, bdat, mail_ok;
	size_t			 first, sent, answered, last;	/* commands of the envelope */
	uint64_t		 left;		/* BDAT: bytes still to come */
	size_t			 naccepted, nchosen;
	uint32_t		*chosen;	/* the arena's */
	struct smtp_stuff	 stuff;
};

/* conf is borrowed. The greeting is wanted. */
void	smtp_client_init(struct smtp_client *, const struct smtp_client_conf *);
void	smtp_client_free(struct smtp_client *);	/* wipes what it knows of the password */

/* Take from *in what can be taken now. */
enum smtp_client_want	smtp_client_feed(struct smtp_client *, struct str *in);
enum smtp_client_want	smtp_client_want(const struct smtp_client *);

/* TLS is on (STARTTLS); channel is borrowed. */
void	smtp_client_secured(struct smtp_client *, const struct scram_channel *);

/* TLS was there from the first byte: what a login can be bound to. */
void	smtp_client_channel(struct smtp_client *, const struct scram_channel *);

/*
 * SMTPC_WANT_MAIL: transmit to the recipients that are UNTRIED. mail is borrowed until
 * SMTPC_WANT_MAIL or CLOSE comes again; then each has its result, but those for which the
 * server takes no more mail on this connection.
 */
void	smtp_client_send(struct smtp_client *, struct smtp_mail *);

/* False: the server takes no more transactions on this connection. */
bool	smtp_client_may_send(const struct smtp_client *);

/* SMTPC_WANT_MESSAGE: its next bytes, at most SMTP_CLIENT_PIECE; last: there are no more. */
void	smtp_client_message(struct smtp_client *, struct str bytes, bool last);

/* SMTPC_WANT_MAIL: QUIT; input is wanted until the server has answered. */
void	smtp_client_quit(struct smtp_client *);

/*
 * Commands that were sent at once wait for replies: when the connection breaks now, it
 * may be that the server only says that it can PIPELINING.
 */
bool	smtp_client_pipelined(const struct smtp_client *);

/*
 * The connection is gone or silent: recipients without a result get one, with
 * this status ("4.4.2") and text. Nothing is done after SMTPC_WANT_CLOSE.
 */
void	smtp_client_lost(struct smtp_client *, const char *status, struct str text);

#endif
