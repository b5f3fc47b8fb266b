/* conf_write: config.tdb as `posthorn config build` writes it. */
#ifndef VERBS_CONF_WRITE_H
#define VERBS_CONF_WRITE_H

#include <stdint.h>

#include "client/conf_db.h"

struct conf_write {
	struct tdb_context	*db;		/* written to; nobody else sees it yet */
	struct conf_db		 old;		/* what a delta is on top of; empty for a full one */
	uint64_t		 id;		/* of the full database */
	int64_t			 keys;		/* in db, without its head */
	int			 err;		/* errno of the first failure; sticky */
	bool			 changed;	/* something was put or deleted */
	const char		*path;		/* of the new file; NULL: in memory */
};

/* An empty database in memory, for a check. */
void	conf_write_memory(struct conf_write *, uint64_t keys);

/* A new config.tdb for about so many keys. */
void	conf_write_new(struct conf_write *, uint64_t keys);

/*
 * A new delta on the existing config.tdb and delta. False when there is none
 * that can be used: not there, of another version, or the delta grown too large.
 */
bool	conf_write_delta(struct conf_write *);

/* Store under a key; true when the key was not there before. Replaces when told to. */
bool	conf_write_put(struct conf_write *, TDB_DATA key, struct str value, bool replace);
void	conf_write_del(struct conf_write *, TDB_DATA key);

/* Fetch: 1, 0 for none, -1 (and err). value is reset first. */
int	conf_write_get(struct conf_write *, TDB_DATA key, struct buf *value);

/* All but the last step, a rename, which is not refused for want of space: 0 or -1 with errno. */
int	conf_write_prepare(struct conf_write *) __attribute__((warn_unused_result));
int	conf_write_publish(struct conf_write *) __attribute__((warn_unused_result));

/* Close; what was not published is gone. */
void	conf_write_close(struct conf_write *);

#endif
