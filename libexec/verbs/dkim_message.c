#include "dkim.h"

#include <unistd.h>

#include "sys/die.h"
#include "sys/fd.h"

enum { CHUNK = 64 * 1024 };

/* More of it; false at the end. */
static bool
more(struct buf *b)
{
	ssize_t	n = read_some(STDIN_FILENO, b, CHUNK);

	if (n == -1)
		die(EXIT_TEMP, "unable to read the message");
	return n > 0;
}

/* Is there an empty line in what begins at `from`? */
static bool
header_ends(struct str text, size_t from)
{
	struct str	part = str_skip(text, from < 3 ? 0 : from - 3);

	return str_starts(text, STR("\r\n")) || str_starts(text, STR("\n")) || str_find(part, STR("\n\r\n")) < part.n ||
	    str_find(part, STR("\n\n")) < part.n;
}

void
dkim_input_open(struct dkim_input *in)
{
	size_t	from, first;
	bool	over = false;

	*in = (struct dkim_input){ .end = false };
	buf_init(&in->text, LIMIT_DKIM_HEADER + CHUNK);
	while (!over && in->text.n < LIMIT_DKIM_HEADER) {
		from = in->text.n;
		in->end = !more(&in->text);
		over = in->end || header_ends(buf_str(&in->text), from);
	}
	in->large = !over;
	first = str_chr(buf_str(&in->text), '\n');
	in->lf = first < in->text.n && (first == 0 || in->text.p[first - 1] != '\r');
}

void
dkim_input_rest(struct dkim_input *in, size_t from, void (*put)(void *, struct str), void *arg)
{
	struct buf	b = BUF_INIT(CHUNK);

	put(arg, str_skip(buf_str(&in->text), from));
	while (!in->end && more(&b)) {
		put(arg, buf_str(&b));
		buf_reset(&b);
	}
	buf_free(&b);
}
