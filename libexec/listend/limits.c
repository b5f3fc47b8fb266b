#include "listend.h"

#include <openssl/rand.h>

#include "base/limits.h"
#include "sys/deadline.h"
#include "sys/die.h"

enum { LOG_LINES = 20 };	/* a second, about peers */

/* The networks around an address may have three and nine times as much. */
static void
classes(uint32_t one, uint32_t max[IPLIMIT_CLASSES])
{
	for (int i = 0; i < IPLIMIT_CLASSES; i++) {
		max[i] = one;
		one = one > UINT32_MAX / 3 ? UINT32_MAX : one * 3;
	}
}

void
limits_setup(struct listener *l)
{
	uint32_t	max[IPLIMIT_CLASSES];
	uint64_t	seed[2];

	if (RAND_bytes((unsigned char *)seed, sizeof(seed)) != 1)
		diex(EXIT_TEMP, "no random numbers");
	classes(l->rules.per_minute, max);
	iplimit_init(&l->rate, max, 60, LIMIT_IPLIMIT, seed[0]);
	/* as many as there can be: three for each connection */
	classes(l->rules.at_once, max);
	iplimit_init(&l->open, max, 0, SIZE_MAX / 2, seed[1]);
}

bool
limits_enter(struct conn *c)
{
	struct listener	*l = c->listener;

	c->counted = iplimit_add(&l->rate, &c->rip, timers_now() / 1000, 1) &&
	    iplimit_add(&l->open, &c->rip, 0, 1);
	return c->counted;
}

void
limits_leave(struct conn *c)
{
	iplimit_sub(&c->listener->open, &c->rip, 0, 1);
	c->counted = false;
}

bool
log_allowed(void)
{
	static int64_t	second;
	static int	lines;

	if (second != timers_now() / 1000) {
		second = timers_now() / 1000;
		lines = 0;
	}
	return lines++ < LOG_LINES;
}
