#include "dkim_crypt.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

enum { ED25519_KEY = 32, ED25519_SIGNATURE = 64 };

/* --- public keys */

/* In a SubjectPublicKeyInfo, as all write it, or a bare RSAPublicKey, as RFC 6376 says. */
static EVP_PKEY *
rsa_key(struct str data)
{
	const unsigned char	*p = (const unsigned char *)data.p, *end = p + data.n;
	EVP_PKEY		*key = d2i_PUBKEY(NULL, &p, (long)data.n);

	if (key == NULL) {
		p = (const unsigned char *)data.p;
		key = d2i_PublicKey(EVP_PKEY_RSA, NULL, &p, (long)data.n);
	}
	if (key != NULL && (p != end || EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA)) {
		EVP_PKEY_free(key);
		key = NULL;
	}
	ERR_clear_error();
	return key;
}

static const char *
size_is_wrong(unsigned bits)
{
	if (bits < LIMIT_DKIM_RSA_MIN)
		return "the RSA key has fewer than 1024 bits";
	return bits > LIMIT_DKIM_RSA_MAX ? "the RSA key is too large" : NULL;
}

EVP_PKEY *
dkim_public_key(const struct dkim_key *k, enum dkim_alg alg, unsigned *bits_r, const char **why_r)
{
	EVP_PKEY	*key = NULL;

	*bits_r = 0;
	*why_r = NULL;
	if (alg == DKIM_RSA_SHA256)
		key = rsa_key(k->data);
	else if (k->data.n == ED25519_KEY)
		key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, (const unsigned char *)k->data.p, k->data.n);
	if (key == NULL) {
		*why_r = "the record holds no key of its type";
		return NULL;
	}
	*bits_r = alg == DKIM_RSA_SHA256 ? (unsigned)EVP_PKEY_get_bits(key) : ED25519_KEY * 8;
	if (alg == DKIM_RSA_SHA256)
		*why_r = size_is_wrong(*bits_r);
	if (*why_r == NULL)
		return key;
	EVP_PKEY_free(key);
	return NULL;
}

static bool
rsa_proves(EVP_PKEY *key, const uint8_t hash[DKIM_HASH], struct str sig)
{
	EVP_PKEY_CTX	*c = EVP_PKEY_CTX_new(key, NULL);
	bool		 good;

	good = c != NULL && EVP_PKEY_verify_init(c) == 1 && EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_PADDING) == 1 &&
	    EVP_PKEY_CTX_set_signature_md(c, EVP_sha256()) == 1 &&
	    EVP_PKEY_verify(c, (const unsigned char *)sig.p, sig.n, hash, DKIM_HASH) == 1;
	EVP_PKEY_CTX_free(c);
	return good;
}

static bool
ed25519_proves(EVP_PKEY *key, const uint8_t hash[DKIM_HASH], struct str sig)
{
	EVP_MD_CTX	*c = EVP_MD_CTX_new();
	bool		 good;

	good = c != NULL && sig.n == ED25519_SIGNATURE && EVP_DigestVerifyInit(c, NULL, NULL, NULL, key) == 1 &&
	    EVP_DigestVerify(c, (const unsigned char *)sig.p, sig.n, hash, DKIM_HASH) == 1;
	EVP_MD_CTX_free(c);
	return good;
}

bool
dkim_proves(EVP_PKEY *key, enum dkim_alg alg, const uint8_t hash[DKIM_HASH], struct str sig)
{
	bool	good = alg == DKIM_RSA_SHA256 ? rsa_proves(key, hash, sig) : ed25519_proves(key, hash, sig);

	ERR_clear_error();
	return good;
}

/* --- private keys */

/* Nobody is asked for a password. */
static int
no_password(char *out, int size, int rw, void *arg)
{
	(void)out;
	(void)size;
	(void)rw;
	(void)arg;
	return -1;
}

