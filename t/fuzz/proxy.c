/* proxy: no header, however wrong, is read past its end; more bytes never change an answer. */
#include <stdint.h>
#include <stdlib.h>

#include "proto/proxy.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	enum proxy_got	whole, part;
	struct proxy	p;
	size_t		need;

	whole = proxy_parse(str_n(data, n), &need, &p);
	if (whole == PROXY_OK && need > n)
		abort();
	for (size_t i = 0; i < n && i < 600; i++) {
		part = proxy_parse(str_n(data, i), &need, &p);
		if (part == PROXY_MORE ? need <= i : part != whole)
			abort();
	}
	return 0;
}
