#include "uidset.h"

#include <stdlib.h>
#include <string.h>

void
uidset_free(struct uidset *s)
{
	free(s->runs);
	*s = (struct uidset)UIDSET_INIT;
}

void
uidset_reset(struct uidset *s)
{
	s->n = 0;
	s->failed = false;
}

static bool
uidset_reserve(struct uidset *s, size_t n)
{
	size_t		 cap = s->cap == 0 ? 4 : s->cap;
	struct uidrun	*p;

	if (n <= s->cap)
		return true;
	while (cap < n)
		cap *= 2;
	p = s->failed ? NULL : realloc(s->runs, cap * sizeof(*p));
	if (p == NULL) {
		s->failed = true;
		return false;
	}
	s->runs = p;
	s->cap = cap;
	return true;
}

static uint32_t
run_length(const struct uidrun *r)
{
	return r->last - r->first + 1;
}

/* Count anew from run i on. */
static void
uidset_recount(struct uidset *s, size_t i)
{
	for (; i < s->n; i++)
		s->runs[i].before = i == 0 ? 0 : s->runs[i - 1].before + run_length(&s->runs[i - 1]);
}

size_t
uidset_run(const struct uidset *s, uint32_t uid)
{
	size_t	lo = 0, hi = s->n;

	while (lo < hi) {
		size_t	mid = lo + (hi - lo) / 2;

		if (s->runs[mid].last < uid)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* Put first..last in the middle: runs it touches become one. */
static void
uidset_merge(struct uidset *s, uint32_t first, uint32_t last)
{
	size_t	i = uidset_run(s, first == 1 ? 1 : first - 1), end = i;

	for (; end < s->n && (last == UINT32_MAX || s->runs[end].first <= last + 1); end++) {
		if (s->runs[end].first < first)
			first = s->runs[end].first;
		if (s->runs[end].last > last)
			last = s->runs[end].last;
	}
	if (end == i) {
		if (!uidset_reserve(s, s->n + 1))
			return;
		memmove(s->runs + i + 1, s->runs + i, (s->n - i) * sizeof(*s->runs));
		s->n++;
	} else {
		memmove(s->runs + i + 1, s->runs + end, (s->n - end) * sizeof(*s->runs));
		s->n -= end - i - 1;
	}
	s->runs[i] = (struct uidrun){ .first = first, .last = last };
	uidset_recount(s, i);
}

void
uidset_add(struct uidset *s, uint32_t first, uint32_t last)
{
	struct uidrun	*tail = s->n == 0 ? NULL : &s->runs[s->n - 1];

	if (first == 0)
		first = 1;
	if (last < first)
		return;
	if (tail != NULL && (tail->last == UINT32_MAX || first <= tail->last)) {
		uidset_merge(s, first, last);
		return;
	}
	if (tail != NULL && tail->last + 1 == first) {
		tail->last = last;
		return;
	}
	if (!uidset_reserve(s, s->n + 1))
		return;
	s->runs[s->n++] = (struct uidrun){ .first = first, .last = last };
	uidset_recount(s, s->n - 1);
}

void
uidset_remove(struct uidset *s, const struct uidset *del)
{
	struct uidset	out = UIDSET_INIT;
	size_t		d = 0;

	if (del->n == 0)
		return;
	for (size_t i = 0; i < s->n; i++) {
		uint64_t	at = s->runs[i].first;
		uint64_t	last = s->runs[i].last;

		while (d < del->n && del->runs[d].last < at)
			d++;
		for (size_t k = d; k < del->n && del->runs[k].first <= last && at <= last; k++) {
			if (del->runs[k].first > at)
				uidset_add(&out, (uint32_t)at, del->runs[k].first - 1);
			at = (uint64_t)del->runs[k].last + 1;
		}
		if (at <= last)
			uidset_add(&out, (uint32_t)at, (uint32_t)last);
	}
	out.failed = out.failed || s->failed;
	free(s->runs);
	*s = out;
}

bool
uidset_copy(struct uidset *dst, const struct uidset *src)
{
	uidset_reset(dst);
	if (src->n > 0 && uidset_reserve(dst, src->n)) {
		memcpy(dst->runs, src->runs, src->n * sizeof(*src->runs));
		dst->n = src->n;
	}
	return !dst->failed;
}

bool
uidset_has(const struct uidset *s, uint32_t uid)
{
	size_t	i = uidset_run(s, uid);

	return i < s->n && s->runs[i].first <= uid;
}

uint32_t
uidset_count(const struct uidset *s)
{
	return s->n == 0 ? 0 : s->runs[s->n - 1].before + run_length(&s->runs[s->n - 1]);
}

uint32_t
uidset_nth(const struct uidset *s, uint32_t i)
{
	size_t	lo = 0, hi = s->n;

	if (i >= uidset_count(s))
		return 0;
	while (hi - lo > 1) {
		size_t	mid = lo + (hi - lo) / 2;

		if (s->runs[mid].before <= i)
			lo = mid;
		else
			hi = mid;
	}
	return s->runs[lo].first + (i - s->runs[lo].before);
}

uint32_t
uidset_below(const struct uidset *s, uint32_t uid)
{
	size_t	i = uidset_run(s, uid);

	if (i == s->n)
		return uidset_count(s);
	return s->runs[i].before + (uid > s->runs[i].first ? uid - s->runs[i].first : 0);
}

uint32_t
uidset_next(const struct uidset *s, uint32_t after)
{
	size_t	i;

	if (after == UINT32_MAX)
		return 0;
	i = uidset_run(s, after + 1);
	if (i == s->n)
		return 0;
	return s->runs[i].first > after ? s->runs[i].first : after + 1;
}
