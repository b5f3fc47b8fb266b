#include "conf_write.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/limits.h"
#include "sys/deadline.h"
#include "sys/fd.h"
#include "sys/home.h"

#define NEW(path)	path ".new"

enum {
	HASH_MIN	= 127,
	DELTA_MIN	= 1000,		/* keys a delta may always have, */
	DELTA_PART	= 8,		/* and the part of the whole from which all is built anew */
};

static void
failed(struct conf_write *w)
{
	if (w->err != 0)
		return;
	w->err = errno;
	if (w->db != NULL && tdb_error(w->db) == TDB_ERR_OOM)
		w->err = ENOSPC;	/* or over 4 GiB: a tdb can take no more */
	if (w->err == 0)
		w->err = EIO;
}

/* One key a bucket: a lookup among a million then reads as little as one among ten. */
static int
hash_size(uint64_t keys)
{
	uint64_t	n = keys < HASH_MIN ? HASH_MIN : keys | 1;

	return n > 64 << 20 ? 64 << 20 : (int)n;
}

void
conf_write_memory(struct conf_write *w, uint64_t keys)
{
	*w = (struct conf_write){ .keys = 0 };
	w->db = tdb_open(NULL, hash_size(keys), TDB_INTERNAL | TDB_INCOMPATIBLE_HASH, O_RDWR, 0);
	if (w->db == NULL)
		failed(w);
}

/*
 * Nobody else looks at it before it is renamed, and builds take turns. Everybody may read it, then,
 * services and programs of users: whatever umask the administrator has. No secret is in it.
 */
