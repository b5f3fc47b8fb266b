/*
 * dnsd: the one resolver of the system: it asks the DNS, validates (DNSSEC) and
 * remembers. One loop for all clients; libunbound works in a thread of its own.
 * Descriptor: the listening socket named dnsd (LISTEN_FDS). Working directory: var.
 * Exit codes 0, 100, 111; see dnsd(8).
 */
#include <sys/epoll.h>

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <unistd.h>

#include "dnsd.h"
#include "sys/die.h"
#include "sys/fd.h"
#include "sys/home.h"
#include "sys/listen.h"
#include "sys/log.h"
#include "sys/sandbox.h"

enum {
	EVENTS		= 64,
	LOOK_MS		= 1000,		/* between looks at the configuration */
	PROBE_MS	= 2000,		/* for a forwarder to show that it can prove what it says */
	SETTINGS_ARENA	= 1 << 20,
};

static volatile sig_atomic_t	stop, hup;
static int			events = -1;
static struct conf		*conf;		/* NULL: options say it all */
static struct settings		settings = { .arena = ARENA_INIT(SETTINGS_ARENA), .print = BUF_INIT(SETTINGS_ARENA) };
static struct deadline		looked;

static void	options(int, char *[]);
static void	configure(void);
static void	signals(sigset_t *);
static void	confine(void);
static bool	resolve_anew(void);
static void	serve(int, const sigset_t *);

int
main(int argc, char *argv[])
{
	sigset_t	waiting;
	int		door;

	prog_init(argv[0]);
	options(argc, argv);
	door = listen_fd("dnsd");
	if (door == -1)
		diex(EXIT_PERM, "no socket named dnsd was passed");
	events = epoll_create1(EPOLL_CLOEXEC);
	if (events == -1 || fd_nonblock(door, true) == -1)
		die(EXIT_TEMP, "unable to begin");
	/* the two threads need no heap each */
	(void)mallopt(M_ARENA_MAX, 1);
	configure();
	signals(&waiting);
	if (!resolve_anew())
		diex(EXIT_TEMP, "unable to set up the resolver");
	notify_ready();		/* needs a socket, which is denied from here on */
	confine();
	/* its thread begins here, and is confined too; questions wait meanwhile */
	probe_start(&settings, PROBE_MS);
	serve(door, &waiting);
	clients_close();
	probe_close();
	lookups_close();
	conf_close(conf);
	arena_free(&settings.arena);
	buf_free(&settings.print);
	return EXIT_OK;
}

/* --- starting */

static noreturn void
usage(void)
{
	diex(EXIT_PERM, "usage: dnsd [-A file] [-a anchor] [-f address[@port]] [-r anchor] [-s 'zone address[@port]'] [-z file]");
}

static void
options(int argc, char *argv[])
{
	struct conf_dns	*d = &settings.dns;
	int		 c;

	while ((c = getopt(argc, argv, "A:a:f:r:s:z:")) != -1)
		switch (c) {
		case 'A':
			settings_add(&settings, &d->trust_anchor_file, &d->ntrust_anchor_file, optarg);
			break;
		case 'a':
			settings_add(&settings, &d->trust_anchor, &d->ntrust_anchor, optarg);
			break;
		case 'f':
			settings_add(&settings, &d->forwarder, &d->nforwarder, optarg);
			break;
		case 'r':
			settings_add(&settings, &settings.root, &settings.nroot, optarg);
			break;
		case 's':
			settings_add(&settings, &d->stub, &d->nstub, optarg);
			break;
		case 'z':
			settings_add(&settings, &d->zone_file, &d->nzone_file, optarg);
			break;
		default:
			usage();
		}
	if (optind != argc)
		usage();
}

/* With an option the configuration is not looked at. */
static void
configure(void)
{
	if (optind > 1)
		return;
	if (home_enter() == -1)
		die(EXIT_TEMP, "unable to enter the var directory");
	conf = conf_open();
	if (conf == NULL)
		die(EXIT_TEMP, "unable to open " HOME_CONFIG_TDB);
	settings.dns = conf_machine(conf)->dns;
}

