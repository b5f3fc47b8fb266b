#include "spf_macro.h"

#include "../base/limits.h"

enum { LABEL_MAX = 63 };

/* What is kept of a name while it grows: all that its last SPF_NAME_MAX bytes depend on. */
enum { TAIL = 1024, TAIL_GROWN = 4 * TAIL };

_Static_assert(TAIL > 4 * SPF_NAME_MAX, "what is cut off at the left could not have been part of the name");

/* --- one piece at a time */

struct piece {
	struct str	literal;	/* letter 0 */
	char		letter;		/* as written; its case says whether to escape; or one of "%_-" after a '%' */
	bool		reverse;
	unsigned	keep;		/* parts at the right; 0: all */
	struct str	delimiters;
};

enum { PIECE_END, PIECE_OK, PIECE_BAD };

static bool
is_delimiter(char c)
{
	return memchr(".-+,/_=", c, 7) != NULL;
}

static bool
is_letter(char c)
{
	return c != '\0' && memchr("slodiphcrtv", byte_lower(c), 11) != NULL;
}

/* Behind "%{": to behind "}". A count of 0 is wrong; one above any number of labels is as good as that number. */
static int
next_macro(struct str *s, struct piece *p)
{
	size_t	i = 1, first;

	if (s->n < 2 || !is_letter(s->p[0]))
		return PIECE_BAD;
	p->letter = s->p[0];
	for (; i < s->n && byte_is_digit(s->p[i]); i++)
		if (p->keep <= LIMIT_SPF_VALUE)
			p->keep = 10 * p->keep + (unsigned)(s->p[i] - '0');
	if (i > 1 && p->keep == 0)
		return PIECE_BAD;
	if (i < s->n && byte_lower(s->p[i]) == 'r') {
		p->reverse = true;
		i++;
	}
	for (first = i; i < s->n && is_delimiter(s->p[i]); )
		i++;
	p->delimiters = str_n(s->p + first, i - first);
	if (i == s->n || s->p[i] != '}')
		return PIECE_BAD;
	*s = str_skip(*s, i + 1);
	return PIECE_OK;
}

static int
next_piece(struct str *s, struct piece *p)
{
	size_t	n = str_chr(*s, '%');
	char	c;

	*p = (struct piece){ .keep = 0 };
	if (s->n == 0)
		return PIECE_END;
	if (n > 0) {
		p->literal = str_head(*s, n);
		*s = str_skip(*s, n);
		return PIECE_OK;
	}
	if (s->n < 2)
		return PIECE_BAD;
	c = s->p[1];
	*s = str_skip(*s, 2);
	if (c == '{')
		return next_macro(s, p);
	p->letter = c;
	return c == '%' || c == '_' || c == '-' ? PIECE_OK : PIECE_BAD;
}

/* --- the grammar */

static bool
is_visible(struct str s, bool spaces)
{
	for (size_t i = 0; i < s.n; i++)
		if ((s.p[i] < 0x21 || s.p[i] > 0x7e) && !(spaces && s.p[i] == ' '))
			return false;
	return true;
}

/* Letters, digits and inner hyphens, and not digits alone. */
static bool
is_toplabel(struct str s)
{
	bool	numeric = true;

	if (s.n == 0 || s.p[0] == '-' || s.p[s.n - 1] == '-')
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (!byte_is_alnum(s.p[i]) && s.p[i] != '-')
			return false;
		numeric = numeric && byte_is_digit(s.p[i]);
	}
	return !numeric;
}

/* last: the literal at the end; empty when a macro is there. */
static bool
is_domain_end(struct str last)
{
	size_t	dot;

	if (str_ends(last, STR(".")))
		last.n--;
	dot = str_rchr(last, '.');
	return dot < last.n && is_toplabel(str_skip(last, dot + 1));
}

const char *
spf_macro_check(struct str s, enum spf_macro_use use)
{
	struct piece	p, last = { .keep = 0 };
	bool		any = s.n > 0;
	int		got;

	while ((got = next_piece(&s, &p)) == PIECE_OK) {
		last = p;
		if (p.letter == '\0' && !is_visible(p.literal, use == SPF_MACRO_EXPLAIN))
			return "it holds bytes that are not visible ASCII";
		if (p.letter != '\0' && memchr("crt", byte_lower(p.letter), 3) != NULL && use == SPF_MACRO_DOMAIN)
			return "the macros c, r and t are for explanations only";
	}
	if (got == PIECE_BAD)
		return "a % in it begins no macro";
	if (use != SPF_MACRO_DOMAIN)
		return NULL;
	if (!any)
		return "a domain is missing";
	if (last.letter == '\0' && !is_domain_end(last.literal))
		return "its domain does not end in a top-level name or a macro";
	return NULL;
}

bool
spf_macro_has(struct str s, const char *letters)
{
	struct piece	p;

	while (next_piece(&s, &p) == PIECE_OK)
		if (byte_is_alpha(p.letter) && strchr(letters, byte_lower(p.letter)) != NULL)
			return true;
	return false;
}

/* --- expansion */

/* Hexadecimal digits with dots between, for %{ir} (7.3). */
static void
add_nibbles(struct buf *b, const struct ip *ip)
{
	for (size_t i = 0; i < ip->len; i++)
		buf_addf(b, i == 0 ? "%x.%x" : ".%x.%x", ip->b[i] >> 4U, ip->b[i] & 15U);
}

