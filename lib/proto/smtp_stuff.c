#include "smtp_stuff.h"

/* Up to the next CR or LF. Each is looked for once, however many there are of the other. */
struct scan {
	const char	*cr, *lf, *end;
};

static const char *
next(const char **at, const char *p, const char *end, char c)
{
	if (*at == NULL || *at < p) {
		*at = memchr(p, c, (size_t)(end - p));
		if (*at == NULL)
			*at = end;
	}
	return *at;
}

void
smtp_stuff_feed(struct smtp_stuff *s, struct str in, struct buf *out)
{
	const char	*p = in.p, *end = in.p + in.n, *from = in.p;
	struct scan	 sc = { NULL, NULL, end };

	if (in.n == 0)
		return;
	while (p < end) {
		const char	*cr = next(&sc.cr, p, end, '\r'), *lf = next(&sc.lf, p, end, '\n');
		const char	*stop = cr < lf ? cr : lf;

		if (s->cr && stop == p && *p == '\n') {	/* of a CR that was in the piece before */
			s->cr = false;
			from = ++p;
			continue;
		}
		s->cr = false;
		if (!s->in_line && *p == '.') {
			buf_add(out, str_n(from, (size_t)(p - from)));
			from = p;
			buf_addc(out, '.');
		}
		s->in_line = true;
		p = stop;
		if (p == end)
			break;
		s->in_line = false;
		if (*p == '\r' && lf != end && lf == p + 1) {
			p += 2;		/* as it is */
			continue;
		}
		buf_add(out, str_n(from, (size_t)(p - from)));
		buf_add(out, STR("\r\n"));
		s->cr = *p == '\r' && p + 1 == end;
		from = ++p;
	}
	buf_add(out, str_n(from, (size_t)(end - from)));
}

void
smtp_stuff_end(struct smtp_stuff *s, struct buf *out)
{
	buf_adds(out, s->in_line ? "\r\n.\r\n" : ".\r\n");
}
