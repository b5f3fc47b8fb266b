#include "scram.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "../base/code.h"
#include "../base/limits.h"

size_t
scram_key_size(enum scram_hash hash)
{
	return hash == SCRAM_SHA_1 ? 20 : 32;
}

static const EVP_MD *
digest(enum scram_hash hash)
{
	return hash == SCRAM_SHA_1 ? EVP_sha1() : EVP_sha256();
}

bool
scram_hmac(enum scram_hash hash, const uint8_t *key, struct str text, uint8_t *out)
{
	return HMAC(digest(hash), key, (int)scram_key_size(hash),
	    (const unsigned char *)text.p, text.n, out, NULL) != NULL;
}

bool
scram_derive_client(struct scram_keys *k, struct str password, uint8_t client_r[SCRAM_KEY_MAX])
{
	size_t	n = scram_key_size(k->hash);
	uint8_t	salted[SCRAM_KEY_MAX];
	bool	done;

	done = password.n <= LIMIT_PASSWORD && k->iterations <= INT32_MAX &&
	    PKCS5_PBKDF2_HMAC(password.p, (int)password.n, k->salt, (int)k->salt_n,
	    (int)k->iterations, digest(k->hash), (int)n, salted) == 1 &&
	    scram_hmac(k->hash, salted, STR("Client Key"), client_r) &&
	    scram_hmac(k->hash, salted, STR("Server Key"), k->server) &&
	    EVP_Digest(client_r, n, k->stored, NULL, digest(k->hash), NULL) == 1;
	OPENSSL_cleanse(salted, sizeof(salted));
	return done;
}

bool
scram_derive(struct scram_keys *k, struct str password)
{
	uint8_t	client[SCRAM_KEY_MAX];
	bool	done = scram_derive_client(k, password, client);

	OPENSSL_cleanse(client, sizeof(client));
	return done;
}

bool
scram_check(const struct scram_keys *k, struct str password)
{
	struct scram_keys	got = *k;
	bool			same;

	same = scram_derive(&got, password) &&
	    CRYPTO_memcmp(got.stored, k->stored, scram_key_size(k->hash)) == 0;
	OPENSSL_cleanse(&got, sizeof(got));
	return same;
}

void
scram_init(struct scram *s, enum scram_hash hash, bool plus, const struct scram_channel *channel)
{
	*s = (struct scram){
		.hash = hash, .plus = plus, .channel = *channel,
		.user = BUF_INIT(LIMIT_SASL_NAME),
		.authzid = BUF_INIT(LIMIT_SASL_NAME),
		.gs2 = BUF_INIT(LIMIT_SASL_RESPONSE),
		.bound = BUF_INIT(LIMIT_SASL_RESPONSE),
		.nonce = BUF_INIT(LIMIT_SASL_RESPONSE),
		.auth = BUF_INIT(4 * LIMIT_SASL_RESPONSE),
	};
}

void
scram_free(struct scram *s)
{
	buf_free(&s->user);
	buf_free(&s->authzid);
	buf_free(&s->gs2);
	buf_free(&s->bound);
	buf_free(&s->nonce);
	buf_free(&s->auth);
	OPENSSL_cleanse(&s->keys, sizeof(s->keys));
}

/* "x=value" into its value; false for another letter. */
static bool
attr_of(struct str field, char letter, struct str *value_r)
{
	if (field.n < 2 || field.p[0] != letter || field.p[1] != '=')
		return false;
	*value_r = str_skip(field, 2);
	return true;
}

/* saslname: =2C and =3D stand for comma and equals sign, no other = may be there. */
static bool
saslname(struct str in, struct buf *out)
{
	if (in.n == 0 || !str_is_utf8(in))
		return false;
	for (size_t i = 0; i < in.n; i++) {
		if (in.p[i] != '=') {
			buf_addc(out, in.p[i]);
			continue;
		}
		if (str_istarts(str_skip(in, i), STR("=2C")))
			buf_addc(out, ',');
		else if (str_istarts(str_skip(in, i), STR("=3D")))
			buf_addc(out, '=');
		else
			return false;
		i += 2;
	}
	return !buf_failed(out);
}

/* The client names what it bound itself to: find our view of that. */
static enum scram_result
bind_channel(struct scram *s, struct str name)
{
	struct str	ours = STR("");

	if (str_eq(name, STR("tls-exporter")))
		ours = s->channel.exporter;
	else if (str_eq(name, STR("tls-server-end-point")))
		ours = s->channel.endpoint;
	if (ours.n == 0)
		return SCRAM_BINDING;
	buf_add(&s->bound, ours);
	return SCRAM_OK;
}

/* gs2-cbind-flag (RFC 5802 section 6). */
static enum scram_result
read_flag(struct scram *s, struct str flag)
{
	struct str	name;
	bool		offered = s->channel.exporter.n > 0 || s->channel.endpoint.n > 0;

	if (attr_of(flag, 'p', &name))
		return s->plus ? bind_channel(s, name) : SCRAM_SYNTAX;
	if (s->plus)
		return SCRAM_SYNTAX;
	if (str_eq(flag, STR("n")))
		return SCRAM_OK;
	if (!str_eq(flag, STR("y")))
		return SCRAM_SYNTAX;
	/* it could bind and was not told that we can: somebody is in between */
	return offered ? SCRAM_BINDING : SCRAM_OK;
}

static bool
is_nonce(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= 0x20 || s.p[i] >= 0x7f || s.p[i] == ',')
			return false;
	return s.n > 0;
}

