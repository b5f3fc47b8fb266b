#include "dmarc_record.h"

#include "../base/num.h"

enum { DEFAULT_RI = 86400 };

/* RFC 5234's WSP. */
static struct str
trim(struct str s)
{
	while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = str_skip(s, 1);
	while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

static bool
parse_policy(struct str v, enum dmarc_policy *out_r)
{
	if (str_ieq(v, STR("none")))
		*out_r = DMARC_POLICY_NONE;
	else if (str_ieq(v, STR("quarantine")))
		*out_r = DMARC_POLICY_QUARANTINE;
	else if (str_ieq(v, STR("reject")))
		*out_r = DMARC_POLICY_REJECT;
	else
		return false;
	return true;
}

static bool
tag_p(struct dmarc_record *r, struct str v)
{
	return r->has_p = parse_policy(v, &r->p);
}

static bool
tag_sp(struct dmarc_record *r, struct str v)
{
	return r->has_sp = parse_policy(v, &r->sp);
}

static bool
tag_np(struct dmarc_record *r, struct str v)
{
	return r->has_np = parse_policy(v, &r->np);
}

static bool
parse_letter(struct str v, char yes, char no, bool *out_r)
{
	char	c = v.n == 1 ? byte_lower(v.p[0]) : '\0';

	*out_r = c == yes;
	return c == yes || c == no;
}

static bool
tag_adkim(struct dmarc_record *r, struct str v)
{
	return parse_letter(v, 's', 'r', &r->adkim_strict);
}

static bool
tag_aspf(struct dmarc_record *r, struct str v)
{
	return parse_letter(v, 's', 'r', &r->aspf_strict);
}

static bool
tag_t(struct dmarc_record *r, struct str v)
{
	return parse_letter(v, 'y', 'n', &r->testing);
}

static bool
tag_psd(struct dmarc_record *r, struct str v)
{
	char	c = v.n == 1 ? byte_lower(v.p[0]) : '\0';

	r->psd = c == 'y' ? DMARC_PSD_YES : c == 'n' ? DMARC_PSD_NO : DMARC_PSD_UNKNOWN;
	return c == 'y' || c == 'n' || c == 'u';
}

static bool
tag_pct(struct dmarc_record *r, struct str v)
{
	uint32_t	n;

	if (v.n > 3 || !num_u32(v, 100, &n))
		return false;
	r->pct = (uint8_t)n;
	return true;
}

static bool
tag_ri(struct dmarc_record *r, struct str v)
{
	uint32_t	n;

	if (!num_u32(v, UINT32_MAX, &n))
		return false;
	r->ri = n;
	return true;
}

static bool
tag_fo(struct dmarc_record *r, struct str v)
{
	unsigned	fo = 0;
	bool		more = true;

	while (more) {
		struct str	w;
		char		c;

		more = str_cut(&v, ':', &w);
		w = trim(w);
		c = w.n == 1 ? byte_lower(w.p[0]) : '\0';
		if (c == '0')
			fo |= DMARC_FO_ALL;
		else if (c == '1')
			fo |= DMARC_FO_ANY;
		else if (c == 'd')
			fo |= DMARC_FO_DKIM;
		else if (c == 's')
			fo |= DMARC_FO_SPF;
		else
			return false;
	}
	r->fo = fo;
	return true;
}

/* Only one format was ever defined, and there are no reports of ours in any. */
static bool
tag_rf(struct dmarc_record *r, struct str v)
{
	(void)r;
	return v.n > 0;
}

/* "10m": 1*DIGIT with k, m, g or t (6.2, 1024 based). */
static bool
parse_size(struct str s, uint64_t *out_r)
{
	static const char	units[] = "kmgt";
	uint64_t		n;
	unsigned		shift = 0;

	if (s.n > 0 && byte_is_alpha(s.p[s.n - 1])) {
		size_t	u = str_chr(str_c(units), byte_lower(s.p[s.n - 1]));

		if (u == sizeof(units) - 1)
			return false;
		shift = 10 * ((unsigned)u + 1);
		s.n--;
	}
	if (!num_u64(s, UINT64_MAX >> shift, &n))
		return false;
	*out_r = n << shift;
	return true;
}

/* A scheme, a colon and something behind it, of bytes that URIs are made of (RFC 3986). */
static bool
parse_uri(struct str s, struct dmarc_uri *out_r)
{
	size_t	bang = str_chr(s, '!'), colon;

	*out_r = (struct dmarc_uri){ .uri = str_head(s, bang) };
	if (bang < s.n && !parse_size(str_skip(s, bang + 1), &out_r->max))
		return false;
	s = out_r->uri;
	colon = str_chr(s, ':');
	if (colon == 0 || colon + 1 >= s.n || !byte_is_alpha(s.p[0]))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char	c = (unsigned char)s.p[i];

		if (c <= 0x20 || c >= 0x7f || str_chr(STR("\"<>\\^`{|}"), s.p[i]) < 9)
			return false;
		if (i < colon && !byte_is_alnum(s.p[i]) && c != '+' && c != '-' && c != '.')
			return false;
	}
	out_r->mailto = str_istarts(s, STR("mailto:"));
	/* an address, at least */
	return !out_r->mailto || (str_chr(s, '@') > colon + 1 && str_chr(s, '@') + 1 < s.n);
}

