/*
 * posthorn: a table of verbs. Each is a program in libexec/verbs; this one
 * finds out where everything is, goes to the var directory and runs it.
 * See posthorn(1).
 */
#include <sys/stat.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "sys/die.h"
#include "sys/home.h"

#ifndef POSTHORN_VARDIR
#define POSTHORN_VARDIR "/usr/local/var/posthorn"
#endif
#ifndef POSTHORN_MANDIR
#define POSTHORN_MANDIR "/usr/local/share/man"
#endif

struct verb {
	const char	*name;
	const char	*usage;
	const char	*help;
	bool		 anywhere;	/* needs no var directory */
};

static const struct verb	verbs[] = {
	{ "account", "add|rm|list|show|enable|disable|quota|full-name ...", "accounts: list, add, remove, change", false },
	{ "address", "add|rm|list ...", "addresses of accounts", false },
	{ "alias", "add|rm|list|addmember|rmmember|set ...", "addresses with several members", false },
	{ "cert", "selfsigned [-f] NAME ...|list", "make and list certificates", false },
	{ "config", "check|build|show ...", "check the configuration, put it into use, look into it", false },
	{ "dkim", "gen|txt|list|rotate|retire|sign|verify ...", "keys that sign mail, and who signed a message", true },
	{ "dmarc", "check [OPTION ...] IP MAILFROM HELO", "what does the domain in From want done? (DMARC)", true },
	{ "domain", "add|rm|list|enable|disable|catch-all ...", "domains: list, add, remove, change", false },
	{ "key", "add|list|rm ...", "client keys that may log in", false },
	{ "localserve", "[-d DIR] [-a ADDRESS] [-p BASE]", "a whole system to try, in a directory of yours", true },
	{ "logins", "[ACCOUNT]", "who tried to log in", false },
	{ "passwd", "[-c | -r | -y] ACCOUNT", "set the password of an account", false },
	{ "queue", "list|show|retry|hold|release|fail|drop ...", "mail on its way out", false },
	{ "quickstart", "[OPTION ...] [USER@DOMAIN]", "set up this machine, or a system in a directory", true },
	{ "reindex", "ACCOUNT ...|-a", "build an account's index anew from its mail", false },
	{ "reload", "", "look at listeners and certificates again", false },
	{ "restart", "SERVICE ...", "start services anew", false },
	{ "serve", "[-n]", "run all services in the foreground", false },
	{ "spf", "check [OPTION ...] IP MAILFROM HELO", "may a client send as somebody? (SPF)", true },
	{ "status", "", "services and timed jobs", false },
	{ "stop", "", "stop what serve started", false },
	{ "transport", "list|password [-r] NAME", "other ways out for mail, and their passwords", false },
	{ "verify", "[--fix] [ACCOUNT ...]", "compare an account's index with its mail", false },
};

enum { VERBS = sizeof(verbs) / sizeof(verbs[0]) };

static noreturn void	 usage(void);
static void		 place_below(const char *dir);
static int		 help(int argc, char *argv[]);
static const struct verb *verb_named(const char *name);

int
main(int argc, char *argv[])
{
	const struct verb	*v;
	char			 path[PATH_MAX];
	bool			 placed = false;
	int			 c;

	prog_init("posthorn");
	while ((c = getopt(argc, argv, "+C:")) != -1)
		if (c == 'C') {
			place_below(optarg);
			placed = true;
		} else
			usage();
	if (optind == argc)
		usage();
	argc -= optind;
	argv += optind;
	if (home_find() == -1)
		die(EXIT_TEMP, "unable to find our programs");
	if (strcmp(argv[0], "help") == 0)
		return help(argc, argv);
	v = verb_named(argv[0]);
	if (v == NULL)
		diex(EXIT_PERM, "there is no verb \"%s\"; try: posthorn help", argv[0]);
	if (snprintf(path, sizeof(path), "%s/verbs/%s", home_libexec(), v->name) >= (int)sizeof(path))
		diex(EXIT_PERM, "the path of %s is too long", v->name);
	if (!v->anywhere && home_enter() == -1) {
		const char	*var = getenv("POSTHORN_VAR");

		if (!placed && var == NULL && errno == ENOENT)
			diex(EXIT_TEMP, "there is no " POSTHORN_VARDIR " yet; posthorn quickstart sets up this machine");
		die(placed && errno == ENOENT ? EXIT_PERM : EXIT_TEMP, "unable to enter %s", var == NULL ? POSTHORN_VARDIR : var);
	}
	(void)execv(path, argv);
	die(EXIT_TEMP, "unable to run %s", path);
}

