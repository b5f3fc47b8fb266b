/* imap_set: a resolved set is sorted and disjoint, and written it reads as the same. */
#include "proto/imap_set.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena		a = ARENA_INIT(1u << 20);
	struct buf		out = BUF_INIT(1u << 20);
	struct imap_set		set, again;
	struct imap_setw	w;

	if (imap_set_parse(str_n(data, size), &a, &set) != IMAP_SET_OK)
		goto out;
	imap_set_resolve(&set, 100);
	imap_setw_start(&w, &out);
	for (size_t i = 0; i < set.n; i++) {
		if (set.r[i].first == 0 || set.r[i].first > set.r[i].last ||
		    (i > 0 && set.r[i].first - 1 <= set.r[i - 1].last) ||
		    !imap_set_has(&set, set.r[i].first) || !imap_set_has(&set, set.r[i].last))
			abort();
		imap_setw_range(&w, set.r[i].first, set.r[i].last);
	}
	if (!imap_setw_end(&w))
		goto out;
	if (imap_set_parse(buf_str(&out), &a, &again) != IMAP_SET_OK || again.n != set.n ||
	    memcmp(again.r, set.r, set.n * sizeof(set.r[0])) != 0)
		abort();
out:
	buf_free(&out);
	arena_free(&a);
	return 0;
}
