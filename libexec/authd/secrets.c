#include "secrets.h"

#include <sys/random.h>

#include <crypt.h>
#include <stdlib.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/attr.h"
#include "base/code.h"
#include "base/num.h"
#include "sys/deadline.h"

enum { SECRETS_EXPECTED = 10000, SALT = 16 };

struct tdb_context *
secrets_open(bool create)
{
	return authdb_open("secrets.tdb", SECRETS_EXPECTED, create);
}

/* "a NAME": an account cannot be called as something else of ours is. */
static struct str
account_key(char buf[LIMIT_ACCOUNT + 2], struct str account)
{
	if (account.n == 0 || account.n > LIMIT_ACCOUNT)
		return STR("");
	buf[0] = 'a';
	buf[1] = ' ';
	memcpy(buf + 2, account.p, account.n);
	return str_n(buf, account.n + 2);
}

static const char *
scheme(enum scram_hash hash)
{
	return hash == SCRAM_SHA_1 ? "SCRAM-SHA-1" : "SCRAM-SHA-256";
}

static void
put_scram(struct buf *rec, const char *name, const struct scram_keys *k)
{
	struct buf	text = BUF_INIT(512);
	size_t		n = scram_key_size(k->hash);

	buf_addf(&text, "%s$%u:", scheme(k->hash), (unsigned)k->iterations);
	code_b64(&text, str_n(k->salt, k->salt_n));
	buf_addc(&text, '$');
	code_b64(&text, str_n(k->stored, n));
	buf_addc(&text, ':');
	code_b64(&text, str_n(k->server, n));
	attr_add(rec, name, buf_str(&text));
	buf_free(&text);
}

/* Base64 of between min and max bytes. */
static bool
get_bytes(struct str in, uint8_t *out, size_t min, size_t max, size_t *n_r)
{
	char		bytes[128];
	struct buf	b = { .p = bytes, .cap = sizeof(bytes), .max = sizeof(bytes) - 1 };

	if (!code_unb64(&b, in) || b.n < min || b.n > max)
		return false;
	memcpy(out, bytes, b.n);
	*n_r = b.n;
	return true;
}

static bool
get_scram(struct str in, enum scram_hash hash, struct scram_keys *k)
{
	struct str	name, iterations, salt, stored;
	size_t		size = scram_key_size(hash), n;

	*k = (struct scram_keys){ .hash = hash };
	return str_cut(&in, '$', &name) && str_eq(name, str_c(scheme(hash))) &&
	    str_cut(&in, ':', &iterations) && num_u32(iterations, INT32_MAX, &k->iterations) &&
	    str_cut(&in, '$', &salt) && get_bytes(salt, k->salt, 1, sizeof(k->salt), &k->salt_n) &&
	    str_cut(&in, ':', &stored) && get_bytes(stored, k->stored, size, size, &n) &&
	    get_bytes(in, k->server, size, size, &n);
}

static bool
get_cram(struct str in, struct cram_md5_keys *k)
{
	char		bytes[sizeof(*k) + 1];
	struct buf	b = { .p = bytes, .cap = sizeof(bytes), .max = sizeof(*k) };

	if (!code_unhex(&b, in) || b.n != sizeof(*k))
		return false;
	memcpy(k->inner, bytes, sizeof(k->inner));
	memcpy(k->outer, bytes + sizeof(k->inner), sizeof(k->outer));
	return true;
}

static bool
decode(struct str rec, struct secrets *s)
{
	*s = (struct secrets){ .scram = false };
	if (!attr_is(rec, "secrets", 1) || !str_copy(attr_get(rec, "crypt"), s->crypt, sizeof(s->crypt)))
		return false;
	s->changed = (int64_t)attr_getu(rec, "changed", 0);
	s->scram = get_scram(attr_get(rec, "scram-sha-1"), SCRAM_SHA_1, &s->sasl.sha1) &&
	    get_scram(attr_get(rec, "scram-sha-256"), SCRAM_SHA_256, &s->sasl.sha256) &&
	    get_cram(attr_get(rec, "cram-md5"), &s->sasl.md5);
	s->sasl.known = s->scram;
	return s->scram || s->crypt[0] != '\0';
}

