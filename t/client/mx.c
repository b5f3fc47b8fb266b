/*
 * mx: who takes mail for a domain, asked of a dnsd that is a table in a child
 * process; and the order in which addresses are dialed.
 */
#include "client/mx.h"

#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/code.h"
#include "sys/ipc.h"
#include "../tap.h"

/* --- the fake dnsd */

/* Record data in the way of the wire, as literals: \5 is a label's length. */
#define RR(lit)	STR_INIT(lit)

static const struct zone {
	const char	*type, *name, *got, *canonical;
	bool		 secure;
	struct str	 rr[4];
} zone[] = {
	{ "MX", "two.example", "ok", NULL, true, { RR("\0\24\1b\0"), RR("\0\12\1a\7example\0") } },
	{ "MX", "cname.example", "ok", "real.example", true, { RR("\0\12\1a\7example\0") } },
	{ "MX", "null.example", "ok", NULL, false, { RR("\0\0\0") } },
	{ "MX", "twonull.example", "ok", NULL, false, { RR("\0\0\0"), RR("\0\12\1a\7example\0") } },
	{ "MX", "bad.example", "ok", NULL, false, { RR("\0\0\3127\0010\0010\0011\0"), RR("\0\0\3a b\0") } },
	{ "MX", "somebad.example", "ok", NULL, false, { RR("\0\0\3127\0010\0010\0011\0"), RR("\0\12\2a_\7EXAMPLE\0") } },
	{ "MX", "short.example", "ok", NULL, false, { RR("\0\12\5a") } },
	{ "MX", "bogus.example", "bogus", NULL, false, { { NULL, 0 } } },
	{ "MX", "same.example", "ok", NULL, false, { RR("\0\12\1a\0"), RR("\0\12\1b\0"), RR("\0\12\1c\0"), RR("\0\13\1a\0") } },
	{ "MX", "self.example", "nodata", NULL, true, { { NULL, 0 } } },
	{ "A", "self.example", "ok", NULL, true, { RR("\300\0\2\1") } },
	{ "AAAA", "self.example", "nodata", NULL, true, { { NULL, 0 } } },
	{ "MX", "nothing.example", "nodata", NULL, true, { { NULL, 0 } } },
	{ "A", "nothing.example", "nodata", NULL, true, { { NULL, 0 } } },
	{ "AAAA", "nothing.example", "nodata", NULL, true, { { NULL, 0 } } },
	{ "MX", "half.example", "nodata", NULL, true, { { NULL, 0 } } },
	{ "AAAA", "half.example", "temp", NULL, true, { { NULL, 0 } } },
	{ "A", "half.example", "nodata", NULL, true, { { NULL, 0 } } },
	{ "A", "heldback.example", "ok", NULL, true, { RR("\300\0\2\1") } },
	{ "AAAA", "heldback.example", "bogus", NULL, true, { { NULL, 0 } } },
	{ "A", "halfopen.example", "ok", NULL, false, { RR("\300\0\2\1") } },
	{ "AAAA", "halfopen.example", "temp", NULL, false, { { NULL, 0 } } },
	{ "A", "dual.example", "ok", "d.example", true, { RR("\300\0\2\1"), RR("\300\0\2\2") } },
	{ "AAAA", "dual.example", "ok", "d.example", true, { RR("\40\1\15\270\0\0\0\0\0\0\0\0\0\0\0\1") } },
};

enum { ZONES = sizeof(zone) / sizeof(zone[0]) };

static const struct zone *
lookup(struct str type, struct str name)
{
	for (size_t i = 0; i < ZONES; i++)
		if (str_eq(type, str_c(zone[i].type)) && str_eq(name, str_c(zone[i].name)))
			return &zone[i];
	return NULL;
}

static void
answer(struct buf *rec)
{
	struct buf		rep = BUF_INIT(LIMIT_RECORD);
	const struct zone	*z = lookup(attr_get(buf_str(rec), "type"), attr_get(buf_str(rec), "name"));

	attr_start(&rep, "answer", 1);
	attr_add(&rep, "id", attr_get(buf_str(rec), "id"));
	attr_adds(&rep, "got", z == NULL ? "nxdomain" : z->got);
	attr_adds(&rep, "ttl", "60");
	if (z != NULL) {
		attr_adds(&rep, "secure", z->secure ? "1" : "0");
		attr_adds(&rep, "canonical", z->canonical != NULL ? z->canonical : z->name);
		for (size_t i = 0; i < 4 && z->rr[i].p != NULL; i++) {
			struct buf	b = BUF_INIT(1024);

			code_b64(&b, z->rr[i]);
			attr_add(&rep, "rr", buf_str(&b));
			buf_free(&b);
		}
	}
	buf_reset(rec);
	buf_add(rec, buf_str(&rep));
	buf_free(&rep);
}

