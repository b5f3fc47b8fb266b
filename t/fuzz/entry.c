/* entry: records of the index from any bytes; what decodes encodes to the same. */
#include "store/entry.h"

#include <stdlib.h>
#include <string.h>

#include "store/map.h"
#include "store/page.h"
#include "store/record.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
try_entry(const uint8_t *data)
{
	uint8_t		out[ENTRY_SIZE];
	struct entry	e, again;

	if (!entry_decode(data, &e) || e.uid == 0)
		return;
	entry_encode(&e, out);
	if (!entry_decode(out, &again) || memcmp(&e, &again, sizeof(e)) != 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct page		page;
	static struct map		map;
	static struct mailbox_rec	m;
	static struct log_chunk		log;
	static uint8_t			bytes[MAILBOX_REC_SIZE];
	struct account_rec		a;
	struct entry			e;

	if (size >= ENTRY_SIZE)
		try_entry(data);
	memcpy(page.bytes, data, size < PAGE_SIZE ? size : PAGE_SIZE);
	for (uint32_t uid = 0; uid < PAGE_ENTRIES; uid++)
		if (page_get(&page, uid, &e) && e.uid != 0 && e.uid != uid)
			abort();
	(void)page_is_empty(&page);
	if (size >= MAP_SIZE && map_decode(data, &map) && map_unseen(&map) > MAP_UIDS)
		abort();
	if (account_rec_decode(data, size, &a) && a.version != INDEX_VERSION)
		abort();
	if (mailbox_rec_decode(data, size, &m) && mailbox_rec_encode(&m, bytes) > MAILBOX_REC_SIZE)
		abort();
	(void)!log_chunk_decode(data, size, &log);
	return 0;
}
