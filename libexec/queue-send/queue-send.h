/*
 * queue-send: what its files share; see queue-send(8). One process, one loop:
 *
 *	message.c	what is in the queue, in memory; what is due, what is finished
 *	load.c		a message from its files
 *	schedule.c	when a recipient is tried again
 *	route.c		where a recipient goes
 *	dest.c		who is due for a destination, and how many workers it may have
 *	batch.c		recipients of one message that are tried together, from "try" to their results
 *	worker.c	the processes that deliver
 *	notify.c	what senders are told
 *	control.c	posthorn queue
 *	watch.c		new files in queue/msg
 *	main.c		start, loop, stop
 *
 * What is in memory follows from the files; the addresses stay there.
 */
#ifndef QUEUE_SEND_H
#define QUEUE_SEND_H

#include <poll.h>

#include "client/conf.h"
#include "client/job.h"
#include "names.h"
#include "schedule.h"
#include "store/spool.h"

struct link {
	struct link	*next, *prev;
};

enum phase {
	PHASE_WAIT,		/* until its time, or for good */
	PHASE_DUE,		/* in the list of its destination */
	PHASE_BUSY,		/* a worker has it */
};

struct rcpt {
	struct link	 link;		/* DUE: first, so that a link of a list is its rcpt */
	struct dest	*dest;		/* DUE, BUSY */
	struct name	*domain;
	struct due	 due;
	uint32_t	 index;		/* in the message */
	uint8_t		 state;		/* enum spool_state */
	uint8_t		 phase;
	uint8_t		 attempts;
	uint8_t		 notify;
	bool		 held : 1;
	bool		 delayed : 1;	/* its sender was told of the delay */
	bool		 success : 1;	/* its sender is to be told of the delivery */
	bool		 account : 1;	/* for an account, whatever the address */
	bool		 postmaster : 1; /* its localpart says so */
	bool		 noted : 1;	/* the attempt to come is in the log already */
	bool		 unnoted : 1;	/* delivered, and the log does not know yet */
};

/* What workers told of their attempts, for the next one of the same destination. */
struct dialed {
	struct dialed	*next;
	struct name	*dest;	/* its key */
	size_t		 n;
	char		 text[];
};

struct message {
	struct message	*chain;		/* in its bucket */
	struct name	*account, *from_domain;
	struct dialed	*dialed;
	int64_t		 queued;
	int64_t		 due;		/* when to look at it */
	int64_t		 tell_at;	/* INT64_MAX: there is nothing to tell or to tidy */
	uint32_t	 heap_at;	/* NOWHERE: not in the heap */
	uint32_t	 nbusy;
	uint32_t	 nrcpt;		/* 0: the file is damaged, and was complained about */
	char		 id[SPOOL_ID + 1];
	bool		 null_path;
	struct rcpt	 rcpt[];
};

enum { NOWHERE = UINT32_MAX };

enum door_kind { DOOR_REMOTE, DOOR_LOCAL, DOORS };

/* Destinations that wait for something, in the order they came. */
struct waiting {
	struct dest	*first, *last;
};

/* Where workers of one kind come from. */
struct door {
	const char	*path;
	unsigned	 workers, most;
	struct link	 idle;		/* workers, the longest idle first */
	struct waiting	 none, more;	/* destinations that want a worker: without any, besides others */
	int64_t		 again;		/* clock_ms() from which on it is tried again */
	unsigned	 failures;
};

/* What comes of an attempt without a worker. Text is the struct's. */
struct verdict {
	bool		 perm;
	unsigned	 code;
	char		 status[12];
	char		 text[512], host[256], ip[46];
};

enum dest_kind { DEST_REMOTE, DEST_LOCAL, DEST_REFUSE };

struct dest {
	struct name	*key;
	struct door	*door;
	enum dest_kind	 kind;
	struct link	 due;
	size_t		 ndue;
	unsigned	 workers, idle, opening;
	unsigned	 window;	/* workers it may have now */
	unsigned	 limit;		/* more than these the peer did not take; 0: not known */
	int64_t		 limit_until;	/* clock_ms() */
	struct verdict	*verdict;	/* REFUSE: of all; else of the next nshared */
	size_t		 nshared;
	struct dest	*touched_next, *waiting_next;
	bool		 is_touched;
	struct waiting	*waits;		/* the list that it is in */
};

