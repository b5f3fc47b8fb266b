#include "supervised.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sys/child.h"
#include "sys/die.h"
#include "sys/fd.h"
#include "sys/home.h"
#include "sys/log.h"
#include "sys/priv.h"

extern char	**environ;

enum {
	START_MS	= 30000,	/* for a service to become ready */
	CALM_MS		= 10000,	/* ready for so long: its failures are forgotten */
	BACKOFF_FIRST	= 20,
	BACKOFF_SECOND	= 100,		/* doubled from here */
	BACKOFF_MAX	= 30000,
};

/* --- a new process */

/* Only what services are meant to know goes on; ours is not theirs. */
static void
child_environment(const struct launch *l, const char *names, size_t nfds)
{
	static const char *const	kept[] = { "PATH", "TZ", "LANG", "ASAN_OPTIONS", "UBSAN_OPTIONS" };
	static char			*none[1];
	char				*values[sizeof(kept) / sizeof(kept[0])], pid[24], count[24];
	char				**old = environ;
	bool				 good = true;

	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		values[i] = getenv(kept[i]);
	environ = none;
	for (; *old != NULL; old++)
		if (strncmp(*old, "POSTHORN_", 9) == 0)
			good = good && putenv(*old) == 0;
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		if (values[i] != NULL)
			good = good && setenv(kept[i], values[i], 1) == 0;
	if (l->notify)
		good = good && setenv("NOTIFY_SOCKET", HOME_RUN "/notify", 1) == 0;
	if (nfds > 0) {
		(void)snprintf(pid, sizeof(pid), "%ld", (long)getpid());
		(void)snprintf(count, sizeof(count), "%zu", nfds);
		good = good && setenv("LISTEN_PID", pid, 1) == 0 &&
		    setenv("LISTEN_FDS", count, 1) == 0 && setenv("LISTEN_FDNAMES", names, 1) == 0;
	}
	if (!good)
		die(EXIT_TEMP, "unable to make an environment");
}

#ifdef __GLIBC__
typedef __rlimit_resource_t	resource;
#else
typedef int			resource;
#endif

/* Who may not raise a limit past the hard one gets that. */
static void
limit(resource what, uint64_t value)
{
	struct rlimit	rl = { .rlim_cur = value, .rlim_max = value };
	struct rlimit	now;

	if (value == 0 || setrlimit(what, &rl) == 0)
		return;
	if (errno != EPERM || getrlimit(what, &now) == -1 || now.rlim_max >= value)
		die(EXIT_TEMP, "unable to set a limit");
	now.rlim_cur = now.rlim_max;
	if (setrlimit(what, &now) == -1)
		die(EXIT_TEMP, "unable to set a limit");
}

/* The sockets onto 3, 4, …; their copies are the only ones that survive exec. */
static size_t
child_sockets(const struct launch *l, struct buf *names)
{
	const struct bound_set	*sets[] = { l->own, l->listeners };
	size_t			 n = 0, total = 0;
	int			*fd;

	for (size_t i = 0; i < 2; i++)
		total += sets[i] == NULL ? 0 : sets[i]->n;
	fd = calloc(total + 1, sizeof(*fd));
	if (fd == NULL)
		die(EXIT_TEMP, "out of memory");
	for (size_t i = 0; i < 2; i++)
		for (size_t k = 0; sets[i] != NULL && k < sets[i]->n; k++) {
			/* first out of the way of the numbers they are to get */
			fd[n] = fcntl(sets[i]->v[k].fd, F_DUPFD_CLOEXEC, 3 + (int)total);
			if (fd[n] == -1)
				die(EXIT_TEMP, "unable to pass a socket");
			buf_addf(names, "%s%s", n == 0 ? "" : ":", sets[i]->v[k].name);
			n++;
		}
	for (size_t k = 0; k < n; k++)
		if (dup2(fd[k], 3 + (int)k) == -1)
			die(EXIT_TEMP, "unable to pass a socket");
	free(fd);
	return n;
}