static void
add_value(struct buf *b, char letter, const struct spf_macro *m)
{
	switch (byte_lower(letter)) {
	case 's':
		buf_add(b, str_head(m->local, LIMIT_SPF_LOCAL));
		buf_addc(b, '@');
		buf_add(b, m->origin);
		break;
	case 'l':
		buf_add(b, str_head(m->local, LIMIT_SPF_LOCAL));
		break;
	case 'o':
		buf_add(b, str_head(m->origin, LIMIT_SPF_VALUE));
		break;
	case 'd':
		buf_add(b, str_head(m->domain, LIMIT_SPF_VALUE));
		break;
	case 'h':
		buf_add(b, str_head(m->helo, LIMIT_SPF_VALUE));
		break;
	case 'p':
		buf_add(b, m->validated.n > 0 ? m->validated : STR("unknown"));
		break;
	case 'r':
		buf_add(b, m->receiver.n > 0 ? m->receiver : STR("unknown"));
		break;
	case 'v':
		buf_adds(b, m->ip.len == 16 ? "ip6" : "in-addr");
		break;
	case 't':
		buf_addu(b, m->now > 0 ? (uint64_t)m->now : 0);
		break;
	case 'i':
		if (m->ip.len == 16) {
			add_nibbles(b, &m->ip);
			break;
		}
		/* fall through */
	default:	/* 'c' */
		ip_format(b, &m->ip);
		break;
	}
}

/* As it is, or in URLs: all but RFC 3986's unreserved ones as %XX. */
static void
add_text(struct buf *b, struct str s, bool escape)
{
	for (size_t i = 0; i < s.n; i++)
		if (escape && !byte_is_alnum(s.p[i]) && memchr("-._~", s.p[i], 4) == NULL)
			buf_addf(b, "%%%02X", (unsigned char)s.p[i]);
		else
			buf_addc(b, s.p[i]);
}

/* The parts of a value, between delimiters; those that are kept, in their order, with dots. */
static void
add_parts(struct buf *b, struct str value, const struct piece *p, bool escape)
{
	struct str	delimiters = p->delimiters.n > 0 ? p->delimiters : STR("."), part[LIMIT_SPF_VALUE + 1];
	size_t		n = 0, begin = 0, keep;

	for (size_t i = 0; i <= value.n; i++)
		if (i == value.n || memchr(delimiters.p, value.p[i], delimiters.n) != NULL) {
			part[n++] = str_n(value.p + begin, i - begin);
			begin = i + 1;
		}
	keep = p->keep == 0 || p->keep > n ? n : p->keep;
	for (size_t i = n - keep; i < n; i++) {
		if (i > n - keep)
			buf_addc(b, '.');
		add_text(b, part[p->reverse ? n - 1 - i : i], escape);
	}
}

static void
add_macro(struct buf *b, const struct piece *p, const struct spf_macro *m)
{
	char		text[LIMIT_SPF_VALUE + 1];
	struct buf	value = { .p = text, .cap = sizeof(text), .max = LIMIT_SPF_VALUE };
	bool		escape = p->letter >= 'A' && p->letter <= 'Z';

	add_value(&value, p->letter, m);
	if (p->keep == 0 && !p->reverse && p->delimiters.n == 0)
		add_text(b, buf_str(&value), escape);
	else
		add_parts(b, buf_str(&value), p, escape);
}

static void
add_piece(struct buf *b, const struct piece *p, const struct spf_macro *m)
{
	switch (p->letter) {
	case '\0':
		buf_add(b, p->literal);
		break;
	case '%':
		buf_addc(b, '%');
		break;
	case '_':
		buf_addc(b, ' ');
		break;
	case '-':
		buf_adds(b, "%20");
		break;
	default:
		add_macro(b, p, m);
		break;
	}
}

void
spf_macro_expand(struct buf *b, struct str s, const struct spf_macro *m)
{
	struct piece	p;

	while (!buf_failed(b) && next_piece(&s, &p) == PIECE_OK)
		add_piece(b, &p, m);
}

/* --- names */

/* Off the left, label by label, until it fits. A last label that does not fit stays, and is no name. */
static void
shorten(struct buf *b)
{
	struct str	s = buf_str(b), label;

	while (s.n > SPF_NAME_MAX && str_chr(s, '.') < s.n)
		(void)str_cut(&s, '.', &label);
	buf_consume(b, b->n - s.n);
}

bool
spf_macro_domain(struct buf *b, struct str s, const struct spf_macro *m)
{
	struct piece	p;

	while (!buf_failed(b) && next_piece(&s, &p) == PIECE_OK) {
		/* a literal may be as long as the record is: only its end counts */
		if (p.letter == '\0' && p.literal.n > TAIL)
			p.literal = str_skip(p.literal, p.literal.n - TAIL);
		add_piece(b, &p, m);
		if (b->n > TAIL_GROWN)
			buf_consume(b, b->n - TAIL);
	}
	if (b->n > 0 && b->p[b->n - 1] == '.')
		buf_truncate(b, b->n - 1);
	shorten(b);
	return !buf_failed(b) && spf_name_is(buf_str(b), 1);
}

bool
spf_name_is(struct str s, size_t min)
{
	struct str	label;
	size_t		n = 0;
	bool		more = s.n > 0 && s.n <= SPF_NAME_MAX;

	while (more) {
		more = str_cut(&s, '.', &label);
		if (label.n == 0 || label.n > LABEL_MAX)
			return false;
		n++;
	}
	return n > 0 && n >= min;
}

void
spf_name_text(struct buf *b, struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (byte_is_alnum(s.p[i]) || s.p[i] == '-' || s.p[i] == '_' || s.p[i] == '.')
			buf_addc(b, s.p[i]);
		else
			buf_addf(b, "\\%03u", (unsigned char)s.p[i]);
}