EVP_PKEY *
dkim_private_key(struct str pem, enum dkim_alg *alg_r)
{
	BIO		*bio = pem.n > LIMIT_RECORD ? NULL : BIO_new_mem_buf(pem.p, (int)pem.n);
	EVP_PKEY	*key = bio == NULL ? NULL : PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
	int		 id = key == NULL ? 0 : EVP_PKEY_get_base_id(key);

	BIO_free(bio);
	ERR_clear_error();
	*alg_r = id == EVP_PKEY_ED25519 ? DKIM_ED25519_SHA256 : DKIM_RSA_SHA256;
	if (id == EVP_PKEY_ED25519 || (id == EVP_PKEY_RSA && size_is_wrong((unsigned)EVP_PKEY_get_bits(key)) == NULL))
		return key;
	EVP_PKEY_free(key);
	return NULL;
}

EVP_PKEY *
dkim_make_key(enum dkim_alg alg, unsigned bits)
{
	if (alg == DKIM_ED25519_SHA256)
		return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	return size_is_wrong(bits) == NULL ? EVP_RSA_gen(bits) : NULL;
}

bool
dkim_key_pem(EVP_PKEY *key, struct buf *out)
{
	BIO	*bio = BIO_new(BIO_s_mem());
	char	*p = NULL;
	long	 n;
	bool	 good = bio != NULL && PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1;

	n = good ? BIO_get_mem_data(bio, &p) : 0;
	if (n > 0)
		buf_add(out, str_n(p, (size_t)n));
	BIO_free(bio);
	return good && n > 0 && !buf_failed(out);
}

bool
dkim_key_record(EVP_PKEY *key, enum dkim_alg alg, struct buf *out)
{
	unsigned char	*der = NULL, raw[ED25519_KEY];
	size_t		 size = sizeof(raw);
	int		 n;

	if (alg == DKIM_ED25519_SHA256) {
		if (EVP_PKEY_get_raw_public_key(key, raw, &size) != 1)
			return false;
		dkim_key_write(out, alg, str_n(raw, size));
		return !buf_failed(out);
	}
	n = i2d_PUBKEY(key, &der);
	if (n <= 0)
		return false;
	dkim_key_write(out, alg, str_n(der, (size_t)n));
	OPENSSL_free(der);
	return !buf_failed(out);
}

static bool
rsa_prove(EVP_PKEY *key, const uint8_t hash[DKIM_HASH], unsigned char *out, size_t *n)
{
	EVP_PKEY_CTX	*c = EVP_PKEY_CTX_new(key, NULL);
	bool		 good;

	good = c != NULL && EVP_PKEY_sign_init(c) == 1 && EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_PADDING) == 1 &&
	    EVP_PKEY_CTX_set_signature_md(c, EVP_sha256()) == 1 && EVP_PKEY_sign(c, out, n, hash, DKIM_HASH) == 1;
	EVP_PKEY_CTX_free(c);
	return good;
}

static bool
ed25519_prove(EVP_PKEY *key, const uint8_t hash[DKIM_HASH], unsigned char *out, size_t *n)
{
	EVP_MD_CTX	*c = EVP_MD_CTX_new();
	bool		 good;

	good = c != NULL && EVP_DigestSignInit(c, NULL, NULL, NULL, key) == 1 &&
	    EVP_DigestSign(c, out, n, hash, DKIM_HASH) == 1;
	EVP_MD_CTX_free(c);
	return good;
}

bool
dkim_prove(EVP_PKEY *key, enum dkim_alg alg, const uint8_t hash[DKIM_HASH], struct buf *out)
{
	unsigned char	sig[LIMIT_DKIM_RSA_MAX / 8];
	size_t		n = sizeof(sig);
	bool		good = alg == DKIM_RSA_SHA256 ? rsa_prove(key, hash, sig, &n) : ed25519_prove(key, hash, sig, &n);

	ERR_clear_error();
	if (good)
		buf_add(out, str_n(sig, n));
	return good && !buf_failed(out);
}
