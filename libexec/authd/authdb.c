#include "authdb.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "sys/home.h"
#include "sys/log.h"

TDB_DATA
authdb_data(struct str s)
{
	return (TDB_DATA){ .dptr = (unsigned char *)(uintptr_t)s.p, .dsize = s.n };
}

struct str
authdb_str(TDB_DATA d)
{
	return str_n(d.dptr, d.dsize);
}

struct tdb_context *
authdb_open(const char *name, unsigned records, bool create)
{
	char	path[256];
	int	n = snprintf(path, sizeof(path), HOME_AUTH "/%s", name);

	if (n < 0 || (size_t)n >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	if (create && mkdir(HOME_AUTH, 0700) == -1 && errno != EEXIST)
		return NULL;
	return tdb_open(path, (int)(records / 10 + 101), TDB_INCOMPATIBLE_HASH,
	    O_RDWR | O_CLOEXEC | (create ? O_CREAT : 0), 0600);
}

struct collect {
	struct buf	*out;
};

static int
collect(TDB_DATA key, TDB_DATA value, void *arg)
{
	struct collect	*c = arg;

	(void)key;
	buf_add(c->out, authdb_str(value));
	return buf_failed(c->out) ? -1 : 0;
}

int
authdb_get(struct tdb_context *db, struct str key, struct buf *out)
{
	struct collect	c = { .out = out };

	if (tdb_parse_record(db, authdb_data(key), collect, &c) == 0)
		return 1;
	return tdb_error(db) == TDB_ERR_NOEXIST ? 0 : -1;
}

int
authdb_put(struct tdb_context *db, struct str key, struct str value)
{
	return tdb_store(db, authdb_data(key), authdb_data(value), TDB_REPLACE);
}

int
authdb_commit(struct tdb_context *db, struct str key, struct str value)
{
	if (tdb_transaction_start(db) == -1)
		return -1;
	if (authdb_put(db, key, value) == 0)
		return tdb_transaction_commit(db);
	(void)tdb_transaction_cancel(db);
	return -1;
}

int
authdb_delete(struct tdb_context *db, struct str key)
{
	return tdb_delete(db, authdb_data(key));
}

void
authdb_log(struct tdb_context *db, const char *event, const char *what)
{
	struct log	l;

	log_start(&l, event);
	log_cstr(&l, "what", what);
	log_cstr(&l, "error", tdb_errorstr(db));
	log_end(&l);
}
