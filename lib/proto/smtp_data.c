#include "smtp_data.h"

/* What was read of the line. A dot or CR that waits has not been put out. */
enum {
	AT_START,	/* CRLF, or nothing yet */
	AT_START_LF,	/* a LF without CR ended the line before */
	IN_LINE,
	IN_LINE_CR,	/* a CR waits */
	DOT,		/* CRLF "." */
	DOT_CR,		/* CRLF "." CR */
	DOT_LF,		/* LF "." : put out already */
	DOT_LF_CR,	/* LF "." CR : the CR waits */
};

/* A line's next byte in any state. True at the end of the message. */
static bool
step(struct smtp_data *d, char c, struct buf *out)
{
	bool	cr_waits = d->state == IN_LINE_CR || d->state == DOT_CR || d->state == DOT_LF_CR;

	if (d->state == DOT_CR && c == '\n')
		return true;
	if (cr_waits && c != '\n') {	/* a bare CR, and c begins anew behind it */
		d->spoiled = true;
		d->state = IN_LINE;
	}
	if (c == '\r') {
		d->state = d->state == DOT ? DOT_CR : d->state == DOT_LF ? DOT_LF_CR : IN_LINE_CR;
		return false;
	}
	if (c == '\n') {
		if (d->state == DOT || d->state == DOT_LF || d->state == DOT_LF_CR)
			d->spoiled = true;
		buf_add(out, STR("\r\n"));
		d->state = cr_waits ? AT_START : AT_START_LF;
		return false;
	}
	if (c == '.' && d->state == AT_START && !d->chunk) {
		d->state = DOT;
		return false;
	}
	buf_addc(out, c);
	d->state = c == '.' && d->state == AT_START_LF && !d->chunk ? DOT_LF : IN_LINE;
	return false;
}

/* Where the next CR and LF are; each byte is searched once, whatever it is. */
struct scan {
	const char	*cr, *lf, *end;
};

static const char *
next(const char **at, const char *p, const char *end, char c)
{
	if (*at < p) {
		*at = memchr(p, c, (size_t)(end - p));
		if (*at == NULL)
			*at = end;
	}
	return *at;
}

/*
 * The bytes at p that go out as they are: whole lines of which none but the
 * first begins with a dot, or a line's part without CR and LF. The state behind them.
 */
static size_t
plain(struct scan *sc, const char *p, int *state)
{
	const char	*start = p, *cr, *lf;

	for (;;) {
		cr = next(&sc->cr, p, sc->end, '\r');
		lf = next(&sc->lf, p, sc->end, '\n');
		if (lf == sc->end || lf - cr != 1)
			break;
		p = lf + 1;
		*state = AT_START;
		if (p == sc->end || *p == '.')
			break;
	}
	if (p == start) {
		p = cr < lf ? cr : lf;
		if (p > start)
			*state = IN_LINE;
	}
	return (size_t)(p - start);
}

enum smtp_data_got
smtp_data_feed(struct smtp_data *d, struct str *in, struct buf *out)
{
	/* a byte may become two, so this much input surely fits */
	struct str	s = str_head(*in, (out->max - out->n) / 2);
	struct scan	sc = { s.p, s.p, s.p + s.n };
	size_t		before = s.n, kept = out->n;
	bool		end = false;

	if (s.n == 0)
		return SMTP_DATA_MORE;
	sc.cr = memchr(s.p, '\r', s.n);
	sc.lf = memchr(s.p, '\n', s.n);
	sc.cr = sc.cr == NULL ? sc.end : sc.cr;
	sc.lf = sc.lf == NULL ? sc.end : sc.lf;
	while (s.n > 0 && !end) {
		size_t	n = 0;

		if (d->state == IN_LINE || (d->state == AT_START && s.p[0] != '.'))
			n = plain(&sc, s.p, &d->state);
		if (n > 0)
			buf_add(out, str_head(s, n));
		else {
			end = step(d, s.p[0], out);
			n = 1;
		}
		s = str_skip(s, n);
	}
	if (d->spoiled)
		buf_truncate(out, kept);
	*in = str_skip(*in, before - s.n);
	return end ? SMTP_DATA_END : SMTP_DATA_MORE;
}

void
smtp_data_close(struct smtp_data *d)
{
	if (d->state == IN_LINE_CR)
		d->spoiled = true;
}
