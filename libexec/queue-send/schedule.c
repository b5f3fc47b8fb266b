#include "schedule.h"

enum {
	JITTER_PART	= 90,	/* of the base: 5 s of 450 */
	DOUBLED_MOST	= 30,	/* far above what any attempt comes to; keeps the shift in range */
};

static unsigned
doubled(unsigned before)
{
	return before < DOUBLED_MOST ? before : DOUBLED_MOST;
}

int64_t
schedule_backoff(int64_t base, unsigned before, uint32_t random)
{
	int64_t	jitter = base / JITTER_PART;

	return (base - jitter + (int64_t)(random % (uint64_t)(2 * jitter + 1))) << doubled(before);
}

int64_t
schedule_rest(int64_t base, unsigned attempts)
{
	int64_t	rest = 0;

	for (unsigned n = attempts + 1; n < SCHEDULE_ATTEMPTS; n++)
		rest += base << (n - 1);
	return rest;
}

int64_t
schedule_most(int64_t base, unsigned attempts)
{
	return (base + base / JITTER_PART + 1) << doubled(attempts > 0 ? attempts - 1 : 0);
}

struct due
schedule_due(int64_t now, int64_t set, int64_t next, int64_t most)
{
	struct due	d = { .at = next };
	int64_t		wait = next > set ? next - set : 0;

	if (wait > most)
		wait = most;
	if (wait > UINT32_MAX)
		wait = UINT32_MAX;
	d.wait = (uint32_t)wait;
	if (next > set && next - set > wait)
		d.at = set + wait;
	(void)schedule_mend(&d, now);
	return d;
}

bool
schedule_mend(struct due *d, int64_t now)
{
	if (d->at - d->wait <= now)
		return false;
	d->at = now + d->wait;
	return true;
}
