#include "addrlist.h"

#include "../base/limits.h"

/* Words read so far: joined with spaces as a phrase, without as a local part. */
struct words {
	struct buf	phrase;
	struct buf	local;
	bool		any;
	bool		space;	/* white space stood before the next word */
};

void
addrlist_open(struct addrlist *l, struct str value, struct arena *a)
{
	*l = (struct addrlist){ .lex = { value, 0 }, .arena = a };
}

static bool
keep(struct addrlist *l, const struct buf *b, struct str *out_r)
{
	return arena_dup(l->arena, buf_str(b), out_r);
}

/* What ends a word that is not quoted. */
static bool
is_special(char c)
{
	return c == '<' || c == '>' || c == '@' || c == ',' || c == ';' || c == ':' || c == '"';
}

/* One word, quoted or not, into both forms. Something is always passed. */
static void
word(struct lex *l, struct words *w)
{
	struct str	s;

	if (w->any && w->space)
		buf_addc(&w->phrase, ' ');
	w->any = true;
	if (lex_peek(l) == '"') {
		s = lex_quoted(l);
		lex_unquote(&w->phrase, s);
		lex_unquote(&w->local, s);
		return;
	}
	s = lex_token(l, "<>@,;:\"");
	if (s.n == 0) {
		s = (struct str){ l->s.p + l->at, 1 };
		l->at++;
	}
	buf_add(&w->phrase, s);
	buf_add(&w->local, s);
}

/* A domain or a domain literal behind "@", white space and comments dropped. */
static void
domain(struct lex *l, struct buf *out, struct str *comment_r)
{
	for (lex_skip(l, comment_r); !lex_end(l); lex_skip(l, comment_r)) {
		struct str	s;

		if (lex_peek(l) == '[') {
			s = str_skip(l->s, l->at);
			s = str_head(s, str_chr(s, ']') + 1);
			l->at += s.n;
			for (size_t i = 0; i < s.n; i++)
				if (!byte_is_space(s.p[i]))
					buf_addc(out, s.p[i]);
			return;
		}
		if (is_special(lex_peek(l)))
			return;
		s = lex_token(l, "<>@,;:\"[");
		buf_add(out, s);
		/* only a dot joins what white space parts */
		if (lex_skip(l, comment_r) && !str_ends(s, STR(".")) && lex_peek(l) != '.')
			return;
	}
}

/* "@a,@b:" at the front of an angle address (RFC 5322 4.4 obs-route). */
static bool
route(struct addrlist *al, struct addrlist_item *i)
{
	struct lex	*l = &al->lex, ahead = *l;
	struct buf	 b = BUF_INIT(l->s.n + 1);
	bool		 good = false;

	for (lex_skip(&ahead, NULL); lex_peek(&ahead) == '@' || lex_peek(&ahead) == ','; lex_skip(&ahead, NULL)) {
		size_t	before = b.n, with;

		if (ahead.s.p[ahead.at++] == ',')
			continue;
		buf_adds(&b, before > 0 ? ",@" : "@");
		with = b.n;
		domain(&ahead, &b, NULL);
		if (b.n == with)
			buf_truncate(&b, before);
	}
	if (b.n > 0 && lex_peek(&ahead) == ':') {
		ahead.at++;
		*l = ahead;
		good = keep(al, &b, &i->route);
	}
	buf_free(&b);
	return good;
}

/* "<…>": the local part and domain, to the ">" or what must be behind it. */
static void
angle(struct addrlist *al, struct addrlist_item *i)
{
	struct lex	*l = &al->lex;
	struct words	 w = { BUF_INIT(l->s.n + 1), BUF_INIT(l->s.n + 1), false, false };
	struct buf	 d = BUF_INIT(l->s.n + 1);

	l->at++;
	(void)route(al, i);
	for (lex_skip(l, NULL); !lex_end(l); lex_skip(l, NULL)) {
		char	c = lex_peek(l);

		if (c == '>' || c == '<' || c == ',' || c == ';')
			break;
		if (c != '@') {
			if (d.n == 0)
				word(l, &w);
			else
				l->at++;
			continue;
		}
		/* of several @ the last parts local part and domain */
		if (d.n > 0) {
			buf_addc(&w.local, '@');
			buf_add(&w.local, buf_str(&d));
			buf_reset(&d);
		}
		l->at++;
		domain(l, &d, NULL);
	}
	if (lex_peek(l) == '>')
		l->at++;
	if (!keep(al, &w.local, &i->local) || !keep(al, &d, &i->domain))
		i->local = i->domain = (struct str){ "", 0 };
	buf_free(&w.phrase);
	buf_free(&w.local);
	buf_free(&d);
}

