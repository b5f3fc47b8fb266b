/*
 * posthorn restart SERVICE: start a service anew; posthorn reload: look at the
 * listeners and certificates again. One program under two names: both are one
 * question to the supervisor. See posthorn-restart(8), posthorn-reload(8).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "base/limits.h"
#include "sys/deadline.h"
#include "sys/die.h"
#include "sys/home.h"
#include "sys/ipc.h"

enum { PATIENCE_MS = 10000 };

/* Ask, and end unless the answer is "ok". */
static void
ask(const char *cmd, const char *name)
{
	struct buf	rec = BUF_INIT(LIMIT_RECORD);
	struct str	result;

	attr_start(&rec, "ctl", 1);
	attr_adds(&rec, "cmd", cmd);
	if (name != NULL)
		attr_adds(&rec, "name", name);
	if (ipc_call(HOME_RUN "/supervised", buf_str(&rec), NULL, &rec, deadline_in(PATIENCE_MS)) == -1) {
		if (errno == ENOENT || errno == ECONNREFUSED)
			diex(EXIT_PERM, "nothing is running here");
		die(EXIT_TEMP, "unable to ask the supervisor");
	}
	result = attr_get(buf_str(&rec), "result");
	if (!attr_is(buf_str(&rec), "end", 1) || !str_eq(result, STR("ok")))
		diex(EXIT_PERM, "%s%s" STR_FMT, name == NULL ? "" : name, name == NULL ? "" : ": ", STR_ARG(result));
	buf_free(&rec);
}

int
main(int argc, char *argv[])
{
	bool	reload = argc > 0 && str_ends(str_c(argv[0]), STR("reload"));

	prog_init(reload ? "posthorn reload" : "posthorn restart");
	if (reload && argc != 1)
		diex(EXIT_PERM, "usage: posthorn reload");
	if (!reload && argc < 2)
		diex(EXIT_PERM, "usage: posthorn restart SERVICE ...");
	if (reload)
		ask("reload", NULL);
	for (int i = 1; i < argc; i++)
		ask("restart", argv[i]);
	return EXIT_OK;
}
