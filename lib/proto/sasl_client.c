#include "sasl_client.h"

#include <openssl/crypto.h>

#include "../base/code.h"
#include "../base/limits.h"
#include "../base/num.h"

enum {
	ITERATIONS_MIN = 4096,		/* RFC 5802 section 5.1; fewer would help somebody who listens */
	ITERATIONS_MAX = 1000000,	/* half a second of ours for a server's number */
};

static bool
is_scram(enum sasl_mech m)
{
	return m == SASL_SCRAM_SHA_1 || m == SASL_SCRAM_SHA_1_PLUS ||
	    m == SASL_SCRAM_SHA_256 || m == SASL_SCRAM_SHA_256_PLUS;
}

static bool
is_plus(enum sasl_mech m)
{
	return m == SASL_SCRAM_SHA_1_PLUS || m == SASL_SCRAM_SHA_256_PLUS;
}

static bool
can_bind(const struct sasl_client_conf *c)
{
	return c->channel.exporter.n > 0 || c->channel.endpoint.n > 0;
}

static bool
is_allowed(const struct sasl_client_conf *c, enum sasl_mech m)
{
	struct str	rest = c->allowed, w;

	if (sasl_mech_is_clear(m) && !c->clear)
		return false;
	if (is_plus(m) && !can_bind(c))
		return false;
	if (str_trim(rest).n == 0)
		return true;
	while (rest.n > 0) {
		(void)str_cut(&rest, ' ', &w);
		if (sasl_mech_of(w) == m)
			return true;
	}
	return false;
}

enum sasl_mech
sasl_client_choose(const struct sasl_client_conf *c, unsigned offered, unsigned tried)
{
	static const enum sasl_mech	best[] = {
		SASL_SCRAM_SHA_256_PLUS, SASL_SCRAM_SHA_1_PLUS, SASL_SCRAM_SHA_256,
		SASL_SCRAM_SHA_1, SASL_CRAM_MD5, SASL_PLAIN, SASL_LOGIN,
	};

	for (size_t i = 0; i < sizeof(best) / sizeof(best[0]); i++) {
		unsigned	bit = 1u << best[i];

		if ((offered & bit) != 0 && (tried & bit) == 0 && is_allowed(c, best[i]))
			return best[i];
	}
	return SASL_NONE;
}

void
sasl_client_init(struct sasl_client *s, const struct sasl_client_conf *c, enum sasl_mech m, unsigned offered)
{
	*s = (struct sasl_client){
		.conf = c, .mech = m, .proven = !is_scram(m),
		.offered_plus = (offered & (1u << SASL_SCRAM_SHA_1_PLUS | 1u << SASL_SCRAM_SHA_256_PLUS)) != 0,
		.gs2 = BUF_INIT(LIMIT_SASL_RESPONSE),
		.auth = BUF_INIT(4 * LIMIT_SASL_RESPONSE),
	};
	s->keys.hash = m == SASL_SCRAM_SHA_1 || m == SASL_SCRAM_SHA_1_PLUS ? SCRAM_SHA_1 : SCRAM_SHA_256;
}

void
sasl_client_free(struct sasl_client *s)
{
	OPENSSL_cleanse(&s->keys, sizeof(s->keys));
	buf_free(&s->gs2);
	buf_free(&s->auth);
}

/* --- SCRAM (RFC 5802 section 5) */

static void
add_saslname(struct buf *b, struct str name)
{
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] == ',')
			buf_adds(b, "=2C");
		else if (name.p[i] == '=')
			buf_adds(b, "=3D");
		else
			buf_addc(b, name.p[i]);
}

/* "y" tells a server that offers to bind that somebody hid this from us. */
static void
scram_begin(struct sasl_client *s, struct buf *out)
{
	const struct sasl_client_conf	*c = s->conf;

	if (is_plus(s->mech))
		buf_adds(&s->gs2, c->channel.exporter.n > 0 ? "p=tls-exporter,," : "p=tls-server-end-point,,");
	else
		buf_adds(&s->gs2, can_bind(c) && !s->offered_plus ? "y,," : "n,,");
	buf_adds(&s->auth, "n=");
	add_saslname(&s->auth, c->user);
	buf_adds(&s->auth, ",r=");
	buf_add(&s->auth, c->nonce);
	buf_add(out, buf_str(&s->gs2));
	buf_add(out, buf_str(&s->auth));
}

static bool
attribute(struct str *rest, char name, struct str *value_r)
{
	struct str	field;

	(void)str_cut(rest, ',', &field);
	*value_r = str_skip(field, 2);
	return field.n > 2 && field.p[0] == name && field.p[1] == '=';
}