static void
on_signal(int sig)
{
	if (sig == SIGHUP)
		hup = 1;
	else
		stop = 1;
}

/* They come only while we wait, and never to libunbound's thread. */
static void
signals(sigset_t *waiting)
{
	struct sigaction	sa = { .sa_handler = on_signal };
	sigset_t		block;

	(void)sigemptyset(&block);
	(void)sigaddset(&block, SIGTERM);
	(void)sigaddset(&block, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &block, waiting);
	(void)sigaction(SIGTERM, &sa, NULL);
	(void)sigaction(SIGHUP, &sa, NULL);
	sa.sa_handler = SIG_IGN;
	(void)sigaction(SIGPIPE, &sa, NULL);
}

/* Files that a new configuration names are read below etc; config.tdb is read in var. */
static void
confine(void)
{
	int	etc = open(home_etc(), O_PATH | O_DIRECTORY | O_CLOEXEC);
	int	var = conf != NULL ? open(".", O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;

	sandbox_enter_dirs(SANDBOX_RESOLVER, etc, var);
	(void)fd_close(&etc);
	(void)fd_close(&var);
}

/* --- settings */

/* False: what there was stays in use. */
static bool
resolve_anew(void)
{
	struct resolver	*r;

	settings_fingerprint(&settings);
	r = resolver_new(&settings, settings.dns.nforwarder == 0);
	if (r == NULL)
		return false;
	if (loop_watch(r, ub_fd(r->ctx), EPOLLIN) == -1) {
		log_failure("no-resolver", "events", errno);
		resolver_free(r);
		return false;
	}
	lookups_resolver(r);
	return true;
}

static void
look(void)
{
	struct settings	 now = { .print = BUF_INIT(SETTINGS_ARENA) };
	bool		 same;

	looked = deadline_in(LOOK_MS);
	if (conf != NULL) {
		if (conf_refresh(conf) == -1)
			log_failure("old-configuration", HOME_CONFIG_TDB, errno);
		settings.dns = conf_machine(conf)->dns;
	}
	now.dns = settings.dns;
	settings_fingerprint(&now);
	same = str_eq(buf_str(&now.print), buf_str(&settings.print));
	buf_free(&now.print);
	if (!same && resolve_anew()) {
		struct log	l;

		probe_start(&settings, PROBE_MS);
		log_start(&l, "settings-taken");
		log_end(&l);
	}
}

void
settings_look(void)
{
	if (deadline_over(looked))
		look();
}

/* --- the loop */

static int
loop_control(int what, void *of, int fd, unsigned wanted)
{
	struct epoll_event	e = { .events = wanted, .data.ptr = of };

	return epoll_ctl(events, what, fd, &e);
}

int
loop_watch(void *of, int fd, unsigned wanted)
{
	return loop_control(EPOLL_CTL_ADD, of, fd, wanted);
}

int
loop_change(void *of, int fd, unsigned wanted)
{
	return loop_control(EPOLL_CTL_MOD, of, fd, wanted);
}

static void
ready(const struct epoll_event *e)
{
	enum source	*source = e->data.ptr;

	switch (*source) {
	case SOURCE_DOOR:
		clients_enter();
		break;
	case SOURCE_CLIENT:
		client_ready(e->data.ptr, e->events);
		break;
	case SOURCE_RESOLVER:
		(void)ub_process(((struct resolver *)e->data.ptr)->ctx);
		break;
	}
}

static void
serve(int door, const sigset_t *waiting)
{
	static enum source	source = SOURCE_DOOR;
	struct epoll_event	e[EVENTS];

	clients_open(door);
	if (loop_watch(&source, door, EPOLLIN) == -1)
		die(EXIT_TEMP, "unable to wait for clients");
	while (!stop) {
		int	n = epoll_pwait(events, e, EVENTS, lookups_next(), waiting);

		if (hup) {
			hup = 0;
			look();
		}
		for (int i = 0; i < n; i++)
			ready(&e[i]);
		probe_run(&settings);
		/* both free what an event might still have meant */
		lookups_run();
		clients_sweep();
	}
}
