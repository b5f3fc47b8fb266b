#include "spf_record.h"

#include "../base/num.h"
#include "spf_macro.h"

static const struct str	version = STR_INIT("v=spf1");

const char *
spf_result_name(enum spf_result r)
{
	static const char *const	names[] = {
		[SPF_NONE] = "none", [SPF_NEUTRAL] = "neutral", [SPF_PASS] = "pass", [SPF_FAIL] = "fail",
		[SPF_SOFTFAIL] = "softfail", [SPF_TEMPERROR] = "temperror", [SPF_PERMERROR] = "permerror",
	};

	return names[r];
}

/* --- prefix lengths */

/* No leading zero: "/08" is not written so (5.6). */
static bool
prefix_length(struct str s, uint32_t max, uint8_t *out_r)
{
	uint32_t	v;

	if (s.n > 3 || (s.n > 1 && s.p[0] == '0') || !num_u32(s, max, &v))
		return false;
	*out_r = (uint8_t)v;
	return true;
}

/* How many bytes at the end are digits behind one '/'; 0: none are. */
static size_t
prefix_at_end(struct str s)
{
	size_t	n = 0;

	while (n < s.n && byte_is_digit(s.p[s.n - 1 - n]))
		n++;
	return n > 0 && n < s.n && s.p[s.n - 1 - n] == '/' ? n + 1 : 0;
}

/* Take "/24", "//64" or "/24//64" off the end. */
static const char *
take_prefixes(struct str *s, struct spf_term *t)
{
	size_t	n = prefix_at_end(*s);
	bool	six = n > 0 && n < s->n && s->p[s->n - n - 1] == '/';

	if (six) {
		if (!prefix_length(str_skip(*s, s->n - n + 1), 128, &t->bits6))
			return "its prefix length for IPv6 is not a number from 0 to 128";
		s->n -= n + 1;
		n = prefix_at_end(*s);
	}
	if (n > 0) {
		if (!prefix_length(str_skip(*s, s->n - n + 1), 32, &t->bits4))
			return "its prefix length is not a number from 0 to 32";
		s->n -= n;
	}
	return NULL;
}

/* --- what follows a mechanism's name */

static const char *
no_argument(struct str s, struct spf_term *t)
{
	(void)t;
	return s.n > 0 ? "nothing may follow its name" : NULL;
}

static const char *
needs_domain(struct str s, struct spf_term *t)
{
	if (s.n == 0 || s.p[0] != ':')
		return "a domain is missing";
	t->domain = str_skip(s, 1);
	return spf_macro_check(t->domain, SPF_MACRO_DOMAIN);
}

static const char *
may_have_domain(struct str s, struct spf_term *t)
{
	return s.n == 0 ? NULL : needs_domain(s, t);
}

static const char *
domain_and_prefixes(struct str s, struct spf_term *t)
{
	const char	*why = take_prefixes(&s, t);

	if (why != NULL)
		return why;
	if (s.n > 0 && s.p[0] == '/')
		return "its prefix length is not a number";
	return may_have_domain(s, t);
}

static const char *
network4(struct str s, struct spf_term *t)
{
	struct str	address;
	bool		slash;

	if (s.n == 0 || s.p[0] != ':')
		return "an address is missing";
	s = str_skip(s, 1);
	slash = str_cut(&s, '/', &address);
	if (!ip_parse(address, &t->net) || str_chr(address, ':') < address.n)
		return "it holds no IPv4 address";
	return slash && !prefix_length(s, 32, &t->bits4) ? "its prefix length is not a number from 0 to 32" : NULL;
}

static const char *
network6(struct str s, struct spf_term *t)
{
	struct str	address;
	bool		slash;

	if (s.n == 0 || s.p[0] != ':')
		return "an address is missing";
	s = str_skip(s, 1);
	slash = str_cut(&s, '/', &address);
	if (str_chr(address, ':') == address.n || !ip_parse(address, &t->net))
		return "it holds no IPv6 address";
	if (t->net.len == 4) {	/* as it was written: IPv4 clients are the ip4 mechanism's */
		memcpy(t->net.b + 12, t->net.b, 4);
		memset(t->net.b, 0, 10);
		memset(t->net.b + 10, 0xff, 2);
		t->net.len = 16;
	}
	return slash && !prefix_length(s, 128, &t->bits6) ? "its prefix length is not a number from 0 to 128" : NULL;
}

/* --- terms */

static const struct mechanism {
	struct str	  name;
	enum spf_kind	  kind;
	const char	*(*argument)(struct str, struct spf_term *);
} mechanisms[] = {
	{ STR_INIT("all"), SPF_ALL, no_argument },
	{ STR_INIT("include"), SPF_INCLUDE, needs_domain },
	{ STR_INIT("a"), SPF_A, domain_and_prefixes },
	{ STR_INIT("mx"), SPF_MX, domain_and_prefixes },
	{ STR_INIT("ptr"), SPF_PTR, may_have_domain },
	{ STR_INIT("ip4"), SPF_IP4, network4 },
	{ STR_INIT("ip6"), SPF_IP6, network6 },
	{ STR_INIT("exists"), SPF_EXISTS, needs_domain },
};

