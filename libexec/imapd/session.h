/*
 * session: what every file of imapd shares. One process serves one connection
 * of one account; commands are in the table of command.h, each group in a file.
 */
#ifndef IMAPD_SESSION_H
#define IMAPD_SESSION_H

#include "base/arena.h"
#include "base/limits.h"
#include "proto/imap_parse.h"
#include "proto/imap_write.h"
#include "store/view.h"
#include "store/watch.h"
#include "sys/peer.h"
#include "sys/stream.h"

/* States of RFC 3501 section 3, as bits for the table. */
enum state {
	ST_AUTH		= 1,
	ST_SELECTED	= 2,
	ST_LOGOUT	= 4,
};

/* What ENABLE and commands have turned on. */
enum enabled {
	ON_CONDSTORE	= 1,
};

struct session {
	struct stream		 io;
	struct imap_gather	 gather;
	struct arena		 arena;		/* of the command being done */
	struct peer		 peer;
	struct account		*account;
	enum state		 state;
	unsigned		 enabled;
	bool			 gone;		/* the peer is not there or does not read: stop writing */
	const char		*why;		/* it ended, for the log; NULL for logout and gone */

	struct str		 tag;		/* of the command being done */
	const struct command	*command;
	bool			 uid;		/* its UID form */
	struct buf		 reply;		/* the tagged answer, without the tag */

	/* the selected mailbox */
	struct mailbox		*mb;
	struct view		 view;
	struct view_news	 news;
	struct arena		 names;		/* of the keywords below */
	struct str		 keywords[KEYWORD_MAX];
	size_t			 flags_room;	/* bytes that the longest flag list takes */
	uint64_t		 own_modseq;	/* changes with it were told already */
	bool			 announced;	/* HIGHESTMODSEQ was told since SELECT */
};

/* --- session.c */

/* Serve from what is in the stream until the end: logout, time-out, SIGTERM, the peer gone. */
void	session_serve(struct session *);

/*
 * Write what is gathered, then wait for more input in s->io.in. False when
 * the session is over (state is ST_LOGOUT, BYE is said where somebody listens).
 */
bool	session_more(struct session *);

/* SIGTERM came: long commands end early, the next wait says BYE. */
bool	session_stopping(const struct session *);

/* Leave the selected mailbox. */
void	session_deselect(struct session *);

/* A CONDSTORE enabling command (RFC 7162 3.1). */
void	session_condstore(struct session *);

/* --- reply.c */

/* Where responses are gathered; call out_more() after each, it writes when there is much. */
struct buf	*out(struct session *);
void		 out_more(struct session *);

/* Write what is gathered now (continuations, IDLE). */
void		 out_flush(struct session *);

/* Nothing waits to be written: give the memory of large commands back to the kernel. */
void		 out_shrink(struct session *);

/* A whole untagged line, "* " before it and CRLF behind. */
void		 untagged(struct session *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

enum cond {
	OK,
	NO,
	BAD,
};

/*
 * The tagged answer, written after the command with the untagged news before
 * it. code may be empty or NULL; it goes into brackets. The last call counts.
 */
void	reply(struct session *, enum cond, const char *code, const char *text);
void	reply_str(struct session *, enum cond, struct str code, const char *text);

/* From the store's errno: the response code that RFC 5530 has for it, and words. */
void	reply_errno(struct session *, int err);

/* BAD with the cursor's error. */
void	reply_syntax(struct session *, const struct imap_cur *);

/* True when all was read without an error; else the answer is BAD. Also the end of every parse. */
bool	parsed(struct session *, struct imap_cur *);

/* "TAG OK …" out of s->reply. */
void	reply_write(struct session *);

/* --- flags.c */

/* Read the selected mailbox's keywords again. */
int	flags_load(struct session *);

/* The same, and tell the client when there are new ones. */
void	flags_refresh(struct session *);

/* The list of an entry with its parentheses; room for s->flags_room bytes. Returns the end. */
char	*flags_put(const struct session *, char *p, struct flags, bool recent);

/* "* FLAGS (…)" and "* OK [PERMANENTFLAGS (…)]". */
void	flags_tell(struct session *);

/*
 * What a client named, as the store has it for mb; keywords are made if
 * create. -1 with errno (EOVERFLOW: too many keywords).
 */
int	flags_resolve(struct mailbox *, const struct imap_flags *, bool create, struct flags *out_r);

/* --- sync.c */

/*
 * Tell what happened to the selected mailbox. expunge: removed messages may be
 * told now (RFC 3501 7.4.1). False when the mailbox is gone.
 */
bool	sync_tell(struct session *, bool expunge);

/* One message's flags as an unsolicited FETCH. */
void	sync_fetch(struct session *, const struct entry *);

/* --- set.c */

/* The messages named, as uids: by sequence number or, with s->uid, by uid. False: the answer is BAD. */
bool	set_resolve(struct session *, struct imap_set *, struct uidset *out_r);

/* The same, by uid or by number as told: NULL, or what is wrong. */
const char	*set_uids(struct session *, struct imap_set *, bool uid, struct uidset *out_r);

/* As IMAP writes it. */
void	set_put(struct buf *, const struct uidset *);

/* The capabilities after login. */
extern const char	capabilities[];

#endif
