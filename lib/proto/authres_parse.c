#include "authres.h"

#include "../base/limits.h"
#include "../base/num.h"
#include "lex.h"

/* What is being read. The first thing that is wrong sticks. */
struct reader {
	struct str		 s;
	size_t			 at;
	struct arena		*arena;
	enum authres_err	 err;
	struct str		 comment;	/* the first since it was made empty */
	size_t			 results, props;
};

static char
peek(const struct reader *r)
{
	return r->err == AUTHRES_OK && r->at < r->s.n ? r->s.p[r->at] : '\0';
}

static bool
at_end(const struct reader *r)
{
	return r->err != AUTHRES_OK || r->at == r->s.n;
}

static void
fail(struct reader *r, enum authres_err err)
{
	if (r->err == AUTHRES_OK)
		r->err = err;
}

static bool
take(struct reader *r, char c)
{
	if (at_end(r) || peek(r) != c)
		return false;
	r->at++;
	return true;
}

/* At a parenthesis: past it and all that it holds. */
static void
skip_comment(struct reader *r)
{
	size_t	from = r->at + 1;
	int	depth = 0;

	for (; r->at < r->s.n; r->at++) {
		char	c = r->s.p[r->at];

		if (c == '\\')
			r->at++;
		else if (c == '(' && ++depth > LIMIT_AUTHRES_DEPTH) {
			fail(r, AUTHRES_LIMIT);
			return;
		} else if (c == ')' && --depth == 0) {
			if (r->comment.n == 0)
				r->comment = (struct str){ r->s.p + from, r->at - from };
			r->at++;
			return;
		}
	}
	r->at = r->s.n;
	fail(r, AUTHRES_SYNTAX);
}

static void
cfws(struct reader *r)
{
	while (!at_end(r) && (byte_is_space(peek(r)) || peek(r) == '('))
		if (peek(r) == '(')
			skip_comment(r);
		else
			r->at++;
}

/* RFC 5321's Keyword, and "_", which is in use. */
static struct str
keyword(struct reader *r)
{
	size_t	from = r->at;

	while (!at_end(r) && (byte_is_alnum(peek(r)) || peek(r) == '-' || peek(r) == '_'))
		r->at++;
	if (r->at == from)
		fail(r, AUTHRES_SYNTAX);
	return (struct str){ r->s.p + from, r->at - from };
}

static uint32_t
number(struct reader *r)
{
	uint32_t	n = 0;

	if (!num_u32(keyword(r), UINT32_MAX, &n))
		fail(r, AUTHRES_SYNTAX);
	return n;
}

/* At a quote: the inside as it stands. */
static struct str
quoted(struct reader *r)
{
	size_t	from = ++r->at;

	for (; r->at < r->s.n; r->at++) {
		if (r->s.p[r->at] == '\\')
			r->at++;
		else if (r->s.p[r->at] == '"')
			return (struct str){ r->s.p + from, r->at++ - from };
	}
	r->at = r->s.n;
	fail(r, AUTHRES_SYNTAX);
	return STR("");
}

/* What is no token by the book ("header.b=a/b=", "policy.ip=::1") but stands without quotes in the world. */
static struct str
bare(struct reader *r)
{
	size_t	from = r->at;

	while (!at_end(r) && !byte_is_space(peek(r)) && !byte_is_control(peek(r)) && str_chr(STR(";()\""), peek(r)) == 4)
		r->at++;
	return (struct str){ r->s.p + from, r->at - from };
}

static struct str
unquoted(struct reader *r, struct str inside)
{
	struct buf	b = BUF_INIT(inside.n + 1);
	struct str	s = inside;

	if (lex_is_escaped(inside)) {
		lex_unquote(&b, inside);
		if (!arena_dup(r->arena, buf_str(&b), &s))
			fail(r, AUTHRES_LIMIT);
	}
	buf_free(&b);
	return s;
}

static struct str
value(struct reader *r)
{
	size_t		from;
	struct str	s;

	cfws(r);
	from = r->at;
	if (peek(r) != '"') {
		s = bare(r);
		if (s.n == 0)
			fail(r, AUTHRES_SYNTAX);
		return s;
	}
	s = quoted(r);
	if (peek(r) != '@')
		return unquoted(r, s);
	(void)bare(r);
	return (struct str){ r->s.p + from, r->at - from };
}

static void
read_prop(struct reader *r, struct authres_result *res, struct authres_prop ***tail)
{
	struct authres_prop	p = { .ptype = { "", 0 } }, *copy;

	p.name = keyword(r);
	cfws(r);
	if (take(r, '.')) {
		cfws(r);
		p.ptype = p.name;
		p.name = keyword(r);
		cfws(r);
	}
	if (!take(r, '='))
		fail(r, AUTHRES_SYNTAX);
	p.value = value(r);
	if (r->err != AUTHRES_OK)
		return;
	if (p.ptype.n == 0 && str_ieq(p.name, STR("reason"))) {
		res->reason = p.value;
		return;
	}
	if (r->props++ == LIMIT_AUTHRES_PROPS || (copy = arena_alloc(r->arena, sizeof(*copy))) == NULL) {
		fail(r, AUTHRES_LIMIT);
		return;
	}
	*copy = p;
	**tail = copy;
	*tail = &copy->next;
}

