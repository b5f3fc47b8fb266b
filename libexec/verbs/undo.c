#include "undo.h"

#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/str.h"
#include "setup.h"
#include "sys/die.h"

enum { STEPS_MAX = 256, OPEN_DIRS = 16 };

enum kind { UNDO_FILE, UNDO_DIR, UNDO_CONTENT, UNDO_USER, UNDO_OWNER };

struct step {
	enum kind	 kind;
	char		*what;
	uid_t		 uid;
	gid_t		 gid;
	mode_t		 mode;
};

/* atexit(3) hands over nothing, so this is the program's. */
static struct step		steps[STEPS_MAX];
static size_t			nsteps;
static pid_t			owner;
static volatile sig_atomic_t	got_signal;

static void	take_back(void);

static void
on_signal(int sig)
{
	got_signal = sig;
}

void
undo_begin(void)
{
	static const int	signals[] = { SIGINT, SIGTERM, SIGHUP, SIGPIPE };
	struct sigaction	sa = { .sa_handler = on_signal };

	owner = getpid();
	if (atexit(take_back) != 0)
		diex(EXIT_TEMP, "out of memory");
	(void)sigemptyset(&sa.sa_mask);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		if (sigaction(signals[i], &sa, NULL) == -1)
			die(EXIT_TEMP, "unable to catch signals");
}

void
undo_done(void)
{
	undo_check();
	nsteps = 0;
}

void
undo_check(void)
{
	if (got_signal != 0)
		diex(EXIT_TEMP, "stopped by a signal");
}

static struct step *
add(enum kind kind, const char *what)
{
	struct step	*s = &steps[nsteps];

	if (nsteps == STEPS_MAX || (s->what = strdup(what)) == NULL)
		diex(EXIT_TEMP, "out of memory");
	s->kind = kind;
	nsteps++;
	return s;
}

void
undo_file(const char *path)
{
	(void)add(UNDO_FILE, path);
}

void
undo_dir(const char *path)
{
	(void)add(UNDO_DIR, path);
}

void
undo_content(const char *path)
{
	(void)add(UNDO_CONTENT, path);
}

void
undo_user(const char *name)
{
	(void)add(UNDO_USER, name);
}

void
undo_owner(const char *path, uid_t uid, gid_t gid, mode_t mode)
{
	struct step	*s = add(UNDO_OWNER, path);

	s->uid = uid;
	s->gid = gid;
	s->mode = mode & 07777;
}

int
undo_run(const char *const argv[])
{
	int	status;
	pid_t	pid = setup_child();

	if (pid == 0) {
		if (dup2(STDERR_FILENO, STDOUT_FILENO) != -1)
			(void)execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	while (waitpid(pid, &status, 0) == -1)
		if (errno != EINTR)
			return 127;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 127;
}

/* --- taking it back */

static int
remove_below(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	if (ftw->level > 0 && remove(path) == -1)
		warn("unable to remove %s", path);
	return 0;
}

static void
remove_tree(const char *path, bool top)
{
	(void)nftw(path, remove_below, OPEN_DIRS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	if (top && rmdir(path) == -1 && errno != ENOENT)
		warn("unable to remove %s", path);
}

static void
remove_user(const char *name)
{
	const char *const	argv[] = { "userdel", name, NULL };	/* its group goes too: nobody else is in it */

	if (undo_run(argv) != 0)
		warnx("unable to remove the user %s", name);
}

static void
take_back_one(const struct step *s)
{
	switch (s->kind) {
	case UNDO_FILE:
		if (unlink(s->what) == -1 && errno != ENOENT)
			warn("unable to remove %s", s->what);
		break;
	case UNDO_DIR:
	case UNDO_CONTENT:
		remove_tree(s->what, s->kind == UNDO_DIR);
		break;
	case UNDO_USER:
		remove_user(s->what);
		break;
	case UNDO_OWNER:
		if (chown(s->what, s->uid, s->gid) == -1 || chmod(s->what, s->mode) == -1)
			warn("unable to give back %s", s->what);
		break;
	}
}

static void
take_back(void)
{
	if (getpid() != owner || nsteps == 0)
		return;
	warnx("taking back what was made");
	while (nsteps > 0)
		take_back_one(&steps[--nsteps]);
}
