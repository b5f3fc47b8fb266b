/*
 * transport: the ways out for mail that posthorn.conf names, and the
 * passwords for those that want one. See posthorn-transport(8).
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "ask.h"
#include "base/limits.h"
#include "client/conf.h"
#include "sys/die.h"
#include "sys/fd.h"
#include "sys/home.h"
#include "sys/priv.h"
#include "sys/verb.h"

#define SECRETS	HOME_QUEUE "/secrets"

static noreturn void	usage(void);
static int		list(int argc, char *argv[]);
static int		password(int argc, char *argv[]);

int
main(int argc, char *argv[])
{
	static const struct verb	verbs[] = { { "list", list }, { "password", password }, { NULL, NULL } };

	prog_init("posthorn transport");
	verb_run(verbs, argc, argv);
	usage();
}

static noreturn void
usage(void)
{
	diex(EXIT_PERM, "usage: posthorn transport list | password [-r] NAME");
}

/* As the owner of the queue, who alone can see the passwords. */
static struct conf *
enter(void)
{
	struct conf	*c;

	if (home_enter() == -1)
		die(EXIT_TEMP, "unable to enter the var directory");
	if (priv_become_owner(access(HOME_QUEUE, F_OK) == 0 ? HOME_QUEUE : ".") == -1)
		die(EXIT_TEMP, "unable to become the owner of " HOME_QUEUE);
	c = conf_open();
	if (c == NULL)
		die(EXIT_TEMP, "unable to open %s (is the configuration built?)", HOME_CONFIG_TDB);
	return c;
}

/* The directory of passwords, or -1. */
static int
secrets_open(bool make)
{
	int	fd;

	if (make && mkdir(SECRETS, 0700) == -1 && errno != EEXIST)
		die(EXIT_TEMP, "unable to make %s%s", SECRETS, errno == ENOENT ? " (posthorn serve -n makes " HOME_QUEUE ")" : "");
	fd = dir_open(AT_FDCWD, SECRETS);
	if (fd == -1 && (make || errno != ENOENT))
		die(EXIT_TEMP, "unable to open %s", SECRETS);
	return fd;
}

/* --- list */

static const char *
kind_name(enum conf_transport_kind kind)
{
	static const char *const	names[] = {
		[CONF_TRANSPORT_DIRECT] = "direct", [CONF_TRANSPORT_SUBMISSIONS] = "submissions",
		[CONF_TRANSPORT_SUBMISSION] = "submission", [CONF_TRANSPORT_SMTP] = "smtp", [CONF_TRANSPORT_FAIL] = "fail",
	};

	return names[kind];
}

static void
show(const struct conf_transport *t, int dir)
{
	char	file[LIMIT_PATH];

	(void)printf("%.*s %s", STR_ARG(t->name), kind_name(t->kind));
	if (t->host.n > 0)
		(void)printf(" %.*s %u", STR_ARG(t->host), t->port);
	if (t->kind == CONF_TRANSPORT_FAIL)
		(void)printf(" %u %.*s", t->code, STR_ARG(t->text));
	if (t->user.n > 0)
		(void)printf(" user=%.*s password=%s", STR_ARG(t->user),
		    dir != -1 && str_copy(t->name, file, sizeof(file)) && faccessat(dir, file, F_OK, 0) == 0 ? "set" : "missing");
	(void)printf("\n");
}

static int
list(int argc, char *argv[])
{
	struct arena		 a = ARENA_INIT(4 * LIMIT_RECORD);
	struct conf		*c;
	struct conf_transport	 t;
	struct str		*names;
	size_t			 n;
	int			 dir;

	(void)argv;
	if (argc != 1)
		usage();
	c = enter();
	dir = secrets_open(false);
	if (conf_transports(c, &a, &names, &n) != CONF_OK)
		diex(EXIT_TEMP, "unable to read %s", HOME_CONFIG_TDB);
	for (size_t i = 0; i < n; i++) {
		if (conf_transport(c, names[i], &a, &t) != CONF_OK)
			diex(EXIT_TEMP, "unable to read %s", HOME_CONFIG_TDB);
		show(&t, dir);
	}
	(void)fd_close(&dir);
	conf_close(c);
	arena_free(&a);
	return fflush(stdout) == EOF ? EXIT_TEMP : EXIT_OK;
}

/* --- password */

static void
known(struct conf *c, const char *name)
{
	struct arena		a = ARENA_INIT(LIMIT_RECORD);
	struct conf_transport	t;

	switch (conf_transport(c, str_c(name), &a, &t)) {
	case CONF_OK:
		break;
	case CONF_NONE:
		diex(EXIT_PERM, "there is no transport %s in posthorn.conf (or it was not built since)", name);
	case CONF_ERROR:
		diex(EXIT_TEMP, "unable to read %s", HOME_CONFIG_TDB);
	}
	if (t.user.n == 0)
		diex(EXIT_PERM, "transport %s has no user to log in as", name);
	arena_free(&a);
}

static void
take(const char *name)
{
	struct buf	b = BUF_INIT(4 * LIMIT_PASSWORD), again = BUF_INIT(4 * LIMIT_PASSWORD), text = BUF_INIT(LIMIT_PASSWORD + 1);
	struct str	typed = ask_new_secret("Password", &b, &again);
	int		dir;

	if (typed.n == 0 || typed.n > LIMIT_PASSWORD || !str_is_utf8(typed) || str_has_control(typed))
		diex(EXIT_PERM, "a password is UTF-8 text without control characters, up to %d bytes", LIMIT_PASSWORD);
	buf_add(&text, typed);
	buf_addc(&text, '\n');
	dir = secrets_open(true);
	if (file_replace(dir, name, buf_str(&text), 0600) == -1)
		die(EXIT_TEMP, "unable to write %s/%s", SECRETS, name);
	(void)fd_close(&dir);
	ask_forget(&b);
	ask_forget(&again);
	ask_forget(&text);
}

/* Also of a transport that is no more. */
static void
drop(const char *name)
{
	int	dir = secrets_open(false);

	if (dir == -1 || name[0] == '.' || strchr(name, '/') != NULL || faccessat(dir, name, F_OK, 0) == -1)
		diex(EXIT_PERM, "there is no password of a transport %s", name);
	if (unlinkat(dir, name, 0) == -1 || dir_sync(dir) == -1)
		die(EXIT_TEMP, "unable to remove %s/%s", SECRETS, name);
	(void)fd_close(&dir);
}

static int
password(int argc, char *argv[])
{
	struct conf	*c;
	bool		 gone = false;
	int		 ch;

	while ((ch = getopt(argc, argv, "r")) != -1) {
		if (ch != 'r')
			usage();
		gone = true;
	}
	if (argc - optind != 1)
		usage();
	c = enter();
	if (gone)
		drop(argv[optind]);
	else {
		known(c, argv[optind]);
		take(argv[optind]);
	}
	conf_close(c);
	return EXIT_OK;
}
