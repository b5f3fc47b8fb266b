#include "imap_parse.h"

#include "../base/limits.h"
#include "../base/num.h"
#include "imap_utf7.h"

void
imap_cur_init(struct imap_cur *c, struct str text, struct arena *arena)
{
	*c = (struct imap_cur){ .rest = text, .arena = arena };
}

void
imap_cur_fail(struct imap_cur *c, const char *why)
{
	if (c->err == NULL)
		c->err = why;
	c->rest.n = 0;
}

bool
imap_end(struct imap_cur *c)
{
	if (c->err == NULL && c->rest.n > 0)
		imap_cur_fail(c, "unexpected text at the end");
	return c->err == NULL;
}

bool
imap_peek(const struct imap_cur *c, char byte)
{
	return c->rest.n > 0 && c->rest.p[0] == byte;
}

bool
imap_at_end(const struct imap_cur *c)
{
	return c->rest.n == 0;
}

bool
imap_try(struct imap_cur *c, char byte)
{
	if (!imap_peek(c, byte))
		return false;
	c->rest = str_skip(c->rest, 1);
	return true;
}

bool
imap_try_token(struct imap_cur *c, const char *token)
{
	struct str	t = str_c(token);

	if (!str_istarts(c->rest, t))
		return false;
	c->rest = str_skip(c->rest, t.n);
	return true;
}

static const char *
missing(char byte)
{
	switch (byte) {
	case ' ':
		return "missing space or argument";
	case '(':
		return "missing (";
	case ')':
		return "missing )";
	case '[':
		return "missing [";
	case ']':
		return "missing ]";
	case '"':
		return "missing quote";
	case '>':
		return "missing >";
	default:
		return "syntax error";
	}
}

void
imap_need(struct imap_cur *c, char byte)
{
	if (!imap_try(c, byte))
		imap_cur_fail(c, missing(byte));
}

void
imap_sp(struct imap_cur *c)
{
	imap_need(c, ' ');
}

bool
imap_list_next(struct imap_cur *c, bool *first)
{
	if (c->err != NULL)
		return false;
	if (imap_try(c, ')'))
		return false;
	if (!*first)
		imap_sp(c);
	*first = false;
	if (c->err == NULL && c->rest.n == 0)
		imap_cur_fail(c, "missing )");
	return c->err == NULL;
}

/* CHAR without CTL and the atom-specials. */
bool
imap_is_atom_char(char byte)
{
	switch (byte) {
	case '(': case ')': case '{': case ' ': case '%': case '*': case '"': case '\\': case ']':
		return false;
	default:
		return (unsigned char)byte > 0x20 && (unsigned char)byte < 0x7f;
	}
}

bool
imap_is_astring_char(char byte)
{
	return byte == ']' || imap_is_atom_char(byte);
}

static bool
is_tag_char(char byte)
{
	return byte != '+' && imap_is_astring_char(byte);
}

static bool
is_word_char(char byte)
{
	return byte_is_alnum(byte) || byte == '.' || byte == '-' || byte == '_';
}

static bool
is_list_char(char byte)
{
	return byte == '%' || byte == '*' || imap_is_astring_char(byte);
}

static bool
is_digit(char byte)
{
	return byte_is_digit(byte);
}

static bool
is_set_char(char byte)
{
	return byte_is_digit(byte) || byte == '*' || byte == ':' || byte == ',';
}

/* The longest run of a class; none is the error why. */
static struct str
run(struct imap_cur *c, bool (*is)(char), const char *why)
{
	size_t		n = 0;
	struct str	s;

	while (n < c->rest.n && is(c->rest.p[n]))
		n++;
	s = str_head(c->rest, n);
	c->rest = str_skip(c->rest, n);
	if (n == 0)
		imap_cur_fail(c, why);
	return s;
}

struct str
imap_tag(struct imap_cur *c)
{
	return run(c, is_tag_char, "missing tag");
}

struct str
imap_word(struct imap_cur *c)
{
	return run(c, is_word_char, "missing name");
}

struct str
imap_atom(struct imap_cur *c)
{
	return run(c, imap_is_atom_char, "missing atom");
}

/* What stands between quotes, escapes and all: end is where the closing one is. */
static struct str
unescape(struct imap_cur *c, struct str raw)
{
	char	*p = arena_alloc(c->arena, raw.n);
	size_t	 n = 0;

	if (p == NULL) {
		imap_cur_fail(c, "command too large");
		return (struct str){ "", 0 };
	}
	for (size_t i = 0; i < raw.n; i++) {
		if (raw.p[i] == '\\')
			i++;
		p[n++] = raw.p[i];
	}
	return (struct str){ p, n };
}

