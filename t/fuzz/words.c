/* words: what is decoded is well-formed UTF-8; parameters are within their bounds. */
#include "proto/words.h"

#include <stdlib.h>

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
well_formed(struct buf *b)
{
	struct str	s = buf_str(b);
	uint32_t	c;
	size_t		n;

	if (buf_failed(b))
		abort();
	while (s.n > 0) {
		n = utf8_next(s, &c);
		if (n == 0 || c == UINT32_MAX)
			abort();
		s = str_skip(s, n);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str	in = str_n(data, size);
	struct arena	a = ARENA_INIT(1 << 20);
	struct buf	b = BUF_INIT(4 * size + 64), folded = BUF_INIT(4 * size + 64);
	struct params	ps;

	words_decode(&b, in, NULL);
	well_formed(&b);
	utf8_fold(&folded, buf_str(&b));
	well_formed(&folded);
	if (folded.n > b.n)
		abort();
	ps = params_parse(in, &a);
	for (size_t i = 0; i < ps.n; i++) {
		buf_reset(&b);
		if (params_decode(&b, &ps, ps.p[i].name, NULL) && !buf_failed(&b))
			well_formed(&b);
	}
	buf_free(&b);
	buf_free(&folded);
	arena_free(&a);
	return 0;
}
