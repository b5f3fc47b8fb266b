/* dns_rr: each type's data as on the wire, what it says, and what is malformed. */
#include "proto/dns_rr.h"

#include "../tap.h"

#define W(lit)	STR_INIT(lit)

static struct arena	arena = ARENA_INIT(1 << 20);

static const struct {
	const char	*what;
	enum dns_type	 type;
	struct str	 data;
	const char	*text, *name;	/* text NULL: refused */
	uint16_t	 pref;
} rows[] = {
	{ "A", DNS_A, W("\300\0\2\1"), "192.0.2.1", "", 0 },
	{ "A short", DNS_A, W("\300\0\2"), NULL, NULL, 0 },
	{ "A long", DNS_A, W("\300\0\2\1\0"), NULL, NULL, 0 },
	{ "A empty", DNS_A, W(""), NULL, NULL, 0 },
	{ "AAAA", DNS_AAAA, W("\40\1\15\270\0\0\0\0\0\0\0\0\0\0\0\1"), "2001:db8::1", "", 0 },
	{ "AAAA short", DNS_AAAA, W("\40\1\15\270"), NULL, NULL, 0 },
	{ "NS", DNS_NS, W("\2ns\7Example\0"), "ns.example.", "ns.example", 0 },
	{ "PTR to the root", DNS_PTR, W("\0"), ".", "", 0 },
	{ "CNAME without its end", DNS_CNAME, W("\2ns\7Example"), NULL, NULL, 0 },
	{ "CNAME with more behind", DNS_CNAME, W("\1a\0x"), NULL, NULL, 0 },
	{ "CNAME, compressed", DNS_CNAME, W("\300\14"), NULL, NULL, 0 },
	{ "CNAME, label over the end", DNS_CNAME, W("\77a\0"), NULL, NULL, 0 },
	{ "a dot and a space in a label", DNS_PTR, W("\3a.b\2c \3\\\"\377\0"), "a\\.b.c\\032.\\\\\\\"\\255.", "a\\.b.c\\032.\\\\\\\"\\255", 0 },
	{ "a NUL in a label", DNS_PTR, W("\3a\0b\0"), "a\\000b.", "a\\000b", 0 },
	{ "MX", DNS_MX, W("\0\12\2mx\7example\0"), "10 mx.example.", "mx.example", 10 },
	{ "MX, null", DNS_MX, W("\0\0\0"), "0 .", "", 0 },
	{ "MX without name", DNS_MX, W("\0\12"), NULL, NULL, 0 },
	{ "MX of one byte", DNS_MX, W("\0"), NULL, NULL, 0 },
	{ "TXT", DNS_TXT, W("\2v=\0\3abc"), "v=abc", "", 0 },
	{ "TXT without strings", DNS_TXT, W(""), "", "", 0 },
	{ "TXT over the end", DNS_TXT, W("\5abc"), NULL, NULL, 0 },
	{ "SRV", DNS_SRV, W("\0\1\0\2\0\31\1a\0"), "1 2 25 a.", "a", 1 },
	{ "SRV short", DNS_SRV, W("\0\1\0\2\0"), NULL, NULL, 0 },
	{ "SOA", DNS_SOA, W("\1a\0\1b\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\377\377\377\377"), "a. b. 1 2 3 4 4294967295", "a", 0 },
	{ "SOA short", DNS_SOA, W("\1a\0\1b\0\0\0\0\1"), NULL, NULL, 0 },
	{ "TLSA", DNS_TLSA, W("\3\1\1\253\315"), "3 1 1 abcd", "", 0 },
	{ "TLSA short", DNS_TLSA, W("\3\1"), NULL, NULL, 0 },
	{ "no type of ours", (enum dns_type)99, W("\0"), NULL, NULL, 0 },
};

static void
test_rows(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dns_rr	rr;
		bool		good = dns_rr_decode(rows[i].type, rows[i].data, &arena, &rr);

		ok(good == (rows[i].text != NULL), "%s is %s", rows[i].what, rows[i].text != NULL ? "taken" : "refused");
		if (!good || rows[i].text == NULL)
			continue;
		is_str(rr.text, str_c(rows[i].text), "  its text");
		is_str(rr.name, str_c(rows[i].name), "  its name");
		is_num(rr.pref, rows[i].pref, "  its preference");
		is_str(rr.data, rows[i].data, "  its data");
		arena_reset(&arena);
	}
}

/* 127 labels of one byte are 255 on the wire; the same and one more byte are too long. */
static void
test_long(void)
{
	char		wire[400];
	struct dns_rr	rr;
	size_t		n = 0;

	while (n < 254) {
		wire[n++] = 1;
		wire[n++] = 'a';
	}
	wire[n] = 0;
	ok(dns_rr_decode(DNS_PTR, str_n(wire, n + 1), &arena, &rr) && rr.name.n == 253, "the longest name");
	wire[n - 2] = 2;
	wire[n++] = 'a';
	wire[n] = 0;
	ok(!dns_rr_decode(DNS_PTR, str_n(wire, n + 1), &arena, &rr), "one byte more is refused");
}

static void
test_hosts(void)
{
	static const struct {
		const char	*name;
		bool		 host;
	} names[] = {
		{ "mx.example", true }, { "a_b.example", true }, { "x", true }, { "1.example", true }, { "192.0.2.1.example", true },
		{ "", false }, { ".", false }, { "a.", false }, { ".a", false }, { "a..b", false }, { "a b", false },
		{ "192.0.2.1", false }, { "a\\.b.example", false }, { "*.example", false }, { "b\303\274cher.example", false },
		{ "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.example", true },
		{ "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.example", false },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		ok(dns_name_is_host(str_c(names[i].name)) == names[i].host, "\"%s\" is %s host", names[i].name, names[i].host ? "a" : "no");
}

static void
test_types(void)
{
	enum dns_type	type;

	ok(dns_type_parse(STR("mx"), &type) && type == DNS_MX, "a type's name in any case");
	ok(!dns_type_parse(STR("ANY"), &type) && !dns_type_parse(STR(""), &type), "no type of ours");
	is_str(str_c(dns_type_name(DNS_TLSA)), STR("TLSA"), "a type's name");
}

int
main(void)
{
	test_rows();
	test_long();
	test_hosts();
	test_types();
	arena_free(&arena);
	return done_testing();
}
