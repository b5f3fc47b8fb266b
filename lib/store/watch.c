#include "watch.h"

#include <sys/inotify.h>
#include <sys/stat.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../sys/fd.h"
#include "internal.h"

enum { POLL_MS = 1000 };

struct watch {
	struct account	*acc;
	struct mailbox	*mb;
	int		 fd;		/* inotify, or -1 */
	struct timespec	 last[3];	/* mtimes of changed, new/, cur/ when there is none */
};

static void
look(const struct watch *w, struct timespec t[3])
{
	const int	fds[3] = { w->acc->changed, w->mb == NULL ? -1 : w->mb->new,
		w->mb == NULL ? -1 : w->mb->cur };
	struct stat	st;

	for (int i = 0; i < 3; i++)
		t[i] = fds[i] != -1 && fstat(fds[i], &st) == 0 ? st.st_mtim : (struct timespec){ .tv_sec = 0 };
}

/* A directory by its descriptor: its path may hold names that others can change. */
static int
add_dir(int inotify, int dir)
{
	char	path[40];

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", dir);
	return inotify_add_watch(inotify, path, IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE);
}

static int
start(struct watch *w)
{
	char	path[40];

	w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (w->fd == -1)
		return -1;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", w->acc->changed);
	if (inotify_add_watch(w->fd, path, IN_ATTRIB) == -1 ||
	    (w->mb != NULL && (add_dir(w->fd, w->mb->new) == -1 || add_dir(w->fd, w->mb->cur) == -1)))
		return fd_close(&w->fd) == -1 ? -1 : -1;
	return 0;
}

int
watch_open(struct account *acc, struct mailbox *mb, struct watch **out_r)
{
	struct watch	*w = calloc(1, sizeof(*w));

	*out_r = w;
	if (w == NULL)
		return -1;
	w->acc = acc;
	w->mb = mb;
	/* no instance or watch left (the limits are per user): look each second */
	if (start(w) == -1)
		w->fd = -1;
	look(w, w->last);
	return 0;
}

void
watch_close(struct watch *w)
{
	if (w == NULL)
		return;
	(void)fd_close(&w->fd);
	free(w);
}

int
watch_fd(const struct watch *w)
{
	return w->fd;
}

int
watch_timeout(const struct watch *w)
{
	return w->fd == -1 ? POLL_MS : -1;
}

bool
watch_changed(struct watch *w)
{
	union {
		struct inotify_event	align;
		char			bytes[4096];
	} events;
	struct timespec	now[3];
	bool		changed = false;

	if (w->fd != -1) {
		while (read(w->fd, events.bytes, sizeof(events.bytes)) > 0)
			changed = true;
		return changed;
	}
	look(w, now);
	for (int i = 0; i < 3; i++)
		if (now[i].tv_sec != w->last[i].tv_sec || now[i].tv_nsec != w->last[i].tv_nsec)
			changed = true;
	memcpy(w->last, now, sizeof(w->last));
	return changed;
}
