#include "submission.h"

#include "addr.h"
#include "addrlist.h"
#include "authres.h"
#include "header.h"
#include "lex.h"

/* --- looking */

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

/* The one address of a From field; false when there is none or it is not clear. */
static bool
single(struct str value, struct arena *a, struct addrlist_item *out)
{
	struct addrlist		l;
	struct addrlist_item	i;
	struct shape		sh = shape_of(value);
	size_t			n = 0;

	addrlist_open(&l, value, a);
	for (; addrlist_next(&l, &i); n++)
		if (n == 0)
			*out = i;
	if (n != 1 || out->kind != ADDRLIST_MAILBOX || out->local.n == 0 || out->route.n > 0)
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

static bool
look_from(struct submission *s, struct str value, struct arena *a)
{
	struct addrlist_item	i;

	if (++s->nfrom > 1 || str_chr(value, '\0') < value.n || !single(value, a, &i)) {
		s->name = s->local = s->domain = STR("");
		return true;
	}
	s->local = i.local;
	s->domain = i.domain;
	s->name = i.name;
	return true;
}

static bool
is_blank(struct str value)
{
	return str_trim(value).n == 0;
}

static bool
look_message_id(struct submission *s, struct str value, struct arena *a)
{
	struct buf	b = BUF_INIT(LIMIT_SMTP_LINE);
	bool		good = true;

	s->has_message_id = true;
	header_unfold(&b, value);
	if (!buf_failed(&b) && !str_has_control(buf_str(&b)))
		good = arena_dup(a, buf_str(&b), &s->message_id);
	buf_free(&b);
	return good;
}

static bool
is_sevenbit(struct str s)
{
	size_t	i = 0;

	while (i < s.n && (unsigned char)s.p[i] < 0x80)
		i++;
	return i == s.n;
}

bool
submission_look(struct str head, struct arena *a, struct submission *s)
{
	struct header		h;
	struct header_field	f;
	unsigned		tls = 0, tls_no = 0;

	*s = (struct submission){ .head = head, .name = { "", 0 }, .local = { "", 0 }, .domain = { "", 0 }, .message_id = { "", 0 } };
	header_open(&h, head);
	while (header_next(&h, &f)) {
		bool	good = true;

		if (str_ieq(f.name, STR("From")))
			good = look_from(s, f.value, a);
		else if (str_ieq(f.name, STR("Received")))
			s->nreceived++;
		else if (str_ieq(f.name, STR("Date")))
			s->has_date = s->has_date || !is_blank(f.value);
		else if (str_ieq(f.name, STR("Message-ID")) && !s->has_message_id && !is_blank(f.value))
			good = look_message_id(s, f.value, a);
		else if (str_ieq(f.name, STR("TLS-Required"))) {
			tls++;
			tls_no += str_ieq(str_trim(f.value), STR("no"));
		}
		if (!good)
			return false;
	}
	s->body = h.body;
	s->separated = h.blank;
	s->ascii = is_sevenbit(str_head(head, h.end));
	s->tls_no = tls > 0 && tls == tls_no;
	return true;
}

/* --- writing */

static bool
is_kept(const struct header_field *f, struct str hostname, bool author)
{
	if (str_ieq(f->name, STR("Bcc")) || str_ieq(f->name, STR("Resent-Bcc")) || str_ieq(f->name, STR("Return-Path")))
		return false;
	if (str_ieq(f->name, STR("Date")) || str_ieq(f->name, STR("Message-ID")))
		return !is_blank(f->value);
	if (str_ieq(f->name, STR("Authentication-Results")))
		return !authres_claims(f->value, hostname);
	return !(author && str_ieq(f->name, STR("From")));
}

void
submission_write(struct buf *b, const struct submission *s, struct str hostname, struct str author)
{
	struct header		h;
	struct header_field	f;

	header_open(&h, s->head);
	buf_add(b, author);
	while (header_next(&h, &f))
		if (is_kept(&f, hostname, author.n > 0)) {
			buf_add(b, f.raw);
			if (!str_ends(f.raw, STR("\n")))
				buf_adds(b, "\r\n");
		}
}

/* Needs no quotes: words of RFC 5322's atext, which encoded words are. */
static bool
is_phrase(struct str s)
{
	static const char	others[] = " !#$%&'*+-/=?^_`{|}~";

	for (size_t i = 0; i < s.n; i++)
		if (!byte_is_alnum(s.p[i]) && (unsigned char)s.p[i] < 0x80 && str_chr(STR(others), s.p[i]) == sizeof(others) - 1)
			return false;
	return true;
}

void
submission_author(struct buf *b, struct str name, struct str local, struct str domain)
{
	buf_adds(b, "From: ");
	/* an encoded word in quotes would be none */
	if (is_phrase(name))
		buf_add(b, name);
	else {
		buf_addc(b, '"');
		for (size_t i = 0; i < name.n; i++) {
			if (name.p[i] == '"' || name.p[i] == '\\')
				buf_addc(b, '\\');
			buf_addc(b, byte_is_control(name.p[i]) ? ' ' : name.p[i]);
		}
		buf_addc(b, '"');
	}
	buf_adds(b, name.n > 0 ? " <" : "<");
	addr_add_quoted(b, local);
	buf_addc(b, '@');
	buf_add(b, domain);
	buf_adds(b, ">\r\n");
}

/* --- all bytes */

void
submission_scan(struct submission_scan *s, struct str part)
{
	for (size_t i = 0; i < part.n; i++) {
		unsigned char	c = (unsigned char)part.p[i];

		/* most bytes */
		if (c >= 0x20 && c < 0x80 && !s->cr)
			continue;
		if (s->cr != (c == '\n'))
			s->bare = true;
		s->cr = c == '\r';
		s->eightbit = s->eightbit || c >= 0x80;
		s->nul = s->nul || c == 0;
	}
}

bool
submission_is_binary(const struct submission_scan *s)
{
	return s->bare || s->cr;
}

void
submission_lines(struct buf *b, bool *cr, struct str part)
{
	size_t	from = 0;

	for (size_t i = 0; i < part.n; i++) {
		char	c = part.p[i];

		if (c != '\r' && c != '\n') {
			*cr = false;
			continue;
		}
		buf_add(b, (struct str){ part.p + from, i - from });
		if (c == '\r' || !*cr)
			buf_adds(b, "\r\n");
		*cr = c == '\r';
		from = i + 1;
	}
	buf_add(b, (struct str){ part.p + from, part.n - from });
}