/* Those that are addresses are kept, as many as there is room for. */
static bool
parse_uris(struct str v, struct dmarc_uri *uri, size_t *n_r)
{
	bool	more = true, good = true;

	while (more) {
		struct str		w;
		struct dmarc_uri	u;

		more = str_cut(&v, ',', &w);
		if (!parse_uri(trim(w), &u))
			good = false;
		else if (*n_r < LIMIT_DMARC_URIS)
			uri[(*n_r)++] = u;
	}
	return good;
}

static bool
tag_rua(struct dmarc_record *r, struct str v)
{
	return parse_uris(v, r->rua, &r->nrua);
}

static bool
tag_ruf(struct dmarc_record *r, struct str v)
{
	return parse_uris(v, r->ruf, &r->nruf);
}

enum { TAG_P = 0, TAG_SP, TAG_NP, TAG_COUNT = 13 };

static const struct {
	struct str	name;
	bool		(*parse)(struct dmarc_record *, struct str);
} tags[TAG_COUNT] = {
	[TAG_P] = { STR_INIT("p"), tag_p },
	[TAG_SP] = { STR_INIT("sp"), tag_sp },
	[TAG_NP] = { STR_INIT("np"), tag_np },
	{ STR_INIT("adkim"), tag_adkim },
	{ STR_INIT("aspf"), tag_aspf },
	{ STR_INIT("pct"), tag_pct },
	{ STR_INIT("fo"), tag_fo },
	{ STR_INIT("rf"), tag_rf },
	{ STR_INIT("ri"), tag_ri },
	{ STR_INIT("rua"), tag_rua },
	{ STR_INIT("ruf"), tag_ruf },
	{ STR_INIT("t"), tag_t },
	{ STR_INIT("psd"), tag_psd },
};

static void
note(struct dmarc_record *r, struct str tag)
{
	if (r->errors++ == 0)
		r->error = tag;
}

/* One "name = value"; seen and bad have a bit for each tag. */
static void
parse_tag(struct dmarc_record *r, struct str tag, unsigned *seen, unsigned *bad)
{
	struct str	name, value = tag;
	size_t		i = 0;

	if (!str_cut(&value, '=', &name)) {
		note(r, tag);
		return;
	}
	name = trim(name);
	value = trim(value);
	while (i < TAG_COUNT && !str_ieq(tags[i].name, name))
		i++;
	if (i == TAG_COUNT) {
		/* "v=DMARC1; v=…" is no unknown tag */
		if (name.n == 0 || str_ieq(name, STR("v")))
			note(r, tag);
		return;
	}
	/* which of two is meant cannot be known; for the policies that matters */
	if ((*seen & 1u << i) != 0 || !tags[i].parse(r, value)) {
		note(r, tag);
		*bad |= 1u << i;
	}
	*seen |= 1u << i;
}

/* "v" *WSP "=" *WSP "DMARC1", the value in exactly these letters. */
static bool
is_version(struct str tag)
{
	struct str	name, value = tag;

	return str_cut(&value, '=', &name) && str_ieq(trim(name), STR("v")) && str_eq(trim(value), STR("DMARC1")) &&
	    tag.n > 0 && byte_is_alpha(tag.p[0]);
}

enum dmarc_parsed
dmarc_record_parse(struct str text, struct dmarc_record *r)
{
	struct str	rest = text, tag;
	unsigned	seen = 0, bad = 0;
	bool		more;

	*r = (struct dmarc_record){ .text = text, .pct = 100, .fo = DMARC_FO_ALL, .ri = DEFAULT_RI, .error = { "", 0 } };
	more = str_cut(&rest, ';', &tag);
	if (!is_version(tag))
		return DMARC_RECORD_OTHER;
	while (more) {
		more = str_cut(&rest, ';', &tag);
		tag = trim(tag);
		if (tag.n > 0)
			parse_tag(r, tag, &seen, &bad);
		else if (more)
			note(r, tag);
	}
	if (!r->has_p || (bad & (1u << TAG_P | 1u << TAG_SP | 1u << TAG_NP)) != 0) {
		r->p = r->sp = r->np = DMARC_POLICY_NONE;
		r->has_p = r->has_sp = r->has_np = false;
		return r->nrua > 0 ? DMARC_RECORD_REPORT_ONLY : DMARC_RECORD_BAD;
	}
	if (!r->has_sp)
		r->sp = r->p;
	if (!r->has_np)
		r->np = r->sp;
	return DMARC_RECORD_GOOD;
}

const char *
dmarc_policy_name(enum dmarc_policy p)
{
	switch (p) {
	case DMARC_POLICY_NONE:
		return "none";
	case DMARC_POLICY_QUARANTINE:
		return "quarantine";
	case DMARC_POLICY_REJECT:
		return "reject";
	}
	return "none";
}
