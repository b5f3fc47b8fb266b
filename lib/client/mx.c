#include "mx.h"

#include <sys/random.h>

#include <stdlib.h>

/* --- errors that are the same wherever they come from */

static enum mx_got
failed(const struct dns_answer *a, struct str *why_r)
{
	*why_r = a->why;
	return a->got == DNS_BOGUS ? MX_BOGUS : MX_TEMP;
}

static bool
is_failure(const struct dns_answer *a)
{
	return a->got == DNS_BOGUS || a->got == DNS_TEMP;
}

/* --- hosts */

struct candidate {
	struct mx_host	host;
	uint32_t	lot;	/* drawn: who comes first among equals */
};

static int
by_preference(const void *a, const void *b)
{
	const struct candidate	*x = a, *y = b;

	if (x->host.pref != y->host.pref)
		return x->host.pref < y->host.pref ? -1 : 1;
	return (x->lot > y->lot) - (x->lot < y->lot);
}

static uint32_t
draw(void)
{
	uint32_t	v = 0;

	(void)!getrandom(&v, sizeof(v), 0);
	return v;
}

static bool
is_known(const struct mx *mx, struct str name)
{
	for (size_t i = 0; i < mx->nhost; i++)
		if (str_eq(mx->host[i].name, name))
			return true;
	return false;
}

/* The best of the valid ones, each name once. False over the arena's limit. */
static bool
choose(const struct dns_answer *a, struct arena *arena, struct mx *mx)
{
	struct candidate	*c = arena_array(arena, a->n, sizeof(c[0]));
	size_t			n = 0;

	mx->host = arena_array(arena, a->n < LIMIT_MX_HOSTS ? a->n : LIMIT_MX_HOSTS, sizeof(mx->host[0]));
	if (c == NULL || mx->host == NULL)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (dns_name_is_host(a->rr[i].name))
			c[n++] = (struct candidate){ { a->rr[i].name, a->rr[i].pref }, draw() };
	qsort(c, n, sizeof(c[0]), by_preference);
	for (size_t i = 0; i < n && mx->nhost < LIMIT_MX_HOSTS; i++)
		if (!is_known(mx, c[i].host.name))
			mx->host[mx->nhost++] = c[i].host;
	return true;
}

static enum mx_got
mx_hosts(const struct dns_answer *a, struct arena *arena, struct mx *mx)
{
	mx->has_mx = true;
	if (a->n == 1 && a->rr[0].name.n == 0) {
		mx->why = STR("the domain takes no mail (null MX)");
		return MX_NULL;
	}
	if (!choose(a, arena, mx)) {
		mx->why = STR("too many MX records");
		return MX_TEMP;
	}
	if (mx->nhost > 0)
		return MX_OK;
	mx->why = STR("no MX record of the domain names a host");
	return MX_INVALID;
}

static enum mx_got
one_host(struct str name, struct arena *arena, struct mx *mx)
{
	mx->host = arena_array(arena, 1, sizeof(mx->host[0]));
	if (mx->host == NULL) {
		mx->why = STR("out of memory");
		return MX_TEMP;
	}
	mx->host[0] = (struct mx_host){ name, 0 };
	mx->nhost = 1;
	return MX_OK;
}

/* No MX: the domain itself, if it has an address. */
static enum mx_got
itself(struct held *dns, struct arena *arena, struct deadline dl, struct mx *mx)
{
	struct mx_addresses	found;
	enum mx_got		got;

	if (!dns_name_is_host(mx->next_hop)) {
		mx->why = STR("not a name of a host");
		return MX_NO_DOMAIN;
	}
	got = mx_addresses(dns, mx->next_hop, arena, dl, &found);
	mx->why = got == MX_NO_DOMAIN ? STR("the domain has neither MX nor address records") : found.why;
	return got == MX_OK ? one_host(mx->next_hop, arena, mx) : got;
}

/* [192.0.2.1] or [IPv6:2001:db8::1], with its brackets. */
static bool
literal_parse(struct str s, struct ip *out_r)
{
	if (s.n < 2 || s.p[0] != '[' || s.p[s.n - 1] != ']')
		return false;
	s = str_head(str_skip(s, 1), s.n - 2);
	if (str_istarts(s, STR("IPv6:")))
		return ip_parse(str_skip(s, 5), out_r);
	return ip_parse(s, out_r) && out_r->len == 4;
}

