/*
 * supervised: reads the table of services, binds every socket, starts,
 * restarts and stops the services, and runs the timed jobs. It runs in the
 * var directory, as root when services have users of their own, and sees
 * neither mail nor a peer's bytes. See supervised(8).
 */
#include "supervised.h"

#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sys/die.h"
#include "sys/fd.h"
#include "sys/home.h"
#include "sys/listen.h"
#include "sys/log.h"
#include "sys/priv.h"

static void	read_table(struct super *);
static void	check_users(const struct super *);
static void	make_directories(const struct super *);
static void	take_lock(struct super *);
static void	bind_all(struct super *);
static void	catch_signals(struct super *);
static int	serve(struct super *);

static struct super	super = { .arena = ARENA_INIT(1024 * 1024) };
static int		signal_pipe[2];
static volatile sig_atomic_t	got_stop, got_reload;

int
main(int argc, char *argv[])
{
	bool	check = argc == 2 && strcmp(argv[1], "-c") == 0;
	bool	prepare = argc == 2 && strcmp(argv[1], "-n") == 0;

	prog_init(argv[0]);
	if (argc != 1 && !check && !prepare)
		diex(EXIT_PERM, "usage: supervised [-c | -n]");
	if (home_enter() == -1)
		die(EXIT_TEMP, "unable to enter the var directory");
	read_table(&super);
	check_users(&super);
	if (check)
		return EXIT_OK;
	make_directories(&super);
	if (prepare)
		return EXIT_OK;
	take_lock(&super);
	bind_all(&super);
	catch_signals(&super);
	return serve(&super);
}

/* --- starting: all that is wrong is told, not only the first */

static void
read_table(struct super *su)
{
	struct buf	text = BUF_INIT(SERVICES_TEXT + 1), errors = BUF_INIT(65536);
	char		path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/services", home_etc()) >= (int)sizeof(path))
		diex(EXIT_PERM, "the path of services is too long");
	if (file_read(AT_FDCWD, path, &text) == -1)
		die(errno == ENOENT || errno == EFBIG ? EXIT_PERM : EXIT_TEMP, "unable to read %s", path);
	if (!services_parse(buf_str(&text), path, &su->arena, &su->table, &errors)) {
		if (write_all(STDERR_FILENO, buf_str(&errors)) == -1)
			exit(EXIT_TEMP);
		exit(EXIT_PERM);
	}
	buf_free(&text);
	buf_free(&errors);
}

static int
check_user(const char *user, const char *of)
{
	uid_t	uid;
	gid_t	gid;

	if (user == NULL || priv_lookup(user, &uid, &gid) == 0)
		return 0;
	warn("user %s of %s", user, of);
	return -1;
}

static int
check_program(const char *name, const char *of)
{
	char	path[PATH_MAX];

	if (home_program(name, path, sizeof(path)) == 0)
		return 0;
	warn("program %s of %s", name, of);
	return -1;
}

static void
check_users(const struct super *su)
{
	const struct services	*t = &su->table;
	bool			 users = !t->same_user && geteuid() == 0;
	int			 wrong = 0;

	for (size_t i = 0; i < t->nservice; i++) {
		const struct service	*sv = &t->service[i];

		wrong |= check_program(sv->argv[0], sv->name);
		wrong |= users ? check_user(sv->user, sv->name) : 0;
		for (size_t k = 0; users && k < sv->nsocket; k++)
			wrong |= check_user(sv->socket[k].owner, sv->socket[k].path);
	}
	for (size_t i = 0; i < t->njob; i++) {
		wrong |= check_program(t->job[i].argv[0], t->job[i].name);
		wrong |= users ? check_user(t->job[i].user, t->job[i].name) : 0;
	}
	for (size_t i = 0; users && i < t->ndirectory; i++)
		wrong |= check_user(t->directory[i].user, t->directory[i].path);
	if (wrong != 0)
		diex(EXIT_PERM, "%s/services cannot be used", home_etc());
}

static void
make_directory(const char *path, const char *user, uint32_t mode, bool users)
{
	struct stat	st;
	uid_t		uid;
	gid_t		gid;
	int		fd;

	if (mkdir(path, (mode_t)mode) == -1 && errno != EEXIST)
		die(EXIT_TEMP, "unable to make %s", path);
	fd = dir_open(AT_FDCWD, path);
	if (fd == -1 || fstat(fd, &st) == -1)
		die(EXIT_TEMP, "unable to open %s", path);
	if (users && (priv_lookup(user, &uid, &gid) == -1 ||
	    ((st.st_uid != uid || st.st_gid != gid) && fchown(fd, uid, gid) == -1)))
		die(EXIT_TEMP, "unable to give %s to %s", path, user);
	if ((st.st_mode & 07777) != mode && fchmod(fd, (mode_t)mode) == -1)
		die(EXIT_TEMP, "unable to set the mode of %s", path);
	(void)fd_close(&fd);
}

