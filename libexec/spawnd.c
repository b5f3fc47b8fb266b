/*
 * spawnd: the inetd. Accepts on the unix socket named "accept", takes one
 * "conn" record with the data and the control descriptor of a session
 * (lib/sys/peer.h), and runs its one program for it, up to a ceiling; past
 * it connections wait in the socket's backlog. See spawnd(8).
 */
#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/limits.h"
#include "base/num.h"
#include "sys/child.h"
#include "sys/deadline.h"
#include "sys/die.h"
#include "sys/fd.h"
#include "sys/home.h"
#include "sys/ipc.h"
#include "sys/listen.h"
#include "sys/log.h"
#include "sys/peer.h"

extern char	**environ;

enum {
	CALLERS		= 32,		/* accepted, their record not yet here */
	CALLER_MS	= 2000,		/* how long one may take with it */
	STOP_MS		= 5000,		/* from SIGTERM for the children to SIGKILL */
	CEILING_MAX	= 100000,
	ENV_KEPT	= 16,
};

struct caller {
	int		fd;		/* -1: free */
	struct deadline	by;
};

struct spawnd {
	int		 accept_fd;	/* -1 once stopping */
	size_t		 ceiling;
	char		 path[PATH_MAX];
	char		**argv;
	pid_t		*child;		/* the first .children are alive */
	size_t		 children;
	struct caller	 caller[CALLERS];
	size_t		 callers;
	char		*kept[ENV_KEPT + 1];	/* of our environment, for sessions */
	size_t		 nkept;
	struct deadline	 kill_by;	/* while stopping */
	bool		 killed;
};

static void	options(struct spawnd *, int, char *[]);
static void	keep_environment(struct spawnd *);
static void	catch_signals(void);
static int	serve(struct spawnd *);

static int	signal_pipe[2];
static volatile sig_atomic_t	stopping;

int
main(int argc, char *argv[])
{
	struct spawnd	sd = { .kill_by = DEADLINE_NEVER };
	int		code;

	prog_init(argv[0]);
	options(&sd, argc, argv);
	sd.accept_fd = listen_fd("accept");
	if (sd.accept_fd == -1)
		diex(EXIT_PERM, "no socket named accept was passed; see spawnd(8)");
	if (fd_nonblock(sd.accept_fd, true) == -1)
		die(EXIT_TEMP, "unable to use the socket");
	keep_environment(&sd);
	catch_signals();
	notify_ready();
	code = serve(&sd);
	free(sd.child);
	return code;
}

/* --- starting */

static void
options(struct spawnd *sd, int argc, char *argv[])
{
	uint64_t	n = 100;
	int		c;

	while ((c = getopt(argc, argv, "+n:")) != -1)
		if (c != 'n' || !num_u64(str_c(optarg), CEILING_MAX, &n) || n == 0)
			diex(EXIT_PERM, "usage: spawnd [-n CEILING] PROGRAM [ARGUMENT ...]");
	if (optind == argc)
		diex(EXIT_PERM, "usage: spawnd [-n CEILING] PROGRAM [ARGUMENT ...]");
	sd->ceiling = (size_t)n;
	sd->argv = argv + optind;
	if (home_program(argv[optind], sd->path, sizeof(sd->path)) == -1)
		die(EXIT_PERM, "unable to run %s", argv[optind]);
	sd->child = calloc(sd->ceiling, sizeof(sd->child[0]));
	if (sd->child == NULL)
		die(EXIT_TEMP, "out of memory");
	for (size_t i = 0; i < CALLERS; i++)
		sd->caller[i].fd = -1;
}

/* Sessions get where things are and nothing else: no sockets, no secrets. */
static void
keep_environment(struct spawnd *sd)
{
	for (char **e = environ; *e != NULL && sd->nkept < ENV_KEPT; e++)
		if (str_starts(str_c(*e), STR("POSTHORN_")) || str_starts(str_c(*e), STR("PATH=")))
			sd->kept[sd->nkept++] = *e;
}

static void
on_signal(int sig)
{
	int	err = errno;

	if (sig == SIGTERM || sig == SIGINT)
		stopping = 1;
	if (write(signal_pipe[1], "", 1) == -1)
		errno = EAGAIN;		/* full: the loop wakes up anyway */
	errno = err;
}

static void
catch_signals(void)
{
	struct sigaction	sa = { .sa_handler = on_signal, .sa_flags = SA_RESTART | SA_NOCLDSTOP };

	if (pipe2(signal_pipe, O_CLOEXEC | O_NONBLOCK) == -1)
		die(EXIT_TEMP, "unable to make a pipe");
	(void)sigemptyset(&sa.sa_mask);
	if (sigaction(SIGTERM, &sa, NULL) == -1 || sigaction(SIGINT, &sa, NULL) == -1 ||
	    sigaction(SIGCHLD, &sa, NULL) == -1)
		die(EXIT_TEMP, "unable to catch signals");
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
}

