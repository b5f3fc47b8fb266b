/* spool: putting, reading, the log and its torn ends, what a crash leaves. */
#include "store/spool.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <fcntl.h>
#include <signal.h>
#include <utime.h>

#include "sys/deadline.h"

#include "../tap.h"
#include "scratch.h"

static struct spool	sp;
static struct arena	arena = ARENA_INIT(LIMIT_ENVELOPE_ARENA);

static struct envelope_rcpt	rcpts[] = {
	{ .address = STR_INIT("a@b.example") }, { .address = STR_INIT("c@d.example") }, { .address = STR_INIT("e@f.example") },
};

static struct envelope
sample(void)
{
	return (struct envelope){ .queued = 1700000000, .account = STR("joe"), .from = STR("joe@example.org"),
	    .rcpt = rcpts, .nrcpt = 3 };
}

static bool
count(void *arg, const char *id)
{
	(void)id;
	return ++*(int *)arg < 100;
}

static int
messages(void)
{
	int	n = 0;

	return spool_each(&sp, count, &n) == 0 ? n : -1;
}

static bool
is_there(const char *dir, const char *id)
{
	char	path[100];

	(void)snprintf(path, sizeof(path), "queue/%s/%s", dir, id);
	return access(path, F_OK) == 0;
}

static int
put(struct envelope *e, const char *text)
{
	struct spool_new	n;

	if (spool_begin(&sp, e, &n) == -1)
		return -1;
	if (write_all(n.fd, str_c(text)) == -1) {
		spool_abort(&sp, &n);
		return -1;
	}
	return spool_commit(&sp, &n);
}

static void
test_put(void)
{
	struct envelope		e = sample(), d;
	struct spool_new	n;
	struct stat		st;
	char			text[100];
	int			fd;

	ok(spool_open(&sp, false) == -1 && errno == ENOENT, "there is no queue");
	is_num(spool_open(&sp, true), 0, "it is made");
	ok(stat("queue/msg", &st) == 0 && (st.st_mode & 07777) == 0700, "for its user alone");
	is_num(spool_begin(&sp, &e, &n), 0, "begin");
	ok(spool_is_id(str_c(e.id)) && strcmp(e.id, n.id) == 0, "with an id");
	ok(is_there("tmp", n.id) && messages() == 0, "in tmp/, not in msg/");
	is_num(write_all(n.fd, STR("Subject: x\r\n\r\nbody\r\n")), 0, "write");
	is_num(spool_commit(&sp, &n), 0, "commit");
	ok(!is_there("tmp", e.id) && is_there("msg", e.id) && messages() == 1, "now it is in msg/");
	is_num(spool_read(&sp, e.id, &arena, &d, &fd), 0, "read");
	is_num(d.size, 20, "its size");
	is_num(pread(fd, text, sizeof(text), (off_t)d.content), 20, "its bytes");
	ok(memcmp(text, "Subject: x\r\n", 12) == 0, "are those that were written");
	is_str(d.rcpt[2].domain, STR("f.example"), "its envelope");
	(void)close(fd);
	is_num(spool_remove(&sp, e.id), 0, "remove");
	is_num(spool_remove(&sp, e.id), 0, "twice");
	ok(messages() == 0 && !is_there("msg", e.id), "is gone");
	ok(spool_read(&sp, e.id, &arena, &d, &fd) == -1 && errno == ENOENT && fd == -1, "not to be read");
	ok(spool_read(&sp, "../../etc/passwd", &arena, &d, &fd) == -1 && errno == ENOENT, "nothing but ids is");
}

static void
test_given(void)
{
	struct envelope	e = sample(), d;
	int		fd;

	(void)snprintf(e.id, sizeof(e.id), "0123456789abcdef");
	ok(put(&e, "one\r\n") == 0 && put(&e, "three\r\n") == 0, "twice by a given id");
	is_num(messages(), 1, "is there once");
	ok(spool_read(&sp, e.id, &arena, &d, &fd) == 0 && d.size == 7, "the second one");
	(void)close(fd);
	fd = open("queue/tmp/0123456789abcdef", O_WRONLY | O_CREAT, 0600);
	(void)close(fd);
	is_num(put(&e, "four\r\n"), 0, "whatever a crash left in tmp/");
	ok(rename("queue/msg/0123456789abcdef", "queue/msg/0123456789abcdee") == 0, "under another's name");
	ok(spool_read(&sp, "0123456789abcdee", &arena, &d, &fd) == -1 && errno == EPROTO, "it is damage");
	ok(spool_remove(&sp, "0123456789abcdee") == 0, "removed");
	e.nrcpt = 0;
	e.id[0] = '\0';
	ok(put(&e, "") == -1 && errno == EINVAL, "no recipient");
	e = sample();
	(void)snprintf(e.id, sizeof(e.id), "../../../../x");
	ok(put(&e, "") == -1 && errno == EINVAL, "not an id");
	arena_reset(&arena);
}

