/* password: is it this account's? One answer, and one time to it, for all that is wrong. */
#ifndef AUTHD_PASSWORD_H
#define AUTHD_PASSWORD_H

#include "authd.h"

enum password_got {
	PASSWORD_RIGHT,
	PASSWORD_WRONG,		/* or there is no such account, or it has none */
	PASSWORD_TEMP,		/* cannot be told now */
};

/* A login name in NFC, ASCII in lower case for made-up secrets to be the same. */
bool	password_user(struct str in, struct buf *out) __attribute__((warn_unused_result));

/*
 * The account's secrets, or made-up ones of that user when account is NULL or has no
 * password. raw (may be NULL) gets the record as it is stored. False when they cannot be read.
 */
bool	password_secrets(struct authd *, const char *account, struct str user, struct secrets *out_r, struct buf *raw) __attribute__((warn_unused_result));

enum password_got	password_check(struct authd *, const char *account, struct str user, struct str password);

#endif
