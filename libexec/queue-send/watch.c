#include <sys/inotify.h>

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "queue-send.h"
#include "sys/fd.h"
#include "sys/log.h"

void
watch_open(struct queue *q)
{
	char	path[40];

	q->watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	/* by its descriptor: it is this directory, whatever comes to be called so */
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", q->spool.msg);
	if (q->watch != -1 && inotify_add_watch(q->watch, path, IN_MOVED_TO | IN_ONLYDIR) != -1)
		return;
	/* none left for this user, or no /proc: a look each second does it too */
	log_failure("not-watching", "inotify", errno);
	(void)fd_close(&q->watch);
}

/* What came; false when some of it was lost. */
static bool
take_events(struct queue *q, const char *p, size_t n)
{
	bool	whole = true;

	while (n >= sizeof(struct inotify_event)) {
		struct inotify_event	e;
		const char		*name = p + sizeof(e);

		memcpy(&e, p, sizeof(e));
		if ((e.mask & IN_Q_OVERFLOW) != 0)
			whole = false;
		else if (e.len > 0 && spool_is_id(str_c(name)))
			message_load(q, name);
		p += sizeof(e) + e.len;
		n -= sizeof(e) + e.len;
	}
	return whole;
}

void
watch_ready(struct queue *q)
{
	union {
		struct inotify_event	align;
		char			bytes[4096];
	} events;
	ssize_t	n = read(q->watch, events.bytes, sizeof(events.bytes));

	if (n > 0 && !take_events(q, events.bytes, (size_t)n))
		watch_scan(q);
}

static bool
load(void *arg, const char *id)
{
	message_load(arg, id);
	return true;
}

void
watch_scan(struct queue *q)
{
	if (spool_each(&q->spool, load, q) == -1)
		log_failure("not-read", "queue/msg", errno);
}