static void
create(struct conf_write *w, const char *path, uint64_t keys)
{
	w->path = path;
	unlink(path);
	w->db = tdb_open(path, hash_size(keys), TDB_NOLOCK | TDB_NOSYNC | TDB_INCOMPATIBLE_HASH,
	    O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (w->db == NULL || fchmod(tdb_fd(w->db), 0644) == -1)
		failed(w);
}

void
conf_write_new(struct conf_write *w, uint64_t keys)
{
	*w = (struct conf_write){ .id = ((uint64_t)clock_now_us() << 8) | ((uint64_t)getpid() & 0xff) };
	create(w, NEW(HOME_CONFIG_TDB), keys);
}

static int
copy_one(struct tdb_context *db, TDB_DATA key, TDB_DATA value, void *arg)
{
	struct conf_write	*w = arg;

	(void)db;
	if (key.dsize == 1 && key.dptr[0] == 'c')
		return 0;
	if (tdb_store(w->db, key, value, TDB_INSERT) == -1)
		failed(w);
	w->keys++;
	return w->err;
}

bool
conf_write_delta(struct conf_write *w)
{
	uint64_t	all, have = 0, of;

	*w = (struct conf_write){ .keys = 0 };
	if (conf_db_open(&w->old, NULL) == -1)
		return false;
	if (!conf_db_head(w->old.base.db, "config", &w->id, &all) ||
	    (w->old.delta.db != NULL && !conf_db_head(w->old.delta.db, "delta", &of, &have)) ||
	    (have > DELTA_MIN && have > all / DELTA_PART)) {
		conf_db_close(&w->old);
		return false;
	}
	create(w, NEW(CONF_DELTA_TDB), 2 * have);
	if (w->err == 0 && w->old.delta.db != NULL && tdb_traverse_read(w->old.delta.db, copy_one, w) == -1)
		failed(w);
	return true;
}

/* 1 with the value as it was given (CONF_GONE too), 0, or -1 and err. */
static int
get_own(struct conf_write *w, TDB_DATA key, struct buf *value)
{
	const struct conf_db	own = { .base = { .db = w->db } };
	int			got = conf_fetch(&own, key, value);

	if (got == -1)
		failed(w);
	return got;
}

int
conf_write_get(struct conf_write *w, TDB_DATA key, struct buf *value)
{
	int	got;

	buf_reset(value);
	if (w->err != 0)
		return -1;
	got = get_own(w, key, value);
	if (got == 1 && str_eq(buf_str(value), CONF_GONE)) {
		buf_reset(value);
		return 0;
	}
	if (got == 0 && w->old.base.db != NULL) {
		const struct conf_db	base = { .base = w->old.base };

		got = conf_fetch(&base, key, value);
		if (got == -1)
			failed(w);
	}
	return got;
}

/* Is there a value, in the delta or below it? */
static bool
exists(struct conf_write *w, TDB_DATA key)
{
	struct buf	value = BUF_INIT(CONF_NAMES_MAX);
	bool		is = conf_write_get(w, key, &value) == 1;

	buf_free(&value);
	return is;
}

static void
store(struct conf_write *w, TDB_DATA key, struct str value)
{
	TDB_DATA	data = { .dptr = (unsigned char *)(uintptr_t)value.p, .dsize = value.n };

	w->changed = true;
	if (tdb_store(w->db, key, data, TDB_INSERT) == 0)
		w->keys++;
	else if (tdb_error(w->db) != TDB_ERR_EXISTS || tdb_store(w->db, key, data, TDB_MODIFY) == -1)
		failed(w);
}

bool
conf_write_put(struct conf_write *w, TDB_DATA key, struct str value, bool replace)
{
	TDB_DATA	data = { .dptr = (unsigned char *)(uintptr_t)value.p, .dsize = value.n };

	if (w->err != 0)
		return true;
	if (key.dsize == 0) {		/* its buf failed */
		w->err = ENAMETOOLONG;
		return true;
	}
	if (w->old.base.db == NULL && !replace) {	/* a full build: one step for each of a million */
		if (tdb_store(w->db, key, data, TDB_INSERT) == 0) {
			w->keys++;
			return true;
		}
		if (tdb_error(w->db) == TDB_ERR_EXISTS)
			return false;
		failed(w);
		return true;
	}
	if (!replace && exists(w, key))
		return false;
	store(w, key, value);
	return true;
}

void
conf_write_del(struct conf_write *w, TDB_DATA key)
{
	const struct conf_db	base = { .base = w->old.base };
	struct buf		value = BUF_INIT(CONF_NAMES_MAX);

	if (w->err != 0)
		return;
	if (base.base.db != NULL && conf_fetch(&base, key, &value) == 1)
		store(w, key, CONF_GONE);
	else if (tdb_delete(w->db, key) == 0) {
		w->keys--;
		w->changed = true;
	} else if (tdb_error(w->db) != TDB_ERR_NOEXIST)
		failed(w);
	buf_free(&value);
}

static void
put_head(struct conf_write *w)
{
	struct buf	key = BUF_INIT(8), rec = BUF_INIT(LIMIT_RECORD);
	struct str	value;
	TDB_DATA	data;

	attr_start(&rec, w->old.base.db == NULL ? "config" : "delta", CONF_VERSION);
	attr_addu(&rec, "id", w->id);
	attr_addu(&rec, "keys", (uint64_t)w->keys);
	value = buf_str(&rec);
	data = (TDB_DATA){ .dptr = (unsigned char *)(uintptr_t)value.p, .dsize = value.n };
	if (w->err == 0 && tdb_store(w->db, conf_key(&key, 'c', STR("")), data, 0) == -1)
		failed(w);
	buf_free(&key);
	buf_free(&rec);
}

int
conf_write_prepare(struct conf_write *w)
{
	if (w->err == 0)
		put_head(w);
	if (w->err == 0 && fsync(tdb_fd(w->db)) == -1)
		failed(w);
	errno = w->err;
	return w->err == 0 ? 0 : -1;
}

static int
sync_here(void)
{
	int	dir = dir_open(AT_FDCWD, "."), ret;

	if (dir == -1)
		return -1;
	ret = dir_sync(dir);
	close(dir);
	return ret;
}

/*
 * Written and synced before; renamed, directory synced: readers have the old
 * one or the new one. The delta of the old one is of no use with the new one,
 * whether it is still there or not.
 */
int
conf_write_publish(struct conf_write *w)
{
	bool	full = w->old.base.db == NULL;

	if (rename(w->path, full ? HOME_CONFIG_TDB : CONF_DELTA_TDB) == -1)
		return -1;
	w->path = NULL;
	if (full && unlink(CONF_DELTA_TDB) == -1 && errno != ENOENT)
		return -1;
	return sync_here();
}

void
conf_write_close(struct conf_write *w)
{
	if (w->db != NULL)
		tdb_close(w->db);
	conf_db_close(&w->old);
	if (w->path != NULL)
		unlink(w->path);
	w->db = NULL;
	w->path = NULL;
}
