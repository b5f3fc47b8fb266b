/*
 * imapgate: an IMAP session until login. The connection is on descriptors 0
 * and 1, listend's control socket on 3, facts in PEER_*. After a login the
 * connection goes through authd to imapd. Exits 0, or 100. See imapgate(8).
 */
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/code.h"
#include "base/limits.h"
#include "client/authd.h"
#include "proto/imap_parse.h"
#include "sys/die.h"
#include "sys/fd.h"
#include "sys/log.h"
#include "sys/sandbox.h"
#include "sys/stream.h"

enum {
	FAILURES_SLOW	= 3,		/* from then on everything is slow */
	LITERAL_MAX	= 4096,		/* before login: a name or a password */
	LITERALS_MAX	= 70,		/* ID has up to 30 pairs */
	OUT_MAX		= 8192,
	SLOW_MS		= 25000,	/* of the 30 s for a write */
};

static const char	not_imap[] = "please try again speaking imap";

struct gate {
	struct stream		 io;
	struct imap_gather	 gather;
	struct arena		 arena;
	struct peer		 peer;
	struct authd_dialogue	 auth;
	struct str		 tag;		/* of the command at hand */
	unsigned		 failures;
	bool			 slow;
	bool			 spoken;	/* a command made sense */
	bool			 over;		/* close after what is written */
	char			 agent[256];
};

static volatile sig_atomic_t	stop;

static void	greet(struct gate *);
static void	serve(struct gate *);
static void	command(struct gate *);
static void	cmd_authenticate(struct gate *, struct imap_cur *);
static void	cmd_capability(struct gate *, struct imap_cur *);
static void	cmd_id(struct gate *, struct imap_cur *);
static void	cmd_login(struct gate *, struct imap_cur *);
static void	cmd_logout(struct gate *, struct imap_cur *);
static void	cmd_noop(struct gate *, struct imap_cur *);
static void	cmd_starttls(struct gate *, struct imap_cur *);
static void	cmd_later(struct gate *, struct imap_cur *);

static const struct {
	const char	*name;
	void		(*run)(struct gate *, struct imap_cur *);
} commands[] = {
	{ "AUTHENTICATE", cmd_authenticate },
	{ "CAPABILITY", cmd_capability },
	{ "ID", cmd_id },
	{ "LOGIN", cmd_login },
	{ "LOGOUT", cmd_logout },
	{ "NOOP", cmd_noop },
	{ "STARTTLS", cmd_starttls },
	/* known, and for later: they are no sign of somebody who speaks something else */
	{ "APPEND", cmd_later }, { "CHECK", cmd_later }, { "CLOSE", cmd_later },
	{ "COPY", cmd_later }, { "CREATE", cmd_later }, { "DELETE", cmd_later },
	{ "ENABLE", cmd_later }, { "EXAMINE", cmd_later }, { "EXPUNGE", cmd_later },
	{ "FETCH", cmd_later }, { "IDLE", cmd_later }, { "LIST", cmd_later },
	{ "LSUB", cmd_later }, { "MOVE", cmd_later }, { "NAMESPACE", cmd_later },
	{ "RENAME", cmd_later }, { "SEARCH", cmd_later }, { "SELECT", cmd_later },
	{ "STATUS", cmd_later }, { "STORE", cmd_later }, { "SUBSCRIBE", cmd_later },
	{ "UID", cmd_later }, { "UNSELECT", cmd_later }, { "UNSUBSCRIBE", cmd_later },
};

static void
on_term(int sig)
{
	(void)sig;
	stop = 1;
}

