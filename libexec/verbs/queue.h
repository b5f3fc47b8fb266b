/*
 * queue: what the parts of posthorn queue have in common. All functions end the
 * program with a message when something is wrong.
 */
#ifndef VERBS_QUEUE_H
#define VERBS_QUEUE_H

#include "store/spool.h"

/* Which recipients of which messages are meant: those that everything given is true of. */
struct queue_filter {
	char		**id;		/* checked: each may be one */
	size_t		  nid;
	struct str	  account, domain, from, to;	/* from and to: a part of the address. Empty: not given */
	bool		  held, all;
};

/* One recipient, as list shows it. */
struct queue_line {
	struct str	 id, from, rcpt, state, text, host;
	uint64_t	 size, attempts;
	int64_t		 queued, next;
	bool		 held;
};

/* A socket to queue-send and a question begun in rec; -1 with errno when nobody is there. */
int	queue_ask(const char *cmd, const struct queue_filter *, struct buf *rec) __attribute__((warn_unused_result));

/* What its answer says: how many recipients. A refusal ends the program. */
uint64_t	queue_count(struct str rec);

/* List what matches; true when anything did. */
bool	queue_list(const struct queue_filter *);

/* Show one message with its history, or write it as it will be sent. */
void	queue_show(struct spool *, const char *id);
void	queue_message(struct spool *, const char *id);

/* Text of strangers, escaped; nothing of it moves the cursor. */
void	queue_print(struct str);
void	queue_print_time(int64_t);

#endif
