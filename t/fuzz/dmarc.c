/*
 * dmarc: an evaluation whose names and answers are the input's lines. First the way, From, SPF's domain and
 * the signatures', then one line an answer: a letter for what DNS said, and the text. It ends, within
 * its look-ups; refuses only what failed a policy that says so; passes only what is aligned.
 */
#include "proto/dmarc.h"

#include <stdlib.h>

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

enum { SIGNATURES = 4 };

static void
must(bool good)
{
	if (!good)
		abort();
}

static struct str
line(struct str *in)
{
	struct str	s;

	(void)str_cut(in, '\n', &s);
	return s;
}

static struct dmarc_identity
identity(struct str *in)
{
	struct str	s = line(in);

	return (struct dmarc_identity){ str_skip(s, 1),
	    s.n > 0 && s.p[0] == 'p' ? DMARC_AUTH_PASS : s.n > 0 && s.p[0] == 't' ? DMARC_AUTH_TEMPERROR : DMARC_AUTH_FAIL };
}

static void
check_record(struct str text)
{
	struct dmarc_record	r;
	enum dmarc_parsed	parsed = dmarc_record_parse(text, &r);

	must(r.pct <= 100 && r.nrua <= LIMIT_DMARC_URIS && r.nruf <= LIMIT_DMARC_URIS);
	must((parsed == DMARC_RECORD_GOOD) == r.has_p);
	must(parsed == DMARC_RECORD_GOOD || (r.p == DMARC_POLICY_NONE && r.sp == DMARC_POLICY_NONE && r.np == DMARC_POLICY_NONE));
	for (size_t i = 0; i < r.nrua; i++)
		must(r.rua[i].uri.p >= text.p && r.rua[i].uri.p + r.rua[i].uri.n <= text.p + text.n);
}

static void
check(const struct dmarc_result *r)
{
	must(r->verdict != DMARC_VERDICT_PASS || r->spf_aligned || r->dkim_aligned);
	must(!r->reject || (r->verdict == DMARC_VERDICT_FAIL && r->policy != DMARC_POLICY_NONE && r->overrides == 0));
	must((r->verdict != DMARC_VERDICT_FAIL && r->verdict != DMARC_VERDICT_PASS) || r->policy_domain.n > 0);
	must(r->from.n == 0 || r->org.n == 0 || orgdomain_is_under(r->from, r->org));
	must(r->policy_domain.n == 0 || orgdomain_is_under(r->from, r->policy_domain));
	must(!r->dkim_aligned || orgdomain_is_under(r->dkim_domain, r->org) || str_eq(r->dkim_domain, r->from));
}

static void
check_list(const struct suffix_list *l, struct str name)
{
	struct str	org = orgdomain_by_suffix(l, name);

	must(org.p + org.n == name.p + name.n);
	must(orgdomain_by_suffix(l, org).n == org.n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct suffix_list	list;
	struct str			in = str_n(data, size), way = line(&in), name;
	struct arena			a = ARENA_INIT(1 << 18);
	struct dmarc_identity		dkim[SIGNATURES];
	struct dmarc_facts		f = { .dkim = dkim, .ndkim = SIGNATURES, .suffixes = &list };
	struct dmarc			d;
	enum dmarc_want			want;
	unsigned			asked = 0;

	must(list.psl != NULL || suffix_list_builtin(&list));
	f.discovery = way.n > 0 && way.p[0] == 'w' ? DMARC_BY_WALK : DMARC_BY_SUFFIX;
	f.random = way.n > 1 ? (unsigned char)way.p[1] % 100 : 0;
	f.from = line(&in);
	check_list(&list, f.from);
	f.spf = identity(&in);
	for (size_t i = 0; i < SIGNATURES; i++)
		dkim[i] = identity(&in);
	dmarc_start(&d, &f, &a);
	while ((want = dmarc_next(&d, &name)) != DMARC_WANT_NOTHING) {
		struct str	s = line(&in), text[2];
		char		c = s.n > 0 ? s.p[0] : 'x';

		must(++asked <= LIMIT_DMARC_LOOKUPS && name.n > 0);
		must(want != DMARC_WANT_TXT || str_starts(name, STR("_dmarc.")));
		text[0] = text[1] = str_skip(s, 1);
		check_record(text[0]);
		dmarc_told(&d, c == 'x' ? DMARC_DNS_NXDOMAIN : c == 'n' ? DMARC_DNS_NODATA : c == 't' ? DMARC_DNS_TEMPERROR :
		    DMARC_DNS_FOUND, text, c == '2' ? 2 : 1);
	}
	check(&d.result);
	arena_free(&a);
	return 0;
}
