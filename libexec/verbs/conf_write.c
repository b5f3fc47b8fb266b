#include "conf_write.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/limits.h"
#include "sys/fd.h"
#include "sys/home.h"

enum { HASH_MIN = 127, FULL_AT = 3 };	/* keys a bucket, on average, when a file is made anew */

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

void
conf_write_new(struct conf_write *w, uint64_t keys)
{
	*w = (struct conf_write){ .keys = 0 };
	snprintf(w->path, sizeof(w->path), "%s.new", HOME_CONFIG_TDB);
	/* nobody else looks at it before it is renamed, and builds take turns */
	unlink(w->path);
	w->db = tdb_open(w->path, hash_size(keys), TDB_NOLOCK | TDB_NOSYNC | TDB_INCOMPATIBLE_HASH,
	    O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (w->db == NULL)
		failed(w);
}

bool
conf_write_existing(struct conf_write *w)
{
	struct buf	key = BUF_INIT(8), rec = BUF_INIT(LIMIT_RECORD);
	bool		ok = false;

	*w = (struct conf_write){ .tx = true };
	if (access(HOME_CONFIG_TDB, F_OK) == -1)
		return false;
	w->db = tdb_open(HOME_CONFIG_TDB, 0, TDB_INCOMPATIBLE_HASH | TDB_SEQNUM, O_RDWR | O_CLOEXEC, 0644);
	if (w->db == NULL)
		return false;
	if (conf_fetch(w->db, conf_key(&key, 'c', STR("")), &rec) == 1 && attr_is(buf_str(&rec), "config", CONF_VERSION)) {
		w->keys = (int64_t)attr_getu(buf_str(&rec), "keys", 0);
		ok = w->keys / FULL_AT <= tdb_hash_size(w->db) && tdb_transaction_start(w->db) == 0;
	}
	buf_free(&key);
	buf_free(&rec);
	if (!ok) {
		tdb_close(w->db);
		w->db = NULL;
	}
	return ok;
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
	if (tdb_store(w->db, key, data, TDB_INSERT) == 0) {
		w->keys++;
		return true;
	}
	if (tdb_error(w->db) != TDB_ERR_EXISTS)
		failed(w);
	else if (!replace)
		return false;
	else if (tdb_store(w->db, key, data, TDB_MODIFY) == -1)
		failed(w);
	return w->err != 0;
}

void
conf_write_del(struct conf_write *w, TDB_DATA key)
{
	if (w->err != 0)
		return;
	if (tdb_delete(w->db, key) == 0)
		w->keys--;
	else if (tdb_error(w->db) != TDB_ERR_NOEXIST)
		failed(w);
}

int
conf_write_get(struct conf_write *w, TDB_DATA key, struct buf *value)
{
	int	got;

	buf_reset(value);
	if (w->err != 0)
		return -1;
	got = conf_fetch(w->db, key, value);
	if (got == -1)
		failed(w);
	return got;
}

static void
put_head(struct conf_write *w)
{
	struct buf	key = BUF_INIT(8), rec = BUF_INIT(LIMIT_RECORD);
	struct str	value;
	TDB_DATA	data;

	attr_start(&rec, "config", CONF_VERSION);
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
	if (w->db != NULL)
		put_head(w);
	if (w->err == 0 && w->tx && tdb_transaction_prepare_commit(w->db) == -1)
		failed(w);
	if (w->err == 0 && w->path[0] != '\0') {
		if (fsync(tdb_fd(w->db)) == -1)
			failed(w);
	}
	errno = w->err;
	return w->err == 0 ? 0 : -1;
}

/* Written, synced, renamed, directory synced: readers have the old one or the new one. */
static int
rename_new(struct conf_write *w)
{
	int	dir, ret;

	if (rename(w->path, HOME_CONFIG_TDB) == -1)
		return -1;
	w->path[0] = '\0';
	dir = dir_open(AT_FDCWD, ".");
	if (dir == -1)
		return -1;
	ret = dir_sync(dir);
	close(dir);
	return ret;
}

int
conf_write_publish(struct conf_write *w)
{
	if (w->tx) {
		if (tdb_transaction_commit(w->db) == 0) {
			w->tx = false;
			return 0;
		}
		failed(w);
	} else if (w->path[0] == '\0' || rename_new(w) == 0)
		return 0;
	else
		failed(w);
	errno = w->err;
	return -1;
}

void
conf_write_close(struct conf_write *w)
{
	if (w->db != NULL) {
		if (w->tx)
			tdb_transaction_cancel(w->db);
		tdb_close(w->db);
	}
	if (w->path[0] != '\0')
		unlink(w->path);
	w->db = NULL;
}