/* A full disk, as a process without root can have one. */
static void
test_full(void)
{
	struct rlimit		 old, none = { 0, 0 };
	struct envelope		 e = sample();
	struct spool_new	 n;

	(void)getrlimit(RLIMIT_FSIZE, &old);
	none.rlim_max = old.rlim_max;
	(void)signal(SIGXFSZ, SIG_IGN);
	(void)setrlimit(RLIMIT_FSIZE, &none);
	ok(spool_begin(&sp, &e, &n) == -1 && errno == EFBIG, "no room for the envelope");
	(void)setrlimit(RLIMIT_FSIZE, &old);
	ok(rmdir("queue/tmp") == 0 && mkdir("queue/tmp", 0700) == 0, "nothing is left in tmp/");
	spool_close(&sp);
	is_num(spool_open(&sp, true), 0, "open");
	is_num(messages(), 0, "nothing in msg/");
	ok(spool_begin(&sp, &e, &n) == 0, "begin");
	spool_abort(&sp, &n);
	ok(!is_there("tmp", e.id), "abort leaves nothing");
}

static void
test_ids(void)
{
	char	a[SPOOL_ID + 1], b[SPOOL_ID + 1], c[SPOOL_ID + 1];

	ok(spool_new_id(1700000000000000, a) == 0 && spool_new_id(1700000000000000, b) == 0 &&
	    spool_new_id(1700000000020000, c) == 0, "ids");
	ok(memcmp(a, b, 8) == 0 && strcmp(a, b) != 0, "of one time differ behind it");
	ok(memcmp(a, c, 8) < 0 && strcmp(a, c) < 0, "a later one sorts behind");
	ok(spool_is_id(str_c(a)) && !spool_is_id(STR("0123456789abcde")) && !spool_is_id(STR("0123456789abcdew")) &&
	    !spool_is_id(STR("0123456789ABCDEF")) && !spool_is_id(STR("")), "what is one");
}

/* --- the log */

static const char	id[] = "0000000000000001";

static int
note(enum spool_event event, uint32_t from, uint32_t to, unsigned attempt, int64_t next)
{
	uint32_t		list[3];
	struct spool_entry	e = { .event = event, .at = 1000 + (int64_t)attempt, .rcpt = list, .attempt = attempt, .next = next };

	for (; from <= to; from++)
		list[e.nrcpt++] = from;
	e.result = (struct spool_result){ .host = STR("mx.b.example"), .ip = STR("192.0.2.1"), .code = 450,
	    .status = STR("4.2.0"), .text = STR("one\ntwo\036\r"), .tls = STR("TLSv1.3"), .dsn = true };
	return spool_note(&sp, id, &e, attempt == 1);
}

static struct spool_rcpt	state[3];
static unsigned			seen[16];

static void
see(void *arg, const struct spool_entry *e)
{
	(void)arg;
	seen[e->event]++;
}

static int
replay(void)
{
	arena_reset(&arena);
	memset(seen, 0, sizeof(seen));
	return spool_replay(&sp, id, &arena, state, 3, see, NULL);
}