int
main(int argc, char *argv[])
{
	struct sigaction	sa = { .sa_handler = on_term };
	struct gate		g = { .peer = peer_from_env(), .arena = ARENA_INIT(65536) };

	prog_init(argv[0]);
	if (argc != 1)
		diex(EXIT_PERM, "usage: imapgate");
	(void)sigaction(SIGTERM, &sa, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	log_always("conn", g.peer.id);
	stream_init(&g.io, STDIN_FILENO, STDOUT_FILENO, LIMIT_IMAP_LINE, OUT_MAX);
	g.io.stop = &stop;
	imap_gather_init(&g.gather);
	authd_init(&g.auth);
	sandbox_enter(SANDBOX_SESSION);
	greet(&g);
	serve(&g);
	authd_close(&g.auth);
	imap_gather_free(&g.gather);
	arena_free(&g.arena);
	stream_free(&g.io);
	return EXIT_OK;
}

/* --- output */

/* A peer that does not read is not worth an answer. */
static void
put(struct gate *g, struct str s)
{
	if (stream_put(&g->io, s) == -1)
		exit(EXIT_OK);
}

static void
say(struct gate *g, const char *s)
{
	put(g, str_c(s));
}

/* "TAG OK text" with the line's end. */
static void
reply(struct gate *g, const char *text)
{
	put(g, g->tag);
	say(g, " ");
	say(g, text);
	say(g, "\r\n");
}

static void
bye(struct gate *g, const char *text)
{
	say(g, "* BYE ");
	say(g, text);
	say(g, "\r\n");
	g->over = true;
}

static void
pause_ms(long ms)
{
	struct timespec	ts = { ms / 1000, ms % 1000 * 1000000 };

	if (!stop)
		(void)nanosleep(&ts, NULL);
}

/* To who guesses passwords: a byte a second, and the rest before the patience for a write is over. */
static void
write_slowly(struct gate *g)
{
	struct deadline	d = deadline_in(SLOW_MS);

	while (g->io.out.n > 0 && !deadline_over(d) && !stop) {
		if (write_all(g->io.out_fd, str_head(buf_str(&g->io.out), 1)) == -1)
			exit(EXIT_OK);
		buf_consume(&g->io.out, 1);
		pause_ms(1000);
	}
}

static void
flush(struct gate *g)
{
	if (g->slow)
		write_slowly(g);
	if (stream_flush(&g->io) == -1)
		exit(EXIT_OK);
}

/* --- input */

/* More bytes, or the end of the session. */
static void
read_more(struct gate *g)
{
	flush(g);
	if (g->slow)
		pause_ms(1000);
	switch (stream_read(&g->io)) {
	case STREAM_DATA:
		return;
	case STREAM_TIMEOUT:
		bye(g, "inactive");
		break;
	case STREAM_STOP:
		bye(g, "shutting down, come again");
		break;
	case STREAM_EOF:
	case STREAM_ERROR:
		exit(EXIT_OK);
	}
	(void)!stream_flush(&g->io);
	exit(EXIT_OK);
}

static enum imap_got
feed(struct gate *g)
{
	struct str	in = buf_str(&g->io.in);
	size_t		had = in.n;
	enum imap_got	got = imap_gather_feed(&g->gather, &in);

	if (g->io.in.n > 0)
		explicit_bzero(g->io.in.p, had - in.n);		/* it may be a password */
	buf_consume(&g->io.in, had - in.n);
	return got;
}

/*
 * Read tag and name of the command that is, or begins, in gather.text. Its place in the
 * table, or -1. The first one known tells that somebody speaks IMAP.
 */
static int
begin_command(struct gate *g, struct imap_cur *c)
{
	struct str	word;

	imap_cur_init(c, buf_str(&g->gather.text), &g->arena);
	g->tag = imap_tag(c);
	imap_sp(c);
	word = imap_word(c);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (c->err != NULL || g->tag.n >= LIMIT_IMAP_TAG || !str_ieq(word, str_c(commands[i].name)))
			continue;
		g->spoken = true;
		return (int)i;
	}
	return -1;
}

/* A literal is announced: small ones are taken. */
static void
literal(struct gate *g)
{
	struct imap_cur	c;
	bool		take;

	if (!g->spoken && begin_command(g, &c) == -1) {
		bye(g, not_imap);
		return;
	}
	take = g->gather.literal.size <= LITERAL_MAX && g->gather.count < LITERALS_MAX &&
	    imap_gather_literal(&g->gather);
	if (take && g->gather.literal.sync)
		say(g, "+ go on\r\n");
	else if (!take)
		bye(g, "that is too large before login");
}

/* One whole line with its literals into gather.text; false when the session is over. */
static bool
read_command(struct gate *g)
{
	imap_gather_reset(&g->gather);
	while (!g->over) {
		switch (feed(g)) {
		case IMAP_GOT_COMMAND:
			return true;
		case IMAP_GOT_MORE:
			read_more(g);
			break;
		case IMAP_GOT_LITERAL:
			literal(g);
			break;
		case IMAP_GOT_TOOLONG:
			bye(g, "line too long");
			break;
		}
	}
	return false;
}

static void
serve(struct gate *g)
{
	while (!g->over) {
		if (read_command(g))
			command(g);
		arena_reset(&g->arena);
	}
	flush(g);
}

static void
command(struct gate *g)
{
	struct imap_cur	c;
	int		i = begin_command(g, &c);

	if (i != -1) {
		commands[i].run(g, &c);
		return;
	}
	if (!g->spoken) {
		bye(g, not_imap);
		return;
	}
	if (g->tag.n == 0)
		g->tag = STR("*");
	reply(g, c.err != NULL ? "BAD I do not understand that" : "BAD no such command");
}

/* The arguments are read; BAD when they are not what they should be. */
static bool
args_end(struct gate *g, struct imap_cur *c)
{
	if (imap_end(c))
		return true;
	put(g, g->tag);
	say(g, " BAD ");
	say(g, c->err);
	say(g, "\r\n");
	return false;
}

