/*
 * smtpd: one SMTP session, of a mail exchanger for a peer that nobody knows, or
 * of submission for who logs in.
 * 0, 1	the peer's bytes, plain text either way (listend does TLS)
 * 3	control, to listend: sys/peer.h
 * 4	with -Q, the way into the queue
 * It may read config.tdb and ask dnsd, verifyd and deliverd, or authd; no more. See smtpd(8).
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/limits.h"
#include "smtpd.h"
#include "client/deliver.h"
#include "client/dns.h"
#include "client/verify.h"
#include "sys/die.h"
#include "sys/fd.h"
#include "sys/home.h"
#include "sys/log.h"
#include "sys/opt.h"
#include "sys/sandbox.h"
#include "sys/stop.h"


#define USAGE	"usage: smtpd [-Q] [-m ms] [-p ms] [-s ms] [-t ms]"

static struct opts	opts_parse(int, char *[]);
static void		settings(struct smtpd *);
static void		service(struct smtpd *, const struct conf_listener *);
static void		signals(void);
static void		release(struct smtpd *);

int
main(int argc, char *argv[])
{
	struct smtpd	d = { .deliver = HELD_INIT(DELIVER_SOCKET), .verify = HELD_INIT(VERIFY_SOCKET),
		.dns = HELD_INIT(DNS_SOCKET) };

	prog_init(argv[0]);
	d.o = opts_parse(argc, argv);
	if (home_enter() == -1)
		die(EXIT_TEMP, "unable to enter the var directory");
	d.peer = peer_from_env();
	d.conf = conf_open();
	if (d.conf == NULL)
		die(EXIT_TEMP, "unable to open " HOME_CONFIG_TDB);
	signals();
	settings(&d);
	sandbox_enter(SANDBOX_SESSION);
	smtpd_serve(&d);
	release(&d);
	return EXIT_OK;
}

static struct opts
opts_parse(int argc, char *argv[])
{
	struct opts	o = { .io_ms = 30000, .message_ms = 30 * 60 * 1000, .service_ms = 60000, .pause_ms = 1000 };
	int		c;

	enum { LOCAL_MS = 5 * 60 * 1000 };	/* -Q: a program of ours, or somebody typing (RFC 5321 4.5.3.2.7) */

	while ((c = getopt(argc, argv, "Qm:p:s:t:")) != -1)
		switch (c) {
		case 'Q':
			o.queue = true;
			o.io_ms = LOCAL_MS;
			break;
		case 'm':
			o.message_ms = opt_ms(c, optarg);
			break;
		case 'p':
			o.pause_ms = opt_ms(c, optarg);
			break;
		case 's':
			o.service_ms = opt_ms(c, optarg);
			break;
		case 't':
			o.io_ms = opt_ms(c, optarg);
			break;
		default:
			diex(EXIT_PERM, USAGE);
		}
	if (optind != argc)
		diex(EXIT_PERM, USAGE);
	return o;
}

static void
signals(void)
{
	struct sigaction	sa = { .sa_handler = SIG_IGN };

	stop_catch();
	/* a limit on files is a full disk, not an end */
	(void)sigaction(SIGXFSZ, &sa, NULL);
}

/* Which of them are we? Submission has other rules, and its own for TLS: no password without. */
static void
service(struct smtpd *d, const struct conf_listener *l)
{
	struct smtp_session_conf	*c = &d->sc;
	struct str			 name = d->peer.service;

	c->submission = d->o.queue || str_eq(name, STR("submission")) || str_eq(name, STR("submissions"));
	c->closed = !c->submission && name.n > 0 && !str_eq(name, STR("smtp"));
	if (!c->submission)
		return;
	c->known = d->o.queue;
	c->require_tls = false;
	c->auth_clear = c->trusted || (l != NULL && l->auth_in_clear);
	c->client_key = d->peer.fingerprint.n > 0;
	c->channel = d->peer.exporter.n + d->peer.endpoint.n > 0;
}

/* All that can be known before the first byte, and what has to be opened before the sandbox closes. */
static void
settings(struct smtpd *d)
{
	const struct conf_machine	*m = conf_machine(d->conf);
	const struct conf_listener	*l = conf_listener(d->conf, d->peer.listener);
	int				 disk = d->o.queue ? -1 : file_unnamed_in(HOME_TMP);

	if (disk == -1 && !d->o.queue)
		log_failure("no-spill", HOME_TMP, errno);
	if (d->peer.id.n == 0)
		d->peer.id = STR("-");
	d->sc = (struct smtp_session_conf){
		.hostname = l != NULL && l->hostname.n > 0 ? l->hostname : m->hostname,
		.id = d->peer.id,
		.max_size = l != NULL ? l->max_message_size : m->max_message_size,
		.trusted = d->peer.trusted || d->o.queue,
		.localserve = m->localserve,
		.starttls = d->peer.starttls,
		.require_tls = l != NULL && l->require_starttls,
		.tls = d->peer.tls.n > 0,
	};
	service(d, l);
	log_always("conn", d->peer.id);
	message_init(&d->msg, disk);
	submit_init(d);
	arena_init(&d->found, LIMIT_SMTP_TRANSACTION);
	stream_init(&d->io, STDIN_FILENO, STDOUT_FILENO, 65536, 65536);
	d->io.read_ms = d->io.write_ms = d->o.io_ms;
	d->io.stop = &stop_asked;
}

static void
release(struct smtpd *d)
{
	smtp_session_free(&d->s);
	stream_free(&d->io);
	arena_free(&d->found);
	submit_free(d);
	held_free(&d->deliver);
	held_free(&d->verify);
	held_free(&d->dns);
	(void)!message_reset(&d->msg);
	conf_close(d->conf);
}
