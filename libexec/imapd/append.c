/*
 * append: APPEND. The message goes from the connection straight into the
 * mailbox's tmp/; it is never in memory.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "command.h"
#include "store/incoming.h"
#include "sys/deadline.h"
#include "sys/fd.h"

struct append {
	struct str		 name;
	struct imap_flags	 named;
	int64_t			 date;
	struct mailbox		*mb;
	struct incoming		*in;
	char			 last;	/* byte written */
	int			 err;	/* of the first write that failed */
};

/* A command whose message never came. */
void
cmd_append(struct session *s, struct imap_cur *c)
{
	imap_cur_fail(c, "missing message literal");
	reply_syntax(s, c);
}

/* Up to the announcement of the message. */
static void
read_arguments(struct imap_cur *c, struct append *a)
{
	a->date = -1;
	a->name = imap_mailbox(c);
	imap_sp(c);
	if (imap_peek(c, '(')) {
		a->named = imap_flag_list(c);
		imap_sp(c);
	}
	if (imap_peek(c, '"')) {
		a->date = imap_date_time(c);
		imap_sp(c);
	}
	if (!imap_peek(c, '{'))
		imap_cur_fail(c, "missing message literal");
}

static bool
fits_quota(struct session *s, uint64_t size)
{
	uint64_t	used, quota = account_quota(s->account);

	if (quota == 0)
		return true;
	return account_usage(s->account, &used, NULL) == 0 && used <= quota && size <= quota - used;
}

/* Everything that can be refused before a byte of it is read. */
static bool
begin(struct session *s, struct append *a, uint64_t size)
{
	struct flags	flags;

	if (size == 0) {
		reply(s, NO, NULL, "An empty message: nothing is stored");
		return false;
	}
	if (size > UINT32_MAX) {
		reply(s, NO, "TOOBIG", "That message is too large");
		return false;
	}
	if (mailbox_open(s->account, a->name, &a->mb) == -1) {
		if (errno == ENOENT)
			reply(s, NO, "TRYCREATE", "No such mailbox");
		else
			reply_errno(s, errno);
		return false;
	}
	if (!fits_quota(s, size)) {
		reply_errno(s, EDQUOT);
		return false;
	}
	if (flags_resolve(a->mb, &a->named, true, &flags) == -1 || incoming_open(a->mb, &a->in) == -1) {
		reply_errno(s, errno);
		return false;
	}
	incoming_set(a->in, a->date >= 0 ? a->date : clock_now(), flags);
	return true;
}

/* Mail is CRLF text on disk: a bare LF gets its CR. */
static void
take(struct append *a, struct str part)
{
	int	fd = incoming_fd(a->in);

	while (part.n > 0 && a->err == 0) {
		size_t	n = 0;
		bool	bare = false;

		while (n < part.n && !bare) {
			n += str_chr(str_skip(part, n), '\n');
			bare = n < part.n && (n == 0 ? a->last : part.p[n - 1]) != '\r';
			if (!bare && n < part.n)
				n++;
		}
		if (write_all(fd, str_head(part, n)) == -1 || (bare && write_all(fd, STR("\r\n")) == -1))
			a->err = errno;
		a->last = bare ? '\n' : part.p[n - 1];
		part = str_skip(part, bare ? n + 1 : n);
	}
}

/* The bytes of the literal, into the file or (in NULL) nowhere. False: the session is over. */
static bool
receive(struct session *s, struct append *a, uint64_t size)
{
	while (size > 0) {
		struct str	part;

		if (s->io.in.n == 0 && !session_more(s))
			return false;
		part = str_head(buf_str(&s->io.in), size > SIZE_MAX ? SIZE_MAX : (size_t)size);
		if (a->in != NULL)
			take(a, part);
		size -= part.n;
		buf_consume(&s->io.in, part.n);
	}
	return true;
}

static void
hang_up(struct session *s)
{
	s->why = "literal";
	untagged(s, "BYE Not reading all that");
	s->state = ST_LOGOUT;
}

/* What stands behind the literal: nothing. False: the session is over, or the answer is BAD. */
static bool
end_of_line(struct session *s)
{
	for (;;) {
		struct str	in = buf_str(&s->io.in);
		enum imap_got	got = imap_gather_feed(&s->gather, &in);

		buf_consume(&s->io.in, s->io.in.n - in.n);
		if (got == IMAP_GOT_COMMAND && s->gather.text.n == 0)
			return true;
		if (got != IMAP_GOT_MORE) {
			reply(s, BAD, NULL, "unexpected text behind the message");
			if ((got == IMAP_GOT_LITERAL && !s->gather.literal.sync) ||
			    (got == IMAP_GOT_TOOLONG && s->gather.desync))
				hang_up(s);
			return false;
		}
		if (!session_more(s))
			return false;
	}
}

static void
finish(struct session *s, struct append *a)
{
	char	code[64];

	if (a->err != 0)
		reply_errno(s, a->err);
	else if (publish(s->account, &a->in, 1) == -1) {
		if (errno == ESTALE)
			reply(s, NO, "TRYCREATE", "The mailbox was deleted");
		else
			reply_errno(s, errno);
	} else if (incoming_uid(a->in) == 0) {
		/* stored, and another session has removed or moved it already: there is no uid to tell */
		reply(s, OK, NULL, "Stored");
	} else {
		(void)snprintf(code, sizeof(code), "APPENDUID %" PRIu32 " %" PRIu32, mailbox_uidvalidity(a->mb),
		    incoming_uid(a->in));
		reply(s, OK, code, "Stored");
	}
}

/* The answer is NO or BAD already; a client that did not wait sends its message all the same. */
static void
refuse(struct session *s, struct append *a, struct imap_literal lit)
{
	imap_gather_pass(&s->gather);
	if (lit.sync)
		return;
	incoming_free(a->in);
	a->in = NULL;
	if (lit.size > LIMIT_IMAP_SKIP)
		hang_up(s);
	else if (receive(s, a, lit.size))
		(void)end_of_line(s);
}

bool
append_literal(struct session *s)
{
	struct imap_literal	lit = s->gather.literal;
	struct append		a = { .last = '\0' };
	struct imap_cur		c, ahead;

	imap_cur_init(&c, buf_str(&s->gather.text), &s->arena);
	(void)imap_tag(&c);
	imap_sp(&c);
	(void)imap_word(&c);
	imap_sp(&c);
	ahead = c;
	(void)imap_astring(&ahead);
	if (ahead.err != NULL || imap_at_end(&ahead))
		return false;	/* it is the mailbox's name that comes */
	read_arguments(&c, &a);
	if (!arena_dup(&s->arena, s->tag, &s->tag))
		imap_cur_fail(&c, "command too large");
	if (c.err != NULL)
		reply_syntax(s, &c);
	if (c.err != NULL || !begin(s, &a, lit.size))
		refuse(s, &a, lit);
	else {
		imap_gather_pass(&s->gather);
		if (lit.sync)
			buf_adds(out(s), "+ go ahead\r\n");
		reply(s, OK, NULL, "Stored");
		if (receive(s, &a, lit.size) && end_of_line(s))
			finish(s, &a);
	}
	incoming_free(a.in);
	mailbox_close(a.mb);
	return true;
}