/* Behind a semicolon, at a method: all up to the next one. */
static struct authres_result *
read_result(struct reader *r, struct str method)
{
	struct authres_result	*res = arena_alloc(r->arena, sizeof(*res));
	struct authres_prop	**tail;

	if (r->results++ == LIMIT_AUTHRES_RESULTS || res == NULL) {
		fail(r, AUTHRES_LIMIT);
		return NULL;
	}
	*res = (struct authres_result){ .method = method, .version = 1, .reason = { "", 0 } };
	tail = &res->props;
	cfws(r);
	if (take(r, '/')) {
		cfws(r);
		res->version = number(r);
		cfws(r);
	}
	if (!take(r, '='))
		fail(r, AUTHRES_SYNTAX);
	cfws(r);
	r->comment = STR("");
	res->result = keyword(r);
	for (cfws(r); !at_end(r) && peek(r) != ';'; cfws(r))
		read_prop(r, res, &tail);
	res->comment = r->comment;
	return res;
}

static void
read_results(struct reader *r, struct authres *a)
{
	struct authres_result	**tail = &a->results;

	for (cfws(r); !at_end(r); cfws(r)) {
		struct str	method;

		if (!take(r, ';')) {
			fail(r, AUTHRES_SYNTAX);
			return;
		}
		cfws(r);
		/* one semicolon too many */
		if (at_end(r) || peek(r) == ';')
			continue;
		method = keyword(r);
		cfws(r);
		if (at_end(r) && str_ieq(method, STR("none")) && a->results == NULL)
			return;
		if ((*tail = read_result(r, method)) == NULL)
			return;
		tail = &(*tail)->next;
	}
}

static void
read_id(struct reader *r, struct authres *a)
{
	a->id = value(r);
	a->version = 1;
	cfws(r);
	if (!at_end(r) && peek(r) != ';')
		a->version = number(r);
	cfws(r);
	if (!at_end(r) && peek(r) != ';')
		fail(r, AUTHRES_SYNTAX);
}

static enum authres_err
parse(struct reader *r, struct authres *a)
{
	read_id(r, a);
	if (r->err == AUTHRES_OK && a->version == 1)
		read_results(r, a);
	if (r->err != AUTHRES_OK)
		a->results = NULL;
	return r->err;
}

enum authres_err
authres_parse(struct str v, struct arena *arena, struct authres *a)
{
	struct reader	r = { .s = v, .arena = arena, .comment = { "", 0 } };

	*a = (struct authres){ .id = { "", 0 } };
	return parse(&r, a);
}

enum authres_err
authres_parse_arc(struct str v, struct arena *arena, struct authres *a)
{
	struct reader	r = { .s = v, .arena = arena, .comment = { "", 0 } };

	*a = (struct authres){ .id = { "", 0 } };
	cfws(&r);
	if (!str_ieq(keyword(&r), STR("i")))
		fail(&r, AUTHRES_SYNTAX);
	cfws(&r);
	if (!take(&r, '='))
		fail(&r, AUTHRES_SYNTAX);
	cfws(&r);
	a->instance = number(&r);
	cfws(&r);
	if (!take(&r, ';'))
		fail(&r, AUTHRES_SYNTAX);
	return parse(&r, a);
}

const struct authres_result *
authres_find(const struct authres *a, struct str method)
{
	const struct authres_result	*r = a->results;

	while (r != NULL && !str_ieq(r->method, method))
		r = r->next;
	return r;
}

const struct authres_prop *
authres_find_prop(const struct authres_result *r, struct str ptype, struct str name)
{
	const struct authres_prop	*p = r->props;

	while (p != NULL && !(str_ieq(p->ptype, ptype) && str_ieq(p->name, name)))
		p = p->next;
	return p;
}

/* --- whose it is */

static bool
has_name(struct str value, struct str name)
{
	for (size_t i = 0; name.n > 0 && i + name.n <= value.n; i++)
		if (str_istarts(str_skip(value, i), name))
			return true;
	return false;
}

bool
authres_claims(struct str v, struct str name)
{
	struct arena	arena = ARENA_INIT(LIMIT_SMTP_LINE);
	struct reader	r = { .s = v, .arena = &arena, .comment = { "", 0 } };
	struct authres	a = { .id = { "", 0 } };
	bool		claims;

	if (str_ends(name, STR(".")))
		name.n--;
	read_id(&r, &a);
	/* it is another's when there is one name, and it is another */
	if (r.err != AUTHRES_OK)
		claims = has_name(v, name);
	else {
		if (str_ends(a.id, STR(".")))
			a.id.n--;
		claims = str_ieq(a.id, name);
	}
	arena_free(&arena);
	return claims;
}
