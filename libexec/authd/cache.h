/*
 * cache: passwords that were right a short while ago, so that a client that
 * connects often does not cost a PBKDF2 each time. Holds a keyed hash of account, secrets and
 * password: a changed password is another hash, and nothing can be read back.
 */
#ifndef AUTHD_CACHE_H
#define AUTHD_CACHE_H

#include <stdint.h>

#include "base/str.h"

enum { CACHE_ENTRIES = 256, CACHE_TAG = 32, CACHE_MS = 15 * 60 * 1000 };

struct cache {
	uint8_t	key[32];
	struct {
		uint8_t	tag[CACHE_TAG];
		int64_t	until;		/* clock_ms(); 0 is empty */
	} entry[CACHE_ENTRIES];
};

/* With a fresh key. False when there is no randomness. */
bool	cache_init(struct cache *) __attribute__((warn_unused_result));

/* The tag of this password for this account with these secrets. */
bool	cache_tag(const struct cache *, struct str account, struct str secrets, struct str password, uint8_t tag[CACHE_TAG]) __attribute__((warn_unused_result));

bool	cache_has(const struct cache *, const uint8_t tag[CACHE_TAG], int64_t now);
void	cache_add(struct cache *, const uint8_t tag[CACHE_TAG], int64_t now);

#endif
