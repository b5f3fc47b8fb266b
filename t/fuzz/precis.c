/* precis: what comes out goes in again and stays the same. */
#include <stdlib.h>

#include "proto/precis.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf	out = BUF_INIT(4096), again = BUF_INIT(4096);
	struct str	in = str_n(data, size);

	if (precis_password(in, &out) && out.n <= 1024 &&
	    (!precis_password(buf_str(&out), &again) || !str_eq(buf_str(&out), buf_str(&again))))
		abort();
	buf_reset(&out);
	if (precis_username(in, &out) && (out.n == 0 || !str_is_utf8(buf_str(&out))))
		abort();
	buf_free(&out);
	buf_free(&again);
	return 0;
}
