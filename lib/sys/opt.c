#include "opt.h"

#include "../base/num.h"
#include "die.h"

enum { DAY_MS = 24 * 3600 * 1000 };

int64_t
opt_ms(int option, const char *text)
{
	uint64_t	v;

	if (!num_u64(str_c(text), DAY_MS, &v) || v == 0)
		diex(EXIT_PERM, "-%c: not a number of milliseconds: %s", option, text);
	return (int64_t)v;
}
