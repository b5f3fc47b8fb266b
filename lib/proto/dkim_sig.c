#include "dkim_sig.h"

#include "../base/code.h"
#include "../base/num.h"

enum { TIME_MAX = 1000000000000 };	/* RFC 6376 3.5: 12 digits */

static bool
is_label(struct str s)
{
	if (s.n == 0 || s.n > 63)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!byte_is_alnum(s.p[i]) && s.p[i] != '-' && s.p[i] != '_' && (unsigned char)s.p[i] < 0x80)
			return false;
	return true;
}

bool
dkim_is_name(struct str s)
{
	struct str	label;
	bool		more;

	if (s.n > LIMIT_DOMAIN - 2)
		return false;
	do {
		more = str_cut(&s, '.', &label);
		if (!is_label(label))
			return false;
	} while (more);
	return true;
}

/* A tag's value, empty when it is not there. */
static struct str
value_of(const struct dkim_tags *t, const char *name)
{
	const struct dkim_tag	*tag = dkim_tags_find(t, name);

	return tag == NULL ? STR("") : tag->value;
}

/* Text without its white space, the arena's; false when the arena is full. */
static bool
compact(struct str value, struct arena *a, struct str *out_r)
{
	struct buf	b = BUF_INIT(LIMIT_DKIM_SIGNATURE);
	bool		good;

	dkim_tags_compact(&b, value);
	good = !buf_failed(&b) && arena_dup(a, buf_str(&b), out_r);
	buf_free(&b);
	return good;
}

static bool
decode(struct str text, struct arena *a, struct str *out_r)
{
	struct buf	b = BUF_INIT(LIMIT_DKIM_SIGNATURE);
	bool		good = code_unb64(&b, text) && b.n > 0 && arena_dup(a, buf_str(&b), out_r);

	buf_free(&b);
	return good;
}

/* --- tag by tag */

static const char *
read_algorithm(struct dkim_sig *s)
{
	if (str_ieq(s->algorithm, STR("rsa-sha256")))
		s->alg = DKIM_RSA_SHA256;
	else if (str_ieq(s->algorithm, STR("ed25519-sha256")))
		s->alg = DKIM_ED25519_SHA256;
	else if (str_ieq(s->algorithm, STR("rsa-sha1")))
		return "signed with SHA-1, which proves nothing any more";
	else
		return "the algorithm is not known";
	return NULL;
}

static bool
canon_named(struct str s, enum dkim_canon *out_r)
{
	*out_r = str_ieq(s, STR("relaxed")) ? DKIM_RELAXED : DKIM_SIMPLE;
	return *out_r == DKIM_RELAXED || str_ieq(s, STR("simple"));
}

static const char *
read_canon(const struct dkim_tags *t, struct dkim_sig *s)
{
	const struct dkim_tag	*tag = dkim_tags_find(t, "c");
	struct str		 rest, header;
	bool			 both;

	s->header_canon = s->body_canon = DKIM_SIMPLE;
	if (tag == NULL)
		return NULL;
	rest = tag->value;
	both = str_cut(&rest, '/', &header);
	if (!canon_named(header, &s->header_canon) || (both && !canon_named(rest, &s->body_canon)))
		return "the canonicalization is not known";
	return NULL;
}

static const char *
read_fields(struct dkim_sig *s)
{
	struct str	rest = s->fields, name;

	while (dkim_tags_member(&rest, &name)) {
		if (name.n == 0)
			return "h= names a field that has no name";
		for (size_t i = 0; i < name.n; i++)
			if (name.p[i] <= 32 || name.p[i] >= 127)
				return "h= names a field that cannot be";
	}
	if (!dkim_tags_has(s->fields, STR("from")))
		return "the From field is not signed";
	return NULL;
}

static bool
read_number(const struct dkim_tags *t, const char *name, uint64_t *out_r)
{
	const struct dkim_tag	*tag = dkim_tags_find(t, name);

	*out_r = 0;
	return tag == NULL || num_u64(tag->value, TIME_MAX - 1, out_r);
}

static const char *
read_times(const struct dkim_tags *t, struct dkim_sig *s)
{
	if (!read_number(t, "t", &s->time))
		return "t= is no time";
	if (!read_number(t, "x", &s->expires))
		return "x= is no time";
	if (dkim_tags_find(t, "x") != NULL && s->expires <= s->time)
		return "it would expire before it was made";
	return NULL;
}

static const char *
read_length(const struct dkim_tags *t, struct dkim_sig *s)
{
	const struct dkim_tag	*tag = dkim_tags_find(t, "l");

	s->partial = tag != NULL;
	if (tag == NULL)
		return NULL;
	for (size_t i = 0; i < tag->value.n; i++)
		if (!byte_is_digit(tag->value.p[i]))
			return "l= is no length";
	return tag->value.n == 0 || tag->value.n > 76 ? "l= is no length" : NULL;
}

static const char *
read_query(const struct dkim_tags *t)
{
	const struct dkim_tag	*tag = dkim_tags_find(t, "q");

	return tag == NULL || dkim_tags_has(tag->value, STR("dns/txt")) ? NULL : "the key is not to be had by DNS";
}

