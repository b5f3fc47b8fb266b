#include "nfc.h"

#include <stdlib.h>

#include "nfc_tables.h"
#include "utf8.h"

enum { FIRST = 0x300 };	/* below it everything is NFC and of class 0 */

static int
range_cmp(const void *key, const void *member)
{
	const uint32_t		*c = key;
	const struct nfc_range	*r = member;

	return *c < r->first ? -1 : *c > r->last;
}

static const struct nfc_range *
range_find(uint32_t c, const struct nfc_range *list, size_t n)
{
	return bsearch(&c, list, n, sizeof(*list), range_cmp);
}

static int
pair_cmp(const void *key, const void *member)
{
	const struct nfc_pair	*a = key, *b = member;

	if (a->first != b->first)
		return a->first < b->first ? -1 : 1;
	return a->second < b->second ? -1 : a->second > b->second;
}

/* Would NFC put the two into one code point? */
static bool
composes(uint32_t first, uint32_t second)
{
	struct nfc_pair	key = { first, second };

	if (first >= 0x1100 && first <= 0x1112 && second >= 0x1161 && second <= 0x1175)
		return true;	/* Hangul: L and V, then LV and T */
	if (first >= 0xac00 && first <= 0xd7a3 && (first - 0xac00) % 28 == 0 && second >= 0x11a8 && second <= 0x11c2)
		return true;
	return bsearch(&key, nfc_pairs, nfc_npairs, sizeof(key), pair_cmp) != NULL;
}

bool
nfc_is(struct str s)
{
	uint32_t	starter = 0;
	uint8_t		last = 0;	/* class of the code point before, 0 behind the starter */

	if (!str_is_utf8(s))
		return false;
	while (s.n > 0) {
		const struct nfc_range	*r;
		uint32_t		 c;
		uint8_t			 class;

		s = str_skip(s, utf8_next(s, &c));
		if (c < FIRST) {
			starter = c;
			last = 0;
			continue;
		}
		if (range_find(c, nfc_never, nfc_nnever) != NULL)
			return false;
		r = range_find(c, nfc_classes, nfc_nclasses);
		class = r != NULL ? r->value : 0;
		if (class != 0 && last > class)
			return false;	/* not in canonical order */
		if ((last == 0 || last < class) && composes(starter, c))
			return false;
		last = class;
		if (class == 0)
			starter = c;
	}
	return true;
}
