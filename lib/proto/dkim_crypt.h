/* dkim_crypt: the keys of DKIM and what they prove, by OpenSSL's libcrypto. */
#ifndef PROTO_DKIM_CRYPT_H
#define PROTO_DKIM_CRYPT_H

#include <openssl/evp.h>

#include "dkim_key.h"

/*
 * The public key of a record, or NULL and why in words for people: not a key, or RSA
 * that is too small or too large. The caller frees it (EVP_PKEY_free). bits_r as
 * people count them, 0 for none.
 */
EVP_PKEY	*dkim_public_key(const struct dkim_key *, enum dkim_alg, unsigned *bits_r, const char **why_r)
    __attribute__((warn_unused_result));

/* Is this the signature of a hash (for Ed25519: of the hash as a message, RFC 8463 3)? */
bool	dkim_proves(EVP_PKEY *, enum dkim_alg, const uint8_t hash[DKIM_HASH], struct str signature);

/*
 * A private key in PEM form, and the algorithm that it is for; NULL when it is none,
 * encrypted, or RSA below LIMIT_DKIM_RSA_MIN.
 */
EVP_PKEY	*dkim_private_key(struct str pem, enum dkim_alg *alg_r) __attribute__((warn_unused_result));

/* A new one, RSA of so many bits; NULL when it cannot be made. */
EVP_PKEY	*dkim_make_key(enum dkim_alg, unsigned bits) __attribute__((warn_unused_result));

/* Append it as PEM (PKCS #8), and its public half as a record has it. */
bool	dkim_key_pem(EVP_PKEY *, struct buf *) __attribute__((warn_unused_result));
bool	dkim_key_record(EVP_PKEY *, enum dkim_alg, struct buf *) __attribute__((warn_unused_result));

/* Append the signature of a hash. */
bool	dkim_prove(EVP_PKEY *, enum dkim_alg, const uint8_t hash[DKIM_HASH], struct buf *) __attribute__((warn_unused_result));

#endif
