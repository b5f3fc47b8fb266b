#include "author.h"

#include "header.h"
#include "lex.h"

/* "Me <a@b>", and what of it two readers could take for the author. */
struct shape {
	unsigned	angles;		/* "<" */
	bool		behind;		/* something but a comment behind ">" */
	bool		at_before;	/* "@" in front of "<", unquoted */
	struct str	before;		/* what stands in front of "<" */
	struct str	address;	/* behind "<", up to ">"; without one, all */
	struct str	comment;	/* the last one */
};

static struct shape
shape_of(struct str value)
{
	struct lex	l = { .s = value };
	struct shape	sh = { .before = value, .address = value, .comment = { "", 0 } };
	bool		closed = false;

	for (lex_skip(&l, &sh.comment); !lex_end(&l); lex_skip(&l, &sh.comment)) {
		char	c = lex_peek(&l);

		sh.behind = sh.behind || closed;
		if (c == '<' && sh.angles++ == 0) {
			sh.before = str_head(value, l.at);
			sh.address = str_skip(value, l.at + 1);
		}
		if (c == '>' && sh.angles == 1 && !closed)
			sh.address = str_head(sh.address, l.at - sh.before.n - 1);
		if (c == '>')
			closed = true;
		if (c == '@' && sh.angles == 0)
			sh.at_before = true;
		if (c == '"')
			(void)lex_quoted(&l);
		else
			l.at++;
	}
	return sh;
}

/*
 * Every quote and comment has its end, and no comment holds what a reader who knows
 * of none would take for the address.
 */
static bool
is_balanced(struct str value)
{
	size_t	depth = 0;
	bool	quoted = false;

	for (size_t i = 0; i < value.n; i++) {
		char	c = value.p[i];

		if (c == '\\' && (depth > 0 || quoted))
			i++;
		else if (quoted)
			quoted = c != '"';
		else if (c == '(')
			depth++;
		else if (depth > 0 && (c == '<' || c == '>'))
			return false;
		else if (c == ')') {
			if (depth-- == 0)
				return false;
		} else if (depth == 0 && c == '"')
			quoted = true;
		else if (depth == 0 && c == '\\')
			return false;
	}
	return depth == 0 && !quoted;
}

/* Words that dots join, and at most one "@" with such words behind it: nothing is left over that may be the address, too. */
static bool
is_one_address(struct str s)
{
	struct lex	l = { .s = s };
	bool		at = false, word = false;	/* seen; the last thing, which only a dot may go on from */

	for (lex_skip(&l, NULL); !lex_end(&l); lex_skip(&l, NULL)) {
		char		c = lex_peek(&l);
		struct str	w = STR("");

		if (c == '@') {
			if (at || !word)
				return false;
			at = true;
			word = false;
			l.at++;
			continue;
		}
		if (c == '"' && !at)
			(void)lex_quoted(&l);
		else if (c == '[' && at && !word)
			l.at += str_chr(str_skip(s, l.at), ']') + 1;
		else if ((w = lex_token(&l, "<>@,;:\"[")).n == 0)
			return false;
		if (word && !str_starts(w, STR(".")))
			return false;
		word = !str_ends(w, STR("."));
	}
	return word;
}

/* As some mailers do: the address is its own name. */
static bool
is_own_name(struct str before, const struct addrlist_item *i)
{
	before = str_trim(before);
	return before.n == i->local.n + 1 + i->domain.n && str_starts(before, i->local) &&
	    before.p[i->local.n] == '@' && str_iends(before, i->domain);
}

bool
author_single(struct str value, struct arena *a, struct addrlist_item *out)
{
	struct addrlist		l;
	struct addrlist_item	i;
	struct shape		sh = shape_of(value);
	size_t			n = 0;

	addrlist_open(&l, value, a);
	for (; addrlist_next(&l, &i); n++)
		if (n == 0)
			*out = i;
	if (str_chr(value, '\0') < value.n || n != 1 || out->kind != ADDRLIST_MAILBOX || out->local.n == 0 || out->route.n > 0)
		return false;
	if (str_has_control(out->local) || str_has_control(out->domain) || !str_is_utf8(out->local))
		return false;
	if (!is_balanced(value) || !is_one_address(sh.address))
		return false;
	/* "root (Cron Daemon)": without a domain it did not serve for a name yet */
	if (out->name.p == NULL)
		out->name = sh.comment;
	return sh.angles <= 1 && !sh.behind && !(sh.angles == 1 && sh.at_before && !is_own_name(sh.before, out));
}

enum author_got
author_find(struct str head, struct arena *a, struct author *out)
{
	struct header		h;
	struct header_field	f;
	struct addrlist_item	i;
	struct str		from = STR("");
	enum author_got		got;
	size_t			n = 0;

	*out = (struct author){ .name = { "", 0 }, .local = { "", 0 }, .domain = { "", 0 } };
	header_open(&h, head);
	while (header_next_named(&h, STR("From"), &f)) {
		from = f.value;
		n++;
	}
	if (n != 1)
		return n == 0 ? AUTHOR_NONE : AUTHOR_SEVERAL;
	got = author_single(from, a, &i) && i.domain.n > 0 ? AUTHOR_CLEAR : AUTHOR_UNCLEAR;
	if (got == AUTHOR_UNCLEAR && !addrlist_single(from, a, &i)) {
		struct addrlist	l;

		/* two addresses, or not even one */
		addrlist_open(&l, from, a);
		for (n = 0; addrlist_next(&l, &i);)
			n += i.kind == ADDRLIST_MAILBOX && i.local.n > 0 && i.domain.n > 0;
		return n > 1 ? AUTHOR_SEVERAL : AUTHOR_NONE;
	}
	out->local = i.local;
	out->domain = i.domain;
	if (i.name.p != NULL)
		out->name = i.name;
	return got;
}
