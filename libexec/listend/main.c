/*
 * listend: accepts connections, speaks TLS, and hands each to a session of its
 * service; see listend(8). One process, one loop, nothing in it may block.
 *
 * Descriptors: listening TCP sockets by LISTEN_FDS, named LISTENER/SERVICE.
 * Working directory: var (config.tdb, tls/, run/). Exit codes: 0 told to stop, 100 wrong
 * use, 111 cannot start now.
 */
#include "listend.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/num.h"
#include "client/conf.h"
#include "sys/deadline.h"
#include "sys/die.h"
#include "sys/fd.h"
#include "sys/home.h"
#include "sys/listen.h"
#include "sys/log.h"
#include "sys/sandbox.h"

enum {
	LISTENERS	= 64,
	NETWORKS	= 256,		/* of a kind */
	FDS_OURS	= 96,		/* listeners, logs, the loop, a certificate being read */
	FDS_EACH	= 6,		/* that a connection may come to need */
	PAUSE_MS	= 200,		/* without accepting, when descriptors ran out */
	CHECK_MS	= 60 * 1000,	/* between looks at certificates */
	STOP_MS		= 3 * 1000,	/* for sessions to end after SIGTERM */
};

struct opts {
	struct ipnet	trusted[NETWORKS], proxies[NETWORKS];
	size_t		n_trusted, n_proxies;
	int		min_version;
	const char	*hostname, *key;
};

static const struct service	services[] = {
	{ "smtp",		"run/smtp",		false, true,  true },
	{ "submission",		"run/submission",	false, false, true },
	{ "submissions",	"run/submission",	true,  false, true },
	{ "imap",		"run/imap",		false, false, false },
	{ "imaps",		"run/imap",		true,  false, false },
};

/* Without a configuration; with one they are its own defaults. */
enum { PER_MINUTE = 300, AT_ONCE = 30 };

struct seal_key		seal_key;
static struct listener	listeners[LISTENERS];
static size_t		n_listeners;
static size_t		max_descriptors;
static int64_t		paused_until;		/* 0: accepting */
static struct watch	signals = WATCH_NONE;	/* the reading end of a pipe */
static int		signals_write = -1;
static bool		stopping, reload;

static noreturn void	usage(void);
static void		opts_parse(struct opts *, int, char *[]);
static void		raise_descriptors(void);
static void		signals_setup(void);
static struct conf	*configuration(void);
static void		listeners_setup(const struct opts *, const struct conf *);
static void		confine(void);
static void		serve(void);
static void		accept_ready(void *, int);

int
main(int argc, char *argv[])
{
	static struct opts	 o;
	struct conf		*conf;

	prog_init(argv[0]);
	opts_parse(&o, argc, argv);
	if (seal_key_load(&seal_key, o.key) == -1)
		die(EXIT_TEMP, "unable to read the key of seals");
	conf = configuration();
	raise_descriptors();
	if (loop_open() == -1)
		die(EXIT_TEMP, "unable to make an event loop");
	timers_turn(clock_ms());
	signals_setup();
	doors_setup();
	tls_setup();
	tickets_turn(timers_now() / 1000);
	certs_check();
	listeners_setup(&o, conf);
	confine();
	notify_ready();
	serve();
	conns_close();
	conf_close(conf);
	return EXIT_OK;
}

static noreturn void
usage(void)
{
	diex(EXIT_PERM, "usage: listend [-k file] [-m version] [-n hostname] [-p network] [-t network] [-w seconds]");
}

static void
add_network(struct ipnet *nets, size_t *n, const char *text)
{
	if (*n == NETWORKS)
		diex(EXIT_PERM, "more than %d networks", NETWORKS);
	if (!ipnet_parse(str_c(text), &nets[*n]))
		diex(EXIT_PERM, "not a network: %s", text);
	++*n;
}

static void
opts_parse(struct opts *o, int argc, char *argv[])
{
	uint64_t	v;
	int		ch;

	o->min_version = TLS1_2_VERSION;
	while ((ch = getopt(argc, argv, "k:m:n:p:t:w:")) != -1)
		switch (ch) {
		case 'k':
			o->key = optarg;
			break;
		case 'm':
			if (strcmp(optarg, "1.3") != 0 && strcmp(optarg, "1.2") != 0)
				usage();
			o->min_version = strcmp(optarg, "1.3") == 0 ? TLS1_3_VERSION : TLS1_2_VERSION;
			break;
		case 'n':
			o->hostname = optarg;
			break;
		case 'p':
			add_network(o->proxies, &o->n_proxies, optarg);
			break;
		case 't':
			add_network(o->trusted, &o->n_trusted, optarg);
			break;
		case 'w':
			if (!num_seconds(str_c(optarg), &v) || v == 0 || v > 3600)
				usage();
			timers_lasts(TIMER_SPAWN, (int64_t)v * 1000);
			break;
		default:
			usage();
		}
	if (optind != argc)
		usage();
}