static void
test_states(void)
{
	is_num(replay(), 0, "no log");
	ok(state[0].state == SPOOL_WAITING && state[0].next == 0 && state[0].attempts == 0, "waits, due at once");
	ok(note(SPOOL_EV_TRY, 0, 2, 1, 2000) == 0 && replay() == 0, "try");
	ok(state[2].state == SPOOL_TRYING && state[2].attempts == 1 && state[2].next == 2000 && state[2].last == 1001, "tried");
	ok(note(SPOOL_EV_OK, 0, 0, 2, 0) == 0 && note(SPOOL_EV_DEFER, 1, 1, 3, 3000) == 0 && note(SPOOL_EV_FAIL, 2, 2, 4, 0) == 0 &&
	    replay() == 0, "ok, defer, fail");
	ok(state[0].state == SPOOL_DELIVERED && state[1].state == SPOOL_WAITING && state[2].state == SPOOL_FAILED, "states");
	is_num(state[1].next, 3000, "the next time");
	is_str(state[1].result.text, STR("one\ntwo??"), "its text, harmless");
	ok(state[1].result.code == 450 && state[1].result.dsn && !state[1].result.local, "its result");
	is_str(state[2].result.host, STR("mx.b.example"), "host");
	ok(note(SPOOL_EV_HOLD, 0, 2, 0, 0) == 0 && replay() == 0, "hold");
	ok(!state[0].held && state[1].held && !state[2].held, "what is over is not held");
	ok(note(SPOOL_EV_RETRY, 0, 2, 0, 1500) == 0 && note(SPOOL_EV_DELAYED, 1, 1, 0, 0) == 0 && replay() == 0, "retry");
	ok(state[0].state == SPOOL_DELIVERED && state[2].state == SPOOL_FAILED, "raises nobody");
	ok(state[1].next == 1500 && state[1].held && state[1].delayed && state[1].attempts == 1, "but who waits");
	ok(note(SPOOL_EV_RELEASE, 1, 1, 0, 0) == 0 && note(SPOOL_EV_TOLD, 2, 2, 0, 0) == 0 && note(SPOOL_EV_DROP, 1, 1, 0, 0) == 0 &&
	    replay() == 0, "release, told, drop");
	ok(state[1].state == SPOOL_DROPPED && !state[1].held && state[2].state == SPOOL_TOLD, "finished");
	ok(spool_is_final(state[0].state) && spool_is_final(state[1].state) && spool_is_final(state[2].state), "all of them");
	ok(seen[SPOOL_EV_TRY] == 1 && seen[SPOOL_EV_HOLD] == 1 && seen[SPOOL_EV_TOLD] == 1, "each event was seen");
	ok(note(SPOOL_EV_TRY, 1, 0, 1, 1) == -1 && errno == EINVAL, "an event of nobody is none");
}

/* A log of two events, cut at every byte, and one more appended. */
static void
test_torn(void)
{
	struct buf	 whole = BUF_INIT(100000);
	unsigned	 bad = 0;
	size_t		 first;
	int		 fd;

	ok(spool_remove(&sp, id) == 0 && note(SPOOL_EV_TRY, 0, 0, 1, 5) == 0 && file_read(sp.log, id, &whole) == 0, "one");
	first = whole.n;
	buf_reset(&whole);
	ok(note(SPOOL_EV_DEFER, 0, 2, 2, 7) == 0 && file_read(sp.log, id, &whole) == 0, "two");
	for (size_t n = 0; n <= whole.n; n++) {
		fd = openat(sp.log, id, O_WRONLY | O_TRUNC);
		if (write_all(fd, str_head(buf_str(&whole), n)) == -1 || close(fd) == -1 ||
		    note(SPOOL_EV_RETRY, 2, 2, 9, 99) == -1 || replay() == -1)
			bad++;
		bad += seen[SPOOL_EV_TRY] != (n >= first);
		bad += seen[SPOOL_EV_DEFER] != (n == whole.n);
		bad += seen[SPOOL_EV_RETRY] != 1 || state[2].next != 99;
	}
	is_num(bad, 0, "cut anywhere: what is whole counts, what is not does not, what comes next does");
	bad = 0;
	for (size_t n = 0; n < whole.n; n++) {
		whole.p[n] ^= 0x15;
		fd = openat(sp.log, id, O_WRONLY | O_TRUNC);
		if (write_all(fd, buf_str(&whole)) == -1 || close(fd) == -1 || replay() == -1)
			bad++;
		/* the mark between them is also the end of the first */
		bad += seen[SPOOL_EV_TRY] + seen[SPOOL_EV_DEFER] != (n != first);
		whole.p[n] ^= 0x15;
	}
	is_num(bad, 0, "a changed byte spoils its own event alone");
	fd = openat(sp.log, id, O_WRONLY | O_TRUNC);
	for (unsigned i = 0; i < 40; i++)
		bad += write_all(fd, str_n((char[10000]){ 0 }, 10000)) == -1;
	(void)close(fd);
	ok(bad == 0 && note(SPOOL_EV_RETRY, 2, 2, 9, 99) == 0 && replay() == 0 && state[2].next == 99, "behind 400 kB of nothing");
	buf_free(&whole);
}

