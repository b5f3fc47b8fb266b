/* dkim_tags, dkim_sig, dkim_key: what parses keeps what the rest relies on. */
#include <stdlib.h>

#include "base/limits.h"
#include "proto/dkim_crypt.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static bool
inside(struct str part, struct str all)
{
	return part.n == 0 || (part.p >= all.p && part.n <= (size_t)(all.p + all.n - part.p));
}

static void
check_signature(struct str in, struct arena *a)
{
	struct dkim_sig	s;
	struct buf	b = BUF_INIT(1000);

	if (dkim_sig_parse(in, a, &s) == NULL) {
		dkim_sig_key_name(&s, &b);
		if (!inside(s.b, in) || buf_failed(&b) || b.n > 253 || s.signature.n == 0 || dkim_sig_identity_domain(&s).n == 0)
			abort();
	}
	buf_free(&b);
}

static void
check_key(struct str in, struct arena *a)
{
	struct dkim_key	k;
	const char	*why;
	unsigned	bits;

	if ((dkim_key_parse(in, a, &k, &why) == DKIM_RECORD_BAD) != (why != NULL))
		abort();
	if (why == NULL && k.data.n > 0) {
		EVP_PKEY_free(dkim_public_key(&k, DKIM_RSA_SHA256, &bits, &why));
		EVP_PKEY_free(dkim_public_key(&k, DKIM_ED25519_SHA256, &bits, &why));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena		a = ARENA_INIT(LIMIT_DKIM_ARENA);
	struct str		in = str_n(data, size);
	struct dkim_tags	t;

	if (dkim_tags_parse(in, &t) == NULL)
		for (size_t i = 0; i < t.n; i++)
			if (!inside(t.tag[i].value, t.tag[i].raw) || !inside(t.tag[i].raw, in) || t.tag[i].name.n == 0)
				abort();
	check_signature(in, &a);
	check_key(in, &a);
	arena_free(&a);
	return 0;
}