/* Answers, two at a time in the other order; hangs up after "hangup.example" was asked. */
static void
fake_dnsd(int door)
{
	struct buf	rec = BUF_INIT(LIMIT_RECORD);

	for (;;) {
		int	s = accept(door, NULL, NULL);

		while (ipc_recv(s, &rec, NULL, deadline_in(20000)) == 0) {
			struct buf	second = BUF_INIT(LIMIT_RECORD);
			bool		hangup = str_eq(attr_get(buf_str(&rec), "name"), STR("hangup.example"));

			if (str_eq(attr_get(buf_str(&rec), "name"), STR("silent.example")))
				continue;
			if (str_eq(attr_get(buf_str(&rec), "type"), STR("AAAA")) &&
			    ipc_recv(s, &second, NULL, deadline_in(20000)) == 0) {
				answer(&second);
				(void)!ipc_send(s, buf_str(&second), NULL, deadline_in(20000));
			}
			answer(&rec);
			(void)!ipc_send(s, buf_str(&rec), NULL, deadline_in(20000));
			buf_free(&second);
			if (hangup)
				break;
		}
		(void)close(s);
	}
}

/* --- */

static struct held	dns = HELD_INIT("dnsd");
static struct arena	arena = ARENA_INIT(4 << 20);

static void
test_find(void)
{
	static const struct {
		const char	*domain;
		enum mx_got	 got;
		bool		 has_mx, secure;
		size_t		 n;
		const char	*first, *hop;
	} rows[] = {
		{ "two.example", MX_OK, true, true, 2, "a.example", "two.example" },
		{ "cname.example", MX_OK, true, true, 1, "a.example", "real.example" },
		{ "null.example", MX_NULL, true, false, 0, NULL, NULL },
		{ "twonull.example", MX_OK, true, false, 1, "a.example", NULL },
		{ "bad.example", MX_INVALID, true, false, 0, NULL, NULL },
		{ "somebad.example", MX_OK, true, false, 1, "a_.example", NULL },
		{ "short.example", MX_TEMP, false, false, 0, NULL, NULL },
		{ "bogus.example", MX_BOGUS, false, false, 0, NULL, NULL },
		{ "same.example", MX_OK, true, false, 3, NULL, NULL },
		{ "self.example", MX_OK, false, true, 1, "self.example", "self.example" },
		{ "nothing.example", MX_NO_DOMAIN, false, true, 0, NULL, NULL },
		{ "half.example", MX_TEMP, false, true, 0, NULL, NULL },
		{ "nowhere.example", MX_NO_DOMAIN, false, false, 0, NULL, NULL },
		{ "[192.0.2.7]", MX_OK, false, false, 1, "192.0.2.7", "192.0.2.7" },
		{ "[IPv6:2001:DB8::1]", MX_OK, false, false, 1, "2001:db8::1", "2001:db8::1" },
		{ "[2001:db8::1]", MX_NO_DOMAIN, false, false, 0, NULL, NULL },
		{ "[tag:x]", MX_NO_DOMAIN, false, false, 0, NULL, NULL },
		{ "192.0.2.7", MX_NO_DOMAIN, false, false, 0, NULL, NULL },
		{ "", MX_NO_DOMAIN, false, false, 0, NULL, NULL },
		{ "silent.example", MX_TEMP, false, false, 0, NULL, NULL },
		{ "two.example", MX_OK, true, true, 2, "a.example", "two.example" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct mx	mx;
		bool		silent = strcmp(rows[i].domain, "silent.example") == 0;
		enum mx_got	got = mx_find(&dns, str_c(rows[i].domain), &arena, deadline_in(silent ? 300 : 20000), &mx);

		ok(got == rows[i].got && mx.nhost == rows[i].n && mx.has_mx == rows[i].has_mx && mx.secure == rows[i].secure,
		    "%s: %d, %zu hosts", rows[i].domain, (int)got, mx.nhost);
		if (rows[i].first != NULL && mx.nhost > 0)
			is_str(mx.host[0].name, str_c(rows[i].first), "  its best host");
		if (rows[i].hop != NULL)
			is_str(mx.next_hop, str_c(rows[i].hop), "  its next hop");
		if (got != MX_OK)
			ok(mx.why.n > 0, "  says why: " STR_FMT, STR_ARG(mx.why));
		arena_reset(&arena);
	}
}

static void
test_random(void)
{
	struct mx	mx;
	unsigned	seen = 0;

	for (int i = 0; i < 200 && seen != 7; i++) {
		if (mx_find(&dns, STR("same.example"), &arena, deadline_in(20000), &mx) == MX_OK)
			seen |= 1u << (mx.host[0].name.p[0] - 'a');
		arena_reset(&arena);
	}
	is_num(seen, 7, "each of three equal hosts comes first some time");
}

static void
test_addresses(void)
{
	static const struct {
		const char	*host;
		enum mx_got	 got;
		bool		 secure, dual;
		size_t		 n;
	} rows[] = {
		{ "dual.example", MX_OK, true, true, 3 },
		{ "self.example", MX_OK, true, false, 1 },
		{ "nothing.example", MX_NO_DOMAIN, true, false, 0 },
		{ "heldback.example", MX_BOGUS, false, false, 0 },
		{ "halfopen.example", MX_OK, false, false, 1 },
		{ "192.0.2.1", MX_OK, false, false, 1 },
		{ "nowhere.example", MX_NO_DOMAIN, false, false, 0 },
	};
	struct mx_addresses	a;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum mx_got	got = mx_addresses(&dns, str_c(rows[i].host), &arena, deadline_in(20000), &a);

		ok(got == rows[i].got && a.n == rows[i].n && a.secure == rows[i].secure && a.dualstack == rows[i].dual,
		    "addresses of %s: %d, %zu", rows[i].host, (int)got, a.n);
	}
	ok(mx_addresses(&dns, STR("dual.example"), &arena, deadline_in(20000), &a) == MX_OK && a.ip[0].len == 16,
	    "IPv6 comes first");
	is_str(a.canonical, STR("d.example"), "the name at the end of the CNAMEs");
}

