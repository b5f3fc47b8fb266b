/*
 * config: check, build and show the configuration. See posthorn-config(8).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "conf_build.h"
#include "sys/die.h"
#include "sys/home.h"

static int	check(int argc, char *argv[]);
static int	build(int argc, char *argv[]);
static noreturn void	usage(void);

int
main(int argc, char *argv[])
{
	prog_init(argv[0]);
	if (argc < 2)
		usage();
	if (home_enter() == -1)
		die(EXIT_TEMP, "unable to enter the var directory");
	if (strcmp(argv[1], "check") == 0)
		return check(argc - 1, argv + 1);
	if (strcmp(argv[1], "build") == 0)
		return build(argc - 1, argv + 1);
	usage();
}

static noreturn void
usage(void)
{
	diex(EXIT_PERM, "usage: config check | build [-f]");
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

	(void)argv;
	if (argc != 1)
		usage();
	return finish(conf_build(CONF_CHECK, NULL, 0, &report), &report);
}

static int
build(int argc, char *argv[])
{
	struct conf_report	report = CONF_REPORT_INIT;
	bool			full = argc == 2 && strcmp(argv[1], "-f") == 0;

	if (argc > 1 && !full)
		usage();
	if (conf_lock() == -1)
		die(EXIT_TEMP, "unable to lock config.lock");
	return finish(conf_build(full ? CONF_BUILD_FULL : CONF_BUILD, NULL, 0, &report), &report);
}
