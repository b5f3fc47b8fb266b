#include "check.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../sys/fd.h"
#include "check_i.h"
#include "scan.h"

void
check_problem(struct check *c, const char *where, const char *fmt, ...)
{
	char	what[400];
	va_list	ap;

	c->problems++;
	if (c->tell == NULL)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	c->tell(c->arg, where, what);
}

static void
differs(struct check *c, const char *what, uint64_t says, uint64_t is)
{
	if (says != is)
		check_problem(c, c->name, "%s: the index says %" PRIu64 ", counted %" PRIu64, what, says, is);
}

static void
check_entry(struct check *c, const struct mailbox_rec *m, const struct map *map, uint32_t uid,
    const struct entry *e)
{
	bool	unseen = (e->flags.sys & FLAG_SEEN) == 0;

	if (unseen != (map->unseen[uid % MAP_UIDS / 64] >> uid % 64 & 1))
		check_problem(c, c->name, "uid %u: the map of unseen messages disagrees", uid);
	if (e->modseq > map->modseq[uid % MAP_UIDS / 64])
		check_problem(c, c->name, "uid %u: modseq above its page's", uid);
	if (e->flags.keywords & ~keyword_mask(m->keywords))
		check_problem(c, c->name, "uid %u: a keyword without name", uid);
	c->n.exists++;
	c->n.unseen += unseen;
	c->n.size += e->size;
	if (e->flags.sys & FLAG_DELETED) {
		c->n.deleted++;
		c->n.deleted_size += e->size;
	}
}

/* One page against its word of the map, and the files if they are looked at. */
static int
check_page(struct check *c, const struct mailbox_rec *m, const struct map *map, uint32_t no)
{
	struct page	p;
	int		n = index_page(&c->acc->db, m->uidvalidity, no, &p);

	if (n == -1)
		return -1;
	for (uint32_t i = 0; i < PAGE_ENTRIES; i++) {
		uint32_t	uid = no * PAGE_ENTRIES + i;
		bool		mapped = map->present[no % MAP_PAGES] >> i & 1;
		struct entry	e;

		if (!page_get(&p, uid, &e)) {
			check_problem(c, c->name, "uid %u: the entry is damaged", uid);
			continue;
		}
		if ((e.uid != 0) != mapped)
			check_problem(c, c->name, "uid %u: map and page disagree", uid);
		if (e.uid == 0)
			continue;
		if (uid >= m->uidnext)
			check_problem(c, c->name, "uid %u: not below uidnext %u", uid, m->uidnext);
		check_entry(c, m, map, uid, &e);
		if (c->files != NULL)
			check_file(c, &e);
	}
	return 0;
}

static int
check_log(struct check *c, const struct mailbox_rec *m)
{
	struct log_chunk	chunk;
	uint64_t		last = 0;

	for (uint64_t at = m->log_first; at < m->log_next; at++) {
		uint64_t	i = at % LOG_ENTRIES;

		if (at == m->log_first || i == 0) {
			int	n = index_log(&c->acc->db, m->uidvalidity, at / LOG_ENTRIES, &chunk);

			if (n == -1)
				return -1;
			if (n == 0) {
				check_problem(c, c->name, "a part of the expunge log is missing");
				return 0;
			}
		}
		if (chunk.e[i].modseq < last || chunk.e[i].uid == 0 || chunk.e[i].uid >= m->uidnext)
			check_problem(c, c->name, "expunge log: entry %" PRIu64 " is out of order", at);
		last = chunk.e[i].modseq;
	}
	return 0;
}

