/* dkim_verify: a stranger's message and key record; in pieces as whole, and what passes was signed. */
#include <stdlib.h>

#include "base/limits.h"
#include "proto/dkim_verify.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static enum dkim_result
run(struct str text, struct str txt, size_t piece, size_t *n_r)
{
	struct arena		a = ARENA_INIT(LIMIT_DKIM_ARENA);
	struct dkim_policy	policy = { .now = 1528700000 };
	struct dkim_verify	v;
	enum dkim_result	result = DKIM_NONE;

	if (dkim_verify_open(&v, text, &policy, &a)) {
		if (v.body > text.n || v.n > LIMIT_DKIM_SIGNATURES)
			abort();
		for (size_t i = 0; i < v.n; i++)
			dkim_verify_key(&v, i, DKIM_LOOKUP_OK, &txt, 1, false);
		for (text = str_skip(text, v.body); text.n > 0; text = str_skip(text, piece))
			dkim_verify_body(&v, str_head(text, piece));
		dkim_verify_end(&v);
		for (size_t i = 0; i < v.n; i++)
			if ((v.check[i].result == DKIM_PASS) != (v.check[i].why == NULL))
				abort();
		result = dkim_verify_result(&v);
	}
	*n_r = v.n;
	dkim_verify_close(&v);
	arena_free(&a);
	return result;
}

/* The first line is the record. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str	text = str_n(data, size), txt;
	size_t		whole, pieces;

	(void)str_cut(&text, '\n', &txt);
	if (run(text, txt, SIZE_MAX, &whole) != run(text, txt, 1, &pieces) || whole != pieces)
		abort();
	return 0;
}