/* attr-val *("," attr-val), which we need not understand. */
static bool
extensions(struct str rest)
{
	struct str	field;

	while (rest.n > 0) {
		(void)str_cut(&rest, ',', &field);
		if (field.n < 3 || !byte_is_alpha(field.p[0]) || field.p[1] != '=')
			return false;
	}
	return true;
}

enum scram_result
scram_first(struct scram *s, struct str msg)
{
	struct str		rest = msg, flag, authzid, field, value;
	enum scram_result	r;

	if (!str_is_utf8(msg) || !str_cut(&rest, ',', &flag) || !str_cut(&rest, ',', &authzid))
		return SCRAM_SYNTAX;
	r = read_flag(s, flag);
	if (r != SCRAM_OK)
		return r;
	if (authzid.n > 0 && (!attr_of(authzid, 'a', &value) || !saslname(value, &s->authzid)))
		return SCRAM_SYNTAX;
	buf_add(&s->gs2, str_head(msg, msg.n - rest.n));
	buf_add(&s->auth, rest);
	/* m= in front would be an extension that we must understand: none is known */
	if (!str_cut(&rest, ',', &field) || !attr_of(field, 'n', &value) || !saslname(value, &s->user))
		return SCRAM_SYNTAX;
	(void)str_cut(&rest, ',', &field);
	if (!attr_of(field, 'r', &value) || !is_nonce(value) || !extensions(rest))
		return SCRAM_SYNTAX;
	buf_add(&s->nonce, value);
	return buf_failed(&s->nonce) || buf_failed(&s->gs2) ? SCRAM_SYNTAX : SCRAM_OK;
}

void
scram_challenge(struct scram *s, const struct scram_keys *keys, bool known, struct str nonce, struct buf *out)
{
	size_t	from = out->n;

	s->keys = *keys;
	s->known = known;
	buf_add(&s->nonce, nonce);
	buf_adds(out, "r=");
	buf_add(out, buf_str(&s->nonce));
	buf_adds(out, ",s=");
	code_b64(out, str_n(keys->salt, keys->salt_n));
	buf_addf(out, ",i=%u", (unsigned)keys->iterations);
	buf_addc(&s->auth, ',');
	buf_add(&s->auth, str_skip(buf_str(out), from));
}

/* c= must be the very gs2 header of the first message, then the channel's bytes. */
static enum scram_result
check_binding(const struct scram *s, struct str encoded)
{
	struct buf		got = BUF_INIT(2 * LIMIT_SASL_RESPONSE);
	enum scram_result	r = SCRAM_BINDING;

	if (!code_unb64(&got, encoded))
		r = SCRAM_SYNTAX;
	else if (got.n == s->gs2.n + s->bound.n &&
	    CRYPTO_memcmp(got.p, s->gs2.p, s->gs2.n) == 0 &&
	    (s->bound.n == 0 || CRYPTO_memcmp(got.p + s->gs2.n, s->bound.p, s->bound.n) == 0))
		r = SCRAM_OK;
	buf_free(&got);
	return r;
}

/* ClientKey = proof XOR ClientSignature, and H(ClientKey) must be StoredKey. */
static bool
check_proof(const struct scram *s, struct str encoded)
{
	size_t		n = scram_key_size(s->hash);
	uint8_t		key[SCRAM_KEY_MAX], hashed[SCRAM_KEY_MAX];
	struct buf	proof = BUF_INIT(2 * SCRAM_KEY_MAX);
	bool		same = false;

	if (code_unb64(&proof, encoded) && proof.n == n &&
	    scram_hmac(s->hash, s->keys.stored, buf_str(&s->auth), key)) {
		for (size_t i = 0; i < n; i++)
			key[i] = (uint8_t)(key[i] ^ (uint8_t)proof.p[i]);
		same = EVP_Digest(key, n, hashed, NULL, digest(s->hash), NULL) == 1 &&
		    CRYPTO_memcmp(hashed, s->keys.stored, n) == 0;
	}
	OPENSSL_cleanse(key, sizeof(key));
	buf_free(&proof);
	return same && s->known;
}

enum scram_result
scram_final(struct scram *s, struct str msg, struct buf *out)
{
	size_t			comma = str_rchr(msg, ',');
	struct str		bare = str_head(msg, comma), rest = bare, field, value, proof;
	uint8_t			signature[SCRAM_KEY_MAX];
	enum scram_result	r;

	if (comma == msg.n || !attr_of(str_skip(msg, comma + 1), 'p', &proof))
		return SCRAM_SYNTAX;
	(void)str_cut(&rest, ',', &field);
	if (!attr_of(field, 'c', &value))
		return SCRAM_SYNTAX;
	r = check_binding(s, value);
	if (r != SCRAM_OK)
		return r;
	(void)str_cut(&rest, ',', &field);
	if (!attr_of(field, 'r', &value) || !str_eq(value, buf_str(&s->nonce)) || !extensions(rest))
		return SCRAM_SYNTAX;
	buf_addc(&s->auth, ',');
	buf_add(&s->auth, bare);
	if (buf_failed(&s->auth) || !check_proof(s, proof) ||
	    !scram_hmac(s->hash, s->keys.server, buf_str(&s->auth), signature))
		return SCRAM_PROOF;
	buf_adds(out, "v=");
	code_b64(out, str_n(signature, scram_key_size(s->hash)));
	return SCRAM_OK;
}
