/*
 * authres: the input is read as a field; and, cut at each newline, written as what peers said,
 * which gives lines within the limits and exactly the results and properties that were meant.
 */
#include "proto/authres.h"

#include <stdlib.h>

#include "base/limits.h"
#include "proto/header.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
must(bool good)
{
	if (!good)
		abort();
}

static struct str
next(struct str *in)
{
	struct str	s;

	(void)str_cut(in, '\x1f', &s);
	return s;
}

static void
check_read(struct str in)
{
	struct arena	a = ARENA_INIT(1 << 20);
	struct authres	r;
	size_t		n = 0;

	if (authres_parse(in, &a, &r) == AUTHRES_OK) {
		for (const struct authres_result *m = r.results; m != NULL; m = m->next, n++) {
			must(m->method.n > 0 && m->result.n > 0);
			for (const struct authres_prop *p = m->props; p != NULL; p = p->next)
				must(p->name.n > 0);
		}
		must(n <= LIMIT_AUTHRES_RESULTS);
		/* what is read as a name's is taken away as that name's; a version does not matter */
		if (r.id.n > 0 && r.id.n < LIMIT_DOMAIN && !str_ends(r.id, STR(".")))
			must(authres_claims(in, r.id));
	} else
		must(r.results == NULL);
	must(authres_parse_arc(in, &a, &r) != AUTHRES_OK || r.version != 1 || r.id.p != NULL);
	(void)authres_claims(in, STR("mail.example"));
	arena_free(&a);
}

static void
check_lines(struct str s)
{
	struct header		h;
	struct header_field	f;
	size_t			length = 0, fields = 0;

	for (size_t i = 0; i < s.n; i++) {
		must(s.p[i] != '\0' && (s.p[i] != '\n' || (i > 0 && s.p[i - 1] == '\r')));
		must(s.p[i] != '\r' || (i + 1 < s.n && s.p[i + 1] == '\n'));
		length = s.p[i] == '\n' ? 0 : length + 1;
		must(length <= 999);
	}
	header_open(&h, s);
	while (header_next(&h, &f))
		fields++;
	must(fields == 1 && h.end == s.n);
}

static void
check_again(struct str s, const char *const *props, const struct str *values, bool exact)
{
	struct arena			 a = ARENA_INIT(1 << 20);
	struct authres			 r;
	const struct authres_prop	*p;
	size_t				 i = 0;

	must(authres_parse(str_skip(s, 23), &a, &r) == AUTHRES_OK);
	must(r.results != NULL && r.results->next == NULL && str_eq(r.results->method, STR("dkim")));
	for (p = r.results->props; p != NULL; p = p->next, i++) {
		must(props[i] != NULL && str_eq(p->name, str_c(props[i])) && str_eq(p->ptype, STR("header")));
		must(!exact || str_has_control(values[i]) || !str_is_ascii(values[i]) || str_chr(values[i], '"') < values[i].n ||
		    str_eq(p->value, values[i]) || str_chr(values[i], '@') < values[i].n);
	}
	must(props[i] == NULL);
	arena_free(&a);
}

static void
check_write(struct str in)
{
	static const char *const	props[] = { "d", "s", "i", NULL };
	struct str			comment = next(&in), reason = next(&in), values[3] = { next(&in), next(&in), next(&in) };
	struct buf			b = BUF_INIT(1 << 16);
	struct authres_writer		w = { .utf8 = comment.n % 2 == 1 };

	authres_open(&w, &b, STR("mail.example"));
	authres_method(&w, "dkim", "pass");
	authres_comment(&w, comment);
	authres_reason(&w, reason);
	for (size_t i = 0; i < 3; i++)
		authres_prop(&w, "header", props[i], values[i]);
	authres_close(&w);
	must(!buf_failed(&b));
	check_lines(buf_str(&b));
	check_again(buf_str(&b), props, values, values[0].n < 100 && values[1].n < 100 && values[2].n < 100);
	buf_free(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_read(str_n(data, size));
	check_write(str_n(data, size));
	return 0;
}
