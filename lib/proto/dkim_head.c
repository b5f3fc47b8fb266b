#include "dkim_head.h"

#include <stdlib.h>

#include <openssl/evp.h>

#include "dkim_canon.h"

static int
compare_names(struct str a, struct str b)
{
	size_t	n = a.n < b.n ? a.n : b.n;

	for (size_t i = 0; i < n; i++) {
		int	d = (unsigned char)byte_lower(a.p[i]) - (unsigned char)byte_lower(b.p[i]);

		if (d != 0)
			return d;
	}
	return (a.n > b.n) - (a.n < b.n);
}

static int
compare(const void *a, const void *b)
{
	const struct dkim_head_entry	*x = a, *y = b;
	int				 d = compare_names(x->f.name, y->f.name);

	return d != 0 ? d : (x->at > y->at) - (x->at < y->at);
}

bool
dkim_head_open(struct dkim_head *h, struct str text, struct arena *a)
{
	struct header_field	f;
	size_t			n = 0;

	*h = (struct dkim_head){ .n = 0 };
	header_open(&h->header, text);
	while (header_next(&h->header, &f))
		n++;
	h->entry = arena_array(a, n + 1, sizeof(*h->entry));
	h->used = arena_array(a, n + 1, sizeof(*h->used));
	if (h->entry == NULL || h->used == NULL)
		return false;
	header_open(&h->header, text);
	while (header_next(&h->header, &f)) {
		h->entry[h->n] = (struct dkim_head_entry){ f, h->n };
		h->n++;
	}
	if (h->n > 0)
		qsort(h->entry, h->n, sizeof(*h->entry), compare);
	return true;
}

/* Index of the first entry whose name is not before name; or, with after, that is behind it. */
static size_t
bound(const struct dkim_head *h, struct str name, bool after)
{
	size_t	low = 0, high = h->n;

	while (low < high) {
		size_t	mid = low + (high - low) / 2;
		int	d = compare_names(h->entry[mid].f.name, name);

		if (d < 0 || (after && d == 0))
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

size_t
dkim_head_count(const struct dkim_head *h, struct str name)
{
	return bound(h, name, true) - bound(h, name, false);
}

/* The field that the next mention of name stands for; NULL when all are used, or there is none. */
static const struct header_field *
take(struct dkim_head *h, struct str name, size_t own)
{
	size_t	first = bound(h, name, false), end = bound(h, name, true);

	while (first < end && h->used[first] < end - first) {
		struct dkim_head_entry	*e = &h->entry[end - 1 - h->used[first]];

		h->used[first]++;
		if (e->at != own)
			return &e->f;
	}
	return NULL;
}

static bool
add_field(EVP_MD_CTX *md, struct buf *b, enum dkim_canon canon, struct str raw)
{
	buf_reset(b);
	dkim_canon_field(b, canon, raw, true);
	return !buf_failed(b) && EVP_DigestUpdate(md, b->p, b->n) == 1;
}

/* The signature's own, without what it says in b= and without an end of line. */
static bool
add_own(EVP_MD_CTX *md, struct buf *b, enum dkim_canon canon, struct str raw, struct str cut)
{
	struct buf	whole = BUF_INIT(2 * LIMIT_DKIM_HEADER);
	size_t		at = cut.p == NULL || cut.n == 0 ? raw.n : (size_t)(cut.p - raw.p);
	bool		good;

	buf_add(&whole, str_head(raw, at));
	buf_add(&whole, str_skip(raw, at + cut.n));
	buf_reset(b);
	dkim_canon_field(b, canon, buf_str(&whole), false);
	good = !buf_failed(&whole) && !buf_failed(b) && EVP_DigestUpdate(md, b->p, b->n) == 1;
	buf_free(&whole);
	return good;
}

bool
dkim_head_hash(struct dkim_head *h, struct str fields, enum dkim_canon canon, size_t own, struct str raw, struct str b,
    uint8_t hash_r[DKIM_HASH])
{
	EVP_MD_CTX			*md = EVP_MD_CTX_new();
	struct buf			 text = BUF_INIT(2 * LIMIT_DKIM_HEADER + LIMIT_DKIM_SIGNATURE);
	const struct header_field	*f;
	struct str			 name;
	bool				 good = md != NULL && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1;

	memset(h->used, 0, h->n * sizeof(*h->used));
	while (good && dkim_tags_member(&fields, &name)) {
		f = take(h, name, own);
		good = f == NULL || add_field(md, &text, canon, f->raw);
	}
	good = good && add_own(md, &text, canon, raw, b) && EVP_DigestFinal_ex(md, hash_r, NULL) == 1;
	buf_free(&text);
	EVP_MD_CTX_free(md);
	return good;
}