static void
make_directories(const struct super *su)
{
	const struct services	*t = &su->table;

	/* every service must reach its sockets there; each socket has its owner */
	make_directory(HOME_RUN, "-", 0755, false);
	for (size_t i = 0; i < t->ndirectory; i++)
		make_directory(t->directory[i].path, t->directory[i].user, t->directory[i].mode,
		    !t->same_user && geteuid() == 0);
}

/* One supervisor for a var directory. The lock goes with the process. */
static void
take_lock(struct super *su)
{
	char	pid[32];
	int	n;

	su->lock_fd = open(HOME_RUN "/lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (su->lock_fd == -1)
		die(EXIT_TEMP, "unable to open " HOME_RUN "/lock");
	if (flock(su->lock_fd, LOCK_EX | LOCK_NB) == -1) {
		if (errno != EWOULDBLOCK)
			die(EXIT_TEMP, "unable to lock " HOME_RUN "/lock");
		diex(EXIT_PERM, "already running here (" HOME_RUN "/lock is held)");
	}
	n = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
	if (ftruncate(su->lock_fd, 0) == -1 || pwrite_all(su->lock_fd, str_n(pid, (size_t)n), 0) == -1)
		die(EXIT_TEMP, "unable to write " HOME_RUN "/lock");
}

static void
remove_sockets(const struct super *su)
{
	for (size_t i = 0; i < su->table.nservice; i++)
		sockets_unlink(&su->table.service[i]);
	control_unlink();
}

static void
bind_all(struct super *su)
{
	bool	listeners = false, changed;
	int	wrong = 0;

	for (size_t i = 0; i < su->table.nservice; i++) {
		struct unit	*u = &su->unit[i];

		*u = (struct unit){ .sv = &su->table.service[i], .super = su, .timer = DEADLINE_NEVER, .since = clock_now() };
		wrong |= sockets_bind_service(&u->sockets, u->sv, su->table.same_user);
		if (u->sv->seal)
			wrong |= sockets_add_seal(&u->sockets);
		listeners |= u->sv->listeners;
	}
	if (listeners && sockets_bind_listeners(&su->listeners, &changed) == -1)
		wrong = -1;
	if (wrong != 0) {
		remove_sockets(su);
		exit(EXIT_TEMP);
	}
	if (control_open(su) == -1)
		die(EXIT_TEMP, "unable to listen on " HOME_RUN "/supervised");
}

static void
on_signal(int sig)
{
	int	err = errno;

	if (sig == SIGTERM || sig == SIGINT)
		got_stop = 1;
	if (sig == SIGHUP)
		got_reload = 1;
	if (write(signal_pipe[1], "", 1) == -1)
		errno = EAGAIN;		/* full: the loop wakes up anyway */
	errno = err;
}

static void
catch_signals(struct super *su)
{
	static const int	caught[] = { SIGTERM, SIGINT, SIGHUP, SIGCHLD };
	struct sigaction	sa = { .sa_handler = on_signal, .sa_flags = SA_RESTART | SA_NOCLDSTOP };

	if (pipe2(signal_pipe, O_CLOEXEC | O_NONBLOCK) == -1)
		die(EXIT_TEMP, "unable to make a pipe");
	su->signal_fd = signal_pipe[0];
	(void)sigemptyset(&sa.sa_mask);
	for (size_t i = 0; i < sizeof(caught) / sizeof(caught[0]); i++)
		if (sigaction(caught[i], &sa, NULL) == -1)
			die(EXIT_TEMP, "unable to catch signals");
	(void)signal(SIGPIPE, SIG_IGN);
}

/* --- stopping and reloading */

void
super_stop(struct super *su)
{
	if (su->stopping)
		return;
	su->stopping = true;
	notify_state("STOPPING=1");
	jobs_stop(su);
}

/*
 * Services go down in the order of their stop numbers, each number when the
 * one before is all down. True when nothing runs any more.
 */
static bool
stop_more(struct super *su)
{
	uint32_t	now = UINT32_MAX;
	bool		busy = false;

	for (size_t i = 0; i < su->table.nservice; i++)
		if (su->unit[i].state != STATE_DOWN && su->unit[i].sv->stop < now)
			now = su->unit[i].sv->stop;
	for (size_t i = 0; i < su->table.nservice; i++)
		if (su->unit[i].state != STATE_DOWN && su->unit[i].sv->stop == now)
			unit_event(&su->unit[i], EVENT_STOP);
	for (size_t i = 0; i < su->table.nservice; i++)
		busy |= su->unit[i].state != STATE_DOWN;
	for (size_t i = 0; i < su->table.njob; i++)
		busy |= su->job[i].pid != 0;
	return !busy;
}

/*
 * The services' table is not read again: a start does that. What is: the
 * listeners. Who serves them is started anew when they changed, or gets SIGHUP.
 */
bool
super_reload(struct super *su)
{
	bool	listeners = false, changed = false, good;

	if (su->stopping)
		return true;
	for (size_t i = 0; i < su->table.nservice; i++)
		listeners |= su->unit[i].sv->listeners;
	good = !listeners || sockets_bind_listeners(&su->listeners, &changed) == 0;
	for (size_t i = 0; i < su->table.nservice; i++) {
		struct unit	*u = &su->unit[i];

		if (u->sv->listeners && changed)
			unit_event(u, EVENT_RESTART);
		else if (u->sv->reloads && u->pid > 0)
			(void)kill(u->pid, SIGHUP);
	}
	return good;
}

/* --- the loop */

static void
reap(struct super *su)
{
	int	status;
	pid_t	pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (size_t i = 0; i < su->table.nservice; i++)
			if (su->unit[i].pid == pid)
				unit_ended(&su->unit[i], status);
		for (size_t i = 0; i < su->table.njob; i++)
			if (su->job[i].pid == pid)
				job_ended(&su->job[i], status);
	}
}

