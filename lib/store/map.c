#include "map.h"

#include "codec.h"

/* present, unseen, modseq, then a checksum and four bytes of 0 */
enum { AT_SUM = MAP_SIZE - 8 };

_Static_assert(MAP_UIDS / MAP_PAGES == 64, "a word of bits is a page");

static uint8_t *
put_words(uint8_t *p, const uint64_t *words, unsigned n)
{
	for (unsigned i = 0; i < n; i++, p += 8)
		put_le(p, words[i], 8);
	return p;
}

static const uint8_t *
get_words(const uint8_t *p, uint64_t *words, unsigned n)
{
	for (unsigned i = 0; i < n; i++, p += 8)
		words[i] = get_le(p, 8);
	return p;
}

void
map_encode(const struct map *m, uint8_t out[MAP_SIZE])
{
	uint8_t	*p = put_words(out, m->present, MAP_WORDS);

	p = put_words(p, m->unseen, MAP_WORDS);
	p = put_words(p, m->modseq, MAP_PAGES);
	put_le(p, codec_sum(out, AT_SUM), 8);
}

bool
map_decode(const uint8_t in[MAP_SIZE], struct map *m)
{
	const uint8_t	*p = get_words(in, m->present, MAP_WORDS);

	p = get_words(p, m->unseen, MAP_WORDS);
	p = get_words(p, m->modseq, MAP_PAGES);
	return get_le(p, 8) == codec_sum(in, AT_SUM);
}

void
map_note(struct map *m, uint32_t uid, bool present, bool unseen, uint64_t modseq)
{
	uint32_t	word = uid % MAP_UIDS / 64;
	uint64_t	bit = (uint64_t)1 << uid % 64;

	m->present[word] = present ? m->present[word] | bit : m->present[word] & ~bit;
	m->unseen[word] = present && unseen ? m->unseen[word] | bit : m->unseen[word] & ~bit;
	if (modseq > m->modseq[word])
		m->modseq[word] = modseq;
}

uint64_t
map_modseq(const struct map *m)
{
	uint64_t	high = 0;

	for (unsigned i = 0; i < MAP_PAGES; i++)
		if (m->modseq[i] > high)
			high = m->modseq[i];
	return high;
}

static unsigned
count_bits(const uint64_t *words)
{
	unsigned	n = 0;

	for (unsigned i = 0; i < MAP_WORDS; i++)
		n += (unsigned)__builtin_popcountll(words[i]);
	return n;
}

unsigned
map_count(const struct map *m)
{
	return count_bits(m->present);
}

unsigned
map_unseen(const struct map *m)
{
	return count_bits(m->unseen);
}
