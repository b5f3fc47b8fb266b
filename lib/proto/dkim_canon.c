#include "dkim_canon.h"

#include "header.h"

static bool
is_wsp(char c)
{
	return c == ' ' || c == '\t';
}

/* --- header fields */

/* As it is, but for line ends. */
static void
field_simple(struct buf *out, struct str raw)
{
	for (size_t i = 0; i < raw.n; i++) {
		if (raw.p[i] == '\n' && (i == 0 || raw.p[i - 1] != '\r'))
			buf_addc(out, '\r');
		buf_addc(out, raw.p[i]);
	}
}

/* Unfolded, white space in runs as one space, none at both ends. */
static void
value_relaxed(struct buf *out, struct str s)
{
	bool	space = false, any = false;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\n' || (s.p[i] == '\r' && i + 1 < s.n && s.p[i + 1] == '\n'))
			continue;
		if (is_wsp(s.p[i])) {
			space = true;
			continue;
		}
		if (space && any)
			buf_addc(out, ' ');
		buf_addc(out, s.p[i]);
		space = false;
		any = true;
	}
}

static void
field_relaxed(struct buf *out, struct str raw)
{
	struct str	name;

	(void)str_cut(&raw, ':', &name);
	name = str_trim_end(name);
	for (size_t i = 0; i < name.n; i++)
		buf_addc(out, byte_lower(name.p[i]));
	buf_addc(out, ':');
	value_relaxed(out, raw);
}

void
dkim_canon_field(struct buf *out, enum dkim_canon canon, struct str raw, bool ended)
{
	raw = line_trim(raw);
	if (canon == DKIM_SIMPLE)
		field_simple(out, raw);
	else
		field_relaxed(out, raw);
	if (ended)
		buf_adds(out, "\r\n");
}

/* --- bodies */

void
dkim_body_init(struct dkim_body *b, enum dkim_canon canon, bool lf, void (*put)(void *, struct str), void *arg)
{
	*b = (struct dkim_body){ .canon = canon, .lf = lf, .put = put, .arg = arg };
}

static void
flush(struct dkim_body *b)
{
	if (b->n > 0)
		b->put(b->arg, str_n(b->out, b->n));
	b->n = 0;
}

static void
emit(struct dkim_body *b, char c)
{
	if (b->n == sizeof(b->out))
		flush(b);
	b->out[b->n++] = c;
	b->any = true;
}

static void
emit_line_end(struct dkim_body *b)
{
	emit(b, '\r');
	emit(b, '\n');
}

/* A byte that counts: what was held back before it counts too. */
static void
content(struct dkim_body *b, char c)
{
	for (; b->lines > 0; b->lines--)
		emit_line_end(b);
	if (b->space)
		emit(b, ' ');
	b->space = false;
	b->inside = true;
	emit(b, c);
}

/* White space at the end of a line is no part of it (relaxed). */
static void
line_end(struct dkim_body *b)
{
	b->space = false;
	if (b->inside)
		emit_line_end(b);
	else
		b->lines++;
	b->inside = false;
}

/* One byte that is not CR, nor the LF of a CRLF. */
static void
plain(struct dkim_body *b, char c)
{
	if (c == '\n' && b->lf)
		line_end(b);
	else if (b->canon == DKIM_RELAXED && is_wsp(c))
		b->space = true;
	else
		content(b, c);
}

/* Bytes at the front that stand for themselves and can be put as they are. */
static size_t
run_length(const struct dkim_body *b, struct str in)
{
	size_t	n = 0, most = sizeof(b->out) - b->n;

	if (!b->inside || b->space || b->cr)
		return 0;
	if (in.n > most)
		in.n = most;
	if (b->canon == DKIM_SIMPLE)
		while (n < in.n && in.p[n] != '\r' && in.p[n] != '\n')
			n++;
	else
		while (n < in.n && (unsigned char)in.p[n] > ' ')
			n++;
	return n;
}

static void
byte(struct dkim_body *b, char c)
{
	if (b->cr) {
		b->cr = false;
		if (c == '\n') {
			line_end(b);
			return;
		}
		content(b, '\r');
	}
	if (c == '\r')
		b->cr = true;
	else
		plain(b, c);
}

void
dkim_body_feed(struct dkim_body *b, struct str in)
{
	while (in.n > 0) {
		size_t	n = run_length(b, in);

		if (n > 0) {
			memcpy(b->out + b->n, in.p, n);
			b->n += n;
		} else {
			byte(b, in.p[0]);
			n = 1;
		}
		in = str_skip(in, n);
	}
}

/* Simple: a body has a last line always. Relaxed: only one that is not empty (RFC 6376 3.4.3, 3.4.4). */
void
dkim_body_end(struct dkim_body *b)
{
	if (b->cr)
		content(b, '\r');
	b->cr = false;
	if (b->inside)
		line_end(b);
	if (b->canon == DKIM_SIMPLE && !b->any)
		emit_line_end(b);
	flush(b);
}
