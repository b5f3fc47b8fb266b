/*
 * dns_rr: a DNS record's data as it is on the wire (RFC 1035 3.3; names not
 * compressed), decoded. The bytes are a stranger's: every length is checked.
 */
#ifndef PROTO_DNS_RR_H
#define PROTO_DNS_RR_H

#include <stdint.h>

#include "../base/arena.h"
#include "../base/buf.h"
#include "../base/ip.h"

enum dns_type {
	DNS_A = 1, DNS_NS = 2, DNS_CNAME = 5, DNS_SOA = 6, DNS_PTR = 12, DNS_MX = 15, DNS_TXT = 16,
	DNS_AAAA = 28, DNS_SRV = 33, DNS_TLSA = 52,
};

/* A record. Text is the arena's. */
struct dns_rr {
	struct str	 text;		/* as in a zone file ("10 mx.example."); TXT: its strings joined, any bytes */
	struct str	 name;		/* MX, NS, CNAME, PTR, SRV, SOA: the target, lower case, without final dot; "" is the root */
	uint16_t	 pref;		/* MX; SRV: the priority */
	uint16_t	 port;		/* SRV */
	struct ip	 ip;		/* A, AAAA */
	struct str	 data;		/* the record's data as on the wire */
};

/* "MX", …; NULL for a number that is none of ours. The name in any case. */
const char	*dns_type_name(enum dns_type);
bool		 dns_type_parse(struct str name, enum dns_type *out_r) __attribute__((warn_unused_result));

/* False: malformed, or over the arena's limit. */
bool	dns_rr_decode(enum dns_type, struct str data, struct arena *, struct dns_rr *out_r) __attribute__((warn_unused_result));

/*
 * A name that a host which takes mail may have: at most 253 bytes in labels of
 * 1 to 63 letters, digits, hyphens and underscores, no dot at the end, and
 * not the text of an IPv4 address.
 */
bool	dns_name_is_host(struct str);

#endif
