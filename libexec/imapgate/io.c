/* io: what goes to the client and comes from it. */
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "gate.h"
#include "sys/die.h"
#include "sys/fd.h"

enum {
	LITERAL_MAX	= 4096,		/* before login: a name or a password */
	LITERALS_MAX	= 70,		/* ID has up to 30 pairs */
	SLOW_MS		= 25000,	/* of the 30 s for a write */
};

/* A peer that does not read is not worth an answer. */
void
put(struct gate *g, struct str s)
{
	if (stream_put(&g->io, s) == -1)
		exit(EXIT_OK);
}

void
say(struct gate *g, const char *s)
{
	put(g, str_c(s));
}

/* "TAG OK text" with the line's end. */
void
reply(struct gate *g, const char *text)
{
	put(g, g->tag);
	say(g, " ");
	say(g, text);
	say(g, "\r\n");
}

void
bye(struct gate *g, const char *text)
{
	say(g, "* BYE ");
	say(g, text);
	say(g, "\r\n");
	g->over = true;
}

void
pause_ms(const struct gate *g, long ms)
{
	struct timespec	ts = { ms / 1000, ms % 1000 * 1000000 };

	if (!*g->io.stop)
		(void)nanosleep(&ts, NULL);
}

/* To who guesses passwords: a byte a second, and the rest before the patience for a write is over. */
static void
write_slowly(struct gate *g)
{
	struct deadline	d = deadline_in(SLOW_MS);

	while (g->io.out.n > 0 && !deadline_over(d) && !*g->io.stop) {
		if (write_all(g->io.out_fd, str_head(buf_str(&g->io.out), 1)) == -1)
			exit(EXIT_OK);
		buf_consume(&g->io.out, 1);
		pause_ms(g, 1000);
	}
}

void
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
		pause_ms(g, 1000);
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

/* A literal is announced: small ones are taken. */
static void
literal(struct gate *g)
{
	struct imap_cur	c;
	bool		take;

	if (!g->spoken && begin_command(g, &c) == -1) {
		bye(g, NOT_IMAP);
		return;
	}
	take = g->gather.literal.size <= LITERAL_MAX && g->gather.count < LITERALS_MAX &&
	    imap_gather_literal(&g->gather);
	if (take && g->gather.literal.sync)
		say(g, "+ go on\r\n");
	else if (!take)
		bye(g, "that is too large before login");
}

bool
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
