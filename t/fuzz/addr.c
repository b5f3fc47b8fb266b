/* addr: what parses has a canonical text that parses to the same address. */
#include <stdlib.h>

#include "proto/addr.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
check(const struct addr *a)
{
	struct buf	b = BUF_INIT(1024);
	struct addr	again;

	addr_add_text(&b, a);
	if (buf_failed(&b))
		abort();
	if (a->domain.n > 0 && (addr_parse(buf_str(&b), &again) != ADDR_OK || !addr_same(a, &again)))
		abort();
	buf_free(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str	in = str_n(data, size), rest = in;
	struct addr	a;

	if (addr_parse(in, &a) == ADDR_OK)
		check(&a);
	if (addr_path(&rest, ADDR_FORWARD, &a) == ADDR_OK)
		check(&a);
	rest = in;
	if (addr_path(&rest, ADDR_REVERSE, &a) == ADDR_OK)
		check(&a);
	(void)addr_is_helo(in);
	return 0;
}