/* --- one session's environment */

/* What may come from a caller (lib/sys/peer.h); nothing else gets in. */
static const char *const	peer_names[] = {
	"id", "service", "listener", "rip", "rport", "lip", "lport", "trusted", "starttls",
	"tls", "cipher", "sni", "fingerprint", "exporter", "endpoint", "seal",
	"account", "login", "mechanism", "tag", "input",
};

enum { PEER_NAMES = sizeof(peer_names) / sizeof(peer_names[0]) };

struct env {
	struct buf	 text;
	char		*var[ENV_KEPT + PEER_NAMES + 1];
};

static bool
peer_variable(struct buf *b, const char *name, struct str value)
{
	if (str_has_control(value))
		return false;
	buf_adds(b, "PEER_");
	for (const char *c = name; *c != '\0'; c++)
		buf_addc(b, byte_upper(*c));
	buf_addc(b, '=');
	buf_add(b, value);
	buf_addc(b, '\0');
	return true;
}

/* False when a value is not fit for an environment. */
static bool
env_make(struct spawnd *sd, struct str rec, struct env *env)
{
	size_t		n = 0, at = 0;
	struct str	rest, one;

	buf_init(&env->text, LIMIT_RECORD + PEER_NAMES * 8);
	for (size_t i = 0; i < PEER_NAMES; i++) {
		struct str	value = attr_get(rec, peer_names[i]);

		if (value.p != NULL && !peer_variable(&env->text, peer_names[i], value))
			return false;
	}
	if (buf_failed(&env->text))
		return false;
	for (; n < sd->nkept; n++)
		env->var[n] = sd->kept[n];
	rest = buf_str(&env->text);
	while (rest.n > 0) {
		env->var[n++] = env->text.p + at;
		(void)str_cut(&rest, '\0', &one);
		at += one.n + 1;
	}
	env->var[n] = NULL;
	return true;
}

/* --- running the program */

/* Between vfork and exec: system calls only, on descriptors of our own. */
static void
child_main(const struct spawnd *sd, char **env, int data, int control, pid_t parent, volatile int *err_r)
{
	static const int	caught[] = { SIGTERM, SIGINT, SIGCHLD, SIGPIPE, SIGHUP };
	sigset_t		none;

	for (size_t i = 0; i < sizeof(caught) / sizeof(caught[0]); i++)
		(void)signal(caught[i], SIG_DFL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	child_follow(parent);
	/* both are above PEER_CONTROL: spawnd holds 0 to 3 (see serve) */
	if (dup2(data, 0) == 0 && dup2(data, 1) == 1 && dup2(control, PEER_CONTROL) == PEER_CONTROL)
		(void)execve(sd->path, sd->argv, env);
	*err_r = errno;
	_exit(EXIT_TEMP);
}

/* The memory is shared until exec, so a failed exec tells why. -1 with errno. */
static pid_t
spawn(const struct spawnd *sd, char **env, int data, int control)
{
	volatile int	err = 0;
	sigset_t	all, old;
	pid_t		pid, parent = getpid();

	(void)sigfillset(&all);
	(void)sigprocmask(SIG_BLOCK, &all, &old);
	pid = vfork();
	if (pid == 0)
		child_main(sd, env, data, control, parent, &err);
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	if (pid != -1 && err != 0) {
		(void)waitpid(pid, NULL, 0);
		errno = err;
		return -1;
	}
	return pid;
}

static void
answer(int fd, const char *error)
{
	char		text[256];
	struct buf	rec = { .p = text, .cap = sizeof(text), .max = sizeof(text) - 1 };

	attr_start(&rec, "spawned", 1);
	if (error == NULL)
		attr_adds(&rec, "ok", "1");
	else
		attr_adds(&rec, "error", error);
	/* a caller that went away meanwhile: the session sees the end by itself */
	if (ipc_send(fd, buf_str(&rec), NULL, deadline_in(0)) == -1)
		log_failure("lost", "answer", errno);
}

static const char *
start_session(struct spawnd *sd, struct str rec, struct ipc_fds *fds)
{
	struct env	env;
	const char	*error = NULL;
	pid_t		pid = -1;

	if (!attr_is(rec, "conn", 1) || fds->n != 2)
		return "not a connection";
	if (!env_make(sd, rec, &env))
		error = "unfit values";
	else if ((pid = spawn(sd, env.var, fds->fd[0], fds->fd[1])) == -1)
		error = strerror(errno);
	else
		sd->child[sd->children++] = pid;
	buf_free(&env.text);
	return error;
}

/* --- callers */

static void
drop_caller(struct spawnd *sd, struct caller *c)
{
	(void)fd_close(&c->fd);
	sd->callers--;
}

static void
take_record(struct spawnd *sd, struct caller *c)
{
	struct buf	rec = BUF_INIT(LIMIT_RECORD);
	struct ipc_fds	fds = { .n = 0 };
	const char	*error;
	struct log	l;

	if (ipc_recv(c->fd, &rec, &fds, deadline_in(0)) == -1)
		error = strerror(errno);
	else if ((error = start_session(sd, buf_str(&rec), &fds)) == NULL)
		answer(c->fd, NULL);
	else
		answer(c->fd, error);
	if (error != NULL) {
		log_start(&l, "refused");
		log_str(&l, "conn", attr_get(buf_str(&rec), "id"));
		log_cstr(&l, "error", error);
		log_end(&l);
	}
	ipc_close(&fds);
	buf_free(&rec);
	drop_caller(sd, c);
}

static void
accept_one(struct spawnd *sd)
{
	int	fd = accept4(sd->accept_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd == -1) {
		if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
			log_failure("accept", "accept", errno);
			/* out of descriptors or memory: not at full speed again */
			(void)poll(NULL, 0, 100);
		}
		return;
	}
	for (size_t i = 0; i < CALLERS; i++)
		if (sd->caller[i].fd == -1) {
			sd->caller[i] = (struct caller){ fd, deadline_in(CALLER_MS) };
			sd->callers++;
			return;
		}
	(void)close(fd);
}

