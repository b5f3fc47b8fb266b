/*
 * logins: who tried to log in. See posthorn-logins(8).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "../authd/attempts.h"
#include "base/code.h"
#include "sys/die.h"
#include "sys/home.h"
#include "sys/priv.h"

/* Records of the database, copied, for sorting. */
struct list {
	struct str	 account;	/* only of this one; n 0: all */
	struct buf	*rec;
	size_t		 n, cap;
};

static int	collect(struct tdb_context *, TDB_DATA, TDB_DATA, void *);
static int	by_last(const void *, const void *);
static void	print(const struct buf *);

int
main(int argc, char *argv[])
{
	struct list		 l = { .n = 0 };
	struct tdb_context	*db;

	prog_init(argv[0]);
	if (argc > 2)
		diex(EXIT_PERM, "usage: posthorn logins [ACCOUNT]");
	l.account = str_c(argv[1]);
	if (home_enter() == -1)
		die(EXIT_TEMP, "unable to enter the var directory");
	if (access(HOME_AUTH, F_OK) == 0 && priv_become_owner(HOME_AUTH) == -1)
		die(EXIT_TEMP, "unable to become the owner of %s", HOME_AUTH);
	db = attempts_open(false);
	if (db == NULL && errno == ENOENT)
		return EXIT_OK;
	if (db == NULL)
		die(EXIT_TEMP, "unable to open auth/attempts.tdb");
	if (tdb_traverse_read(db, collect, &l) == -1)
		diex(EXIT_TEMP, "unable to read auth/attempts.tdb");
	qsort(l.rec, l.n, sizeof(*l.rec), by_last);
	for (size_t i = 0; i < l.n; i++) {
		print(&l.rec[i]);
		buf_free(&l.rec[i]);
	}
	free(l.rec);
	return tdb_close(db) == 0 && fflush(stdout) == 0 ? EXIT_OK : EXIT_TEMP;
}

static int
collect(struct tdb_context *db, TDB_DATA key, TDB_DATA value, void *arg)
{
	struct list	*l = arg;
	struct attempt	 a;

	(void)db;
	(void)key;
	if (!attempts_decode(authdb_str(value), &a) || (l->account.n > 0 && !str_eq(a.account, l->account)))
		return 0;
	if (l->n == l->cap) {
		size_t		 cap = l->cap == 0 ? 64 : 2 * l->cap;
		struct buf	*rec = reallocarray(l->rec, cap, sizeof(*rec));

		if (rec == NULL)
			return -1;
		l->rec = rec;
		l->cap = cap;
	}
	buf_init(&l->rec[l->n], ATTEMPTS_RECORD);
	buf_add(&l->rec[l->n++], authdb_str(value));
	return 0;
}

static int64_t
last_of(const struct buf *rec)
{
	struct attempt	a;

	return attempts_decode(buf_str(rec), &a) ? a.last : 0;
}

/* The newest first. */
static int
by_last(const void *x, const void *y)
{
	int64_t	a = last_of(x), b = last_of(y);

	return a < b ? 1 : a > b ? -1 : 0;
}

static void
print_when(int64_t when)
{
	time_t		t = (time_t)when;
	struct tm	tm;
	char		text[32] = "-";

	if (gmtime_r(&t, &tm) != NULL)
		(void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	(void)printf("%s", text);
}

/* Names are of strangers: no byte of theirs may move the cursor. */
static void
print_value(const char *name, struct str value)
{
	struct buf	esc = BUF_INIT(4096);

	if (value.n == 0)
		return;
	code_escape(&esc, value);
	(void)printf(str_chr(value, ' ') == value.n ? " %s=" STR_FMT : " %s=\"" STR_FMT "\"", name, STR_ARG(buf_str(&esc)));
	buf_free(&esc);
}

static void
print(const struct buf *rec)
{
	struct attempt	a;

	if (!attempts_decode(buf_str(rec), &a))
		return;
	print_when(a.last);
	print_value("result", a.result);
	(void)printf(" count=%llu first=", (unsigned long long)a.count);
	print_when(a.first);
	print_value("account", a.account);
	print_value("login", a.login);
	print_value("from", a.rip);
	print_value("to", a.lip);
	print_value("protocol", a.protocol);
	print_value("mechanism", a.mechanism);
	print_value("tls", a.tls);
	print_value("key", a.fingerprint);
	print_value("agent", a.agent);
	(void)printf("\n");
}
