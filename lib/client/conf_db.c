#include "conf_db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "../base/attr.h"
#include "../base/limits.h"
#include "../sys/home.h"

static TDB_DATA
key_data(const struct buf *key)
{
	struct str	s = buf_str(key);

	/* tdb takes no const, and does not write to a key */
	return (TDB_DATA){ .dptr = (unsigned char *)(uintptr_t)s.p, .dsize = s.n };
}

TDB_DATA
conf_key(struct buf *key, char letter, struct str name)
{
	buf_reset(key);
	buf_addc(key, letter);
	buf_add(key, name);
	return key_data(key);
}

/* 1, 0 for none, -1. tdb says NOEXIST for a key that it could not read, too: then errno is set. */
static int
fetch(struct tdb_context *db, TDB_DATA key, struct buf *out)
{
	TDB_DATA	v;

	errno = 0;
	v = tdb_fetch(db, key);
	if (v.dptr == NULL)
		return tdb_error(db) == TDB_ERR_NOEXIST && errno == 0 ? 0 : -1;
	buf_add(out, str_n(v.dptr, v.dsize));
	free(v.dptr);
	return buf_failed(out) ? -1 : 1;
}

int
conf_fetch(const struct conf_db *c, TDB_DATA key, struct buf *out)
{
	size_t	before = out->n;
	int	got = c->delta.db == NULL ? 0 : fetch(c->delta.db, key, out);

	if (got == 1 && str_eq(str_skip(buf_str(out), before), CONF_GONE)) {
		buf_truncate(out, before);
		return 0;
	}
	return got == 0 && c->base.db != NULL ? fetch(c->base.db, key, out) : got;
}

bool
conf_db_head(struct tdb_context *db, const char *proto, uint64_t *id_r, uint64_t *keys_r)
{
	struct buf	key = BUF_INIT(8), rec = BUF_INIT(LIMIT_RECORD);
	bool		ok;

	ok = fetch(db, conf_key(&key, 'c', STR("")), &rec) == 1 && attr_is(buf_str(&rec), proto, CONF_VERSION);
	if (ok) {
		*id_r = attr_getu(buf_str(&rec), "id", 0);
		*keys_r = attr_getu(buf_str(&rec), "keys", 0);
	}
	buf_free(&key);
	buf_free(&rec);
	return ok;
}

static bool
same_file(const struct conf_tdb *t, const struct stat *st)
{
	return t->dev == st->st_dev && t->ino == st->st_ino;
}

/*
 * One of the two files, or was's handle of it. No file is no error. Without
 * mmap: a session looks up a handful of keys, and mapping a large file costs
 * more than reading them.
 */
static int
open_one(const char *path, struct conf_tdb *t, const struct conf_tdb *was)
{
	struct stat	st;

	*t = (struct conf_tdb){ .db = NULL };
	if (stat(path, &st) == -1)
		return errno == ENOENT ? 0 : -1;
	if (was != NULL && same_file(was, &st)) {
		*t = *was;
		return 0;
	}
	errno = 0;
	t->db = tdb_open(path, 0, TDB_NOMMAP | TDB_INCOMPATIBLE_HASH, O_RDONLY | O_CLOEXEC, 0);
	if (t->db == NULL || fstat(tdb_fd(t->db), &st) == -1) {
		if (errno == 0 || errno == EIO)
			errno = EPROTO;		/* opened, but not a tdb */
		return errno == ENOENT ? 0 : -1;
	}
	t->dev = st.st_dev;
	t->ino = st.st_ino;
	return 0;
}

static void
close_unless(struct conf_tdb *t, const struct conf_tdb *kept)
{
	if (t->db != NULL && (kept == NULL || kept->db != t->db))
		tdb_close(t->db);
	t->db = NULL;
}

/*
 * The delta first: should config.tdb be replaced meanwhile, its id tells that
 * the delta is of an older one, all of which is in the new one.
 */
static int
open_both(struct conf_db *c, const struct conf_db *was)
{
	uint64_t	id, of, keys;

	if (open_one(CONF_DELTA_TDB, &c->delta, was == NULL ? NULL : &was->delta) == -1 ||
	    open_one(HOME_CONFIG_TDB, &c->base, was == NULL ? NULL : &was->base) == -1)
		return -1;
	if (c->base.db == NULL) {
		errno = ENOENT;
		return -1;
	}
	if (!conf_db_head(c->base.db, "config", &id, &keys)) {
		errno = EPROTO;
		return -1;
	}
	if (c->delta.db != NULL && (!conf_db_head(c->delta.db, "delta", &of, &keys) || of != id))
		close_unless(&c->delta, was == NULL ? NULL : &was->delta);
	return 0;
}

int
conf_db_open(struct conf_db *c, struct conf_db *was)
{
	struct conf_db	new = { .base = { .db = NULL }, .delta = { .db = NULL } };
	int		err;

	if (open_both(&new, was) == -1) {
		err = errno;
		close_unless(&new.base, was == NULL ? NULL : &was->base);
		close_unless(&new.delta, was == NULL ? NULL : &was->delta);
		errno = err;
		return -1;
	}
	if (was != NULL) {
		close_unless(&was->base, &new.base);
		close_unless(&was->delta, &new.delta);
	}
	*c = new;
	return 0;
}

void
conf_db_close(struct conf_db *c)
{
	close_unless(&c->base, NULL);
	close_unless(&c->delta, NULL);
}

int
conf_db_is_current(const struct conf_db *c)
{
	struct stat	base, delta;

	if (stat(HOME_CONFIG_TDB, &base) == -1)
		return -1;
	if (stat(CONF_DELTA_TDB, &delta) == -1) {
		if (errno != ENOENT)
			return -1;
		delta = (struct stat){ .st_ino = 0 };
	}
	return same_file(&c->base, &base) && same_file(&c->delta, &delta);
}

void
conf_add_lower(struct buf *b, struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		buf_addc(b, byte_lower(s.p[i]));
}

void
conf_add_local(struct buf *b, struct str local, struct str separators, bool case_sensitive)
{
	for (size_t i = 0; i < separators.n; i++)
		local = str_head(local, str_chr(local, separators.p[i]));
	if (case_sensitive)
		buf_add(b, local);
	else
		conf_add_lower(b, local);
}

bool
conf_cut(struct str address, struct str *local_r, struct str *domain_r)
{
	size_t	at = str_rchr(address, '@');

	if (at == address.n)
		return false;
	*local_r = str_head(address, at);
	*domain_r = str_skip(address, at + 1);
	return true;
}
