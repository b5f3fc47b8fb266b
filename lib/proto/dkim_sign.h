/*
 * dkim_sign: a DKIM-Signature for a message (RFC 6376 5). The body is hashed by
 * the caller (dkim_canon.h), once for all signatures.
 */
#ifndef PROTO_DKIM_SIGN_H
#define PROTO_DKIM_SIGN_H

#include <openssl/evp.h>

#include "dkim_head.h"

struct dkim_signer {
	struct str	 domain;		/* d= and s= */
	struct str	 selector;
	struct str	 identity;		/* i= as it is meant; empty for none. Its domain must be within d= */
	enum dkim_canon	 header_canon, body_canon;
	enum dkim_alg	 alg;
	EVP_PKEY	*key;
	const struct str *fields;		/* names to sign; NULL: those of dkim_sign_fields */
	size_t		 nfields;
	bool		 oversign;		/* once more than there are: none can be added */
	int64_t		 time;			/* t= */
	int64_t		 lifetime;		/* x= is so much later; 0 for none */
};

/* From, To, Cc … what people see of a message. */
extern const struct str	dkim_sign_fields[];
extern const size_t	dkim_sign_nfields;

/*
 * Append the whole field with its line endings. False when there is no From field, the key does not do, a name or
 * identity cannot be (also one that a verifier would refuse), or memory is short; out may then have anything behind what it had.
 */
bool	dkim_sign(const struct dkim_signer *, struct dkim_head *, const uint8_t body_hash[DKIM_HASH], struct buf *out)
    __attribute__((warn_unused_result));

#endif
