#include "header.h"

size_t
line_next(struct str text, size_t at)
{
	const char	*lf;

	if (at >= text.n)
		return text.n;
	lf = memchr(text.p + at, '\n', text.n - at);
	return lf == NULL ? text.n : (size_t)(lf - text.p) + 1;
}

struct str
line_trim(struct str s)
{
	if (s.n > 0 && s.p[s.n - 1] == '\n') {
		s.n--;
		if (s.n > 0 && s.p[s.n - 1] == '\r')
			s.n--;
	}
	return s;
}

/* Length of the field name at the start of a line, 0 when there is no field. */
static size_t
field_name(struct str line, size_t *colon_r)
{
	size_t	n = 0, i;

	while (n < line.n && line.p[n] > 32 && line.p[n] < 127 && line.p[n] != ':')
		n++;
	for (i = n; i < line.n && (line.p[i] == ' ' || line.p[i] == '\t'); i++)
		;
	if (i == line.n || line.p[i] != ':')
		return 0;
	*colon_r = i;
	return n;
}

void
header_open(struct header *h, struct str message)
{
	size_t	first = line_next(message, 0), colon;

	*h = (struct header){ .text = message };
	/* "From : a@b" is an author, whatever stands above it in a mailbox file */
	if ((str_starts(message, STR("From ")) || str_starts(message, STR(">From "))) &&
	    field_name(str_head(message, first), &colon) == 0)
		h->at = first;
}

static bool
header_over(struct header *h)
{
	struct str	rest = str_skip(h->text, h->at);

	h->end = h->at;
	h->blank = str_starts(rest, STR("\r\n")) || str_starts(rest, STR("\n"));
	h->body = h->blank ? line_next(h->text, h->at) : h->at;
	return false;
}

bool
header_next(struct header *h, struct header_field *f_r)
{
	size_t		start = h->at, next, name, colon = 0;
	struct str	line;

	*f_r = (struct header_field){ .name = { "", 0 }, .value = { "", 0 }, .raw = { "", 0 } };
	if (start >= h->text.n)
		return header_over(h);
	next = line_next(h->text, start);
	line = (struct str){ h->text.p + start, next - start };
	name = field_name(line, &colon);
	if (name == 0)
		return header_over(h);
	while (next < h->text.n && (h->text.p[next] == ' ' || h->text.p[next] == '\t'))
		next = line_next(h->text, next);
	f_r->raw = (struct str){ line.p, next - start };
	f_r->name = str_head(line, name);
	f_r->value = line_trim(str_skip(f_r->raw, colon + 1));
	h->at = next;
	return true;
}

bool
header_next_named(struct header *h, struct str name, struct header_field *f_r)
{
	while (header_next(h, f_r))
		if (str_ieq(f_r->name, name))
			return true;
	return false;
}

bool
header_find(struct str message, struct str name, struct header_field *f_r)
{
	struct header	h;

	header_open(&h, message);
	return header_next_named(&h, name, f_r);
}

size_t
header_length(struct str message)
{
	struct header		h;
	struct header_field	f;

	header_open(&h, message);
	while (header_next(&h, &f))
		;
	return h.body;
}

void
header_unfold(struct buf *out, struct str value)
{
	size_t	i, from;

	value = str_trim(value);
	for (i = from = 0; i < value.n; i++) {
		bool	lf = value.p[i] == '\n';
		bool	cr = value.p[i] == '\r';

		if (!lf && !cr)
			continue;
		buf_add(out, (struct str){ value.p + from, i - from });
		if (cr && i + 1 < value.n && value.p[i + 1] == '\n')
			i++, lf = true;
		/* a fold: the white space behind it stays; else never two words in one */
		if (!lf || i + 1 >= value.n || (value.p[i + 1] != ' ' && value.p[i + 1] != '\t'))
			buf_addc(out, ' ');
		from = i + 1;
	}
	buf_add(out, (struct str){ value.p + from, value.n - from });
}
