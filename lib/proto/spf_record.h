/*
 * spf_record: a published SPF record (RFC 7208 section 12). All of it is checked
 * before any of it is used (4.6); its terms are read one by one, nothing is copied.
 */
#ifndef PROTO_SPF_RECORD_H
#define PROTO_SPF_RECORD_H

#include "../base/ip.h"

enum spf_result {
	SPF_NONE,
	SPF_NEUTRAL,
	SPF_PASS,
	SPF_FAIL,
	SPF_SOFTFAIL,
	SPF_TEMPERROR,
	SPF_PERMERROR,
};

/* "none", "neutral", … as RFC 7208 and RFC 8601 write it. */
const char	*spf_result_name(enum spf_result);

enum spf_kind {
	SPF_ALL,
	SPF_INCLUDE,
	SPF_A,
	SPF_MX,
	SPF_PTR,
	SPF_IP4,
	SPF_IP6,
	SPF_EXISTS,
	SPF_REDIRECT,
	SPF_EXP,
	SPF_UNKNOWN,		/* a modifier of another specification */
};

struct spf_term {
	enum spf_kind	 kind;
	enum spf_result	 qualifier;	/* of mechanisms: what a match means */
	struct str	 text;		/* all of it, as published */
	struct str	 domain;	/* the domain-spec; empty: there is none */
	uint8_t		 bits4, bits6;	/* the prefix length for each family: 32 and 128 when none is written */
	struct ip	 net;		/* ip4, ip6: 16 bytes long for ip6, also when it is v4-mapped */
};

enum spf_term_got {
	SPF_TERM_OK,
	SPF_TERM_END,
	SPF_TERM_BAD,
};

/* The next term of *rest, which begins behind the version. BAD: its text is in out_r, and *why_r says what is wrong. */
enum spf_term_got	spf_term_next(struct str *rest, struct spf_term *out_r, const char **why_r);

/* Does the client's address match an ip4 or ip6 term? */
bool	spf_term_has(const struct spf_term *, const struct ip *);

/* Is the text of a TXT record an SPF record (4.5)? */
bool	spf_record_is(struct str txt);

struct spf_record {
	struct str	terms;		/* for spf_term_next() */
	bool		all;		/* it has "all": there is no redirect then (5.1) */
	struct str	redirect, exp;	/* their domain-specs; empty: there is none */
};

/* An SPF record, checked. NULL, or what is wrong, and in *bad_r with which term. */
const char	*spf_record_parse(struct str txt, struct spf_record *out_r, struct str *bad_r);

#endif
