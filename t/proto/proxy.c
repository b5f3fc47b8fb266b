/* proxy: PROXY v2 headers, whole, byte by byte, and wrong ones. */
#include "proto/proxy.h"

#include "../tap.h"

#define SIG	"\r\n\r\n\0\r\nQUIT\n"
#define A4	"\xc0\x00\x02\x01" "\xcb\x00\x71\x05" "\x30\x39" "\x00\x19"
#define A6	"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01" "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02" "\x30\x39" "\x00\x19"
#define M6	"\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\x00\x02\x01" "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\x00\x02\x02" "\x30\x39" "\x00\x19"
#define TLV	"\x04\x00\x03" "abc"

struct row {
	const char	*name;
	struct str	 in;
	enum proxy_got	 want;
	const char	*src, *dst;	/* NULL: local */
};

static const struct row	rows[] = {
	{ "IPv4", STR_INIT(SIG "\x21\x11\x00\x0c" A4), PROXY_OK, "192.0.2.1", "203.0.113.5" },
	{ "IPv6", STR_INIT(SIG "\x21\x21\x00\x24" A6), PROXY_OK, "2001:db8::1", "2001:db8::2" },
	{ "mapped addresses", STR_INIT(SIG "\x21\x21\x00\x24" M6), PROXY_OK, "192.0.2.1", "192.0.2.2" },
	{ "with TLVs", STR_INIT(SIG "\x21\x11\x00\x12" A4 TLV), PROXY_OK, "192.0.2.1", "203.0.113.5" },
	{ "LOCAL", STR_INIT(SIG "\x20\x00\x00\x00"), PROXY_OK, NULL, NULL },
	{ "LOCAL with addresses to be ignored", STR_INIT(SIG "\x20\x11\x00\x0c" A4), PROXY_OK, NULL, NULL },
	{ "unknown family", STR_INIT(SIG "\x21\x00\x00\x00"), PROXY_OK, NULL, NULL },
	{ "unix family", STR_INIT(SIG "\x21\x31\x00\x02" "ab"), PROXY_OK, NULL, NULL },
	{ "nothing yet", STR_INIT(""), PROXY_MORE, NULL, NULL },
	{ "part of the signature", STR_INIT("\r\n\r\n\0"), PROXY_MORE, NULL, NULL },
	{ "without its length", STR_INIT(SIG "\x21\x11\x00"), PROXY_MORE, NULL, NULL },
	{ "without its last byte", STR_INIT(SIG "\x21\x11\x00\x0c" "\xc0\x00\x02\x01" "\xcb\x00\x71\x05" "\x30\x39" "\x00"), PROXY_MORE, NULL, NULL },
	{ "version 1", STR_INIT("PROXY TCP4 192.0.2.1 203.0.113.5 12345 25\r\n"), PROXY_BAD, NULL, NULL },
	{ "a wrong last byte of the signature", STR_INIT("\r\n\r\n\0\r\nQUIT\r"), PROXY_BAD, NULL, NULL },
	{ "version 3", STR_INIT(SIG "\x31\x11\x00\x0c" A4), PROXY_BAD, NULL, NULL },
	{ "an unknown command", STR_INIT(SIG "\x22\x11\x00\x0c" A4), PROXY_BAD, NULL, NULL },
	{ "UDP", STR_INIT(SIG "\x21\x12\x00\x0c" A4), PROXY_BAD, NULL, NULL },
	{ "IPv4 too short", STR_INIT(SIG "\x21\x11\x00\x0b" A4), PROXY_BAD, NULL, NULL },
	{ "IPv6 with IPv4's length", STR_INIT(SIG "\x21\x21\x00\x0c" A4), PROXY_BAD, NULL, NULL },
	{ "longer than we take", STR_INIT(SIG "\x21\x11\xff\xff"), PROXY_BAD, NULL, NULL },
};

static struct str
text(struct buf *b, const struct ip *ip)
{
	buf_reset(b);
	ip_format(b, ip);
	return buf_str(b);
}

static void
test_row(const struct row *r)
{
	struct buf	b = BUF_INIT(IP_TEXT);
	struct proxy	p;
	size_t		need;
	enum proxy_got	got = proxy_parse(r->in, &need, &p);

	is_num(got, r->want, r->name);
	if (r->want == PROXY_MORE)
		ok(need > r->in.n, "%s: it says that more is to come", r->name);
	if (r->want == PROXY_OK) {
		ok(p.local == (r->src == NULL), "%s: local or not", r->name);
		is_num(need, r->in.n, "its length");
		is_str(text(&b, &p.src), str_c(r->src), "source");
		is_str(text(&b, &p.dst), str_c(r->dst), "destination");
		if (r->src != NULL)
			ok(p.sport == 12345 && p.dport == 25, "%s: ports", r->name);
	}
	buf_free(&b);
}

/* Read as listend reads: exactly as much as is asked for, and what follows is left alone. */
static void
test_exact(void)
{
	static const char	in[] = SIG "\x21\x11\x00\x12" A4 TLV "EHLO";
	struct str		all = str_n(in, sizeof(in) - 1);
	struct proxy		p;
	size_t			n = 0, need;
	enum proxy_got		got;
	int			steps = 0;

	while ((got = proxy_parse(str_head(all, n), &need, &p)) == PROXY_MORE && steps++ < 10)
		n = need;
	is_num(got, PROXY_OK, "reading what is needed comes to an end");
	is_str(str_skip(all, n), STR("EHLO"), "the peer's own bytes are left");
	is_num(steps, 2, "in two steps");
	for (n = 0; n < PROXY_FIXED + 18; n++)
		if (proxy_parse(str_head(all, n), &need, &p) != PROXY_MORE)
			break;
	is_num(n, PROXY_FIXED + 18, "byte by byte it is complete at the same place");
}

int
main(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		test_row(&rows[i]);
	test_exact();
	return done_testing();
}
