/*
 * posthorn localserve: a whole system in a directory of the caller's, on high
 * ports of loopback, with a certificate of its own and two accounts. Makes
 * what is missing, runs supervised, waits until all is ready, says so.
 * See posthorn-localserve(8).
 */
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
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

#include "base/ip.h"
#include "base/num.h"
#include "setup.h"
#include "setup_serve.h"
#include "sys/deadline.h"
#include "sys/die.h"
#include "sys/fd.h"
#include "sys/home.h"

enum {
	READY_MS	= 30000,	/* for all services to become ready */
	PORT_SMTP	= 25,
	PORT_IMAP	= 143,
	PORT_SUBMISSIONS = 465,
	PORT_SUBMISSION	= 587,
	PORT_IMAPS	= 993,
};

/* The first line of a file that is written anew at each start. */
#define OURS	"# Written by posthorn localserve at each start; without this line it stays as it is.\n"
#define READY	HOME_RUN "/localserve"

struct options {
	char		dir[PATH_MAX];
	struct ip	address;
	char		text[IP_TEXT];	/* the address */
	unsigned	base;
};

static void	options(struct options *, int, char *[]);
static void	make_home(struct options *);
static void	refuse_second(const struct options *);
static void	write_configuration(const struct options *);
static void	make_secrets(void);
static void	catch_signals(void);
static void	wait_ready(struct setup_serve *);
static void	tell(const struct options *);
static int	wait_end(pid_t);

static volatile sig_atomic_t	got_stop;

int
main(int argc, char *argv[])
{
	struct setup_serve	s;
	struct options		o;

	prog_init("posthorn localserve");
	options(&o, argc, argv);
	make_home(&o);
	refuse_second(&o);
	write_configuration(&o);
	make_secrets();
	setup_serve_start(&s, READY, NULL, false);
	catch_signals();
	wait_ready(&s);
	if (!got_stop)
		tell(&o);
	return wait_end(s.pid);
}

/* --- what is wanted, and where */

static noreturn void
usage(void)
{
	diex(EXIT_PERM, "usage: posthorn localserve [-d DIR] [-a ADDRESS] [-p BASE]");
}

static void
default_dir(struct options *o)
{
	const char	*given = getenv("POSTHORN_DIR"), *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
	int		 n;

	if (given != NULL && given[0] == '/')
		n = snprintf(o->dir, sizeof(o->dir), "%s", given);
	else if (data != NULL && data[0] == '/')
		n = snprintf(o->dir, sizeof(o->dir), "%s/posthorn-localserve", data);
	else if (home != NULL && home[0] == '/')
		n = snprintf(o->dir, sizeof(o->dir), "%s/.local/share/posthorn-localserve", home);
	else
		diex(EXIT_PERM, "there is no HOME; use -d DIR");
	if (n >= (int)sizeof(o->dir))
		diex(EXIT_PERM, "the path of the directory is too long");
}

static void
options(struct options *o, int argc, char *argv[])
{
	struct buf	text = { .p = o->text, .cap = sizeof(o->text), .max = sizeof(o->text) - 1 };
	uint64_t	base;
	int		c;

	*o = (struct options){ .base = 1000 };
	if (!ip_parse(STR("127.0.0.1"), &o->address))
		usage();
	while ((c = getopt(argc, argv, "d:a:p:")) != -1)
		switch (c) {
		case 'd':
			if (!str_copy(str_c(optarg), o->dir, sizeof(o->dir)) || optarg[0] == '\0')
				usage();
			break;
		case 'a':
			if (!ip_parse(str_c(optarg), &o->address))
				diex(EXIT_PERM, "%s is not an IP address", optarg);
			break;
		case 'p':
			if (!num_u64(str_c(optarg), 65535 - PORT_IMAPS, &base))
				diex(EXIT_PERM, "%s is not a number of at most %d", optarg, 65535 - PORT_IMAPS);
			o->base = (unsigned)base;
			break;
		default:
			usage();
		}
	if (optind != argc)
		usage();
	if (o->dir[0] == '\0')
		default_dir(o);
	ip_format(&text, &o->address);
	o->text[text.n] = '\0';
}

/* --- the directory */

static void
make_dir(const char *path)
{
	if (mkdir(path, 0700) == -1 && errno != EEXIST)
		die(EXIT_TEMP, "unable to make %s", path);
}

