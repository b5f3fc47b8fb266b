#include "imap_utf7.h"

#include "../base/limits.h"

static const char	alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

/* Base64 of UTF-16 on its way out: bits not yet written. */
struct shift {
	uint32_t	bits;
	unsigned	held;
	bool		on;
};

static void
shift_put(struct buf *b, struct shift *s, uint32_t unit)
{
	if (!s->on)
		buf_addc(b, '&');
	s->on = true;
	s->bits = s->bits << 16 | unit;
	s->held += 16;
	while (s->held >= 6) {
		s->held -= 6;
		buf_addc(b, alphabet[s->bits >> s->held & 63]);
	}
	s->bits &= (1u << s->held) - 1;
}

static void
shift_end(struct buf *b, struct shift *s)
{
	if (!s->on)
		return;
	if (s->held > 0)
		buf_addc(b, alphabet[s->bits << (6 - s->held) & 63]);
	buf_addc(b, '-');
	*s = (struct shift){ 0 };
}

/* The code point at *at of well-formed UTF-8. */
static uint32_t
utf8_next(struct str s, size_t *at)
{
	unsigned char	c = (unsigned char)s.p[(*at)++];
	unsigned	more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : c >= 0xc0 ? 1 : 0;
	uint32_t	v = more == 0 ? c : c & (0x3fu >> more);

	while (more-- > 0)
		v = v << 6 | ((unsigned char)s.p[(*at)++] & 0x3f);
	return v;
}

static bool
is_direct(uint32_t c)
{
	return c >= 0x20 && c <= 0x7e;
}

bool
imap_utf7_encode(struct buf *b, struct str utf8)
{
	struct shift	s = { 0 };
	size_t		at = 0;

	if (!str_is_utf8(utf8))
		return false;
	while (at < utf8.n) {
		uint32_t	c = utf8_next(utf8, &at);

		if (is_direct(c)) {
			shift_end(b, &s);
			buf_addc(b, (char)c);
			if (c == '&')
				buf_addc(b, '-');
		} else if (c > 0xffff) {
			shift_put(b, &s, 0xd800 + ((c - 0x10000) >> 10));
			shift_put(b, &s, 0xdc00 + ((c - 0x10000) & 0x3ff));
		} else
			shift_put(b, &s, c);
	}
	shift_end(b, &s);
	return !buf_failed(b);
}

static void
utf8_put(struct buf *b, uint32_t c)
{
	if (c < 0x80)
		buf_addc(b, (char)c);
	else if (c < 0x800) {
		buf_addc(b, (char)(0xc0 | c >> 6));
		buf_addc(b, (char)(0x80 | (c & 0x3f)));
	} else if (c < 0x10000) {
		buf_addc(b, (char)(0xe0 | c >> 12));
		buf_addc(b, (char)(0x80 | (c >> 6 & 0x3f)));
		buf_addc(b, (char)(0x80 | (c & 0x3f)));
	} else {
		buf_addc(b, (char)(0xf0 | c >> 18));
		buf_addc(b, (char)(0x80 | (c >> 12 & 0x3f)));
		buf_addc(b, (char)(0x80 | (c >> 6 & 0x3f)));
		buf_addc(b, (char)(0x80 | (c & 0x3f)));
	}
}

/* The base64 between "&" and "-"; *name is moved behind the "-". */
static bool
unshift(struct buf *b, struct str *name)
{
	uint32_t	bits = 0, high = 0;
	unsigned	held = 0;

	for (; name->n > 0 && name->p[0] != '-'; *name = str_skip(*name, 1)) {
		const char	*digit = memchr(alphabet, name->p[0], 64);
		uint32_t	 unit;

		if (digit == NULL)
			return false;
		bits = (bits << 6 | (uint32_t)(digit - alphabet)) & 0xffffff;
		held += 6;
		if (held < 16)
			continue;
		held -= 16;
		unit = bits >> held & 0xffff;
		if (high != 0) {
			if (unit < 0xdc00 || unit > 0xdfff)
				return false;
			utf8_put(b, 0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00));
			high = 0;
		} else if (unit >= 0xd800 && unit <= 0xdbff)
			high = unit;
		else if (unit == 0 || (unit >= 0xdc00 && unit <= 0xdfff))
			return false;
		else
			utf8_put(b, unit);
	}
	if (name->n == 0 || high != 0)
		return false;
	*name = str_skip(*name, 1);
	return true;
}

/* True when encoding the UTF-8 again gives name: then it was the one form. */
static bool
is_canonical(struct str utf8, struct str name)
{
	char		space[4 * LIMIT_MAILBOX_NAME];
	struct buf	again = { .p = space, .cap = sizeof(space), .max = sizeof(space) - 1 };

	return imap_utf7_encode(&again, utf8) && str_eq(buf_str(&again), name);
}

bool
imap_utf7_decode(struct buf *b, struct str name)
{
	size_t		start = b->n;
	struct str	rest = name;

	if (name.n >= 4 * LIMIT_MAILBOX_NAME)
		return false;
	while (rest.n > 0) {
		char	c = rest.p[0];

		if (!is_direct((unsigned char)c))
			return false;
		rest = str_skip(rest, 1);
		if (c != '&')
			buf_addc(b, c);
		else if (rest.n > 0 && rest.p[0] == '-') {
			buf_addc(b, '&');
			rest = str_skip(rest, 1);
		} else if (!unshift(b, &rest))
			return false;
	}
	return !buf_failed(b) && is_canonical(str_skip(buf_str(b), start), name);
}
