/* put: what the files of queue-put and queue-drop share. See queue-put(8), queue-drop(8). */
#ifndef QUEUE_PUT_H
#define QUEUE_PUT_H

#include "client/conf.h"
#include "proto/submission.h"
#include "store/sent.h"
#include "store/spool.h"
#include "sys/peer.h"

/* What is answered; a NULL of it is: go on. */
struct reply {
	int		 code;
	const char	*status, *text;
};

/* Who is at the other end, as authd or the kernel say; never a record. */
struct sender {
	struct str	account;	/* empty: a user of the system without one */
	struct str	login;		/* the address that logged in */
	bool		system;		/* a program on this machine */
	bool		any;		/* it may write as every address of ours */
	struct str	user;		/* its user's name */
};

/* The message that is offered, and what is put in the place of what it says. */
struct message {
	int			 fd;	/* not ours, or .converted */
	int			 converted;	/* -1: none */
	uint64_t		 size;
	struct buf		 text;	/* from its beginning: all of the header, perhaps all of it */
	bool			 whole;
	struct submission	 says;
	struct submission_scan	 scan;
	struct buf		 author;	/* a From instead of its own; empty: none */
};

struct queue_put {
	int			 sock;
	struct conf		*conf;
	struct spool		 spool;
	struct sent		 sent;
	struct sender		 who;
	struct peer		 peer;
	/* of one message */
	struct arena		 arena;
	bool			 begun;
	const struct reply	*wrong;		/* the first thing that was, told when data comes */
	struct envelope		 e;
	bool			 requiretls;
	struct envelope_rcpt	 rcpt[LIMIT_SMTP_RCPTS];
};

/* serve.c: records until the other end closes. EXIT_OK, or EXIT_PERM for one who speaks otherwise. */
int	serve(struct queue_put *);
int	queue_put_open(struct queue_put *, int sock);	/* -1 with errno; then it is confined */
void	queue_put_close(struct queue_put *);

/* transaction.c: the envelope, from records. */
void	tx_reset(struct queue_put *);
void	tx_mail(struct queue_put *, struct str rec);
void	tx_rcpt(struct queue_put *, struct str rec);

/* finish.c: check it all and put it into the queue; then e->id. */
struct reply	finish(struct queue_put *, int fd);

/* author.c: may it be from whom it says? Sets e's account, and from. */
const struct reply	*author_check(struct queue_put *, struct message *);
/* May the account write as this address? The path as in an envelope. */
const struct reply	*author_may(struct queue_put *, struct str account, struct str local, struct str domain);
const struct reply	*author_may_path(struct queue_put *, struct str account, struct str path);

/* system.c: the same for programs on this machine, and whom they mean. */
const struct reply	*system_author(struct queue_put *, struct message *);
const struct reply	*system_rcpt(struct queue_put *, struct str *address);
/* A path without a domain gets our name for one. False: it is no address. */
bool			 system_qualify(struct queue_put *, struct str *path);

/* message.c: the bytes. */
const struct reply	*message_open(struct message *, int fd, const struct queue_put *, struct arena *);
void			 message_close(struct message *);
/* A header field of a part of it is not ASCII. */
bool			 message_parts_need_utf8(const struct message *);
/* Behind head, what follows the header. -1 with errno; ESTALE: it has changed meanwhile. */
int			 message_write(const struct message *, int to, struct buf *head);

/*
 * sign.c: DKIM-Signature fields, by the domain of From, for a message with this header (and the empty
 * line behind it). What cannot be signed goes without; the log tells.
 */
void	sign(struct buf *out, struct queue_put *, const struct message *, struct str header);
/* What follows the header, piece by piece; -1 with errno. */
int	message_body(const struct message *, void (*put)(void *, struct str), void *arg);

extern const struct reply	reply_later, reply_no_room, reply_no_author, reply_not_yours, reply_disabled;

/* What an errno means to who sends: no room, or another time. */
const struct reply	*reply_of(int err);

#endif
