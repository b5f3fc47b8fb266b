/*
 * dkim_verify: who signed a message (RFC 6376 6, 8301, 8463, 8616). Sans I/O:
 *
 *	dkim_verify_open(&v, header, &policy, &arena)
 *	for each i < v.n with v.check[i].ask: look TXT records of v.check[i].key_name up,
 *	    dkim_verify_key(&v, i, …)
 *	dkim_verify_body(&v, bytes behind v.body), in pieces of any size
 *	dkim_verify_end(&v)
 *
 * The body is hashed at most twice however many signatures there are, and is
 * never kept. What a signature asks of us is bounded (limits.h).
 */
#ifndef PROTO_DKIM_VERIFY_H
#define PROTO_DKIM_VERIFY_H

#include <openssl/evp.h>

#include "dkim_canon.h"
#include "dkim_head.h"
#include "dkim_key.h"

/* In the words of RFC 8601 2.7.1. */
enum dkim_result {
	DKIM_NONE,		/* not signed; or it failed and the key says that it is a test */
	DKIM_PASS,
	DKIM_FAIL,		/* it does not prove this message, or not any more */
	DKIM_POLICY,		/* may be good, but it is none that we take */
	DKIM_TEMPERROR,
	DKIM_PERMERROR,		/* signature or key are not what they must be */
};

const char	*dkim_result_name(enum dkim_result);

struct dkim_policy {
	int64_t	now;			/* seconds since 1970 */
	bool	(*is_suffix)(void *, struct str domain);	/* does nobody own it ("co.uk")? NULL: only single labels */
	void	*arg;
	bool	lf;			/* lines end in bare LF: a file, not what came by SMTP */
};

/* How the look-up of a key went. */
enum dkim_lookup { DKIM_LOOKUP_OK, DKIM_LOOKUP_NONE, DKIM_LOOKUP_TEMP, DKIM_LOOKUP_BOGUS };

/* One signature, in the order of the header. Text is borrowed from the header, or the arena's. */
struct dkim_check {
	struct dkim_sig		 sig;
	enum dkim_result	 result;	/* after dkim_verify_end() */
	const char		*why;		/* for people, a constant; NULL when it passed */
	bool			 ask;		/* the key is wanted */
	struct str		 key_name;	/* SELECTOR._domainkey.DOMAIN */
	bool			 secure;	/* the key was proved by DNSSEC */
	bool			 testing;	/* the key says t=y */
	struct str		 services;	/* the key's s= */
	unsigned		 bits;		/* of the key, 0 when it is not known */
	EVP_PKEY		*key;
	uint8_t			 hash[DKIM_HASH];	/* of the header */
};

struct dkim_hash {
	bool			 used, failed;
	struct dkim_body	 body;
	EVP_MD_CTX		*md;
	uint8_t			 hash[DKIM_HASH];
};

struct dkim_verify {
	struct dkim_policy	 policy;
	struct arena		*arena;
	struct dkim_head	 head;
	struct dkim_check	 check[LIMIT_DKIM_SIGNATURES];
	size_t			 n;
	size_t			 skipped;	/* signatures that are over the limit */
	size_t			 body;		/* where in text the body begins */
	struct dkim_hash	 hash[2];	/* by enum dkim_canon */
};

/*
 * text: the message, or its beginning with the whole header; it must stay, as the arena.
 * False when there is no memory, or the header is over the arena's limit: then only
 * dkim_verify_close() may follow.
 */
bool	dkim_verify_open(struct dkim_verify *, struct str text, const struct dkim_policy *, struct arena *)
    __attribute__((warn_unused_result));

/* What the look-up of check[i].key_name gave: n texts, each the strings of a record joined. */
void	dkim_verify_key(struct dkim_verify *, size_t i, enum dkim_lookup, const struct str *txt, size_t n, bool secure);

void	dkim_verify_body(struct dkim_verify *, struct str);
void	dkim_verify_end(struct dkim_verify *);
void	dkim_verify_close(struct dkim_verify *);

/* All of them in one: pass when one passes; else the worst that another time may mend comes first. */
enum dkim_result	dkim_verify_result(const struct dkim_verify *);

#endif
