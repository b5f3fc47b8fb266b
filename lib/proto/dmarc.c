#include "dmarc.h"

/*
 * The evaluation is one function that runs from its beginning whenever an answer has
 * come, and stops at the first name that was not asked for yet. Every step that
 * may ask returns false then.
 */
struct dmarc_answer {
	enum dmarc_want		want;
	struct str		name;
	enum dmarc_dns		dns;
	size_t			n;	/* DMARC records among the texts */
	enum dmarc_parsed	parsed;	/* of the only one */
	struct dmarc_record	record;
};

/* For names beyond LIMIT_DMARC_LOOKUPS: only a stranger's signatures have so many. */
static const struct dmarc_answer	nothing = { .dns = DMARC_DNS_NODATA };

static struct str
clean(struct dmarc *d, struct str name)
{
	struct buf	b = BUF_INIT(LIMIT_DOMAIN);
	struct str	s = STR("");

	if (orgdomain_clean(&b, name) && !arena_dup(d->arena, buf_str(&b), &s))
		d->failed = true;
	buf_free(&b);
	return s;
}

void
dmarc_start(struct dmarc *d, const struct dmarc_facts *f, struct arena *a)
{
	*d = (struct dmarc){ .facts = f, .arena = a };
	d->from = clean(d, f->from);
	d->spf = clean(d, f->spf.domain);
	if (f->ndkim > 0 && (d->dkim = arena_array(a, f->ndkim, sizeof(*d->dkim))) == NULL)
		d->failed = true;
	for (size_t i = 0; d->dkim != NULL && i < f->ndkim; i++)
		d->dkim[i] = clean(d, f->dkim[i].domain);
}

/* --- asking */

static bool
set_want(struct dmarc *d, enum dmarc_want want, struct str name)
{
	struct buf	b = BUF_INIT(LIMIT_DOMAIN + 8);

	if (want == DMARC_WANT_TXT)
		buf_adds(&b, "_dmarc.");
	buf_add(&b, name);
	d->want = want;
	if (buf_failed(&b) || !arena_dup(d->arena, buf_str(&b), &d->want_name))
		d->failed = true;
	buf_free(&b);
	return !d->failed;
}

/* What is known of the name (for TXT: the DMARC record of that domain). NULL: it must be asked for first. */
static const struct dmarc_answer *
look(struct dmarc *d, enum dmarc_want want, struct str name)
{
	for (size_t i = 0; i < d->nanswer; i++) {
		const struct dmarc_answer	*a = d->answer[i];

		if (a->want == want && str_eq(want == DMARC_WANT_TXT ? str_skip(a->name, 7) : a->name, name))
			return a;
	}
	if (d->nanswer == LIMIT_DMARC_LOOKUPS)
		return &nothing;
	(void)set_want(d, want, name);
	return NULL;
}

static void
take_text(struct dmarc *d, struct dmarc_answer *a, struct str text)
{
	struct dmarc_record	r;
	enum dmarc_parsed	parsed = dmarc_record_parse(text, &r);
	struct str		copy;

	if (parsed == DMARC_RECORD_OTHER || a->n++ > 0)
		return;
	if (!arena_dup(d->arena, text, &copy)) {
		d->failed = true;
		return;
	}
	a->parsed = dmarc_record_parse(copy, &a->record);
}

void
dmarc_told(struct dmarc *d, enum dmarc_dns dns, const struct str *txt, size_t n)
{
	struct dmarc_answer	*a = arena_alloc(d->arena, sizeof(*a));

	if (a == NULL || d->nanswer == LIMIT_DMARC_LOOKUPS) {
		d->failed = true;
		return;
	}
	*a = (struct dmarc_answer){ .want = d->want, .name = d->want_name, .dns = dns };
	if (dns == DMARC_DNS_FOUND && d->want == DMARC_WANT_TXT)
		for (size_t i = 0; i < n; i++)
			take_text(d, a, txt[i]);
	d->answer[d->nanswer++] = a;
}

/* --- the record and the organisational domain */

static void
use_record(struct dmarc *d, const struct dmarc_answer *a, struct str domain)
{
	d->result.policy_domain = domain;
	d->result.record = a->record;
	d->result.parsed = a->parsed;
}

