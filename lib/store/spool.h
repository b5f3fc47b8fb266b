/*
 * spool: mail on its way out, in queue/ of the working directory. posthorn-queue(5)
 * tells the format.
 *
 *	queue/tmp/ID	being written
 *	queue/msg/ID	envelope and message, never changed: the promise
 *	queue/log/ID	what was tried and what came of it, appended to by queue-send alone
 *	queue/sent.tdb	what accounts sent in the last day, for their limits
 *	queue/sent-system.tdb	the same of programs of this machine
 *
 * A message is in the queue from the rename into msg/ on, and until it is unlinked there.
 *
 *	tmp	msg	log	state				the way on
 *	yes	-	-	not promised			removed when it is a day old
 *	-	yes	-	queued, nothing tried		due at its time
 *	-	yes	yes	each recipient as the log says	below
 *	-	-	yes	finished, half removed		the log is removed
 *
 * A recipient's state is what is left when its events are read in order:
 *
 *	state		last event		after a crash
 *	WAITING		none, defer, retry	due at `next`
 *	TRYING		try			the attempt counts; due at the `next` that try told
 *	DELIVERED	ok			as it is
 *	FAILED		fail			its sender is to be told: a notification is made (again)
 *	TOLD		told			as it is
 *	DROPPED		drop			as it is
 *	held (a flag)	hold; release ends it	not tried while it is set
 *
 * A message whose recipients are all DELIVERED, TOLD or DROPPED is finished. The
 * log is not synced for each event: what a power cut takes away is tried once more, never lost.
 * An event that a crash cut short has a wrong sum and is ignored; those behind it count.
 */
#ifndef STORE_SPOOL_H
#define STORE_SPOOL_H

#include "envelope.h"

struct spool {
	int	queue, tmp, msg, log;	/* directories; -1: not open */
};

#define SPOOL_INIT	{ -1, -1, -1, -1 }

/* queue/ below the working directory; make creates what is missing (0700). 0, or -1 with errno. */
int	spool_open(struct spool *, bool make) __attribute__((warn_unused_result));
void	spool_close(struct spool *);

/* --- putting */

struct spool_new {
	char		 id[SPOOL_ID + 1];
	int		 fd;		/* in tmp/; the message's bytes are to be written behind the envelope */
	uint64_t	 content;	/* where they begin */
};

/* A new id, for now (microseconds since 1970); ids of later times sort behind it. 0, or -1 with errno. */
int	spool_new_id(int64_t now_us, char id_r[SPOOL_ID + 1]) __attribute__((warn_unused_result));

/*
 * A new file in tmp/ that begins with this envelope. Without e->id one is made and filled in;
 * one that is given is used, so that a notification made again takes the place of itself.
 * The caller appends the message's bytes to n->fd. -1 with errno, EINVAL when the envelope
 * cannot be encoded: nothing is left, nothing is to be aborted.
 */
int	spool_begin(struct spool *, struct envelope *e, struct spool_new *n) __attribute__((warn_unused_result));

/*
 * Sync, rename into msg/, sync the directory: in the queue when 0 is returned. On -1 (with
 * errno) nothing is left. Either way n is done with.
 */
int	spool_commit(struct spool *, struct spool_new *) __attribute__((warn_unused_result));
void	spool_abort(struct spool *, struct spool_new *);	/* keeps errno */

/* --- reading */

/*
 * Open msg/ID; *fd_r is at any position, the message is read with pread from
 * e->content on, e->size bytes. The envelope's text is the arena's (LIMIT_ENVELOPE_ARENA is
 * enough). -1 with errno; ENOENT: no such message, EPROTO: damaged, ENOMEM: the arena is full.
 */
int	spool_read(struct spool *, const char *id, struct arena *, struct envelope *e, int *fd_r) __attribute__((warn_unused_result));

/* Call fn with the id of each message in msg/, in no order, until it returns false; -1 with errno. */
int	spool_each(struct spool *, bool (*fn)(void *, const char *id), void *) __attribute__((warn_unused_result));

/* --- the log */

enum spool_state {
	SPOOL_WAITING, SPOOL_TRYING, SPOOL_DELIVERED, SPOOL_FAILED, SPOOL_TOLD, SPOOL_DROPPED,
};

