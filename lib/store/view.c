#include "view.h"

#include <errno.h>
#include <string.h>

#include "sync.h"

/* Add the uids of one map that are >= from to a set, run by run. */
static void
add_map(struct uidset *s, const struct map *m, uint32_t no, uint32_t from)
{
	for (uint32_t w = 0; w < MAP_WORDS; w++) {
		uint32_t	base = no * MAP_UIDS + w * 64;
		uint64_t	bits = m->present[w];

		if (bits == UINT64_MAX && base >= from) {
			uidset_add(s, base, base + 63);
			continue;
		}
		for (; bits != 0; bits &= bits - 1) {
			uint32_t	uid = base + (uint32_t)__builtin_ctzll(bits);

			if (uid >= from)
				uidset_add(s, uid, uid);
		}
	}
}

static uint32_t
first_unseen(const struct map *m, uint32_t no)
{
	for (uint32_t w = 0; w < MAP_WORDS; w++)
		if (m->unseen[w] != 0)
			return no * MAP_UIDS + w * 64 + (uint32_t)__builtin_ctzll(m->unseen[w]);
	return 0;
}

/* All uids; the smallest unseen one into *unseen_r. Under the read lock. */
static int
read_maps(struct view *v, const struct mailbox_rec *m, uint32_t *unseen_r)
{
	struct map	map;

	*unseen_r = 0;
	for (uint32_t no = 0; m->exists > 0 && no <= map_of(m->uidnext - 1); no++) {
		int	n = index_map(&v->mb->acc->db, v->mb->id, no, &map);

		if (n == -1)
			return -1;
		if (n == 0)
			continue;
		add_map(&v->uids, &map, no, 1);
		if (*unseen_r == 0)
			*unseen_r = first_unseen(&map, no);
	}
	return 0;
}

/* The messages that no session has seen are this one's \Recent. */
static int
take_recent(struct view *v, const struct mailbox_rec *seen)
{
	struct mailbox_rec	m;
	struct tx		tx;
	int			n;

	if (seen->recent >= v->uidnext)
		return 0;
	if (!v->readwrite) {
		view_add_uids(v, seen->recent, v->uidnext - 1, &v->recent);
		return 0;
	}
	if (tx_begin(v->mb->acc, &tx) == -1)
		return -1;
	n = index_mailbox(&v->mb->acc->db, v->mb->id, &m);
	if (n != 1 || m.recent >= v->uidnext) {
		tx_cancel(&tx);
		return n == -1 ? -1 : 0;
	}
	view_add_uids(v, m.recent, v->uidnext - 1, &v->recent);
	m.recent = v->uidnext;
	if (index_put_mailbox(&v->mb->acc->db, &m) == -1) {
		tx_cancel(&tx);
		return -1;
	}
	return tdbx_commit(&v->mb->acc->db);
}

/* The record and what belongs to it, of one moment. */
static int
open_once(struct view *v, uint32_t *unseen, uint32_t *first, struct mailbox_rec *m)
{
	struct tdbx	*t = &v->mb->acc->db;
	int		 n;

	uidset_reset(&v->uids);
	if (mailbox_refresh(v->mb, m) == -1 || tdbx_read_lock(t) == -1)
		return -1;
	n = index_the_mailbox(t, v->mb->id, m) == 0 ? read_maps(v, m, first) : -1;
	tdbx_read_unlock(t);
	if (n == 0 && uidset_count(&v->uids) != m->exists) {
		errno = EBADMSG;
		n = -1;
	}
	*unseen = m->unseen;
	return n;
}

int
view_open(struct view *v, struct mailbox *mb, bool readwrite, struct view_start *start)
{
	struct mailbox_rec	m;
	uint32_t		unseen, first;
	unsigned		tries = 0;
	int			n;

	*v = (struct view){ .mb = mb, .uidvalidity = mb->id, .readwrite = readwrite };
	do
		n = open_once(v, &unseen, &first, &m);
	while (n == -1 && account_retry(mb->acc, mb, &tries));
	if (n == 0) {
		v->modseq = m.modseq;
		v->uidnext = m.uidnext;
		v->keywords = keyword_mask(m.keywords);
		n = take_recent(v, &m);
		/* a full disk keeps nobody from reading */
		if (n == -1 && (errno == ENOSPC || errno == EDQUOT || errno == EROFS))
			n = 0;
	}
	if (n == -1) {
		int	err = errno;

		view_close(v);
		errno = err;
		return -1;
	}
	if (start != NULL)
		*start = (struct view_start){ .unseen = unseen, .first_unseen = view_seq(v, first) };
	return 0;
}

void
view_close(struct view *v)
{
	uidset_free(&v->uids);
	uidset_free(&v->recent);
	uidset_free(&v->gone);
}

uint32_t
view_count(const struct view *v)
{
	return uidset_count(&v->uids);
}

uint32_t
view_uid(const struct view *v, uint32_t seq)
{
	return seq == 0 ? 0 : uidset_nth(&v->uids, seq - 1);
}

uint32_t
view_seq(const struct view *v, uint32_t uid)
{
	return uid != 0 && uidset_has(&v->uids, uid) ? uidset_below(&v->uids, uid) + 1 : 0;
}

