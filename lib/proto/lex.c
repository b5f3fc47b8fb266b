#include "lex.h"

bool
lex_end(const struct lex *l)
{
	return l->at >= l->s.n;
}

char
lex_peek(const struct lex *l)
{
	return l->at < l->s.n ? l->s.p[l->at] : '\0';
}

/* At "(": past the matching ")", or to the end. */
static struct str
lex_comment(struct lex *l)
{
	size_t	depth = 0, from = l->at + 1, to = l->s.n;

	for (; l->at < l->s.n; l->at++) {
		char	c = l->s.p[l->at];

		if (c == '\\' && l->at + 1 < l->s.n)
			l->at++;
		else if (c == '(')
			depth++;
		else if (c == ')' && --depth == 0) {
			to = l->at++;
			break;
		}
	}
	return (struct str){ l->s.p + from, to - from };
}

bool
lex_skip(struct lex *l, struct str *comment_r)
{
	size_t	start = l->at;

	while (l->at < l->s.n) {
		if (byte_is_space(l->s.p[l->at])) {
			l->at++;
		} else if (l->s.p[l->at] == '(') {
			struct str	c = lex_comment(l);

			if (comment_r != NULL)
				*comment_r = c;
		} else
			break;
	}
	return l->at != start;
}

struct str
lex_token(struct lex *l, const char *stop)
{
	size_t	start = l->at;

	while (l->at < l->s.n) {
		char	c = l->s.p[l->at];

		if (byte_is_space(c) || c == '(' || (c != '\0' && strchr(stop, c) != NULL))
			break;
		l->at++;
	}
	return (struct str){ l->s.p + start, l->at - start };
}

struct str
lex_quoted(struct lex *l)
{
	size_t	from = l->at + 1, to = l->s.n;

	for (l->at = from; l->at < l->s.n; l->at++) {
		if (l->s.p[l->at] == '\\' && l->at + 1 < l->s.n)
			l->at++;
		else if (l->s.p[l->at] == '"') {
			to = l->at++;
			break;
		}
	}
	return (struct str){ l->s.p + from, to - from };
}

bool
lex_is_escaped(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '\\' || s.p[i] == '\r' || s.p[i] == '\n')
			return true;
	return false;
}

void
lex_unquote(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\\' && i + 1 < s.n)
			i++;
		if (s.p[i] != '\r' && s.p[i] != '\n')
			buf_addc(out, s.p[i]);
	}
}
