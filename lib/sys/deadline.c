#include "deadline.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <time.h>

int64_t
clock_ms(void)
{
	struct timespec	ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t
clock_now_us(void)
{
	struct timespec	ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t
clock_now(void)
{
	return clock_now_us() / 1000000;
}

struct deadline
deadline_in(int64_t ms)
{
	return (struct deadline){ clock_ms() + ms };
}

struct deadline
deadline_sooner(struct deadline a, struct deadline b)
{
	return a.at < b.at ? a : b;
}

bool
deadline_over(struct deadline d)
{
	return d.at != INT64_MAX && clock_ms() >= d.at;
}

int
deadline_poll(struct deadline d)
{
	int64_t	left;

	if (d.at == INT64_MAX)
		return -1;
	left = d.at - clock_ms();
	if (left <= 0)
		return 0;
	return left > INT_MAX ? INT_MAX : (int)left;
}

int
deadline_wait(int fd, short events, struct deadline d)
{
	struct pollfd	pfd = { .fd = fd, .events = events };
	int		n;

	n = poll(&pfd, 1, deadline_poll(d));
	if (n == 0)
		errno = ETIMEDOUT;
	return n;
}
