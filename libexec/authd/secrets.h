/*
 * secrets: auth/secrets.tdb, what is kept of each account's password. Under
 * "a NAME" a record "secrets" version 1:
 *
 *	scram-sha-1, scram-sha-256	SCRAM-SHA-1$10000:SALT$STOREDKEY:SERVERKEY (RFC 5803)
 *	cram-md5			inner and outer state, hex
 *	crypt				as crypt(3) writes it, for accounts without the others
 *	changed				seconds since 1970
 *
 * Under "fake" a key from which secrets for unknown names are made, so that
 * they cannot be told from accounts.
 */
#ifndef AUTHD_SECRETS_H
#define AUTHD_SECRETS_H

#include "authdb.h"
#include "base/limits.h"
#include "proto/sasl.h"

enum { SECRETS_RECORD = 2048, SECRETS_FAKE_KEY = 32 };

struct secrets {
	struct sasl_secrets	sasl;		/* sha1, sha256, md5 when scram is true */
	bool			scram;
	char			crypt[LIMIT_CRYPT_HASH];
	int64_t			changed;
};

struct tdb_context	*secrets_open(bool create) __attribute__((warn_unused_result));

/* The account's: 1, 0 when it has none, -1 when they cannot be read. raw (may be NULL): the record, appended. */
int	secrets_get(struct tdb_context *, struct str account, struct secrets *out_r, struct buf *raw) __attribute__((warn_unused_result));

/* Replace them in one transaction, durably. */
int	secrets_put(struct tdb_context *, struct str account, const struct secrets *) __attribute__((warn_unused_result));

/* The account has no password any more. 0 also when it had none. */
int	secrets_remove(struct tdb_context *, struct str account) __attribute__((warn_unused_result));

/* New SCRAM and CRAM-MD5 secrets, or yescrypt alone, for a password that went through PRECIS. */
bool	secrets_make(struct secrets *, struct str password) __attribute__((warn_unused_result));
bool	secrets_make_crypt(struct secrets *, struct str password) __attribute__((warn_unused_result));

/* A hash that another system made with crypt(3): yescrypt, bcrypt, SHA-512 or SHA-256. */
bool	secrets_import(struct secrets *, struct str hash) __attribute__((warn_unused_result));

/* Is it the password? Against SCRAM-SHA-256, or crypt where there are no SCRAM keys. */
bool	secrets_check(const struct secrets *, struct str password);

/* An old or foreign hash that is to be replaced when the password is seen. */
bool	secrets_is_dated(const struct secrets *);

/* The key for unknown names, made when it is not there. */
int	secrets_fake_key(struct tdb_context *, uint8_t key[SECRETS_FAKE_KEY]) __attribute__((warn_unused_result));

/* The same for the same name always, with known false. */
void	secrets_fake(const uint8_t key[SECRETS_FAKE_KEY], struct str name, struct secrets *out_r);

#endif
