#include "proxy.h"

#include "../base/limits.h"

static const char	signature[12] = "\r\n\r\n\0\r\nQUIT\n";

enum {
	COMMAND_LOCAL	= 0,
	COMMAND_PROXY	= 1,
	FAMILY_UNSPEC	= 0x00,
	FAMILY_TCP4	= 0x11,
	FAMILY_TCP6	= 0x21,
	FAMILY_UNIX	= 0x31,
};

static uint16_t
be16(const char *p)
{
	return (uint16_t)((uint8_t)p[0] << 8 | (uint8_t)p[1]);
}

/* Two addresses of n bytes and two ports; what follows is TLVs that we do not need. */
static enum proxy_got
addresses(struct str rest, size_t n, struct proxy *out)
{
	if (rest.n < 2 * n + 4)
		return PROXY_BAD;
	out->src = ip_from_bytes(rest.p, n);
	out->dst = ip_from_bytes(rest.p + n, n);
	out->sport = be16(rest.p + 2 * n);
	out->dport = be16(rest.p + 2 * n + 2);
	return PROXY_OK;
}

enum proxy_got
proxy_parse(struct str in, size_t *need_r, struct proxy *out_r)
{
	size_t	known = in.n < sizeof(signature) ? in.n : sizeof(signature);
	struct str	rest;

	*out_r = (struct proxy){ .local = false };
	*need_r = PROXY_FIXED;
	if (known > 0 && memcmp(in.p, signature, known) != 0)
		return PROXY_BAD;
	if (in.n < PROXY_FIXED)
		return PROXY_MORE;
	*need_r += be16(in.p + 14);
	if (*need_r > LIMIT_PROXY)
		return PROXY_BAD;
	if (in.n < *need_r)
		return PROXY_MORE;
	rest = str_head(str_skip(in, PROXY_FIXED), *need_r - PROXY_FIXED);
	if (in.p[12] == (2 << 4 | COMMAND_LOCAL)) {
		out_r->local = true;
		return PROXY_OK;
	}
	if (in.p[12] != (2 << 4 | COMMAND_PROXY))
		return PROXY_BAD;
	switch ((uint8_t)in.p[13]) {
	case FAMILY_TCP4:
		return addresses(rest, 4, out_r);
	case FAMILY_TCP6:
		return addresses(rest, 16, out_r);
	case FAMILY_UNSPEC:
	case FAMILY_UNIX:
		/* the proxy does not know: its own address is the best there is */
		out_r->local = true;
		return PROXY_OK;
	default:
		return PROXY_BAD;
	}
}
