/*
 * proxy: the header that a proxy in front of us puts before a connection's
 * bytes, PROXY protocol version 2 (HAProxy's proxy-protocol.txt, section 2.2).
 * The text form, version 1, is refused.
 */
#ifndef PROTO_PROXY_H
#define PROTO_PROXY_H

#include <stdbool.h>
#include <stdint.h>

#include "../base/ip.h"

enum { PROXY_FIXED = 16 };	/* bytes of every header, with the length of the rest */

struct proxy {
	bool		local;		/* no one's connection but the proxy's: keep its address */
	struct ip	src, dst;	/* unset when local */
	uint16_t	sport, dport;
};

enum proxy_got {
	PROXY_OK,
	PROXY_MORE,	/* the header is longer than this; *need_r tells how long at least */
	PROXY_BAD,	/* not one, not TCP, or longer than LIMIT_PROXY */
};

/*
 * in begins with the header. *need_r is the length of the whole header as far
 * as it is known: read exactly to there, so that none of the peer's own bytes are taken.
 */
enum proxy_got	proxy_parse(struct str in, size_t *need_r, struct proxy *out_r);

#endif
