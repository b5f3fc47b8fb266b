#include "imap_set.h"

#include <stdlib.h>

#include "../base/num.h"

static bool
parse_number(struct str s, uint32_t *out_r)
{
	if (str_eq(s, STR("*"))) {
		*out_r = IMAP_STAR;
		return true;
	}
	return s.n > 0 && s.p[0] != '0' && num_u32(s, UINT32_MAX, out_r);
}

enum imap_set_err
imap_set_parse(struct str s, struct arena *arena, struct imap_set *out_r)
{
	size_t		 count = 1;
	struct str	 part, first;
	bool		 more;

	for (size_t i = 0; i < s.n; i++)
		count += s.p[i] == ',';
	out_r->n = 0;
	out_r->r = arena_array(arena, count, sizeof(*out_r->r));
	if (out_r->r == NULL)
		return IMAP_SET_NOMEM;
	do {
		struct imap_range	*r = &out_r->r[out_r->n++];
		bool			 pair;

		more = str_cut(&s, ',', &part);
		pair = str_cut(&part, ':', &first);
		if (!parse_number(first, &r->first))
			return IMAP_SET_SYNTAX;
		r->last = r->first;
		if (pair && !parse_number(part, &r->last))
			return IMAP_SET_SYNTAX;
	} while (more);
	return IMAP_SET_OK;
}

static int
range_cmp(const void *a, const void *b)
{
	const struct imap_range	*x = a, *y = b;

	return (x->first > y->first) - (x->first < y->first);
}

void
imap_set_resolve(struct imap_set *set, uint32_t max)
{
	size_t	kept = 0, out = 0;

	for (size_t i = 0; i < set->n; i++) {
		struct imap_range	r = set->r[i];

		if (r.first == IMAP_STAR)
			r.first = max;
		if (r.last == IMAP_STAR)
			r.last = max;
		if (r.first > r.last) {
			uint32_t	t = r.first;

			r.first = r.last;
			r.last = t;
		}
		if (r.first == 0)	/* "*" where there is nothing */
			r.first = 1;
		if (r.last != 0)
			set->r[kept++] = r;
	}
	if (kept > 1)
		qsort(set->r, kept, sizeof(set->r[0]), range_cmp);
	for (size_t i = 0; i < kept; i++) {
		struct imap_range	*last = out > 0 ? &set->r[out - 1] : NULL;

		if (last != NULL && (last->last == UINT32_MAX || set->r[i].first <= last->last + 1)) {
			if (set->r[i].last > last->last)
				last->last = set->r[i].last;
		} else
			set->r[out++] = set->r[i];
	}
	set->n = out;
}

bool
imap_set_has(const struct imap_set *set, uint32_t v)
{
	size_t	lo = 0, hi = set->n;

	while (lo < hi) {
		size_t	mid = lo + (hi - lo) / 2;

		if (set->r[mid].last < v)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < set->n && set->r[lo].first <= v;
}

uint32_t
imap_set_max(const struct imap_set *set)
{
	return set->n == 0 ? 0 : set->r[set->n - 1].last;
}

void
imap_setw_start(struct imap_setw *w, struct buf *out)
{
	*w = (struct imap_setw){ .out = out };
}

static void
setw_write(struct imap_setw *w)
{
	if (w->any)
		buf_addc(w->out, ',');
	w->any = true;
	buf_addu(w->out, w->first);
	if (w->last != w->first) {
		buf_addc(w->out, ':');
		buf_addu(w->out, w->last);
	}
}

void
imap_setw_range(struct imap_setw *w, uint32_t first, uint32_t last)
{
	if (w->first != 0 && first == w->last + 1) {
		w->last = last;
		return;
	}
	if (w->first != 0)
		setw_write(w);
	w->first = first;
	w->last = last;
}

void
imap_setw_add(struct imap_setw *w, uint32_t v)
{
	imap_setw_range(w, v, v);
}

bool
imap_setw_end(struct imap_setw *w)
{
	if (w->first != 0)
		setw_write(w);
	w->first = 0;
	return w->any;
}