/* At From, else at the organisational domain, else at the public suffix above that when it says that it is one. */
static bool
discover_by_suffix(struct dmarc *d)
{
	const struct suffix_list	*l = d->facts->suffixes;
	struct str			 org = orgdomain_by_suffix(l, d->from), psd = STR("");
	const struct dmarc_answer	*a;

	d->result.org = org;
	if ((a = look(d, DMARC_WANT_TXT, d->from)) == NULL)
		return false;
	if (a->n == 0 && a->dns != DMARC_DNS_TEMPERROR && org.n < d->from.n) {
		if ((a = look(d, DMARC_WANT_TXT, org)) == NULL)
			return false;
	}
	if (a->n == 0 && a->dns != DMARC_DNS_TEMPERROR && !suffix_list_has(l, org)) {
		psd = orgdomain_last(org, orgdomain_labels(org) - 1);
		if ((a = look(d, DMARC_WANT_TXT, psd)) == NULL)
			return false;
		if (a->n != 1 || a->record.psd != DMARC_PSD_YES) {
			d->result.why = a->dns == DMARC_DNS_TEMPERROR ? DMARC_WHY_RECORD_DNS : DMARC_WHY_NO_RECORD;
			return true;
		}
	}
	if (a->dns == DMARC_DNS_TEMPERROR)
		d->result.why = DMARC_WHY_RECORD_DNS;
	else if (a->n != 1)
		d->result.why = a->n == 0 ? DMARC_WHY_NO_RECORD : DMARC_WHY_SEVERAL;
	else
		use_record(d, a, psd.n > 0 ? psd : str_eq(str_skip(a->name, 7), d->from) ? d->from : org);
	return true;
}

static enum orgwalk_psd
psd_of(const struct dmarc_answer *a)
{
	if (a->n != 1)
		return ORGWALK_NO_RECORD;
	switch (a->record.psd) {
	case DMARC_PSD_UNKNOWN:
		return ORGWALK_PSD_UNKNOWN;
	case DMARC_PSD_YES:
		return ORGWALK_PSD_YES;
	case DMARC_PSD_NO:
		return ORGWALK_PSD_NO;
	}
	return ORGWALK_PSD_UNKNOWN;
}

/* Walk up from the name. *temp_r: an answer on the way could not be had. */
static bool
walk(struct dmarc *d, struct str name, struct orgwalk *w, bool *temp_r)
{
	*temp_r = false;
	orgwalk_start(w, name);
	while (!w->done) {
		const struct dmarc_answer	*a = look(d, DMARC_WANT_TXT, w->at);

		if (a == NULL)
			return false;
		*temp_r = *temp_r || a->dns == DMARC_DNS_TEMPERROR;
		orgwalk_record(w, psd_of(a));
	}
	return true;
}

static bool
discover_by_walk(struct dmarc *d)
{
	struct orgwalk			 w;
	const struct dmarc_answer	*a, *at_org, *at_psd;
	bool				 temp;

	if (!walk(d, d->from, &w, &temp))
		return false;
	d->result.org = w.org;
	d->org_unsure = temp;
	/* all of these were met on the way, or are not there */
	if ((a = look(d, DMARC_WANT_TXT, d->from)) == NULL || (at_org = look(d, DMARC_WANT_TXT, w.org)) == NULL)
		return false;
	at_psd = &nothing;
	if (w.psd.n > 0 && (at_psd = look(d, DMARC_WANT_TXT, w.psd)) == NULL)
		return false;
	if (a->n == 1)
		use_record(d, a, d->from);
	else if (temp)
		d->result.why = DMARC_WHY_RECORD_DNS;
	else if (at_org->n == 1)
		use_record(d, at_org, w.org);
	else if (at_psd->n == 1)
		use_record(d, at_psd, w.psd);
	else
		d->result.why = a->n > 1 || at_org->n > 1 ? DMARC_WHY_SEVERAL : DMARC_WHY_NO_RECORD;
	return true;
}

/* --- alignment */

enum relation { STRANGERS, SAME_ORG, SAME, UNKNOWN };

