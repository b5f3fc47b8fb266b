#include "dsn.h"

#include "../base/limits.h"
#include "addr.h"
#include "dsn_internal.h"
#include "header.h"
#include "utf8.h"
#include "words.h"

enum {
	LINE	= 998,		/* RFC 5322 2.1.1 */
	QP_LINE	= 75,		/* RFC 2045 6.7, and the "=" */
	WIDTH	= 76,
	WORD	= 900,		/* no fold in it; with what stands before it below LINE */
};

/* What a text takes on its way. */
enum carry { CARRY_7BIT, CARRY_8BIT, CARRY_ENCODED };

/* The message being put together. */
struct report {
	const struct dsn *d;
	bool		 global;	/* parts may hold UTF-8 (RFC 6533) */
	bool		 full;
	struct buf	 text, fields;
	struct buf	 header;	/* of the original, unless full */
	enum carry	 original;	/* how that one is sent */
	const char	*original_type;
	struct buf	 boundary;
};

/* --- text made safe */

/* Bidirectional marks, line separators and the like: they make a line look like another. */
static bool
hides(uint32_t c)
{
	return (c >= 0x80 && c < 0xa0) || (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
	    (c >= 0x2060 && c <= 0x206f) || c == 0xfeff;
}

void
dsn_clean(struct buf *b, struct str s, size_t max, bool utf8)
{
	uint32_t	c;
	size_t		n;

	while (s.n > 0) {
		n = utf8_next(s, &c);
		if (n == 0 || c == UINT32_MAX || (c >= 0x80 && (!utf8 || hides(c)))) {
			c = '?';
			s = str_skip(s, n == 0 ? s.n : n);
			n = 1;
		} else {
			if (c < 0x20 || c == 0x7f)
				c = ' ';
			s = str_skip(s, n);
		}
		if (n > max)
			return;
		max -= n;
		utf8_add(b, c);
	}
}

/* How many of its first bytes may stand in one line. */
static size_t
word_part(struct str word)
{
	size_t	n = word.n;

	if (n <= WORD)
		return n;
	for (n = WORD; n > WORD - 4 && ((unsigned char)word.p[n] & 0xc0) == 0x80; n--)
		;
	return n;
}

void
dsn_fold(struct buf *b, size_t column, const char *indent, struct str text)
{
	bool		first = true;
	struct str	word, part;

	while (text.n > 0) {
		(void)str_cut(&text, ' ', &word);
		while (word.n > 0) {
			part = str_head(word, word_part(word));
			word = str_skip(word, part.n);
			if (!first && column + part.n >= WIDTH) {
				buf_adds(b, "\r\n");
				buf_adds(b, indent);
				column = strlen(indent);
			} else if (!first) {
				buf_addc(b, ' ');
				column++;
			}
			buf_add(b, part);
			column += part.n;
			first = false;
		}
	}
	buf_adds(b, "\r\n");
}

/* --- the original */

static enum carry
carry_of(struct str s)
{
	enum carry	c = CARRY_7BIT;

	for (size_t at = 0, next; at < s.n; at = next) {
		struct str	line;

		next = line_next(s, at);
		line = line_trim(str_n(s.p + at, next - at));
		if (line.n > LINE || str_chr(line, '\0') < line.n || str_chr(line, '\r') < line.n)
			return CARRY_ENCODED;
		if (!str_is_ascii(line))
			c = CARRY_8BIT;
	}
	return c;
}

/* Each line with CRLF, the last too. */
static void
add_lines(struct buf *b, struct str s)
{
	for (size_t at = 0, next; at < s.n; at = next) {
		next = line_next(s, at);
		buf_add(b, line_trim(str_n(s.p + at, next - at)));
		buf_adds(b, "\r\n");
	}
}

/* One line in quoted-printable. */
static void
add_qp_line(struct buf *b, struct str line)
{
	static const char	hex[] = "0123456789ABCDEF";
	size_t			column = 0;

	for (size_t i = 0; i < line.n; i++) {
		unsigned char	c = (unsigned char)line.p[i];
		bool		space = c == ' ' || c == '\t';
		bool		plain = space ? i + 1 < line.n : c > 0x20 && c < 0x7f && c != '=';

		if (column + (plain ? 1 : 3) > QP_LINE) {
			buf_adds(b, "=\r\n");
			column = 0;
		}
		if (plain)
			buf_addc(b, line.p[i]);
		else {
			buf_addc(b, '=');
			buf_addc(b, hex[c >> 4]);
			buf_addc(b, hex[c & 15]);
		}
		column += plain ? 1 : 3;
	}
	buf_adds(b, "\r\n");
}

static void
add_qp(struct buf *b, struct str s)
{
	for (size_t at = 0, next; at < s.n; at = next) {
		next = line_next(s, at);
		add_qp_line(b, line_trim(str_n(s.p + at, next - at)));
	}
}

/* The fields alone, as they will be sent; see RFC 6522 4 and 6533 6.2 for the encodings. */
static void
write_header_part(struct report *r, struct str header)
{
	bool	utf8 = r->global && str_is_utf8(header);

	r->original_type = utf8 ? "message/global-headers" : "text/rfc822-headers";
	r->original = carry_of(header);
	if (r->original == CARRY_8BIT && !utf8)
		r->original = CARRY_ENCODED;
	if (r->original == CARRY_ENCODED)
		add_qp(&r->header, header);
	else
		add_lines(&r->header, header);
}

static void
original(struct report *r)
{
	struct str	whole = r->d->original;
	struct header	h;
	struct header_field f;

	header_open(&h, whole);
	while (header_next(&h, &f))
		;
	r->full = r->d->full && h.end > 0 && carry_of(whole) != CARRY_ENCODED;
	if (!r->full) {
		write_header_part(r, str_head(whole, h.end));
		return;
	}
	r->original = carry_of(whole);
	r->original_type = r->global && str_is_utf8(str_head(whole, h.end)) ? "message/global" : "message/rfc822";
}

/* --- the whole */

static bool
needs_global(const struct dsn *d)
{
	if (d->utf8)
		return true;
	for (size_t i = 0; i < d->nrcpt; i++)
		if (!str_is_ascii(d->rcpt[i].address) || !str_is_ascii(d->rcpt[i].orcpt))
			return true;
	return false;
}

/* RFC 2046 5.1.1: 70 bytes; the text of no part may hold it. */
static void
choose_boundary(struct report *r)
{
	enum { KEPT = 40 };
	struct str	want = str_head(r->d->boundary, KEPT);
	size_t		begun;

	for (size_t i = 0; i < want.n; i++)
		if (byte_is_alnum(want.p[i]) || want.p[i] == '_' || want.p[i] == '=')
			buf_addc(&r->boundary, want.p[i]);
	if (r->boundary.n == 0)
		buf_adds(&r->boundary, "report");
	begun = r->boundary.n;
	for (uint64_t i = 0;; i++) {
		struct str	b = buf_str(&r->boundary), o = r->full ? r->d->original : buf_str(&r->header);

		if (str_find(buf_str(&r->text), b) == r->text.n &&
		    str_find(buf_str(&r->fields), b) == r->fields.n && str_find(o, b) == o.n)
			return;
		buf_truncate(&r->boundary, begun);
		buf_addc(&r->boundary, '_');
		buf_addu(&r->boundary, i);
	}
}

static bool
is_message_id(struct str s, bool utf8)
{
	if (s.n < 3 || s.n > WORD || s.p[0] != '<' || s.p[s.n - 1] != '>')
		return false;
	for (size_t i = 1; i + 1 < s.n; i++)
		if (byte_is_control(s.p[i]) || byte_is_space(s.p[i]) || s.p[i] == '<' || s.p[i] == '>')
			return false;
	return utf8 ? str_is_utf8(s) : str_is_ascii(s);
}

static void
add_id(struct buf *b, const char *name, struct str id, bool utf8)
{
	if (!is_message_id(id, utf8))
		return;
	buf_adds(b, name);
	buf_add(b, id);
	buf_adds(b, "\r\n");
}

/* Encoded also where plain text would be read as encoded words. */
static void
add_subject(struct buf *b, const struct dsn *d)
{
	struct buf	s = BUF_INIT(b->max);

	dsn_subject(&s, d);
	buf_adds(b, "Subject: ");
	if (str_is_ascii(buf_str(&s)) && str_find(buf_str(&s), STR("=?")) == s.n)
		dsn_fold(b, strlen("Subject: "), " ", buf_str(&s));
	else {
		words_encode(b, buf_str(&s));
		buf_adds(b, "\r\n");
	}
	buf_free(&s);
}

static void
add_header(struct buf *b, const struct report *r)
{
	const struct dsn	*d = r->d;
	struct addr		 to;

	buf_adds(b, "From: \"Mail Delivery System\" <postmaster@");
	buf_add(b, dsn_hostname(d));
	buf_adds(b, ">\r\nTo: ");
	if (addr_parse(d->to, &to) == ADDR_OK) {
		buf_addc(b, '<');
		addr_add_text(b, &to);
		buf_adds(b, ">\r\n");
	} else
		buf_adds(b, "undisclosed-recipients:;\r\n");
	add_subject(b, d);
	buf_adds(b, "Date: ");
	date_write(b, d->date);
	buf_adds(b, "\r\n");
	add_id(b, "Message-ID: ", d->message_id, false);
	add_id(b, "In-Reply-To: ", d->original_id, r->global);
	add_id(b, "References: ", d->original_id, r->global);
	/* RFC 3834 5.2: no machine is to answer */
	buf_adds(b, "Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
	    "Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\"");
	buf_add(b, buf_str(&r->boundary));
	buf_adds(b, "\"\r\n");
}

static void
add_encoding(struct buf *b, enum carry c)
{
	static const char *const	name[] = { "7bit", "8bit", "quoted-printable" };

	buf_adds(b, "Content-Transfer-Encoding: ");
	buf_adds(b, name[c]);
	buf_adds(b, "\r\n");
}

static void
add_part(struct buf *b, const struct report *r, const char *type, const char *description, enum carry c)
{
	buf_adds(b, "\r\n--");
	buf_add(b, buf_str(&r->boundary));
	buf_adds(b, "\r\nContent-Type: ");
	buf_adds(b, type);
	buf_adds(b, "\r\nContent-Description: ");
	buf_adds(b, description);
	buf_adds(b, "\r\n");
	add_encoding(b, c);
	buf_adds(b, "\r\n");
}

static void
add_message(struct buf *b, const struct report *r)
{
	enum carry	text = carry_of(buf_str(&r->text)), fields = carry_of(buf_str(&r->fields));

	add_header(b, r);
	/* RFC 2045 6.4: of the whole what the parts need */
	add_encoding(b, text == CARRY_8BIT || fields == CARRY_8BIT || r->original == CARRY_8BIT ?
	    CARRY_8BIT : CARRY_7BIT);
	add_part(b, r, "text/plain; charset=utf-8", "What happened", text);
	buf_add(b, buf_str(&r->text));
	add_part(b, r, r->global ? "message/global-delivery-status" : "message/delivery-status",
	    "Delivery status", fields);
	buf_add(b, buf_str(&r->fields));
	add_part(b, r, r->original_type, r->full ? "The message" : "The message's header", r->original);
	if (r->full)
		add_lines(b, r->d->original);
	else
		buf_add(b, buf_str(&r->header));
	buf_adds(b, "\r\n--");
	buf_add(b, buf_str(&r->boundary));
	buf_adds(b, "--\r\n");
}

void
dsn_write(struct buf *b, const struct dsn *d)
{
	struct report	r = { .d = d, .global = needs_global(d), .text = BUF_INIT(b->max),
	    .fields = BUF_INIT(b->max), .header = BUF_INIT(b->max), .boundary = BUF_INIT(70) };

	dsn_text(&r.text, d);
	dsn_fields(&r.fields, d, r.global);
	original(&r);
	choose_boundary(&r);
	add_message(b, &r);
	if (buf_failed(&r.text) || buf_failed(&r.fields) || buf_failed(&r.header) || buf_failed(&r.boundary))
		b->failed = true;
	buf_free(&r.text);
	buf_free(&r.fields);
	buf_free(&r.header);
	buf_free(&r.boundary);
}
