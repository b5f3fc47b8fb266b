#include "crammd5.h"

/*
 * EVP cannot stop MD5 half-way and store it, and 3.0 calls what can deprecated.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/crypto.h>
#include <openssl/md5.h>

#include "../base/buf.h"
#include "../base/code.h"

static void
put_word(uint8_t *p, MD5_LONG w)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(w >> (8 * i));
}

static MD5_LONG
get_word(const uint8_t *p)
{
	MD5_LONG	w = 0;

	for (int i = 3; i >= 0; i--)
		w = w << 8 | p[i];
	return w;
}

/* The state after one block of the key, each byte with pad over it. */
static void
half(uint8_t out[CRAM_MD5_STATE], const uint8_t key[MD5_CBLOCK], uint8_t pad)
{
	uint8_t	block[MD5_CBLOCK];
	MD5_CTX	c;

	for (size_t i = 0; i < sizeof(block); i++)
		block[i] = key[i] ^ pad;
	(void)MD5_Init(&c);
	(void)MD5_Update(&c, block, sizeof(block));
	put_word(out, c.A);
	put_word(out + 4, c.B);
	put_word(out + 8, c.C);
	put_word(out + 12, c.D);
	OPENSSL_cleanse(block, sizeof(block));
	OPENSSL_cleanse(&c, sizeof(c));
}

/* Go on from a stored state: text, and the digest. */
static void
finish(const uint8_t state[CRAM_MD5_STATE], struct str text, uint8_t out[MD5_DIGEST_LENGTH])
{
	MD5_CTX	c;

	(void)MD5_Init(&c);
	c.A = get_word(state);
	c.B = get_word(state + 4);
	c.C = get_word(state + 8);
	c.D = get_word(state + 12);
	c.Nl = MD5_CBLOCK * 8;
	(void)MD5_Update(&c, text.p, text.n);
	(void)MD5_Final(out, &c);
	OPENSSL_cleanse(&c, sizeof(c));
}

void
cram_md5_derive(struct cram_md5_keys *k, struct str password)
{
	uint8_t	key[MD5_CBLOCK] = { 0 };

	if (password.n > sizeof(key))
		(void)MD5((const unsigned char *)password.p, password.n, key);
	else if (password.n > 0)
		memcpy(key, password.p, password.n);
	half(k->inner, key, 0x36);
	half(k->outer, key, 0x5c);
	OPENSSL_cleanse(key, sizeof(key));
}

void
cram_md5_answer(const struct cram_md5_keys *k, struct str challenge, char hex_r[CRAM_MD5_HEX + 1])
{
	uint8_t		digest[MD5_DIGEST_LENGTH];
	struct buf	b = { .p = hex_r, .cap = CRAM_MD5_HEX + 1, .max = CRAM_MD5_HEX };

	finish(k->inner, challenge, digest);
	finish(k->outer, str_n(digest, sizeof(digest)), digest);
	code_hex(&b, str_n(digest, sizeof(digest)));
	hex_r[CRAM_MD5_HEX] = '\0';
}

bool
cram_md5_check(const struct cram_md5_keys *k, struct str challenge, struct str hex)
{
	char	text[CRAM_MD5_HEX + 1];

	cram_md5_answer(k, challenge, text);
	return hex.n == CRAM_MD5_HEX && CRYPTO_memcmp(hex.p, text, CRAM_MD5_HEX) == 0;
}
