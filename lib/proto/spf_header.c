#include "spf_header.h"

#include "../base/limits.h"

/* A value in quotes, each byte escaped, fits into a line of 998 with its key. */
enum { VALUE_MAX = LIMIT_PATH };

static bool
is_atext(char c)
{
	return byte_is_alnum(c) || (c != '\0' && memchr("!#$%&'*+-/=?^_`{|}~", c, 19) != NULL);
}

/* Atoms with dots between (RFC 5322 3.2.3). */
static bool
is_dot_atom(struct str s)
{
	if (s.n == 0 || s.p[0] == '.' || s.p[s.n - 1] == '.')
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!is_atext(s.p[i]) && (s.p[i] != '.' || s.p[i - 1] == '.'))
			return false;
	return true;
}

/* Cut, so that no character of UTF-8 is halved. */
static struct str
cut(struct str s)
{
	if (s.n <= VALUE_MAX)
		return s;
	s.n = VALUE_MAX;
	while (s.n > 0 && ((unsigned char)s.p[s.n] & 0xc0) == 0x80)
		s.n--;
	return s;
}

/* escape: bytes that need a backslash here. */
static void
add_bytes(struct buf *b, struct str s, const char *escape, bool utf8)
{
	utf8 = utf8 && str_is_utf8(s);
	for (size_t i = 0; i < s.n; i++) {
		bool	good = (s.p[i] >= 0x20 && s.p[i] < 0x7f) || (utf8 && (unsigned char)s.p[i] >= 0x80);

		if (good && strchr(escape, s.p[i]) != NULL)
			buf_addc(b, '\\');
		buf_addc(b, good ? s.p[i] : '?');
	}
}

static void
add_pair(struct buf *b, const char *key, struct str value, bool utf8)
{
	value = cut(value);
	buf_addf(b, ";\r\n\t%s=", key);
	if (is_dot_atom(value)) {
		buf_add(b, value);
		return;
	}
	buf_addc(b, '"');
	add_bytes(b, value, "\"\\", utf8);
	buf_addc(b, '"');
}

static void
add_comment(struct buf *b, const struct spf_header *h, struct str ip)
{
	static const struct { const char *before, *between, *after; } texts[] = {
		[SPF_NONE] = { "domain of", "has no SPF record for ", "" },
		[SPF_NEUTRAL] = { "domain of", "says nothing about ", "" },
		[SPF_PASS] = { "domain of", "designates ", " as permitted sender" },
		[SPF_FAIL] = { "domain of", "does not designate ", " as permitted sender" },
		[SPF_SOFTFAIL] = { "domain of", "probably does not designate ", " as permitted sender" },
		[SPF_TEMPERROR] = { "the record for", "cannot be looked up now, from ", "" },
		[SPF_PERMERROR] = { "the record for", "cannot be used, from ", "" },
	};

	buf_adds(b, "\r\n\t(");
	add_bytes(b, cut(h->receiver), "()\\", false);
	buf_addf(b, ": %s", texts[h->result].before);
	buf_adds(b, "\r\n\t");
	add_bytes(b, cut(h->sender), "()\\", h->utf8);
	buf_addf(b, "\r\n\t%s", texts[h->result].between);
	buf_add(b, ip);
	buf_addf(b, "%s)", texts[h->result].after);
}

void
spf_header_write(struct buf *b, const struct spf_header *h)
{
	char		text[IP_TEXT];
	struct buf	ip = { .p = text, .cap = sizeof(text), .max = sizeof(text) - 1 };

	ip_format(&ip, &h->ip);
	buf_addf(b, "Received-SPF: %s", spf_result_name(h->result));
	add_comment(b, h, buf_str(&ip));
	buf_addf(b, "\r\n\tidentity=%s", h->is_helo ? "helo" : "mailfrom");
	add_pair(b, "client-ip", buf_str(&ip), false);
	if (!h->is_helo)
		add_pair(b, "envelope-from", h->sender, h->utf8);
	add_pair(b, "helo", h->helo, h->utf8);
	if (h->mechanism.n > 0)
		add_pair(b, "mechanism", h->mechanism, false);
	if (h->problem.n > 0)
		add_pair(b, "problem", h->problem, false);
	add_pair(b, "receiver", h->receiver, false);
	buf_adds(b, "\r\n");
}
