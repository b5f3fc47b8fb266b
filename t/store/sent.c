/* sent: what is counted, when it stops counting, two processes at once, damage. */
#include "store/sent.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>

#include "../tap.h"
#include "scratch.h"

static struct sent	s;

static const int64_t	start = 1700000000 / 300 * 300;

static enum sent_got
add(const char *account, uint32_t per_day, uint32_t first, const char *const *rcpt, size_t n, int64_t now)
{
	struct str		list[10];
	struct sent_count	c;

	for (size_t i = 0; i < n; i++)
		list[i] = str_c(rcpt[i]);
	return sent_add(&s, str_c(account), (struct sent_limits){ per_day, first }, list, n, now, &c);
}

static const char *const	abc[] = { "a@x", "b@x", "c@x", "d@x", "a@x" };

static void
test_counts(void)
{
	is_num(add("joe", 0, 0, abc, 3, start), SENT_OK, "no limit");
	ok(access("queue/sent.tdb", F_OK) == -1, "nothing is counted without one");
	is_num(add("joe", 7, 0, abc, 3, start), SENT_OK, "3 of 7");
	is_num(add("joe", 7, 0, abc, 4, start + 10), SENT_OK, "7 of 7");
	is_num(add("joe", 7, 0, abc, 1, start + 20), SENT_TOO_MANY, "8 of 7");
	is_num(add("jim", 7, 0, abc, 4, start + 20), SENT_OK, "another account's are its own");
	is_num(add("joe", 9, 0, abc, 2, start + 20), SENT_OK, "a greater limit counts at once");
	is_num(add("joe", 9, 0, abc, 1, start + 86399), SENT_TOO_MANY, "nearly a day later");
	is_num(add("joe", 9, 0, abc, 5, start + 86400 + 300), SENT_OK, "a day later");
	is_num(add("joe", 9, 0, abc, 4, start + 2 * 86400), SENT_OK, "within the next");
	is_num(add("joe", 9, 0, abc, 1, start + 2 * 86400), SENT_TOO_MANY, "it rolls");
	is_num(add("joe", 9, 0, abc, 5, start - 86400), SENT_OK, "a clock that was wrong does not count for ever");
}

static void
test_first(void)
{
	is_num(add("amy", 0, 2, abc, 3, start), SENT_TOO_MANY_NEW, "3 new ones of 2");
	is_num(add("amy", 0, 3, abc, 3, start), SENT_OK, "nothing was counted: 3 of 3");
	is_num(add("amy", 0, 3, abc, 3, start), SENT_OK, "again to the same");
	is_num(add("amy", 0, 3, abc + 3, 2, start), SENT_TOO_MANY_NEW, "one more");
	is_num(add("amy", 0, 3, abc + 3, 2, start + 86700), SENT_OK, "a day later");
	is_num(add("ann", 0, 1, (const char *const[]){ "q@x", "q@x" }, 2, start), SENT_OK, "the same twice in one message");
	is_num(add("ann", 10, 1, abc + 4, 1, start + 10 * 86400), SENT_OK, "days later");
	is_num(add("ann", 10, 1, (const char *const[]){ "q@x" }, 1, start + 10 * 86400), SENT_OK, "who was known stays known");
}

static void
test_back(void)
{
	struct str		r = STR("a@x");
	struct sent_count	c;

	is_num(sent_add(&s, STR("bob"), (struct sent_limits){ 2, 0 }, &r, 1, start, &c), SENT_OK, "one");
	sent_take_back(&s, STR("bob"), &c);
	is_num(add("bob", 2, 0, abc, 2, start), SENT_OK, "taken back: two more");
	is_num(add("bob", 2, 0, abc, 1, start), SENT_TOO_MANY, "and no third");
}

static void
test_together(void)
{
	enum { PROCESSES = 4, EACH = 50 };
	unsigned	bad = 0;
	int		status;

	sent_close(&s);
	(void)unlink("queue/sent.tdb");
	for (int i = 0; i < PROCESSES; i++)
		if (fork() == 0) {
			for (int k = 0; k < EACH; k++)
				bad += add("eve", PROCESSES * EACH, 0, abc, 1, start) != SENT_OK;
			_exit(bad != 0);
		}
	for (int i = 0; i < PROCESSES; i++)
		bad += wait(&status) == -1 || status != 0;
	is_num(bad, 0, "processes at once are within the limit");
	is_num(add("eve", PROCESSES * EACH, 0, abc, 1, start), SENT_TOO_MANY, "and none was lost");
}

