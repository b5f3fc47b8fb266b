#include "name.h"

#include <errno.h>

#include "../base/num.h"

static const char	inbox[] = "INBOX";

/* Control characters outside ASCII: C1 and the line and paragraph separators. */
static bool
has_wide_control(struct str s)
{
	for (size_t i = 0; i + 1 < s.n; i++) {
		unsigned char	a = (unsigned char)s.p[i], b = (unsigned char)s.p[i + 1];

		if (a == 0xc2 && b >= 0x80 && b <= 0x9f)
			return true;
		if (a == 0xe2 && b == 0x80 && i + 2 < s.n &&
		    ((unsigned char)s.p[i + 2] == 0xa8 || (unsigned char)s.p[i + 2] == 0xa9))
			return true;
	}
	return false;
}

static bool
is_reserved(struct str element)
{
	return str_eq(element, STR("tmp")) || str_eq(element, STR("new")) ||
	    str_eq(element, STR("cur")) || str_starts(element, STR("posthorn."));
}

static bool
is_encoded(struct str element, size_t i)
{
	return element.p[i] == '%' ||
	    (i == 0 && (element.p[0] == '.' || is_reserved(element)));
}

static size_t
encoded_length(struct str element)
{
	size_t	n = element.n;

	for (size_t i = 0; i < element.n; i++)
		if (is_encoded(element, i))
			n += 2;
	return n;
}

static int
check_elements(struct str rest)
{
	struct str	element;
	unsigned	depth = 0;
	bool		more;

	do {
		more = str_cut(&rest, '/', &element);
		if (element.n == 0 || str_eq(element, STR(".")) || str_eq(element, STR(".."))) {
			errno = EINVAL;
			return -1;
		}
		if (encoded_length(element) > LIMIT_MAILBOX_ELEMENT || ++depth > LIMIT_MAILBOX_DEPTH) {
			errno = ENAMETOOLONG;
			return -1;
		}
	} while (more);
	return 0;
}

int
name_canon(struct str name, struct buf *out)
{
	struct str	first = str_head(name, str_chr(name, '/'));

	buf_reset(out);
	if (name.n > LIMIT_MAILBOX_NAME) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if (name.n == 0 || name.p[0] == '#' || !str_is_utf8(name) || str_has_control(name) ||
	    has_wide_control(name)) {
		errno = EINVAL;
		return -1;
	}
	if (check_elements(name) == -1)
		return -1;
	if (str_ieq(first, str_c(inbox))) {
		buf_adds(out, inbox);
		buf_add(out, str_skip(name, first.n));
	} else
		buf_add(out, name);
	if (buf_failed(out)) {
		errno = ENOMEM;
		return -1;
	}
	return 0;
}

static void
add_encoded(struct buf *out, struct str element)
{
	for (size_t i = 0; i < element.n; i++) {
		if (is_encoded(element, i))
			buf_addf(out, "%%%02X", (unsigned char)element.p[i]);
		else
			buf_addc(out, element.p[i]);
	}
}

void
name_path(struct str name, struct buf *out)
{
	struct str	element;
	bool		more;

	do {
		more = str_cut(&name, '/', &element);
		add_encoded(out, element);
		if (more)
			buf_addc(out, '/');
	} while (more);
}

bool
name_element(struct str entry, struct buf *out)
{
	char		text[LIMIT_MAILBOX_ELEMENT + 1];
	struct buf	again = BUF_INIT(3 * LIMIT_MAILBOX_ELEMENT);
	struct str	element = { text, 0 };
	bool		good;

	if (entry.n == 0 || entry.n > LIMIT_MAILBOX_ELEMENT || entry.p[0] == '.')
		return false;
	for (size_t i = 0; i < entry.n; i++) {
		char	c = entry.p[i];

		if (c == '%') {
			bool	room = entry.n - i > 2;
			int	hi = room ? num_hex_digit(entry.p[i + 1]) : -1;
			int	lo = room ? num_hex_digit(entry.p[i + 2]) : -1;

			if (hi == -1 || lo == -1)
				return false;
			c = (char)(hi << 4 | lo);
			i += 2;
		}
		text[element.n++] = c;
	}
	/* one name, one directory: only what we would write ourselves */
	add_encoded(&again, element);
	good = !buf_failed(&again) && str_eq(buf_str(&again), entry);
	buf_free(&again);
	if (good)
		buf_add(out, element);
	return good;
}

struct str
name_parent(struct str name)
{
	size_t	slash = str_rchr(name, '/');

	return str_head(name, slash == name.n ? 0 : slash);
}

bool
name_below(struct str name, struct str parent)
{
	return name.n > parent.n && str_starts(name, parent) && name.p[parent.n] == '/';
}

bool
name_is_inbox(struct str name)
{
	return str_eq(name, str_c(inbox));
}
