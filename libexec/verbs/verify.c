/*
 * posthorn verify: compare the index of accounts with their mail, and mend.
 * Works while they are in use. Exit codes 0, 100, 111; see posthorn-verify(8).
 */
#include <errno.h>
#include <inttypes.h>
#include <getopt.h>
#include <stdio.h>

#include "base/code.h"
#include "store/check.h"
#include "stores.h"
#include "sys/die.h"
#include "sys/home.h"

static const char	usage[] = "usage: posthorn verify [--fix] [account ...]";

/* Names of files are other programs' bytes. */
static void
print(void *arg, const char *where, const char *what)
{
	struct buf	line = BUF_INIT(16384);

	code_escape(&line, str_c(where));
	buf_adds(&line, ": ");
	code_escape(&line, str_c(what));
	(void)printf("%s: " STR_FMT "\n", (const char *)arg, STR_ARG(buf_str(&line)));
	buf_free(&line);
}

static int
failed(const char *name)
{
	if (errno == ENOENT) {
		warnx("%s: no such account has mail here", name);
		return EXIT_PERM;
	}
	warn("%s", name);
	return EXIT_TEMP;
}

static int
verify(void *arg, const char *name, const char *path)
{
	const int	*fix = arg;
	uint64_t	 problems;

	if (account_check(path, print, (void *)(uintptr_t)name, &problems) == -1)
		return failed(name);
	if (problems == 0)
		return EXIT_OK;
	if (!*fix)
		return EXIT_PERM;
	if (account_fix(path) == -1 || account_check(path, print, (void *)(uintptr_t)name, &problems) == -1)
		return failed(name);
	(void)printf("%s: %s\n", name, problems == 0 ? "mended" : "could not be mended");
	return problems == 0 ? EXIT_OK : EXIT_PERM;
}

int
main(int argc, char *argv[])
{
	static const struct option	options[] = { { "fix", no_argument, NULL, 'f' }, { NULL, 0, NULL, 0 } };
	int				c, fix = 0;

	prog_init("posthorn verify");
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c != 'f')
			diex(EXIT_PERM, "%s", usage);
		fix = 1;
	}
	if (home_enter() == -1)
		die(EXIT_TEMP, "unable to enter the var directory");
	return stores_each(argv + optind, argc - optind, verify, &fix);
}