/* Past what may stand between an address and the next "," or ";". */
static void
rest_of(struct addrlist *al, struct str *comment_r)
{
	struct lex	*l = &al->lex;
	char		 c;

	for (lex_skip(l, comment_r); !lex_end(l); lex_skip(l, comment_r)) {
		c = lex_peek(l);
		if (c == ',' || c == ';')
			break;
		if (c == '"')
			(void)lex_quoted(l);
		else
			l->at++;
	}
	if (lex_peek(l) == ',' || (lex_peek(l) == ';' && !al->in_group))
		l->at++;
}

static void
name_from(struct addrlist *al, const struct words *w, struct str comment, struct addrlist_item *i)
{
	struct buf	b = BUF_INIT(al->lex.s.n + 1);
	struct str	s;

	if (w != NULL)
		buf_add(&b, buf_str(&w->phrase));
	else if (comment.p != NULL)
		lex_unquote(&b, str_trim(comment));
	s = str_trim(buf_str(&b));
	if (s.n > 0 && !arena_dup(al->arena, s, &i->name))
		i->name = (struct str){ NULL, 0 };
	buf_free(&b);
}

/* An address without "<": words, "@" and a domain; or with a phrase that looks like one before it. */
static void
bare(struct addrlist *al, struct words *w, struct addrlist_item *i)
{
	struct lex	*l = &al->lex;
	struct buf	 d = BUF_INIT(l->s.n + 1);
	struct str	 comment = { NULL, 0 };

	while (lex_peek(l) == '@') {
		if (d.n > 0) {
			buf_addc(&w->local, '@');
			buf_add(&w->local, buf_str(&d));
			buf_reset(&d);
		}
		l->at++;
		domain(l, &d, &comment);
		lex_skip(l, &comment);
	}
	if (lex_peek(l) == '<') {
		if (d.n > 0) {
			buf_addc(&w->phrase, '@');
			buf_add(&w->phrase, buf_str(&d));
		}
		name_from(al, w, comment, i);
		angle(al, i);
		rest_of(al, NULL);
	} else {
		if (!keep(al, &w->local, &i->local) || !keep(al, &d, &i->domain))
			i->local = i->domain = (struct str){ "", 0 };
		rest_of(al, &comment);
		name_from(al, NULL, comment, i);
	}
	buf_free(&d);
}

/* Decide by what stands behind the words. False: nothing was there. */
static bool
item(struct addrlist *al, struct words *w, struct str comment, struct addrlist_item *i)
{
	struct lex	*l = &al->lex;
	char		 c = lex_peek(l);

	if (c == ':' && !al->in_group) {
		l->at++;
		al->in_group = true;
		i->kind = ADDRLIST_GROUP;
		name_from(al, w, comment, i);
		return true;
	}
	if (c == '<') {
		name_from(al, w->any ? w : NULL, comment, i);
		angle(al, i);
		if (i->name.p == NULL) {
			rest_of(al, &comment);
			name_from(al, NULL, comment, i);
		} else
			rest_of(al, NULL);
		return true;
	}
	if (c == '@' || w->any) {
		bare(al, w, i);
		return true;
	}
	return false;
}

bool
addrlist_next(struct addrlist *al, struct addrlist_item *i)
{
	struct lex	*l = &al->lex;
	struct words	 w = { BUF_INIT(l->s.n + 1), BUF_INIT(l->s.n + 1), false, false };
	struct str	 comment = { NULL, 0 };
	bool		 found = false;

	*i = (struct addrlist_item){ .local = { "", 0 }, .domain = { "", 0 } };
	while (!found && al->items < LIMIT_ADDRLIST) {
		w.space = lex_skip(l, &comment) || !w.any;
		if (lex_end(l) && !w.any)
			break;
		if (!lex_end(l) && (!is_special(lex_peek(l)) || lex_peek(l) == '"' || lex_peek(l) == '>')) {
			word(l, &w);
			continue;
		}
		if (lex_peek(l) == ';' && !w.any && al->in_group) {
			l->at++;
			break;
		}
		found = item(al, &w, comment, i);
		if (!found)
			l->at++;	/* an empty place in the list */
	}
	buf_free(&w.phrase);
	buf_free(&w.local);
	if (!found && al->in_group) {
		al->in_group = false;
		i->kind = ADDRLIST_GROUP_END;
		found = true;
	}
	al->items += found;
	return found;
}

bool
addrlist_single(struct str value, struct arena *a, struct addrlist_item *out_r)
{
	struct addrlist		l;
	struct addrlist_item	i;
	size_t			n = 0;

	addrlist_open(&l, value, a);
	while (n < 2 && addrlist_next(&l, &i)) {
		if (i.kind != ADDRLIST_MAILBOX)
			continue;
		*out_r = i;
		n++;
	}
	return n == 1 && out_r->local.n > 0 && out_r->domain.n > 0;
}
