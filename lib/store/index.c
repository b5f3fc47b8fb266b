#include "index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "codec.h"

enum { LIST_MOST = 20000 };	/* mailboxes of an account */

/* A letter for the kind of record, the mailbox, the number. */
static struct tdbx_key
key_of(char kind, uint32_t id, uint32_t no)
{
	struct tdbx_key	k = { .n = 9 };

	k.b[0] = (uint8_t)kind;
	put_le(k.b + 1, id, 4);
	put_le(k.b + 5, no, 4);
	return k;
}

static int
damaged(void)
{
	errno = EBADMSG;
	return -1;
}

int
index_account(struct tdbx *t, struct account_rec *a)
{
	uint8_t	bytes[ACCOUNT_REC_SIZE];
	ssize_t	n = tdbx_get(t, key_of('A', 0, 0), bytes, sizeof(bytes));

	if (n <= 0)
		return (int)n;
	return account_rec_decode(bytes, (size_t)n, a) ? 1 : damaged();
}

int
index_mailbox(struct tdbx *t, uint32_t id, struct mailbox_rec *m)
{
	uint8_t	bytes[MAILBOX_REC_SIZE];
	ssize_t	n = tdbx_get(t, key_of('M', id, 0), bytes, sizeof(bytes));

	if (n <= 0)
		return (int)n;
	return mailbox_rec_decode(bytes, (size_t)n, m) && m->uidvalidity == id ? 1 : damaged();
}

int
index_page(struct tdbx *t, uint32_t id, uint32_t no, struct page *p)
{
	ssize_t	n = tdbx_get(t, key_of('P', id, no), p->bytes, sizeof(p->bytes));

	if (n == 0)
		memset(p->bytes, 0, sizeof(p->bytes));
	return n == 0 || n == PAGE_SIZE ? n != 0 : n == -1 ? -1 : damaged();
}

int
index_map(struct tdbx *t, uint32_t id, uint32_t no, struct map *m)
{
	uint8_t	bytes[MAP_SIZE];
	ssize_t	n = tdbx_get(t, key_of('B', id, no), bytes, sizeof(bytes));

	if (n == 0)
		*m = (struct map){ .present = { 0 } };
	if (n <= 0)
		return (int)n;
	return n == MAP_SIZE && map_decode(bytes, m) ? 1 : damaged();
}

int
index_log(struct tdbx *t, uint32_t id, uint64_t no, struct log_chunk *l)
{
	uint8_t	bytes[LOG_SIZE];
	ssize_t	n = tdbx_get(t, key_of('X', id, (uint32_t)no), bytes, sizeof(bytes));

	if (n == 0)
		memset(l, 0, sizeof(*l));
	if (n <= 0)
		return (int)n;
	return log_chunk_decode(bytes, (size_t)n, l) ? 1 : damaged();
}

int
index_list(struct tdbx *t, uint32_t **ids_r, size_t *n_r)
{
	size_t	 size = (LIST_MOST + 1) * 4;
	uint8_t	*bytes = malloc(size);
	ssize_t	 n = -1;

	*ids_r = NULL;
	*n_r = 0;
	if (bytes == NULL)
		return -1;
	n = tdbx_get(t, key_of('L', 0, 0), bytes, size);
	if (n > 0 && (n % 4 != 0 || get_le(bytes + n - 4, 4) != codec_sum(bytes, (size_t)n - 4)))
		n = damaged();
	if (n > 4) {
		*n_r = (size_t)n / 4 - 1;
		*ids_r = malloc(*n_r * sizeof(**ids_r));
		for (size_t i = 0; *ids_r != NULL && i < *n_r; i++)
			(*ids_r)[i] = (uint32_t)get_le(bytes + 4 * i, 4);
		if (*ids_r == NULL)
			n = -1;
	}
	free(bytes);
	return n == -1 ? -1 : 0;
}