static void
encode(const struct secrets *s, struct buf *rec)
{
	struct buf	hex = BUF_INIT(2 * sizeof(s->sasl.md5));

	attr_start(rec, "secrets", 1);
	if (s->scram) {
		put_scram(rec, "scram-sha-1", &s->sasl.sha1);
		put_scram(rec, "scram-sha-256", &s->sasl.sha256);
		code_hex(&hex, str_n(s->sasl.md5.inner, CRAM_MD5_STATE));
		code_hex(&hex, str_n(s->sasl.md5.outer, CRAM_MD5_STATE));
		attr_add(rec, "cram-md5", buf_str(&hex));
	}
	if (s->crypt[0] != '\0')
		attr_adds(rec, "crypt", s->crypt);
	attr_addu(rec, "changed", (uint64_t)s->changed);
	buf_free(&hex);
}

int
secrets_get(struct tdb_context *db, struct str account, struct secrets *out_r, struct buf *raw)
{
	char		name[LIMIT_ACCOUNT + 2];
	struct str	key = account_key(name, account);
	struct buf	rec = BUF_INIT(SECRETS_RECORD);
	int		got = key.n == 0 ? 0 : authdb_get(db, key, &rec);

	if (got == 1 && !decode(buf_str(&rec), out_r))
		got = -1;
	if (got == 1 && raw != NULL)
		buf_add(raw, buf_str(&rec));
	buf_free(&rec);
	return got;
}

int
secrets_put(struct tdb_context *db, struct str account, const struct secrets *s)
{
	char		name[LIMIT_ACCOUNT + 2];
	struct str	key = account_key(name, account);
	struct buf	rec = BUF_INIT(SECRETS_RECORD);
	int		r = -1;

	encode(s, &rec);
	if (key.n > 0 && !buf_failed(&rec))
		r = authdb_commit(db, key, buf_str(&rec));
	buf_free(&rec);
	return r;
}

int
secrets_remove(struct tdb_context *db, struct str account)
{
	char		name[LIMIT_ACCOUNT + 2];
	struct str	key = account_key(name, account);

	if (key.n == 0 || tdb_exists(db, authdb_data(key)) == 0)
		return 0;
	return authdb_delete(db, key);
}

static bool
random_bytes(void *p, size_t n)
{
	return getrandom(p, n, 0) == (ssize_t)n;
}

static bool
fresh_keys(struct scram_keys *k, enum scram_hash hash, struct str password)
{
	*k = (struct scram_keys){ .hash = hash, .iterations = LIMIT_SCRAM_ITERATIONS, .salt_n = SALT };
	return random_bytes(k->salt, SALT) && scram_derive(k, password);
}

bool
secrets_make(struct secrets *s, struct str password)
{
	*s = (struct secrets){ .scram = true, .sasl.known = true, .changed = clock_now() };
	cram_md5_derive(&s->sasl.md5, password);
	return fresh_keys(&s->sasl.sha1, SCRAM_SHA_1, password) &&
	    fresh_keys(&s->sasl.sha256, SCRAM_SHA_256, password);
}

/* crypt(3) with memory of our own: it wants 32 KiB, and a password that ends in NUL. */
static bool
crypt_into(struct str password, const char *setting, char out[LIMIT_CRYPT_HASH])
{
	char			 text[LIMIT_PASSWORD + 1];
	struct crypt_data	*data = calloc(1, sizeof(*data));
	const char		*hash = NULL;
	bool			 done = false;

	if (data != NULL && str_copy(password, text, sizeof(text)))
		hash = crypt_r(text, setting, data);
	if (hash != NULL && hash[0] != '*')
		done = str_copy(str_c(hash), out, LIMIT_CRYPT_HASH);
	OPENSSL_cleanse(text, sizeof(text));
	if (data != NULL)
		OPENSSL_cleanse(data, sizeof(*data));
	free(data);
	return done;
}

