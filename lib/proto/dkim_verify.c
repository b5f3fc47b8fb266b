#include "dkim_verify.h"

#include "dkim_crypt.h"

enum { CLOCK_SKEW = 36000 };	/* seconds that a signer's clock may be ahead */

const char *
dkim_result_name(enum dkim_result r)
{
	switch (r) {
	case DKIM_NONE:
		return "none";
	case DKIM_PASS:
		return "pass";
	case DKIM_FAIL:
		return "fail";
	case DKIM_POLICY:
		return "policy";
	case DKIM_TEMPERROR:
		return "temperror";
	case DKIM_PERMERROR:
		return "permerror";
	}
	return "none";
}

/* The first thing that is found wrong stands. */
static void
settle(struct dkim_check *c, enum dkim_result result, const char *why)
{
	if (c->why != NULL)
		return;
	c->result = result;
	c->why = why;
	c->ask = false;
}

/* --- the signatures */

static size_t
mentions(struct str list, struct str word)
{
	struct str	member;
	size_t		n = 0;

	while (dkim_tags_member(&list, &member))
		n += str_ieq(member, word);
	return n;
}

static bool
is_suffix(const struct dkim_policy *p, struct str domain)
{
	if (str_chr(domain, '.') == domain.n)
		return true;
	return p->is_suffix != NULL && p->is_suffix(p->arg, domain);
}

/* What is well-formed, and yet not taken. */
static void
apply_policy(const struct dkim_verify *v, struct dkim_check *c)
{
	const struct dkim_sig	*s = &c->sig;

	if (s->expires != 0 && v->policy.now >= 0 && (uint64_t)v->policy.now > s->expires)
		settle(c, DKIM_FAIL, "the signature has expired");
	if (v->policy.now >= 0 && s->time > (uint64_t)v->policy.now + CLOCK_SKEW)
		settle(c, DKIM_FAIL, "the signature is from the future");
	if (s->partial)
		settle(c, DKIM_POLICY, "it covers only a part of the body (l=)");
	if (dkim_head_count(&v->head, STR("From")) > mentions(s->fields, STR("From")))
		settle(c, DKIM_POLICY, "there is a From field that is not signed");
	/* one that is not there need not be signed: when it is added, it shows */
	if (dkim_head_count(&v->head, STR("Subject")) > mentions(s->fields, STR("Subject")))
		settle(c, DKIM_POLICY, "the Subject field is not signed");
	if (is_suffix(&v->policy, s->domain))
		settle(c, DKIM_POLICY, "d= is a domain that belongs to nobody");
}

static bool
name_key(const struct dkim_verify *v, struct dkim_check *c)
{
	struct buf	b = BUF_INIT(LIMIT_DOMAIN);
	bool		good;

	dkim_sig_key_name(&c->sig, &b);
	good = !buf_failed(&b) && arena_dup(v->arena, buf_str(&b), &c->key_name);
	buf_free(&b);
	return good;
}

static bool
add_check(struct dkim_verify *v, const struct header_field *f, size_t at)
{
	struct dkim_check	*c = &v->check[v->n++];
	const char		*why;

	*c = (struct dkim_check){ .result = DKIM_NONE, .key_name = STR(""), .services = STR("") };
	why = dkim_sig_parse(f->value, v->arena, &c->sig);
	if (why != NULL) {
		settle(c, DKIM_PERMERROR, why);
		return true;
	}
	apply_policy(v, c);
	if (c->why != NULL)
		return true;
	c->ask = true;
	v->hash[c->sig.body_canon].used = true;
	return name_key(v, c) &&
	    dkim_head_hash(&v->head, c->sig.fields, c->sig.header_canon, at, f->raw, c->sig.b, c->hash);
}

static bool
add_checks(struct dkim_verify *v, struct str text)
{
	struct header		h;
	struct header_field	f;

	header_open(&h, text);
	for (size_t at = 0; header_next(&h, &f); at++) {
		if (!str_ieq(f.name, STR("DKIM-Signature")))
			continue;
		if (v->n == LIMIT_DKIM_SIGNATURES)
			v->skipped++;
		else if (!add_check(v, &f, at))
			return false;
	}
	return true;
}

/* --- the body */

static void
hash_piece(void *arg, struct str s)
{
	struct dkim_hash	*h = arg;

	if (EVP_DigestUpdate(h->md, s.p, s.n) != 1)
		h->failed = true;
}

static bool
begin_hash(struct dkim_hash *h, enum dkim_canon canon, bool lf)
{
	if (!h->used)
		return true;
	dkim_body_init(&h->body, canon, lf, hash_piece, h);
	h->md = EVP_MD_CTX_new();
	return h->md != NULL && EVP_DigestInit_ex(h->md, EVP_sha256(), NULL) == 1;
}

