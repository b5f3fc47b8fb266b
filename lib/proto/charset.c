#include "charset.h"

#include "charset_tables.h"

static bool
name_in(const char *names, struct str name)
{
	struct str	rest = str_c(names), one;

	do {
		(void)str_cut(&rest, ' ', &one);
		if (str_eq(one, name))
			return true;
	} while (rest.n > 0);
	return false;
}

/* Letters and digits of a name in lower case: "ISO_8859-1" is "iso88591". */
static struct str
plain_name(struct str name, char *dst, size_t size)
{
	size_t	n = 0;

	for (size_t i = 0; i < name.n && n < size; i++)
		if (byte_is_alnum(name.p[i]))
			dst[n++] = byte_lower(name.p[i]);
	return (struct str){ dst, n };
}

static bool
hooks_open(struct charset *c, struct str name, const struct charset_hooks *hooks)
{
	char	text[64];

	for (size_t i = 0; i < name.n; i++)
		if (!byte_is_alnum(name.p[i]) && str_chr(STR("-_.:"), name.p[i]) == 4)
			return false;
	if (hooks == NULL || name.n == 0 || !str_copy(name, text, sizeof(text)))
		return false;
	c->handle = hooks->open(text);
	if (c->handle == NULL)
		return false;
	c->hooks = hooks;
	c->kind = CHARSET_HOOKS;
	return true;
}

bool
charset_open(struct charset *c, struct str name, const struct charset_hooks *hooks)
{
	char		text[32];
	struct str	plain;

	*c = (struct charset){ .kind = CHARSET_ASCII };
	name = str_trim(name);
	plain = plain_name(name, text, sizeof(text));
	if (plain.n == 0 || name_in("usascii ascii ansix341968 iso646us unknown unknown8bit xunknown 8bit", plain))
		return true;
	if (name_in("utf8 unicode11utf8 xutf8", plain)) {
		c->kind = CHARSET_UTF8;
		return true;
	}
	for (size_t i = 0; i < charset_tables_n; i++)
		if (name_in(charset_tables[i].names, plain)) {
			c->kind = CHARSET_TABLE;
			c->upper = charset_tables[i].upper;
			return true;
		}
	return hooks_open(c, name, hooks);
}

static void
table_feed(const uint16_t *upper, struct str in, struct buf *out)
{
	size_t	from = 0, i;

	for (i = 0; i < in.n; i++) {
		unsigned char	b = (unsigned char)in.p[i];

		if (b < 0x80)
			continue;
		buf_add(out, (struct str){ in.p + from, i - from });
		utf8_add(out, upper[b - 0x80]);
		from = i + 1;
	}
	buf_add(out, (struct str){ in.p + from, i - from });
}

/* UTF-8 into well-formed UTF-8; what is not goes by the fallback's table, or is U+FFFD. Gives what was taken. */
static size_t
utf8_feed(const uint16_t *fallback, struct str in, struct buf *out)
{
	size_t		from = 0, i = 0, n;
	uint32_t	c;

	while (i < in.n) {
		if ((in.p[i] & 0x80) == 0) {
			i++;
			continue;
		}
		n = utf8_next(str_skip(in, i), &c);
		if (n == 0)
			break;
		if (c == UINT32_MAX) {
			buf_add(out, (struct str){ in.p + from, i - from });
			utf8_add(out, fallback == NULL ? 0xfffd : fallback[(unsigned char)in.p[i] - 0x80]);
			from = i + 1;
		}
		i += n;
	}
	buf_add(out, (struct str){ in.p + from, i - from });
	return i;
}

/* Convert whole characters of in; gives how many bytes were taken. */
static size_t
feed_some(struct charset *c, struct str in, struct buf *out)
{
	struct str	rest = in;

	switch (c->kind) {
	case CHARSET_ASCII:
		return utf8_feed(charset_tables[0].upper, in, out);
	case CHARSET_UTF8:
		return utf8_feed(NULL, in, out);
	case CHARSET_TABLE:
		table_feed(c->upper, in, out);
		return in.n;
	case CHARSET_HOOKS:
		c->hooks->convert(c->handle, &rest, out);
		return in.n - rest.n;
	}
	return in.n;
}

void
charset_feed(struct charset *c, struct str in, struct buf *out)
{
	size_t	took;

	/* first what was cut, byte by byte, until it is whole */
	while (c->n_held > 0 && in.n > 0) {
		c->held[c->n_held++] = in.p[0];
		in = str_skip(in, 1);
		took = feed_some(c, (struct str){ c->held, c->n_held }, out);
		if (took == 0 && c->n_held == sizeof(c->held))
			took = c->n_held;	/* never to become a character */
		memmove(c->held, c->held + took, c->n_held - took);
		c->n_held -= took;
	}
	while (in.n > 0) {
		took = feed_some(c, in, out);
		in = str_skip(in, took);
		if (in.n < sizeof(c->held))
			break;
		if (took == 0)
			in = str_skip(in, 1);
	}
	if (in.n > 0) {
		memcpy(c->held, in.p, in.n);
		c->n_held = in.n;
	}
}

void
charset_end(struct charset *c, struct buf *out)
{
	for (size_t i = 0; i < c->n_held; i++)
		utf8_add(out, c->kind == CHARSET_ASCII && (c->held[i] & 0x80) != 0 ?
		    charset_tables[0].upper[(unsigned char)c->held[i] - 0x80] : 0xfffd);
	c->n_held = 0;
	if (c->kind == CHARSET_HOOKS && c->handle != NULL)
		c->hooks->close(c->handle);
	c->handle = NULL;
}

bool
charset_convert(struct buf *out, struct str name, struct str in, const struct charset_hooks *hooks)
{
	struct charset	c;
	bool		known = charset_open(&c, name, hooks);

	charset_feed(&c, in, out);
	charset_end(&c, out);
	return known;
}
