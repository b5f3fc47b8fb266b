#include "orgdomain.h"

#include <libpsl.h>
#include <stdio.h>

enum { NAME_MAX_BYTES = 253, LABEL_MAX = 63, WALK_LABELS = 8 };

/* --- names */

size_t
orgdomain_labels(struct str name)
{
	size_t	n = name.n > 0;

	for (size_t i = 0; i < name.n; i++)
		n += name.p[i] == '.';
	return n;
}

struct str
orgdomain_last(struct str name, size_t n)
{
	size_t	at = name.n;

	if (n == 0)
		return str_skip(name, name.n);
	while (at > 0 && !(name.p[at - 1] == '.' && --n == 0))
		at--;
	return str_skip(name, at);
}

bool
orgdomain_is_under(struct str name, struct str domain)
{
	if (domain.n == 0 || !str_iends(name, domain))
		return false;
	return name.n == domain.n || name.p[name.n - domain.n - 1] == '.';
}

bool
orgdomain_clean(struct buf *b, struct str name)
{
	size_t	before = b->n, label = 0;

	if (str_ends(name, STR(".")))
		name.n--;
	if (name.n == 0 || name.n > NAME_MAX_BYTES)
		return false;
	for (size_t i = 0; i < name.n; i++) {
		char	c = name.p[i];

		if (c == '.' ? label == 0 : ++label > LABEL_MAX || !(byte_is_alnum(c) || c == '-' || c == '_')) {
			buf_truncate(b, before);
			return false;
		}
		if (c == '.')
			label = 0;
		buf_addc(b, byte_lower(c));
	}
	if (label == 0 || buf_failed(b)) {
		buf_truncate(b, before);
		return false;
	}
	return true;
}

/* --- by the list */

bool
suffix_list_builtin(struct suffix_list *l)
{
	/* one member for both: this one is not ours, and const */
	*l = (struct suffix_list){ .psl = (void *)(uintptr_t)psl_builtin() };
	return l->psl != NULL;
}

bool
suffix_list_load(struct suffix_list *l, struct str bytes)
{
	FILE	*f;

	*l = (struct suffix_list){ .owned = true };
	if (bytes.n == 0 || (f = fmemopen((void *)(uintptr_t)bytes.p, bytes.n, "r")) == NULL)
		return false;
	l->psl = psl_load_fp(f);
	(void)fclose(f);
	/* what is no list at all knows not even one suffix of two labels */
	if (l->psl != NULL && !suffix_list_has(l, STR("co.uk"))) {
		psl_free(l->psl);
		l->psl = NULL;
	}
	return l->psl != NULL;
}

void
suffix_list_free(struct suffix_list *l)
{
	if (l->owned)
		psl_free(l->psl);
	*l = (struct suffix_list){ .psl = NULL };
}

bool
suffix_list_has(const struct suffix_list *l, struct str name)
{
	char		c[NAME_MAX_BYTES + 1];
	struct buf	b = BUF_INIT(sizeof(c));
	bool		good = orgdomain_clean(&b, name) && str_copy(buf_str(&b), c, sizeof(c));

	buf_free(&b);
	return good && psl_is_public_suffix2(l->psl, c, PSL_TYPE_ICANN) == 1;
}

struct str
orgdomain_by_suffix(const struct suffix_list *l, struct str name)
{
	size_t	labels = orgdomain_labels(name);

	for (size_t n = labels; n > 0; n--)
		if (suffix_list_has(l, orgdomain_last(name, n)))
			return orgdomain_last(name, n + 1);
	return name;
}

/* --- by the tree */

void
orgwalk_start(struct orgwalk *w, struct str domain)
{
	*w = (struct orgwalk){ .start = domain, .at = domain, .org = domain, .psd = { "", 0 }, .done = domain.n == 0 };
}

void
orgwalk_record(struct orgwalk *w, enum orgwalk_psd psd)
{
	size_t	labels = orgdomain_labels(w->at);

	if (psd == ORGWALK_PSD_YES && w->at.n < w->start.n) {
		w->org = orgdomain_last(w->start, labels + 1);
		w->psd = w->at;
		w->done = true;
		return;
	}
	/* the record with the fewest labels is the last that is met */
	if (psd != ORGWALK_NO_RECORD)
		w->org = w->at;
	if (psd == ORGWALK_PSD_NO || labels <= 1)
		w->done = true;
	else
		w->at = orgdomain_last(w->at, labels < WALK_LABELS ? labels - 1 : WALK_LABELS - 1);
}
