#include "authres.h"

#include "../base/limits.h"
#include "addr.h"

enum { LINE = 78, B_TOLD = 12 };

/* --- pieces */

/* An item that is not broken: on this line when there is room, else on the next. */
static void
add_item(struct authres_writer *w, const struct buf *item)
{
	if (w->column + 1 + item->n > LINE) {
		buf_adds(w->b, "\r\n\t");
		w->column = 8;
	} else {
		buf_addc(w->b, ' ');
		w->column++;
	}
	buf_add(w->b, buf_str(item));
	w->column += item->n;
}

static struct str
cut(struct str s)
{
	size_t	n = LIMIT_AUTHRES_VALUE;

	if (s.n <= n)
		return s;
	/* not within a character */
	while (n > 0 && ((unsigned char)s.p[n] & 0xc0) == 0x80)
		n--;
	return str_head(s, n);
}

/* Bytes between quotes or parentheses; those of special need a backslash. */
static void
add_escaped(const struct authres_writer *w, struct buf *b, struct str s, const char *special)
{
	bool	utf8;

	s = cut(s);
	utf8 = w->utf8 && str_is_utf8(s);
	for (size_t i = 0; i < s.n; i++) {
		char	c = s.p[i];

		if (byte_is_control(c) || ((unsigned char)c >= 0x80 && !utf8)) {
			buf_addc(b, '?');
			continue;
		}
		if (str_chr(str_c(special), c) < strlen(special))
			buf_addc(b, '\\');
		buf_addc(b, c);
	}
}

/* RFC 2045 5.1. */
static bool
is_token(struct str s)
{
	static const char	others[] = "!#$%&'*+-.^_`{|}~";

	for (size_t i = 0; i < s.n; i++)
		if (!byte_is_alnum(s.p[i]) && str_chr(str_c(others), s.p[i]) == sizeof(others) - 1)
			return false;
	return s.n > 0;
}

/* "@domain" or an address, which stand as they are. */
static bool
is_identity(const struct authres_writer *w, struct str s)
{
	struct addr	a;

	if (s.n > LIMIT_AUTHRES_VALUE || str_has_control(s) || (!str_is_ascii(s) && !(w->utf8 && str_is_utf8(s))))
		return false;
	if (str_starts(s, STR("@")))
		return addr_is_domain(str_skip(s, 1));
	return addr_parse(s, &a) == ADDR_OK && a.domain.n > 0 && !a.literal;
}

static void
add_value(const struct authres_writer *w, struct buf *b, struct str s)
{
	struct addr	a;

	if (is_token(s) && s.n <= LIMIT_AUTHRES_VALUE)
		buf_add(b, s);
	else if (is_identity(w, s)) {
		if (s.p[0] != '@' && addr_parse(s, &a) == ADDR_OK)
			addr_add_text(b, &a);
		else
			buf_add(b, s);
	} else {
		buf_addc(b, '"');
		add_escaped(w, b, s, "\"\\");
		buf_addc(b, '"');
	}
}

void
authres_open(struct authres_writer *w, struct buf *b, struct str id)
{
	size_t	before = b->n;

	w->b = b;
	w->any = false;
	buf_adds(b, "Authentication-Results: ");
	add_value(w, b, id);
	w->column = b->n - before;
}

void
authres_close(struct authres_writer *w)
{
	buf_adds(w->b, w->any ? "\r\n" : "; none\r\n");
}

void
authres_method(struct authres_writer *w, const char *method, const char *result)
{
	size_t	before;

	buf_adds(w->b, ";\r\n\t");
	before = w->b->n;
	buf_addf(w->b, "%s=%s", method, result);
	w->column = 8 + w->b->n - before;
	w->any = true;
}

static struct buf
item_buf(void)
{
	struct buf	b;

	buf_init(&b, 4 * LIMIT_AUTHRES_VALUE);
	return b;
}

