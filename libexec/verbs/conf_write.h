/* conf_write: config.tdb as `posthorn config build` writes it. */
#ifndef VERBS_CONF_WRITE_H
#define VERBS_CONF_WRITE_H

#include <stdint.h>

#include "client/conf_db.h"

struct conf_write {
	struct tdb_context	*db;
	int64_t			 keys;		/* in the database, without "c" */
	int			 err;		/* errno of the first failure; sticky */
	char			 path[64];	/* of the file that is made; empty: none */
	bool			 tx;		/* a transaction on the existing file */
};

/* An empty database in memory, for a check. */
void	conf_write_memory(struct conf_write *, uint64_t keys);

/* A new file for about so many keys; published by conf_write_publish(). */
void	conf_write_new(struct conf_write *, uint64_t keys);

/*
 * The existing config.tdb, for a transaction. False when there is none that
 * can be used: not there, of another version, damaged, or grown too full.
 */
bool	conf_write_existing(struct conf_write *);

/* Store under a key; true when the key was not there before. Replaces when told to. */
bool	conf_write_put(struct conf_write *, TDB_DATA key, struct str value, bool replace);
void	conf_write_del(struct conf_write *, TDB_DATA key);

/* Fetch: 1, 0 for none, -1 (and err). value is reset first. */
int	conf_write_get(struct conf_write *, TDB_DATA key, struct buf *value);

/* All but the last step, which cannot be refused for want of space: 0 or -1 with errno. */
int	conf_write_prepare(struct conf_write *) __attribute__((warn_unused_result));
int	conf_write_publish(struct conf_write *) __attribute__((warn_unused_result));

/* Close; what was not published is gone. */
void	conf_write_close(struct conf_write *);

#endif
