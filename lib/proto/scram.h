/*
 * scram: the server's side of SCRAM-SHA-1 and SCRAM-SHA-256 (RFC 5802, RFC
 * 7677), bytes in, bytes out. Nonces and stored keys come from the caller.
 */
#ifndef PROTO_SCRAM_H
#define PROTO_SCRAM_H

#include <stdint.h>

#include "../base/buf.h"

enum scram_hash { SCRAM_SHA_1, SCRAM_SHA_256 };

enum {
	SCRAM_KEY_MAX	= 32,	/* SHA-256 */
	SCRAM_SALT_MAX	= 64,
};

/* What is stored of a password: it checks a client and cannot be used as one. */
struct scram_keys {
	enum scram_hash	hash;
	uint32_t	iterations;
	size_t		salt_n;
	uint8_t		salt[SCRAM_SALT_MAX];
	uint8_t		stored[SCRAM_KEY_MAX];
	uint8_t		server[SCRAM_KEY_MAX];
};

size_t	scram_key_size(enum scram_hash);

/* Fill stored and server from the password; hash, iterations and salt are set. */
bool	scram_derive(struct scram_keys *, struct str password) __attribute__((warn_unused_result));

/* The same, and the ClientKey, with which one can log in: of scram_key_size() bytes. */
bool	scram_derive_client(struct scram_keys *, struct str password, uint8_t client_r[SCRAM_KEY_MAX]) __attribute__((warn_unused_result));

/* HMAC of text with a key of scram_key_size() bytes. */
bool	scram_hmac(enum scram_hash, const uint8_t *key, struct str text, uint8_t *out_r) __attribute__((warn_unused_result));

/* Is it this password? Takes as long for a wrong one as for the right one. */
bool	scram_check(const struct scram_keys *, struct str password);

/* The channel, as far as it can be bound to; both empty in plain text. */
struct scram_channel {
	struct str	exporter;	/* tls-exporter, RFC 9266: the bytes */
	struct str	endpoint;	/* tls-server-end-point, RFC 5929 */
};

enum scram_result {
	SCRAM_OK,
	SCRAM_SYNTAX,		/* not what the RFC says a client sends */
	SCRAM_BINDING,		/* other channel, or a downgrade was tried */
	SCRAM_PROOF,		/* the client does not know the password */
};

struct scram {
	enum scram_hash		hash;
	bool			plus;
	struct scram_channel	channel;	/* borrowed */
	struct scram_keys	keys;
	bool			known;
	struct buf		user, authzid;	/* after scram_first */
	struct buf		gs2, bound;	/* c= must be these two */
	struct buf		nonce, auth;	/* r=, AuthMessage */
};

/* plus: the -PLUS form. What is borrowed by channel must outlive the exchange. */
void	scram_init(struct scram *, enum scram_hash, bool plus, const struct scram_channel *);
void	scram_free(struct scram *);

/* client-first-message; SCRAM_OK with user and authzid set. */
enum scram_result	scram_first(struct scram *, struct str msg) __attribute__((warn_unused_result));

/*
 * server-first-message into out. nonce is the server's part: printable, no
 * comma. known false: the keys are made up, no proof will do.
 */
void	scram_challenge(struct scram *, const struct scram_keys *, bool known, struct str nonce, struct buf *out);

/* client-final-message; SCRAM_OK with the server-final-message in out. */
enum scram_result	scram_final(struct scram *, struct str msg, struct buf *out) __attribute__((warn_unused_result));

#endif
