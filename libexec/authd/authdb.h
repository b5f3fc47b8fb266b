/*
 * authdb: the tdb files below auth/, opened by authd's workers (each for
 * itself, after the fork) and by the verbs passwd, key and logins.
 */
#ifndef AUTHD_AUTHDB_H
#define AUTHD_AUTHDB_H

#include <sys/types.h>

#include <tdb.h>

#include "base/buf.h"

/*
 * auth/NAME; records is about how many it will hold. Created (0600, and auth/
 * 0700) when create is true. NULL with errno; ENOENT without create.
 */
struct tdb_context	*authdb_open(const char *name, unsigned records, bool create) __attribute__((warn_unused_result));

/* The value under key appended to out: 1, 0 when there is none, -1 when it cannot be read. */
int	authdb_get(struct tdb_context *, struct str key, struct buf *out) __attribute__((warn_unused_result));

/* 0, or -1. Inside a transaction of the caller's, or alone. */
int	authdb_put(struct tdb_context *, struct str key, struct str value) __attribute__((warn_unused_result));
int	authdb_delete(struct tdb_context *, struct str key) __attribute__((warn_unused_result));

/* authdb_put as a transaction of its own: it is on disk when 0 is returned. */
int	authdb_commit(struct tdb_context *, struct str key, struct str value) __attribute__((warn_unused_result));

/* A line in the log: what went wrong with whose record. tdb does not tell by errno. */
void	authdb_log(struct tdb_context *, const char *event, const char *what);

TDB_DATA	authdb_data(struct str);
struct str	authdb_str(TDB_DATA);

#endif
