#include "sendmail.h"

#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "proto/addr.h"
#include "proto/addrlist.h"
#include "proto/header.h"
#include "sys/die.h"
#include "sys/fd.h"

enum {
	CHUNK	= 65536,
	HEADER	= 1024 * 1024,	/* kept in memory until its end is seen */
};

/* --- recipients */

static void
recipient(struct recipients *r, struct str address)
{
	for (size_t i = 0; i < r->n; i++)
		if (str_eq(r->address[i], address))
			return;
	if (r->n == LIMIT_SMTP_RCPTS || !arena_dup(&r->arena, address, &r->address[r->n]))
		diex(EX_UNAVAILABLE, "more than %d recipients", LIMIT_SMTP_RCPTS);
	r->n++;
}

/* A name of this system, and not what is left of something that the parser could not understand. */
static bool
is_name(struct str local, struct str item)
{
	size_t	at = str_find(item, local);

	for (size_t i = 0; i < local.n; i++)
		if (byte_is_control(local.p[i]) || memchr(" \"(),:;<>@[\\]", local.p[i], 13) != NULL)
			return false;
	return local.n > 0 && at < item.n && (at + local.n == item.n || item.p[at + local.n] != '@');
}

void
recipients_add(struct recipients *r, struct str list)
{
	struct arena		a = ARENA_INIT(LIMIT_SMTP_TRANSACTION);
	struct buf		text = BUF_INIT(2 * LIMIT_SMTP_LINE);
	struct addrlist		l;
	struct addrlist_item	i;

	addrlist_open(&l, list, &a);
	for (size_t from = 0; addrlist_next(&l, &i); from = l.lex.at) {
		struct str	item = { list.p + from, l.lex.at - from };

		if (i.kind != ADDRLIST_MAILBOX)
			continue;
		if (i.local.n == 0 || (i.domain.n == 0 && !is_name(i.local, item)))
			diex(EX_DATAERR, "a recipient that is no address");
		buf_reset(&text);
		addr_add_quoted(&text, i.local);
		if (i.domain.n > 0) {
			buf_addc(&text, '@');
			buf_add(&text, i.domain);
		}
		if (buf_failed(&text) || str_has_control(buf_str(&text)))
			diex(EX_DATAERR, "a recipient that is no address");
		recipient(r, buf_str(&text));
	}
	buf_free(&text);
	arena_free(&a);
}

/* --- the message on its way into the file */

struct copy {
	const struct reading	*how;
	struct recipients	*to;
	struct message		*m;
	struct buf		 out, header;
	uint64_t		 size;
	bool			 in_header, mid_line, ended;
};

static void
flush(struct copy *c)
{
	if (buf_failed(&c->out))
		diex(EX_OSERR, "out of memory");
	if (write_all(c->m->fd, buf_str(&c->out)) == -1)
		die(EX_TEMPFAIL, "unable to keep the message");
	buf_reset(&c->out);
}

static void
put(struct copy *c, struct str s)
{
	if (s.n > LIMIT_MESSAGE_SIZE - c->size)
		diex(EX_UNAVAILABLE, "the message is larger than %u bytes", LIMIT_MESSAGE_SIZE);
	c->size += s.n;
	if (c->out.n > CHUNK)
		flush(c);
	buf_add(&c->out, s);
}

static bool
is_one_of(struct str name, const char *const *names)
{
	for (; *names != NULL; names++)
		if (str_ieq(name, str_c(*names)))
			return true;
	return false;
}

/* Recipients of the header: of the one who sends it on, when there is one (RFC 5322 3.6.6). */
static void
extract(struct copy *c)
{
	static const char *const	plain[] = { "To", "Cc", "Bcc", NULL };
	static const char *const	resent[] = { "Resent-To", "Resent-Cc", "Resent-Bcc", NULL };
	const char *const		*names = plain;
	struct header			 h;
	struct header_field		 f;

	header_open(&h, buf_str(&c->header));
	while (header_next(&h, &f))
		if (is_one_of(f.name, resent))
			names = resent;
	header_open(&h, buf_str(&c->header));
	while (header_next(&h, &f))
		if (is_one_of(f.name, names))
			recipients_add(c->to, f.value);
}

