/* mime: parts lie within their parents, in order; lines are what is counted; the structure is balanced. */
#include "proto/mime.h"

#include <stdlib.h>

#include "base/limits.h"
#include "proto/imap_mime.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
part_check(const struct mime *m, const struct mime_part *p)
{
	const struct mime_part	*parent = p->parent == MIME_NONE ? NULL : &m->parts[p->parent];
	struct str		 body = mime_body(m, p);
	size_t			 lines = 0;

	if (p->header > p->body || p->body > p->end || p->end > m->text.n || p->depth >= LIMIT_MIME_DEPTH)
		abort();
	for (size_t i = 0; i < body.n; i++)
		lines += body.p[i] == '\n';
	if (lines != p->lines)
		abort();
	if ((p->kind == MIME_LEAF) != (p->child == MIME_NONE))
		abort();
	if (parent == NULL)
		return;
	if (p->header < parent->body || p->end > parent->end || p->depth != parent->depth + 1)
		abort();
	if (parent->kind == MIME_MESSAGE && (p->header != parent->body || p->end != parent->end || p->next != MIME_NONE))
		abort();
	if (p->next != MIME_NONE && m->parts[p->next].header < p->end)
		abort();
}

/* Parentheses balance, strings and literals are whole. */
static void
list_check(struct str s)
{
	int	depth = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"') {
			for (i++; s.p[i] != '"'; i++)
				if (s.p[i] == '\\')
					i++;
		} else if (s.p[i] == '{') {
			size_t	n = 0;

			for (i++; s.p[i] != '}'; i++)
				n = n * 10 + (size_t)(s.p[i] - '0');
			i += 2 + n;
		} else
			depth += s.p[i] == '(' ? 1 : s.p[i] == ')' ? -1 : 0;
		if (i >= s.n || depth < 0 || (depth == 0 && i + 1 != s.n))
			abort();
	}
	if (depth != 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena	a = ARENA_INIT(MIME_ARENA);
	struct buf	out = BUF_INIT((size_t)64 << 20);
	struct mime	m;

	if (!mime_parse(&m, str_n(data, size), &a) || m.n == 0 || m.n > LIMIT_MIME_PARTS)
		abort();
	for (size_t i = 0; i < m.n; i++)
		part_check(&m, &m.parts[i]);
	imap_put_body(&out, &m, true);
	list_check(buf_str(&out));
	buf_reset(&out);
	imap_put_envelope(&out, mime_header(&m, &m.parts[0]));
	list_check(buf_str(&out));
	buf_free(&out);
	arena_free(&a);
	return 0;
}
