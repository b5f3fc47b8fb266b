/*
 * codec: the fixed-size integers of index records, little endian, and the
 * checksum behind them. Only entry.c, page.c, map.c and record.c use this.
 */
#ifndef STORE_CODEC_H
#define STORE_CODEC_H

#include <stddef.h>
#include <stdint.h>

static inline void
put_le(uint8_t *p, uint64_t v, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

static inline uint64_t
get_le(const uint8_t *p, unsigned bytes)
{
	uint64_t	v = 0;

	for (unsigned i = 0; i < bytes; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

/* Finds torn and foreign bytes, not an attacker. n is a multiple of 4. */
static inline uint32_t
codec_sum(const uint8_t *p, size_t n)
{
	uint64_t	h = 0x9e3779b97f4a7c15u ^ n;

	for (; n >= 4; p += 4, n -= 4) {
		h = (h ^ get_le(p, 4)) * 0xff51afd7ed558ccdu;
		h ^= h >> 32;
	}
	return (uint32_t)(h ^ h >> 29);
}

#endif
