/*
 * ip: addresses of IPv4 and IPv6, and networks of them. A v4-mapped IPv6
 * address (::ffff:192.0.2.1) is always taken as the IPv4 address it means, so
 * that a dual-stack socket and an IPv4 one agree about who is calling.
 */
#ifndef BASE_IP_H
#define BASE_IP_H

#include <stdint.h>

#include "buf.h"

struct ip {
	uint8_t	len;		/* 4 or 16; 0: none */
	uint8_t	b[16];		/* network order; what is behind len is zero */
};

struct ipnet {
	struct ip	ip;	/* bits behind the mask are zero */
	uint8_t		bits;	/* 0 to 8 * ip.len */
};

/* The longest text ip_format() writes, with a NUL. */
enum { IP_TEXT = 46 };

/* From 4 or 16 bytes in network order. */
struct ip	ip_from_bytes(const void *, size_t n);

/*
 * All of s is an address: four decimal numbers without leading zeros, or
 * RFC 4291 section 2.2 (any case, "::" once, IPv4 at the end). No brackets, no zone.
 */
bool	ip_parse(struct str, struct ip *out_r) __attribute__((warn_unused_result));

/* As RFC 5952 wants it: lower case, the longest run of zeros as "::". */
void	ip_format(struct buf *, const struct ip *);

/* "2.0.0.127.in-addr.arpa", "….ip6.arpa"; with another zone, a blocklist query. */
void	ip_reverse(struct buf *, const struct ip *, const char *zone4, const char *zone6);

bool	ip_eq(const struct ip *, const struct ip *);
int	ip_cmp(const struct ip *, const struct ip *);	/* IPv4 first; a total order */
bool	ip_is_loopback(const struct ip *);

/* The address with all but its first bits cleared. */
struct ip	ip_mask(const struct ip *, unsigned bits);

/*
 * ADDRESS/BITS, or ADDRESS for that one alone; bits behind the mask are
 * cleared. A network of v4-mapped addresses becomes one of IPv4.
 */
bool	ipnet_parse(struct str, struct ipnet *out_r) __attribute__((warn_unused_result));
void	ipnet_format(struct buf *, const struct ipnet *);

/* IPv4 addresses are only in IPv4 networks; ::/0 holds none of them. */
bool	ipnet_has(const struct ipnet *, const struct ip *);

#endif