enum spool_event {
	SPOOL_EV_TRY,		/* rcpts, attempt, next: before anything is done */
	SPOOL_EV_OK,		/* rcpts, and the result */
	SPOOL_EV_DEFER,		/* rcpts, next, result */
	SPOOL_EV_FAIL,		/* rcpts, result */
	SPOOL_EV_TOLD,		/* rcpts */
	SPOOL_EV_DELAYED,	/* rcpts: their sender was told of a delay */
	SPOOL_EV_HOLD,
	SPOOL_EV_RELEASE,
	SPOOL_EV_RETRY,		/* next */
	SPOOL_EV_DROP,
};

/* What came of an attempt for some recipients. */
struct spool_result {
	struct str	 host, ip;	/* the peer; empty: none was reached */
	unsigned	 code;		/* of the peer's reply; 0: ours */
	struct str	 status;	/* enhanced code, "5.1.1" */
	struct str	 text;		/* the reply, its code in front, its lines divided by \n; or our own words */
	struct str	 tls;		/* "TLSv1.3", or empty */
	bool		 dsn;		/* the peer took our wishes about notifications over (RFC 3461) */
	bool		 local;		/* into an account of ours: delivered, not passed on */
};

struct spool_entry {
	enum spool_event	 event;
	int64_t			 at;		/* when, seconds since 1970 */
	const uint32_t		*rcpt;		/* indices into the envelope's recipients: below LIMIT_SMTP_RCPTS */
	size_t			 nrcpt;		/* at least one, also for HOLD and its like */
	unsigned		 attempt;	/* TRY: this is the n-th, from 1 */
	int64_t			 next;		/* TRY, DEFER, RETRY */
	struct spool_result	 result;	/* OK, DEFER, FAIL */
	struct str		 dest, dialed;	/* DEFER: what a worker is to be told at the next attempt at this destination; empty: as before */
};

/*
 * The entry as it stands in a log, and back; pure. Control characters of a
 * result become "?" (but \n in its text), and what is too long is cut. in: from one
 * SPOOL_ENTRY_MARK up to the next or the end; rcpts_r has room for LIMIT_SMTP_RCPTS; the
 * texts are borrowed from in. False: cannot be said, torn or foreign.
 */
#define SPOOL_ENTRY_MARK	'\036'	/* ASCII's record separator */
bool	spool_entry_encode(struct buf *, const struct spool_entry *) __attribute__((warn_unused_result));
bool	spool_entry_decode(struct str in, uint32_t *rcpts_r, struct spool_entry *out_r) __attribute__((warn_unused_result));

/*
 * Append one event to log/ID with one write; sync when it must outlive the
 * machine. -1 with errno; EINVAL: no recipient, or one that cannot be.
 */
int	spool_note(struct spool *, const char *id, const struct spool_entry *, bool sync) __attribute__((warn_unused_result));

struct spool_rcpt {
	enum spool_state	 state;
	bool			 held, delayed;
	unsigned		 attempts;
	int64_t			 last, next;	/* 0: none; due at once */
	struct spool_result	 result;	/* of the last attempt that ended */
};

/* What an event, that names the recipient, makes of it. The result's texts stay e's. */
void	spool_apply(struct spool_rcpt *, const struct spool_entry *e);

/* Nothing is left to be done for it: DELIVERED, TOLD or DROPPED. */
bool	spool_is_final(enum spool_state);

/*
 * Read log/ID into one struct a recipient (nrcpt of them, set up here). fn, when
 * given, gets each event in order. No log is no event. Texts of results are the
 * arena's; when it is full those that come then are empty. -1 with errno.
 */
int	spool_replay(struct spool *, const char *id, struct arena *, struct spool_rcpt *rcpt, size_t nrcpt,
	    void (*fn)(void *, const struct spool_entry *), void *) __attribute__((warn_unused_result));

/* Unlink msg/ID, then log/ID; neither need be there. -1 with errno. */
int	spool_remove(struct spool *, const char *id) __attribute__((warn_unused_result));

/* Remove what a crash left: files of tmp/ a day old, logs without a message. For queue-send, who writes logs. */
void	spool_tidy(struct spool *, int64_t now);

#endif