/* dkim-quoted-printable (RFC 6376 2.11). */
static bool
unquote(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		int	high, low;

		if (byte_is_space(s.p[i]))
			continue;
		if (s.p[i] != '=') {
			buf_addc(out, s.p[i]);
			continue;
		}
		if (s.n - i < 3)
			return false;
		high = num_hex_digit(s.p[i + 1]);
		low = num_hex_digit(s.p[i + 2]);
		if (high == -1 || low == -1)
			return false;
		buf_addc(out, (char)(high * 16 + low));
		i += 2;
	}
	return !buf_failed(out);
}

/* Is name the domain, or below it? */
static bool
is_within(struct str name, struct str domain)
{
	if (str_ieq(name, domain))
		return true;
	return str_iends(name, domain) && name.p[name.n - domain.n - 1] == '.';
}

static const char *
read_identity(const struct dkim_tags *t, struct arena *a, struct dkim_sig *s)
{
	const struct dkim_tag	*tag = dkim_tags_find(t, "i");
	struct buf		 b = BUF_INIT(LIMIT_DKIM_IDENTITY);
	bool			 good;

	if (tag == NULL)
		return NULL;
	good = unquote(&b, tag->value) && str_is_utf8(buf_str(&b)) && arena_dup(a, buf_str(&b), &s->identity);
	buf_free(&b);
	if (!good || str_rchr(s->identity, '@') == s->identity.n || !dkim_is_name(dkim_sig_identity_domain(s)))
		return "i= is no address";
	if (!is_within(dkim_sig_identity_domain(s), s->domain))
		return "i= is not within d=";
	return NULL;
}

static const char *
read_values(const struct dkim_tags *t, struct arena *a, struct dkim_sig *s)
{
	struct str	hash = STR("");

	if (!dkim_is_name(s->domain))
		return "d= is no domain name";
	if (!dkim_is_name(s->selector))
		return "s= is no selector";
	if (s->domain.n + s->selector.n + sizeof("._domainkey.") - 1 > LIMIT_DOMAIN - 2)
		return "d= and s= are longer than a name can be";
	if (!decode(s->text, a, &s->signature))
		return "b= is not base64";
	if (!compact(value_of(t, "bh"), a, &hash) || !decode(hash, a, &hash) || hash.n != DKIM_HASH)
		return "bh= is no hash";
	memcpy(s->body_hash, hash.p, DKIM_HASH);
	return NULL;
}

static const char *
missing(const struct dkim_tags *t)
{
	static const struct {
		const char	*name, *why;
	} required[] = {
		{ "v", "v= is missing" }, { "a", "a= is missing" }, { "b", "b= is missing" }, { "bh", "bh= is missing" },
		{ "d", "d= is missing" }, { "h", "h= is missing" }, { "s", "s= is missing" },
	};

	for (size_t i = 0; i < sizeof(required) / sizeof(required[0]); i++)
		if (dkim_tags_find(t, required[i].name) == NULL)
			return required[i].why;
	return NULL;
}

static const char *
read_all(const struct dkim_tags *t, struct arena *a, struct dkim_sig *s)
{
	const char	*why = missing(t);

	if (why == NULL && !str_eq(value_of(t, "v"), STR("1")))
		why = "the version is not 1";
	if (why == NULL)
		why = read_algorithm(s);
	if (why == NULL)
		why = read_values(t, a, s);
	if (why == NULL)
		why = read_canon(t, s);
	if (why == NULL)
		why = read_fields(s);
	if (why == NULL)
		why = read_identity(t, a, s);
	if (why == NULL)
		why = read_times(t, s);
	if (why == NULL)
		why = read_length(t, s);
	return why == NULL ? read_query(t) : why;
}

const char *
dkim_sig_parse(struct str value, struct arena *a, struct dkim_sig *s)
{
	struct dkim_tags	 t;
	const struct dkim_tag	*b;
	const char		*why;

	*s = (struct dkim_sig){
		.domain = STR(""), .selector = STR(""), .algorithm = STR(""), .identity = STR(""), .fields = STR(""),
		.b = STR(""), .signature = STR(""), .text = STR(""),
	};
	if (value.n > LIMIT_DKIM_SIGNATURE)
		return "the field is too long";
	why = dkim_tags_parse(value, &t);
	s->domain = value_of(&t, "d");
	s->selector = value_of(&t, "s");
	s->algorithm = value_of(&t, "a");
	s->fields = value_of(&t, "h");
	b = dkim_tags_find(&t, "b");
	if (b != NULL) {
		s->b = b->raw;
		if (!compact(b->value, a, &s->text))
			return "out of memory";
	}
	return why == NULL ? read_all(&t, a, s) : why;
}

/* --- what follows from it */

struct str
dkim_sig_identity_domain(const struct dkim_sig *s)
{
	size_t	at = str_rchr(s->identity, '@');

	return s->identity.n == 0 ? s->domain : str_skip(s->identity, at + 1);
}

void
dkim_sig_key_name(const struct dkim_sig *s, struct buf *out)
{
	buf_add(out, s->selector);
	buf_adds(out, "._domainkey.");
	buf_add(out, s->domain);
}
