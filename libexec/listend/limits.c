#include "listend.h"

#include <openssl/rand.h>

#include "base/iplimit.h"
#include "base/limits.h"
#include "sys/deadline.h"
#include "sys/die.h"

enum { LOG_LINES = 20 };	/* a second, about peers */

/* New connections a minute, and those that are there, for an address and its two networks. */
static const uint32_t	rate_max[IPLIMIT_CLASSES] = { 300, 900, 2700 };
static const uint32_t	open_max[IPLIMIT_CLASSES] = { 30, 90, 270 };

static struct iplimit	rate, open;

void
limits_setup(void)
{
	uint64_t	seed[2];

	if (RAND_bytes((unsigned char *)seed, sizeof(seed)) != 1)
		diex(EXIT_TEMP, "no random numbers");
	iplimit_init(&rate, rate_max, 60, LIMIT_IPLIMIT, seed[0]);
	/* as many as there can be: three for each connection */
	iplimit_init(&open, open_max, 0, SIZE_MAX / 2, seed[1]);
}

bool
limits_enter(struct conn *c)
{
	c->counted = iplimit_add(&rate, &c->rip, timers_now() / 1000, 1) &&
	    iplimit_add(&open, &c->rip, 0, 1);
	return c->counted;
}

void
limits_leave(struct conn *c)
{
	iplimit_sub(&open, &c->rip, 0, 1);
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
