/*
 * dns: how a program asks dnsd (records "dns" 1 and "answer" 1; dnsd(8)). Names
 * are absolute, with or without a final dot, U-labels or A-labels (dnsd takes both).
 */
#ifndef CLIENT_DNS_H
#define CLIENT_DNS_H

#include "../base/arena.h"
#include "../base/ip.h"
#include "held.h"

#define DNS_SOCKET	"run/dnsd"	/* for HELD_INIT */

enum dns_type {
	DNS_A = 1, DNS_NS = 2, DNS_CNAME = 5, DNS_SOA = 6, DNS_PTR = 12, DNS_MX = 15, DNS_TXT = 16,
	DNS_AAAA = 28, DNS_SRV = 33, DNS_TLSA = 52,
};

enum dns_got {
	DNS_OK,
	DNS_NODATA,		/* the name is there, no record of the type */
	DNS_NXDOMAIN,
	DNS_BOGUS,		/* DNSSEC says it is forged: never to be used */
	DNS_TEMP,		/* no answer in time, servers fail, dnsd is not there */
};

/* One record, decoded. */
struct dns_rr {
	struct str	 text;		/* as in a zone file ("10 mx.example."); TXT: its strings joined, any bytes */
	struct str	 name;		/* MX, NS, CNAME, PTR, SRV: the target, lower case, without final dot; "" is the root */
	uint16_t	 pref;		/* MX */
	struct ip	 ip;		/* A, AAAA */
	struct str	 data;		/* the record's data as on the wire */
};

struct dns_answer {
	enum dns_got	 got;
	bool		 secure;	/* validated: also for NODATA and NXDOMAIN */
	struct str	 canonical;	/* the name at the end of CNAMEs */
	struct str	 why;		/* BOGUS, TEMP: for people */
	uint32_t	 ttl;
	struct dns_rr	*rr;
	size_t		 n;
};

/* Ask and wait. Text is the arena's. The same value as out_r->got. */
enum dns_got	dns_ask(struct held *, enum dns_type, struct str name, struct arena *, struct deadline, struct dns_answer *out_r);

#endif