void
authres_comment(struct authres_writer *w, struct str text)
{
	struct buf	item = item_buf();

	if (text.n > 0) {
		buf_addc(&item, '(');
		add_escaped(w, &item, text, "()\\");
		buf_addc(&item, ')');
		add_item(w, &item);
	}
	buf_free(&item);
}

void
authres_reason(struct authres_writer *w, struct str text)
{
	struct buf	item = item_buf();

	if (text.n > 0) {
		buf_adds(&item, "reason=");
		add_value(w, &item, text);
		add_item(w, &item);
	}
	buf_free(&item);
}

void
authres_prop(struct authres_writer *w, const char *ptype, const char *name, struct str value)
{
	struct buf	item = item_buf();

	buf_addf(&item, "%s.%s=", ptype, name);
	add_value(w, &item, value);
	add_item(w, &item);
	buf_free(&item);
}

/* --- facts */

static void
add_dnssec(struct buf *b, enum authres_dnssec d)
{
	if (d == AUTHRES_DNSSEC_UNTOLD)
		return;
	buf_adds(b, b->n > 0 ? ", " : "");
	buf_adds(b, d == AUTHRES_DNSSEC_WITH ? "with dnssec" : "without dnssec");
}

static void
comment_dnssec(struct authres_writer *w, enum authres_dnssec d)
{
	struct buf	b = item_buf();

	add_dnssec(&b, d);
	authres_comment(w, buf_str(&b));
	buf_free(&b);
}

static void
prop_if(struct authres_writer *w, const char *ptype, const char *name, struct str value)
{
	if (value.n > 0)
		authres_prop(w, ptype, name, value);
}

static void
write_dkim(struct authres_writer *w, const struct authres_dkim *k)
{
	struct buf	comment = item_buf();

	authres_method(w, "dkim", k->result);
	if (k->bits > 0)
		buf_addf(&comment, "%u bit rsa", k->bits);
	add_dnssec(&comment, k->dnssec);
	authres_comment(w, buf_str(&comment));
	authres_reason(w, k->reason);
	prop_if(w, "header", "d", k->d);
	prop_if(w, "header", "s", k->s);
	prop_if(w, "header", "a", k->a);
	prop_if(w, "header", "b", str_head(k->b, B_TOLD));
	prop_if(w, "header", "i", k->i);
	buf_free(&comment);
}

static void
write_dmarc(struct authres_writer *w, const struct authres_facts *f)
{
	struct buf	comment = item_buf();

	authres_method(w, "dmarc", f->dmarc.result);
	add_dnssec(&comment, f->dmarc.dnssec);
	if (f->dmarc.overrides.n > 0) {
		buf_adds(&comment, comment.n > 0 ? ", override " : "override ");
		buf_add(&comment, f->dmarc.overrides);
	}
	authres_comment(w, buf_str(&comment));
	authres_reason(w, f->dmarc.reason);
	prop_if(w, "header", "from", f->dmarc.from);
	buf_free(&comment);
}

void
authres_write(struct buf *b, const struct authres_facts *f)
{
	struct authres_writer	w = { .utf8 = f->utf8 };

	authres_open(&w, b, f->hostname);
	if (f->iprev.result != NULL) {
		authres_method(&w, "iprev", f->iprev.result);
		comment_dnssec(&w, f->iprev.dnssec);
		prop_if(&w, "policy", "iprev", f->iprev.ip);
	}
	for (size_t i = 0; i < f->ndkim; i++)
		write_dkim(&w, &f->dkim[i]);
	if (f->dkim_checked && f->ndkim == 0)
		authres_method(&w, "dkim", "none");
	if (f->spf.result != NULL) {
		authres_method(&w, "spf", f->spf.result);
		comment_dnssec(&w, f->spf.dnssec);
		authres_reason(&w, f->spf.reason);
		prop_if(&w, "smtp", "mailfrom", f->spf.mailfrom);
		prop_if(&w, "smtp", "helo", f->spf.helo);
	}
	if (f->dmarc.result != NULL)
		write_dmarc(&w, f);
	authres_close(&w);
}