static enum mx_got
literal(const struct ip *ip, struct arena *arena, struct mx *mx)
{
	struct buf	text = BUF_INIT(IP_TEXT);
	bool		kept;

	ip_format(&text, ip);
	kept = !buf_failed(&text) && arena_dup(arena, buf_str(&text), &mx->next_hop);
	buf_free(&text);
	if (!kept) {
		mx->why = STR("out of memory");
		return MX_TEMP;
	}
	return one_host(mx->next_hop, arena, mx);
}

enum mx_got
mx_find(struct held *dns, struct str domain, struct arena *arena, struct deadline dl, struct mx *out_r)
{
	struct dns_answer	a;
	struct ip		ip;

	*out_r = (struct mx){ .nhost = 0 };
	if (literal_parse(domain, &ip))
		return literal(&ip, arena, out_r);
	if (domain.n == 0 || domain.p[0] == '[' || ip_parse(domain, &ip)) {
		out_r->why = STR("not a domain");
		return MX_NO_DOMAIN;
	}
	(void)dns_ask(dns, DNS_MX, domain, arena, dl, &a);
	if (is_failure(&a))
		return failed(&a, &out_r->why);
	out_r->secure = out_r->next_hop_secure = a.secure;
	out_r->next_hop = a.canonical;
	if (a.got == DNS_OK)
		return mx_hosts(&a, arena, out_r);
	if (a.got == DNS_NODATA)
		return itself(dns, arena, dl, out_r);
	out_r->why = a.why.n > 0 ? a.why : STR("no such domain");
	return MX_NO_DOMAIN;
}

/* --- addresses */

static void
take(const struct dns_answer *a, struct mx_addresses *out)
{
	for (size_t i = 0; a->got == DNS_OK && i < a->n && i < LIMIT_MX_ADDRESSES / 2; i++)
		out->ip[out->n++] = a->rr[i].ip;
}

static enum mx_got
both(const struct dns_answer *six, const struct dns_answer *four, struct mx_addresses *out)
{
	const struct dns_answer	*bad = is_failure(six) ? six : is_failure(four) ? four : NULL;
	const struct dns_answer	*other = bad == six ? four : six;

	if (bad != NULL && (other->got != DNS_OK || other->secure))
		return failed(bad, &out->why);
	take(six, out);
	out->dualstack = out->n > 0 && four->got == DNS_OK;
	take(four, out);
	out->secure = six->secure && four->secure;
	out->canonical = four->got == DNS_OK ? four->canonical : six->canonical;
	if (out->n > 0)
		return MX_OK;
	out->why = STR("the host has no address");
	return MX_NO_DOMAIN;
}

enum mx_got
mx_addresses(struct held *dns, struct str host, struct arena *arena, struct deadline dl, struct mx_addresses *out_r)
{
	struct dns_question	q[2] = { { .type = DNS_AAAA, .name = host }, { .type = DNS_A, .name = host } };
	struct ip		ip;

	*out_r = (struct mx_addresses){ .n = 0 };
	out_r->ip = arena_array(arena, LIMIT_MX_ADDRESSES, sizeof(out_r->ip[0]));
	if (out_r->ip == NULL) {
		out_r->why = STR("out of memory");
		return MX_TEMP;
	}
	if (ip_parse(host, &ip)) {
		out_r->ip[out_r->n++] = ip;
		out_r->canonical = host;
		return MX_OK;
	}
	dns_ask_all(dns, q, 2, arena, dl);
	return both(&q[0].answer, &q[1].answer, out_r);
}

/* --- the order of dialing */

/* 0 comes first. */
static int
rank(const struct ip *ip, const struct ip *last, bool again)
{
	if (ip->len != last->len)
		return 0;
	return again && ip_eq(ip, last) ? 1 : 2;
}

void
mx_order(struct ip *ip, size_t n, const struct ip *dialed, size_t ndialed)
{
	const struct ip	*last = ndialed > 0 ? &dialed[ndialed - 1] : NULL;
	size_t		 same = 0;

	for (size_t i = 0; i < ndialed; i++)
		same += dialed[i].len == last->len;
	/* few addresses, and those of a rank keep their order */
	for (size_t i = 1; last != NULL && i < n; i++) {
		struct ip	one = ip[i];
		size_t		at = i;

		for (; at > 0 && rank(&ip[at - 1], last, same == 1) > rank(&one, last, same == 1); at--)
			ip[at] = ip[at - 1];
		ip[at] = one;
	}
}