/* NULL when there is none, as in tests: then the command line says it all. */
static struct conf *
configuration(void)
{
	struct conf	*conf = conf_open();

	if (conf == NULL && errno != ENOENT)
		die(EXIT_TEMP, "unable to read %s", HOME_CONFIG_TDB);
	return conf;
}

/* Ten thousand connections need twenty thousand. */
static void
raise_descriptors(void)
{
	struct rlimit	rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1)
		die(EXIT_TEMP, "unable to read the limit of descriptors");
	rl.rlim_cur = rl.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &rl) == -1 && getrlimit(RLIMIT_NOFILE, &rl) == -1)
		die(EXIT_TEMP, "unable to read the limit of descriptors");
	if (rl.rlim_cur < FDS_OURS + FDS_EACH)
		diex(EXIT_TEMP, "too few descriptors are allowed: %llu", (unsigned long long)rl.rlim_cur);
	max_descriptors = rl.rlim_cur > SIZE_MAX / 2 ? SIZE_MAX / 2 : (size_t)rl.rlim_cur;
}

static void
on_signal(int sig)
{
	int	err = errno;
	char	c = sig == SIGHUP ? 'H' : 'T';
	ssize_t	n = write(signals_write, &c, 1);

	(void)n;	/* a full pipe already holds enough to wake the loop */
	errno = err;
}

static void
signals_ready(void *of, int got)
{
	char	c;

	(void)of;
	(void)got;
	while (read(signals.fd, &c, 1) == 1) {
		reload |= c == 'H';
		stopping |= c == 'T';
	}
}

static void
signals_setup(void)
{
	struct sigaction	sa = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	struct sigaction	ign = { .sa_handler = SIG_IGN };
	int			p[2];

	if (pipe2(p, O_CLOEXEC | O_NONBLOCK) == -1)
		die(EXIT_TEMP, "unable to make a pipe");
	signals = (struct watch){ .fd = p[0], .ready = signals_ready };
	signals_write = p[1];
	loop_want(&signals, LOOP_IN);
	if (sigaction(SIGHUP, &sa, NULL) == -1 || sigaction(SIGTERM, &sa, NULL) == -1 ||
	    sigaction(SIGINT, &sa, NULL) == -1 || sigaction(SIGPIPE, &ign, NULL) == -1)
		die(EXIT_TEMP, "unable to catch signals");
}

static const struct service *
service_named(struct str name)
{
	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++)
		if (str_eq(name, str_c(services[i].name)))
			return &services[i];
	return NULL;
}

static void
rules_of(struct rules *r, const struct opts *o, const struct conf *conf, struct str name)
{
	const struct conf_listener	*cl = conf == NULL ? NULL : conf_listener(conf, name);

	*r = (struct rules){
		.trusted = o->trusted, .n_trusted = o->n_trusted,
		.proxies = o->proxies, .n_proxies = o->n_proxies,
		.min_version = o->min_version, .starttls = true,
		.hostname = str_c(o->hostname),
		.per_minute = PER_MINUTE, .at_once = AT_ONCE,
	};
	if (cl == NULL)
		return;
	if (o->n_trusted == 0) {
		r->trusted = cl->trusted;
		r->n_trusted = cl->ntrusted;
	}
	if (o->n_proxies == 0) {
		r->proxies = cl->proxy;
		r->n_proxies = cl->nproxy;
	}
	if (o->hostname == NULL)
		r->hostname = cl->hostname;
	r->starttls = cl->starttls;
	r->per_minute = cl->connections_per_minute;
	r->at_once = cl->connections;
}

static void
set_option(int fd, int level, int name, int value)
{
	/* none of them is worth doing without the listener */
	(void)setsockopt(fd, level, name, &value, sizeof(value));
}

/* Accepted sockets inherit them: nothing is left to be done for each. */
static void
set_options(int fd)
{
	set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
#ifdef TCP_KEEPIDLE
	set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, 300);
	set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, 60);
	set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, 5);
#endif
}

