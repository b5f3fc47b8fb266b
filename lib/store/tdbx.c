#include "tdbx.h"

#include <sys/stat.h>
#include <sys/statvfs.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tdb.h>
#include <time.h>
#include <unistd.h>

#include "../sys/deadline.h"

enum {
	LOCK_WAIT_MS	= 30000,	/* longer than any transaction */
	HASH_LEAST	= 1021,		/* tdb reads this table at each transaction */
	HASH_MOST	= 16381,
	ROOM		= 1 << 20,	/* a file grows by 100 records or a quarter */
	FLAGS		= TDB_NOSYNC | TDB_NOMMAP | TDB_INCOMPATIBLE_HASH | TDB_DISALLOW_NESTING,
};

/* What tdb's error means to us. errno was 0 before the call. */
static int
failed(struct tdbx *t)
{
	int	err = errno;

	switch (tdb_error(t->tdb)) {
	case TDB_ERR_LOCK:
	case TDB_ERR_LOCK_TIMEOUT:
	case TDB_ERR_NOLOCK:
		errno = ETIMEDOUT;
		break;
	case TDB_ERR_OOM:
		errno = err == ENOSPC || err == EDQUOT ? err : ENOMEM;
		break;
	default:
		/* reading past the end of a cut file is "IO" to tdb and no errno to the kernel */
		errno = err == ENOSPC || err == EDQUOT || err == EFBIG || err == EIO ? err : EBADMSG;
	}
	return -1;
}

/*
 * The same for what writes. tdb makes its file larger with posix_fallocate(3),
 * which sets no errno: without room on the disk, that is what was missing.
 */
static int
write_failed(struct tdbx *t)
{
	struct statvfs	fs;
	int		err = errno;

	if (err == 0 && tdb_error(t->tdb) != TDB_ERR_CORRUPT && fstatvfs(tdb_fd(t->tdb), &fs) == 0 &&
	    fs.f_bavail * fs.f_frsize < ROOM + tdb_map_size(t->tdb) / 2) {
		errno = ENOSPC;
		return -1;
	}
	errno = err;
	return failed(t);
}

static int
opened(struct tdbx *t, const char *path)
{
	struct stat	st;

	t->path = strdup(path);
	t->pid = getpid();
	if (t->path == NULL || fstat(tdb_fd(t->tdb), &st) == -1) {
		tdbx_close(t);
		errno = ENOMEM;
		return -1;
	}
	t->dev = st.st_dev;
	t->ino = st.st_ino;
	return 0;
}

int
tdbx_open(struct tdbx *t, const char *path)
{
	struct stat	st;

	*t = (struct tdbx){ .tdb = NULL };
	if (lstat(path, &st) == -1)
		return -1;
	if (!S_ISREG(st.st_mode)) {
		errno = EBADMSG;
		return -1;
	}
	t->tdb = tdb_open(path, 0, FLAGS, O_RDWR | O_CLOEXEC, 0);
	if (t->tdb == NULL) {
		if (errno != ENOENT && errno != ENOMEM && errno != EMFILE && errno != ENFILE &&
		    errno != EACCES && errno != EBUSY)
			errno = EBADMSG;
		return -1;
	}
	return opened(t, path);
}

/* Chains of some four records; odd, as all table sizes of hashes that are a remainder. */
static int
hash_size(size_t records)
{
	size_t	n = records / 4 | 1;

	return n < HASH_LEAST ? HASH_LEAST : n > HASH_MOST ? HASH_MOST : (int)n;
}