/* --- what we can do */

/* May a password come in clear? Over TLS, and from peers the administrator trusts. */
static bool
is_private(const struct gate *g)
{
	return g->peer.tls.n > 0 || g->peer.trusted;
}

static void
put_capabilities(struct gate *g)
{
	say(g, "CAPABILITY IMAP4rev1 LITERAL+ SASL-IR ID ENABLE");
	if (g->peer.starttls && g->peer.tls.n == 0)
		say(g, " STARTTLS");
	if (g->peer.exporter.n > 0 || g->peer.endpoint.n > 0)
		say(g, " AUTH=SCRAM-SHA-256-PLUS AUTH=SCRAM-SHA-1-PLUS");
	say(g, " AUTH=SCRAM-SHA-256 AUTH=SCRAM-SHA-1 AUTH=CRAM-MD5");
	say(g, is_private(g) ? " AUTH=PLAIN AUTH=LOGIN" : " LOGINDISABLED");
	if (g->peer.fingerprint.n > 0)
		say(g, " AUTH=EXTERNAL");
}

static struct authd_about
about(const struct gate *g)
{
	return (struct authd_about){ .peer = &g->peer, .protocol = "imap", .agent = str_c(g->agent) };
}

/* --- login */

/* What comes behind the command goes along. On success this program is done. */
static void
hand_over(struct gate *g)
{
	flush(g);
	if (authd_handoff(&g->auth, STDIN_FILENO, PEER_CONTROL, g->tag, buf_str(&g->io.in)) == AUTHD_HANDED)
		exit(EXIT_OK);
	reply(g, "NO [UNAVAILABLE] your mail cannot be reached now, try later");
}

static void
count_failure(struct gate *g)
{
	if (g->peer.trusted)
		return;
	if (++g->failures >= FAILURES_SLOW)
		g->slow = true;
}

/* Who failed often waits before it is even looked at. */
static void
wait_turn(const struct gate *g)
{
	if (g->failures > FAILURES_SLOW)
		pause_ms(1000L * (long)(g->failures - FAILURES_SLOW));
}

static void
refused(struct gate *g)
{
	struct str	why = g->auth.reason;

	if (str_eq(why, STR("limited"))) {
		bye(g, "too many failed logins, try later");
	} else if (str_eq(why, STR("aborted"))) {
		reply(g, "BAD cancelled");
	} else if (str_eq(why, STR("nomech"))) {
		reply(g, "NO [CANNOT] no such mechanism");
	} else if (str_eq(why, STR("disabled"))) {
		put(g, g->tag);
		say(g, " NO ");
		put(g, g->auth.text);
		say(g, "\r\n");
	} else {
		count_failure(g);
		reply(g, str_eq(why, STR("badprotocol")) ? "BAD that is not how this mechanism goes" :
		    str_eq(why, STR("badchanbind")) ? "NO [AUTHENTICATIONFAILED] not the channel we share" :
		    "NO [AUTHENTICATIONFAILED] wrong name or password");
	}
}

/* The answer to the client's challenge, back to authd. */
static enum authd_got
challenge(struct gate *g)
{
	enum authd_got	got;

	say(g, "+ ");
	put(g, g->auth.challenge);
	say(g, "\r\n");
	if (!read_command(g))
		return AUTHD_TEMP;
	if (g->gather.count > 0 || str_eq(buf_str(&g->gather.text), STR("*")))
		return authd_abort(&g->auth);
	got = authd_step(&g->auth, buf_str(&g->gather.text));
	explicit_bzero(g->gather.text.p, g->gather.text.n);
	return got;
}

static void
conclude(struct gate *g, enum authd_got got)
{
	/* the command's text, and with it the tag, is gone when its answers are read */
	char		kept[LIMIT_IMAP_TAG];
	struct buf	tag = { .p = kept, .cap = sizeof(kept), .max = sizeof(kept) - 1 };

	buf_add(&tag, g->tag);
	g->tag = buf_str(&tag);
	while (got == AUTHD_CONTINUE)
		got = challenge(g);
	if (g->over)
		return;
	if (got == AUTHD_OK)
		hand_over(g);
	else if (got == AUTHD_FAIL)
		refused(g);
	else
		reply(g, "NO [UNAVAILABLE] cannot tell now who you are, try later");
	g->tag = STR("");
}

static void
cmd_login(struct gate *g, struct imap_cur *c)
{
	struct authd_about	a = about(g);
	struct str		user, password;
	enum authd_got		got;

	imap_sp(c);
	user = imap_astring(c);
	imap_sp(c);
	password = imap_astring(c);
	if (!args_end(g, c))
		return;
	if (!is_private(g)) {
		reply(g, "NO [PRIVACYREQUIRED] not without TLS");
		return;
	}
	wait_turn(g);
	got = authd_login(&g->auth, &a, user, password);
	conclude(g, got);
}

