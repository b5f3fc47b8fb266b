/*
 * spf: check_host() of RFC 7208: may this client send as that domain? Sans
 * I/O: it tells which names it wants to know, and is fed what the DNS says.
 *
 *	spf_begin(&s, &args, &arena);
 *	while (s.nwant > 0)
 *		… look s.want[0 … nwant - 1] up, all at once …
 *		spf_feed(&s, answers);
 *	s.result
 *
 * Ten terms that ask the DNS, over all includes, two of them in vain, ten
 * hosts of an MX and ten names of an address: nothing published makes it ask more.
 */
#ifndef PROTO_SPF_H
#define PROTO_SPF_H

#include "../base/arena.h"
#include "../base/limits.h"
#include "dns_rr.h"
#include "spf_macro.h"
#include "spf_record.h"

/* What happened, for people. Text lives as long as the call; bytes of strangers in it are as they came. */
struct spf_step {
	unsigned	depth;		/* of includes */
	struct str	domain;		/* whose record */
	struct str	term;		/* as published, perhaps cut; empty: it is about the record */
	struct str	text;
};

/* Domains in A-labels (RFC 8616). All must live as long as the check. */
struct spf_args {
	struct ip	ip;
	struct str	local, domain;	/* of the sender; spf_identity() sets them */
	bool		is_helo;	/* it is postmaster at the EHLO name */
	struct str	helo;		/* as the client said */
	struct str	receiver;	/* our host name; may be empty */
	int64_t		now;		/* seconds since 1970 */
	void		(*tell)(void *arg, const struct spf_step *);	/* may be NULL */
	void		*arg;
};

/*
 * Take sender and EHLO name apart: for the null reverse path (empty or "<>") it is
 * postmaster at the EHLO name (2.4); a sender without localpart is postmaster's (4.3).
 */
void	spf_identity(struct spf_args *, struct str mailfrom, struct str helo);

struct spf_question {
	enum dns_type	type;
	struct str	name;
};

enum spf_dns {
	SPF_DNS_FOUND,
	SPF_DNS_VOID,		/* the name is there, nothing of the type */
	SPF_DNS_NO_NAME,
	SPF_DNS_ERROR,		/* no answer, or one that DNSSEC shows to be forged */
};

struct spf_answer {
	enum spf_dns		 got;
	bool			 secure;	/* validated: also when nothing is there */
	const struct dns_rr	*rr;		/* FOUND: n of them, of the type asked for, n > 0 */
	size_t			 n;
	struct str		 why;		/* ERROR: for people */
};

/* A record being read: the sender's, or that of an include in it. */
struct spf_frame {
	struct str		domain;
	struct spf_record	record;
	struct str		rest;		/* terms to come */
	struct spf_term		term;		/* the one that is looked at */
	bool			redirected;
};

/* What comes next. */
enum spf_go {
	SPF_GO_WAIT,	/* for answers */
	SPF_GO_OVER,
	SPF_GO_ON,	/* the term did not match, or a record begins */
	SPF_GO_MATCH,	/* it did */
};

struct spf {
	/* what is to be looked up; none: it is over */
	struct spf_question	want[LIMIT_SPF_NAMES];
	size_t			nwant;

	/* what came out of it; text is the arena's */
	enum spf_result		result;
	struct str		mechanism;	/* of the sender's record, what matched; "default"; empty for none and errors */
	struct str		problem;	/* temperror, permerror, none: why */
	struct str		explanation;	/* fail: a stranger's text, printable ASCII; may be empty */
	struct str		explainer;	/* the domain that says so */
	bool			secure;		/* all answers were validated */
	unsigned		lookups, voids;

	/* its own */
	struct spf_args		args;
	struct arena		*arena;
	struct spf_frame	frame[LIMIT_SPF_LOOKUPS + 1];
	unsigned		depth;
	struct str		target;		/* the name that the term is about */
	struct str		exp_text;	/* as published */
	bool			explaining;	/* the result stands, limits no longer change it */
	bool			names_known, names_void;	/* of the client; there is no PTR record */
	enum spf_go		(*heard)(struct spf *, const struct spf_answer *, size_t);
	enum spf_go		(*resume)(struct spf *);	/* when the client's names are known */
	struct str		candidate[LIMIT_SPF_NAMES], name[LIMIT_SPF_NAMES];	/* of the client: claimed, validated */
	size_t			ncandidate, nname;
};

/* The arena has to be empty or nearly; LIMIT_SPF_ARENA is enough. */
void	spf_begin(struct spf *, const struct spf_args *, struct arena *);

/* nwant answers, in the order of want. */
void	spf_feed(struct spf *, const struct spf_answer *);

#endif
