/*
 * posthorn queue: mail on its way out. What changes it is asked of queue-send;
 * list asks it too, and reads the files when it does not run, as show always does.
 * See posthorn-queue(8).
 */
#include "queue.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/code.h"
#include "base/num.h"
#include "proto/date.h"
#include "sys/deadline.h"
#include "sys/die.h"
#include "sys/fd.h"
#include "sys/home.h"
#include "sys/ipc.h"
#include "sys/priv.h"
#include "sys/verb.h"

enum {
	PATIENCE_MS	= 30000,	/* queue-send between two records */
	PRINTED		= 4 * LIMIT_SMTP_REPLY + 1,	/* one text, each byte escaped */
};

static noreturn void	usage(void);
static int		list(int argc, char *argv[]);
static int		show(int argc, char *argv[]);
static int		change(int argc, char *argv[]);

int
main(int argc, char *argv[])
{
	static const struct verb	verbs[] = {
		{ "list", list }, { "show", show }, { "retry", change }, { "hold", change },
		{ "release", change }, { "fail", change }, { "drop", change }, { NULL, NULL },
	};

	prog_init("posthorn queue");
	verb_run(verbs, argc, argv);
	usage();
}

static noreturn void
usage(void)
{
	(void)fprintf(stderr, "usage: posthorn queue list [FILTER ...] [ID ...]\n"
	    "       posthorn queue show [-m] ID ...\n"
	    "       posthorn queue retry [-i INTERVAL] FILTER ... | ID ...\n"
	    "       posthorn queue hold|release|fail|drop FILTER ... | ID ...\n"
	    "FILTER: -a ACCOUNT, -d DOMAIN, -f FROM, -t TO, -H (held), -A (all)\n");
	exit(EXIT_PERM);
}

/* As the owner of the queue; false when there has never been one. */
static bool
enter(struct spool *s)
{
	*s = (struct spool)SPOOL_INIT;
	if (home_enter() == -1)
		die(EXIT_TEMP, "unable to enter the var directory");
	if (access(HOME_QUEUE, F_OK) == 0 && priv_become_owner(HOME_QUEUE) == -1)
		die(EXIT_TEMP, "unable to become the owner of %s", HOME_QUEUE);
	if (spool_open(s, false) == 0)
		return true;
	if (errno != ENOENT)
		die(EXIT_TEMP, "unable to open %s", HOME_QUEUE);
	return false;
}

/* A wrong id in a list of them would be easy to miss when the others did something: nothing is done then. */
static void
check_ids(const struct queue_filter *f, const struct spool *s, bool there)
{
	for (size_t i = 0; i < f->nid; i++)
		if (!spool_is_id(str_c(f->id[i])) || !there || faccessat(s->msg, f->id[i], F_OK, AT_SYMLINK_NOFOLLOW) == -1)
			diex(EXIT_PERM, "there is no message %s in the queue; nothing was done", f->id[i]);
}

/* Options and ids of list and of what changes; *interval_r only when retry is allowed to have one. */
static struct queue_filter
parse(int argc, char *argv[], uint64_t *interval_r)
{
	struct queue_filter	f = { .nid = 0 };
	int			c;

	while ((c = getopt(argc, argv, "AHa:d:f:i:t:")) != -1)
		switch (c) {
		case 'A':
			f.all = true;
			break;
		case 'H':
			f.held = true;
			break;
		case 'a':
			f.account = str_c(optarg);
			break;
		case 'd':
			f.domain = str_c(optarg);
			break;
		case 'f':
			f.from = str_c(optarg);
			break;
		case 'i':
			if (interval_r == NULL || !num_seconds(str_c(optarg), interval_r) || *interval_r > INT32_MAX)
				usage();
			break;
		case 't':
			f.to = str_c(optarg);
			break;
		default:
			usage();
		}
	f.id = argv + optind;
	f.nid = (size_t)(argc - optind);
	return f;
}

static bool
is_narrow(const struct queue_filter *f)
{
	return f->nid > 0 || f->account.n > 0 || f->domain.n > 0 || f->from.n > 0 || f->to.n > 0 || f->held;
}

static noreturn void
nothing(void)
{
	diex(EXIT_PERM, "nothing in the queue matches");
}

static int
finish(void)
{
	if (fflush(stdout) == EOF)
		die(EXIT_TEMP, "unable to write");
	return EXIT_OK;
}

/* --- the verbs */

static int
list(int argc, char *argv[])
{
	struct queue_filter	f = parse(argc, argv, NULL);
	struct spool		s;
	bool			there = enter(&s), narrow = is_narrow(&f);

	check_ids(&f, &s, there);
	f.all = !narrow;
	if (there && !queue_list(&f) && narrow)
		nothing();
	if (!there && narrow)
		nothing();
	return finish();
}

