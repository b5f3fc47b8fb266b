/* What the files of smtp_session share; nobody else includes this. */
#ifndef PROTO_SMTP_INTERNAL_H
#define PROTO_SMTP_INTERNAL_H

#include "smtp_session.h"
#include "smtp_special.h"

enum {
	PHASE_COMMAND,
	PHASE_AUTH,		/* the answer to a challenge */
	PHASE_DATA,
	PHASE_CHUNK,
};

/* What follows a wait. */
enum {
	THEN_NOTHING,
	THEN_UNKNOWN,		/* all recipients unknown: say so */
	THEN_FINISH,		/* deliver */
	THEN_REFUSE,		/* s->refused */
	THEN_AUTH,		/* who failed often has waited: ask */
};

/* Special recipient names of a test system (localserve). */
struct smtp_special {
	int	code;		/* 0: none; 400 to 599 */
	bool	hang;
};

struct smtp_special	smtp_special(const struct smtp_session *, const struct addr *);

/*
 * A reply, on more lines where text holds LF or is long; refusals end in the id
 * of transaction or connection. An enhanced code of NULL is left out.
 */
void	smtp_reply(struct smtp_session *, int code, const char *enhanced, struct str text);
void	smtp_say(struct smtp_session *, int code, const char *enhanced, const char *text);

/* The same and SMTP_WANT_CLOSE. */
void	smtp_say_close(struct smtp_session *, int code, const char *enhanced, const char *text);

/* Text from elsewhere for a reply line: no controls, no more than fits. In the transaction's arena. */
struct str	smtp_clean_text(struct smtp_session *, struct str text);

/* AUTH and its responses, and the key that a client showed; NAMES of EHLO. */
void	smtp_auth_begin(struct smtp_session *, struct str arg);
void	smtp_auth_line(struct smtp_session *, struct str line);
void	smtp_auth_key(struct smtp_session *);
void	smtp_auth_names(struct smtp_session *);
void	smtp_auth_wipe(struct smtp_session *);

/* EHLO's reply. */
void	smtp_say_hello(struct smtp_session *);

/* Whom we trust is not made to wait, and is told the truth at once. Submission takes mail from no others. */
static inline bool
smtp_is_friend(const struct smtp_session *s)
{
	return s->conf->trusted || s->conf->submission;
}

void	smtp_delay(struct smtp_session *, int64_t ms, int then);
void	smtp_reset(struct smtp_session *);	/* the transaction */
void	smtp_command(struct smtp_session *, struct str line);

/* The message is whole. */
void	smtp_message_end(struct smtp_session *);

#endif
