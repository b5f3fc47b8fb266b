#include "imap_gather.h"

#include "../base/limits.h"
#include "../base/num.h"

enum { KEEP = 4096 };	/* memory a gatherer may hold while it waits */

void
imap_gather_init(struct imap_gather *g)
{
	*g = (struct imap_gather){ .text = BUF_INIT(LIMIT_IMAP_COMMAND) };
}

void
imap_gather_free(struct imap_gather *g)
{
	buf_free(&g->text);
}

void
imap_gather_reset(struct imap_gather *g)
{
	struct buf	text = g->text;

	if (text.cap > KEEP)
		buf_free(&text);
	buf_reset(&text);
	*g = (struct imap_gather){ .text = text };
}

bool
imap_gather_is_empty(const struct imap_gather *g)
{
	return g->text.n == 0 && !g->toolong && g->left == 0;
}

/*
 * The literal announced at the end of a line: "{5}", "{5+}", "~{5}". A number
 * too large to be true is clamped: it is refused by any limit.
 */
static bool
announced(struct str line, struct imap_literal *out_r)
{
	struct str	digits;
	size_t		open;

	if (!str_ends(line, STR("}")))
		return false;
	open = str_rchr(line, '{');
	if (open == line.n)
		return false;
	digits = str_skip(str_head(line, line.n - 1), open + 1);
	out_r->sync = !str_ends(digits, STR("+"));
	if (!out_r->sync)
		digits.n--;
	out_r->binary = open > 0 && line.p[open - 1] == '~';
	for (size_t i = 0; i < digits.n; i++)
		if (!byte_is_digit(digits.p[i]))
			return false;
	if (digits.n == 0)
		return false;
	if (!num_u64(digits, INT64_MAX, &out_r->size))
		out_r->size = INT64_MAX;
	return true;
}

static enum imap_got
line_end(struct imap_gather *g)
{
	struct str	line = str_skip(buf_str(&g->text), g->line);

	if (g->toolong) {
		g->desync = g->before == '}';
		return IMAP_GOT_TOOLONG;
	}
	line.n--;			/* the LF */
	if (str_ends(line, STR("\r")))
		line.n--;
	buf_truncate(&g->text, g->line + line.n);
	if (!announced(line, &g->literal))
		return IMAP_GOT_COMMAND;
	buf_adds(&g->text, "\r\n");
	g->line = g->text.n;
	return IMAP_GOT_LITERAL;
}

/* Part of a line, with its LF if it came; what is over the limit is not kept. */
static void
line_add(struct imap_gather *g, struct str part)
{
	size_t	have = g->text.n - g->line;
	bool	over = part.n > LIMIT_IMAP_LINE - have || part.n > LIMIT_IMAP_LINES - g->lines;

	for (size_t i = part.n; i-- > 0;)
		if (part.p[i] != '\n' && part.p[i] != '\r') {
			g->before = part.p[i];
			break;
		}
	if (over && !g->toolong) {
		g->toolong = true;
		part = str_head(part, LIMIT_IMAP_LINE - have);
	} else if (g->toolong)
		return;
	g->lines += part.n;
	buf_add(&g->text, part);
}

enum imap_got
imap_gather_feed(struct imap_gather *g, struct str *in)
{
	while (in->n > 0) {
		struct str	part;
		size_t		n;

		if (g->left > 0) {
			part = str_head(*in, g->left > SIZE_MAX ? SIZE_MAX : (size_t)g->left);
			buf_add(&g->text, part);
			g->left -= part.n;
			g->line = g->text.n;
			*in = str_skip(*in, part.n);
			continue;
		}
		n = str_chr(*in, '\n');
		part = str_head(*in, n == in->n ? n : n + 1);
		*in = str_skip(*in, part.n);
		line_add(g, part);
		if (str_ends(part, STR("\n")))
			return line_end(g);
	}
	return IMAP_GOT_MORE;
}

bool
imap_gather_literal(struct imap_gather *g)
{
	if (g->literal.size > LIMIT_IMAP_LITERAL || g->count == LIMIT_IMAP_LITERAL_COUNT ||
	    g->literal.size > LIMIT_IMAP_LITERALS - g->bytes)
		return false;
	g->count++;
	g->bytes += (size_t)g->literal.size;
	g->left = g->literal.size;
	return true;
}

void
imap_gather_pass(struct imap_gather *g)
{
	imap_gather_reset(g);
}