static void
make_home(struct options *o)
{
	static const char *const	below[] = {
		"etc", "etc/domains", "etc/accounts", "var", "var/run", "var/" HOME_ACCOUNTS,
		"var/" HOME_AUTH, "var/" HOME_TLS, "var/" HOME_TMP,
	};
	char	real[PATH_MAX];

	for (char *slash = strchr(o->dir + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(o->dir, 0755) == -1 && errno != EEXIST)
			die(EXIT_TEMP, "unable to make %s", o->dir);
		*slash = '/';
	}
	make_dir(o->dir);
	if (realpath(o->dir, real) == NULL || chdir(real) == -1)
		die(EXIT_TEMP, "unable to enter %s", o->dir);
	if (!str_copy(str_c(real), o->dir, sizeof(o->dir)))
		diex(EXIT_PERM, "the path of the directory is too long");
	for (size_t i = 0; i < sizeof(below) / sizeof(below[0]); i++)
		make_dir(below[i]);
	if (home_place(o->dir) == -1)
		die(EXIT_PERM, "unable to use %s", o->dir);
	if (chdir("var") == -1)
		die(EXIT_TEMP, "unable to enter %s/var", o->dir);
}

/* Before anything is changed under one that runs here. */
static void
refuse_second(const struct options *o)
{
	int	fd = open(HOME_RUN "/lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);

	if (fd == -1)
		die(EXIT_TEMP, "unable to open %s/var/" HOME_RUN "/lock", o->dir);
	if (flock(fd, LOCK_EX | LOCK_NB) == -1)
		diex(EXIT_PERM, "already running in %s", o->dir);
	(void)fd_close(&fd);
}

/* --- configuration */

/* True when the file is missing, or ours to write and other than it should be. */
static bool
is_ours(const char *path)
{
	char	head[sizeof(OURS)];
	ssize_t	n;
	int	fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd == -1)
		return errno == ENOENT;
	n = read(fd, head, sizeof(head));
	(void)fd_close(&fd);
	return n >= (ssize_t)sizeof(OURS) - 1 && memcmp(head, OURS, sizeof(OURS) - 1) == 0;
}

static void
write_machine(const struct options *o)
{
	struct buf	b = BUF_INIT(65536);

	buf_adds(&b, OURS "hostname = localhost\nlocalserve = true\nseparators = \"+\"\n"
	    "max-outgoing-per-day = 0\nmax-first-time-recipients-per-day = 0\n\n"
	    "postmaster {\n\taccount = user\n}\n\n");
	buf_addf(&b, "listener local {\n\taddress = { \"%s\" }\n", o->text);
	buf_addf(&b, "\tsmtp = %u\n\tsubmission = %u\n\tsubmissions = %u\n", PORT_SMTP + o->base,
	    PORT_SUBMISSION + o->base, PORT_SUBMISSIONS + o->base);
	buf_addf(&b, "\timap = %u\n\timaps = %u\n\tauth-in-clear = true\n", PORT_IMAP + o->base, PORT_IMAPS + o->base);
	buf_addf(&b, "\ttrusted = { \"127.0.0.0/8\", \"::1\", \"%s\" }\n\tconnections = 0\n\tconnections-per-minute = 0\n}\n", o->text);
	setup_write("../etc/posthorn.conf", &b);
	buf_free(&b);
}

static void
write_services(void)
{
	struct buf	b = BUF_INIT(65536);

	buf_adds(&b, OURS "same-user\n\n");
	setup_services(&b, false);	/* mail goes nowhere: no name is looked up */
	setup_write("../etc/services", &b);
	buf_free(&b);
}

static void
write_account(const char *name)
{
	struct buf	b = BUF_INIT(4096);
	char		path[64];

	(void)snprintf(path, sizeof(path), "../etc/accounts/%s.conf", name);
	if (setup_exists(path))
		return;
	buf_addf(&b, "address %s@localhost { }\n", name);
	setup_write(path, &b);
	buf_free(&b);
}

static void
write_configuration(const struct options *o)
{
	struct buf	empty = BUF_INIT(64);

	if (is_ours("../etc/posthorn.conf"))
		write_machine(o);
	if (is_ours("../etc/services"))
		write_services();
	if (!setup_exists("../etc/domains/localhost.conf"))
		setup_write("../etc/domains/localhost.conf", &empty);
	write_account("user");
	write_account("friend");
}

