/*
 * dns: how a program asks dnsd (records "dns" 1 and "answer" 1; dnsd(8)). Names
 * are absolute, with or without a final dot, U-labels or A-labels (dnsd takes both).
 */
#ifndef CLIENT_DNS_H
#define CLIENT_DNS_H

#include "../proto/dns_rr.h"
#include "held.h"

#define DNS_SOCKET	"run/dnsd"	/* for HELD_INIT */

enum dns_got {
	DNS_OK,
	DNS_NODATA,		/* the name is there, no record of the type */
	DNS_NXDOMAIN,		/* also a name that DNS cannot have */
	DNS_BOGUS,		/* DNSSEC says it is forged: never to be used */
	DNS_TEMP,		/* no answer in time, servers fail, dnsd is not there */
};

struct dns_answer {
	enum dns_got	 got;
	bool		 secure;	/* validated: also for NODATA and NXDOMAIN */
	struct str	 canonical;	/* the name at the end of CNAMEs: A-labels, lower case, no final dot; may be empty for BOGUS and TEMP */
	struct str	 why;		/* for people: BOGUS, TEMP, a name that cannot be */
	uint32_t	 ttl;
	struct dns_rr	*rr;		/* OK: at least one. What could not be decoded is left out */
	size_t		 n;
};

/* Ask and wait. Text is the arena's. The same value as out_r->got. */
enum dns_got	dns_ask(struct held *, enum dns_type, struct str name, struct arena *, struct deadline, struct dns_answer *out_r);

/* Several questions at once (at most DNS_QUESTIONS): they are looked up at the same time. */
enum { DNS_QUESTIONS = 16 };

struct dns_question {
	enum dns_type		type;
	struct str		name;
	struct dns_answer	answer;
};

void	dns_ask_all(struct held *, struct dns_question *, size_t n, struct arena *, struct deadline);

/* An "answer" record as dnsd sends it; what cannot be understood is DNS_TEMP. */
enum dns_got	dns_answer_decode(struct str rec, enum dns_type, struct arena *, struct dns_answer *out_r);

#endif
