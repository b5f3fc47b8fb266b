/* section: the first line is a section, the rest a message; what is found lies in it or in what was put together. */
#include <stdlib.h>

#include "proto/imap_mime.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str		text = str_n(data, size), spec, got, top;
	struct arena		a = ARENA_INIT(MIME_ARENA);
	struct buf		compose = BUF_INIT(4 * size + 64), other = BUF_INIT(4 * size + 64);
	struct imap_section	s;
	struct imap_cur		c;
	struct mime		m;

	(void)str_cut(&text, '\n', &spec);
	imap_cur_init(&c, spec, &a);
	s = imap_section(&c);
	if (!imap_end(&c) || !mime_parse(&m, text, &a))
		goto out;
	if (imap_section_find(&m, &s, &compose, &got) && got.n > 0 && got.p != compose.p &&
	    (got.p < text.p || got.n > text.n - (size_t)(got.p - text.p)))
		abort();
	if (s.nparts == 0 && imap_section_top(text, &s, &other, &top) && !str_eq(got, top))
		abort();
	buf_reset(&other);
	imap_put_section(&other, &s);
out:
	buf_free(&compose);
	buf_free(&other);
	arena_free(&a);
	return 0;
}