static bool
qualifier_of(char c, enum spf_result *out_r)
{
	switch (c) {
	case '+':
		*out_r = SPF_PASS;
		return true;
	case '-':
		*out_r = SPF_FAIL;
		return true;
	case '~':
		*out_r = SPF_SOFTFAIL;
		return true;
	case '?':
		*out_r = SPF_NEUTRAL;
		return true;
	default:
		return false;
	}
}

static const char *
parse_mechanism(struct str s, struct spf_term *t)
{
	size_t	n = 0;

	if (qualifier_of(s.p[0], &t->qualifier))
		s = str_skip(s, 1);
	while (n < s.n && s.p[n] != ':' && s.p[n] != '/')
		n++;
	for (size_t i = 0; i < sizeof(mechanisms) / sizeof(mechanisms[0]); i++)
		if (str_ieq(str_head(s, n), mechanisms[i].name)) {
			t->kind = mechanisms[i].kind;
			return mechanisms[i].argument(str_skip(s, n), t);
		}
	return "it is no mechanism of SPF";
}

static const char *
parse_modifier(struct str name, struct str value, struct spf_term *t)
{
	t->kind = str_ieq(name, STR("redirect")) ? SPF_REDIRECT : str_ieq(name, STR("exp")) ? SPF_EXP : SPF_UNKNOWN;
	t->domain = value;
	return spf_macro_check(value, t->kind == SPF_UNKNOWN ? SPF_MACRO_STRING : SPF_MACRO_DOMAIN);
}

/* The bytes of a modifier's name that s begins with, when "=" follows; 0: it is none. */
static size_t
modifier_name(struct str s)
{
	size_t	n = 0;

	if (s.n == 0 || !byte_is_alpha(s.p[0]))
		return 0;
	while (n < s.n && (byte_is_alnum(s.p[n]) || s.p[n] == '-' || s.p[n] == '_' || s.p[n] == '.'))
		n++;
	return n < s.n && s.p[n] == '=' ? n : 0;
}

enum spf_term_got
spf_term_next(struct str *rest, struct spf_term *out_r, const char **why_r)
{
	struct spf_term	t = { .qualifier = SPF_PASS, .bits4 = 32, .bits6 = 128 };
	size_t		n;

	while (rest->n > 0 && rest->p[0] == ' ')
		*rest = str_skip(*rest, 1);
	if (rest->n == 0)
		return SPF_TERM_END;
	n = str_chr(*rest, ' ');
	t.text = str_head(*rest, n);
	*rest = str_skip(*rest, n);
	n = modifier_name(t.text);
	*why_r = n > 0 ? parse_modifier(str_head(t.text, n), str_skip(t.text, n + 1), &t) : parse_mechanism(t.text, &t);
	*out_r = t;
	return *why_r == NULL ? SPF_TERM_OK : SPF_TERM_BAD;
}

bool
spf_term_has(const struct spf_term *t, const struct ip *ip)
{
	unsigned	bits = t->net.len == 4 ? t->bits4 : t->bits6;
	struct ip	a = ip_mask(ip, bits), b = ip_mask(&t->net, bits);

	return ip_eq(&a, &b);
}

/* --- records */

bool
spf_record_is(struct str txt)
{
	return str_istarts(txt, version) && (txt.n == version.n || txt.p[version.n] == ' ');
}

/* Twice is an error (6). */
static bool
take_once(struct str *to, const struct spf_term *t)
{
	if (to->n > 0)
		return false;
	*to = t->domain;
	return true;
}

const char *
spf_record_parse(struct str txt, struct spf_record *out_r, struct str *bad_r)
{
	struct spf_record	r = { .all = false };
	struct spf_term		t;
	struct str		rest = str_skip(txt, version.n);
	enum spf_term_got	got;
	const char		*why = NULL;

	r.terms = rest;
	while ((got = spf_term_next(&rest, &t, &why)) == SPF_TERM_OK) {
		if (t.kind == SPF_ALL)
			r.all = true;
		if ((t.kind == SPF_REDIRECT && !take_once(&r.redirect, &t)) || (t.kind == SPF_EXP && !take_once(&r.exp, &t))) {
			why = "it is there twice";
			got = SPF_TERM_BAD;
			break;
		}
	}
	if (r.all)
		r.redirect.n = 0;
	*bad_r = got == SPF_TERM_BAD ? t.text : STR("");
	*out_r = r;
	return got == SPF_TERM_BAD ? why : NULL;
}
