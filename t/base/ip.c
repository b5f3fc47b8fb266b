/* ip: parsing, text as RFC 5952 wants it, masks, networks. */
#include "base/ip.h"

#include "../tap.h"

static struct str
text(struct buf *b, const struct ip *ip)
{
	buf_reset(b);
	ip_format(b, ip);
	return buf_str(b);
}

static void
test_parse(void)
{
	static const struct {
		const char	*in, *want;	/* NULL: refused */
	} rows[] = {
		{ "192.0.2.1", "192.0.2.1" }, { "0.0.0.0", "0.0.0.0" },
		{ "255.255.255.255", "255.255.255.255" },
		{ "", NULL }, { "1.2.3", NULL }, { "1.2.3.4.", NULL }, { "1.2.3.4.5", NULL },
		{ "1.2.3.256", NULL }, { "01.2.3.4", NULL }, { "1..3.4", NULL },
		{ "1.2.3.4 ", NULL }, { "+1.2.3.4", NULL }, { "1.2.3.0x4", NULL },
		{ "::", "::" }, { "::1", "::1" }, { "1::", "1::" },
		{ "2001:DB8::1", "2001:db8::1" },
		{ "2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1" },	/* first of equals */
		{ "2001:0:0:1:0:0:0:1", "2001:0:0:1::1" },		/* the longest */
		{ "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1" },	/* one is not shortened */
		{ "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8" },
		{ "1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0" },
		{ "::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8" },
		{ "64:ff9b::192.0.2.33", "64:ff9b::c000:221" },
		{ "1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304" },
		{ "::ffff:192.0.2.1", "192.0.2.1" }, { "::FFFF:c000:201", "192.0.2.1" },
		{ "1:2:3:4:5:6:7", NULL }, { "1:2:3:4:5:6:7:8:9", NULL },
		{ "1:2:3:4:5:6:7:8::", NULL }, { "1::2::3", NULL }, { ":::", NULL },
		{ ":1::", NULL }, { "1:", NULL }, { ":", NULL }, { "::1:", NULL },
		{ "12345::", NULL }, { "g::", NULL }, { "::1.2.3", NULL },
		{ "1.2.3.4::", NULL }, { "1:2:3:4:5:6:7:1.2.3.4", NULL },
		{ "fe80::1%eth0", NULL }, { "[::1]", NULL }, { "::1 ", NULL },
	};
	struct buf	b = BUF_INIT(IP_TEXT);
	struct ip	ip;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool	got = ip_parse(str_c(rows[i].in), &ip);

		if (ok(got == (rows[i].want != NULL), "parse \"%s\"", rows[i].in) && got)
			is_str(text(&b, &ip), str_c(rows[i].want), "its text");
	}
	ok(!ip_parse(STR("1.2.3.4\0"), &ip), "a NUL is no digit");
	buf_free(&b);
}

static void
test_networks(void)
{
	static const struct {
		const char	*net, *want, *in, *out;	/* want NULL: refused */
	} rows[] = {
		{ "10.0.0.0/8", "10.0.0.0/8", "10.255.1.2", "11.0.0.0" },
		{ "10.1.2.3/8", "10.0.0.0/8", "10.0.0.0", "9.255.255.255" },
		{ "192.0.2.128/25", "192.0.2.128/25", "192.0.2.129", "192.0.2.127" },
		{ "192.0.2.7", "192.0.2.7/32", "192.0.2.7", "192.0.2.6" },
		{ "0.0.0.0/0", "0.0.0.0/0", "203.0.113.9", "::1" },
		{ "::/0", "::/0", "::1", "127.0.0.1" },
		{ "2001:db8:1::/48", "2001:db8:1::/48", "2001:db8:1:ffff::", "2001:db8:2::" },
		{ "2001:db8::/33", "2001:db8::/33", "2001:db8:7fff::", "2001:db8:8000::" },
		{ "::ffff:10.0.0.0/104", "10.0.0.0/8", "10.9.9.9", "11.0.0.0" },
		{ "::ffff:10.0.0.1", "10.0.0.1/32", "::ffff:10.0.0.1", "10.0.0.2" },
		{ "::ffff:10.0.0.0/95", NULL, NULL, NULL },
		{ "10.0.0.0/33", NULL, NULL, NULL }, { "::/129", NULL, NULL, NULL },
		{ "10.0.0.0/", NULL, NULL, NULL }, { "/8", NULL, NULL, NULL },
		{ "10.0.0.0/08", NULL, NULL, NULL }, { "10.0.0.0/8/8", NULL, NULL, NULL },
		{ "10/8", NULL, NULL, NULL }, { "", NULL, NULL, NULL },
	};
	struct buf	b = BUF_INIT(IP_TEXT + 4);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ipnet	net;
		struct ip	in, out;
		bool		got = ipnet_parse(str_c(rows[i].net), &net);

		if (!ok(got == (rows[i].want != NULL), "network \"%s\"", rows[i].net) || !got)
			continue;
		buf_reset(&b);
		ipnet_format(&b, &net);
		is_str(buf_str(&b), str_c(rows[i].want), "its text");
		ok(ip_parse(str_c(rows[i].in), &in) && ipnet_has(&net, &in), "has %s", rows[i].in);
		ok(ip_parse(str_c(rows[i].out), &out) && !ipnet_has(&net, &out), "has not %s", rows[i].out);
	}
	buf_free(&b);
}

static void
test_rest(void)
{
	struct buf	b = BUF_INIT(128);
	struct ip	v4, v6, none = ip_from_bytes("abc", 3);

	ok(ip_parse(STR("192.0.2.99"), &v4) && ip_parse(STR("2001:db8::567:89ab"), &v6), "two addresses");
	ip_reverse(&b, &v4, "in-addr.arpa", "ip6.arpa");
	is_str(buf_str(&b), STR("99.2.0.192.in-addr.arpa"), "reverse name of IPv4");
	buf_reset(&b);
	ip_reverse(&b, &v6, "in-addr.arpa", "ip6.arpa");
	is_str(buf_str(&b), STR("b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"), "reverse name of IPv6");
	ok(ip_cmp(&v4, &v6) < 0 && ip_cmp(&v6, &v4) > 0 && ip_eq(&v4, &v4), "order");
	ok(none.len == 0 && !ip_eq(&none, &v4), "three bytes are no address");
	ok(ip_parse(STR("127.8.9.1"), &v4) && ip_is_loopback(&v4), "127/8 is loopback");
	ok(ip_parse(STR("::1"), &v6) && ip_is_loopback(&v6), "so is ::1");
	ok(ip_parse(STR("::ffff:127.0.0.1"), &v4) && ip_is_loopback(&v4), "and what is mapped to it");
	ok(ip_parse(STR("::2"), &v6) && !ip_is_loopback(&v6) && !ip_is_loopback(&none), "others are not");
	buf_free(&b);
}

int
main(void)
{
	test_parse();
	test_networks();
	test_rest();
	return done_testing();
}
