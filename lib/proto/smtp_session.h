/*
 * smtp_session: the receiving side of SMTP, for mail from elsewhere and for
 * submission (RFC 6409) by who has logged in, without any I/O. Bytes of the peer
 * go in; replies gather in `out`, and each call says what is wanted next. The
 * caller fulfils wants, writes `out` before it waits for anything, and feeds again.
 *
 *	smtp_session_init(&s, &conf);
 *	for (;;)
 *		switch (smtp_session_feed(&s, &input)) {
 *		case SMTP_WANT_INPUT:	read more into input …
 *		case SMTP_WANT_RCPT:	smtp_session_found(&s, look up s.asked …) …
 *
 * However the input is cut, the replies and wants are the same. Everything
 * about RFC 5321 and its extensions that is not system calls is decided here.
 */
#ifndef PROTO_SMTP_SESSION_H
#define PROTO_SMTP_SESSION_H

#include "../base/arena.h"
#include "../base/limits.h"
#include "smtp_cmd.h"
#include "smtp_data.h"

enum { SMTP_DATA_BUFFER = 65536 };	/* message bytes gathered before SMTP_WANT_STORE */

/* Facts that do not change, borrowed for the session's life. */
struct smtp_session_conf {
	struct str	hostname;
	struct str	id;		/* the connection's, in replies and Received */
	uint64_t	max_size;
	bool		trusted;	/* no delays, many recipients, the truth at RCPT */
	bool		localserve;	/* special recipient names */
	bool		starttls;	/* may be asked for */
	bool		require_tls;	/* no recipients without TLS */
	bool		tls;		/* is on already */
	bool		closed;		/* this service is not served: say so and close */

	/* submission */
	bool		submission;	/* mail only from who has logged in, and to everywhere */
	bool		known;		/* has logged in before the session: no AUTH */
	bool		auth_clear;	/* PLAIN and LOGIN may be used without TLS */
	bool		client_key;	/* the peer showed a certificate in TLS */
	bool		channel;	/* TLS can be bound to: SCRAM-…-PLUS */
};

enum smtp_want {
	SMTP_WANT_INPUT,	/* feed more */
	SMTP_WANT_AUTH,		/* ask authd as s.auth says -> smtp_session_auth() */
	SMTP_WANT_SENDER,	/* may mail come from s.from? -> smtp_session_sender() */
	SMTP_WANT_SPF,		/* did SPF pass for s.from? -> smtp_session_spf() */
	SMTP_WANT_RCPT,		/* who is s.asked? -> smtp_session_found() */
	SMTP_WANT_STORE,	/* append s.data to the message -> smtp_session_stored() */
	SMTP_WANT_FINISH,	/* deliver -> smtp_session_result() each, smtp_session_finished();
				   in submission queue it -> smtp_session_queued() */
	SMTP_WANT_STARTTLS,	/* write out, begin TLS -> smtp_session_secured() */
	SMTP_WANT_DELAY,	/* write out, wait s.delay_ms -> smtp_session_waited() */
	SMTP_WANT_CLOSE,	/* write out, close */
};

/* What to ask, and what may be answered. */
enum smtp_auth_step {
	SMTP_AUTH_KEY,		/* nobody asked: is the client's key good to log in with? */
	SMTP_AUTH_START,	/* mechanism; response when given */
	SMTP_AUTH_STEP,		/* response */
	SMTP_AUTH_ABORT,
};

enum smtp_auth_got {
	SMTP_AUTH_OK,
	SMTP_AUTH_CONTINUE,	/* text is the challenge, in base64 */
	SMTP_AUTH_BADCREDS,
	SMTP_AUTH_BADPROTOCOL,
	SMTP_AUTH_BADCHANBIND,
	SMTP_AUTH_DISABLED,	/* text is what to tell */
	SMTP_AUTH_ABORTED,
	SMTP_AUTH_NOMECH,	/* no such mechanism; for a key: not without being asked */
	SMTP_AUTH_LIMITED,	/* too many failures from there */
	SMTP_AUTH_TEMP,		/* cannot be told now */
};

enum smtp_found {
	SMTP_FOUND_LOCAL,	/* deliver it */
	SMTP_FOUND_UNKNOWN,	/* our domain, no such user */
	SMTP_FOUND_NO_DOMAIN,	/* not our domain */
	SMTP_FOUND_DISABLED,	/* our domain, disabled */
	SMTP_FOUND_REFUSED,	/* 550 with the text the account wants */
	SMTP_FOUND_LATER,	/* 451 with that text */
	SMTP_FOUND_ERROR,	/* could not be looked up */
};

enum smtp_sender {
	SMTP_SENDER_OK,
	SMTP_SENDER_NO_MAIL,	/* takes no mail: 550 5.7.27 */
	SMTP_SENDER_ERROR,	/* could not be looked up: 451 4.4.0 */
	SMTP_SENDER_NOT_YOURS,	/* the account may not use it: 550 5.7.1 */
	SMTP_SENDER_DISABLED,	/* its domain is disabled: 451 4.3.0 */
};

enum smtp_stored {
	SMTP_STORED,
	SMTP_STORED_FULL,	/* no space: 452 */
	SMTP_STORED_FAILED,	/* 451 */
};

