/*
 * The client's names (RFC 7208 5.5): what its address' PTR records claim, of which those
 * hold that lead back to the address. Errors on the way leave a name out; they end nothing.
 */
#include "spf_i.h"

static enum spf_go
known(struct spf *s)
{
	s->names_known = true;
	return s->resume(s);
}

/* One for each candidate. */
static enum spf_go
heard_addresses(struct spf *s, const struct spf_answer *a, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; a[i].got == SPF_DNS_FOUND && k < a[i].n; k++)
			if (ip_eq(&a[i].rr[k].ip, &s->args.ip)) {
				s->name[s->nname++] = s->candidate[i];
				break;
			}
	return known(s);
}

static enum spf_go
heard_ptr(struct spf *s, const struct spf_answer *a, size_t n)
{
	(void)n;
	s->names_void = a->got == SPF_DNS_VOID || a->got == SPF_DNS_NO_NAME;
	if (s->names_void && !spf_count_void(s))
		return SPF_GO_OVER;
	for (size_t i = 0; a->got == SPF_DNS_FOUND && i < a->n && i < LIMIT_SPF_NAMES; i++) {
		if (!dns_name_is_host(a->rr[i].name))
			continue;
		if (!spf_want_host(s, a->rr[i].name, &s->candidate[s->ncandidate]))
			break;
		s->ncandidate++;
	}
	if (s->nwant == 0)
		return known(s);
	s->heard = heard_addresses;
	return SPF_GO_WAIT;
}

enum spf_go
spf_names_find(struct spf *s, enum spf_go (*resume)(struct spf *))
{
	struct buf	b = BUF_INIT(SPF_NAME_MAX);
	enum spf_go	go;

	s->resume = resume;
	if (s->names_known)
		return resume(s);
	ip_reverse(&b, &s->args.ip, "in-addr.arpa", "ip6.arpa");
	go = spf_want(s, DNS_PTR, buf_str(&b), heard_ptr);
	buf_free(&b);
	return go;
}

bool
spf_names_lacking(const struct spf *s, struct str spec)
{
	return !s->names_known && spf_macro_has(spec, "p");
}

struct str
spf_names_below(const struct spf *s, struct str domain)
{
	for (size_t i = 0; i < s->nname; i++) {
		struct str	n = s->name[i];

		if (str_iends(n, domain) && (n.n == domain.n || n.p[n.n - domain.n - 1] == '.'))
			return n;
	}
	return STR("");
}

/* The domain itself before what is below it, and that before any other (7.3). */
struct str
spf_names_best(const struct spf *s, struct str domain)
{
	struct str	below = spf_names_below(s, domain);

	for (size_t i = 0; i < s->nname; i++)
		if (str_ieq(s->name[i], domain))
			return s->name[i];
	return below.n > 0 || s->nname == 0 ? below : s->name[0];
}
