/* config: check, build and show the configuration. See posthorn-config(8). */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "conf_show.h"
#include "sys/die.h"
#include "sys/verb.h"

static noreturn void	usage(void);
static int		check(int argc, char *argv[]);
static int		build(int argc, char *argv[]);
static int		show(int argc, char *argv[]);
static int		dump(int argc, char *argv[]);
static int		keys(int argc, char *argv[]);

int
main(int argc, char *argv[])
{
	static const struct verb	verbs[] = {
		{ "check", check }, { "build", build }, { "show", show }, { "dump", dump }, { "keys", keys },
		{ NULL, NULL },
	};

	prog_init("posthorn config");
	verb_run(verbs, argc, argv);
	usage();
}

static noreturn void
usage(void)
{
	diex(EXIT_PERM, "usage: posthorn config check | build [-f] | show [KEY | ADDRESS | DOMAIN] | dump | keys");
}

static int
finish(int ret, struct conf_report *report)
{
	if (ret == -1)
		conf_report_print(report);
	conf_report_free(report);
	return ret == 0 ? EXIT_OK : EXIT_PERM;
}

static int
check(int argc, char *argv[])
{
	struct conf_report	report = CONF_REPORT_INIT;
	struct admin		a;

	(void)argv;
	if (argc != 1)
		usage();
	admin_enter(&a);
	return finish(conf_build(CONF_CHECK, NULL, 0, &report), &report);
}

static int
build(int argc, char *argv[])
{
	struct conf_report	report = CONF_REPORT_INIT;
	bool			full = false;
	struct admin		a;
	int			c;

	while ((c = getopt(argc, argv, "f")) != -1) {
		if (c != 'f')
			usage();
		full = true;
	}
	if (optind != argc)
		usage();
	admin_enter(&a);
	if (conf_lock() == -1)
		die(EXIT_TEMP, "unable to lock config.lock");
	return finish(conf_build(full ? CONF_BUILD_FULL : CONF_BUILD, NULL, 0, &report), &report);
}

static int
show(int argc, char *argv[])
{
	struct admin	a;
	int		ret;

	if (argc > 2)
		usage();
	admin_enter(&a);
	ret = conf_show(&a, argc == 2 ? argv[1] : NULL);
	admin_end(&a);
	return ret;
}

static int
dump(int argc, char *argv[])
{
	struct admin	a;

	(void)argv;
	if (argc != 1)
		usage();
	admin_enter(&a);
	return conf_dump();
}

static int
keys(int argc, char *argv[])
{
	(void)argv;
	if (argc != 1)
		usage();
	return conf_keys();
}
