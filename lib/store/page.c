#include "page.h"

#include <string.h>

static size_t
slot(uint32_t uid)
{
	return (size_t)(uid % PAGE_ENTRIES) * ENTRY_SIZE;
}

bool
page_get(const struct page *p, uint32_t uid, struct entry *e)
{
	return entry_decode(p->bytes + slot(uid), e) && (e->uid == 0 || e->uid == uid);
}

void
page_put(struct page *p, const struct entry *e)
{
	entry_encode(e, p->bytes + slot(e->uid));
}

void
page_clear(struct page *p, uint32_t uid)
{
	memset(p->bytes + slot(uid), 0, ENTRY_SIZE);
}

bool
page_is_empty(const struct page *p)
{
	for (size_t i = 0; i < PAGE_ENTRIES; i++)
		if (p->bytes[i * ENTRY_SIZE] != 0 || memcmp(p->bytes + i * ENTRY_SIZE,
		    p->bytes + i * ENTRY_SIZE + 1, ENTRY_SIZE - 1) != 0)
			return false;
	return true;
}
