#include "cache.h"

#include <sys/random.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

bool
cache_init(struct cache *c)
{
	*c = (struct cache){ .key = { 0 } };
	return getrandom(c->key, sizeof(c->key), 0) == (ssize_t)sizeof(c->key);
}

/* Each part is hashed for itself, so that none can run into the next. */
bool
cache_tag(const struct cache *c, struct str account, struct str secrets, struct str password, uint8_t tag[CACHE_TAG])
{
	const struct str	part[] = { account, secrets, password };
	uint8_t			all[3 * CACHE_TAG];
	bool			done = true;

	for (size_t i = 0; i < 3; i++)
		done = done && HMAC(EVP_sha256(), c->key, sizeof(c->key),
		    (const unsigned char *)part[i].p, part[i].n, all + i * CACHE_TAG, NULL) != NULL;
	done = done && HMAC(EVP_sha256(), c->key, sizeof(c->key), all, sizeof(all), tag, NULL) != NULL;
	OPENSSL_cleanse(all, sizeof(all));
	return done;
}

bool
cache_has(const struct cache *c, const uint8_t tag[CACHE_TAG], int64_t now)
{
	size_t	i = tag[0] % CACHE_ENTRIES;

	return c->entry[i].until > now && CRYPTO_memcmp(c->entry[i].tag, tag, CACHE_TAG) == 0;
}

void
cache_add(struct cache *c, const uint8_t tag[CACHE_TAG], int64_t now)
{
	size_t	i = tag[0] % CACHE_ENTRIES;

	memcpy(c->entry[i].tag, tag, CACHE_TAG);
	c->entry[i].until = now + CACHE_MS;
}