/* The list tells whether it was deleted, or the place where it was is damaged. */
int
index_the_mailbox(struct tdbx *t, uint32_t id, struct mailbox_rec *m)
{
	struct account_rec	 a;
	uint32_t		*ids;
	size_t			 count;
	int			 n = index_mailbox(t, id, m);

	if (n != 0)
		return n == 1 ? 0 : -1;
	n = index_account(t, &a);
	if (n == 0)
		return damaged();
	if (n == -1 || index_list(t, &ids, &count) == -1)
		return -1;
	errno = count == 0 ? EBADMSG : ESTALE;	/* there is always an INBOX */
	for (size_t i = 0; i < count; i++)
		if (ids[i] == id)
			errno = EBADMSG;
	free(ids);
	return -1;
}

int
index_put_account(struct tdbx *t, const struct account_rec *a)
{
	uint8_t	bytes[ACCOUNT_REC_SIZE];

	account_rec_encode(a, bytes);
	return tdbx_put(t, key_of('A', 0, 0), bytes, sizeof(bytes));
}

int
index_put_mailbox(struct tdbx *t, const struct mailbox_rec *m)
{
	uint8_t	bytes[MAILBOX_REC_SIZE];
	size_t	n = mailbox_rec_encode(m, bytes);

	return tdbx_put(t, key_of('M', m->uidvalidity, 0), bytes, n);
}

int
index_put_list(struct tdbx *t, const uint32_t *ids, size_t n)
{
	uint8_t	*bytes;
	int	 r;

	if (n > LIST_MOST) {
		errno = EOVERFLOW;
		return -1;
	}
	bytes = malloc((n + 1) * 4);
	if (bytes == NULL)
		return -1;
	for (size_t i = 0; i < n; i++)
		put_le(bytes + 4 * i, ids[i], 4);
	put_le(bytes + 4 * n, codec_sum(bytes, 4 * n), 4);
	r = tdbx_put(t, key_of('L', 0, 0), bytes, 4 * (n + 1));
	free(bytes);
	return r;
}

int
tx_begin(struct account *acc, struct tx *tx)
{
	*tx = (struct tx){ .acc = acc };
	for (int tries = 0; tries < 5; tries++) {
		if (account_fresh(acc) == -1)
			return -1;
		if (tdbx_begin(&acc->db) == 0) {
			int	n = index_account(&acc->db, &tx->a);

			if (n == 1)
				return 0;
			if (n == 0)
				(void)damaged();
			tdbx_cancel(&acc->db);
			return -1;
		}
		if (errno != ESTALE)
			return -1;
	}
	errno = ETIMEDOUT;
	return -1;
}

int
tx_commit(struct tx *tx)
{
	if (index_put_account(&tx->acc->db, &tx->a) == -1) {
		tdbx_cancel(&tx->acc->db);
		return -1;
	}
	if (tdbx_commit(&tx->acc->db) == -1)
		return -1;
	account_touch(tx->acc);
	return 0;
}

void
tx_cancel(struct tx *tx)
{
	tdbx_cancel(&tx->acc->db);
}

uint64_t
tx_modseq(struct tx *tx)
{
	if (tx->modseq == 0)
		tx->modseq = ++tx->a.modseq;
	return tx->modseq;
}

int
tx_add_mailbox(struct tx *tx, const struct mailbox_rec *m)
{
	struct tdbx	*t = &tx->acc->db;
	uint32_t	*ids, *more;
	size_t		 n;
	int		 r = -1;

	if (index_list(t, &ids, &n) == -1)
		return -1;
	more = realloc(ids, (n + 1) * sizeof(*ids));
	if (more != NULL) {
		ids = more;
		ids[n] = m->uidvalidity;
		r = index_put_list(t, ids, n + 1);
	}
	free(ids);
	return r == -1 ? -1 : index_put_mailbox(t, m);
}

/* Delete what belongs to one map: its pages and itself. */
static int
del_map(struct tdbx *t, uint32_t id, uint32_t no)
{
	struct map	m;
	int		n = index_map(t, id, no, &m);

	if (n <= 0)
		return n;
	for (uint32_t i = 0; i < MAP_PAGES; i++)
		if (m.present[i] != 0 && tdbx_del(t, key_of('P', id, no * MAP_PAGES + i)) == -1)
			return -1;
	return tdbx_del(t, key_of('B', id, no));
}

