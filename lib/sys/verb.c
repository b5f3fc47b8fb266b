#include "verb.h"

#include <stdlib.h>
#include <string.h>

void
verb_run(const struct verb *verbs, int argc, char *argv[])
{
	for (const struct verb *v = verbs; argc > 1 && v->name != NULL; v++)
		if (strcmp(argv[1], v->name) == 0)
			exit(v->run(argc - 1, argv + 1));
}
