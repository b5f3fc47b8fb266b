/* dkim_sign: what is signed is verified, whatever the message is. The first byte chooses the form. */
#include <stdlib.h>

#include "base/limits.h"
#include "proto/dkim_crypt.h"
#include "proto/dkim_sign.h"
#include "proto/dkim_verify.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
put(void *arg, struct str s)
{
	if (EVP_DigestUpdate(arg, s.p, s.n) != 1)
		abort();
}

static void
hash_body(const struct dkim_signer *s, bool lf, struct str body, uint8_t hash[DKIM_HASH])
{
	EVP_MD_CTX		*md = EVP_MD_CTX_new();
	struct dkim_body	b;

	if (md == NULL || EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1)
		abort();
	dkim_body_init(&b, s->body_canon, lf, put, md);
	dkim_body_feed(&b, body);
	dkim_body_end(&b);
	if (EVP_DigestFinal_ex(md, hash, NULL) != 1)
		abort();
	EVP_MD_CTX_free(md);
}

static void
verify(struct str text, bool lf, struct str record)
{
	struct arena			a = ARENA_INIT(LIMIT_DKIM_ARENA);
	const struct dkim_policy	policy = { .now = 1528700000, .lf = lf };
	struct dkim_verify		v;

	if (!dkim_verify_open(&v, text, &policy, &a))
		abort();
	dkim_verify_key(&v, 0, DKIM_LOOKUP_OK, &record, 1, false);
	dkim_verify_body(&v, str_skip(text, v.body));
	dkim_verify_end(&v);
	if (v.n == 0 || v.check[0].result != DKIM_PASS)
		abort();
	dkim_verify_close(&v);
	arena_free(&a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena		a = ARENA_INIT(LIMIT_DKIM_ARENA);
	struct buf		out = BUF_INIT(1 << 22), record = BUF_INIT(LIMIT_DKIM_KEY);
	struct dkim_signer	s = {
		.domain = STR("x.example"), .selector = STR("s"), .identity = STR(""), .alg = DKIM_ED25519_SHA256, .time = 1528700000,
	};
	struct str		text = str_skip(str_n(data, size), 1);
	struct dkim_head	h;
	uint8_t			hash[DKIM_HASH], seed[32] = { 1 };
	unsigned		form = size == 0 ? 0 : data[0];

	s.header_canon = form & 1 ? DKIM_RELAXED : DKIM_SIMPLE;
	s.body_canon = form & 2 ? DKIM_RELAXED : DKIM_SIMPLE;
	s.oversign = (form & 4) != 0;
	/* no field can go on top of a line that is none */
	if (size > (1 << 20) || text.n == 0 || byte_is_space(text.p[0]) || str_starts(text, STR("From ")) || str_starts(text, STR(">From ")))
		return 0;
	s.key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, sizeof(seed));
	if (s.key == NULL || !dkim_key_record(s.key, s.alg, &record) || !dkim_head_open(&h, text, &a))
		abort();
	hash_body(&s, (form & 8) != 0, str_skip(text, h.header.body), hash);
	if (dkim_sign(&s, &h, hash, &out)) {
		buf_add(&out, text);
		verify(buf_str(&out), (form & 8) != 0, buf_str(&record));
	}
	EVP_PKEY_free(s.key);
	buf_free(&out);
	buf_free(&record);
	arena_free(&a);
	return 0;
}
