#include "code.h"

#include "num.h"

static const char	b64_std[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char	b64_url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static const char	hex_digits[] = "0123456789abcdef";

static void
b64_encode(struct buf *b, struct str s, const char *alphabet, bool pad)
{
	for (size_t i = 0; i < s.n; i += 3) {
		size_t		have = s.n - i < 3 ? s.n - i : 3;
		unsigned	v = (unsigned)(unsigned char)s.p[i] << 16;

		if (have > 1)
			v |= (unsigned)(unsigned char)s.p[i + 1] << 8;
		if (have > 2)
			v |= (unsigned char)s.p[i + 2];
		for (size_t k = 0; k <= have; k++)
			buf_addc(b, alphabet[v >> (18 - 6 * k) & 63]);
		for (size_t k = have; pad && k < 3; k++)
			buf_addc(b, '=');
	}
}

static int
b64_value(char c, const char *alphabet)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == alphabet[62])
		return 62;
	return c == alphabet[63] ? 63 : -1;
}

/* b may be NULL: only look. */
static bool
b64_decode(struct buf *b, struct str s, const char *alphabet, bool pad)
{
	if (pad) {
		if (s.n % 4 != 0)
			return false;
		for (int k = 0; k < 2 && s.n > 0 && s.p[s.n - 1] == '='; k++)
			s.n--;
	}
	if (s.n % 4 == 1)
		return false;
	for (size_t i = 0; i < s.n; i += 4) {
		size_t		have = s.n - i < 4 ? s.n - i : 4;
		unsigned	v = 0;

		for (size_t k = 0; k < have; k++) {
			int	d = b64_value(s.p[i + k], alphabet);

			if (d < 0)
				return false;
			v |= (unsigned)d << (18 - 6 * k);
		}
		for (size_t k = 0; b != NULL && k + 1 < have; k++)
			buf_addc(b, (char)(v >> (16 - 8 * k) & 255));
		if ((v << (8 * (have - 1)) & 0xffffff) != 0)
			return false;
	}
	return true;
}

void
code_b64(struct buf *b, struct str s)
{
	b64_encode(b, s, b64_std, true);
}

void
code_b64url(struct buf *b, struct str s)
{
	b64_encode(b, s, b64_url, false);
}

bool
code_unb64(struct buf *b, struct str s)
{
	return b64_decode(b, s, b64_std, true);
}

bool
code_is_b64(struct str s)
{
	return b64_decode(NULL, s, b64_std, true);
}

bool
code_unb64url(struct buf *b, struct str s)
{
	return b64_decode(b, s, b64_url, false);
}

void
code_hex(struct buf *b, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char	c = (unsigned char)s.p[i];

		buf_addc(b, hex_digits[c >> 4]);
		buf_addc(b, hex_digits[c & 15]);
	}
}

bool
code_unhex(struct buf *b, struct str s)
{
	if (s.n % 2 != 0)
		return false;
	for (size_t i = 0; i < s.n; i += 2) {
		int	hi = num_hex_digit(s.p[i]), lo = num_hex_digit(s.p[i + 1]);

		if (hi < 0 || lo < 0)
			return false;
		buf_addc(b, (char)(hi << 4 | lo));
	}
	return true;
}

/* Length of the well-formed UTF-8 sequence of 2 to 4 bytes at s, or 0. */
static size_t
utf8_sequence(struct str s)
{
	for (size_t n = 2; n <= 4 && n <= s.n; n++)
		if (str_is_utf8(str_head(s, n)))
			return n;
	return 0;
}

/*
 * Marks of direction, line separators, what has no width: a terminal shows the line as
 * another one. U+200B to 200F, 2028 to 202E, 2060 to 206F, FEFF.
 */
static bool
hides(const char *p)
{
	unsigned char	a = (unsigned char)p[0], b = (unsigned char)p[1], c = (unsigned char)p[2];

	if (a == 0xef)
		return b == 0xbb && c == 0xbf;
	if (a != 0xe2)
		return false;
	return (b == 0x80 && ((c >= 0x8b && c <= 0x8f) || (c >= 0xa8 && c <= 0xae))) || (b == 0x81 && c >= 0xa0 && c <= 0xaf);
}

void
code_escape(struct buf *b, struct str s)
{
	while (s.n > 0) {
		unsigned char	c = (unsigned char)s.p[0];
		size_t		n = c >= 0x80 ? utf8_sequence(s) : 0;

		/* U+0080 to U+009F are controls that a terminal obeys */
		if (n == 2 && c == 0xc2 && (unsigned char)s.p[1] < 0xa0)
			n = 0;
		if (n == 3 && hides(s.p))
			n = 0;
		if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\')
			n = 1;
		if (n > 0) {
			buf_add(b, str_head(s, n));
			s = str_skip(s, n);
			continue;
		}
		buf_adds(b, "\\x");
		code_hex(b, str_head(s, 1));
		s = str_skip(s, 1);
	}
}

void
code_json(struct buf *b, struct str s)
{
	buf_addc(b, '"');
	while (s.n > 0) {
		unsigned char	c = (unsigned char)s.p[0];
		size_t		n = c >= 0x80 ? utf8_sequence(s) : 1;

		if (c < 0x20 || c == 0x7f)
			buf_addf(b, "\\u%04x", c);
		else if (c == '"' || c == '\\')
			buf_addf(b, "\\%c", c);
		else if (n == 0)
			buf_adds(b, "\xef\xbf\xbd");
		else
			buf_add(b, str_head(s, n));
		s = str_skip(s, n == 0 ? 1 : n);
	}
	buf_addc(b, '"');
}