/* How name stands to From; relaxed relations only below From's organisational domain. */
static bool
relate(struct dmarc *d, struct str name, enum relation *rel_r)
{
	struct orgwalk	w;
	bool		temp = false;

	*rel_r = STRANGERS;
	if (name.n == 0)
		return true;
	if (str_eq(name, d->from)) {
		*rel_r = SAME;
		return true;
	}
	if (d->org_unsure) {
		/* a record further up may hold both */
		if (str_eq(orgdomain_last(name, 1), orgdomain_last(d->from, 1)))
			*rel_r = UNKNOWN;
		return true;
	}
	if (!orgdomain_is_under(name, d->result.org))
		return true;
	if (d->facts->discovery == DMARC_BY_SUFFIX) {
		if (str_eq(orgdomain_by_suffix(d->facts->suffixes, name), d->result.org))
			*rel_r = SAME_ORG;
		return true;
	}
	if (!walk(d, name, &w, &temp))
		return false;
	if (temp)
		*rel_r = UNKNOWN;
	else if (str_eq(w.org, d->result.org))
		*rel_r = SAME_ORG;
	return true;
}

/* One identity: is it aligned (and did it pass)? *temp: it may have been, had DNS answered. */
static bool
align_one(struct dmarc *d, struct str name, enum dmarc_auth auth, bool strict, bool *aligned_r, bool *temp)
{
	enum relation	rel;
	bool		fits;

	*aligned_r = false;
	if (auth == DMARC_AUTH_FAIL)
		return true;
	if (!relate(d, name, &rel))
		return false;
	fits = rel == SAME || (!strict && rel == SAME_ORG);
	if (auth == DMARC_AUTH_PASS) {
		*aligned_r = fits;
		if (rel == SAME)
			d->result.validation = DMARC_VALIDATION_STRICT;
		else if (rel == SAME_ORG && d->result.validation == DMARC_VALIDATION_NONE)
			d->result.validation = DMARC_VALIDATION_RELAXED;
		*temp = *temp || (!strict && rel == UNKNOWN);
	} else
		*temp = *temp || fits || (!strict && rel == UNKNOWN);
	return true;
}

static bool
align(struct dmarc *d, bool *temp)
{
	const struct dmarc_facts	*f = d->facts;
	struct dmarc_result		*r = &d->result;

	if (!align_one(d, d->spf, f->spf.auth, r->record.aspf_strict, &r->spf_aligned, temp))
		return false;
	for (size_t i = 0; i < f->ndkim; i++) {
		bool	aligned;

		if (!align_one(d, d->dkim[i], f->dkim[i].auth, r->record.adkim_strict, &aligned, temp))
			return false;
		if (aligned && !r->dkim_aligned) {
			r->dkim_aligned = true;
			r->dkim_domain = d->dkim[i];
		}
	}
	return true;
}

/* --- the policy */

/* RFC 9091 2.7: nothing of three types; RFC 9989: NXDOMAIN. What cannot be known exists. */
static bool
exists(struct dmarc *d, bool *exists_r)
{
	static const enum dmarc_want	types[] = { DMARC_WANT_A, DMARC_WANT_AAAA, DMARC_WANT_MX };

	*exists_r = true;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		const struct dmarc_answer	*a = look(d, types[i], d->from);

		if (a == NULL)
			return false;
		if (a->dns == DMARC_DNS_NXDOMAIN) {
			*exists_r = false;
			return true;
		}
		if (a->dns != DMARC_DNS_NODATA || d->facts->discovery == DMARC_BY_WALK)
			return true;
	}
	*exists_r = false;
	return true;
}

static bool
choose(struct dmarc *d)
{
	struct dmarc_result		*r = &d->result;
	const struct dmarc_record	*rec = &r->record;
	bool				 there = true;

	if (str_eq(r->policy_domain, d->from)) {
		r->policy = rec->p;
		r->policy_tag = "p";
		return true;
	}
	if (rec->has_np && rec->np != rec->sp && !exists(d, &there))
		return false;
	r->policy = there ? rec->sp : rec->np;
	r->policy_tag = !there ? "np" : rec->has_sp ? "sp" : "p";
	return true;
}

/* All is known: the verdict. */
static void
conclude(struct dmarc *d, bool temp)
{
	struct dmarc_result	*r = &d->result;

	if (r->parsed == DMARC_RECORD_BAD) {
		r->verdict = DMARC_VERDICT_PERMERROR;
		r->why = DMARC_WHY_BAD_RECORD;
		r->spf_aligned = r->dkim_aligned = false;
		r->dkim_domain = STR("");
		return;
	}
	if (r->spf_aligned || r->dkim_aligned) {
		r->verdict = DMARC_VERDICT_PASS;
		if (r->validation == DMARC_VALIDATION_RELAXED)
			r->validation = DMARC_VALIDATION_DMARC;
		return;
	}
	if (temp) {
		r->verdict = DMARC_VERDICT_TEMPERROR;
		r->why = DMARC_WHY_AUTH_DNS;
		return;
	}
	r->verdict = DMARC_VERDICT_FAIL;
	/* there is no place between a mailbox and a refusal: quarantine is refused, too */
	r->reject = r->policy != DMARC_POLICY_NONE;
	if (!r->reject)
		return;
	/* one step below a refusal is none */
	if (r->record.testing)
		dmarc_override(r, DMARC_OVERRIDE_TEST_MODE);
	if (d->facts->discovery == DMARC_BY_SUFFIX && d->facts->random >= r->record.pct)
		dmarc_override(r, DMARC_OVERRIDE_SAMPLED_OUT);
}

