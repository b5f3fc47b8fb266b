/* addrlist: always ends, groups pair, and nothing is longer than what was given. */
#include "proto/addrlist.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/limits.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena		a = ARENA_INIT(8 << 20);
	struct addrlist		l;
	struct addrlist_item	i;
	size_t			n = 0;
	int			depth = 0;

	addrlist_open(&l, str_n(data, size), &a);
	while (addrlist_next(&l, &i)) {
		if (++n > LIMIT_ADDRLIST + 1)
			abort();
		if (i.name.n > size || i.local.n > size || i.domain.n > size || i.route.n > size + 1)
			abort();
		depth += i.kind == ADDRLIST_GROUP ? 1 : i.kind == ADDRLIST_GROUP_END ? -1 : 0;
		if (depth < 0 || depth > 1)
			abort();
	}
	if (depth != 0)
		abort();
	(void)addrlist_single(str_n(data, size), &a, &i);
	arena_free(&a);
	return 0;
}
