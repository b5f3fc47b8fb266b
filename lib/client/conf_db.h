/*
 * conf_db: what lies under which key in config.tdb. For conf.c and for
 * `posthorn config build`, which writes it.
 *
 * Readers take no locks (tdb takes none for who may only read), so a file
 * that can be seen never changes: config.tdb is made anew and renamed, and
 * what changed since is in the small config.delta.tdb beside it, which is
 * replaced in the same way. A delta names the id of the config.tdb it belongs
 * to; it holds a key's new value, or CONF_GONE for a key that is no more.
 *
 * Values are records (base/attr.h) unless told otherwise; a key is one letter and a name:
 *
 *	c		config: id, how many keys there are; in a delta: delta, the same
 *	m		machine: settings, and a group of attributes for each listener
 *	n accounts	names, each with a NUL behind it; also n domains
 *	d DOMAIN	domain: separators, catch-all, disabled, case-sensitive, or same=DOMAIN
 *	u ACCOUNT	account: full-name, quota, login-disabled, max-…, system-user …
 *	y USER		system-user: account
 *	o		outgoing: a group of attributes for each transport, then for each route
 *	s DOMAIN	the localparts of its aliases, each with a NUL behind it
 *	l ACCOUNT	its addresses, each with a NUL behind it
 *	a ADDRESS	address: account, mailbox, smtp-code, smtp-text; or
 *			alias: post-public, list-members, allow-msg-from, member …
 *	r ADDRESS	the aliases it is a member of and @DOMAIN it is the catch-all of, NUL behind each
 *	f FILE		file: the stamp of a source (mtime, size, inode)
 */
#ifndef CLIENT_CONF_DB_H
#define CLIENT_CONF_DB_H

#include <signal.h>
#include <stdint.h>
#include <sys/types.h>
#include <tdb.h>

#include "../base/buf.h"

enum {
	CONF_VERSION	= 2,
	CONF_NAMES_MAX	= 64 << 20,	/* a list of a million names and more */
};

#define CONF_DELTA_TDB	"config.delta.tdb"	/* beside HOME_CONFIG_TDB */

/* Stands in a delta for a key that is no more; no value is like it. */
#define CONF_GONE	STR("\0")

struct conf_tdb {
	struct tdb_context	*db;		/* NULL: not there, or of no use */
	dev_t			 dev;		/* of the file looked at; 0 and 0: there was none */
	ino_t			 ino;
};

struct conf_db {
	struct conf_tdb	base, delta;
};

/*
 * Open what there is; 0, or -1 with errno (EPROTO: not ours, or damaged).
 * was may be NULL, or what is open already: as tdb opens a file only once in
 * a process, handles of files that are the same are taken over from it. On
 * success was is closed but for these; on failure it stays as it is.
 */
int		conf_db_open(struct conf_db *, struct conf_db *was) __attribute__((warn_unused_result));
void		conf_db_close(struct conf_db *);

/* Are the files still those that are open? 1, 0, or -1 with errno. */
int		conf_db_is_current(const struct conf_db *);

/* The id and the count of keys that the head of a file tells; false when it has no good one. */
bool		conf_db_head(struct tdb_context *, const char *proto, uint64_t *id_r, uint64_t *keys_r);

/* A key made in key (reset first): its letter and a name. */
TDB_DATA	conf_key(struct buf *key, char letter, struct str name);

/* The value of a key appended to out: 1, 0 when there is none, -1 when it cannot be read. */
int		conf_fetch(const struct conf_db *, TDB_DATA key, struct buf *out) __attribute__((warn_unused_result));

/* Lower case for ASCII letters. */
void		conf_add_lower(struct buf *, struct str);

/*
 * Append the localpart as addresses of a domain are kept: in lower case unless
 * case_sensitive, and only what stands before the first of each separator.
 */
void		conf_add_local(struct buf *, struct str local, struct str separators, bool case_sensitive);

/* Cut LOCALPART@DOMAIN at the last @; false when there is none. */
bool		conf_cut(struct str address, struct str *local_r, struct str *domain_r);

#endif