static void
check_counts(struct check *c, const struct mailbox_rec *m, uint64_t modseq)
{
	differs(c, "messages", m->exists, c->n.exists);
	differs(c, "unseen", m->unseen, c->n.unseen);
	differs(c, "deleted", m->deleted, c->n.deleted);
	differs(c, "size", m->size, c->n.size);
	differs(c, "deleted size", m->deleted_size, c->n.deleted_size);
	if (modseq > m->modseq)
		check_problem(c, c->name, "a page has modseq %" PRIu64 ", the mailbox only %" PRIu64, modseq, m->modseq);
	if (m->modseq > c->a.modseq)
		check_problem(c, c->name, "modseq %" PRIu64 " is above the account's", m->modseq);
	if (m->uidnext == 0 || m->recent > m->uidnext)
		check_problem(c, c->name, "uidnext %u, recent from %u", m->uidnext, m->recent);
	c->bytes += c->n.size;
	c->count += c->n.exists;
}

int
check_mailbox(struct check *c, const struct mailbox_rec *m)
{
	struct map	map;
	uint64_t	modseq = 0;

	c->name = m->name;
	memset(&c->n, 0, sizeof(c->n));
	for (uint32_t no = 0; no <= map_of(m->uidnext); no++) {
		if (index_map(&c->acc->db, m->uidvalidity, no, &map) == -1)
			return -1;
		for (uint32_t i = 0; i < MAP_PAGES; i++)
			if (check_page(c, m, &map, no * MAP_PAGES + i) == -1)
				return -1;
		if (map_modseq(&map) > modseq)
			modseq = map_modseq(&map);
	}
	check_counts(c, m, modseq);
	return check_log(c, m);
}

static int
check_all(struct check *c, const uint32_t *ids, size_t n)
{
	struct mailbox_rec	m;

	for (size_t i = 0; i < n; i++) {
		int	r = index_mailbox(&c->acc->db, ids[i], &m);

		if (r == -1)
			return -1;
		for (size_t k = 0; k < i; k++)
			if (ids[k] == ids[i])
				r = 0;
		if (r == 0) {
			check_problem(c, "index.tdb", "mailbox %u is listed and has no record of its own", ids[i]);
			continue;
		}
		if ((c->with_files ? check_maildir(c, &m) : check_mailbox(c, &m)) == -1)
			return -1;
	}
	c->name = "index.tdb";
	differs(c, "bytes of the account", c->a.bytes, c->bytes);
	differs(c, "messages of the account", c->a.count, c->count);
	return 0;
}

/* The records; EBADMSG from any of them is the one problem told of a damaged index. */
int
check_index(struct check *c)
{
	uint32_t	*ids = NULL;
	size_t		 n = 0;
	int		 r = index_account(&c->acc->db, &c->a);

	if (r == 0)
		errno = EBADMSG;
	r = r == 1 ? index_list(&c->acc->db, &ids, &n) : -1;
	if (r == 0)
		r = check_all(c, ids, n);
	if (r == 0 && c->with_files)
		r = check_tree(c, ids, n);
	free(ids);
	if (r == -1 && errno == EBADMSG) {
		check_problem(c, "index.tdb", "is damaged");
		r = 0;
	}
	return r;
}

bool
index_agrees(struct account *acc)
{
	struct check	c = { .acc = acc };

	return check_index(&c) == 0 && c.problems == 0;
}

static int
check_locked(struct check *c)
{
	int	n;

	if (tdbx_open(&c->acc->db, c->acc->index) == -1) {
		if (errno != ENOENT && errno != EBADMSG)
			return -1;
		check_problem(c, "index.tdb", errno == ENOENT ? "is missing" : "is damaged");
		return 0;
	}
	if (tdbx_begin(&c->acc->db) == -1) {
		if (errno != EBADMSG)
			return -1;
		check_problem(c, "index.tdb", "is damaged");
		return 0;
	}
	n = check_index(c);
	tdbx_cancel(&c->acc->db);
	return n;
}

int
account_check(const char *path, check_tell *tell, void *arg, uint64_t *problems_r)
{
	struct check	 c = { .tell = tell, .arg = arg, .with_files = true };
	int		 n;

	*problems_r = 0;
	if (account_handle(path, &c.acc) == -1)
		return -1;
	n = account_lock(c.acc);
	if (n == 0) {
		n = check_locked(&c);
		account_unlock(c.acc);
	}
	account_close(c.acc);
	*problems_r = c.problems;
	return n;
}