static void
listener_add(const struct opts *o, const struct conf *conf, int fd, const char *full)
{
	struct listener	*l = &listeners[n_listeners];
	struct str	 service = str_c(full), name;

	if (n_listeners == LISTENERS)
		diex(EXIT_PERM, "more than %d listeners", LISTENERS);
	if (!str_cut(&service, '/', &name) || !str_copy(name, l->name, sizeof(l->name)))
		diex(EXIT_PERM, "a socket must be named LISTENER/SERVICE: %s", full);
	l->service = service_named(service);
	if (l->service == NULL)
		diex(EXIT_PERM, "no such service: %s", full);
	rules_of(&l->rules, o, conf, name);
	limits_setup(l);
	if (fd_nonblock(fd, true) == -1)
		die(EXIT_TEMP, "unable to use socket %s", full);
	set_options(fd);
	l->sock = (struct watch){ .fd = fd, .ready = accept_ready, .of = l };
	loop_want(&l->sock, LOOP_IN);
	n_listeners++;
}

static void
listeners_setup(const struct opts *o, const struct conf *conf)
{
	const char	*name;
	size_t		 at = 0;
	int		 fd;

	while ((fd = listen_next("", 1, &at, &name)) != -1)
		if (strcmp(name, SEAL_NAME) != 0)
			listener_add(o, conf, fd, name);
	if (n_listeners == 0)
		diex(EXIT_PERM, "no sockets were passed (LISTEN_FDS)");
}

/* From here on nothing but the certificates can be read, and nothing written. */
static void
confine(void)
{
	int	fd;

	if (mkdir(HOME_TLS, 0700) == -1 && errno != EEXIST)
		log_failure("certificates", HOME_TLS, errno);
	fd = dir_open(AT_FDCWD, HOME_TLS);
	sandbox_enter_dir(SANDBOX_NET, fd);
	(void)fd_close(&fd);
}

static void
listeners_want(int events)
{
	for (size_t i = 0; i < n_listeners; i++)
		loop_want(&listeners[i].sock, events);
}

static void
pause_accepting(const char *why)
{
	struct log	l;

	paused_until = timers_now() + PAUSE_MS;
	listeners_want(0);
	if (!log_allowed())
		return;
	log_start(&l, "pause");
	log_cstr(&l, "reason", why);
	log_num(&l, "connections", (int64_t)conns_count());
	log_end(&l);
}

void
sockaddr_ip(const struct sockaddr_storage *ss, struct ip *ip_r, uint16_t *port_r)
{
	*ip_r = (struct ip){ .len = 0 };
	*port_r = 0;
	if (ss->ss_family == AF_INET) {
		const struct sockaddr_in	*in = (const struct sockaddr_in *)ss;

		*ip_r = ip_from_bytes(&in->sin_addr, 4);
		*port_r = ntohs(in->sin_port);
	} else if (ss->ss_family == AF_INET6) {
		const struct sockaddr_in6	*in6 = (const struct sockaddr_in6 *)ss;

		*ip_r = ip_from_bytes(&in6->sin6_addr, 16);
		*port_r = ntohs(in6->sin6_port);
	}
}

/* One a turn: when there are more, the loop tells so again. */
static void
accept_ready(void *of, int got)
{
	struct listener		*l = of;
	struct sockaddr_storage	 ss;
	socklen_t		 len = sizeof(ss);
	struct ip		 ip;
	uint16_t		 port;
	int			 fd;

	(void)got;
	if (conns_descriptors() > max_descriptors - FDS_OURS - FDS_EACH) {
		pause_accepting("as many connections as there are descriptors for");
		return;
	}
	/* plain text goes to the session as it is: blocking, as it expects */
	fd = accept4(l->sock.fd, (struct sockaddr *)&ss, &len,
	    SOCK_CLOEXEC | (l->service->implicit ? SOCK_NONBLOCK : 0));
	if (fd == -1) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			pause_accepting("out of descriptors or memory");
		return;
	}
	sockaddr_ip(&ss, &ip, &port);
	conn_accepted(l, fd, &ip, port);
}

/* What is to be done from time to time. */
static void
housekeeping(void)
{
	static int64_t	checked;

	if (checked == 0)
		checked = timers_now();
	if (paused_until != 0 && timers_now() >= paused_until && !stopping) {
		paused_until = 0;
		listeners_want(LOOP_IN);
	}
	if (!reload && timers_now() - checked < CHECK_MS)
		return;
	checked = timers_now();
	reload = false;
	certs_check();
	tickets_turn(timers_now() / 1000);
}

static void
serve(void)
{
	int64_t	stop_at = 0;

	for (;;) {
		loop_wait(timers_next(paused_until != 0 || stopping ? PAUSE_MS : CHECK_MS));
		timers_run();
		conns_bury();
		housekeeping();
		if (!stopping)
			continue;
		if (stop_at == 0) {
			listeners_want(0);
			stop_at = timers_now() + STOP_MS;
		}
		if (conns_count() == 0 || timers_now() >= stop_at)
			return;
	}
}
