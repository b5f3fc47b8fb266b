#include "params.h"

#include "../base/limits.h"
#include "../base/num.h"
#include "lex.h"

static bool
arena_keep(struct arena *a, struct buf *b, struct str *out_r)
{
	return !buf_failed(b) && arena_dup(a, buf_str(b), out_r);
}

/* Names of files hold spaces that nobody quoted; for others a space ends the value. */
static struct str
bare_value(struct lex *l, struct str name)
{
	struct str	v;
	size_t		end;

	if (!str_istarts(name, STR("name")) && !str_istarts(name, STR("filename")))
		return lex_token(l, ";");
	v = str_skip(l->s, l->at);
	end = str_chr(v, ';');
	l->at += end;
	v = str_trim_end(str_head(v, end));
	/* a comment at the end is none of it, nor is what a fold adds */
	if (str_find(v, STR(" (")) < v.n && str_ends(v, STR(")")))
		v = str_head(v, str_find(v, STR(" (")));
	return str_head(v, str_chr(str_head(v, str_chr(v, '\r')), '\n'));
}

/* One "name=value" into *out_r; false when there is none before the next ";". */
static bool
param_next(struct lex *l, struct arena *a, struct param *out_r)
{
	struct buf	b = BUF_INIT(l->s.n);
	struct str	inside;
	bool		good = true;

	out_r->name = lex_token(l, "=;\"");
	lex_skip(l, NULL);
	if (lex_peek(l) != '=')
		return false;
	l->at++;
	lex_skip(l, NULL);
	if (lex_peek(l) != '"') {
		out_r->value = bare_value(l, out_r->name);
		return out_r->name.n > 0;
	}
	inside = lex_quoted(l);
	out_r->value = inside;
	if (lex_is_escaped(inside)) {
		lex_unquote(&b, inside);
		good = arena_keep(a, &b, &out_r->value);
		buf_free(&b);
	}
	return good && out_r->name.n > 0;
}

/* A section of a continued parameter: base*number or base*number* */
struct section {
	struct str	base;
	uint32_t	number;
	bool		encoded;
};

static bool
section_of(struct str name, struct section *out_r)
{
	size_t	star;

	if (name.n > LIMIT_MIME_PARAM_NAME)
		return false;
	out_r->encoded = str_ends(name, STR("*"));
	if (out_r->encoded)
		name.n--;
	star = str_chr(name, '*');
	out_r->base = str_head(name, star);
	return star > 0 && num_u32(str_skip(name, star + 1), LIMIT_MIME_PARAMS, &out_r->number);
}

static void
add_percent(struct buf *b, struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (byte_is_alnum(s.p[i]) || (s.p[i] != '\0' && strchr("-._~", s.p[i]) != NULL))
			buf_addc(b, s.p[i]);
		else
			buf_addf(b, "%%%02X", (unsigned)(unsigned char)s.p[i]);
}

/* The index of section `number` of base, or n. */
static size_t
section_find(const struct param *p, size_t n, struct str base, uint32_t number, struct section *out_r)
{
	for (size_t i = 0; i < n; i++)
		if (section_of(p[i].name, out_r) && out_r->number == number && str_ieq(out_r->base, base))
			return i;
	return n;
}

/* Put the sections of base together into *out_r. */
static bool
sections_join(const struct param *p, size_t n, struct str base, struct arena *a, struct param *out_r)
{
	struct buf	value = BUF_INIT((size_t)1 << 20), name = BUF_INIT(base.n + 1);
	struct section	s;
	bool		encoded = false, good;
	size_t		at;

	for (uint32_t i = 0; (at = section_find(p, n, base, i, &s)) < n; i++)
		encoded = encoded || s.encoded;
	for (uint32_t i = 0; (at = section_find(p, n, base, i, &s)) < n; i++) {
		if (encoded && i == 0 && !s.encoded)
			buf_adds(&value, "''");
		if (encoded && !s.encoded)
			add_percent(&value, p[at].value);
		else
			buf_add(&value, p[at].value);
	}
	buf_add(&name, base);
	if (encoded)
		buf_addc(&name, '*');
	good = arena_keep(a, &name, &out_r->name) && arena_keep(a, &value, &out_r->value);
	buf_free(&value);
	buf_free(&name);
	return good;
}

/* Joined parameters take the place of their section 0; other sections go. */
static size_t
params_join(struct param *p, size_t n, struct arena *a)
{
	struct param	whole[LIMIT_MIME_PARAMS];
	size_t		kept = 0;
	struct section	s;

	for (size_t i = 0; i < n; i++) {
		if (!section_of(p[i].name, &s)) {
			whole[kept++] = p[i];
			continue;
		}
		if (s.number == 0 && section_find(p, n, s.base, 0, &s) == i &&
		    sections_join(p, n, s.base, a, &whole[kept]))
			kept++;
	}
	memcpy(p, whole, kept * sizeof(*p));
	return kept;
}

struct params
params_parse(struct str in, struct arena *a)
{
	struct lex	l = { in, 0 };
	struct param	found[LIMIT_MIME_PARAMS];
	struct params	ps = { NULL, 0 };
	bool		continued = false;
	size_t		n = 0, before;

	while (n < LIMIT_MIME_PARAMS) {
		before = l.at;
		lex_skip(&l, NULL);
		if (lex_end(&l))
			break;
		if (param_next(&l, a, &found[n])) {
			continued = continued || str_chr(found[n].name, '*') < found[n].name.n;
			n++;
		} else if (l.at == before || lex_peek(&l) == ';' || lex_peek(&l) == '"')
			l.at++;
	}
	if (continued)
		n = params_join(found, n, a);
	if (n == 0 || (ps.p = arena_array(a, n, sizeof(*ps.p))) == NULL)
		return ps;
	memcpy(ps.p, found, n * sizeof(*ps.p));
	ps.n = n;
	return ps;
}

bool
params_find(const struct params *ps, struct str name, struct str *value_r)
{
	for (size_t i = 0; i < ps->n; i++)
		if (str_ieq(ps->p[i].name, name)) {
			*value_r = ps->p[i].value;
			return true;
		}
	*value_r = (struct str){ "", 0 };
	return false;
}
