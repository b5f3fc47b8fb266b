#include "stores.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/account.h"
#include "sys/die.h"
#include "sys/home.h"
#include "sys/priv.h"

static int
worse(int a, int b)
{
	return a > b ? a : b;
}

static int
call_one(const char *name, int (*call)(void *, const char *, const char *), void *arg)
{
	char	path[512];

	(void)snprintf(path, sizeof(path), HOME_ACCOUNTS "/%s", name);
	return call(arg, name, path);
}

static int
is_account(const struct dirent *d)
{
	return account_name_ok(str_c(d->d_name));
}

static int
call_all(int (*call)(void *, const char *, const char *), void *arg)
{
	struct dirent	**list;
	int		  n = scandir(HOME_ACCOUNTS, &list, is_account, alphasort), worst = EXIT_OK;

	if (n == -1 && errno == ENOENT)
		return EXIT_OK;
	if (n == -1)
		die(EXIT_TEMP, "unable to read %s", HOME_ACCOUNTS);
	for (int i = 0; i < n; i++) {
		worst = worse(worst, call_one(list[i]->d_name, call, arg));
		free(list[i]);
	}
	free(list);
	return worst;
}

int
stores_each(char *const *names, int n, int (*call)(void *, const char *, const char *), void *arg)
{
	int	worst = EXIT_OK;

	for (int i = 0; i < n; i++)
		if (!account_name_ok(str_c(names[i])))
			diex(EXIT_PERM, "%s cannot be an account's name", names[i]);
	if (priv_become_owner(HOME_ACCOUNTS) == -1 && errno != ENOENT)
		die(EXIT_TEMP, "unable to become the owner of %s", HOME_ACCOUNTS);
	if (n == 0)
		return call_all(call, arg);
	for (int i = 0; i < n; i++)
		worst = worse(worst, call_one(names[i], call, arg));
	return worst;
}
