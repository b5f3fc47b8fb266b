/*
 * dialogue: one connection of a gate: records in, answers out, never waiting.
 * After a login it may ask once: for IMAP that its connection is handed to imapd,
 * for SMTP to be connected to the queue.
 */
#ifndef AUTHD_DIALOGUE_H
#define AUTHD_DIALOGUE_H

#include "account.h"
#include "authd.h"
#include "handoff.h"
#include "proto/sasl.h"
#include "sys/ipc.h"
#include "sys/peer.h"

enum dialogue_state {
	DIALOGUE_IDLE,		/* waits for start or login */
	DIALOGUE_SASL,		/* waits for step or abort */
	DIALOGUE_OK,		/* logged in; waits for handoff or queue */
	DIALOGUE_HANDOFF,	/* waits for the spawnd behind a door */
	DIALOGUE_OVER,		/* to be closed */
};

struct dialogue {
	int			sock;
	enum dialogue_state	state;
	struct deadline		until;
	struct buf		start;		/* the record it began with; peer borrows */
	struct peer		peer;
	struct str		protocol, agent;
	struct buf		exporter, endpoint;
	char			nonce[32], challenge[512];
	struct sasl		sasl;
	const char		*mechanism;
	bool			preauth;	/* only with a key that is good for that */
	bool			found;		/* account is set */
	struct account		account;
	struct handoff		handoff;
	int			queue;		/* the gate's end of its connection to the queue, or -1 */
};

/* NULL without memory. sock is the dialogue's. */
struct dialogue	*dialogue_new(int sock) __attribute__((warn_unused_result));
void		 dialogue_free(struct dialogue *);

/* Back to the beginning; the secrets of the last try are wiped. */
void		 dialogue_forget(struct dialogue *);

/* A record has come; descriptors that are not taken stay in fds. */
void	dialogue_record(struct authd *, struct dialogue *, struct str rec, struct ipc_fds *fds);

/* The hand-off can go on, or its time is over. */
void	dialogue_go_on(struct dialogue *);

#endif
