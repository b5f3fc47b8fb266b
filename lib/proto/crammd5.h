/*
 * crammd5: CRAM-MD5 (RFC 2195) from stored contexts. What is stored is the
 * state of MD5 after the key's block, inner and outer (RFC 2104 section 4): it is not the
 * password, but it is all that one needs to log in with CRAM-MD5.
 */
#ifndef PROTO_CRAMMD5_H
#define PROTO_CRAMMD5_H

#include <stdint.h>

#include "../base/str.h"

enum { CRAM_MD5_STATE = 16, CRAM_MD5_HEX = 32 };

struct cram_md5_keys {
	uint8_t	inner[CRAM_MD5_STATE];
	uint8_t	outer[CRAM_MD5_STATE];
};

void	cram_md5_derive(struct cram_md5_keys *, struct str password);

/* What a client says to challenge: CRAM_MD5_HEX bytes and a NUL. */
void	cram_md5_answer(const struct cram_md5_keys *, struct str challenge, char hex_r[CRAM_MD5_HEX + 1]);

/* Is hex (in lower case) what a client with that password says to challenge? In constant time. */
bool	cram_md5_check(const struct cram_md5_keys *, struct str challenge, struct str hex);

#endif