static int
show(int argc, char *argv[])
{
	struct queue_filter	f;
	struct spool		s;
	bool			message = false, there;
	int			c;

	while ((c = getopt(argc, argv, "m")) != -1)
		if (c == 'm')
			message = true;
		else
			usage();
	f = (struct queue_filter){ .id = argv + optind, .nid = (size_t)(argc - optind) };
	if (f.nid == 0 || (message && f.nid > 1))
		usage();
	there = enter(&s);
	check_ids(&f, &s, there);
	for (size_t i = 0; i < f.nid; i++) {
		if (i > 0)
			(void)printf("\n");
		(message ? queue_message : queue_show)(&s, f.id[i]);
	}
	return finish();
}

static const char *
done_word(const char *cmd)
{
	static const char *const	words[][2] = {
		{ "retry", "due again" }, { "hold", "held" }, { "release", "released" }, { "fail", "failed" }, { "drop", "dropped" },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (str_eq(str_c(words[i][0]), str_c(cmd)))
			return words[i][1];
	return cmd;
}

static int
change(int argc, char *argv[])
{
	const char		*cmd = argv[0];
	uint64_t		 interval = 0, n, busy;
	struct queue_filter	 f = parse(argc, argv, str_eq(str_c(cmd), STR("retry")) ? &interval : NULL);
	struct buf		 rec = BUF_INIT(LIMIT_RECORD);
	struct spool		 s;
	int			 sock;

	if (!is_narrow(&f) && !f.all)
		usage();
	check_ids(&f, &s, enter(&s));
	sock = queue_ask(cmd, &f, &rec);
	if (sock == -1)
		die(EXIT_TEMP, "queue-send does not run; nothing was changed");
	if (interval > 0)
		attr_addu(&rec, "at", (uint64_t)clock_now() + interval);
	if (buf_failed(&rec))
		diex(EXIT_PERM, "too many ids; nothing was changed");
	if (ipc_send(sock, buf_str(&rec), NULL, deadline_in(PATIENCE_MS)) == -1)
		die(EXIT_TEMP, "unable to ask queue-send; nothing was changed");
	if (ipc_recv(sock, &rec, NULL, deadline_in(PATIENCE_MS)) == -1)
		die(EXIT_TEMP, "queue-send does not answer; look what was changed");
	n = queue_count(buf_str(&rec));
	busy = attr_getu(buf_str(&rec), "busy", 0);
	if (n == 0 && busy == 0)
		nothing();
	(void)printf("%llu %s %s\n", (unsigned long long)n, n == 1 ? "recipient" : "recipients", done_word(cmd));
	if (busy > 0)
		diex(EXIT_TEMP, "%llu left alone, as an attempt is under way", (unsigned long long)busy);
	buf_free(&rec);
	(void)fd_close(&sock);
	return finish();
}

/* --- asking queue-send */

static void
add(struct buf *rec, const char *name, struct str value)
{
	if (value.n > 0)
		attr_add(rec, name, value);
}

int
queue_ask(const char *cmd, const struct queue_filter *f, struct buf *rec)
{
	int	sock = ipc_connect(HOME_RUN "/queue-send", deadline_in(PATIENCE_MS));

	if (sock == -1 && errno != ENOENT && errno != ECONNREFUSED)
		die(EXIT_TEMP, "unable to ask queue-send; nothing was changed");
	attr_start(rec, "queue", 1);
	attr_adds(rec, "cmd", cmd);
	for (size_t i = 0; i < f->nid; i++)
		attr_adds(rec, "id", f->id[i]);
	add(rec, "account", f->account);
	add(rec, "domain", f->domain);
	add(rec, "from", f->from);
	add(rec, "to", f->to);
	if (f->held)
		attr_adds(rec, "held", "1");
	if (f->all)
		attr_adds(rec, "all", "1");
	return sock;
}

uint64_t
queue_count(struct str rec)
{
	struct buf	text = BUF_INIT(LIMIT_RECORD * 4);

	if (!attr_is(rec, "queue", 1))
		diex(EXIT_TEMP, "queue-send answered something else");
	code_escape(&text, attr_text(rec, "text"));
	if (!str_eq(attr_get(rec, "result"), STR("ok")))
		diex(EXIT_PERM, "queue-send refuses: %.*s", STR_ARG(buf_str(&text)));
	buf_free(&text);
	return attr_getu(rec, "count", 0);
}

/* --- printing */

void
queue_print(struct str s)
{
	struct buf	b = BUF_INIT(PRINTED);

	code_escape(&b, s);
	(void)printf(STR_FMT, STR_ARG(buf_str(&b)));
	buf_free(&b);
}

void
queue_print_time(int64_t at)
{
	struct buf	b = BUF_INIT(64);

	date_write_3339(&b, at);
	(void)printf(STR_FMT, STR_ARG(buf_str(&b)));
	buf_free(&b);
}
