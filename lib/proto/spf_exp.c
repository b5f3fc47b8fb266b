/* What a domain says to a fail (RFC 7208 6.2). The result stands: whatever goes wrong here leaves the text out. */
#include "spf_i.h"

static enum spf_go
without(struct spf *s, const char *why)
{
	spf_tell(s, STR("exp"), "no explanation: %s", why);
	return SPF_GO_OVER;
}

static bool
is_printable(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < 0x20 || s.p[i] > 0x7e)
			return false;
	return true;
}

static enum spf_go
expand_text(struct spf *s)
{
	struct spf_macro	m;
	struct buf		b = BUF_INIT(LIMIT_SPF_EXPLANATION);
	enum spf_go		go = SPF_GO_OVER;

	if (spf_names_lacking(s, s->exp_text))
		return spf_names_find(s, expand_text);
	m = spf_facts(s);
	spf_macro_expand(&b, s->exp_text, &m);
	if (buf_failed(&b) || !is_printable(buf_str(&b)) || !arena_dup(s->arena, buf_str(&b), &s->explanation))
		go = without(s, buf_failed(&b) ? "it is too long" : "it is not printable ASCII");
	else
		spf_tell(s, STR("exp"), STR_FMT " explains: " STR_FMT, STR_ARG(s->explainer), STR_ARG(s->explanation));
	buf_free(&b);
	return go;
}

static enum spf_go
heard_text(struct spf *s, const struct spf_answer *a, size_t n)
{
	const char	*why;

	(void)n;
	if (a->got != SPF_DNS_FOUND || a->n != 1)
		return without(s, a->got == SPF_DNS_ERROR ? "it cannot be looked up" : a->got == SPF_DNS_FOUND ? "there are several" : "it is not there");
	why = spf_macro_check(a->rr[0].text, SPF_MACRO_EXPLAIN);
	if (why != NULL)
		return without(s, why);
	if (!arena_dup(s->arena, a->rr[0].text, &s->exp_text))
		return without(s, "out of memory");
	return expand_text(s);
}

static enum spf_go
find_text(struct spf *s)
{
	struct str	spec = spf_top(s)->record.exp;

	if (spf_names_lacking(s, spec))
		return spf_names_find(s, find_text);
	if (spf_is_mute(s, spec) || !spf_target(s, spec))
		return without(s, "it leads to no name that the DNS could have");
	return spf_want(s, DNS_TXT, s->target, heard_text);
}

enum spf_go
spf_explain(struct spf *s)
{
	s->explaining = true;
	s->explainer = spf_top(s)->domain;
	return spf_top(s)->record.exp.n > 0 ? find_text(s) : SPF_GO_OVER;
}
