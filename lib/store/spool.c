#include "spool.h"

#include <sys/random.h>
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "../sys/deadline.h"
#include "../sys/fd.h"
#include "../sys/home.h"

enum {
	FIRST_READ	= 4096,		/* an envelope of a few recipients, whole */
	TMP_AGE		= 24 * 3600,
	TICKS		= 64,		/* of an id, in a second: 40 bits last until 2514 */
};

/* --- the directories */

static int
open_part(struct spool *s, const char *name, bool make, int *fd_r, bool *made)
{
	if (make && mkdirat(s->queue, name, 0700) == 0)
		*made = true;
	else if (make && errno != EEXIST)
		return -1;
	*fd_r = dir_open(s->queue, name);
	return *fd_r == -1 ? -1 : 0;
}

/* queue/ itself, and its name synced. */
static int
make_queue(void)
{
	int	here, n;

	if (mkdirat(AT_FDCWD, HOME_QUEUE, 0700) == -1)
		return errno == EEXIST ? 0 : -1;
	here = dir_open(AT_FDCWD, ".");
	n = here == -1 ? -1 : dir_sync(here);
	(void)fd_close(&here);
	return n;
}

static int
open_all(struct spool *s, bool make)
{
	bool	made = false;

	if (make && make_queue() == -1)
		return -1;
	s->queue = dir_open(AT_FDCWD, HOME_QUEUE);
	if (s->queue == -1 || open_part(s, "tmp", make, &s->tmp, &made) == -1 ||
	    open_part(s, "msg", make, &s->msg, &made) == -1 || open_part(s, "log", make, &s->log, &made) == -1)
		return -1;
	/* what is promised in msg/ must not go with a directory that was never synced */
	return made ? dir_sync(s->queue) : 0;
}

int
spool_open(struct spool *s, bool make)
{
	*s = (struct spool)SPOOL_INIT;
	if (open_all(s, make) == 0)
		return 0;
	spool_close(s);
	return -1;
}

void
spool_close(struct spool *s)
{
	int	err = errno;

	(void)fd_close(&s->queue);
	(void)fd_close(&s->tmp);
	(void)fd_close(&s->msg);
	(void)fd_close(&s->log);
	errno = err;
}

/* --- putting */

int
spool_new_id(int64_t now_us, char id[SPOOL_ID + 1])
{
	static const char	digits[] = "0123456789abcdefghijklmnopqrstuv";
	uint64_t		half[2] = { (uint64_t)now_us / (1000000 / TICKS), 0 };

	if (getentropy(&half[1], sizeof(half[1])) == -1)
		return -1;
	for (unsigned i = 0; i < SPOOL_ID; i++)
		id[i] = digits[half[i / 8] >> (35 - 5 * (i % 8)) & 31];
	id[SPOOL_ID] = '\0';
	return 0;
}

