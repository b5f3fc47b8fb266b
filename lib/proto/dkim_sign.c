#include "dkim_sign.h"

#include "../base/code.h"
#include "dkim_crypt.h"

enum { LINE = 76 };	/* bytes of a line before it is folded */

const struct str	dkim_sign_fields[] = {
	STR_INIT("From"), STR_INIT("To"), STR_INIT("Cc"), STR_INIT("Bcc"), STR_INIT("Reply-To"), STR_INIT("References"),
	STR_INIT("In-Reply-To"), STR_INIT("Subject"), STR_INIT("Date"), STR_INIT("Message-Id"), STR_INIT("Content-Type"),
};
const size_t		dkim_sign_nfields = sizeof(dkim_sign_fields) / sizeof(dkim_sign_fields[0]);

/* Text that is written in lines: a fold goes before a piece that would not fit. */
struct lines {
	struct buf	*out;
	size_t		 n;	/* bytes of this line */
};

static void
piece(struct lines *l, struct str s)
{
	if (l->n > 1 && s.n > LINE - (l->n > LINE ? LINE : l->n)) {
		buf_adds(l->out, "\r\n\t");
		l->n = 1;
	}
	buf_add(l->out, s);
	l->n += s.n;
}

/* " name=value;" and, where it needs one, a line of its own. */
static void
tag(struct lines *l, const char *name, struct str value)
{
	struct buf	b = BUF_INIT(LIMIT_DKIM_SIGNATURE);

	buf_addf(&b, " %s=", name);
	buf_add(&b, value);
	buf_addc(&b, ';');
	if (buf_failed(&b))
		l->out->failed = true;
	/* a line begins with its tab alone */
	if (l->n > 1 && b.n > LINE - (l->n > LINE ? LINE : l->n)) {
		buf_adds(l->out, "\r\n\t");
		l->n = 1;
	}
	piece(l, l->n == 1 ? str_skip(buf_str(&b), 1) : buf_str(&b));
	buf_free(&b);
}

static void
number(struct lines *l, const char *name, int64_t value)
{
	char		digits[24];
	struct buf	b = BUF_INIT(sizeof(digits));

	buf_addu(&b, (uint64_t)value);
	tag(l, name, buf_str(&b));
	buf_free(&b);
}

/* --- i= */

/* dkim-quoted-printable: also what would end the tag, or the line. */
static void
quote(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char	c = (unsigned char)s.p[i];

		if (c <= ' ' || c == ';' || c == '=' || c == 0x7f || c == '|')
			buf_addf(out, "=%02X", c);
		else
			buf_addc(out, s.p[i]);
	}
}

static void
identity(struct lines *l, struct str s)
{
	struct buf	b = BUF_INIT(4 * LIMIT_DKIM_IDENTITY);

	quote(&b, s);
	if (buf_failed(&b))
		l->out->failed = true;
	tag(l, "i", buf_str(&b));
	buf_free(&b);
}

/* --- h= */

static void
names(struct lines *l, const struct dkim_signer *s, const struct dkim_head *h)
{
	const struct str	*list = s->fields == NULL ? dkim_sign_fields : s->fields;
	size_t			 n = s->fields == NULL ? dkim_sign_nfields : s->nfields;
	struct buf		 b = BUF_INIT(LIMIT_DKIM_SIGNATURE);
	bool			 any = false;

	buf_adds(l->out, "\r\n\t");
	l->n = 1;
	for (size_t i = 0; i < n; i++) {
		size_t	times = dkim_head_count(h, list[i]) + s->oversign;

		for (; times > 0; times--) {
			buf_reset(&b);
			buf_adds(&b, any ? ":" : "h=");
			buf_add(&b, list[i]);
			piece(l, buf_str(&b));
			any = true;
		}
	}
	buf_addc(l->out, ';');
	buf_free(&b);
}

