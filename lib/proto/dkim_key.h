/*
 * dkim_key: the record of a public key (RFC 6376 3.6.1, RFC 8463): read, and written.
 */
#ifndef PROTO_DKIM_KEY_H
#define PROTO_DKIM_KEY_H

#include "dkim_sig.h"

enum dkim_record {
	DKIM_RECORD_OK,
	DKIM_RECORD_OTHER,	/* a text of something else, found beside it or by a wildcard */
	DKIM_RECORD_BAD,	/* meant to be a key */
};

/* Text is borrowed from the record, or the arena's. */
struct dkim_key {
	struct str	type;		/* k=, "rsa" when it is not there */
	struct str	data;		/* p=, decoded; empty: revoked */
	struct str	hashes;		/* h=; empty: any */
	struct str	services;	/* s=, "*" when it is not there */
	bool		revoked;
	bool		testing;	/* t=y */
	bool		strict;		/* t=s: i= must have the very domain of d= */
};

/* *why_r is set for DKIM_RECORD_BAD (a constant, for people). */
enum dkim_record	dkim_key_parse(struct str text, struct arena *, struct dkim_key *out_r, const char **why_r)
    __attribute__((warn_unused_result));

/* NULL when the key may be used for this signature of mail, or why not in words for people. */
const char	*dkim_key_forbids(const struct dkim_key *, const struct dkim_sig *);

/* Append a record with the public key as DNS has it: RSA as SubjectPublicKeyInfo (DER), Ed25519 as 32 bytes. */
void	dkim_key_write(struct buf *, enum dkim_alg, struct str data);

#endif
