/* session: from bytes to commands, and the order in which they are answered. */
#include <poll.h>

#include "command.h"
#include "sys/log.h"

const char	capabilities[] = "IMAP4rev1 ENABLE LITERAL+ IDLE SASL-IR UNSELECT UIDPLUS MOVE CHILDREN "
    "LIST-EXTENDED SPECIAL-USE CREATE-SPECIAL-USE LIST-STATUS ID CONDSTORE NAMESPACE";

static void	greet(struct session *);
static void	log_end_of(const struct session *);
static bool	next_command(struct session *);
static bool	take_literal(struct session *);
static void	refuse_line(struct session *);
static void	run_command(struct session *);
static void	finish(struct session *);

void
session_serve(struct session *s)
{
	s->state = ST_AUTH;
	s->io.read_ms = LIMIT_IMAP_IDLE_MS;
	s->io.write_ms = LIMIT_IMAP_WRITE_MS;
	s->reply = (struct buf)BUF_INIT(LIMIT_IMAP_OUTPUT);
	arena_init(&s->arena, LIMIT_IMAP_ARENA);
	arena_init(&s->names, LIMIT_IMAP_ARENA);
	imap_gather_init(&s->gather);
	greet(s);
	while (s->state != ST_LOGOUT && !s->gone && next_command(s))
		run_command(s);
	session_deselect(s);
	out_flush(s);
	log_end_of(s);
	imap_gather_free(&s->gather);
	arena_free(&s->arena);
	arena_free(&s->names);
	buf_free(&s->reply);
	stream_free(&s->io);
}

static void
log_end_of(const struct session *s)
{
	struct log	l;

	log_start(&l, "end");
	log_cstr(&l, "reason", s->why != NULL ? s->why : s->gone ? "gone" : "logout");
	log_end(&l);
}

/* The login's own answer; without a tag the client was known before it said anything. */
static void
greet(struct session *s)
{
	if (s->peer.tag.n == 0)
		untagged(s, "PREAUTH [CAPABILITY %s] posthorn is ready", capabilities);
	else
		buf_addf(out(s), STR_FMT " OK [CAPABILITY %s] Logged in\r\n", STR_ARG(s->peer.tag), capabilities);
}

bool
session_stopping(const struct session *s)
{
	return *s->io.stop != 0;
}

void
session_deselect(struct session *s)
{
	if (s->mb == NULL)
		return;
	view_news_free(&s->news);
	s->news = (struct view_news)VIEW_NEWS_INIT;
	view_close(&s->view);
	mailbox_close(s->mb);
	s->mb = NULL;
	s->announced = false;
	arena_free(&s->names);
	if (s->state == ST_SELECTED)
		s->state = ST_AUTH;
}

void
session_condstore(struct session *s)
{
	s->enabled |= ON_CONDSTORE;
	if (s->state == ST_SELECTED && !s->announced) {
		s->announced = true;
		untagged(s, "OK [HIGHESTMODSEQ %llu] Mod-sequences from here on", (unsigned long long)s->view.modseq);
	}
}

/* Gather until a command is whole; false when the session is over. */
static bool
next_command(struct session *s)
{
	while (s->state != ST_LOGOUT) {
		struct str	in = buf_str(&s->io.in);
		enum imap_got	got = imap_gather_feed(&s->gather, &in);

		buf_consume(&s->io.in, s->io.in.n - in.n);
		switch (got) {
		case IMAP_GOT_COMMAND:
			return true;
		case IMAP_GOT_MORE:
			if (!session_more(s))
				return false;
			break;
		case IMAP_GOT_LITERAL:
			if (!take_literal(s))
				return false;
			break;
		case IMAP_GOT_TOOLONG:
			refuse_line(s);
			break;
		}
	}
	return false;
}

/* Nothing comes at once: what the last commands took is given back before the long wait. */
static void
shrink_if_idle(struct session *s)
{
	if (s->io.in.n == 0 && deadline_wait(s->io.in_fd, POLLIN, deadline_in(LIMIT_IMAP_LINGER_MS)) == 0)
		out_shrink(s);
}