/* In pieces, so that it can be folded anywhere. */
static void
base64(struct lines *l, const char *name, struct str data, const char *end)
{
	struct buf	b = BUF_INIT(LIMIT_DKIM_SIGNATURE);
	struct str	rest;

	buf_adds(l->out, "\r\n\t");
	buf_adds(l->out, name);
	l->n = 1 + strlen(name);
	code_b64(&b, data);
	rest = buf_str(&b);
	while (rest.n > LINE - l->n) {
		buf_add(l->out, str_head(rest, LINE - l->n));
		buf_adds(l->out, "\r\n\t");
		rest = str_skip(rest, LINE - l->n);
		l->n = 1;
	}
	buf_add(l->out, rest);
	buf_adds(l->out, end);
	buf_free(&b);
}

/* --- all of it */

static bool
is_sound(const struct dkim_signer *s)
{
	int	id = EVP_PKEY_get_base_id(s->key);

	return id == (s->alg == DKIM_RSA_SHA256 ? EVP_PKEY_RSA : EVP_PKEY_ED25519) && dkim_is_name(s->domain) &&
	    dkim_is_name(s->selector) && s->time > 0 && s->lifetime >= 0;
}

/* As a verifier reads it: a field of ours that would be refused is not sent. */
static bool
is_readable(struct str field)
{
	struct arena		a = ARENA_INIT(LIMIT_DKIM_ARENA);
	struct dkim_sig		sig;
	struct str		name, value = field;
	const char		*why;

	(void)str_cut(&value, ':', &name);
	why = dkim_sig_parse(value, &a, &sig);
	arena_free(&a);
	return why == NULL;
}

static void
write_tags(struct buf *out, const struct dkim_signer *s, const struct dkim_head *h, const uint8_t body_hash[DKIM_HASH])
{
	static const char	*const canon[] = { "simple", "relaxed" };
	struct lines		 l = { out, sizeof("DKIM-Signature:") - 1 };
	struct buf		 c = BUF_INIT(32);

	buf_adds(out, "DKIM-Signature:");
	tag(&l, "v", STR("1"));
	tag(&l, "a", s->alg == DKIM_RSA_SHA256 ? STR("rsa-sha256") : STR("ed25519-sha256"));
	buf_addf(&c, "%s/%s", canon[s->header_canon], canon[s->body_canon]);
	tag(&l, "c", buf_str(&c));
	buf_free(&c);
	tag(&l, "d", s->domain);
	tag(&l, "s", s->selector);
	if (s->identity.n > 0)
		identity(&l, s->identity);
	number(&l, "t", s->time);
	if (s->lifetime > 0)
		number(&l, "x", s->time + s->lifetime);
	names(&l, s, h);
	base64(&l, "bh=", str_n(body_hash, DKIM_HASH), ";");
}

bool
dkim_sign(const struct dkim_signer *s, struct dkim_head *h, const uint8_t body_hash[DKIM_HASH], struct buf *out)
{
	struct buf	field = BUF_INIT(2 * LIMIT_DKIM_SIGNATURE), sig = BUF_INIT(LIMIT_DKIM_RSA_MAX);
	struct lines	l = { &field, 0 };
	struct arena	a = ARENA_INIT(LIMIT_DKIM_ARENA);
	struct dkim_sig	said;
	struct str	name, value;
	uint8_t		hash[DKIM_HASH];
	bool		good;

	if (!is_sound(s) || dkim_head_count(h, STR("From")) == 0)
		return false;
	write_tags(&field, s, h, body_hash);
	/* what is signed ends in an empty b= */
	buf_adds(&field, "\r\n\tb=");
	value = buf_str(&field);
	(void)str_cut(&value, ':', &name);
	(void)!dkim_sig_parse(value, &a, &said);
	good = !buf_failed(&field) &&
	    dkim_head_hash(h, said.fields, s->header_canon, SIZE_MAX, buf_str(&field), STR(""), hash) &&
	    dkim_prove(s->key, s->alg, hash, &sig);
	arena_free(&a);
	if (good) {
		buf_truncate(&field, field.n - (sizeof("\r\n\tb=") - 1));
		base64(&l, "b=", buf_str(&sig), "\r\n");
		good = !buf_failed(&field) && is_readable(line_trim(buf_str(&field)));
		buf_add(out, buf_str(&field));
	}
	buf_free(&field);
	buf_free(&sig);
	return good && !buf_failed(out);
}
