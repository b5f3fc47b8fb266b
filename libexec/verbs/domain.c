/* domain: add, remove, list and change domains. See posthorn-domain(8). */
#include <stdio.h>
#include <string.h>

#include "admin.h"
#include "sys/die.h"
#include "sys/verb.h"

static noreturn void	usage(void);
static int		add(int argc, char *argv[]);
static int		rm(int argc, char *argv[]);
static int		list(int argc, char *argv[]);
static int		enable(int argc, char *argv[]);
static int		disable(int argc, char *argv[]);
static int		catch_all(int argc, char *argv[]);

int
main(int argc, char *argv[])
{
	static const struct verb	verbs[] = {
		{ "add", add }, { "rm", rm }, { "list", list }, { "enable", enable }, { "disable", disable },
		{ "catch-all", catch_all },
		{ NULL, NULL },
	};

	prog_init("posthorn domain");
	verb_run(verbs, argc, argv);
	usage();
}

static noreturn void
usage(void)
{
	diex(EXIT_PERM, "usage: posthorn domain add NAME | rm NAME | list | enable NAME | disable NAME | catch-all NAME [ADDRESS]");
}

static int
add(int argc, char *argv[])
{
	struct admin	a;

	if (argc != 2)
		usage();
	admin_write(&a);
	admin_create(&a, "domains", str_c(argv[1]));
	admin_save(&a);
	return EXIT_OK;
}

static int
rm(int argc, char *argv[])
{
	struct admin	a;

	if (argc != 2)
		usage();
	admin_write(&a);
	admin_load(&a, "domains", str_c(argv[1]));
	admin_remove(&a);
	return EXIT_OK;
}

static int
list(int argc, char *argv[])
{
	struct conf_domain	d;
	struct str		*names;
	struct admin		a;
	size_t			n;

	(void)argv;
	if (argc != 1)
		usage();
	admin_read(&a);
	n = admin_domains(&a, &names);
	for (size_t i = 0; i < n; i++) {
		admin_print(names[i]);
		if (conf_domain(a.conf, names[i], &a.arena, &d) == CONF_OK && d.disabled)
			printf(" disabled");
		printf("\n");
	}
	admin_end(&a);
	return EXIT_OK;
}

static int
enable(int argc, char *argv[])
{
	if (argc != 2)
		usage();
	return admin_change("domains", argv[1], "disabled", NULL);
}

static int
disable(int argc, char *argv[])
{
	if (argc != 2)
		usage();
	return admin_change("domains", argv[1], "disabled", "true");
}

static int
catch_all(int argc, char *argv[])
{
	if (argc != 2 && argc != 3)
		usage();
	return admin_change("domains", argv[1], "catch-all", argc == 3 ? argv[2] : NULL);
}
