#include "entry.h"

#include <string.h>

#include "codec.h"

/*
 *	 0 uid 4	 4 flags 4	 8 keywords 4	12 reserved 4
 *	16 modseq 8	24 size 8	32 date 8	40 saved 8
 *	48 id 10	58 reserved 2	60 sum 4
 */
enum { AT_SUM = 60 };

_Static_assert(AT_SUM + 4 == ENTRY_SIZE, "the checksum ends an entry");
_Static_assert(ENTRY_ID_SIZE * 8 == ENTRY_ID_TEXT * 5, "base32 has no bits left over");

void
entry_encode(const struct entry *e, uint8_t out[ENTRY_SIZE])
{
	memset(out, 0, ENTRY_SIZE);
	put_le(out, e->uid, 4);
	put_le(out + 4, e->flags.sys, 4);
	put_le(out + 8, e->flags.keywords, 4);
	put_le(out + 16, e->modseq, 8);
	put_le(out + 24, e->size, 8);
	put_le(out + 32, (uint64_t)e->date, 8);
	put_le(out + 40, (uint64_t)e->saved, 8);
	memcpy(out + 48, e->id, ENTRY_ID_SIZE);
	put_le(out + AT_SUM, codec_sum(out, AT_SUM), 4);
}

bool
entry_decode(const uint8_t in[ENTRY_SIZE], struct entry *e)
{
	static const uint8_t	empty[ENTRY_SIZE];

	*e = (struct entry){ .uid = (uint32_t)get_le(in, 4) };
	if (e->uid == 0)
		return memcmp(in, empty, ENTRY_SIZE) == 0;
	if (get_le(in + AT_SUM, 4) != codec_sum(in, AT_SUM))
		return false;
	e->flags.sys = (uint32_t)get_le(in + 4, 4) & FLAG_ALL;
	e->flags.keywords = (uint32_t)get_le(in + 8, 4) & KEYWORD_ALL;
	e->modseq = get_le(in + 16, 8);
	e->size = get_le(in + 24, 8);
	e->date = (int64_t)get_le(in + 32, 8);
	e->saved = (int64_t)get_le(in + 40, 8);
	memcpy(e->id, in + 48, ENTRY_ID_SIZE);
	return true;
}

static const char	digits[] = "abcdefghijklmnopqrstuvwxyz234567";

void
entry_id_text(const uint8_t id[ENTRY_ID_SIZE], char out[ENTRY_ID_TEXT + 1])
{
	for (int half = 0; half < 2; half++, id += 5, out += 8) {
		uint64_t	v = 0;

		for (int i = 0; i < 5; i++)
			v = v << 8 | id[i];
		for (int i = 0; i < 8; i++)
			out[i] = digits[v >> (35 - 5 * i) & 31];
	}
	*out = '\0';
}

static int
digit_value(char c)
{
	if (c >= 'a' && c <= 'z')
		return c - 'a';
	return c >= '2' && c <= '7' ? c - '2' + 26 : -1;
}

bool
entry_id_parse(struct str s, uint8_t id[ENTRY_ID_SIZE])
{
	if (s.n != ENTRY_ID_TEXT)
		return false;
	for (size_t half = 0; half < 2; half++) {
		uint64_t	v = 0;

		for (size_t i = 0; i < 8; i++) {
			int	d = digit_value(s.p[half * 8 + i]);

			if (d == -1)
				return false;
			v = v << 5 | (uint64_t)d;
		}
		for (size_t i = 0; i < 5; i++)
			id[half * 5 + i] = (uint8_t)(v >> (32 - 8 * i));
	}
	return true;
}