static void
child_signals(pid_t parent)
{
	sigset_t	none;

	for (int sig = 1; sig < NSIG; sig++)
		(void)signal(sig, SIG_DFL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	child_follow(parent);
}

static _Noreturn void
child_main(const struct launch *l, pid_t parent)
{
	struct buf	names = BUF_INIT(16384);
	char		path[PATH_MAX];
	size_t		nfds;
	int		null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	/* a terminal's Ctrl-C is for the supervisor alone */
	(void)setpgid(0, 0);
	(void)umask(077);
	if (null == -1 || dup2(null, STDIN_FILENO) == -1 || dup2(STDERR_FILENO, STDOUT_FILENO) == -1)
		die(EXIT_TEMP, "unable to start %s", l->argv[0]);
	nfds = child_sockets(l, &names);
	if (home_program(l->argv[0], path, sizeof(path)) == -1)
		die(EXIT_PERM, "unable to run %s", l->argv[0]);
	if (l->limits != NULL) {
		limit(RLIMIT_NOFILE, l->limits->nofile);
		limit(RLIMIT_AS, l->limits->as);
		limit(RLIMIT_NPROC, l->limits->nproc);
	}
	child_environment(l, buf_c(&names), nfds);
	if (!l->same_user && priv_drop(l->user) == -1)
		die(EXIT_TEMP, "unable to become %s", l->user);
	child_signals(parent);
	(void)execv(path, l->argv);
	die(EXIT_PERM, "unable to run %s", path);
}

pid_t
launch(const struct launch *l)
{
	pid_t		parent = getpid(), pid;
	sigset_t	all, old;

	/* our handlers must not run in the child: it shares the pipe with us */
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_BLOCK, &all, &old);
	pid = fork();
	if (pid == 0)
		child_main(l, parent);
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	if (pid == -1)
		log_failure("fork", l->argv[0], errno);
	return pid;
}

/* --- the actions of the table */

static void
tell(const struct unit *u, const char *event)
{
	struct log	l;

	log_start(&l, event);
	log_cstr(&l, "service", u->sv->name);
	if (u->pid > 0)
		log_num(&l, "pid", u->pid);
	if (u->text[0] != '\0')
		log_cstr(&l, "last", u->text);
	log_end(&l);
}

static int64_t
backoff_ms(unsigned failures)
{
	int64_t	ms = BACKOFF_SECOND;

	if (failures <= 1)
		return BACKOFF_FIRST;
	while (failures-- > 2 && ms < BACKOFF_MAX)
		ms *= 2;
	return ms < BACKOFF_MAX ? ms : BACKOFF_MAX;
}

static void
start(struct unit *u)
{
	const struct launch	l = {
		.user = u->sv->user, .argv = u->sv->argv, .own = &u->sockets,
		.listeners = u->sv->listeners ? &u->super->listeners : NULL,
		.limits = u->sv, .notify = u->sv->notifies, .same_user = u->super->table.same_user,
	};

	u->starts++;
	u->timer = deadline_in(START_MS);
	u->pid = launch(&l);
	if (u->pid == -1) {
		u->pid = 0;
		(void)snprintf(u->text, sizeof(u->text), "fork failed");
		unit_event(u, EVENT_EXIT);
	} else if (!u->sv->notifies)
		unit_event(u, EVENT_READY);
}

static void
signal_unit(const struct unit *u, int sig)
{
	if (u->pid > 0)
		(void)kill(u->pid, sig);
}

static void
act(struct unit *u, enum action action)
{
	switch (action) {
	case ACTION_NONE:
		break;
	case ACTION_START:
		start(u);
		break;
	case ACTION_WELCOME:
		u->timer = deadline_in(CALM_MS);
		tell(u, "ready");
		break;
	case ACTION_CALM:
		u->timer = DEADLINE_NEVER;
		u->failures = 0;
		break;
	case ACTION_TERM:
		u->timer = deadline_in((int64_t)u->sv->grace * 1000);
		signal_unit(u, SIGTERM);
		break;
	case ACTION_KILL:
		u->timer = DEADLINE_NEVER;
		tell(u, "killed");
		signal_unit(u, SIGKILL);
		break;
	case ACTION_WAIT:
		u->failures++;
		u->timer = deadline_in(backoff_ms(u->failures));
		tell(u, "failed");
		break;
	case ACTION_REST:
		u->timer = DEADLINE_NEVER;
		tell(u, "down");
		break;
	}
}

void
unit_event(struct unit *u, enum event event)
{
	struct step	step = state_step(u->state, event);

	if (event == EVENT_RESTART)
		u->failures = 0;
	if (u->state != step.next)
		u->since = clock_now();
	/* a start that fails at once is an event of its own: the state first */
	u->state = step.next;
	act(u, step.action);
}

void
status_text(int status, char *text, size_t size)
{
	if (WIFSIGNALED(status))
		(void)snprintf(text, size, "signal %d", WTERMSIG(status));
	else
		(void)snprintf(text, size, "exit %d", WEXITSTATUS(status));
}

void
unit_ended(struct unit *u, int status)
{
	status_text(status, u->text, sizeof(u->text));
	u->pid = 0;
	unit_event(u, EVENT_EXIT);
}