static bool
evaluate(struct dmarc *d)
{
	struct dmarc_result	*r = &d->result;
	bool			 temp = false;

	*r = (struct dmarc_result){ .from = d->from, .org = d->from, .policy_tag = "p",
	    .policy_domain = { "", 0 }, .dkim_domain = { "", 0 } };
	if (d->from.n == 0) {
		r->why = DMARC_WHY_NO_AUTHOR;
		return true;
	}
	if (!(d->facts->discovery == DMARC_BY_WALK ? discover_by_walk(d) : discover_by_suffix(d)) || !align(d, &temp))
		return false;
	if (r->policy_domain.n == 0) {
		if (r->why == DMARC_WHY_RECORD_DNS)
			r->verdict = DMARC_VERDICT_TEMPERROR;
		r->spf_aligned = r->dkim_aligned = false;
		r->dkim_domain = STR("");
		return true;
	}
	if (!choose(d))
		return false;
	conclude(d, temp);
	return true;
}

enum dmarc_want
dmarc_next(struct dmarc *d, struct str *name_r)
{
	*name_r = STR("");
	if (!d->failed && !evaluate(d) && !d->failed) {
		*name_r = d->want_name;
		return d->want;
	}
	if (d->failed)
		d->result = (struct dmarc_result){ .verdict = DMARC_VERDICT_TEMPERROR, .why = DMARC_WHY_MEMORY, .policy_tag = "p",
		    .from = d->from, .org = d->from, .policy_domain = { "", 0 }, .dkim_domain = { "", 0 } };
	return DMARC_WANT_NOTHING;
}

void
dmarc_override(struct dmarc_result *r, unsigned override)
{
	r->overrides |= override;
	r->reject = false;
}

/* --- names */

const char *
dmarc_verdict_name(enum dmarc_verdict v)
{
	switch (v) {
	case DMARC_VERDICT_NONE:
		return "none";
	case DMARC_VERDICT_PASS:
		return "pass";
	case DMARC_VERDICT_FAIL:
		return "fail";
	case DMARC_VERDICT_TEMPERROR:
		return "temperror";
	case DMARC_VERDICT_PERMERROR:
		return "permerror";
	}
	return "none";
}

const char *
dmarc_why_text(enum dmarc_why w)
{
	switch (w) {
	case DMARC_WHY_NOTHING:
		return "";
	case DMARC_WHY_NO_AUTHOR:
		return "no single author in From";
	case DMARC_WHY_NO_RECORD:
		return "no record";
	case DMARC_WHY_SEVERAL:
		return "several records, which count as none";
	case DMARC_WHY_BAD_RECORD:
		return "the record has no usable policy and no address for reports";
	case DMARC_WHY_RECORD_DNS:
		return "the record cannot be looked up now";
	case DMARC_WHY_AUTH_DNS:
		return "SPF or DKIM cannot be checked now";
	case DMARC_WHY_MEMORY:
		return "out of memory";
	}
	return "";
}

const char *
dmarc_validation_name(enum dmarc_validation v)
{
	switch (v) {
	case DMARC_VALIDATION_NONE:
		return "none";
	case DMARC_VALIDATION_RELAXED:
		return "relaxed";
	case DMARC_VALIDATION_DMARC:
		return "dmarc";
	case DMARC_VALIDATION_STRICT:
		return "strict";
	}
	return "none";
}

void
dmarc_overrides_text(struct buf *b, unsigned overrides)
{
	static const char *const	names[] = {
		"forwarded", "sampled_out", "trusted_forwarder", "mailing_list", "local_policy", "other", "policy_test_mode",
	};
	bool	any = false;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if ((overrides & 1u << i) != 0) {
			buf_adds(b, any ? "," : "");
			buf_adds(b, names[i]);
			any = true;
		}
}
