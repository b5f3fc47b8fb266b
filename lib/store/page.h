/*
 * page: 64 entries of a mailbox, of the uids 64 * n to 64 * n + 63; a uid's
 * slot is uid % 64. Key and place follow from the uid; there is no directory.
 */
#ifndef STORE_PAGE_H
#define STORE_PAGE_H

#include "entry.h"

enum {
	PAGE_ENTRIES	= 64,
	PAGE_SIZE	= PAGE_ENTRIES * ENTRY_SIZE,
};

struct page {
	uint8_t	bytes[PAGE_SIZE];
};

/* Number of the page that holds a uid. */
static inline uint32_t
page_of(uint32_t uid)
{
	return uid / PAGE_ENTRIES;
}

/* The entry of uid: uid 0 in it when the slot is empty. False: damaged. */
bool	page_get(const struct page *, uint32_t uid, struct entry *out_r) __attribute__((warn_unused_result));

void	page_put(struct page *, const struct entry *);
void	page_clear(struct page *, uint32_t uid);
bool	page_is_empty(const struct page *);

#endif
