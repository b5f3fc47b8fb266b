/*
 * session: an SMTP session with one server over a conn: fulfils what
 * smtp_client wants. It outlives the job that opened it, for the next one.
 */
#ifndef QUEUE_REMOTE_SESSION_H
#define QUEUE_REMOTE_SESSION_H

#include "client/job.h"
#include "conn.h"
#include "proto/smtp_client.h"
#include "proto/tls_mode.h"
#include "tls.h"

struct session {
	struct conn		 conn;
	bool			 open;		/* mail may be sent */
	bool			 begun;		/* client is set up, and tells what became of it */
	struct smtp_client	 client;
	struct smtp_client_conf	 conf;
	struct tls_binding	 binding;
	struct scram_channel	 channel;
	struct arena		 arena;		/* what conf and this borrow */
	struct str		 host;		/* the server's name, or its address */
	bool			 dualstack;	/* the host has addresses of both families */
	char			 tls[16];	/* version, or "" */
	bool			 verify;	/* the certificate */
	const char		*no_tls;	/* the handshake failed: why; else NULL */
	bool			 pipelined;	/* it broke while commands that were sent at once waited for replies */
	/* the job that opened it: which others may use it */
	struct job		 key;
};

/* Milliseconds a reading or writing, and the reply to the end of a message, may take. */
struct patience {
	int64_t	io_ms, end_ms;
};

void	session_init(struct session *);

/*
 * After conn_dial: greeting, EHLO, TLS, login; true when mail may be sent. Else
 * no_tls or client says why, and the connection is closed.
 */
bool	session_begin(struct session *, const struct job *, struct str host, const struct tls_mode *, bool one_by_one, struct patience) __attribute__((warn_unused_result));

/* Transmit; fd's message begins at content. True: the session stays open. Results are in mail. */
bool	session_send(struct session *, struct smtp_mail *, int fd, uint64_t content, struct patience);

/* Open, still good, and opened for jobs like this one. */
bool	session_serves(struct session *, const struct job *);

/* QUIT, if it is open, and close; and free all. */
void	session_end(struct session *);
void	session_free(struct session *);

/* "name [address]:port" for people. */
void	session_add_peer(const struct session *, struct buf *);

#endif