/* --- what other verbs make */

static void
make_secrets(void)
{
	static char *const	cert[] = { "cert", "selfsigned", "localhost", "127.0.0.1", "::1", NULL };
	static char *const	build[] = { "config", "build", NULL };
	static char *const	user[] = { "passwd", "user", NULL };
	static char *const	other[] = { "passwd", "friend", NULL };

	if (!setup_exists(HOME_TLS "/localhost/cert.pem"))
		setup_verb(cert, "");
	setup_verb(build, "");
	if (!setup_exists(HOME_AUTH "/secrets.tdb")) {
		setup_verb(user, "posthorn\n");
		setup_verb(other, "posthorn\n");
	}
}

/* --- the supervisor */

static void
on_signal(int sig)
{
	(void)sig;
	got_stop = 1;
}

static void
catch_signals(void)
{
	struct sigaction	sa = { .sa_handler = on_signal };

	(void)sigemptyset(&sa.sa_mask);
	if (sigaction(SIGTERM, &sa, NULL) == -1 || sigaction(SIGINT, &sa, NULL) == -1 ||
	    sigaction(SIGHUP, &sa, NULL) == -1)
		warn("unable to catch signals");
}

static int
exit_code(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_TEMP;
}

/* A supervisor that ends before is the end of us; it has said why. */
static void
wait_ready(struct setup_serve *s)
{
	int	status;

	switch (setup_serve_wait(s, deadline_in(READY_MS), &got_stop, &status)) {
	case SETUP_SERVE_READY:
	case SETUP_SERVE_STOP:
		break;
	case SETUP_SERVE_ENDED:
		exit(exit_code(status));
	case SETUP_SERVE_LATE:
		diex(EXIT_TEMP, "not all services became ready; stopped");
	}
}

static void
tell_service(const struct options *o, const char *name, unsigned port, const char *what)
{
	(void)printf("  %-11s  %s port %-5u  %s\n", name, o->text, port + o->base, what);
}

static void
tell(const struct options *o)
{
	(void)printf("posthorn localserve in %s\n\n", o->dir);
	tell_service(o, "SMTP", PORT_SMTP, "STARTTLS, to receive mail");
	tell_service(o, "submission", PORT_SUBMISSION, "STARTTLS or none, to send mail");
	tell_service(o, "submissions", PORT_SUBMISSIONS, "TLS, to send mail");
	tell_service(o, "IMAP", PORT_IMAP, "STARTTLS");
	tell_service(o, "IMAPS", PORT_IMAPS, "TLS");
	(void)printf("\n  user@localhost    login user@localhost    password posthorn\n");
	(void)printf("  friend@localhost  login friend@localhost  password posthorn\n");
	(void)printf("  certificate       %s/var/" HOME_TLS "/localhost/cert.pem\n\n", o->dir);
	(void)printf("To send: swaks -s %s:%u -au user@localhost -ap posthorn -f user@localhost -t friend@localhost\n",
	    o->text, PORT_SUBMISSION + o->base);
	(void)printf("Nothing leaves this machine: what is sent elsewhere comes to user@localhost.\n\n");
	(void)printf("posthorn -C %s status shows the services; Ctrl-C stops them.\n", o->dir);
	(void)printf("ready\n");
	(void)fflush(stdout);
}

static int
wait_end(pid_t pid)
{
	sigset_t	caught, old;
	bool		told = false;
	int		status;

	(void)sigemptyset(&caught);
	(void)sigaddset(&caught, SIGTERM);
	(void)sigaddset(&caught, SIGINT);
	(void)sigaddset(&caught, SIGHUP);
	(void)sigaddset(&caught, SIGCHLD);
	/* blocked but while we sleep, so that none is missed */
	(void)sigprocmask(SIG_BLOCK, &caught, &old);
	for (;;) {
		if (got_stop && !told) {
			told = true;
			(void)kill(pid, SIGTERM);
		}
		if (waitpid(pid, &status, WNOHANG) == pid)
			return exit_code(status);
		(void)ppoll(NULL, 0, &(struct timespec){ 1, 0 }, &old);
	}
}
