#include "dkim_key.h"

#include "../base/code.h"

static struct str
value_or(const struct dkim_tags *t, const char *name, const char *otherwise)
{
	const struct dkim_tag	*tag = dkim_tags_find(t, name);

	return tag == NULL ? str_c(otherwise) : tag->value;
}

/* p=, decoded into the arena. */
static const char *
read_data(const struct dkim_tags *t, struct arena *a, struct dkim_key *k)
{
	const struct dkim_tag	*tag = dkim_tags_find(t, "p");
	struct buf		 text = BUF_INIT(LIMIT_DKIM_KEY), data = BUF_INIT(LIMIT_DKIM_KEY);
	bool			 good;

	if (tag == NULL)
		return "p= is missing";
	dkim_tags_compact(&text, tag->value);
	k->revoked = text.n == 0 && !buf_failed(&text);
	good = !buf_failed(&text) && code_unb64(&data, buf_str(&text)) && arena_dup(a, buf_str(&data), &k->data);
	buf_free(&text);
	buf_free(&data);
	return good ? NULL : "p= is not base64";
}

/*
 * A text that says nothing of a key in its first tag, nor has p=, is somebody
 * else's (SPF by a wildcard …). One of another version is not for us either.
 */
static bool
is_ours(struct str text, const struct dkim_tags *t)
{
	const struct dkim_tag	*v = dkim_tags_find(t, "v");

	if (v == NULL)
		return dkim_tags_find(t, "p") != NULL || str_starts(text, STR("v=DKIM1")) || str_starts(text, STR("k="));
	return str_eq(v->value, STR("DKIM1"));
}

enum dkim_record
dkim_key_parse(struct str text, struct arena *a, struct dkim_key *k, const char **why_r)
{
	struct dkim_tags	 t;
	const char		*why;

	*k = (struct dkim_key){ .data = STR("") };
	*why_r = NULL;
	why = dkim_tags_parse(str_head(text, LIMIT_DKIM_KEY), &t);
	if (text.n > LIMIT_DKIM_KEY)
		why = "the record is too long";
	if (!is_ours(text, &t))
		return DKIM_RECORD_OTHER;
	if (why == NULL && dkim_tags_find(&t, "v") != NULL && !str_eq(t.tag[0].name, STR("v")))
		why = "v= is not the first tag";
	k->type = value_or(&t, "k", "rsa");
	k->hashes = value_or(&t, "h", "");
	k->services = value_or(&t, "s", "*");
	k->testing = dkim_tags_has(value_or(&t, "t", ""), STR("y"));
	k->strict = dkim_tags_has(value_or(&t, "t", ""), STR("s"));
	if (why == NULL)
		why = read_data(&t, a, k);
	*why_r = why;
	return why == NULL ? DKIM_RECORD_OK : DKIM_RECORD_BAD;
}

const char *
dkim_key_forbids(const struct dkim_key *k, const struct dkim_sig *s)
{
	const char	*type = s->alg == DKIM_RSA_SHA256 ? "rsa" : "ed25519";

	if (!dkim_tags_has(k->services, STR("*")) && !dkim_tags_has(k->services, STR("email")))
		return "the key is not for mail (s=)";
	if (k->hashes.n > 0 && !dkim_tags_has(k->hashes, STR("sha256")))
		return "the key is not for SHA-256 (h=)";
	if (k->revoked)
		return "the key was revoked";
	if (!str_ieq(k->type, str_c(type)))
		return "the key is of another type than the signature";
	if (k->strict && !str_ieq(dkim_sig_identity_domain(s), s->domain))
		return "i= must have the domain of d= (the key says t=s)";
	return NULL;
}

void
dkim_key_write(struct buf *out, enum dkim_alg alg, struct str data)
{
	buf_adds(out, alg == DKIM_RSA_SHA256 ? "v=DKIM1; k=rsa; p=" : "v=DKIM1; k=ed25519; p=");
	code_b64(out, data);
}