static void
test_again(pid_t pid)
{
	struct dns_answer	a;

	is_num(dns_ask(&dns, DNS_MX, STR("hangup.example"), &arena, deadline_in(20000), &a), DNS_NXDOMAIN, "an answer before hanging up");
	is_num(dns_ask(&dns, DNS_MX, STR("null.example"), &arena, deadline_in(20000), &a), DNS_OK, "asked again on a new connection");
	is_num(dns_ask(&dns, DNS_MX, STR("a\0b"), &arena, deadline_in(20000), &a), DNS_TEMP, "a name with NUL is not asked");
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	(void)unlink("dnsd");
	is_num(dns_ask(&dns, DNS_MX, STR("null.example"), &arena, deadline_in(1000), &a), DNS_TEMP, "without dnsd: temporary");
	ok(a.why.n > 0, "and it says why");
}

/* Addresses as letters: lower case is IPv4, upper case IPv6. */
static struct ip
letter(char c)
{
	uint8_t	b[16] = { 0x20, 1, 0xd, 0xb8, [15] = (uint8_t)c };

	return ip_from_bytes(b, c >= 'a' ? 4 : 16).len == 4 ?
	    (struct ip){ .len = 4, .b = { 192, 0, 2, (uint8_t)c } } : ip_from_bytes(b, 16);
}

static void
test_order(void)
{
	static const struct {
		const char	*have, *dialed, *want;
	} rows[] = {
		{ "ABab", "", "ABab" },
		{ "ABab", "A", "abAB" },
		{ "ABab", "B", "abBA" },
		{ "ABab", "b", "ABba" },
		{ "ABab", "Ab", "ABba" },
		{ "ABab", "aab", "ABab" },
		{ "ab", "b", "ba" },
		{ "ab", "bb", "ab" },
		{ "ab", "A", "ab" },
		{ "aAbB", "a", "ABab" },
		{ "ab", "c", "ab" },
		{ "", "a", "" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ip	ip[8], dialed[8];
		size_t		n = strlen(rows[i].have), nd = strlen(rows[i].dialed);
		char		got[9] = "";

		for (size_t k = 0; k < n; k++)
			ip[k] = letter(rows[i].have[k]);
		for (size_t k = 0; k < nd; k++)
			dialed[k] = letter(rows[i].dialed[k]);
		mx_order(ip, n, dialed, nd);
		for (size_t k = 0; k < n; k++)
			got[k] = (char)ip[k].b[ip[k].len - 1];
		ok(strcmp(got, rows[i].want) == 0, "%s after %s: %s", rows[i].have, rows[i].dialed, got);
	}
}

int
main(void)
{
	char	dir[] = "/tmp/mx-t-XXXXXX";
	int	door;
	pid_t	pid;

	if (mkdtemp(dir) == NULL || chdir(dir) == -1)
		return 1;
	door = ipc_listen("dnsd", 0600);
	pid = fork();
	if (pid == 0)
		fake_dnsd(door);
	(void)close(door);
	(void)signal(SIGPIPE, SIG_IGN);
	test_find();
	test_random();
	test_addresses();
	test_order();
	test_again(pid);
	held_free(&dns);
	arena_free(&arena);
	(void)!chdir("/");
	(void)rmdir(dir);
	return done_testing();
}