/* Recipients of one message tried together. */
struct batch {
	struct message	*m;
	struct dest	*dest;
	unsigned	 n, attempt;
	uint32_t	 rcpt[JOB_RCPTS];
	int64_t		 next;
};

enum worker_state { WORKER_OPENING, WORKER_IDLE, WORKER_BUSY, WORKER_DEAD };

struct worker {
	struct link	 idle;		/* first; IDLE: of its door */
	struct worker	*next;
	struct dest	*dest;
	enum worker_state state;
	int		 door, sock;	/* -1: none */
	struct deadline	 until;
	unsigned	 jobs, row;	/* done by it; since others last had a chance */
	unsigned	 conf;		/* the configuration that it began with */
	struct batch	 batch;
	struct buf	 rec;		/* the job it has */
	size_t		 polled;	/* its place there */
};

struct queue {
	struct conf	*conf;
	unsigned	 conf_changes;	/* how often it was built anew */
	struct spool	 spool;
	struct names	 names;
	struct message	**bucket;
	size_t		 buckets, nmessage;
	struct message	**heap;
	uint32_t	 nheap, heap_cap;
	struct door	 door[DOORS];
	struct worker	*workers;
	size_t		 nworker;
	struct waiting	 touched;
	struct arena	 arena;		/* of one step */
	int64_t		 base;		/* seconds of the first back-off */
	uint32_t	 again;		/* seconds until what failed on our side is tried again */
	int64_t		 now;		/* wall clock of this turn */
	int64_t		 ahead;		/* seconds of the wall clock before the monotonic one */
	int64_t		 sweep_at;	/* clock_ms() of the next look at everything */
	uint32_t	 random;
	int		 watch;		/* inotify; -1: none */
	int		 null;		/* what workers get as their control descriptor */
	bool		 stopping;
	struct control	*control;
};

/* --- message.c */

/* The message of that name; NULL: none is known. */
struct message	*message_find(const struct queue *, struct str id);

/* Among those that are known; false: no memory. */
bool		 message_add(struct queue *, struct message *) __attribute__((warn_unused_result));

/* Of one that was never added. */
void		 message_free(struct queue *, struct message *);

/* A line of the log about it. */
void		 message_complain(const char *event, const char *id, int err);

/* After anything changed: remove what is finished (m is gone then), else see when to look at it again. */
void		 message_settle(struct queue *, struct message *);

/* Whose time has come: move them to their destinations, tell who is to be told. */
void		 messages_due(struct queue *);

/* Clocks that were set, files that could not be removed. */
void		 messages_mend(struct queue *);

/* Seconds since 1970 of the next thing to do; INT64_MAX: none. */
int64_t		 messages_next(const struct queue *);

void		 messages_free(struct queue *);

/* Nothing is left to be done for it. */
bool		 rcpt_is_over(const struct rcpt *);

/* The copies of ids of all messages, oldest first; the caller frees. NULL: no memory or none. */
char		*message_ids(const struct queue *, size_t *n_r);

/*
 * Its envelope (the arena's) and descriptor. -1 with errno, which was complained about;
 * ENOENT: the file is gone, and all recipients that are not busy are dropped; to be settled.
 */
int		 message_read(struct queue *, struct message *, struct envelope *, int *fd_r) __attribute__((warn_unused_result));

struct str	 message_dialed(const struct message *, const struct name *dest);
void		 message_keep_dialed(struct message *, struct name *dest, struct str);

/* --- load.c */

/* Read the file of that name unless it is known; what is wrong with it is logged. */
void		 message_load(struct queue *, const char *id);

/* --- route.c */

enum route_to {
	ROUTE_DIRECT,
	ROUTE_SMARTHOST,
	ROUTE_LOCAL,
	ROUTE_REFUSE,
	ROUTE_LATER,		/* the configuration cannot be read */
};

struct route {
	enum route_to		 to;
	struct conf_transport	 transport;	/* SMARTHOST; DIRECT: name empty without */
	struct verdict		 verdict;	/* REFUSE */
};

void		 route_find(struct queue *, const struct message *, const struct rcpt *, struct route *out_r);

/* The name of its destination, held; NULL: no memory. */
struct name	*route_key(struct queue *, const struct route *, const struct rcpt *) __attribute__((warn_unused_result));