/* "=" is an empty initial response; none at all is another thing (RFC 4959). */
static struct str
initial_response(struct imap_cur *c)
{
	struct str	all = c->rest;

	if (!imap_try(c, ' '))
		return (struct str){ NULL, 0 };
	all = c->rest;
	c->rest = str_skip(all, all.n);
	return str_eq(all, STR("=")) ? STR("") : all;
}

static void
cmd_authenticate(struct gate *g, struct imap_cur *c)
{
	struct authd_about	a = about(g);
	struct str		mechanism, initial;

	imap_sp(c);
	mechanism = imap_atom(c);
	initial = initial_response(c);
	if (!args_end(g, c))
		return;
	if (!is_private(g) && (str_ieq(mechanism, STR("PLAIN")) || str_ieq(mechanism, STR("LOGIN")))) {
		reply(g, "NO [PRIVACYREQUIRED] not without TLS");
		return;
	}
	wait_turn(g);
	conclude(g, authd_start(&g->auth, &a, mechanism, initial));
}

/* --- the other commands */

static void
cmd_capability(struct gate *g, struct imap_cur *c)
{
	if (!args_end(g, c))
		return;
	say(g, "* ");
	put_capabilities(g);
	say(g, "\r\n");
	reply(g, "OK done");
}

static void
cmd_noop(struct gate *g, struct imap_cur *c)
{
	if (args_end(g, c))
		reply(g, "OK done");
}

static void
cmd_logout(struct gate *g, struct imap_cur *c)
{
	if (!args_end(g, c))
		return;
	bye(g, "see you");
	reply(g, "OK done");
}

/* "name" and "version" are kept for the record of logins; our version is told after login only. */
static void
cmd_id(struct gate *g, struct imap_cur *c)
{
	struct buf	agent = { .p = g->agent, .cap = sizeof(g->agent), .max = sizeof(g->agent) - 1 };
	bool		first = true;

	imap_sp(c);
	if (imap_peek(c, '(')) {
		imap_need(c, '(');
		while (imap_list_next(c, &first)) {
			struct str	key = imap_string(c), value;

			imap_sp(c);
			value = imap_nstring(c);
			if (!str_ieq(key, STR("name")) && !str_ieq(key, STR("version")))
				continue;
			if (agent.n > 0)
				buf_addc(&agent, '/');
			code_escape(&agent, str_head(value, 100));
		}
	} else if (!imap_try_token(c, "NIL"))
		imap_cur_fail(c, "NIL or a list");
	g->agent[agent.n] = '\0';
	if (!args_end(g, c))
		return;
	say(g, "* ID (\"name\" \"posthorn\")\r\n");
	reply(g, "OK done");
}

static void
cmd_later(struct gate *g, struct imap_cur *c)
{
	(void)c;
	reply(g, "BAD log in first");
}

/* Whatever was said in the clear is forgotten (RFC 3501 section 6.2.1). */
static void
cmd_starttls(struct gate *g, struct imap_cur *c)
{
	if (!args_end(g, c))
		return;
	if (g->peer.tls.n > 0 || !g->peer.starttls) {
		reply(g, g->peer.tls.n > 0 ? "BAD this is TLS already" : "BAD no TLS here");
		return;
	}
	reply(g, "OK begin TLS now");
	flush(g);
	if (peer_starttls(&g->peer, g->io.in_fd, deadline_in(60000)) == -1)
		exit(EXIT_OK);
	buf_reset(&g->io.in);
	g->agent[0] = '\0';
}

/*
 * Over TLS from the start a client whose key is registered is logged in at
 * once. An unknown key counts as a failure, but a password may follow.
 */
static void
greet(struct gate *g)
{
	if (g->peer.tls.n > 0 && g->peer.fingerprint.n > 0) {
		struct authd_about	a = about(g);
		enum authd_got		got;

		a.preauth = true;
		got = authd_start(&g->auth, &a, STR("EXTERNAL"), STR(""));
		if (got == AUTHD_OK && authd_handoff(&g->auth, STDIN_FILENO, PEER_CONTROL, STR(""), STR("")) == AUTHD_HANDED)
			exit(EXIT_OK);
		if (got == AUTHD_FAIL && str_eq(g->auth.reason, STR("badcreds")))
			count_failure(g);
		if (got == AUTHD_FAIL && str_eq(g->auth.reason, STR("limited"))) {
			bye(g, "too many failed logins, try later");
			return;
		}
	}
	say(g, "* OK [");
	put_capabilities(g);
	say(g, "] posthorn\r\n");
}
