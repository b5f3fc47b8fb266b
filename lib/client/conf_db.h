/*
 * conf_db: what lies under which key in config.tdb. For conf.c and for
 * `posthorn config build`, which writes it. Values are records (base/attr.h)
 * unless told otherwise; a key is one letter and a name:
 *
 *	c		config: version, how many keys there are
 *	m		machine: settings, and a group of attributes for each listener
 *	n accounts	names, each with a NUL behind it; also n domains
 *	d DOMAIN	domain: separators, catch-all, disabled, case-sensitive, or same=DOMAIN
 *	u ACCOUNT	account: full-name, quota, login-disabled
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
	CONF_VERSION	= 1,
	CONF_NAMES_MAX	= 64 << 20,	/* a list of a million names and more */
};

/* A key made in key (reset first): its letter, a name, and for an address @ and the domain. */
TDB_DATA	conf_key(struct buf *key, char letter, struct str name);
TDB_DATA	conf_key_address(struct buf *key, struct str local, struct str domain);

/* The value of a key appended to out: 1, 0 when there is none, -1 when it cannot be read. */
int		conf_fetch(struct tdb_context *, TDB_DATA key, struct buf *out) __attribute__((warn_unused_result));

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