static void
test_no_room(void)
{
	struct rlimit	r;
	char		tmp[64];

	sent_close(&s);
	(void)unlink("queue/sent.tdb");
	(void)snprintf(tmp, sizeof(tmp), "queue/sent.tdb.%ld", (long)getpid());
	(void)signal(SIGXFSZ, SIG_IGN);
	ok(getrlimit(RLIMIT_FSIZE, &r) == 0 && setrlimit(RLIMIT_FSIZE, &(struct rlimit){ 100, r.rlim_max }) == 0, "hardly any room");
	is_num(add("joe", 5, 5, abc, 2, start), SENT_ERROR, "it cannot be made");
	(void)setrlimit(RLIMIT_FSIZE, &r);
	ok(access(tmp, F_OK) == -1 && access("queue/sent.tdb", F_OK) == -1, "and nothing of it is left");
	is_num(add("joe", 5, 5, abc, 2, start), SENT_OK, "made when there is room");
}

static void
test_damage(void)
{
	int	fd = open("queue/sent.tdb", O_WRONLY);

	ok(fd != -1 && ftruncate(fd, 100) == 0 && close(fd) == 0, "cut");
	is_num(add("joe", 5, 5, abc, 2, start), SENT_OK, "made anew under an open handle");
	is_num(add("joe", 3, 5, abc, 2, start), SENT_TOO_MANY, "the new one counts");
	sent_close(&s);
	fd = open("queue/sent.tdb", O_WRONLY | O_TRUNC);
	ok(write_all(fd, STR("not a database, not at all")) == 0 && close(fd) == 0, "foreign text");
	is_num(add("joe", 5, 5, abc, 2, start), SENT_OK, "made anew when opened");
	sent_close(&s);
	ok(unlink("queue/sent.tdb") == 0 && chmod("queue", 0500) == 0, "no permission to make it");
	if (geteuid() != 0)
		is_num(add("joe", 5, 5, abc, 2, start), SENT_ERROR, "is an error");
	(void)chmod("queue", 0700);
}

/* Who runs queue-drop sets its limits: they must not look like damage, which makes the counts anew. */
static void
test_limit(void)
{
	struct stat		before, after;
	struct sent_count	c;
	struct rlimit		r;
	enum sent_got		got = SENT_OK;
	char			text[32];
	struct str		rcpt;
	int			err = 0;

	is_num(add("lim", 2000000, 2000000, abc, 1, start), SENT_OK, "there is a file");
	ok(stat("queue/sent.tdb", &before) == 0 && getrlimit(RLIMIT_FSIZE, &r) == 0, "its size");
	(void)signal(SIGXFSZ, SIG_IGN);
	ok(setrlimit(RLIMIT_FSIZE, &(struct rlimit){ (rlim_t)before.st_size, r.rlim_max }) == 0, "no larger");
	for (int i = 0; got == SENT_OK && i < 100000; i++) {
		(void)snprintf(text, sizeof(text), "n%d@x", i);
		rcpt = str_c(text);
		got = sent_add(&s, STR("lim"), (struct sent_limits){ 2000000, 2000000 }, &rcpt, 1, start, &c);
		err = errno;
	}
	(void)setrlimit(RLIMIT_FSIZE, &r);
	ok(got == SENT_ERROR && err == EFBIG, "full: %d, %s", (int)got, strerror(err));
	ok(stat("queue/sent.tdb", &after) == 0 && before.st_ino == after.st_ino, "the file is the same");
	is_num(add("lim", 1, 0, abc, 1, start), SENT_TOO_MANY, "and still counts");
}

static void
test_system(void)
{
	struct sent_count	c;
	struct str		rcpt = STR("a@x");
	struct sent_limits	one = { 1, 0 };

	s.system = true;
	sent_close(&s);
	is_num(sent_add(&s, STR("sys"), one, &rcpt, 1, start, &c), SENT_OK, "programs have a file of their own");
	is_num(sent_add(&s, STR("sys"), one, &rcpt, 1, start, &c), SENT_TOO_MANY, "which counts");
	ok(access("queue/sent-system.tdb", F_OK) == 0, "and is called so");
	s.system = false;
	sent_close(&s);
	is_num(sent_add(&s, STR("sys"), one, &rcpt, 1, start, &c), SENT_OK, "sessions have another");
}

int
main(void)
{
	scratch_enter();
	(void)mkdir("queue", 0700);
	test_counts();
	test_first();
	test_back();
	test_together();
	test_limit();
	test_system();
	test_no_room();
	test_damage();
	sent_close(&s);
	scratch_leave();
	return done_testing();
}
