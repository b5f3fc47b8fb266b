/* domain: add, remove, list and change domains. See posthorn-domain(8). */
#include <stdio.h>
#include <string.h>

#include "admin.h"
#include "sys/die.h"

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
	static const struct {
		const char	*name;
		int		(*run)(int argc, char *argv[]);
	} verbs[] = {
		{ "add", add }, { "rm", rm }, { "list", list }, { "enable", enable }, { "disable", disable },
		{ "catch-all", catch_all },
	};

	prog_init("posthorn domain");
	for (size_t i = 0; argc > 1 && i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(argv[1], verbs[i].name) == 0)
			return verbs[i].run(argc - 2, argv + 2);
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

	if (argc != 1)
		usage();
	admin_write(&a);
	admin_create(&a, "domains", str_c(argv[0]));
	admin_save(&a);
	return EXIT_OK;
}

static int
rm(int argc, char *argv[])
{
	struct admin	a;

	if (argc != 1)
		usage();
	admin_write(&a);
	admin_load(&a, "domains", str_c(argv[0]));
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
	if (argc != 0)
		usage();
	admin_read(&a);
	if (conf_domains(a.conf, &a.arena, &names, &n) != CONF_OK)
		diex(EXIT_TEMP, "unable to read config.tdb");
	for (size_t i = 0; i < n; i++) {
		admin_print(names[i]);
		if (conf_domain(a.conf, names[i], &a.arena, &d) == CONF_OK && d.disabled)
			printf(" disabled");
		printf("\n");
	}
	admin_end(&a);
	return EXIT_OK;
}

/* Set an option of the domain, or take it away for a value of NULL. */
static int
set(const char *domain, const char *name, const char *value)
{
	struct admin	a;

	admin_write(&a);
	admin_load(&a, "domains", str_c(domain));
	admin_set(&a, name, value == NULL ? (struct str){ NULL, 0 } : str_c(value));
	admin_save(&a);
	return EXIT_OK;
}

static int
enable(int argc, char *argv[])
{
	if (argc != 1)
		usage();
	return set(argv[0], "disabled", NULL);
}

static int
disable(int argc, char *argv[])
{
	if (argc != 1)
		usage();
	return set(argv[0], "disabled", "true");
}

static int
catch_all(int argc, char *argv[])
{
	if (argc != 1 && argc != 2)
		usage();
	return set(argv[0], "catch-all", argc == 2 ? argv[1] : NULL);
}