struct smtp_rcpt {
	struct addr	 addr;
	struct str	 text;		/* canonical */
	unsigned	 notify;	/* SMTP_NOTIFY_* */
	struct str	 orcpt;		/* empty when absent */
	void		*found;		/* the caller's, from smtp_session_found() */
	bool		 deliver;	/* false: its result is known, nothing is to be done */
	int		 code;		/* the result: 250, or a refusal */
	char		 enhanced[12];
	struct str	 why;
};

struct smtp_session {
	const struct smtp_session_conf *conf;
	struct buf	 out;		/* replies, for the caller to write and reset */
	struct buf	 data;		/* SMTP_WANT_STORE: bytes of the message */
	int64_t		 delay_ms;	/* SMTP_WANT_DELAY */
	struct smtp_rcpt asked;		/* SMTP_WANT_RCPT */
	struct {
		enum smtp_auth_step	step;
		char			mechanism[24];
		bool			given;		/* there is a response */
		struct buf		response;	/* in base64, as it came */
	} auth;				/* SMTP_WANT_AUTH */
	int64_t		 now;		/* the caller's: seconds since 1970, set before each feed */
	bool		 slow;		/* a stranger who was refused: read and write slowly */
	bool		 tls, client_key, channel;
	bool		 known;		/* may submit: by AUTH, by its key, or from the beginning */

	/* the peer's name */
	char		 helo_text[LIMIT_DOMAIN + 1];
	struct str	 helo;		/* empty before EHLO or HELO */
	bool		 esmtp;

	/* the transaction; reset by RSET, EHLO, STARTTLS and its end */
	struct arena	 arena;
	bool		 mail;		/* MAIL was accepted */
	char		 msg_text[80];
	struct str	 msg;		/* its id: the connection's and a number */
	struct addr	 from;
	struct str	 from_text;	/* canonical; empty for <> */
	uint64_t	 said_size;	/* SIZE=, 0 when absent */
	enum smtp_body	 body;
	enum smtp_ret	 ret;
	struct str	 envid;
	struct str	 holdfor, holduntil;
	bool		 smtputf8, requiretls;
	struct smtp_rcpt *rcpt;
	size_t		 nrcpt;
	uint64_t	 size;		/* bytes of the message so far */

	/* for smtp_session*.c alone */
	enum smtp_want	 want;
	struct buf	 line;
	int		 phase;
	int		 then;
	struct smtp_data reader;
	uint64_t	 chunk;		/* octets of this BDAT still to come */
	bool		 chunk_last, chunk_bad, chunks;
	bool		 spf, spf_asked, heard, too_big, all_unknown;
	enum smtp_stored trouble;
	unsigned	 count;		/* transactions */
	unsigned	 good, bad;
	bool		 authenticated;	/* by AUTH */
	bool		 lost;		/* the queue: nothing more can be sent */
	unsigned	 failures;	/* of AUTH */
	size_t		 rcpt_room;
	struct smtp_code refused;
};

/* Puts the greeting into out. conf is borrowed. */
void	smtp_session_init(struct smtp_session *, const struct smtp_session_conf *);
void	smtp_session_free(struct smtp_session *);

/* Take from *in what can be taken now. Never SMTP_WANT_INPUT with bytes left in *in. */
enum smtp_want	smtp_session_feed(struct smtp_session *, struct str *in) __attribute__((warn_unused_result));

/* Fulfilled wants; each only when it was wanted. */
void	smtp_session_sender(struct smtp_session *, enum smtp_sender);
void	smtp_session_spf(struct smtp_session *, bool passed);
void	smtp_session_found(struct smtp_session *, enum smtp_found, struct str text, void *found);
void	smtp_session_stored(struct smtp_session *, enum smtp_stored);
void	smtp_session_waited(struct smtp_session *);

/* TLS is on; what was read before is to be thrown away. The facts are as in smtp_session_conf. */
void	smtp_session_secured(struct smtp_session *, bool client_key, bool channel);

/* text is cleaned and copied. */
void	smtp_session_auth(struct smtp_session *, enum smtp_auth_got, struct str text);

/*
 * What became of recipient i: 250, or a refusal with its enhanced code. text
 * may be anything; it is cleaned and copied. Recipients without a result count as failed for now.
 */
void	smtp_session_result(struct smtp_session *, size_t i, int code, struct str enhanced, struct str text);

/* All recipients have their result: the reply, as the header comment of smtp_session_end.c tells. */
void	smtp_session_finished(struct smtp_session *);

/*
 * Submission: what the queue says about the message, 250 or a refusal; text as
 * above. lost: there is no queue any more, and the session ends with the next command.
 */
void	smtp_session_queued(struct smtp_session *, int code, struct str enhanced, struct str text, bool lost);

/* Instead of all that: one refusal for the whole message. */
void	smtp_session_refused(struct smtp_session *, int code, const char *enhanced, const char *text);

/* Say this and want to be closed: on a signal (421 4.3.2), a time-out (421 4.4.2). */
void	smtp_session_stop(struct smtp_session *, int code, const char *enhanced, const char *text);

/* True while the bytes of a message are awaited. */
bool	smtp_session_in_message(const struct smtp_session *);

#endif