bool
session_more(struct session *s)
{
	out_flush(s);
	if (!s->gone)
		shrink_if_idle(s);
	switch (s->gone ? STREAM_EOF : stream_read(&s->io)) {
	case STREAM_DATA:
		return true;
	case STREAM_TIMEOUT:
		s->why = "inactive";
		untagged(s, "BYE inactive");
		break;
	case STREAM_STOP:
		s->why = "stop";
		untagged(s, "BYE The server is stopping, come back soon");
		break;
	case STREAM_ERROR:
	case STREAM_EOF:
		s->gone = true;
		break;
	}
	buf_reset(&s->reply);
	s->state = ST_LOGOUT;
	return false;
}

/* The tag of what is gathered, "*" when there is none; lives as long as the text. */
static struct str
tag_of(struct session *s, struct imap_cur *c)
{
	struct str	tag;

	imap_cur_init(c, buf_str(&s->gather.text), &s->arena);
	tag = imap_tag(c);
	imap_sp(c);
	return c->err == NULL ? tag : STR("*");
}

/* The command's row, with s->uid set; NULL when there is none. The cursor is behind its name. */
static const struct command *
name_of(struct session *s, struct imap_cur *c)
{
	struct str	name = imap_word(c);

	s->uid = str_ieq(name, STR("UID"));
	if (s->uid) {
		imap_sp(c);
		name = imap_word(c);
	}
	return c->err == NULL ? command_find(name, s->uid) : NULL;
}

static bool
take_literal(struct session *s)
{
	bool			 sync = s->gather.literal.sync;
	struct imap_cur		 c;
	const struct command	*command;

	s->tag = tag_of(s, &c);
	command = name_of(s, &c);
	if (command != NULL && (command->flags & CMD_STREAM) != 0) {
		s->command = command;
		if (append_literal(s)) {
			finish(s);
			return !s->gone;
		}
		s->command = NULL;
	}
	arena_reset(&s->arena);
	if (imap_gather_literal(&s->gather)) {
		if (sync)
			buf_adds(out(s), "+ go ahead\r\n");
		return true;
	}
	reply(s, BAD, "TOOBIG", "That literal is too large");
	reply_write(s);
	imap_gather_reset(&s->gather);
	if (sync)
		return true;
	s->why = "literal";
	untagged(s, "BYE Lost in a literal that is too large");
	return false;
}

static void
refuse_line(struct session *s)
{
	bool		desync = s->gather.desync;
	struct imap_cur	c;

	s->tag = tag_of(s, &c);
	reply(s, BAD, "TOOBIG", "That line is too long");
	reply_write(s);
	imap_gather_reset(&s->gather);
	if (desync) {
		s->why = "line";
		untagged(s, "BYE Lost in a line that is too long");
		s->state = ST_LOGOUT;
	}
}

static void
run_command(struct session *s)
{
	struct imap_cur	c;

	s->tag = tag_of(s, &c);
	s->command = name_of(s, &c);
	if (c.err != NULL)
		reply_syntax(s, &c);
	else if (s->command == NULL)
		reply(s, BAD, NULL, "Unknown command");
	else if ((s->command->states & s->state) == 0)
		reply(s, BAD, NULL, "No mailbox is selected");
	else {
		if ((s->command->flags & CMD_BULK) != 0)
			s->io.write_ms = LIMIT_IMAP_BULK_MS;
		s->command->run(s, &c);
		s->io.write_ms = LIMIT_IMAP_WRITE_MS;
	}
	finish(s);
}

/* The selected mailbox is no more. Whoever deleted it here knows; else there is only BYE (RFC 2180 3.3). */
static void
lost_mailbox(struct session *s)
{
	bool	own = s->command->run == cmd_delete;

	session_deselect(s);
	if (own) {
		untagged(s, "OK [CLOSED] The selected mailbox was deleted");
		return;
	}
	s->why = "mailbox-deleted";
	untagged(s, "BYE The selected mailbox was deleted");
	buf_reset(&s->reply);
	s->state = ST_LOGOUT;
}

static void
finish(struct session *s)
{
	const struct command	*c = s->command;

	if (c != NULL && s->state == ST_SELECTED && (c->flags & CMD_NOSYNC) == 0 &&
	    !sync_tell(s, s->uid || (c->flags & CMD_NOEXPUNGE) == 0))
		lost_mailbox(s);
	reply_write(s);
	s->command = NULL;
	s->own_modseq = 0;
	out_more(s);
	arena_reset(&s->arena);
	imap_gather_reset(&s->gather);
}
