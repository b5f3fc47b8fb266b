/* account: whose a login name is, as the configuration says (lib/client/conf.h). */
#ifndef AUTHD_ACCOUNT_H
#define AUTHD_ACCOUNT_H

#include "base/limits.h"
#include "base/str.h"
#include "client/conf.h"

struct account {
	char	name[LIMIT_ACCOUNT + 1];
	char	login[2 * LIMIT_PATH];		/* the address, canonical */
	char	disabled[512];			/* not empty: no login, and why */
};

enum account_got {
	ACCOUNT_FOUND,
	ACCOUNT_NONE,		/* no address of an account */
	ACCOUNT_TEMP,		/* cannot be told now */
};

/* user: an address in NFC. */
enum account_got	account_of_login(struct conf *, struct str user, struct account *out_r);

/* By the account's own name, with login as the address it logs in with. */
enum account_got	account_of_name(struct conf *, struct str name, struct str login, struct account *out_r);

#endif
