/*
 * sasl_client: the client's side of a SASL dialogue (RFC 4422), without I/O:
 * PLAIN, LOGIN, CRAM-MD5, SCRAM-SHA-1 and -256 with and without channel binding.
 * With SCRAM the server has to prove, too, that it knows the password.
 */
#ifndef PROTO_SASL_CLIENT_H
#define PROTO_SASL_CLIENT_H

#include "sasl.h"

/* Borrowed for the dialogue's life. */
struct sasl_client_conf {
	struct str		user, password;
	struct str		allowed;	/* names by spaces; empty: all */
	struct str		nonce;		/* SCRAM: fresh, printable, no comma */
	struct scram_channel	channel;	/* empty: cannot be bound to */
	bool			clear;		/* the password may be shown: there is TLS */
};

struct sasl_client {
	const struct sasl_client_conf *conf;
	enum sasl_mech		mech;
	bool			offered_plus;	/* the server could bind */
	unsigned		step;
	bool			proven;		/* the server has shown that it is the right one, or cannot */
	struct buf		gs2, auth;	/* SCRAM */
	struct scram_keys	keys;
};

/* The best of the offered mechanisms (1 << enum sasl_mech each) that may be used and is not in tried, or SASL_NONE. */
enum sasl_mech	sasl_client_choose(const struct sasl_client_conf *, unsigned offered, unsigned tried);

void	sasl_client_init(struct sasl_client *, const struct sasl_client_conf *, enum sasl_mech, unsigned offered);
void	sasl_client_free(struct sasl_client *);	/* wipes */

/* The initial response into out; false: there is none, the server begins (RFC 4954 section 4). */
bool	sasl_client_initial(struct sasl_client *, struct buf *out);

/* A challenge, decoded; the answer into out. False: the server breaks the rules, or is not who it should be. */
bool	sasl_client_feed(struct sasl_client *, struct str challenge, struct buf *out) __attribute__((warn_unused_result));

/* The server says that we are in: is it believed? */
bool	sasl_client_proven(const struct sasl_client *);

#endif
