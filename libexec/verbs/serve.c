/*
 * posthorn serve [-n]: check the table of services, then become the supervisor,
 * in the foreground. See posthorn-serve(8).
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sys/die.h"
#include "sys/home.h"

int
main(int argc, char *argv[])
{
	char	 path[PATH_MAX];
	char	*args[] = { path, NULL, NULL };

	prog_init("posthorn serve");
	if (argc > 2 || (argc == 2 && strcmp(argv[1], "-n") != 0))
		diex(EXIT_PERM, "usage: posthorn serve [-n]");
	args[1] = argv[1];
	/* it looks at everything before it binds, and tells all that is wrong */
	if (home_program("supervised", path, sizeof(path)) == -1)
		die(EXIT_TEMP, "unable to run supervised");
	(void)execv(path, args);
	die(EXIT_TEMP, "unable to run %s", path);
}
