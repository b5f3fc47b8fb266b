#include "ip.h"

#include "num.h"

static const uint8_t	mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

struct ip
ip_from_bytes(const void *p, size_t n)
{
	struct ip	ip = { .len = 0 };

	if (n == 16 && memcmp(p, mapped, sizeof(mapped)) == 0) {
		p = (const uint8_t *)p + sizeof(mapped);
		n = 4;
	}
	if (n == 4 || n == 16) {
		ip.len = (uint8_t)n;
		memcpy(ip.b, p, n);
	}
	return ip;
}

static bool
parse4(struct str s, uint8_t *out)
{
	for (int i = 0; i < 4; i++) {
		struct str	part;
		uint32_t	v;
		bool		dot = str_cut(&s, '.', &part);

		/* a leading zero means octal to some readers: refused */
		if (dot != (i < 3) || part.n > 3 || (part.n > 1 && part.p[0] == '0') ||
		    !num_u32(part, 255, &v))
			return false;
		out[i] = (uint8_t)v;
	}
	return true;
}

/* One group of an IPv6 address, or its IPv4 tail; the bytes written, or 0. */
static size_t
parse6_group(struct str part, bool last, uint8_t *out, size_t room)
{
	uint64_t	v;

	if (last && str_chr(part, '.') != part.n)
		return room >= 4 && parse4(part, out) ? 4 : 0;
	if (room < 2 || part.n > 4 || !num_hex(part, &v))
		return 0;
	out[0] = (uint8_t)(v >> 8);
	out[1] = (uint8_t)v;
	return 2;
}

static bool
parse6(struct str s, uint8_t *out)
{
	size_t	n = 0, gap = SIZE_MAX;

	if (str_starts(s, STR("::"))) {
		gap = 0;
		s = str_skip(s, 2);
	}
	while (s.n > 0) {
		struct str	part;
		bool		more = str_cut(&s, ':', &part);
		size_t		got;

		if (more && part.n == 0) {	/* the second colon of "::" */
			if (gap != SIZE_MAX || n == 0)
				return false;
			gap = n;
			continue;
		}
		if (more && s.n == 0)		/* one colon at the end */
			return false;
		got = parse6_group(part, !more, out + n, 16 - n);
		if (got == 0)
			return false;
		n += got;
	}
	if (gap == SIZE_MAX)
		return n == 16;
	if (n > 14)		/* "::" stands for one group at least */
		return false;
	memmove(out + 16 - (n - gap), out + gap, n - gap);
	memset(out + gap, 0, 16 - n);
	return true;
}

bool
ip_parse(struct str s, struct ip *out_r)
{
	uint8_t	b[16];

	if (str_chr(s, ':') == s.n) {
		if (!parse4(s, b))
			return false;
		*out_r = ip_from_bytes(b, 4);
		return true;
	}
	if (!parse6(s, b))
		return false;
	*out_r = ip_from_bytes(b, 16);
	return true;
}

static unsigned
group(const struct ip *ip, int i)
{
	return (unsigned)ip->b[2 * i] << 8 | ip->b[2 * i + 1];
}

/* The longest run of at least two zero groups, the first of equals. */
static void
longest_zeros(const struct ip *ip, int *at_r, int *n_r)
{
	*at_r = -1;
	*n_r = 1;
	for (int i = 0; i < 8; i++) {
		int	n = 0;

		while (i + n < 8 && group(ip, i + n) == 0)
			n++;
		if (n > *n_r) {
			*at_r = i;
			*n_r = n;
		}
		i += n;
	}
}

void
ip_format(struct buf *b, const struct ip *ip)
{
	int	at, n;

	if (ip->len == 0)
		return;
	if (ip->len == 4) {
		buf_addf(b, "%u.%u.%u.%u", ip->b[0], ip->b[1], ip->b[2], ip->b[3]);
		return;
	}
	longest_zeros(ip, &at, &n);
	for (int i = 0; i < 8; i++) {
		if (i == at) {
			buf_adds(b, "::");
			i += n - 1;
			continue;
		}
		buf_addf(b, i == 0 || (at >= 0 && i == at + n) ? "%x" : ":%x", group(ip, i));
	}
}

void
ip_reverse(struct buf *b, const struct ip *ip, const char *zone4, const char *zone6)
{
	for (int i = ip->len - 1; i >= 0; i--) {
		if (ip->len == 4)
			buf_addf(b, "%u.", ip->b[i]);
		else
			buf_addf(b, "%x.%x.", ip->b[i] & 15U, ip->b[i] >> 4U);
	}
	buf_adds(b, ip->len == 4 ? zone4 : zone6);
}

bool
ip_eq(const struct ip *a, const struct ip *b)
{
	return ip_cmp(a, b) == 0;
}

int
ip_cmp(const struct ip *a, const struct ip *b)
{
	if (a->len != b->len)
		return a->len < b->len ? -1 : 1;
	return memcmp(a->b, b->b, a->len);
}

bool
ip_is_loopback(const struct ip *ip)
{
	static const uint8_t	one[16] = { [15] = 1 };

	return ip->len == 4 ? ip->b[0] == 127 : ip->len == 16 && memcmp(ip->b, one, 16) == 0;
}

struct ip
ip_mask(const struct ip *ip, unsigned bits)
{
	struct ip	out = *ip;

	for (unsigned i = 0; i < out.len; i++) {
		unsigned	left = bits > 8 * i ? bits - 8 * i : 0;

		if (left < 8)
			out.b[i] &= (uint8_t)(0xff00U >> left);
	}
	return out;
}

bool
ipnet_parse(struct str s, struct ipnet *out_r)
{
	struct str	addr;
	struct ip	ip;
	uint32_t	bits, max;
	bool		slash = str_cut(&s, '/', &addr);

	if (!ip_parse(addr, &ip))
		return false;
	/* the text tells how its bits are counted: ::ffff:10.0.0.0/104 is 10.0.0.0/8 */
	max = str_chr(addr, ':') != addr.n ? 128 : 32;
	bits = max;
	if (slash && (s.n > 3 || (s.n > 1 && s.p[0] == '0') || !num_u32(s, max, &bits)))
		return false;
	if (max == 128 && ip.len == 4) {
		if (bits < 96)
			return false;
		bits -= 96;
	}
	*out_r = (struct ipnet){ .ip = ip_mask(&ip, bits), .bits = (uint8_t)bits };
	return true;
}

void
ipnet_format(struct buf *b, const struct ipnet *net)
{
	ip_format(b, &net->ip);
	buf_addf(b, "/%u", net->bits);
}

bool
ipnet_has(const struct ipnet *net, const struct ip *ip)
{
	struct ip	m;

	if (ip->len != net->ip.len || ip->len == 0)
		return false;
	m = ip_mask(ip, net->bits);
	return ip_eq(&m, &net->ip);
}