int
tx_del_mailbox(struct tx *tx, const struct mailbox_rec *m)
{
	struct tdbx	*t = &tx->acc->db;
	uint32_t	*ids, id = m->uidvalidity;
	size_t		 n, kept = 0;
	int		 r;

	for (uint32_t no = 0; no <= map_of(m->uidnext); no++)
		if (del_map(t, id, no) == -1)
			return -1;
	for (uint64_t no = m->log_first / LOG_ENTRIES; no <= m->log_next / LOG_ENTRIES; no++)
		if (tdbx_del(t, key_of('X', id, (uint32_t)no)) == -1)
			return -1;
	if (index_list(t, &ids, &n) == -1)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (ids[i] != id)
			ids[kept++] = ids[i];
	r = index_put_list(t, ids, kept);
	free(ids);
	if (r == -1)
		return -1;
	tx->a.bytes -= m->size < tx->a.bytes ? m->size : tx->a.bytes;
	tx->a.count -= m->exists < tx->a.count ? m->exists : tx->a.count;
	return tdbx_del(t, key_of('M', id, 0));
}

int
box_load(struct box *b, struct tx *tx, uint32_t id)
{
	b->tx = tx;
	b->has_page = b->has_map = b->has_log = false;
	b->page_dirty = b->map_dirty = b->log_dirty = false;
	return index_the_mailbox(&tx->acc->db, id, &b->rec);
}

static int
flush_page(struct box *b)
{
	struct tdbx	*t = &b->tx->acc->db;
	struct tdbx_key	 k = key_of('P', b->rec.uidvalidity, b->page_no);

	if (!b->page_dirty)
		return 0;
	b->page_dirty = false;
	if (page_is_empty(&b->page))
		return tdbx_del(t, k);
	return tdbx_put(t, k, b->page.bytes, PAGE_SIZE);
}

static int
flush_map(struct box *b)
{
	uint8_t	bytes[MAP_SIZE];

	if (!b->map_dirty)
		return 0;
	b->map_dirty = false;
	map_encode(&b->map, bytes);
	return tdbx_put(&b->tx->acc->db, key_of('B', b->rec.uidvalidity, b->map_no), bytes, sizeof(bytes));
}

static int
flush_log(struct box *b)
{
	uint8_t	bytes[LOG_SIZE];

	if (!b->log_dirty)
		return 0;
	b->log_dirty = false;
	log_chunk_encode(&b->log, bytes);
	return tdbx_put(&b->tx->acc->db, key_of('X', b->rec.uidvalidity, (uint32_t)b->log_no),
	    bytes, sizeof(bytes));
}

static int
seek_page(struct box *b, uint32_t uid)
{
	if (b->has_page && b->page_no == page_of(uid))
		return 0;
	if (flush_page(b) == -1)
		return -1;
	b->page_no = page_of(uid);
	b->has_page = index_page(&b->tx->acc->db, b->rec.uidvalidity, b->page_no, &b->page) != -1;
	return b->has_page ? 0 : -1;
}

static int
seek_map(struct box *b, uint32_t uid)
{
	if (b->has_map && b->map_no == map_of(uid))
		return 0;
	if (flush_map(b) == -1)
		return -1;
	b->map_no = map_of(uid);
	b->has_map = index_map(&b->tx->acc->db, b->rec.uidvalidity, b->map_no, &b->map) != -1;
	return b->has_map ? 0 : -1;
}

int
box_get(struct box *b, uint32_t uid, struct entry *e)
{
	if (seek_page(b, uid) == -1)
		return -1;
	if (!page_get(&b->page, uid, e))
		return damaged();
	return e->uid != 0;
}

int
box_next(struct box *b, uint32_t from, uint32_t *uid_r)
{
	uint64_t	uid = from;

	*uid_r = 0;
	while (uid < b->rec.uidnext) {
		uint64_t	bits;

		if (seek_map(b, (uint32_t)uid) == -1)
			return -1;
		bits = b->map.present[uid % MAP_UIDS / 64] >> uid % 64;
		if (bits != 0) {
			uid += (unsigned)__builtin_ctzll(bits);
			*uid_r = uid < b->rec.uidnext ? (uint32_t)uid : 0;
			return 0;
		}
		uid = (uid / 64 + 1) * 64;
	}
	return 0;
}

