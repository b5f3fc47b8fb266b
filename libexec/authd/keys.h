/*
 * keys: auth/keys.tdb, client keys that may log in. Under the fingerprint
 * (SHA-256 of the certificate's SubjectPublicKeyInfo, in hex) a record "key" version 1:
 * account, login (the address it logs in as), name (for people), nopreauth=1, created.
 */
#ifndef AUTHD_KEYS_H
#define AUTHD_KEYS_H

#include "authdb.h"
#include "base/limits.h"

enum { KEYS_FINGERPRINT = 64, KEYS_RECORD = 2048 };

struct key {
	char	account[LIMIT_ACCOUNT + 1];
	char	login[2 * LIMIT_PATH];
	char	name[256];
	bool	nopreauth;
	int64_t	created;
};

struct tdb_context	*keys_open(bool create) __attribute__((warn_unused_result));

/* 1, 0 when it is not registered, -1 when that cannot be told. */
int	keys_get(struct tdb_context *, struct str fingerprint, struct key *out_r) __attribute__((warn_unused_result));
int	keys_put(struct tdb_context *, struct str fingerprint, const struct key *) __attribute__((warn_unused_result));

/* None of the account's keys is good any more. */
int	keys_remove_account(struct tdb_context *, struct str account) __attribute__((warn_unused_result));

/* A stored value; false when it is not one of ours. */
bool	keys_decode(struct str rec, struct key *out_r) __attribute__((warn_unused_result));

/* 64 lower-case hexadecimal digits. */
bool	keys_is_fingerprint(struct str);

#endif