static void
usage(void)
{
	(void)fprintf(stderr, "usage: posthorn [-C DIR] VERB [ARGUMENT ...]\n       posthorn help [VERB]\n");
	exit(EXIT_PERM);
}

/* --- where things are */

/* Of one that is not there yet: quickstart makes it; for all else a missing one is a mistake, found when it is entered. */
static bool
path_of_new(const char *dir, char path[PATH_MAX])
{
	char	parent[PATH_MAX], *name;
	size_t	n;

	if (!str_copy(str_c(dir), parent, sizeof(parent)))
		return false;
	for (n = strlen(parent); n > 1 && parent[n - 1] == '/'; )
		parent[--n] = '\0';
	name = strrchr(parent, '/');
	if (name != NULL)
		*name++ = '\0';
	if (realpath(name == NULL ? "." : parent[0] == '\0' ? "/" : parent, path) == NULL)
		return false;
	n = strlen(path);
	return snprintf(path + n, PATH_MAX - n, "/%s", name == NULL ? parent : name) < (int)(PATH_MAX - n);
}

static void
place_below(const char *dir)
{
	char	path[PATH_MAX];

	if (realpath(dir, path) == NULL && (errno != ENOENT || !path_of_new(dir, path)))
		die(EXIT_PERM, "%s", dir);
	if (home_place(path) == -1)
		die(EXIT_PERM, "%s", dir);
}

/* --- help */

static const struct verb *
verb_named(const char *name)
{
	for (size_t i = 0; i < VERBS; i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

static int
list_verbs(void)
{
	(void)printf("usage: posthorn [-C DIR] VERB [ARGUMENT ...]\n\n");
	for (size_t i = 0; i < VERBS; i++)
		(void)printf("  %-11s %s\n", verbs[i].name, verbs[i].help);
	(void)printf("  %-11s %s\n\n-C DIR takes DIR/etc and DIR/var. posthorn help VERB tells more of one.\n",
	    "help", "this list, or the manual page of a verb");
	return fflush(stdout) == EOF ? EXIT_TEMP : EXIT_OK;
}

/* Run a viewer for the page at path; comes back when there is none. */
static void
show_page(const char *path)
{
	if (access(path, R_OK) == -1)
		return;
	(void)execlp("man", "man", "-l", path, (char *)NULL);
	(void)execlp("mandoc", "mandoc", "-a", path, (char *)NULL);
}

static int
help(int argc, char *argv[])
{
	const struct verb	*v;
	char			 path[PATH_MAX];

	if (argc == 1)
		return list_verbs();
	v = verb_named(argv[1]);
	if (v == NULL)
		diex(EXIT_PERM, "there is no verb \"%s\"; try: posthorn help", argv[1]);
	(void)printf("usage: posthorn %s%s%s\n%s\n", v->name, v->usage[0] == '\0' ? "" : " ", v->usage, v->help);
	if (fflush(stdout) == EOF)
		return EXIT_TEMP;
	if (snprintf(path, sizeof(path), "%s/verbs/posthorn-%s.8", home_libexec(), v->name) < (int)sizeof(path))
		show_page(path);
	if (snprintf(path, sizeof(path), "%s/../../share/man/man8/posthorn-%s.8", home_libexec(), v->name) < (int)sizeof(path))
		show_page(path);
	if (snprintf(path, sizeof(path), POSTHORN_MANDIR "/man8/posthorn-%s.8", v->name) < (int)sizeof(path))
		show_page(path);
	(void)printf("manual page: posthorn-%s(8)\n", v->name);
	return fflush(stdout) == EOF ? EXIT_TEMP : EXIT_OK;
}
