/* services: the table of the supervisor, row by row. */
#include "proto/services.h"

#include <stdlib.h>

#include "../tap.h"

static const struct row {
	const char	*name;
	struct str	 in;
	const char	*want;		/* the errors; "" for none */
} rows[] = {
	{ "empty", STR_INIT(""), "" },
	{ "comments and blank lines", STR_INIT("# a\n\n  \n \t# b\n"), "" },
	{ "a service", STR_INIT("service a user=ph-x run prog"), "" },
	{ "same-user", STR_INIT("same-user\n"), "" },
	{ "same-user with more", STR_INIT("same-user yes\n"),
	    "f:1: a line begins with service, job, directory or same-user, not \"same-user\"\n" },
	{ "goes on", STR_INIT("service a\n\tuser=-\n # c\n\n  run prog x\n"), "" },
	{ "an error has the line where it begins", STR_INIT("\n\nservice a\n\tuser=-\n  rum prog x\n"),
	    "f:3: \"rum\" is not NAME=VALUE\nf:3: \"prog\" is not NAME=VALUE\nf:3: \"x\" is not NAME=VALUE\n"
	    "f:3: run and a program are missing\n" },
	{ "no name", STR_INIT("service user=- run x\n"), "f:1: \"user=-\" is not a name\nf:1: user= is missing or wrong\n" },
	{ "twice", STR_INIT("service a user=- run x\njob a user=- every=1s run x\n"), "f:2: \"a\" is there twice\n" },
	{ "a number as user", STR_INIT("service a user=#12 run x\n"), "" },
	{ "a wrong number as user", STR_INIT("service a user=#x run x\n"),
	    "f:1: \"#x\" is not a user\nf:1: user= is missing or wrong\n" },
	{ "socket", STR_INIT("service a user=- socket=run/a,n,ph-o,0660 run x\n"), "" },
	{ "socket upwards", STR_INIT("service a user=- socket=run/../../a,n run x\n"),
	    "f:1: a socket is socket=PATH,NAME[,OWNER[,MODE]], its path below var\n" },
	{ "socket with a mode that is none", STR_INIT("service a user=- socket=run/a,n,o,9 run x\n"),
	    "f:1: \"9\" is not an octal mode\n" },
	{ "tcp", STR_INIT("service a user=- tcp=l/smtp,::1,25 run x\n"), "" },
	{ "tcp without a port", STR_INIT("service a user=- tcp=l/smtp,::1 run x\n"), "f:1: a TCP socket is tcp=NAME,ADDRESS,PORT\n" },
	{ "job", STR_INIT("job a user=- daily=23:59 timeout=5m run x y\n"), "" },
	{ "job twice a day", STR_INIT("job a user=- daily=23:59 every=1h run x\n"), "f:1: a job has no setting every=1h here\n" },
	{ "no such time", STR_INIT("job a user=- daily=3:00 run x\n"), "f:1: daily=3:00 is not a time of day as 03:30\n" },
	{ "directory", STR_INIT("directory a/b user=x mode=0711\n"), "" },
	{ "directory without a user", STR_INIT("directory a\n"), "f:1: user= is missing or wrong\n" },
	{ "limits", STR_INIT("service a user=- nofile=4K as=64M nproc=5 grace=2s stop=0 ready=start run x\n"), "" },
	{ "a key", STR_INIT("service a user=- seal=yes run x\n"), "" },
	{ "a key or not", STR_INIT("service a user=- seal=no run x\n"), "f:1: a service has no setting seal=no\n" },
	{ "a limit of nothing", STR_INIT("service a user=- nofile=0 run x\n"), "f:1: nofile=0 is not a number such as 4096, 64M\n" },
	{ "a control byte", STR_INIT("service a\x01 user=- run x\n"), "f:1: a control byte\n" },
	{ "a NUL", STR_INIT("service a user=- run x\0y\n"), "f:1: a control byte\n" },
};

static void
test_rows(void)
{
	static struct services	out;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena	a = ARENA_INIT(65536);
		struct buf	errors = BUF_INIT(65536);
		bool		good = services_parse(rows[i].in, "f", &a, &out, &errors);

		is_str(buf_str(&errors), str_c(rows[i].want), rows[i].name);
		ok(good == (rows[i].want[0] == '\0'), "%s: the answer says the same", rows[i].name);
		arena_free(&a);
		buf_free(&errors);
	}
}

static void
test_values(void)
{
	static struct services	out;
	struct arena		a = ARENA_INIT(65536);
	struct buf		errors = BUF_INIT(65536);
	const struct service	*sv = &out.service[0];

	ok(services_parse(STR("service a user=ph-x socket=run/a,n socket=run/b,m,ph-o,0666\n"
	    "\ttcp=l/smtp,192.0.2.1,25 listeners=yes reload=hup stop=2 grace=1m nofile=4K as=1M nproc=7\n"
	    "\trun prog -n 5 # not this\njob j user=#7 daily=01:30 timeout=2h run prog\n"), "f", &a, &out, &errors), "parsed");
	is_num(out.nservice, 1, "one service");
	is_num(sv->nsocket, 2, "two sockets");
	is_str(str_c(sv->socket[1].owner), STR("ph-o"), "owner");
	ok(sv->socket[0].owner == NULL && sv->socket[0].mode == 0600 && sv->socket[1].mode == 0666, "modes");
	ok(sv->ntcp == 1 && sv->tcp[0].port == 25, "tcp");
	ok(sv->listeners && sv->reloads && sv->notifies, "words");
	ok(sv->stop == 2 && sv->grace == 60, "numbers");
	ok(sv->nofile == 4096 && sv->as == 1048576 && sv->nproc == 7, "limits");
	is_str(str_c(sv->argv[2]), STR("5"), "arguments");
	ok(sv->argv[3] == NULL, "a comment is none");
	ok(out.njob == 1 && out.job[0].daily == 90 && out.job[0].timeout == 7200 && out.job[0].every == 0, "job");
	arena_free(&a);
	buf_free(&errors);
}

/* Too much of anything is an error and no more. */
static void
test_too_much(void)
{
	static struct services	out;
	struct arena		a = ARENA_INIT(1 << 20), small = ARENA_INIT(16);
	struct buf		errors = BUF_INIT(1 << 20), text = BUF_INIT(1 << 20);

	for (int i = 0; i <= SERVICES_MAX; i++)
		buf_addf(&text, "service s%d user=- run x\n", i);
	ok(!services_parse(buf_str(&text), "f", &a, &out, &errors), "too many services");
	is_num(out.nservice, SERVICES_MAX, "are cut");
	ok(!services_parse(STR("service abcdefghijkl user=abcdefghi run x\n"), "f", &small, &out, &errors), "out of memory");
	buf_reset(&text);
	while (text.n <= SERVICES_TEXT)
		buf_adds(&text, "#\n");
	ok(!services_parse(buf_str(&text), "f", &a, &out, &errors), "a table that is too large");
	arena_free(&a);
	arena_free(&small);
	buf_free(&errors);
	buf_free(&text);
}

int
main(void)
{
	test_rows();
	test_values();
	test_too_much();
	return done_testing();
}
