/*
 * posthorn status: what the supervisor says of its services and timed jobs,
 * as a table. See posthorn-status(8).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/attr.h"
#include "base/limits.h"
#include "base/num.h"
#include "sys/deadline.h"
#include "sys/die.h"
#include "sys/fd.h"
#include "sys/home.h"
#include "sys/ipc.h"

enum { PATIENCE_MS = 10000 };

static void
time_text(uint64_t at, char *text, size_t size)
{
	time_t		t = (time_t)at;
	struct tm	tm;

	if (at == 0 || localtime_r(&t, &tm) == NULL || strftime(text, size, "%Y-%m-%d %H:%M:%S", &tm) == 0)
		(void)snprintf(text, size, "-");
}

static void
print_service(struct str rec)
{
	struct str	name = attr_get(rec, "name"), state = attr_get(rec, "state");
	struct str	text = attr_get(rec, "text");
	char		span[48], pid[24] = "-";
	uint64_t	n = attr_getu(rec, "pid", 0);

	num_span(clock_now() - (int64_t)attr_getu(rec, "since", 0), " ", span, sizeof(span));
	if (n != 0)
		(void)snprintf(pid, sizeof(pid), "%llu", (unsigned long long)n);
	(void)printf("%-14.*s %-10.*s %7s %9s %6llu  " STR_FMT "\n", STR_ARG(name), STR_ARG(state), pid, span,
	    (unsigned long long)attr_getu(rec, "starts", 0), STR_ARG(text));
}

static void
print_job(struct str rec, bool first)
{
	struct str	name = attr_get(rec, "name"), result = attr_get(rec, "result");
	char		next[32], last[32];

	if (first)
		(void)printf("\n%-14s %-19s  %-19s  %s\n", "JOB", "NEXT", "LAST", "RESULT");
	time_text(attr_getu(rec, "next", 0), next, sizeof(next));
	time_text(attr_getu(rec, "last", 0), last, sizeof(last));
	(void)printf("%-14.*s %-19s  %-19s  " STR_FMT "\n", STR_ARG(name), next, last, STR_ARG(result));
}

int
main(int argc, char *argv[])
{
	struct deadline	by = deadline_in(PATIENCE_MS);
	struct buf	rec = BUF_INIT(LIMIT_RECORD);
	bool		all_ready = true, jobs = false;
	int		sock;

	prog_init("posthorn status");
	(void)argv;
	if (argc != 1)
		diex(EXIT_PERM, "usage: posthorn status");
	sock = ipc_connect(HOME_RUN "/supervised", by);
	if (sock == -1 && (errno == ENOENT || errno == ECONNREFUSED))
		diex(EXIT_PERM, "nothing is running here");
	attr_start(&rec, "ctl", 1);
	attr_adds(&rec, "cmd", "status");
	if (sock == -1 || ipc_send(sock, buf_str(&rec), NULL, by) == -1)
		die(EXIT_TEMP, "unable to ask the supervisor");
	(void)printf("%-14s %-10s %7s %9s %6s  %s\n", "SERVICE", "STATE", "PID", "SINCE", "STARTS", "LAST END");
	for (;;) {
		if (ipc_recv(sock, &rec, NULL, by) == -1)
			die(EXIT_TEMP, "unable to hear the supervisor");
		if (attr_is(buf_str(&rec), "end", 1))
			break;
		if (attr_is(buf_str(&rec), "service", 1)) {
			all_ready = all_ready && str_eq(attr_get(buf_str(&rec), "state"), STR("ready"));
			print_service(buf_str(&rec));
		} else if (attr_is(buf_str(&rec), "job", 1)) {
			print_job(buf_str(&rec), !jobs);
			jobs = true;
		}
	}
	if (fflush(stdout) == EOF)
		die(EXIT_TEMP, "unable to write");
	buf_free(&rec);
	(void)fd_close(&sock);
	return all_ready ? EXIT_OK : EXIT_TEMP;
}