bool
secrets_make_crypt(struct secrets *s, struct str password)
{
	char	setting[CRYPT_GENSALT_OUTPUT_SIZE];

	*s = (struct secrets){ .changed = clock_now() };
	return crypt_gensalt_rn("$y$", 0, NULL, 0, setting, sizeof(setting)) != NULL &&
	    crypt_into(password, setting, s->crypt);
}

bool
secrets_import(struct secrets *s, struct str hash)
{
	static const char *const	known[] = { "$y$", "$2b$", "$2y$", "$2a$", "$6$", "$5$" };

	*s = (struct secrets){ .changed = clock_now() };
	if (!str_is_ascii(hash) || str_has_control(hash) || !str_copy(hash, s->crypt, sizeof(s->crypt)))
		return false;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (str_starts(hash, str_c(known[i])))
			return crypt_checksalt(s->crypt) != CRYPT_SALT_INVALID;
	return false;
}

bool
secrets_check(const struct secrets *s, struct str password)
{
	char	got[LIMIT_CRYPT_HASH] = "";
	size_t	n = strlen(s->crypt);

	if (s->scram || n == 0)
		return scram_check(&s->sasl.sha256, password) && s->sasl.known;
	return crypt_into(password, s->crypt, got) && strlen(got) == n &&
	    CRYPTO_memcmp(got, s->crypt, n) == 0;
}

bool
secrets_is_dated(const struct secrets *s)
{
	return !s->scram && !str_starts(str_c(s->crypt), STR("$y$"));
}

int
secrets_fake_key(struct tdb_context *db, uint8_t key[SECRETS_FAKE_KEY])
{
	struct buf	b = BUF_INIT(SECRETS_FAKE_KEY);
	int		got;

	if (tdb_transaction_start(db) == -1)
		return -1;
	got = authdb_get(db, STR("fake"), &b);
	if (got == 1 && b.n == SECRETS_FAKE_KEY)
		memcpy(key, b.p, SECRETS_FAKE_KEY);
	else if (got == -1 || !random_bytes(key, SECRETS_FAKE_KEY) ||
	    authdb_put(db, STR("fake"), str_n(key, SECRETS_FAKE_KEY)) == -1) {
		(void)tdb_transaction_cancel(db);
		buf_free(&b);
		return -1;
	}
	buf_free(&b);
	return tdb_transaction_commit(db);
}

/* 32 bytes that depend on key, purpose and name. */
static void
fake_bytes(const uint8_t *key, char purpose, struct str name, uint8_t out[32])
{
	char	text[LIMIT_SASL_NAME + 1];

	name = str_head(name, LIMIT_SASL_NAME);
	text[0] = purpose;
	if (name.n > 0)
		memcpy(text + 1, name.p, name.n);
	(void)HMAC(EVP_sha256(), key, SECRETS_FAKE_KEY, (const unsigned char *)text, name.n + 1, out, NULL);
}

void
secrets_fake(const uint8_t key[SECRETS_FAKE_KEY], struct str name, struct secrets *out_r)
{
	uint8_t	salt[32];

	*out_r = (struct secrets){ .scram = true };
	out_r->sasl.sha1 = (struct scram_keys){
		.hash = SCRAM_SHA_1, .iterations = LIMIT_SCRAM_ITERATIONS, .salt_n = SALT,
	};
	out_r->sasl.sha256 = (struct scram_keys){
		.hash = SCRAM_SHA_256, .iterations = LIMIT_SCRAM_ITERATIONS, .salt_n = SALT,
	};
	fake_bytes(key, '1', name, salt);
	memcpy(out_r->sasl.sha1.salt, salt, SALT);
	fake_bytes(key, '2', name, salt);
	memcpy(out_r->sasl.sha256.salt, salt, SALT);
	fake_bytes(key, 'k', name, out_r->sasl.sha256.stored);
	memcpy(out_r->sasl.sha1.stored, out_r->sasl.sha256.stored, scram_key_size(SCRAM_SHA_1));
}
