/* schedule: the times of attempts, and what is left of them when the clock is set. */
#include "../../libexec/queue-send/schedule.h"

#include "../tap.h"

enum { NOW = 1800000000, YEAR = 365 * 86400 };

static void
test_backoff(void)
{
	static const int64_t	minutes[] = { 8, 15, 30, 60, 120, 240, 480 };
	int64_t			sum = 0;

	for (unsigned n = 0; n < 7; n++) {
		int64_t	low = schedule_backoff(450, n, 0), high = schedule_backoff(450, n, 10), at = 450LL << n;

		ok(low == 445LL << n && high == 455LL << n, "gap %u is 450 s doubled %u times, give or take 5", n + 1, n);
		ok(high <= schedule_most(450, n + 1), "no more than the most");
		ok((at + 59) / 60 == minutes[n], "as the page tells");
		sum += at;
	}
	is_num(sum, 15 * 3600 + 52 * 60 + 30, "the eighth attempt begins 15 h 52 m 30 s after the first");
	is_num(schedule_rest(450, 5), (4 + 8) * 3600, "after the fifth: two hours, then four and eight to the last one");
	is_num(schedule_rest(450, 7), 0, "the next one is the last");
	is_num(schedule_rest(450, 12), 0, "and then there is none");
	is_num(schedule_backoff(0, 3, 12345), 0, "a base of nothing");
	ok(schedule_backoff(450, 4000000000u, 1) > 0, "absurdly many attempts");
}

static void
test_due(void)
{
	static const struct {
		const char	*name;
		int64_t		 set, next, most, want;
	} rows[] = {
		{ "set just now", NOW, NOW + 450, 1000, NOW + 450 },
		{ "set a while ago", NOW - 400, NOW + 50, 1000, NOW + 50 },
		{ "over since long", NOW - YEAR, NOW - YEAR + 450, 1000, NOW - YEAR + 450 },
		{ "set when the clock was ahead", NOW + 5 * YEAR, NOW + 5 * YEAR + 450, 1000, NOW + 450 },
		{ "further off than it may be", NOW, NOW + YEAR, 1000, NOW + 1000 },
		{ "both", NOW + 5 * YEAR, NOW + 9LL * YEAR, 1000, NOW + 1000 },
		{ "at once", NOW, NOW, 1000, NOW },
		{ "before it was set", NOW, NOW - 100, 1000, NOW - 100 },
		{ "before it was set, by a clock ahead", NOW + YEAR, NOW + YEAR - 100, 1000, NOW },
		{ "never, or so", NOW, INT64_MAX, 1000, NOW + 1000 },
		{ "by hand, for next year", NOW, NOW + YEAR, UINT32_MAX, NOW + YEAR },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		is_num(schedule_due(NOW, rows[i].set, rows[i].next, rows[i].most).at, rows[i].want, rows[i].name);
}

static void
test_mend(void)
{
	struct due	d = schedule_due(NOW, NOW, NOW + 450, 1000);

	ok(!schedule_mend(&d, NOW) && !schedule_mend(&d, NOW + 300) && d.at == NOW + 450, "as long as time goes on nothing changes");
	ok(!schedule_mend(&d, NOW + 5 * YEAR) && d.at == NOW + 450, "set ahead: it is due");
	ok(schedule_mend(&d, NOW - 5LL * YEAR) && d.at == NOW - 5LL * YEAR + 450, "set back: the interval counts from there");
	ok(!schedule_mend(&d, NOW) && d.at < NOW, "and set right again it is due");
}

int
main(void)
{
	test_backoff();
	test_due();
	test_mend();
	return done_testing();
}
