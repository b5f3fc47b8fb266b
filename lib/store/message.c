#include "message.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "file.h"
#include "sync.h"

void
entries_start(struct entries *it, struct mailbox *mb, const struct uidset *set)
{
	it->mb = mb;
	it->set = set;
	it->run = 0;
	it->at = 0;
	it->uidnext = 0;
	it->page_no = it->map_no = UINT64_MAX;
}

/* The next uid of the set from it->at on that the map has, or 0. */
static int
next_uid(struct entries *it, uint32_t *uid_r)
{
	const struct uidset	*s = it->set;
	struct account		*acc = it->mb->acc;

	*uid_r = 0;
	for (; it->run < s->n; it->run++) {
		const struct uidrun	*r = &s->runs[it->run];

		if (it->at < r->first)
			it->at = r->first;
		while (it->at <= r->last && it->at < it->uidnext) {
			uint32_t	uid = (uint32_t)it->at;
			uint64_t	bits;

			if (it->map_no != map_of(uid)) {
				if (index_map(&acc->db, it->mb->id, map_of(uid), &it->map) == -1)
					return -1;
				it->map_no = map_of(uid);
			}
			bits = it->map.present[uid % MAP_UIDS / 64] >> uid % 64;
			if (bits & 1) {
				*uid_r = uid;
				return 0;
			}
			it->at = bits == 0 ? (it->at / 64 + 1) * 64 : it->at + (unsigned)__builtin_ctzll(bits);
		}
		if (it->at >= it->uidnext)
			return 0;
	}
	return 0;
}

static int
start(struct entries *it)
{
	struct mailbox_rec	m;

	if (it->uidnext != 0)
		return 0;
	if (account_fresh(it->mb->acc) == -1 ||
	    index_the_mailbox(&it->mb->acc->db, it->mb->id, &m) == -1)
		return -1;
	it->uidnext = m.uidnext;
	return 0;
}

static int
next_once(struct entries *it, struct entry *e)
{
	uint32_t	uid;

	if (start(it) == -1)
		return -1;
	for (;;) {
		if (next_uid(it, &uid) == -1)
			return -1;
		if (uid == 0)
			return 0;
		if (it->page_no != page_of(uid)) {
			if (index_page(&it->mb->acc->db, it->mb->id, page_of(uid), &it->page) == -1)
				return -1;
			it->page_no = page_of(uid);
		}
		it->at = (uint64_t)uid + 1;
		if (!page_get(&it->page, uid, e)) {
			errno = EBADMSG;
			return -1;
		}
		/* gone between the two reads: passed over */
		if (e->uid != 0)
			return 1;
	}
}

int
entries_next(struct entries *it, struct entry *e)
{
	uint64_t	at = it->at;
	unsigned	tries = 0;
	int		n;

	while ((n = next_once(it, e)) == -1) {
		if (!account_retry(it->mb->acc, it->mb, &tries))
			break;
		it->at = at;
		it->run = 0;
		it->uidnext = 0;
		it->page_no = it->map_no = UINT64_MAX;
	}
	return n;
}

static int
get_once(struct mailbox *mb, uint32_t uid, struct entry *e)
{
	struct page	p;
	int		n;

	if (account_fresh(mb->acc) == -1)
		return -1;
	n = index_page(&mb->acc->db, mb->id, page_of(uid), &p);
	if (n == -1)
		return -1;
	if (!page_get(&p, uid, e)) {
		errno = EBADMSG;
		return -1;
	}
	if (e->uid == 0) {
		errno = ENOENT;
		return -1;
	}
	return 0;
}

int
message_get(struct mailbox *mb, uint32_t uid, struct entry *e)
{
	unsigned	tries = 0;
	int		n;

	*e = (struct entry){ .uid = 0 };
	do
		n = get_once(mb, uid, e);
	while (n == -1 && account_retry(mb->acc, mb, &tries));
	return n;
}

static int
open_file(struct mailbox *mb, const struct entry *e)
{
	char	name[FILE_NAME_SIZE];

	file_name(e, name);
	return openat(mb->cur, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
}

/* The flags in the caller's entry may be old; and the index's, when another program was here. */
int
message_open(struct mailbox *mb, const struct entry *e)
{
	struct mailbox_rec	m;
	struct entry		now;
	int			fd = open_file(mb, e);

	for (int i = 0; fd == -1 && errno == ENOENT && i < 2; i++) {
		if (i == 1) {
			mb->rescan = true;
			if (mailbox_refresh(mb, &m) == -1)
				return -1;
		}
		if (message_get(mb, e->uid, &now) == -1)
			return -1;
		if (memcmp(now.id, e->id, ENTRY_ID_SIZE) != 0) {
			errno = ENOENT;
			return -1;
		}
		fd = open_file(mb, &now);
	}
	return fd;
}

/* Chunks from the newest back to the first that reaches to since. */
static int
read_log(struct mailbox *mb, const struct mailbox_rec *m, uint64_t since, struct uidset *gone)
{
	struct log_chunk	chunk;

	for (uint64_t at = m->log_next; at > m->log_first; ) {
		uint64_t	no = (at - 1) / LOG_ENTRIES, first = no * LOG_ENTRIES;
		int		n = index_log(&mb->acc->db, mb->id, no, &chunk);

		if (n != 1) {
			if (n == 0)
				errno = EBADMSG;
			return -1;
		}
		for (uint64_t i = first; i < at; i++)
			if (chunk.e[i - first].modseq > since)
				uidset_add(gone, chunk.e[i - first].uid, chunk.e[i - first].uid);
		if (chunk.e[0].modseq <= since)
			break;
		at = first;
	}
	return 0;
}

static int
all_missing(struct mailbox *mb, const struct mailbox_rec *m, struct uidset *gone)
{
	struct map	map;
	uint64_t	no = UINT64_MAX;

	for (uint32_t uid = 1; uid < m->uidnext; uid++) {
		if (no != map_of(uid)) {
			no = map_of(uid);
			if (index_map(&mb->acc->db, mb->id, map_of(uid), &map) == -1)
				return -1;
		}
		if ((map.present[uid % MAP_UIDS / 64] >> uid % 64 & 1) == 0)
			uidset_add(gone, uid, uid);
	}
	return 0;
}

int
message_vanished(struct mailbox *mb, uint64_t since, struct uidset *gone, bool *complete_r)
{
	struct mailbox_rec	m;
	unsigned		tries = 0;
	int			n;

	*complete_r = false;
	do {
		n = mailbox_refresh(mb, &m);
		if (n == 0) {
			*complete_r = since >= m.log_floor;
			n = *complete_r ? read_log(mb, &m, since, gone) : all_missing(mb, &m, gone);
		}
	} while (n == -1 && account_retry(mb->acc, mb, &tries));
	return n;
}
