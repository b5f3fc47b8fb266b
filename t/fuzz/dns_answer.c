/*
 * dns_answer: an answer of dnsd as a stub decodes it, and one record's data by
 * itself. The first byte tells the type; what is decoded is bounded by what was given.
 */
#include "client/dns.h"

#include <stdlib.h>

#include "base/code.h"
#include "base/limits.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static const enum dns_type	types[] = {
	DNS_A, DNS_NS, DNS_CNAME, DNS_SOA, DNS_PTR, DNS_MX, DNS_TXT, DNS_AAAA, DNS_SRV, DNS_TLSA,
};

static void
check(const struct dns_rr *rr, size_t size)
{
	/* an octet is four characters at most (\DDD), and numbers are short */
	if (rr->data.n > size || rr->name.n > 4 * size || rr->text.n > 4 * size + 80)
		abort();
	if (rr->ip.len != 0 && rr->ip.len != 4 && rr->ip.len != 16)
		abort();
	if (!str_is_ascii(rr->name) || str_has_control(rr->name))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena		arena = ARENA_INIT(8 << 20);
	struct dns_answer	a;
	struct dns_rr		rr;
	enum dns_type		type;
	struct str		s;

	if (size == 0)
		return 0;
	type = types[data[0] % (sizeof(types) / sizeof(types[0]))];
	s = str_n(data + 1, size - 1);
	if (dns_rr_decode(type, s, &arena, &rr))
		check(&rr, s.n);
	if (dns_answer_decode(s, type, &arena, &a) != a.got || (a.got == DNS_OK) != (a.n > 0))
		abort();
	if (a.secure && (a.got == DNS_BOGUS || a.got == DNS_TEMP))
		abort();
	for (size_t i = 0; i < a.n; i++)
		check(&a.rr[i], s.n);
	arena_free(&arena);
	return 0;
}
