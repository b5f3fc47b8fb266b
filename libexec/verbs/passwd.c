/*
 * passwd: set an account's password. See posthorn-passwd(8).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../authd/account.h"
#include "../authd/keys.h"
#include "../authd/secrets.h"
#include "ask.h"
#include "proto/precis.h"
#include "sys/die.h"
#include "sys/home.h"
#include "sys/priv.h"

enum mode { MODE_SCRAM, MODE_CRYPT, MODE_IMPORT, MODE_REMOVE };

static const char	usage[] = "usage: posthorn passwd [-c | -r | -y] ACCOUNT";

static enum mode	opts(int, char *[], const char **account);
static void		known_account(const char *);
static void		make(enum mode, struct secrets *);
static void		remove_keys(const char *account);

int
main(int argc, char *argv[])
{
	const char		*account;
	struct tdb_context	*db;
	struct secrets		 s;
	enum mode		 mode;
	int			 r;

	prog_init(argv[0]);
	mode = opts(argc, argv, &account);
	if (home_enter() == -1)
		die(EXIT_TEMP, "unable to enter the var directory");
	if (priv_become_owner(access(HOME_AUTH, F_OK) == 0 ? HOME_AUTH : ".") == -1)
		die(EXIT_TEMP, "unable to become the owner of %s", HOME_AUTH);
	if (mode != MODE_REMOVE) {
		known_account(account);
		make(mode, &s);
	}
	db = secrets_open(true);
	if (db == NULL)
		die(EXIT_TEMP, "unable to open auth/secrets.tdb");
	if (mode == MODE_REMOVE)
		remove_keys(account);
	r = mode == MODE_REMOVE ? secrets_remove(db, str_c(account)) : secrets_put(db, str_c(account), &s);
	if (r == -1)
		diex(EXIT_TEMP, "unable to write auth/secrets.tdb: %s", tdb_errorstr(db));
	explicit_bzero(&s, sizeof(s));
	return tdb_close(db) == 0 ? EXIT_OK : EXIT_TEMP;
}

static enum mode
opts(int argc, char *argv[], const char **account)
{
	enum mode	mode = MODE_SCRAM;
	int		c;

	while ((c = getopt(argc, argv, "cry")) != -1) {
		if (c == '?' || mode != MODE_SCRAM)
			diex(EXIT_PERM, "%s", usage);
		mode = c == 'c' ? MODE_IMPORT : c == 'r' ? MODE_REMOVE : MODE_CRYPT;
	}
	if (argc - optind != 1)
		diex(EXIT_PERM, "%s", usage);
	*account = argv[optind];
	return mode;
}

static void
known_account(const char *name)
{
	struct conf	*conf = conf_open();
	struct account	 a;

	if (conf == NULL)
		die(EXIT_TEMP, "unable to open config.tdb");
	switch (account_of_name(conf, str_c(name), STR(""), &a)) {
	case ACCOUNT_FOUND:
		break;
	case ACCOUNT_NONE:
		diex(EXIT_PERM, "there is no account %s", name);
	case ACCOUNT_TEMP:
		diex(EXIT_TEMP, "unable to read config.tdb");
	}
	conf_close(conf);
}

static void
remove_keys(const char *account)
{
	struct tdb_context	*db = keys_open(false);

	if (db == NULL && errno == ENOENT)
		return;
	if (db == NULL || keys_remove_account(db, str_c(account)) == -1 || tdb_close(db) == -1)
		die(EXIT_TEMP, "unable to remove keys from auth/keys.tdb");
}

static void
make_new(enum mode mode, struct str typed, struct secrets *s)
{
	struct buf	clean = BUF_INIT(LIMIT_PASSWORD);

	if (!precis_password(typed, &clean))
		diex(EXIT_PERM, "a password is UTF-8 text without control characters, up to %d bytes", LIMIT_PASSWORD);
	if (clean.n < LIMIT_PASSWORD_MIN)
		diex(EXIT_PERM, "a password has at least %d bytes", LIMIT_PASSWORD_MIN);
	if (!(mode == MODE_CRYPT ? secrets_make_crypt(s, buf_str(&clean)) : secrets_make(s, buf_str(&clean))))
		diex(EXIT_TEMP, "unable to hash the password");
	explicit_bzero(clean.p, clean.cap);
	buf_free(&clean);
}

static void
make(enum mode mode, struct secrets *s)
{
	struct buf	b = BUF_INIT(4 * LIMIT_PASSWORD), again = BUF_INIT(4 * LIMIT_PASSWORD);
	struct str	typed = mode == MODE_IMPORT ? ask_line(&b) : ask_new_secret("New password", &b, &again);

	if (mode != MODE_IMPORT)
		make_new(mode, typed, s);
	else if (!secrets_import(s, typed))
		diex(EXIT_PERM, "this is no hash that can be checked ($y$, $2b$, $2y$, $6$, $5$)");
	ask_forget(&b);
	ask_forget(&again);
}