int
tdbx_create(struct tdbx *t, const char *path, size_t records)
{
	*t = (struct tdbx){ .tdb = NULL };
	t->tdb = tdb_open(path, hash_size(records), FLAGS, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return t->tdb == NULL ? -1 : opened(t, path);
}

void
tdbx_close(struct tdbx *t)
{
	if (t->tdb != NULL)
		(void)tdb_close(t->tdb);
	free(t->path);
	*t = (struct tdbx){ .tdb = NULL };
}

int
tdbx_rename(struct tdbx *t, const char *path)
{
	char	*copy = strdup(path);

	if (copy == NULL || rename(t->path, path) == -1) {
		free(copy);
		return -1;
	}
	free(t->path);
	t->path = copy;
	return 0;
}

bool
tdbx_is_current(const struct tdbx *t)
{
	struct stat	st;

	return t->tdb != NULL && lstat(t->path, &st) == 0 && st.st_dev == t->dev && st.st_ino == t->ino;
}

bool
tdbx_sound(struct tdbx *t)
{
	return tdb_check(t->tdb, NULL, NULL) == 0;
}

bool
tdbx_is_large(struct tdbx *t)
{
	return tdb_map_size(t->tdb) > (size_t)1 << 31;
}

int
tdbx_begin(struct tdbx *t)
{
	struct deadline	d = deadline_in(LOCK_WAIT_MS);
	long		us = 50;

	if (t->pid != getpid()) {
		/* fcntl locks are not inherited: a child is not protected by them */
		errno = EPERM;
		return -1;
	}
	for (;;) {
		errno = 0;
		if (tdb_transaction_start_nonblock(t->tdb) == 0)
			break;
		if (tdb_error(t->tdb) != TDB_ERR_NOLOCK && tdb_error(t->tdb) != TDB_ERR_LOCK)
			return failed(t);
		if (deadline_over(d)) {
			errno = ETIMEDOUT;
			return -1;
		}
		(void)nanosleep(&(struct timespec){ .tv_nsec = us * 1000 }, NULL);
		us = us < 2000 ? us * 2 : us;
	}
	if (!tdbx_is_current(t)) {
		tdbx_cancel(t);
		errno = ESTALE;
		return -1;
	}
	return 0;
}

int
tdbx_commit(struct tdbx *t)
{
	errno = 0;
	/* on failure tdb has cancelled it */
	return tdb_transaction_commit(t->tdb) == 0 ? 0 : write_failed(t);
}

void
tdbx_cancel(struct tdbx *t)
{
	int	err = errno;

	(void)tdb_transaction_cancel(t->tdb);
	errno = err;
}

int
tdbx_read_lock(struct tdbx *t)
{
	errno = 0;
	return tdb_lockall_read(t->tdb) == 0 ? 0 : failed(t);
}

void
tdbx_read_unlock(struct tdbx *t)
{
	int	err = errno;

	(void)tdb_unlockall_read(t->tdb);
	errno = err;
}

static TDB_DATA
data(const void *p, size_t n)
{
	return (TDB_DATA){ .dptr = (unsigned char *)(uintptr_t)p, .dsize = n };
}

/*
 * Not tdb_parse_record(): that says "none" for what is damaged, too. So does tdb_fetch()
 * when it is a key that cannot be read; then errno is set.
 */
ssize_t
tdbx_get(struct tdbx *t, struct tdbx_key key, void *p, size_t size)
{
	TDB_DATA	value;
	ssize_t		n;

	errno = 0;
	value = tdb_fetch(t->tdb, data(key.b, key.n));
	if (value.dptr == NULL)
		return tdb_error(t->tdb) == TDB_ERR_NOEXIST && errno == 0 ? 0 : failed(t);
	n = (ssize_t)value.dsize;
	if (value.dsize <= size)
		memcpy(p, value.dptr, value.dsize);
	free(value.dptr);
	if (n > (ssize_t)size) {
		errno = EBADMSG;
		return -1;
	}
	return n;
}

int
tdbx_put(struct tdbx *t, struct tdbx_key key, const void *p, size_t n)
{
	errno = 0;
	return tdb_store(t->tdb, data(key.b, key.n), data(p, n), 0) == 0 ? 0 : write_failed(t);
}

int
tdbx_del(struct tdbx *t, struct tdbx_key key)
{
	errno = 0;
	if (tdb_delete(t->tdb, data(key.b, key.n)) == 0 || tdb_error(t->tdb) == TDB_ERR_NOEXIST)
		return 0;
	return write_failed(t);
}
