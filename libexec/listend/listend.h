/*
 * What the files of listend(8) share: a listener, a connection, and which file
 * does what with it.
 *
 *	main.c	options, listeners, signals, the loop
 *	conn.c	a connection's life, as a table of states
 *	door.c	the way to the session: its service's socket, the conn record
 *	control.c	what a session asks for: STARTTLS
 *	tls.c	handshakes and what they tell
 *	certs.c	which certificate for which name
 *	tickets.c	the keys of session tickets
 *	pump.c	bytes in both directions
 *	limits.c	how many connections an address may have
 */
#ifndef LISTEND_H
#define LISTEND_H

#include <openssl/ssl.h>

#include "base/ip.h"
#include "base/iplimit.h"
#include "loop.h"
#include "sys/seal.h"
#include "timer.h"

/* What is behind a socket named LISTENER/SERVICE. */
struct service {
	const char	*name;
	const char	*door;		/* socket of the sessions */
	bool		 implicit;	/* TLS from the first byte */
	bool		 mx;		/* strangers' servers: lenient SNI, no client certificates, no tickets */
	bool		 smtp;		/* or IMAP: what a refusal looks like */
};

/* What a listener's connections are judged by: the configuration's, or the command line's. */
struct rules {
	const struct ipnet	*trusted, *proxies;
	size_t			 n_trusted, n_proxies;
	int			 min_version;	/* TLS1_2_VERSION or TLS1_3_VERSION */
	bool			 starttls;	/* to be offered, when there is a certificate */
	struct str		 hostname;	/* whose certificate is the default */
	uint32_t		 per_minute, at_once;	/* connections of one address */
};

struct listener {
	struct watch		 sock;
	char			 name[64];	/* LISTENER of the socket's name */
	const struct service	*service;
	struct rules		 rules;
	struct iplimit		 rate, open;	/* connections in this minute, and now */
};

enum conn_state {
	CONN_PROXY,		/* the proxy's header is to come */
	CONN_HANDSHAKE,		/* TLS */
	CONN_DOOR,		/* the service's door is to be tried again */
	CONN_SPAWN,		/* the session is to answer that it is there */
	CONN_DIRECT,		/* plain text: the session has the socket itself */
	CONN_FACTS,		/* the session was told of its STARTTLS */
	CONN_PUMP,		/* TLS: bytes both ways */
	CONN_LINGER,		/* we are done: until the peer is */
	CONN_DEAD,		/* to be freed after this turn of the loop */
};

struct conn {
	enum conn_state		 state;
	struct listener		*listener;
	struct conn		*next, *prev;	/* of the living; next: of the dead */
	struct timer		 timer;
	struct watch		 tcp;		/* the peer */
	struct watch		 data;		/* the session's bytes, when we pump */
	struct watch		 control;	/* the session's wishes, while it may have some */
	struct watch		 door;		/* until it is spawned */
	SSL			*ssl;
	struct ip		 rip, lip;
	uint16_t		 rport, lport;
	char			 id[17];
	unsigned		 descriptors;	/* see conns_descriptors() */
	int64_t			 give_up;	/* on the door, milliseconds */
	struct buf		 head;		/* of the PROXY header */
	struct buf		 in, out;	/* held back: for the session, for the peer */
	bool			 trusted;
	bool			 counted;	/* among its address's connections */
	bool			 refused;	/* over a limit: to be told so after the handshake */
	bool			 starttls;	/* the handshake is one that the session asked for */
	bool			 peer_done;	/* no more bytes from the peer */
	bool			 session_done;	/* no more bytes from the session */
	bool			 session_deaf;	/* nor does it take any */
	bool			 read_wants_out, write_wants_in;	/* of TLS's own */
	bool			 again;		/* OpenSSL holds bytes: no event will tell */
};

/* main.c */
struct sockaddr_storage;
extern struct seal_key	seal_key;	/* read at the start */
void	sockaddr_ip(const struct sockaddr_storage *, struct ip *ip_r, uint16_t *port_r);

/* conn.c */
void	conn_accepted(struct listener *, int fd, const struct ip *, uint16_t port);
void	conn_serve(struct conn *);		/* TLS or not is settled: to the door */
void	conn_tls_done(struct conn *);
void	conn_refuse(struct conn *, const char *smtp_code, const char *text);
void	conn_linger(struct conn *);
void	conn_close(struct conn *);
void	conns_bury(void);			/* free those that died in this turn */
void	conns_close(void);			/* all, at the end */
size_t	conns_count(void);
size_t	conns_descriptors(void);		/* that connections have or may need */
void	conn_log(const struct conn *, const char *event, const char *key, const char *value);

/* door.c */
void	doors_setup(void);		/* dies */
void	door_open(struct conn *);		/* ends in conn_spawned() or conn_refuse() */
void	door_ready(void *conn, int got);
void	conn_spawned(struct conn *);
void	conn_facts(struct buf *rec, const struct conn *);	/* all that peer_add() knows, and the seal */

/* control.c */
void	control_ready(void *conn, int got);
void	control_tls_done(struct conn *);

/* tls.c */
void	tls_setup(void);		/* dies */
SSL_CTX	*tls_new_ctx(void);		/* for one certificate; NULL without memory */
int	tls_start(struct conn *) __attribute__((warn_unused_result));	/* -1: no certificate, no memory */
void	tls_handshake(struct conn *);
void	tls_facts(struct buf *, SSL *);
void	tls_say(SSL *, const char *text);
const char *tls_error(void);		/* the first of OpenSSL's, for a log line */

/* certs.c */
void	certs_check(void);		/* load what changed in tls/ */
SSL_CTX	*certs_find(struct str name);	/* the certificate for a peer's SNI, NULL: none */
SSL_CTX	*certs_default(struct str hostname);	/* that one, or any; NULL: none at all */

/* tickets.c */
void	tickets_setup(SSL_CTX *);	/* dies */
void	tickets_turn(int64_t now);	/* seconds: a new key each day */

/* pump.c */
void	pump_start(struct conn *);
void	pump_peer(struct conn *, int got);

/* limits.c */
void	limits_setup(struct listener *);	/* by its rules; dies */
bool	limits_enter(struct conn *);	/* false: over one of them, not counted */
void	limits_leave(struct conn *);

/* 20 lines a second about peers are enough; true when this one may be said. */
bool	log_allowed(void);

#endif