bool
dkim_verify_open(struct dkim_verify *v, struct str text, const struct dkim_policy *policy, struct arena *a)
{
	*v = (struct dkim_verify){ .policy = *policy, .arena = a };
	if (!dkim_head_open(&v->head, text, a))
		return false;
	v->body = v->head.header.body;
	return add_checks(v, text) && begin_hash(&v->hash[DKIM_SIMPLE], DKIM_SIMPLE, policy->lf) &&
	    begin_hash(&v->hash[DKIM_RELAXED], DKIM_RELAXED, policy->lf);
}

void
dkim_verify_body(struct dkim_verify *v, struct str s)
{
	for (size_t i = 0; i < 2; i++)
		if (v->hash[i].used)
			dkim_body_feed(&v->hash[i].body, s);
}

/* --- the keys */

/* The one record that is a key. Several are nobody's intention, and mended soon. */
static bool
choose(struct dkim_verify *v, struct dkim_check *c, const struct str *txt, size_t n, struct dkim_key *k)
{
	const char	*bad = NULL, *why;
	size_t		 found = 0;

	for (size_t i = 0; i < n; i++) {
		struct dkim_key	one;

		switch (dkim_key_parse(txt[i], v->arena, &one, &why)) {
		case DKIM_RECORD_OK:
			found++;
			*k = one;
			break;
		case DKIM_RECORD_BAD:
			bad = why;
			break;
		case DKIM_RECORD_OTHER:
			break;
		}
	}
	if (found > 1)
		settle(c, DKIM_TEMPERROR, "there are several key records");
	else if (found == 0)
		settle(c, DKIM_PERMERROR, bad != NULL ? bad : "there is no key record");
	return found == 1;
}

void
dkim_verify_key(struct dkim_verify *v, size_t i, enum dkim_lookup got, const struct str *txt, size_t n, bool secure)
{
	struct dkim_check	*c = &v->check[i];
	struct dkim_key		 k;
	const char		*why;

	if (!c->ask)
		return;
	c->secure = secure;
	switch (got) {
	case DKIM_LOOKUP_OK:
		break;
	case DKIM_LOOKUP_NONE:
		settle(c, DKIM_PERMERROR, "there is no key record");
		return;
	case DKIM_LOOKUP_TEMP:
		settle(c, DKIM_TEMPERROR, "the key could not be looked up");
		return;
	case DKIM_LOOKUP_BOGUS:
		settle(c, DKIM_TEMPERROR, "the key record is forged or broken, DNSSEC says");
		return;
	}
	if (!choose(v, c, txt, n, &k))
		return;
	c->testing = k.testing;
	c->services = k.services;
	why = dkim_key_forbids(&k, &c->sig);
	if (why == NULL)
		c->key = dkim_public_key(&k, c->sig.alg, &c->bits, &why);
	if (why != NULL)
		settle(c, DKIM_PERMERROR, why);
	c->ask = false;
}

/* --- the end */

static void
end_hash(struct dkim_hash *h)
{
	if (!h->used)
		return;
	dkim_body_end(&h->body);
	if (EVP_DigestFinal_ex(h->md, h->hash, NULL) != 1)
		h->failed = true;
}

static void
decide(const struct dkim_verify *v, struct dkim_check *c)
{
	const struct dkim_hash	*h = &v->hash[c->sig.body_canon];

	if (c->why == NULL && (c->key == NULL || h->failed))
		settle(c, DKIM_TEMPERROR, c->key == NULL ? "the key was not looked up" : "the body could not be hashed");
	else if (c->why == NULL && memcmp(h->hash, c->sig.body_hash, DKIM_HASH) != 0)
		settle(c, DKIM_FAIL, "the body was changed");
	else if (c->why == NULL && !dkim_proves(c->key, c->sig.alg, c->hash, c->sig.signature))
		settle(c, DKIM_FAIL, "the signature is not of this header");
	if (c->why == NULL)
		c->result = DKIM_PASS;
	/* RFC 6376 3.6.1: as if it were not signed */
	else if (c->testing && c->result != DKIM_TEMPERROR)
		c->result = DKIM_NONE;
}

void
dkim_verify_end(struct dkim_verify *v)
{
	end_hash(&v->hash[DKIM_SIMPLE]);
	end_hash(&v->hash[DKIM_RELAXED]);
	for (size_t i = 0; i < v->n; i++)
		decide(v, &v->check[i]);
}

void
dkim_verify_close(struct dkim_verify *v)
{
	for (size_t i = 0; i < v->n; i++) {
		EVP_PKEY_free(v->check[i].key);
		v->check[i].key = NULL;
	}
	for (size_t i = 0; i < 2; i++) {
		EVP_MD_CTX_free(v->hash[i].md);
		v->hash[i].md = NULL;
	}
}

enum dkim_result
dkim_verify_result(const struct dkim_verify *v)
{
	static const enum dkim_result	order[] = { DKIM_PASS, DKIM_TEMPERROR, DKIM_FAIL, DKIM_PERMERROR, DKIM_POLICY };

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		for (size_t j = 0; j < v->n; j++)
			if (v->check[j].result == order[i])
				return order[i];
	return DKIM_NONE;
}
