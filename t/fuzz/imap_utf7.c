/* imap_utf7: what decodes encodes to the same, and the other way round. */
#include "proto/imap_utf7.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str	in = str_n(data, size);
	struct buf	a = BUF_INIT(1u << 20), b = BUF_INIT(1u << 20);

	if (imap_utf7_decode(&a, in) &&
	    (!str_is_utf8(buf_str(&a)) || !imap_utf7_encode(&b, buf_str(&a)) || !str_eq(buf_str(&b), in)))
		abort();
	buf_reset(&a);
	buf_reset(&b);
	if (size < 500 && imap_utf7_encode(&a, in) &&
	    (!imap_utf7_decode(&b, buf_str(&a)) || !str_eq(buf_str(&b), in)))
		abort();
	buf_free(&a);
	buf_free(&b);
	return 0;
}