static struct str
quoted(struct imap_cur *c)
{
	struct str	s = str_skip(c->rest, 1), raw;
	bool		escapes = false;
	size_t		i = 0;

	for (; i < s.n && s.p[i] != '"'; i++) {
		if (s.p[i] == '\r' || s.p[i] == '\n' || s.p[i] == '\0')
			break;
		if (s.p[i] != '\\')
			continue;
		escapes = true;
		if (++i == s.n || (s.p[i] != '"' && s.p[i] != '\\')) {
			imap_cur_fail(c, "bad escape in quoted string");
			return (struct str){ "", 0 };
		}
	}
	raw = str_head(s, i);
	if (i == s.n || s.p[i] != '"' || !str_is_utf8(raw)) {
		imap_cur_fail(c, "bad quoted string");
		return (struct str){ "", 0 };
	}
	c->rest = str_skip(s, i + 1);
	return escapes ? unescape(c, raw) : raw;
}

static struct str
literal(struct imap_cur *c)
{
	struct str	rest = str_skip(c->rest, 1), head, s;
	uint64_t	n;

	if (!str_cut(&rest, '\n', &head) || !str_ends(head, STR("}\r")))
		goto bad;
	head.n -= 2;
	if (str_ends(head, STR("+")))
		head.n--;
	if (!num_u64(head, rest.n, &n))
		goto bad;
	s = str_head(rest, (size_t)n);
	if (memchr(s.p, '\0', s.n) != NULL)
		goto bad;
	c->rest = str_skip(rest, s.n);
	return s;
bad:
	imap_cur_fail(c, "bad literal");
	return (struct str){ "", 0 };
}

struct str
imap_string(struct imap_cur *c)
{
	if (imap_peek(c, '"'))
		return quoted(c);
	if (imap_peek(c, '{'))
		return literal(c);
	imap_cur_fail(c, "missing string");
	return (struct str){ "", 0 };
}

static struct str
string_or(struct imap_cur *c, bool (*is)(char))
{
	if (imap_peek(c, '"') || imap_peek(c, '{'))
		return imap_string(c);
	return run(c, is, "missing argument");
}

struct str
imap_astring(struct imap_cur *c)
{
	return string_or(c, imap_is_astring_char);
}

struct str
imap_list_mailbox(struct imap_cur *c)
{
	return string_or(c, is_list_char);
}

struct str
imap_nstring(struct imap_cur *c)
{
	if (imap_try_token(c, "NIL"))
		return (struct str){ NULL, 0 };
	return imap_string(c);
}

struct str
imap_mailbox(struct imap_cur *c)
{
	struct str	raw = imap_astring(c), name = { "", 0 };
	struct buf	utf8 = BUF_INIT(LIMIT_MAILBOX_NAME);

	if (c->err != NULL)
		return name;
	if (str_ieq(raw, STR("INBOX")))
		return STR("INBOX");
	if (!imap_utf7_decode(&utf8, raw))
		imap_cur_fail(c, "bad mailbox name");
	else if (!arena_dup(c->arena, buf_str(&utf8), &name))
		imap_cur_fail(c, "command too large");
	buf_free(&utf8);
	return name;
}

uint32_t
imap_number(struct imap_cur *c)
{
	struct str	s = run(c, is_digit, "missing number");
	uint32_t	v = 0;

	if (c->err == NULL && !num_u32(s, UINT32_MAX, &v))
		imap_cur_fail(c, "number too large");
	return v;
}

uint32_t
imap_nz_number(struct imap_cur *c)
{
	uint32_t	v;

	if (imap_peek(c, '0'))
		imap_cur_fail(c, "number must not begin with 0");
	v = imap_number(c);
	return v;
}

uint64_t
imap_number63(struct imap_cur *c)
{
	struct str	s = run(c, is_digit, "missing number");
	uint64_t	v = 0;

	if (c->err == NULL && !num_u64(s, INT64_MAX, &v))
		imap_cur_fail(c, "number too large");
	return v;
}

struct imap_set
imap_sequence_set(struct imap_cur *c)
{
	struct str	s = run(c, is_set_char, "missing message set");
	struct imap_set	set = { 0 };

	if (c->err != NULL)
		return set;
	switch (imap_set_parse(s, c->arena, &set)) {
	case IMAP_SET_OK:
		return set;
	case IMAP_SET_SYNTAX:
		imap_cur_fail(c, "bad message set");
		break;
	case IMAP_SET_NOMEM:
		imap_cur_fail(c, "command too large");
		break;
	}
	return (struct imap_set){ 0 };
}
