#include "limiter.h"

#include <sys/mman.h>

#include <errno.h>
#include <stddef.h>

struct limiter {
	int	unused;
};

struct limiter *
limiter_new(void)
{
	void	*p = mmap(NULL, sizeof(struct limiter), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

bool
limiter_allows(struct limiter *l, struct str rip, int64_t now)
{
	(void)l, (void)rip, (void)now;
	return true;
}

void
limiter_failed(struct limiter *l, struct str rip, int64_t now)
{
	(void)l, (void)rip, (void)now;
}

void
limiter_proved(struct limiter *l, struct str rip)
{
	(void)l, (void)rip;
}
