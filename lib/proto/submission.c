#include "submission.h"

#include "addr.h"
#include "author.h"
#include "authres.h"
#include "header.h"

/* --- looking */

static bool
look_from(struct submission *s, struct str value, struct arena *a)
{
	struct addrlist_item	i;

	if (++s->nfrom > 1 || !author_single(value, a, &i)) {
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
