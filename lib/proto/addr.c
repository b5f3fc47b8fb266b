#include "addr.h"

#include "../base/ip.h"
#include "../base/limits.h"

enum { LABEL_MAX = 63 };

static bool
is_utf8_byte(char c)
{
	return (unsigned char)c >= 0x80;
}

/* RFC 5322 3.2.3 atext, and RFC 6531's UTF-8. The whole was found well-formed before. */
static bool
is_atext(char c)
{
	return byte_is_alnum(c) || is_utf8_byte(c) ||
	    (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

static bool
is_printable(char c)
{
	return c >= 0x20 && c < 0x7f;
}

/* The length of a dot-string at the start of s, 0 when there is none. */
static size_t
dot_string(struct str s)
{
	size_t	i = 0;

	for (;;) {
		size_t	start = i;

		while (i < s.n && is_atext(s.p[i]))
			i++;
		if (i == start)
			return 0;
		if (i == s.n || s.p[i] != '.')
			return i;
		i++;
	}
}

/* The length of a quoted-string with its quotes at the start of s, or 0. */
static size_t
quoted_string(struct str s)
{
	for (size_t i = 1; i < s.n; i++) {
		if (s.p[i] == '"')
			return i + 1;
		if (s.p[i] == '\\' && (++i == s.n || !is_printable(s.p[i])))
			return 0;
		if (!is_printable(s.p[i]) && !is_utf8_byte(s.p[i]))
			return 0;
	}
	return 0;
}

static bool
is_label(struct str label, bool sloppy)
{
	if (label.n == 0 || label.n > LABEL_MAX)
		return false;
	if (label.p[0] == '-' || label.p[label.n - 1] == '-')
		return false;
	for (size_t i = 0; i < label.n; i++) {
		char	c = label.p[i];

		if (!byte_is_alnum(c) && c != '-' && !is_utf8_byte(c) && !(sloppy && c == '_'))
			return false;
	}
	return true;
}

static bool
is_domain(struct str s, bool sloppy)
{
	struct str	label;

	if (s.n == 0 || s.n > LIMIT_DOMAIN || !str_is_utf8(s))
		return false;
	while (str_cut(&s, '.', &label))
		if (!is_label(label, sloppy))
			return false;
	return is_label(label, sloppy);
}

bool
addr_is_domain(struct str s)
{
	return is_domain(s, false) && s.p[s.n - 1] != '.';
}

/* One IP address of that version in its text form. */
static bool
is_ip(struct str s, uint8_t len)
{
	struct ip	ip;
	bool		colon = str_chr(s, ':') != s.n;

	/* ip_parse() takes a v4-mapped address for IPv4: the form decides here */
	return colon == (len == 16) && ip_parse(s, &ip);
}

bool
addr_is_literal(struct str s)
{
	struct str	tag;

	if (s.n < 2 || s.n > LIMIT_DOMAIN || s.p[0] != '[' || s.p[s.n - 1] != ']')
		return false;
	s = str_n(s.p + 1, s.n - 2);
	if (is_ip(s, 4))
		return true;
	if (!str_cut(&s, ':', &tag) || tag.n == 0 || s.n == 0)
		return false;
	if (str_ieq(tag, STR("IPv6")))
		return is_ip(s, 16);
	if (tag.p[tag.n - 1] == '-')
		return false;
	for (size_t i = 0; i < tag.n; i++)
		if (!byte_is_alnum(tag.p[i]) && tag.p[i] != '-')
			return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < 33 || s.p[i] > 126 || (s.p[i] >= 91 && s.p[i] <= 93))
			return false;
	return true;
}

bool
addr_is_helo(struct str s)
{
	if (s.n > 2 && s.n <= LIMIT_DOMAIN && s.p[0] == '[' && s.p[s.n - 1] == ']')
		return addr_is_literal(s) || is_ip(str_n(s.p + 1, s.n - 2), 16);
	if (s.n > 1 && s.p[s.n - 1] == '.')
		s.n--;
	return is_domain(s, true);
}

/* Put the domain or literal at the start of *in into a, up to a byte that cannot be in one. */
static enum addr_err
take_domain(struct str *in, struct addr *a)
{
	size_t	n = 0;

	a->literal = in->n > 0 && in->p[0] == '[';
	if (a->literal)
		n = str_chr(*in, ']') + 1;
	while (!a->literal && n < in->n && in->p[n] != '>' && in->p[n] != ',' && in->p[n] != ':')
		n++;
	a->domain = str_head(*in, n);
	if (a->domain.n > LIMIT_DOMAIN)
		return ADDR_LONG;
	if (a->literal ? !addr_is_literal(a->domain) : !addr_is_domain(a->domain))
		return ADDR_SYNTAX;
	*in = str_skip(*in, n);
	return ADDR_OK;
}

static enum addr_err
take_local(struct str *in, struct addr *a)
{
	size_t	n;

	a->quoted = in->n > 0 && in->p[0] == '"';
	n = a->quoted ? quoted_string(*in) : dot_string(*in);
	if (n == 0)
		return ADDR_SYNTAX;
	if (n > LIMIT_LOCALPART)
		return ADDR_LONG;
	a->local = a->quoted ? str_n(in->p + 1, n - 2) : str_head(*in, n);
	*in = str_skip(*in, n);
	return ADDR_OK;
}

/* localpart@domain at the start of *in. */
static enum addr_err
take_mailbox(struct str *in, struct addr *a)
{
	size_t		before = in->n;
	enum addr_err	e = take_local(in, a);

	if (e != ADDR_OK)
		return e;
	if (in->n == 0 || in->p[0] != '@')
		return ADDR_SYNTAX;
	*in = str_skip(*in, 1);
	e = take_domain(in, a);
	if (e == ADDR_OK && before - in->n > LIMIT_PATH - 2)
		return ADDR_LONG;
	return e;
}

enum addr_err
addr_parse(struct str in, struct addr *out_r)
{
	enum addr_err	e;

	*out_r = (struct addr){ .local = STR(""), .domain = STR("") };
	if (!str_is_utf8(in))
		return ADDR_SYNTAX;
	e = take_mailbox(&in, out_r);
	return e == ADDR_OK && in.n > 0 ? ADDR_SYNTAX : e;
}

/* "@a,@b:" in front of a mailbox, thrown away. */
static enum addr_err
skip_route(struct str *in)
{
	struct addr	host;
	enum addr_err	e;

	while (in->n > 0 && in->p[0] == '@') {
		*in = str_skip(*in, 1);
		e = take_domain(in, &host);
		if (e != ADDR_OK)
			return e;
		if (in->n > 0 && in->p[0] == ':') {
			*in = str_skip(*in, 1);
			return ADDR_OK;
		}
		if (in->n == 0 || in->p[0] != ',')
			return ADDR_SYNTAX;
		*in = str_skip(*in, 1);
	}
	return ADDR_SYNTAX;
}

/* All of the grammar but the closing bracket. */
static enum addr_err
take_path(struct str *in, enum addr_kind kind, struct addr *a)
{
	const struct str	pm = STR_INIT("postmaster>");
	enum addr_err		e;

	if (kind == ADDR_REVERSE && in->n > 0 && in->p[0] == '>')
		return ADDR_OK;
	if (kind == ADDR_FORWARD && str_istarts(*in, pm)) {
		a->local = str_head(*in, pm.n - 1);
		*in = str_skip(*in, pm.n - 1);
		return ADDR_OK;
	}
	if (in->n > 0 && in->p[0] == '@') {
		e = skip_route(in);
		if (e != ADDR_OK)
			return e;
	}
	return take_mailbox(in, a);
}

enum addr_err
addr_path(struct str *in, enum addr_kind kind, struct addr *out_r)
{
	struct str	s = *in;
	enum addr_err	e;

	*out_r = (struct addr){ .local = STR(""), .domain = STR("") };
	if (s.n == 0 || s.p[0] != '<' || !str_is_utf8(s))
		return ADDR_SYNTAX;
	s = str_skip(s, 1);
	e = take_path(&s, kind, out_r);
	if (e != ADDR_OK)
		return e;
	if (s.n == 0 || s.p[0] != '>')
		return ADDR_SYNTAX;
	*in = str_skip(s, 1);
	return ADDR_OK;
}

bool
addr_is_null(const struct addr *a)
{
	return a->local.n == 0 && a->domain.n == 0;
}

bool
addr_local_is_ascii(const struct addr *a)
{
	return str_is_ascii(a->local);
}

bool
addr_is_ascii(const struct addr *a)
{
	return str_is_ascii(a->local) && str_is_ascii(a->domain);
}

void
addr_add_local(struct buf *b, const struct addr *a)
{
	if (!a->quoted) {
		buf_add(b, a->local);
		return;
	}
	for (size_t i = 0; i < a->local.n; i++) {
		if (a->local.p[i] == '\\')
			i++;
		buf_addc(b, a->local.p[i]);
	}
}

void
addr_add_domain(struct buf *b, const struct addr *a)
{
	for (size_t i = 0; i < a->domain.n; i++)
		buf_addc(b, byte_lower(a->domain.p[i]));
}

void
addr_add_quoted(struct buf *b, struct str local)
{
	if (local.n > 0 && dot_string(local) == local.n) {
		buf_add(b, local);
		return;
	}
	buf_addc(b, '"');
	for (size_t i = 0; i < local.n; i++) {
		if (local.p[i] == '"' || local.p[i] == '\\')
			buf_addc(b, '\\');
		buf_addc(b, local.p[i]);
	}
	buf_addc(b, '"');
}

void
addr_add_text(struct buf *b, const struct addr *a)
{
	char		text[LIMIT_LOCALPART + 1];
	struct buf	local = { .p = text, .cap = sizeof(text), .max = LIMIT_LOCALPART };

	if (addr_is_null(a))
		return;
	addr_add_local(&local, a);
	addr_add_quoted(b, buf_str(&local));
	if (a->domain.n == 0)
		return;
	buf_addc(b, '@');
	addr_add_domain(b, a);
}

bool
addr_same(const struct addr *a, const struct addr *b)
{
	char		ta[LIMIT_LOCALPART + 1], tb[LIMIT_LOCALPART + 1];
	struct buf	la = { .p = ta, .cap = sizeof(ta), .max = LIMIT_LOCALPART };
	struct buf	lb = { .p = tb, .cap = sizeof(tb), .max = LIMIT_LOCALPART };

	addr_add_local(&la, a);
	addr_add_local(&lb, b);
	return str_eq(buf_str(&la), buf_str(&lb)) && str_ieq(a->domain, b->domain);
}
