#include "str.h"

struct str
str_c(const char *s)
{
	return s == NULL ? STR("") : (struct str){ s, strlen(s) };
}

struct str
str_n(const void *p, size_t n)
{
	return (struct str){ p, n };
}

bool
str_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool
str_ieq(struct str a, struct str b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (byte_lower(a.p[i]) != byte_lower(b.p[i]))
			return false;
	return true;
}

int
str_cmp(struct str a, struct str b)
{
	size_t	n = a.n < b.n ? a.n : b.n;
	int	c = n == 0 ? 0 : memcmp(a.p, b.p, n);

	if (c != 0)
		return c;
	return a.n < b.n ? -1 : a.n > b.n;
}

bool
str_starts(struct str s, struct str prefix)
{
	return s.n >= prefix.n && str_eq(str_head(s, prefix.n), prefix);
}

bool
str_istarts(struct str s, struct str prefix)
{
	return s.n >= prefix.n && str_ieq(str_head(s, prefix.n), prefix);
}

bool
str_ends(struct str s, struct str suffix)
{
	return s.n >= suffix.n && str_eq(str_skip(s, s.n - suffix.n), suffix);
}

bool
str_iends(struct str s, struct str suffix)
{
	return s.n >= suffix.n && str_ieq(str_skip(s, s.n - suffix.n), suffix);
}

size_t
str_chr(struct str s, char c)
{
	const char	*p = s.n == 0 ? NULL : memchr(s.p, c, s.n);

	return p == NULL ? s.n : (size_t)(p - s.p);
}

size_t
str_rchr(struct str s, char c)
{
	for (size_t i = s.n; i > 0; i--)
		if (s.p[i - 1] == c)
			return i - 1;
	return s.n;
}

size_t
str_find(struct str s, struct str needle)
{
	if (needle.n == 0)
		return 0;
	for (size_t at = 0; needle.n <= s.n - at; at++) {
		at += str_chr(str_skip(s, at), needle.p[0]);
		if (needle.n > s.n - at)
			break;
		if (memcmp(s.p + at, needle.p, needle.n) == 0)
			return at;
	}
	return s.n;
}

struct str
str_skip(struct str s, size_t n)
{
	if (n > s.n)
		n = s.n;
	/* adding zero to NULL is undefined, and an empty str may be NULL */
	return n == 0 ? s : (struct str){ s.p + n, s.n - n };
}

struct str
str_head(struct str s, size_t n)
{
	return (struct str){ s.p, n < s.n ? n : s.n };
}

bool
str_cut(struct str *rest, char c, struct str *head_r)
{
	struct str	s = *rest;
	size_t		at = str_chr(s, c);

	*head_r = str_head(s, at);
	*rest = str_skip(s, at + (at < s.n));
	return at < s.n;
}

struct str
str_trim_end(struct str s)
{
	while (s.n > 0 && byte_is_space(s.p[s.n - 1]))
		s.n--;
	return s;
}

struct str
str_trim(struct str s)
{
	s = str_trim_end(s);
	while (s.n > 0 && byte_is_space(s.p[0]))
		s = str_skip(s, 1);
	return s;
}

bool
str_is_ascii(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] >= 0x80 || s.p[i] == '\0')
			return false;
	return true;
}

bool
str_has_eightbit(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] >= 0x80)
			return true;
	return false;
}

bool
str_has_control(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (byte_is_control(s.p[i]))
			return true;
	return false;
}

/* Length of the sequence a lead byte starts, its lowest second byte, its highest. */
static size_t
utf8_lead(unsigned char c, unsigned char *low_r, unsigned char *high_r)
{
	*low_r = 0x80;
	*high_r = 0xbf;
	if (c >= 0xc2 && c <= 0xdf)
		return 2;
	if (c >= 0xe0 && c <= 0xef) {
		if (c == 0xe0)
			*low_r = 0xa0;
		if (c == 0xed)
			*high_r = 0x9f;
		return 3;
	}
	if (c >= 0xf0 && c <= 0xf4) {
		if (c == 0xf0)
			*low_r = 0x90;
		if (c == 0xf4)
			*high_r = 0x8f;
		return 4;
	}
	return 0;
}

bool
str_is_utf8(struct str s)
{
	for (size_t i = 0; i < s.n; ) {
		unsigned char	c = (unsigned char)s.p[i], low, high;
		size_t		n;

		if (c > 0 && c < 0x80) {
			i++;
			continue;
		}
		n = utf8_lead(c, &low, &high);
		if (n == 0 || n > s.n - i)
			return false;
		for (size_t k = 1; k < n; k++) {
			c = (unsigned char)s.p[i + k];
			if (c < (k == 1 ? low : 0x80) || c > (k == 1 ? high : 0xbf))
				return false;
		}
		i += n;
	}
	return true;
}

bool
str_copy(struct str s, char *dst, size_t size)
{
	if (s.n >= size || str_chr(s, '\0') != s.n) {
		if (size > 0)
			dst[0] = '\0';
		return false;
	}
	if (s.n > 0)
		memcpy(dst, s.p, s.n);
	dst[s.n] = '\0';
	return true;
}
