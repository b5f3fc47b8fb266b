#include "smtp_client_reply.h"

#include "../base/limits.h"

void
smtp_client_reply_init(struct smtp_client_reply *r)
{
	*r = (struct smtp_client_reply){
		.text = BUF_INIT(LIMIT_SMTP_REPLY),
		.line = BUF_INIT(LIMIT_SMTP_LINE),
	};
}

void
smtp_client_reply_free(struct smtp_client_reply *r)
{
	buf_free(&r->text);
	buf_free(&r->line);
}

void
smtp_client_reply_reset(struct smtp_client_reply *r)
{
	buf_reset(&r->text);
	buf_reset(&r->line);
	r->code = r->lines = 0;
	r->total = 0;
}

/* A peer's line, fit for records, logs and reports. */
static void
add_clean(struct buf *b, struct str line)
{
	bool	utf8 = str_is_utf8(line);

	for (size_t i = 0; i < line.n; i++) {
		char	c = line.p[i];

		if (byte_is_control(c))
			c = ' ';
		else if (!utf8 && (unsigned char)c >= 0x80)
			c = '?';
		buf_addc(b, c);
	}
}

/* A line without its end. SMTP_REPLY_MORE: another follows. */
static enum smtp_client_reply_got
take_line(struct smtp_client_reply *r, struct str line)
{
	unsigned	code = 0;

	if (line.n < 3 || line.p[0] < '2' || line.p[0] > '5')
		return SMTP_REPLY_BAD;
	for (size_t i = 0; i < 3; i++) {
		if (!byte_is_digit(line.p[i]))
			return SMTP_REPLY_BAD;
		code = code * 10 + (unsigned)(line.p[i] - '0');
	}
	if ((line.n > 3 && line.p[3] != ' ' && line.p[3] != '-') || (r->lines > 0 && code != r->code))
		return SMTP_REPLY_BAD;
	r->code = code;
	if (r->lines++ > 0)
		buf_addc(&r->text, '\n');
	add_clean(&r->text, str_trim_end(str_skip(line, 4)));
	return line.n > 3 && line.p[3] == '-' ? SMTP_REPLY_MORE : SMTP_REPLY_WHOLE;
}

enum smtp_client_reply_got
smtp_client_reply_feed(struct smtp_client_reply *r, struct str *in)
{
	enum smtp_client_reply_got	got = SMTP_REPLY_MORE;

	while (got == SMTP_REPLY_MORE && in->n > 0) {
		size_t		at = str_chr(*in, '\n');
		size_t		n = at < in->n ? at + 1 : at;
		struct str	line;

		/* where it stops must not depend on how it comes */
		if (n > LIMIT_SMTP_REPLY - r->total || n > LIMIT_SMTP_LINE - r->line.n)
			return SMTP_REPLY_BAD;
		buf_add(&r->line, str_head(*in, n));
		r->total += n;
		*in = str_skip(*in, n);
		if (at + 1 != n)
			break;
		line = str_head(buf_str(&r->line), r->line.n - 1);
		if (line.n > 0 && line.p[line.n - 1] == '\r')
			line.n--;
		got = take_line(r, line);
		buf_reset(&r->line);
	}
	return buf_failed(&r->text) || buf_failed(&r->line) ? SMTP_REPLY_BAD : got;
}

/* How long the enhanced code at the start of s is; 0: there is none. RFC 3463 section 2. */
static size_t
status_length(struct str s, unsigned code)
{
	size_t	i = 2, digits;

	if (s.n < 5 || s.p[0] != (char)('0' + code / 100) || s.p[1] != '.')
		return 0;
	for (digits = 0; i < s.n && byte_is_digit(s.p[i]); i++)
		digits++;
	if (digits == 0 || digits > 3 || i == s.n || s.p[i++] != '.')
		return 0;
	for (digits = 0; i < s.n && byte_is_digit(s.p[i]); i++)
		digits++;
	if (digits == 0 || digits > 3 || (i < s.n && s.p[i] != ' ' && s.p[i] != '\n'))
		return 0;
	return i;
}

bool
smtp_client_reply_status(const struct smtp_client_reply *r, bool announced, char status_r[SMTP_STATUS])
{
	struct str	text = buf_str(&r->text);
	size_t		n = announced ? status_length(text, r->code) : 0;
	struct buf	b = { .p = status_r, .cap = SMTP_STATUS, .max = SMTP_STATUS - 1 };

	if (n > 0)
		buf_add(&b, str_head(text, n));
	else
		buf_addf(&b, "%u.0.0", r->code / 100);
	status_r[b.n] = '\0';
	return n > 0;
}

void
smtp_client_reply_add(const struct smtp_client_reply *r, struct buf *b)
{
	struct str	rest = buf_str(&r->text), line, first = STR("");
	size_t		n = status_length(rest, r->code);
	bool		more;

	first = str_head(rest, n);
	buf_addu(b, r->code);
	for (size_t i = 0;; i++) {
		more = str_cut(&rest, '\n', &line);
		if (i > 0 && n > 0 && str_starts(line, first))
			line = str_trim(str_skip(line, n));
		if (i == 0 && line.n > 0)
			buf_addc(b, ' ');
		buf_add(b, line);
		if (!more)
			return;
		buf_addc(b, '\n');
	}
}
