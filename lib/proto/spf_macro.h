/*
 * spf_macro: the macros of SPF (RFC 7208 section 7): "%{ir}.%{v}._spf.%{d2}".
 * What is expanded must have passed spf_macro_check().
 */
#ifndef PROTO_SPF_MACRO_H
#define PROTO_SPF_MACRO_H

#include "../base/buf.h"
#include "../base/ip.h"

/* The longest text of a domain name, without final dot. */
enum { SPF_NAME_MAX = 253 };

enum spf_macro_use {
	SPF_MACRO_STRING,	/* macro-string: of a modifier that nobody knows */
	SPF_MACRO_DOMAIN,	/* domain-spec: ends in a top-level name or a macro */
	SPF_MACRO_EXPLAIN,	/* explain-string: may hold spaces and %{c}, %{r}, %{t} */
};

/* NULL, or what is wrong with it, in words for people. */
const char	*spf_macro_check(struct str, enum spf_macro_use);

/* Does it have one of these letters (in lower case) as a macro, in either case? */
bool	spf_macro_has(struct str, const char *letters);

/* What the letters stand for. local is cut at LIMIT_SPF_LOCAL, others at LIMIT_SPF_VALUE. */
struct spf_macro {
	struct ip	ip;		/* i, c, v */
	struct str	local, origin;	/* l, o; both are s */
	struct str	domain;		/* d */
	struct str	helo;		/* h */
	struct str	validated;	/* p */
	struct str	receiver;	/* r */
	int64_t		now;		/* t: seconds since 1970 */
};

/* Append what a text comes to. */
void	spf_macro_expand(struct buf *, struct str, const struct spf_macro *);

/*
 * The target-name of a domain-spec into an empty buf: without final dot, labels
 * taken off the left until it is at most SPF_NAME_MAX bytes (7.3), any bytes. False: no name
 * of the DNS: it is empty, or has a label that is empty or of more than 63 bytes.
 */
bool	spf_macro_domain(struct buf *, struct str, const struct spf_macro *);

/* Is it one (4.3): labels of 1 to 63 bytes, at least min of them, at most SPF_NAME_MAX bytes in all? */
bool	spf_name_is(struct str, size_t min);

/* The text by which it is asked for, other bytes than a host name's escaped as in a zone file (\DDD). */
void	spf_name_text(struct buf *, struct str);

#endif
