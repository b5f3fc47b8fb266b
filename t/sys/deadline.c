/* deadline: points in time, and waiting for them. */
#include "sys/deadline.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include "../tap.h"

int
main(void)
{
	struct deadline	soon = deadline_in(40), later = deadline_in(60000);
	int64_t		from = clock_ms();
	int		fd[2];

	if (pipe(fd) == -1)
		return 1;
	ok(!deadline_over(DEADLINE_NEVER), "never is never over");
	is_num(deadline_poll(DEADLINE_NEVER), -1, "and poll waits for ever");
	ok(deadline_over(deadline_in(0)) && deadline_over(deadline_in(-5)), "now and before are over");
	is_num(deadline_poll(deadline_in(-5)), 0, "and poll does not wait");
	is_num(deadline_poll(deadline_in(INT64_C(1) << 50)), INT_MAX, "far away fits into an int");
	is_num(deadline_sooner(soon, later).at, soon.at, "the sooner of two");
	is_num(deadline_sooner(DEADLINE_NEVER, soon).at, soon.at, "never is the latest");
	is_num(deadline_wait(fd[0], POLLIN, soon), 0, "nothing comes: over");
	is_num(errno, ETIMEDOUT, "errno tells it");
	ok(clock_ms() - from >= 39, "not before its time");
	ok(write(fd[1], "x", 1) == 1 && deadline_wait(fd[0], POLLIN, later) == 1, "ready before");
	is_num(deadline_wait(fd[0], POLLIN, deadline_in(0)), 1, "ready wins over a deadline that has passed");
	ok(clock_now() > 1700000000 && clock_now_us() / 1000000 - clock_now() <= 1, "the clock on the wall");
	return done_testing();
}
