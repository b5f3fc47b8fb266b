/* mkaccount: make the account directory named, for tests of programs that open one. */
#include "store/account.h"
#include "sys/die.h"

int
main(int argc, char *argv[])
{
	prog_init(argv[0]);
	if (argc != 2)
		diex(EXIT_PERM, "usage: mkaccount DIRECTORY");
	if (account_create(argv[1]) == -1)
		die(EXIT_TEMP, "%s", argv[1]);
	return EXIT_OK;
}