void
view_add_uids(const struct view *v, uint32_t first, uint32_t last, struct uidset *out)
{
	for (size_t i = uidset_run(&v->uids, first); i < v->uids.n && v->uids.runs[i].first <= last; i++) {
		const struct uidrun	*r = &v->uids.runs[i];

		uidset_add(out, r->first > first ? r->first : first, r->last < last ? r->last : last);
	}
}

void
view_add_seqs(const struct view *v, uint32_t first, uint32_t last, struct uidset *out)
{
	uint32_t	n = view_count(v);

	if (first == 0)
		first = 1;
	if (last > n)
		last = n;
	if (first <= last)
		view_add_uids(v, view_uid(v, first), view_uid(v, last), out);
}

void
view_news_free(struct view_news *news)
{
	uidset_free(&news->expunged);
	uidset_free(&news->changed);
	uidset_free(&news->added);
}

/* Uids of the view in this map that are not there any more. */
static void
find_gone(struct view *v, const struct map *map, uint32_t no)
{
	uint32_t	base = no * MAP_UIDS, last = base + (MAP_UIDS - 1);

	for (size_t i = uidset_run(&v->uids, base); i < v->uids.n && v->uids.runs[i].first <= last; i++) {
		uint32_t	u = v->uids.runs[i].first > base ? v->uids.runs[i].first : base;
		uint32_t	end = v->uids.runs[i].last < last ? v->uids.runs[i].last : last;

		for (; u <= end; u++)
			if ((map->present[(u - base) / 64] >> u % 64 & 1) == 0)
				uidset_add(&v->gone, u, u);
	}
}

static int
find_changed(struct view *v, const struct map *map, uint32_t no, struct view_news *news)
{
	struct page	p;
	struct entry	e;

	for (uint32_t i = 0; i < MAP_PAGES; i++) {
		if (map->modseq[i] <= v->modseq || map->present[i] == 0)
			continue;
		if (index_page(&v->mb->acc->db, v->mb->id, no * MAP_PAGES + i, &p) == -1)
			return -1;
		for (uint32_t k = 0; k < PAGE_ENTRIES; k++) {
			uint32_t	uid = (no * MAP_PAGES + i) * PAGE_ENTRIES + k;

			if (!page_get(&p, uid, &e)) {
				errno = EBADMSG;
				return -1;
			}
			if (e.uid != 0 && e.modseq > v->modseq && e.uid < v->uidnext)
				uidset_add(&news->changed, e.uid, e.uid);
		}
	}
	return 0;
}

static int
sync_maps(struct view *v, const struct mailbox_rec *m, struct view_news *news)
{
	struct map	map;

	for (uint32_t no = 0; no <= map_of(m->uidnext); no++) {
		int	n = index_map(&v->mb->acc->db, v->mb->id, no, &map);

		if (n == -1)
			return -1;
		if (n == 0 || map_modseq(&map) <= v->modseq)
			continue;
		find_gone(v, &map, no);
		if (find_changed(v, &map, no, news) == -1)
			return -1;
		if ((uint64_t)no * MAP_UIDS + MAP_UIDS > v->uidnext)
			add_map(&news->added, &map, no, v->uidnext);
	}
	return 0;
}

static int
sync_once(struct view *v, struct view_news *news, struct mailbox_rec *m)
{
	struct tdbx	*t = &v->mb->acc->db;
	int		 n;

	uidset_reset(&news->expunged);
	uidset_reset(&news->changed);
	uidset_reset(&news->added);
	if (mailbox_refresh(v->mb, m) == -1)
		return -1;
	if (m->modseq == v->modseq && m->uidnext == v->uidnext)
		return 0;
	if (tdbx_read_lock(t) == -1)
		return -1;
	n = index_the_mailbox(t, v->mb->id, m) == 0 ? sync_maps(v, m, news) : -1;
	tdbx_read_unlock(t);
	return n;
}

/* Into the view, in the order of uids: they are all behind it. */
static int
append(struct view *v, const struct mailbox_rec *m, const struct uidset *added)
{
	for (size_t i = 0; i < added->n; i++)
		uidset_add(&v->uids, added->runs[i].first, added->runs[i].last);
	v->modseq = m->modseq;
	v->uidnext = m->uidnext;
	return take_recent(v, m);
}

int
view_sync(struct view *v, struct view_news *news)
{
	struct mailbox_rec	m;
	unsigned		tries = 0;
	int			n;

	do
		n = sync_once(v, news, &m);
	while (n == -1 && account_retry(v->mb->acc, v->mb, &tries));
	if (n == -1)
		return -1;
	news->keywords = keyword_mask(m.keywords) != v->keywords;
	v->keywords = keyword_mask(m.keywords);
	if (append(v, &m, &news->added) == -1 && errno != ENOSPC && errno != EDQUOT && errno != EROFS)
		return -1;
	if (!uidset_copy(&news->expunged, &v->gone) || v->uids.failed || v->gone.failed ||
	    news->changed.failed || news->added.failed) {
		errno = ENOMEM;
		return -1;
	}
	return 0;
}

void
view_drop(struct view *v, const struct uidset *expunged)
{
	uidset_remove(&v->uids, expunged);
	uidset_remove(&v->recent, expunged);
	uidset_remove(&v->gone, expunged);
}
