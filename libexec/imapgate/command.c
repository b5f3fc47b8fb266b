/* command: the commands before login. */
#include <stdlib.h>

#include "base/code.h"
#include "base/limits.h"
#include "gate.h"
#include "sys/die.h"

static void	cmd_capability(struct gate *, struct imap_cur *);
static void	cmd_id(struct gate *, struct imap_cur *);
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

int
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

void
command(struct gate *g)
{
	struct imap_cur	c;
	int		i = begin_command(g, &c);

	if (i != -1) {
		commands[i].run(g, &c);
		return;
	}
	if (!g->spoken) {
		bye(g, NOT_IMAP);
		return;
	}
	if (g->tag.n == 0)
		g->tag = STR("*");
	reply(g, c.err != NULL ? "BAD I do not understand that" : "BAD no such command");
}

bool
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

bool
is_private(const struct gate *g)
{
	return g->peer.tls.n > 0 || g->peer.trusted;
}

void
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
