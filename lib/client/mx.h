/*
 * mx: who takes mail for a domain (RFC 5321 5.1, RFC 7505), and at which
 * addresses, in which order they are tried.
 */
#ifndef CLIENT_MX_H
#define CLIENT_MX_H

#include "dns.h"

enum mx_got {
	MX_OK,
	MX_NULL,		/* takes no mail: 556 5.1.10 */
	MX_NO_DOMAIN,		/* does not exist: permanent, 5.1.2 */
	MX_INVALID,		/* only names that cannot be: permanent, 5.4.4 */
	MX_BOGUS,		/* temporary: 4.7.0 */
	MX_TEMP,		/* 4.4.3 */
};

struct mx_host {
	struct str	name;		/* A-labels, lower case; or the text of an address for a literal */
	uint16_t	pref;
};

struct mx {
	struct str	 why;		/* for people, unless OK */
	bool		 has_mx;	/* else the host is the domain itself */
	bool		 secure;	/* the MX records were validated (DANE) */
	struct str	 next_hop;	/* the domain at the end of its CNAMEs */
	bool		 next_hop_secure;
	struct mx_host	*host;		/* best first; equal ones in random order */
	size_t		 nhost;
};

/*
 * Hosts for a domain, which may be an address literal in brackets. A domain
 * without MX is its own host, if it has an address. A name that is the text
 * of an address, without brackets, is no domain and no host.
 */
enum mx_got	mx_find(struct held *dns, struct str domain, struct arena *, struct deadline, struct mx *out_r) __attribute__((warn_unused_result));

struct mx_addresses {
	struct str	 why;
	struct str	 canonical;	/* the host at the end of its CNAMEs */
	bool		 secure;	/* addresses were validated */
	struct ip	*ip;		/* IPv6, then IPv4, each in the order of the answer */
	size_t		 n;
	bool		 dualstack;
};

/*
 * Addresses of a host that mx_find() told. MX_NO_DOMAIN: it has none. When one
 * family could not be looked up and the other one is validated, that is an
 * error too: who can hold back an answer shall not be able to turn DANE off.
 */
enum mx_got	mx_addresses(struct held *dns, struct str host, struct arena *, struct deadline, struct mx_addresses *out_r) __attribute__((warn_unused_result));

/*
 * Order addresses for an attempt, after those dialed before (oldest first): the
 * family that was not dialed last comes first; within the last family its last
 * address first if it was the only one of that family so far (for greylisting).
 */
void	mx_order(struct ip *ip, size_t n, const struct ip *dialed, size_t ndialed);

#endif