/* Many events, the longest ones among them. */
static void
test_long(void)
{
	static uint32_t	all[LIMIT_SMTP_RCPTS];
	static struct spool_rcpt	states[LIMIT_SMTP_RCPTS];
	static char	text[100000];
	struct spool_entry	e = { .event = SPOOL_EV_DEFER, .at = 1, .next = 2, .rcpt = all, .nrcpt = LIMIT_SMTP_RCPTS };
	unsigned	bad = 0;

	memset(text, 'x', sizeof(text));
	e.result.text = e.result.host = e.result.status = e.result.ip = e.result.tls = str_n(text, sizeof(text));
	/* no two that follow each other: the longest list */
	for (uint32_t i = 0; i < LIMIT_SMTP_RCPTS; i++)
		all[i] = i % 2 == 0 ? i / 2 : LIMIT_SMTP_RCPTS - 1 - i / 2;
	ok(spool_remove(&sp, id) == 0, "a new log");
	for (int i = 0; i < 20; i++)
		bad += spool_note(&sp, id, &e, false) == -1;
	is_num(bad, 0, "notes of 1000 recipients with long results");
	arena_reset(&arena);
	ok(spool_replay(&sp, id, &arena, states, LIMIT_SMTP_RCPTS, NULL, NULL) == 0, "are read");
	for (uint32_t i = 0; i < LIMIT_SMTP_RCPTS; i++)
		bad += states[i].next != 2 || states[i].result.text.n != LIMIT_SMTP_REPLY;
	is_num(bad, 0, "each of them, the text cut");
	all[0] = LIMIT_SMTP_RCPTS;
	ok(spool_note(&sp, id, &e, false) == -1 && errno == EINVAL, "no index above");
	is_num(spool_remove(&sp, id), 0, "removed");
}

static char	heard[LIMIT_SPOOL_DEST + LIMIT_JOB_DIALED + 10];

static void
hear(void *arg, const struct spool_entry *e)
{
	struct buf	b = { .p = heard, .cap = sizeof(heard), .max = sizeof(heard) - 1 };

	(void)arg;
	buf_addf(&b, STR_FMT "|" STR_FMT, STR_ARG(e->dest), STR_ARG(e->dialed));
	heard[b.n] = '\0';
}

/* What workers want to know again: as it is, or not at all. */
static void
test_dialed(void)
{
	static char		text[LIMIT_JOB_DIALED + 1];
	uint32_t		zero = 0;
	struct spool_entry	e = { .event = SPOOL_EV_DEFER, .rcpt = &zero, .nrcpt = 1 };
	const struct {
		const char		*name;
		enum spool_event	 event;
		struct str		 dest, dialed;
		const char		*want;
	} table[] = {
		{ "a host's addresses", SPOOL_EV_DEFER, STR("\001smart\001b.example"), STR("mx=192.0.2.1"), "\001smart\001b.example|mx=192.0.2.1" },
		{ "the longest", SPOOL_EV_DEFER, STR(""), str_n(text, LIMIT_JOB_DIALED), NULL },
		{ "too long", SPOOL_EV_DEFER, STR("d"), str_n(text, sizeof(text)), "|" },
		{ "an entry's mark", SPOOL_EV_DEFER, STR("d"), STR("a\036b"), "|" },
		{ "a NUL", SPOOL_EV_DEFER, STR("a\0b"), STR("c"), "|" },
		{ "of no use any more", SPOOL_EV_FAIL, STR("d"), STR("c"), "|" },
	};

	memset(text, 'x', sizeof(text));
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		e.event = table[i].event;
		e.dest = table[i].dest;
		e.dialed = table[i].dialed;
		arena_reset(&arena);
		ok(spool_note(&sp, id, &e, false) == 0 && spool_replay(&sp, id, &arena, state, 3, hear, NULL) == 0 &&
		    (table[i].want != NULL ? strcmp(heard, table[i].want) == 0 : strlen(heard) == LIMIT_JOB_DIALED + 1),
		    "dialed: %s", table[i].name);
		ok(spool_remove(&sp, id) == 0, "removed");
	}
}

static void
test_tidy(void)
{
	struct envelope	e = sample();
	int64_t		now = clock_now();
	struct utimbuf	old = { (time_t)now - 2 * 86400, (time_t)now - 2 * 86400 };

	ok(put(&e, "x") == 0 && close(open("queue/tmp/0000000000000002", O_WRONLY | O_CREAT, 0600)) == 0 &&
	    close(open("queue/tmp/0000000000000003", O_WRONLY | O_CREAT, 0600)) == 0, "files");
	ok(utime("queue/tmp/0000000000000002", &old) == 0 && note(SPOOL_EV_HOLD, 0, 0, 0, 0) == 0, "an old one, a log alone");
	spool_tidy(&sp, now);
	ok(!is_there("tmp", "0000000000000002") && is_there("tmp", "0000000000000003"), "the old one goes, the new one stays");
	ok(!is_there("log", id), "a log without a message goes");
	is_num(messages(), 1, "the message stays");
}

int
main(void)
{
	scratch_enter();
	test_put();
	test_given();
	test_full();
	test_ids();
	test_states();
	test_torn();
	test_long();
	test_dialed();
	test_tidy();
	spool_close(&sp);
	arena_free(&arena);
	scratch_leave();
	return done_testing();
}
