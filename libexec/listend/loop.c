#include "loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sys/deadline.h"
#include "timer.h"

#if defined(__linux__) && !defined(LOOP_POLL)

#include <sys/epoll.h>

/* epoll does, when it was the last descriptor of its socket: a system call less. */
enum { LOOP_BATCH = 256, LOOP_FORGETS_CLOSED = true };

static int	epoll_fd = -1;

int
loop_open(void)
{
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	return epoll_fd == -1 ? -1 : 0;
}

void
loop_want(struct watch *w, int events)
{
	struct epoll_event	ev = { .data.ptr = w };
	int			op;

	if (w->want == events || w->fd == -1)
		return;
	if (events & LOOP_IN)
		ev.events |= EPOLLIN;
	if (events & LOOP_OUT)
		ev.events |= EPOLLOUT;
	/* a hang-up is told even to those who ask for nothing: take them out */
	op = events == 0 ? EPOLL_CTL_DEL : w->want == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
	if (epoll_ctl(epoll_fd, op, w->fd, &ev) == 0)
		w->want = events;
}

void
loop_wait(int ms)
{
	struct epoll_event	ev[LOOP_BATCH];
	int			n = epoll_wait(epoll_fd, ev, LOOP_BATCH, ms);

	timers_turn(clock_ms());
	for (int i = 0; i < n; i++) {
		struct watch	*w = ev[i].data.ptr;
		int		 got = 0;

		if (ev[i].events & (EPOLLIN | EPOLLERR | EPOLLHUP))
			got |= LOOP_IN;
		if (ev[i].events & (EPOLLOUT | EPOLLERR | EPOLLHUP))
			got |= LOOP_OUT;
		/* an earlier one of this batch may have closed or stilled it */
		if (w->fd != -1 && (got & w->want) != 0)
			w->ready(w->of, got & w->want);
	}
}

#else

#include <poll.h>

enum { LOOP_FORGETS_CLOSED = false };

static struct pollfd	*fds;
static struct watch	**watches;
static size_t		 used, size;

int
loop_open(void)
{
	return 0;
}

static size_t
loop_find(const struct watch *w)
{
	size_t	i = 0;

	while (i < used && watches[i] != w)
		i++;
	return i;
}

static int
loop_grow(void)
{
	size_t		 n = size == 0 ? 64 : size * 2;
	struct pollfd	*f = realloc(fds, n * sizeof(*f));
	struct watch	**w;

	if (f == NULL)
		return -1;
	fds = f;
	w = realloc(watches, n * sizeof(*w));
	if (w == NULL)
		return -1;
	watches = w;
	size = n;
	return 0;
}

void
loop_want(struct watch *w, int events)
{
	size_t	i;

	if (w->want == events || w->fd == -1)
		return;
	i = loop_find(w);
	if (events == 0) {
		/* the place is kept until no batch runs: see loop_wait() */
		watches[i] = NULL;
		fds[i].fd = -1;
	} else {
		if (i == used && used == size && loop_grow() == -1)
			return;
		if (i == used)
			used++;
		watches[i] = w;
		fds[i] = (struct pollfd){ .fd = w->fd };
		if (events & LOOP_IN)
			fds[i].events |= POLLIN;
		if (events & LOOP_OUT)
			fds[i].events |= POLLOUT;
	}
	w->want = events;
}

void
loop_wait(int ms)
{
	size_t	n = used, kept = 0;

	if (poll(fds, used, ms) <= 0)
		n = 0;
	timers_turn(clock_ms());
	for (size_t i = 0; i < n; i++) {
		struct watch	*w = watches[i];
		int		 got = 0;

		if (w == NULL || fds[i].revents == 0)
			continue;
		if (fds[i].revents & (POLLIN | POLLERR | POLLHUP | POLLNVAL))
			got |= LOOP_IN;
		if (fds[i].revents & (POLLOUT | POLLERR | POLLHUP | POLLNVAL))
			got |= LOOP_OUT;
		if ((got & w->want) != 0)
			w->ready(w->of, got & w->want);
	}
	for (size_t i = 0; i < used; i++)
		if (watches[i] != NULL) {
			fds[kept] = fds[i];
			watches[kept++] = watches[i];
		}
	used = kept;
}

#endif

int
loop_take(struct watch *w)
{
	int	fd = w->fd;

	loop_want(w, 0);
	w->fd = -1;
	w->want = 0;
	return fd;
}

void
loop_close(struct watch *w)
{
	int	fd = w->fd;

	if (LOOP_FORGETS_CLOSED && !w->shared) {
		w->fd = -1;
		w->want = 0;
	} else
		(void)loop_take(w);
	if (fd != -1)
		(void)close(fd);
}
