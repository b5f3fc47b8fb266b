/* transfer, charset: in pieces equals at once. The first byte chooses, the second is the size of pieces. */
#include "proto/transfer.h"

#include <stdlib.h>

#include "proto/charset.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
decode(enum transfer kind, struct str in, size_t step, struct buf *out)
{
	struct transfer_state	t;

	transfer_start(&t, kind);
	for (; in.n > 0; in = str_skip(in, step))
		transfer_feed(&t, str_head(in, step), out);
	transfer_end(&t, out);
}

static void
convert(const char *name, struct str in, size_t step, struct buf *out)
{
	struct charset	c;

	(void)charset_open(&c, str_c(name), NULL);
	for (; in.n > 0; in = str_skip(in, step))
		charset_feed(&c, str_head(in, step), out);
	charset_end(&c, out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const	names[] = { "utf-8", "us-ascii", "iso-8859-15", "koi8-r" };
	struct buf			whole = BUF_INIT(4 * size + 200), pieces = BUF_INIT(4 * size + 200);
	struct str			in;
	size_t				step;

	if (size < 2)
		return 0;
	in = str_n(data + 2, size - 2);
	step = (size_t)data[1] + 1;
	if (data[0] % 8 < 3) {
		decode((enum transfer)(data[0] % 8), in, size, &whole);
		decode((enum transfer)(data[0] % 8), in, step, &pieces);
	} else {
		convert(names[data[0] % 4], in, size, &whole);
		convert(names[data[0] % 4], in, step, &pieces);
	}
	if (buf_failed(&whole) || !str_eq(buf_str(&whole), buf_str(&pieces)))
		abort();
	buf_free(&whole);
	buf_free(&pieces);
	return 0;
}