static void
timers(struct super *su)
{
	for (size_t i = 0; i < su->table.nservice; i++)
		if (deadline_over(su->unit[i].timer))
			unit_event(&su->unit[i], EVENT_TIMER);
	for (size_t i = 0; i < CLIENTS; i++)
		if (su->client[i].fd != -1 && deadline_over(su->client[i].by))
			(void)fd_close(&su->client[i].fd);
	jobs_tick(su);
}

static struct deadline
next_deadline(const struct super *su)
{
	struct deadline	d = jobs_deadline(su);

	for (size_t i = 0; i < su->table.nservice; i++)
		d = deadline_sooner(d, su->unit[i].timer);
	for (size_t i = 0; i < CLIENTS; i++)
		if (su->client[i].fd != -1)
			d = deadline_sooner(d, su->client[i].by);
	return d;
}

static void
tell_ready(struct super *su)
{
	struct log	l;

	for (size_t i = 0; i < su->table.nservice; i++)
		if (su->unit[i].state != STATE_READY)
			return;
	su->told_ready = true;
	log_start(&l, "ready");
	log_num(&l, "services", (int64_t)su->table.nservice);
	log_end(&l);
	notify_ready();
}

static void
poll_once(struct super *su)
{
	struct pollfd	pfd[3 + CLIENTS] = {
		{ .fd = su->signal_fd, .events = POLLIN },
		{ .fd = su->notify_fd, .events = POLLIN },
		{ .fd = su->ctl_fd, .events = POLLIN },
	};
	char		scrap[64];

	for (size_t i = 0; i < CLIENTS; i++)
		pfd[3 + i] = (struct pollfd){ .fd = su->client[i].fd, .events = POLLIN };
	if (poll(pfd, 3 + CLIENTS, deadline_poll(next_deadline(su))) == -1)
		return;
	while (read(su->signal_fd, scrap, sizeof(scrap)) > 0)
		;
	/* before the ends are seen: "ready" and an end may come together */
	if (pfd[1].revents != 0)
		notify_take(su);
	for (size_t i = 0; i < CLIENTS; i++)
		if (pfd[3 + i].revents != 0)
			control_client(su, &su->client[i]);
	if (pfd[2].revents != 0)
		control_accept(su);
}

static int
serve(struct super *su)
{
	jobs_begin(su);
	for (size_t i = 0; i < su->table.nservice; i++)
		unit_event(&su->unit[i], EVENT_START);
	for (;;) {
		reap(su);
		if (got_stop)
			super_stop(su);
		if (got_reload) {
			got_reload = 0;
			(void)super_reload(su);
		}
		timers(su);
		if (su->stopping && stop_more(su)) {
			remove_sockets(su);
			return EXIT_OK;
		}
		if (!su->told_ready && !su->stopping)
			tell_ready(su);
		poll_once(su);
	}
}