static int
create(struct spool *s, const char *name)
{
	return openat(s->tmp, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
}

static int
write_envelope(struct spool_new *n, const struct envelope *e)
{
	struct buf	b = BUF_INIT(LIMIT_ENVELOPE);
	int		r = -1;

	errno = EINVAL;
	if (envelope_encode(&b, e)) {
		n->content = b.n;
		r = write_all(n->fd, buf_str(&b));
	}
	buf_free(&b);
	return r;
}

int
spool_begin(struct spool *s, struct envelope *e, struct spool_new *n)
{
	bool	given = e->id[0] != '\0';

	*n = (struct spool_new){ .fd = -1 };
	if (given && !spool_is_id(str_c(e->id))) {
		errno = EINVAL;
		return -1;
	}
	if (!given && spool_new_id(clock_now_us(), e->id) == -1)
		return -1;
	/* its own from before a crash: a name that was given has one writer */
	if (given)
		(void)unlinkat(s->tmp, e->id, 0);
	memcpy(n->id, e->id, sizeof(n->id));
	n->fd = create(s, n->id);
	if (n->fd != -1 && write_envelope(n, e) == 0)
		return 0;
	if (n->fd != -1)
		spool_abort(s, n);
	if (!given)
		e->id[0] = '\0';
	return -1;
}

/*
 * The order is the promise: the file's bytes, then its name, then the
 * directory that has the name.
 */
int
spool_commit(struct spool *s, struct spool_new *n)
{
	int	err;

	if (fsync(n->fd) == -1 || fd_close(&n->fd) == -1 || renameat(s->tmp, n->id, s->msg, n->id) == -1) {
		spool_abort(s, n);
		return -1;
	}
	if (dir_sync(s->msg) == 0)
		return 0;
	err = errno;
	(void)unlinkat(s->msg, n->id, 0);
	errno = err;
	return -1;
}

void
spool_abort(struct spool *s, struct spool_new *n)
{
	int	err = errno;

	(void)fd_close(&n->fd);
	if (n->id[0] != '\0')
		(void)unlinkat(s->tmp, n->id, 0);
	n->id[0] = '\0';
	errno = err;
}

/* --- reading */

static int
pread_all(int fd, char *p, size_t n, off_t at)
{
	while (n > 0) {
		ssize_t	got = pread(fd, p, n, at);

		if (got == -1 && errno == EINTR)
			continue;
		if (got == 0)
			errno = EPROTO;
		if (got <= 0)
			return -1;
		p += got;
		n -= (size_t)got;
		at += got;
	}
	return 0;
}

static int
read_envelope(int fd, uint64_t size, struct arena *a, struct envelope *e)
{
	char		first[FIRST_READ];
	size_t		have = size < sizeof(first) ? (size_t)size : sizeof(first), n;
	char		*text;

	if (pread_all(fd, first, have, 0) == -1)
		return -1;
	n = envelope_length(str_n(first, have));
	if (n == 0 || n > size) {
		errno = EPROTO;
		return -1;
	}
	if ((text = arena_alloc(a, n)) == NULL) {
		errno = ENOMEM;
		return -1;
	}
	memcpy(text, first, n < have ? n : have);
	if (n > have && pread_all(fd, text + have, n - have, (off_t)have) == -1)
		return -1;
	errno = EPROTO;
	return envelope_decode(str_n(text, n), a, e) ? 0 : -1;
}

/* Of a file below us: nothing else is a message of ours, whoever asks for it. */
static bool
is_name(const char *id)
{
	errno = ENOENT;
	return spool_is_id(str_c(id));
}

int
spool_read(struct spool *s, const char *id, struct arena *a, struct envelope *e, int *fd_r)
{
	struct stat	st;
	int		fd = -1, err;

	*fd_r = -1;
	if (is_name(id))
		fd = openat(s->msg, id, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1)
		return -1;
	if (fstat(fd, &st) == -1)
		goto fail;
	errno = EPROTO;
	if (!S_ISREG(st.st_mode) || read_envelope(fd, (uint64_t)st.st_size, a, e) == -1)
		goto fail;
	errno = EPROTO;
	/* under another's name it would be sent twice */
	if (!str_eq(str_c(e->id), str_c(id)))
		goto fail;
	e->size = (uint64_t)st.st_size - e->content;
	*fd_r = fd;
	return 0;
fail:
	err = errno;
	(void)fd_close(&fd);
	errno = err;
	return -1;
}

/* Names of a directory that are ids, until fn returns false. */
static int
each(int dir, bool (*fn)(void *, const char *), void *arg)
{
	int		 fd = dir_open(dir, "."), err;
	DIR		*d = fd == -1 ? NULL : fdopendir(fd);
	struct dirent	*e;

	if (d == NULL) {
		err = errno;
		(void)fd_close(&fd);
		errno = err;
		return -1;
	}
	for (;;) {
		errno = 0;
		e = readdir(d);
		if (e == NULL || (spool_is_id(str_c(e->d_name)) && !fn(arg, e->d_name)))
			break;
	}
	err = e == NULL ? errno : 0;
	(void)closedir(d);
	errno = err;
	return err == 0 ? 0 : -1;
}

int
spool_each(struct spool *s, bool (*fn)(void *, const char *id), void *arg)
{
	return each(s->msg, fn, arg);
}

/* --- taking away */

int
spool_remove(struct spool *s, const char *id)
{
	if (!is_name(id))
		return 0;
	if (unlinkat(s->msg, id, 0) == -1 && errno != ENOENT)
		return -1;
	return unlinkat(s->log, id, 0) == -1 && errno != ENOENT ? -1 : 0;
}

struct tidy {
	struct spool	*s;
	int64_t		 now;
};

static bool
tidy_tmp(void *arg, const char *id)
{
	struct tidy	*t = arg;
	struct stat	 st;

	if (fstatat(t->s->tmp, id, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_mtime + TMP_AGE < t->now)
		(void)unlinkat(t->s->tmp, id, 0);
	return true;
}

static bool
tidy_log(void *arg, const char *id)
{
	struct tidy	*t = arg;
	struct stat	 st;

	if (fstatat(t->s->msg, id, &st, AT_SYMLINK_NOFOLLOW) == -1 && errno == ENOENT)
		(void)unlinkat(t->s->log, id, 0);
	return true;
}

void
spool_tidy(struct spool *s, int64_t now)
{
	struct tidy	t = { s, now };

	/* what cannot be read now is tidied another time */
	(void)!each(s->tmp, tidy_tmp, &t);
	(void)!each(s->log, tidy_log, &t);
}
