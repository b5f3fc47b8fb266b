/* What the files of queue-remote share: one worker, and the attempt it makes of a job. */
#ifndef QUEUE_REMOTE_H
#define QUEUE_REMOTE_H

#include "client/job.h"
#include "client/mx.h"
#include "dialed.h"
#include "session.h"

/* Milliseconds; for tests they can be set. */
struct opts {
	int64_t	dial_ms;	/* one address */
	int64_t	dial_all_ms;	/* all of an attempt's dialing and looking up */
	int64_t	io_ms;		/* one reading or writing */
	int64_t	end_ms;		/* the reply to the end of a message */
	int64_t	job_ms;		/* all of a job: before queue-send gives it up (worker.c) */
	int64_t	idle_ms;	/* waiting for another job */
};

struct remote {
	struct opts	 o;
	int		 jobs;		/* the socket to queue-send */
	struct held	 dns;
	struct session	 session;	/* perhaps open, from the job before */
	bool		 sandboxed;
};

/* One try at a job: what is known of each recipient so far. */
struct attempt {
	struct remote		*r;
	const struct job	*job;
	int			 fd;		/* the message */
	struct arena		*arena;
	struct smtp_mail	 mail;		/* its recipients are the job's, in order */
	struct job_result	*result;
	bool			*taken;		/* of each recipient: what is in mail has come to result */
	struct str		*answered;	/* of each recipient: the first host that said something about it, perhaps out of turn */
	bool			*only_host;	/* of each recipient: nothing but "not this host" so far */
	struct dialed		 dialed;
	struct deadline		 by;		/* all must be over */
	struct deadline		 dialing;	/* of a host */
	bool			 begun;		/* a transaction was begun with some host */
	bool			 over;		/* no other host is to be tried */
};

/* Deliver; d's text is the arena's. */
void	deliver(struct remote *, const struct job *, int fd, struct arena *, struct job_done *d_r);

/* Hosts of the destination in order, until every recipient has its result. */
void	route(struct attempt *);

/* The same over the session that an earlier job left open. */
void	route_held(struct attempt *);

/* Nothing more is to be begun: queue-send is gone, or the time for the job is over. */
bool	is_stopped(const struct attempt *);

/* --- results (result.c) */

/*
 * In mail.rcpt[].got: UNTRIED is what the next connection is for; TEMP and HOST, what
 * another address or host may still do better; the others are final.
 */
bool	results_done(const struct attempt *);
size_t	results_untried(const struct attempt *);

/* All that is not final is untried, for another address; but a host that has answered about a recipient is not asked again. */
void	results_again(struct attempt *, struct str host);

/* Our own words for all that are untried; temporary ones do not take the place of a peer's. */
void	results_own(struct attempt *, enum smtp_mail_got, const char *status, struct str text, struct str host, struct str ip);

/* What a session left in mail.rcpt; and of one in which no mail could be sent, why. */
void	results_take(struct attempt *, const struct session *);
void	results_failed(struct attempt *, const struct session *);

/* After the last host. */
void	results_close(struct attempt *);

#endif
