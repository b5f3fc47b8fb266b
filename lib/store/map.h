/*
 * map: of 4096 uids of a mailbox, which are there and which of these are
 * unseen, and the highest modseq in each of their 64 pages (of expunged
 * messages too). What is in a mailbox of 100,000 messages is told by some 25 of these.
 */
#ifndef STORE_MAP_H
#define STORE_MAP_H

#include <stdbool.h>
#include <stdint.h>

enum {
	MAP_UIDS	= 4096,
	MAP_WORDS	= MAP_UIDS / 64,
	MAP_PAGES	= 64,
	MAP_SIZE	= (MAP_WORDS + MAP_WORDS + MAP_PAGES) * 8 + 8,
};

struct map {
	uint64_t	present[MAP_WORDS];
	uint64_t	unseen[MAP_WORDS];	/* a subset */
	uint64_t	modseq[MAP_PAGES];	/* a word of bits is a page */
};

static inline uint32_t
map_of(uint32_t uid)
{
	return uid / MAP_UIDS;
}

void	map_encode(const struct map *, uint8_t out[MAP_SIZE]);
bool	map_decode(const uint8_t in[MAP_SIZE], struct map *out_r) __attribute__((warn_unused_result));

/* Note a change of uid: there or not, unseen or not, at modseq. */
void	map_note(struct map *, uint32_t uid, bool present, bool unseen, uint64_t modseq);

uint64_t	map_modseq(const struct map *);		/* the highest */
unsigned	map_count(const struct map *);		/* present */
unsigned	map_unseen(const struct map *);

#endif
