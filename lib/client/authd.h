/*
 * authd: how a gate asks who somebody is (libexec/authd, "auth" version 1).
 * One dialogue a struct; after FAIL, TEMP, HANDED and QUEUE the next authd_start() or
 * authd_login() opens a new one. Errors of the service are TEMP.
 */
#ifndef CLIENT_AUTHD_H
#define CLIENT_AUTHD_H

#include "../base/buf.h"
#include "../sys/peer.h"

enum authd_got {
	AUTHD_CONTINUE,		/* challenge is for the client: authd_step() or authd_abort() */
	AUTHD_OK,		/* account, login, mechanism; authd_handoff() or authd_queue() may follow */
	AUTHD_FAIL,		/* reason: badcreds badprotocol badchanbind disabled aborted limited nomech nopreauth; text */
	AUTHD_HANDED,		/* the descriptors are imapd's now, ours may be closed */
	AUTHD_QUEUE,		/* a socket into the queue, good for this account alone */
	AUTHD_TEMP,		/* try later */
};

/* What was answered last; all borrowed from it, valid until the next call. */
struct authd_dialogue {
	const char	*path;		/* run/authd */
	int		 sock;		/* -1: none open */
	int64_t		 ms;		/* patience for one answer */
	struct buf	 rec;
	struct str	 challenge;	/* base64, as it goes to the client */
	struct str	 account, login, mechanism;
	struct str	 reason, text;
};

/* What is told with start and login beside the peer's facts. */
struct authd_about {
	const struct peer	*peer;
	const char		*protocol;	/* "imap", "smtp" */
	struct str		 agent;		/* what the client calls itself; may be empty */
	bool			 preauth;	/* nobody asked: only a key that allows that */
};

void	authd_init(struct authd_dialogue *);
void	authd_close(struct authd_dialogue *);

/* initial: base64, p NULL when the client sent none ("=" on the wire is an empty one). */
enum authd_got	authd_start(struct authd_dialogue *, const struct authd_about *, struct str mechanism, struct str initial) __attribute__((warn_unused_result));

/* User and password in clear, as IMAP's LOGIN has them. */
enum authd_got	authd_login(struct authd_dialogue *, const struct authd_about *, struct str user, struct str password) __attribute__((warn_unused_result));

/* response: base64. */
enum authd_got	authd_step(struct authd_dialogue *, struct str response) __attribute__((warn_unused_result));
enum authd_got	authd_abort(struct authd_dialogue *) __attribute__((warn_unused_result));

/*
 * After OK, for imap: give data and control, the tag to be answered and the
 * bytes that came behind the command to imapd. HANDED, or TEMP: they are still ours.
 */
enum authd_got	authd_handoff(struct authd_dialogue *, int data, int control, struct str tag, struct str input) __attribute__((warn_unused_result));

/* After OK, for smtp: *sock_r is a socket to be used with client/put.h, and ours. QUEUE, or TEMP. */
enum authd_got	authd_queue(struct authd_dialogue *, int *sock_r) __attribute__((warn_unused_result));

#endif