/* --- children */

static void
reap(struct spawnd *sd)
{
	int	status;
	pid_t	pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (size_t i = 0; i < sd->children; i++)
			if (sd->child[i] == pid) {
				sd->child[i] = sd->child[--sd->children];
				break;
			}
		if (WIFSIGNALED(status) && WTERMSIG(status) != SIGTERM) {
			struct log	l;

			log_start(&l, "died");
			log_num(&l, "pid", pid);
			log_num(&l, "signal", WTERMSIG(status));
			log_end(&l);
		}
	}
}

static void
signal_children(const struct spawnd *sd, int sig)
{
	for (size_t i = 0; i < sd->children; i++)
		(void)kill(sd->child[i], sig);
}

static void
begin_stop(struct spawnd *sd)
{
	(void)fd_close(&sd->accept_fd);
	for (size_t i = 0; i < CALLERS; i++)
		if (sd->caller[i].fd != -1)
			drop_caller(sd, &sd->caller[i]);
	signal_children(sd, SIGTERM);
	sd->kill_by = deadline_in(STOP_MS);
}

/* --- the loop */

static struct deadline
next_deadline(const struct spawnd *sd)
{
	struct deadline	d = sd->killed ? DEADLINE_NEVER : sd->kill_by;

	for (size_t i = 0; i < CALLERS; i++)
		if (sd->caller[i].fd != -1)
			d = deadline_sooner(d, sd->caller[i].by);
	return d;
}

static void
poll_once(struct spawnd *sd)
{
	struct pollfd	pfd[2 + CALLERS] = { { .fd = signal_pipe[0], .events = POLLIN } };
	bool		room = sd->children + sd->callers < sd->ceiling && sd->callers < CALLERS;
	char		scrap[64];

	pfd[1] = (struct pollfd){ .fd = room ? sd->accept_fd : -1, .events = POLLIN };
	for (size_t i = 0; i < CALLERS; i++)
		pfd[2 + i] = (struct pollfd){ .fd = sd->caller[i].fd, .events = POLLIN };
	if (poll(pfd, 2 + CALLERS, deadline_poll(next_deadline(sd))) == -1)
		return;
	while (read(signal_pipe[0], scrap, sizeof(scrap)) > 0)
		;
	for (size_t i = 0; i < CALLERS; i++)
		if (pfd[2 + i].revents != 0)
			take_record(sd, &sd->caller[i]);
		else if (sd->caller[i].fd != -1 && deadline_over(sd->caller[i].by))
			drop_caller(sd, &sd->caller[i]);
	if (pfd[1].revents != 0)
		accept_one(sd);
}

static int
serve(struct spawnd *sd)
{
	for (;;) {
		reap(sd);
		if (stopping && sd->accept_fd != -1)
			begin_stop(sd);
		if (stopping && sd->children == 0)
			return EXIT_OK;
		if (!sd->killed && deadline_over(sd->kill_by)) {
			signal_children(sd, SIGKILL);
			sd->killed = true;
		}
		poll_once(sd);
	}
}
