/*
 * dmarc: what the domain in From asks us to do with a message, given what SPF and DKIM
 * found (RFC 7489 with RFC 9091, or its successor RFC 9989). Sans I/O: it asks for
 * DNS names, one at a time, and is told.
 *
 *	dmarc_start(&d, &facts, &arena);
 *	while ((want = dmarc_next(&d, &name)) != DMARC_WANT_NOTHING)
 *		look name up; dmarc_told(&d, found, texts, n);
 *	d.result …
 */
#ifndef PROTO_DMARC_H
#define PROTO_DMARC_H

#include "../base/arena.h"
#include "dmarc_record.h"
#include "orgdomain.h"

/* How the organisational domain and the record are found. */
enum dmarc_discovery {
	DMARC_BY_SUFFIX,	/* public suffix list; pct counts (RFC 7489, RFC 9091) */
	DMARC_BY_WALK,		/* tree walk; pct does not count (RFC 9989) */
};

enum dmarc_auth {
	DMARC_AUTH_FAIL,	/* anything but the next two */
	DMARC_AUTH_PASS,
	DMARC_AUTH_TEMPERROR,
};

/* SPF: the domain of MAIL FROM, or of HELO when that was checked instead. DKIM: d= of a signature. */
struct dmarc_identity {
	struct str	domain;
	enum dmarc_auth	auth;
};

/* All names in A-labels. Must outlive the engine. */
struct dmarc_facts {
	struct str			 from;		/* the domain of the author; empty: none that is clear */
	struct dmarc_identity		 spf;
	const struct dmarc_identity	*dkim;
	size_t				 ndkim;
	enum dmarc_discovery		 discovery;
	const struct suffix_list	*suffixes;	/* for DMARC_BY_SUFFIX */
	unsigned			 random;	/* 0 to 99, of this message: for pct */
};

enum dmarc_want {
	DMARC_WANT_NOTHING,
	DMARC_WANT_TXT,
	DMARC_WANT_A, DMARC_WANT_AAAA, DMARC_WANT_MX,	/* does the name exist? */
};

enum dmarc_dns {
	DMARC_DNS_FOUND,
	DMARC_DNS_NODATA,	/* the name is there, or may be; the type is not */
	DMARC_DNS_NXDOMAIN,
	DMARC_DNS_TEMPERROR,	/* no answer, SERVFAIL, bogus */
};

/* As dmarc= of RFC 8601 says it. */
enum dmarc_verdict {
	DMARC_VERDICT_NONE,
	DMARC_VERDICT_PASS,
	DMARC_VERDICT_FAIL,
	DMARC_VERDICT_TEMPERROR,
	DMARC_VERDICT_PERMERROR,
};

enum dmarc_why {
	DMARC_WHY_NOTHING,
	DMARC_WHY_NO_AUTHOR,	/* none: no clear author */
	DMARC_WHY_NO_RECORD,	/* none */
	DMARC_WHY_SEVERAL,	/* none: several records, which count as none (6.6.3) */
	DMARC_WHY_BAD_RECORD,	/* permerror */
	DMARC_WHY_RECORD_DNS,	/* temperror: the record could not be looked up */
	DMARC_WHY_AUTH_DNS,	/* temperror: an aligned SPF or DKIM had one, and nothing aligned passed */
	DMARC_WHY_MEMORY,	/* temperror: the arena is full */
};

/* Why a policy was not followed (RFC 7489 appendix C; the last is RFC 9990's). A set of bits. */
enum {
	DMARC_OVERRIDE_FORWARDED = 1,
	DMARC_OVERRIDE_SAMPLED_OUT = 2,
	DMARC_OVERRIDE_TRUSTED_FORWARDER = 4,
	DMARC_OVERRIDE_MAILING_LIST = 8,
	DMARC_OVERRIDE_LOCAL_POLICY = 16,
	DMARC_OVERRIDE_OTHER = 32,
	DMARC_OVERRIDE_TEST_MODE = 64,
};

/* How what was authenticated stands to From, whether or not it has a record. */
enum dmarc_validation {
	DMARC_VALIDATION_NONE,
	DMARC_VALIDATION_RELAXED,	/* the same organisational domain */
	DMARC_VALIDATION_DMARC,		/* that, and DMARC passed */
	DMARC_VALIDATION_STRICT,	/* the same domain */
};

struct dmarc_result {
	enum dmarc_verdict	 verdict;
	enum dmarc_why		 why;
	struct str		 from;		/* as looked up; empty without */
	struct str		 org;		/* the organisational domain of from */
	enum dmarc_validation	 validation;
	struct str		 policy_domain;	/* whose record it is; empty: there is none */
	struct dmarc_record	 record;	/* then */
	enum dmarc_parsed	 parsed;	/* then */
	enum dmarc_policy	 policy;	/* what it asks for mail of from that fails */
	const char		*policy_tag;	/* "p", "sp", "np" */
	bool			 spf_aligned;	/* passed, and aligned as the record demands */
	bool			 dkim_aligned;	/* one did */
	struct str		 dkim_domain;	/* the first that did */
	bool			 reject;	/* to be refused: it failed, quarantine or reject is asked, nothing overrides */
	unsigned		 overrides;
};

struct dmarc_answer;

struct dmarc {
	const struct dmarc_facts	*facts;
	struct arena			*arena;
	const struct dmarc_answer	*answer[LIMIT_DMARC_LOOKUPS];
	size_t				 nanswer;
	enum dmarc_want			 want;
	struct str			 want_name;
	bool				 failed;
	bool				 org_unsure;	/* an answer was missing on the walk from From */
	struct str			 from, spf, *dkim;	/* clean; empty when they are no names */
	struct dmarc_result		 result;
};

void	dmarc_start(struct dmarc *, const struct dmarc_facts *, struct arena *);

/* What to look up; DMARC_WANT_NOTHING: the result is there. At most LIMIT_DMARC_LOOKUPS times. */
enum dmarc_want	dmarc_next(struct dmarc *, struct str *name_r) __attribute__((warn_unused_result));

/* The answer to that. txt: with DMARC_DNS_FOUND for TXT, each record's strings joined; copied. */
void	dmarc_told(struct dmarc *, enum dmarc_dns, const struct str *txt, size_t n);

/* Do not follow the policy, for this reason; once for each reason. */
void	dmarc_override(struct dmarc_result *, unsigned override);

const char	*dmarc_verdict_name(enum dmarc_verdict);
const char	*dmarc_why_text(enum dmarc_why);	/* for people; "" for nothing */
const char	*dmarc_validation_name(enum dmarc_validation);

/* "sampled_out,mailing_list", as in RFC 7489 appendix C; in that order. */
void	dmarc_overrides_text(struct buf *, unsigned overrides);

#endif
