/*
 * posthorn reindex: build the index of accounts anew from their mail. Works
 * while they are in use. Exit codes 0, 100, 111; see posthorn-reindex(8).
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "store/check.h"
#include "stores.h"
#include "sys/die.h"
#include "sys/home.h"

static int
reindex(void *arg, const char *name, const char *path)
{
	(void)arg;
	if (account_reindex(path) == 0) {
		(void)printf("%s: done\n", name);
		return EXIT_OK;
	}
	if (errno == ENOENT) {
		warnx("%s: no such account has mail here", name);
		return EXIT_PERM;
	}
	warn("%s", name);
	return EXIT_TEMP;
}

int
main(int argc, char *argv[])
{
	int	c, all = 0;

	prog_init("posthorn reindex");
	while ((c = getopt(argc, argv, "a")) != -1) {
		if (c != 'a')
			diex(EXIT_PERM, "usage: posthorn reindex account ... | -a");
		all = 1;
	}
	if (all == (optind < argc))
		diex(EXIT_PERM, "usage: posthorn reindex account ... | -a");
	if (home_enter() == -1)
		die(EXIT_TEMP, "unable to enter the var directory");
	return stores_each(argv + optind, argc - optind, reindex, NULL);
}
