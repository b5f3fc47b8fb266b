/*
 * dkim_sig: what a DKIM-Signature field says (RFC 6376 3.5, 8301, 8463, 8616),
 * checked as 6.1.1 wants: what is not as it must be is not used at all.
 */
#ifndef PROTO_DKIM_SIG_H
#define PROTO_DKIM_SIG_H

#include <stdint.h>

#include "../base/arena.h"
#include "dkim_tags.h"

enum { DKIM_HASH = 32 };	/* bytes of SHA-256, the one hash */

enum dkim_alg { DKIM_RSA_SHA256, DKIM_ED25519_SHA256 };

enum dkim_canon { DKIM_SIMPLE, DKIM_RELAXED };

/* Text is borrowed from the field, or the arena's. */
struct dkim_sig {
	struct str	domain;		/* d=, as written */
	struct str	selector;	/* s= */
	struct str	algorithm;	/* a=, as written */
	struct str	identity;	/* i=, decoded; empty when it is not there */
	struct str	fields;		/* h=: names divided by colons */
	struct str	b;		/* b=, all between "=" and ";": cut out of what is signed */
	struct str	signature;	/* b=, decoded */
	struct str	text;		/* b=, without white space */
	uint8_t		body_hash[DKIM_HASH];
	enum dkim_alg	alg;
	enum dkim_canon	header_canon, body_canon;
	uint64_t	time, expires;	/* t= and x=; 0 when they are not there */
	bool		partial;	/* l= is there: what is behind it is anybody's */
};

/*
 * Read a field's value. NULL, or what is wrong in words for people; what could be read
 * (domain, selector, algorithm, text) is there also then, empty without.
 */
const char	*dkim_sig_parse(struct str value, struct arena *, struct dkim_sig *out_r) __attribute__((warn_unused_result));

/* The domain of i=, or the one of d= without; both may be an IDN in either form. */
struct str	dkim_sig_identity_domain(const struct dkim_sig *);

/* Append the name of the key record, "SELECTOR._domainkey.DOMAIN". */
void	dkim_sig_key_name(const struct dkim_sig *, struct buf *);

/*
 * May this be a d= or s=: labels of letters, digits, hyphens, underscores and
 * UTF-8, as long as DNS lets them be?
 */
bool	dkim_is_name(struct str);

#endif
