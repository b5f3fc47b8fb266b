#include "words.h"

#include "../base/code.h"
#include "../base/num.h"
#include "header.h"
#include "transfer.h"

/* Decoded bytes of encoded words that wait for more of the same charset. */
struct pending {
	struct buf			 bytes;
	struct str			 charset;
	struct buf			*out;
	const struct charset_hooks	*hooks;
};

static void
pending_flush(struct pending *p)
{
	if (p->bytes.n > 0)
		(void)charset_convert(p->out, p->charset, buf_str(&p->bytes), p->hooks);
	buf_reset(&p->bytes);
}

/* Q of RFC 2047 4.2. */
static void
q_decode(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '=' && s.n - i > 2 && num_hex_digit(s.p[i + 1]) >= 0 && num_hex_digit(s.p[i + 2]) >= 0) {
			buf_addc(out, (char)(num_hex_digit(s.p[i + 1]) << 4 | num_hex_digit(s.p[i + 2])));
			i += 2;
		} else
			buf_addc(out, s.p[i] == '_' ? ' ' : s.p[i]);
	}
}

struct word {
	struct str	charset;
	struct str	text;
	char		how;		/* 'b' or 'q' */
	size_t		length;		/* of all of it */
};

/* "=?charset*language?B?text?=" at the front of s. The text may hold spaces, though it must not. */
static bool
word_read(struct str s, struct word *w_r)
{
	struct str	rest = str_skip(s, 2);
	size_t		end;

	end = str_chr(str_head(rest, LIMIT_CHARSET_NAME), '?');
	if (end == 0 || end >= LIMIT_CHARSET_NAME || rest.n - end < 3 || rest.p[end + 2] != '?')
		return false;
	w_r->charset = str_head(rest, str_chr(str_head(rest, end), '*'));
	w_r->how = byte_lower(rest.p[end + 1]);
	rest = str_skip(rest, end + 3);
	/* the text holds no "?": one look, so that starts of words without an end cost nothing */
	end = str_chr(str_head(rest, LIMIT_ENCODED_WORD), '?');
	if ((w_r->how != 'b' && w_r->how != 'q') || !str_starts(str_skip(rest, end), STR("?=")))
		return false;
	w_r->text = str_head(rest, end);
	w_r->length = (size_t)(rest.p - s.p) + end + 2;
	return true;
}

static void
word_add(struct pending *p, const struct word *w)
{
	struct transfer_state	t;

	if (!str_ieq(w->charset, p->charset))
		pending_flush(p);
	p->charset = w->charset;
	if (w->how == 'q') {
		q_decode(&p->bytes, w->text);
		return;
	}
	transfer_start(&t, TRANSFER_BASE64);
	transfer_feed(&t, w->text, &p->bytes);
	transfer_end(&t, &p->bytes);
}

/* Text that stands between words, in its own right. */
static void
plain_add(struct pending *p, struct str s)
{
	pending_flush(p);
	(void)charset_convert(p->out, STR(""), s, NULL);
}

void
words_decode(struct buf *out, struct str value, const struct charset_hooks *hooks)
{
	struct buf	line = BUF_INIT(value.n + 1);
	struct pending	p = { BUF_INIT(value.n + 256), { "", 0 }, out, hooks };
	struct str	s, between;
	struct word	w;
	size_t		from = 0, at = 0;	/* what is not yet decided, and where to look on */

	header_unfold(&line, value);
	s = buf_str(&line);
	for (;;) {
		at += str_find(str_skip(s, at), STR("=?"));
		if (at >= s.n)
			break;
		if (!word_read(str_skip(s, at), &w)) {
			at += 2;
			continue;
		}
		/* white space between two encoded words is none of the text (RFC 2047 6.2) */
		between = (struct str){ s.p + from, at - from };
		if (from == 0 || str_trim(between).n > 0)
			plain_add(&p, between);
		word_add(&p, &w);
		at += w.length;
		from = at;
	}
	plain_add(&p, str_skip(s, from));
	buf_free(&p.bytes);
	buf_free(&line);
}

/* How many bytes of s are whole characters and no more than max. */
static size_t
whole_characters(struct str s, size_t max)
{
	uint32_t	c;
	size_t		n = 0, one;

	while (n < s.n) {
		one = utf8_next(str_skip(s, n), &c);
		if (one == 0)
			one = 1;
		if (one > max - n)
			break;
		n += one;
	}
	return n;
}

void
words_encode(struct buf *out, struct str text)
{
	/* "=?UTF-8?B?" and "?=" leave 63 of 75 (RFC 2047 2), and base64 comes in fours */
	enum { BYTES = 45 };
	size_t	n;

	for (bool first = true; text.n > 0; first = false) {
		n = whole_characters(text, BYTES);
		buf_adds(out, first ? "=?UTF-8?B?" : "\r\n =?UTF-8?B?");
		code_b64(out, str_head(text, n));
		buf_adds(out, "?=");
		text = str_skip(text, n);
	}
}

/* charset'language'%41%42 (RFC 2231 4). */
static void
extended_decode(struct buf *out, struct str value, const struct charset_hooks *hooks)
{
	struct buf	bytes = BUF_INIT(value.n + 1);
	struct str	charset = { "", 0 }, language, rest = value;

	if (!str_cut(&rest, '\'', &charset) || !str_cut(&rest, '\'', &language)) {
		rest = value;
		charset = STR("");
	}
	for (size_t i = 0; i < rest.n; i++) {
		if (rest.p[i] == '%' && rest.n - i > 2 && num_hex_digit(rest.p[i + 1]) >= 0 && num_hex_digit(rest.p[i + 2]) >= 0) {
			buf_addc(&bytes, (char)(num_hex_digit(rest.p[i + 1]) << 4 | num_hex_digit(rest.p[i + 2])));
			i += 2;
		} else
			buf_addc(&bytes, rest.p[i]);
	}
	(void)charset_convert(out, charset, buf_str(&bytes), hooks);
	buf_free(&bytes);
}

bool
params_decode(struct buf *out, const struct params *ps, struct str name, const struct charset_hooks *hooks)
{
	struct str	value;

	for (size_t i = 0; i < ps->n; i++)
		if (ps->p[i].name.n == name.n + 1 && str_ends(ps->p[i].name, STR("*")) &&
		    str_ieq(str_head(ps->p[i].name, name.n), name)) {
			extended_decode(out, ps->p[i].value, hooks);
			return true;
		}
	if (!params_find(ps, name, &value))
		return false;
	words_decode(out, value, hooks);
	return true;
}