/* --- dest.c */

void		 link_init(struct link *);
void		 link_add(struct link *list, struct link *);	/* at the end */
void		 link_remove(struct link *);

void		 doors_init(struct queue *);
void		 doors_configure(struct queue *);

/* A recipient whose time has come; false: no memory, try later. */
bool		 dest_add(struct queue *, struct rcpt *, const struct route *) __attribute__((warn_unused_result));

/* No longer due there. */
void		 dest_remove(struct queue *, struct rcpt *);

/* Something changed: to be looked at by dests_dispatch(). */
void		 dest_touch(struct queue *, struct dest *);

/* Give work to idle workers, open others where that may be. */
void		 dests_dispatch(struct queue *);

/* A job went well; no transaction could be begun, this is why. */
void		 dest_went_well(struct queue *, struct dest *);
void		 dest_unreached(struct queue *, struct dest *, const struct job_result *);

/* Others wait for a worker, and it is this one's turn to make room. */
bool		 dest_yields(struct queue *, const struct dest *, unsigned row);

/* At the end, when messages and workers are gone. */
void		 dests_free(struct queue *);

/* --- batch.c */

struct message	*rcpt_message(struct rcpt *);

/* Take the first due recipient and those that go with it; false: none is due. */
bool		 batch_take(struct queue *, struct dest *, struct batch *);

/* Leave out all but the first n; the others are due again. */
void		 batch_shorten(struct queue *, struct batch *, unsigned n);

/* message_read() for it; -1: it is dealt with. */
int		 batch_read(struct queue *, struct batch *, struct envelope *, int *fd_r) __attribute__((warn_unused_result));

/* Write the attempt down; -1: it cannot be, and the batch was put off. */
int		 batch_try(struct queue *, struct batch *) __attribute__((warn_unused_result));

/* Nothing was done: due again now (the attempt, if noted, stands), or put off for so many seconds. */
void		 batch_return(struct queue *, struct batch *);
void		 batch_postpone(struct queue *, struct batch *, int64_t seconds);

/* What came of it. job has the addresses. The message may be gone after. */
void		 batch_done(struct queue *, struct batch *, const struct job *, const struct job_done *);

/* The same for all of them. */
void		 batch_all(struct queue *, struct batch *, const struct job *, const struct job_result *);

/* The attempt is given up without a fault of the peer: tried at once after a restart. */
void		 batch_abandon(struct queue *, struct batch *);

/* Attempt and result of one whole batch without a worker. */
void		 batch_judge(struct queue *, struct batch *, const struct verdict *);

/* The verdict that a result is. */
void		 verdict_set(struct verdict *, const struct job_result *);

/* --- worker.c */

/* A new one for the destination; -1: not now. */
int		 worker_open(struct queue *, struct dest *);

/* Give it the next that is due for its destination, or let it be idle. */
void		 worker_feed(struct queue *, struct worker *);

/* Idle no more: it ends. */
void		 worker_close(struct queue *, struct worker *);

void		 workers_poll(struct queue *, struct pollfd *, size_t *n);
void		 workers_ready(struct queue *, const struct pollfd *);
struct deadline	 workers_deadline(const struct queue *);
void		 workers_bury(struct queue *);

/* What stands was connected as the configuration said then: it is not used again. */
void		 workers_renew(struct queue *);

/* Stop: close what has no job; with force the jobs too. True when none is left. */
bool		 workers_stop(struct queue *, bool force);

/* --- notify.c */

/* There is something to tell the sender about it. */
bool		 rcpt_to_tell(const struct message *, const struct rcpt *);

/* Tell what is to be told, and note it; what cannot be is tried again later (tell_at). */
void		 notify_message(struct queue *, struct message *);

/* --- control.c */

enum { CONTROL_CLIENTS = 16 };

void		 control_open(struct queue *, int listener);
void		 control_close(struct queue *);
void		 control_poll(struct queue *, struct pollfd *, size_t *n);
void		 control_ready(struct queue *, const struct pollfd *);
bool		 control_has_work(const struct queue *);

/* --- watch.c */

void		 watch_open(struct queue *);
void		 watch_ready(struct queue *);
void		 watch_scan(struct queue *);

#endif
