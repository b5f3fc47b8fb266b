/*
 * queue-drop: queue-put for programs on this machine. sendmail runs it, with
 * its own other end on descriptor 0; it is set-uid to the queue's user, and who
 * runs it is who writes. Then nothing of the caller is believed but his user id:
 * no environment, no descriptor, no limit. Exit codes 0, 100, 111; see queue-drop(8).
 */
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "queue-put/put.h"
#include "sys/die.h"
#include "sys/home.h"
#include "sys/priv.h"

enum { FILES_LEAST = 32 };

extern char	**environ;

static void	forget_caller(void);
static void	become_whole(void);
static void	enter(bool trusted);
static void	identify(uid_t, bool trusted);
static void	find_account(void);

static struct queue_put	q;
static char		user[64], account[LIMIT_ACCOUNT + 1];

int
main(int argc, char *argv[])
{
	uid_t	caller = getuid();
	bool	trusted = caller == geteuid();
	int	code;

	(void)argv;	/* the caller's, as all else */
	prog_init("queue-drop");
	if (!trusted)
		forget_caller();
	if (argc != 1)
		diex(EXIT_PERM, "usage: queue-drop");
	enter(trusted);
	identify(caller, trusted);
	if (queue_put_open(&q, STDIN_FILENO) == -1)
		die(EXIT_TEMP, "unable to open the queue");
	if (!q.who.any)
		find_account();
	code = serve(&q);
	queue_put_close(&q);
	return code;
}

/* 0, 1 and 2 are something, and there are no others. */
static void
only_standard(void)
{
	int	fd = open("/dev/null", O_RDWR);

	while (fd >= 0 && fd <= STDERR_FILENO)
		fd = open("/dev/null", O_RDWR);
	if (fd == -1)
		_exit(EXIT_TEMP);
#ifdef __linux__
	if (close_range(STDERR_FILENO + 1, ~0u, 0) == 0)
		return;
#endif
	for (int max = (int)sysconf(_SC_OPEN_MAX); --max > STDERR_FILENO; )
		(void)close(max);
}

/*
 * From his terminal he can stop who is not his to signal, and then all who wait
 * for our locks would wait for him. Timers survive exec, too.
 */
static void
forget_signals(void)
{
	static const int	stops[] = { SIGTSTP, SIGTTIN, SIGTTOU };
	struct itimerval	off = { .it_value = { 0, 0 } };
	sigset_t		none;

	(void)setitimer(ITIMER_REAL, &off, NULL);
	(void)setitimer(ITIMER_VIRTUAL, &off, NULL);
	(void)setitimer(ITIMER_PROF, &off, NULL);
	for (int sig = 1; sig < 32; sig++)
		(void)signal(sig, SIG_DFL);
	for (size_t i = 0; i < sizeof(stops) / sizeof(stops[0]); i++)
		(void)signal(stops[i], SIG_IGN);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* What his limits allow at most; what they do not is a full disk. But without descriptors we could not confine ourselves. */
static void
raise_limits(void)
{
	static const int	limits[] = {
		RLIMIT_FSIZE, RLIMIT_CPU, RLIMIT_DATA, RLIMIT_STACK, RLIMIT_AS, RLIMIT_NOFILE,
	};
	struct rlimit		r;

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		if (getrlimit(limits[i], &r) == 0) {
			r.rlim_cur = r.rlim_max;
			(void)setrlimit(limits[i], &r);
		}
	(void)setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
	if (getrlimit(RLIMIT_NOFILE, &r) == -1 || r.rlim_cur < FILES_LEAST)
		diex(EXIT_TEMP, "your limit of open files is too low");
}

/* What survives exec and could be used against us. */
static void
forget_caller(void)
{
	static char	*nothing[] = { NULL };

	environ = nothing;
	only_standard();
	(void)umask(077);
	become_whole();
	forget_signals();
	raise_limits();
}

/* The queue's user in every respect: the caller may not signal us, or ask for what we hold. */
static void
become_whole(void)
{
	uid_t	uid = geteuid();
	gid_t	gid = getegid();

	if (setresgid(gid, gid, gid) == -1 || setresuid(uid, uid, uid) == -1)
		_exit(EXIT_TEMP);
}

static void
enter(bool trusted)
{
	if (home_enter() == -1)
		die(EXIT_TEMP, "unable to enter the var directory");
	/* root, and not set-uid: what it makes is to be its owner's all the same */
	if (trusted && priv_become_owner(HOME_QUEUE) == -1 && errno != ENOENT)
		die(EXIT_TEMP, "unable to become the owner of the queue");
}

static void
identify(uid_t caller, bool trusted)
{
	struct passwd	*pw = getpwuid(caller);

	if (pw == NULL || strlen(pw->pw_name) >= sizeof(user))
		(void)snprintf(user, sizeof(user), "uid%lu", (unsigned long)caller);
	else
		(void)snprintf(user, sizeof(user), "%s", pw->pw_name);
	q.who = (struct sender){ .system = true, .any = trusted || caller == 0, .user = str_c(user),
	    .account = STR(""), .login = STR("") };
}

static void
find_account(void)
{
	struct str	name;

	switch (conf_system_user(q.conf, q.who.user, &q.arena, &name)) {
	case CONF_OK:
		if (!str_copy(name, account, sizeof(account)))
			diex(EXIT_TEMP, "the name of your account is too long");
		q.who.account = str_c(account);
		break;
	case CONF_NONE:
		break;
	case CONF_ERROR:
		diex(EXIT_TEMP, "unable to look up who you are");
	}
}
