/* header: fields follow one another without a gap, up to the body. */
#include "proto/header.h"

#include <stdint.h>
#include <stdlib.h>

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str		in = str_n(data, size);
	struct header		h;
	struct header_field	f;
	struct buf		b = BUF_INIT(size + 1);
	size_t			at;

	header_open(&h, in);
	at = h.at;
	while (header_next(&h, &f)) {
		if (f.raw.p != in.p + at || f.raw.n == 0 || f.name.n == 0)
			abort();
		if (f.value.p < f.raw.p || f.value.n > f.raw.n - (size_t)(f.value.p - f.raw.p))
			abort();
		at += f.raw.n;
		buf_reset(&b);
		header_unfold(&b, f.value);
		if (buf_failed(&b) || str_chr(buf_str(&b), '\n') < b.n || str_chr(buf_str(&b), '\r') < b.n)
			abort();
	}
	if (h.end != at || h.body < h.end || h.body > size || header_length(in) != h.body)
		abort();
	buf_free(&b);
	return 0;
}
