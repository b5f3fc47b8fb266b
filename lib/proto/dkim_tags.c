#include "dkim_tags.h"

static bool
is_name(struct str s)
{
	if (s.n == 0 || !byte_is_alpha(s.p[0]))
		return false;
	for (size_t i = 1; i < s.n; i++)
		if (!byte_is_alnum(s.p[i]) && s.p[i] != '_')
			return false;
	return true;
}

/* Printable, or white space: a CR only as half of a line end. */
static bool
is_value(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\r' && (i + 1 == s.n || s.p[i + 1] != '\n'))
			return false;
		if (byte_is_control(s.p[i]) && !byte_is_space(s.p[i]))
			return false;
	}
	return str_is_ascii(s) || str_is_utf8(s);
}

const struct dkim_tag *
dkim_tags_find(const struct dkim_tags *t, const char *name)
{
	for (size_t i = 0; i < t->n; i++)
		if (str_eq(t->tag[i].name, str_c(name)))
			return &t->tag[i];
	return NULL;
}

static const char *
add(struct dkim_tags *t, struct str spec)
{
	struct dkim_tag	*tag = &t->tag[t->n];

	if (t->n == LIMIT_DKIM_TAGS)
		return "too many tags";
	if (!str_cut(&spec, '=', &tag->name))
		return "a tag without a value";
	tag->name = str_trim(tag->name);
	tag->raw = spec;
	tag->value = str_trim(spec);
	if (!is_name(tag->name))
		return "a tag's name is not valid";
	if (!is_value(tag->value))
		return "a tag's value has characters that are not allowed";
	for (size_t i = 0; i < t->n; i++)
		if (str_eq(t->tag[i].name, tag->name))
			return "a tag is there twice";
	t->n++;
	return NULL;
}

const char *
dkim_tags_parse(struct str text, struct dkim_tags *t)
{
	struct str	spec;
	const char	*why = NULL;
	bool		more = true;

	t->n = 0;
	while (more && why == NULL) {
		more = str_cut(&text, ';', &spec);
		/* after the last semicolon there need be nothing */
		if (!more && t->n > 0 && str_trim(spec).n == 0)
			break;
		why = add(t, spec);
	}
	return why;
}

void
dkim_tags_compact(struct buf *out, struct str value)
{
	for (size_t i = 0; i < value.n; i++)
		if (!byte_is_space(value.p[i]))
			buf_addc(out, value.p[i]);
}

bool
dkim_tags_member(struct str *rest, struct str *member_r)
{
	if (rest->p == NULL)
		return false;
	if (!str_cut(rest, ':', member_r))
		rest->p = NULL;
	*member_r = str_trim(*member_r);
	return true;
}

bool
dkim_tags_has(struct str list, struct str word)
{
	struct str	member;

	while (dkim_tags_member(&list, &member))
		if (str_ieq(member, word))
			return true;
	return false;
}