/* The header is whole: write what of it is for others. */
static void
end_header(struct copy *c)
{
	static const char *const	hidden[] = { "Bcc", "Resent-Bcc", NULL };
	struct header			h;
	struct header_field		f;
	bool				from = false;

	c->in_header = false;
	if (buf_failed(&c->header))
		diex(EX_DATAERR, "the header is longer than %d bytes", HEADER);
	if (c->how->extract)
		extract(c);
	c->m->utf8_header = str_has_eightbit(buf_str(&c->header)) && str_is_utf8(buf_str(&c->header));
	header_open(&h, buf_str(&c->header));
	while (header_next(&h, &f)) {
		from = from || str_ieq(f.name, STR("From"));
		if (!is_one_of(f.name, hidden))
			put(c, f.raw);
	}
	if (!from && c->how->from.n > 0) {
		put(c, STR("From: "));
		put(c, c->how->from);
		put(c, STR("\r\n"));
	}
	put(c, STR("\r\n"));
	buf_free(&c->header);
}

/* Does the header go on with this line: a field, more of one, or a mailbox file's "From "? */
static bool
is_header(const struct copy *c, struct str line)
{
	size_t	n = 0;

	if (c->header.n == 0 && (str_starts(line, STR("From ")) || str_starts(line, STR(">From "))))
		return true;
	if (c->header.n > 0 && line.n > 0 && (line.p[0] == ' ' || line.p[0] == '\t'))
		return true;
	while (n < line.n && line.p[n] > ' ' && line.p[n] < 0x7f && line.p[n] != ':')
		n++;
	if (n == 0)
		return false;
	while (n < line.n && (line.p[n] == ' ' || line.p[n] == '\t'))
		n++;
	return n < line.n && line.p[n] == ':';
}

/* A line, or what there is of one that is very long; end: with its end. */
static void
take(struct copy *c, struct str line, bool end)
{
	bool	start = !c->mid_line;

	if (end && line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	c->mid_line = !end;
	if (start && end && !c->how->dots && str_eq(line, STR("."))) {
		c->ended = true;
		return;
	}
	c->m->eight_bit = c->m->eight_bit || str_has_eightbit(line);
	if (c->in_header && start && !is_header(c, line)) {
		end_header(c);
		if (line.n == 0)
			return;		/* the empty line is written */
	}
	if (c->in_header) {
		buf_add(&c->header, line);
		buf_adds(&c->header, end ? "\r\n" : "");
		return;
	}
	put(c, line);
	put(c, end ? STR("\r\n") : STR(""));
}

/* What is read, line by line; a CR at its end may belong to an LF that is still to come. */
static void
take_lines(struct copy *c, struct buf *in)
{
	struct str	rest = buf_str(in), line;

	while (!c->ended && str_chr(rest, '\n') < rest.n) {
		(void)str_cut(&rest, '\n', &line);
		take(c, line, true);
	}
	if (!c->ended && rest.n > CHUNK) {
		take(c, str_head(rest, rest.n - 1), false);
		rest = str_skip(rest, rest.n - 1);
	}
	buf_consume(in, in->n - rest.n);
}

/* A file that ends with us: on disk, so that a large message takes no memory. */
static int
unnamed(void)
{
	const char	*dir = getenv("TMPDIR");
	int		 fd = file_unnamed_in(dir == NULL || dir[0] == '\0' ? "/tmp" : dir);

	return fd == -1 ? file_unnamed() : fd;
}

void
message_read(int fd, const struct reading *how, struct recipients *to, struct message *m)
{
	struct copy	c = { .how = how, .to = to, .m = m, .in_header = true };
	struct buf	in = BUF_INIT(3 * CHUNK);
	ssize_t		n = 1;

	*m = (struct message){ .fd = unnamed() };
	if (m->fd == -1)
		die(EX_TEMPFAIL, "unable to keep the message");
	buf_init(&c.out, 4 * CHUNK + HEADER);
	buf_init(&c.header, HEADER);
	while (!c.ended && (n = read_some(fd, &in, CHUNK)) > 0)
		take_lines(&c, &in);
	if (n == -1)
		die(EX_IOERR, "unable to read the message");
	if (!c.ended && (in.n > 0 || c.mid_line))
		take(&c, buf_str(&in), true);
	if (c.in_header)
		end_header(&c);
	flush(&c);
	buf_free(&c.out);
	buf_free(&in);
}