int
box_next_of(struct box *b, const struct uidset *s, uint32_t *uid)
{
	size_t	i = uidset_run(s, *uid + 1);

	while (i < s->n) {
		uint32_t	from = s->runs[i].first > *uid ? s->runs[i].first : *uid + 1;

		if (box_next(b, from, uid) == -1)
			return -1;
		if (*uid == 0)
			return 0;
		if (*uid <= s->runs[i].last)
			return 1;
		i = uidset_run(s, *uid);
		if (i < s->n && s->runs[i].first <= *uid)
			return 1;
		--*uid;		/* the next round asks for what is at or behind it */
	}
	return 0;
}

/* Count a message in (+1) or out (-1). */
static void
count(struct box *b, const struct entry *e, int by)
{
	struct mailbox_rec	*m = &b->rec;
	uint32_t		 one = (uint32_t)by;
	uint64_t		 size = by < 0 ? 0 - e->size : e->size;

	m->exists += one;
	m->size += size;
	if ((e->flags.sys & FLAG_SEEN) == 0)
		m->unseen += one;
	if (e->flags.sys & FLAG_DELETED) {
		m->deleted += one;
		m->deleted_size += size;
	}
	b->tx->a.bytes += size;
	b->tx->a.count += (uint64_t)(int64_t)by;
}

static int
note(struct box *b, const struct entry *e, bool present)
{
	if (seek_map(b, e->uid) == -1)
		return -1;
	map_note(&b->map, e->uid, present, (e->flags.sys & FLAG_SEEN) == 0, tx_modseq(b->tx));
	b->map_dirty = true;
	b->rec.modseq = tx_modseq(b->tx);
	return 0;
}

int
box_add(struct box *b, struct entry *e)
{
	e->modseq = tx_modseq(b->tx);
	if (seek_page(b, e->uid) == -1 || note(b, e, true) == -1)
		return -1;
	page_put(&b->page, e);
	b->page_dirty = true;
	count(b, e, 1);
	if (e->uid >= b->rec.uidnext)
		b->rec.uidnext = e->uid + 1;
	return 0;
}

int
box_update(struct box *b, struct entry *e, struct flags f)
{
	if (seek_page(b, e->uid) == -1)
		return -1;
	count(b, e, -1);
	e->flags = f;
	e->modseq = tx_modseq(b->tx);
	count(b, e, 1);
	page_put(&b->page, e);
	b->page_dirty = true;
	return note(b, e, true);
}

/* Drop the oldest chunk when the log has grown too long. */
static int
prune_log(struct box *b)
{
	struct tdbx		*t = &b->tx->acc->db;
	uint64_t		 no = b->rec.log_first / LOG_ENTRIES;
	struct log_chunk	 old;

	if (b->rec.log_next - b->rec.log_first < LOG_KEEP + LOG_ENTRIES)
		return 0;
	if (index_log(t, b->rec.uidvalidity, no, &old) == -1)
		return -1;
	b->rec.log_floor = old.e[LOG_ENTRIES - 1].modseq;
	b->rec.log_first = (no + 1) * LOG_ENTRIES;
	return tdbx_del(t, key_of('X', b->rec.uidvalidity, (uint32_t)no));
}

static int
add_log(struct box *b, uint32_t uid)
{
	uint64_t	no = b->rec.log_next / LOG_ENTRIES, i = b->rec.log_next % LOG_ENTRIES;

	if (!b->has_log || b->log_no != no) {
		if (flush_log(b) == -1 ||
		    index_log(&b->tx->acc->db, b->rec.uidvalidity, no, &b->log) == -1)
			return -1;
		b->has_log = true;
		b->log_no = no;
	}
	b->log.e[i].modseq = tx_modseq(b->tx);
	b->log.e[i].uid = uid;
	b->log_dirty = true;
	b->rec.log_next++;
	return i == 0 ? prune_log(b) : 0;
}

int
box_remove(struct box *b, const struct entry *e)
{
	if (seek_page(b, e->uid) == -1 || note(b, e, false) == -1)
		return -1;
	page_clear(&b->page, e->uid);
	b->page_dirty = true;
	count(b, e, -1);
	return add_log(b, e->uid);
}

int
box_flush(struct box *b)
{
	if (flush_page(b) == -1 || flush_map(b) == -1 || flush_log(b) == -1)
		return -1;
	return index_put_mailbox(&b->tx->acc->db, &b->rec);
}