/* server-first-message; nonce borrows from it. */
static bool
scram_read(struct sasl_client *s, struct str msg, struct str *nonce_r)
{
	struct str	salt, count;
	char		bytes[SCRAM_SALT_MAX + 1];
	struct buf	b = { .p = bytes, .cap = sizeof(bytes), .max = sizeof(bytes) - 1 };

	if (!attribute(&msg, 'r', nonce_r) || !attribute(&msg, 's', &salt) || !attribute(&msg, 'i', &count))
		return false;
	if (!str_starts(*nonce_r, s->conf->nonce) || nonce_r->n == s->conf->nonce.n)
		return false;
	if (!code_unb64(&b, salt) || buf_failed(&b) || b.n == 0)
		return false;
	memcpy(s->keys.salt, bytes, b.n);
	s->keys.salt_n = b.n;
	return num_u32(count, ITERATIONS_MAX, &s->keys.iterations) && s->keys.iterations >= ITERATIONS_MIN;
}

static void
add_binding(const struct sasl_client *s, struct buf *out)
{
	struct buf			 b = BUF_INIT(2 * LIMIT_SASL_RESPONSE);
	const struct scram_channel	*ch = &s->conf->channel;

	buf_add(&b, buf_str(&s->gs2));
	if (is_plus(s->mech))
		buf_add(&b, ch->exporter.n > 0 ? ch->exporter : ch->endpoint);
	code_b64(out, buf_str(&b));
	buf_free(&b);
}

static bool
scram_prove(struct sasl_client *s, struct str msg, struct buf *out)
{
	uint8_t		key[SCRAM_KEY_MAX], sign[SCRAM_KEY_MAX];
	size_t		from = out->n, n = scram_key_size(s->keys.hash);
	struct str	nonce;
	bool		done;

	if (!scram_read(s, msg, &nonce))
		return false;
	buf_adds(out, "c=");
	add_binding(s, out);
	buf_adds(out, ",r=");
	buf_add(out, nonce);
	buf_addc(&s->auth, ',');
	buf_add(&s->auth, msg);
	buf_addc(&s->auth, ',');
	buf_add(&s->auth, str_skip(buf_str(out), from));
	done = !buf_failed(&s->auth) && scram_derive_client(&s->keys, s->conf->password, key) &&
	    scram_hmac(s->keys.hash, s->keys.stored, buf_str(&s->auth), sign);
	if (done) {
		for (size_t i = 0; i < n; i++)
			key[i] ^= sign[i];
		buf_adds(out, ",p=");
		code_b64(out, str_n(key, n));
	}
	OPENSSL_cleanse(key, sizeof(key));
	return done;
}

/* v=: only who has the server's key can say it. */
static bool
scram_verify(struct sasl_client *s, struct str msg)
{
	uint8_t		want[SCRAM_KEY_MAX];
	char		text[SCRAM_KEY_MAX + 1];
	struct buf	got = { .p = text, .cap = sizeof(text), .max = sizeof(text) - 1 };
	struct str	value;
	size_t		n = scram_key_size(s->keys.hash);

	s->proven = attribute(&msg, 'v', &value) && code_unb64(&got, value) && got.n == n &&
	    scram_hmac(s->keys.hash, s->keys.server, buf_str(&s->auth), want) &&
	    CRYPTO_memcmp(got.p, want, n) == 0;
	return s->proven;
}

/* --- the others */

static void
cram(const struct sasl_client *s, struct str challenge, struct buf *out)
{
	struct cram_md5_keys	keys;
	char			hex[CRAM_MD5_HEX + 1];

	cram_md5_derive(&keys, s->conf->password);
	cram_md5_answer(&keys, challenge, hex);
	OPENSSL_cleanse(&keys, sizeof(keys));
	buf_add(out, s->conf->user);
	buf_addc(out, ' ');
	buf_adds(out, hex);
}

bool
sasl_client_initial(struct sasl_client *s, struct buf *out)
{
	if (is_scram(s->mech)) {
		scram_begin(s, out);
		return true;
	}
	if (s->mech != SASL_PLAIN)
		return false;
	buf_addc(out, '\0');
	buf_add(out, s->conf->user);
	buf_addc(out, '\0');
	buf_add(out, s->conf->password);
	return true;
}

bool
sasl_client_feed(struct sasl_client *s, struct str challenge, struct buf *out)
{
	unsigned	step = s->step++;

	if (is_scram(s->mech))
		return step == 0 ? scram_prove(s, challenge, out) : step == 1 && scram_verify(s, challenge);
	if (s->mech == SASL_CRAM_MD5 && step == 0) {
		cram(s, challenge, out);
		return true;
	}
	if (s->mech == SASL_LOGIN && step < 2) {
		buf_add(out, step == 0 ? s->conf->user : s->conf->password);
		return true;
	}
	return false;
}

bool
sasl_client_proven(const struct sasl_client *s)
{
	return s->proven;
}
