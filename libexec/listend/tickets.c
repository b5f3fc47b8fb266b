#include "listend.h"

#include <openssl/core_names.h>
#include <openssl/rand.h>

#include "sys/die.h"

/*
 * The keys of session tickets: a new one each day, seven older ones still
 * open tickets. They are in memory only: a restart costs a full handshake.
 */
enum { TICKET_KEYS = 8, TICKET_DAY = 24 * 3600 };

struct ticket_key {
	unsigned char	name[16], mac[32], aes[32];
};

static struct ticket_key	keys[TICKET_KEYS];	/* the first is the newest */
static int			n_keys;
static int64_t			since;

static int
use_key(const struct ticket_key *k, const unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int enc)
{
	OSSL_PARAM	params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, (void *)(uintptr_t)k->mac, sizeof(k->mac)),
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)(uintptr_t)"sha256", 0),
		OSSL_PARAM_construct_end(),
	};

	if (EVP_MAC_CTX_set_params(mac, params) != 1 ||
	    EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, k->aes, iv, enc) != 1)
		return -1;
	return 1;
}

/* SSL_CTX_set_tlsext_ticket_key_evp_cb(3): 1 good, 2 good but old, 0 none, -1 error. */
static int
ticket_key(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int enc)
{
	(void)ssl;
	if (enc) {
		if (n_keys == 0 || RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1)
			return -1;
		memcpy(name, keys[0].name, sizeof(keys[0].name));
		return use_key(&keys[0], iv, cipher, mac, 1);
	}
	for (int i = 0; i < n_keys; i++)
		if (memcmp(name, keys[i].name, sizeof(keys[i].name)) == 0) {
			if (use_key(&keys[i], iv, cipher, mac, 0) != 1)
				return -1;
			return i == 0 ? 1 : 2;
		}
	return 0;
}

void
tickets_turn(int64_t now)
{
	struct ticket_key	fresh;

	if (n_keys > 0 && now - since < TICKET_DAY)
		return;
	if (RAND_bytes((unsigned char *)&fresh, sizeof(fresh)) != 1)
		return;
	memmove(&keys[1], &keys[0], sizeof(keys) - sizeof(keys[0]));
	keys[0] = fresh;
	n_keys += n_keys < TICKET_KEYS;
	since = now;
}

void
tickets_setup(SSL_CTX *ctx)
{
	if (SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, ticket_key) != 1)
		diex(EXIT_TEMP, "unable to set up session tickets: %s", tls_error());
}
