/* login: LOGIN, AUTHENTICATE and keys, by way of authd, and the hand-off to imapd. */
#include <stdlib.h>
#include <unistd.h>

#include "base/limits.h"
#include "gate.h"
#include "sys/die.h"

enum { FAILURES_SLOW = 3 };	/* from then on everything is slow */

static struct authd_about
about(const struct gate *g)
{
	return (struct authd_about){ .peer = &g->peer, .protocol = "imap", .agent = str_c(g->agent) };
}

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
		pause_ms(g, 1000L * (long)(g->failures - FAILURES_SLOW));
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

void
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

void
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

/* An unknown key counts as a failure, but a password may follow. */
bool
login_by_key(struct gate *g)
{
	struct authd_about	a = about(g);
	enum authd_got		got;

	a.preauth = true;
	got = authd_start(&g->auth, &a, STR("EXTERNAL"), STR(""));
	if (got == AUTHD_OK && authd_handoff(&g->auth, STDIN_FILENO, PEER_CONTROL, STR(""), STR("")) == AUTHD_HANDED)
		exit(EXIT_OK);
	if (got == AUTHD_FAIL && str_eq(g->auth.reason, STR("badcreds")))
		count_failure(g);
	if (got != AUTHD_FAIL || !str_eq(g->auth.reason, STR("limited")))
		return true;
	bye(g, "too many failed logins, try later");
	return false;
}
