#include "mailbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../sys/fd.h"
#include "name.h"
#include "sync.h"
#include "tree.h"

enum { UID_BLOCK = 1024 };	/* uids reserved on disk at a time: two syncs for so many messages */

void
mailbox_close(struct mailbox *mb)
{
	int	err = errno;

	if (mb == NULL)
		return;
	(void)fd_close(&mb->dir);
	(void)fd_close(&mb->tmp);
	(void)fd_close(&mb->new);
	(void)fd_close(&mb->cur);
	free(mb);
	errno = err;
}

/* The directory is the mailbox's from here on, whatever becomes of the call. */
int
mailbox_open_at(struct account *acc, int dir, uint32_t id, struct mailbox **out_r)
{
	struct mailboxfile	 f;
	struct mailbox		*mb = calloc(1, sizeof(*mb));

	*out_r = NULL;
	if (mb == NULL) {
		(void)fd_close(&dir);
		return -1;
	}
	*mb = (struct mailbox){ .acc = acc, .id = id, .dir = dir, .tmp = -1, .new = -1, .cur = -1 };
	mb->cur = dir_open(dir, "cur");
	mb->new = dir_open(dir, "new");
	mb->tmp = dir_open(dir, "tmp");
	if (mb->cur == -1 || mb->new == -1 || mb->tmp == -1) {
		errno = ENOENT;
		goto fail;
	}
	if (id == 0) {
		if (mailboxfile_read(dir, &f) == -1)
			goto fail;
		mb->id = f.uidvalidity;
	}
	*out_r = mb;
	return 0;
fail:
	mailbox_close(mb);
	return -1;
}

static int
open_once(struct account *acc, struct str name, struct mailbox **out_r)
{
	struct mailbox_rec	m;
	int			dir, n;

	if (account_fresh(acc) == -1 || (dir = tree_open(acc, name)) == -1 ||
	    mailbox_open_at(acc, dir, 0, out_r) == -1)
		return -1;
	/* no file, or a directory that another program made or copied: the tree is looked over */
	n = (*out_r)->id == 0 ? 0 : index_mailbox(&acc->db, (*out_r)->id, &m);
	if (n == 1 && str_eq(str_c(m.name), name))
		return 0;
	mailbox_close(*out_r);
	*out_r = NULL;
	if (n != -1)
		errno = ENOENT;
	return -1;
}

/* The index has no such mailbox: perhaps another program made the directory. */
static int
open_made(struct account *acc, struct str name, struct mailbox **out_r)
{
	int	dir = tree_open(acc, name);

	if (dir == -1)
		return -1;
	(void)fd_close(&dir);
	return tree_scan(acc, NULL) == -1 ? -1 : open_once(acc, name, out_r);
}

int
mailbox_open(struct account *acc, struct str name, struct mailbox **out_r)
{
	struct buf	canon = BUF_INIT(LIMIT_MAILBOX_NAME + 8);
	unsigned	tries = 0;
	int		n;

	*out_r = NULL;
	n = name_canon(name, &canon);
	if (n == 0) {
		do {
			n = open_once(acc, buf_str(&canon), out_r);
			if (n == -1 && errno == ENOENT)
				n = open_made(acc, buf_str(&canon), out_r);
		} while (n == -1 && account_retry(acc, NULL, &tries));
	}
	buf_free(&canon);
	return n;
}

struct account *
mailbox_account(const struct mailbox *mb)
{
	return mb->acc;
}

uint32_t
mailbox_uidvalidity(const struct mailbox *mb)
{
	return mb->id;
}

/* Messages from uid on. */
static int
count_from(struct mailbox *mb, const struct mailbox_rec *m, uint32_t uid, uint32_t *n_r)
{
	struct map	map;

	*n_r = 0;
	while (uid < m->uidnext) {
		if (index_map(&mb->acc->db, mb->id, map_of(uid), &map) == -1)
			return -1;
		do {
			if (map.present[uid % MAP_UIDS / 64] >> uid % 64 & 1)
				++*n_r;
			uid++;
		} while (uid % MAP_UIDS != 0 && uid < m->uidnext);
	}
	return 0;
}

int
mailbox_status(struct mailbox *mb, struct mailbox_status *s)
{
	struct mailbox_rec	m;
	unsigned		tries = 0;
	int			n;

	*s = (struct mailbox_status){ .uidvalidity = mb->id };
	do {
		n = mailbox_refresh(mb, &m);
		if (n == 0)
			n = count_from(mb, &m, m.recent, &s->recent);
	} while (n == -1 && account_retry(mb->acc, mb, &tries));
	if (n == -1)
		return -1;
	s->uidnext = m.uidnext;
	s->exists = m.exists;
	s->unseen = m.unseen;
	s->deleted = m.deleted;
	s->size = m.size;
	s->deleted_size = m.deleted_size;
	s->modseq = m.modseq;
	s->special = m.special;
	return 0;
}

/* The record without a look at the directories. */
static int
read_record(struct mailbox *mb, struct mailbox_rec *m)
{
	unsigned	tries = 0;
	int		n;

	do {
		n = account_fresh(mb->acc) == -1 ? -1 : index_the_mailbox(&mb->acc->db, mb->id, m);
	} while (n == -1 && account_retry(mb->acc, mb, &tries));
	return n;
}

int
mailbox_keywords(struct mailbox *mb, struct arena *arena, struct str names[KEYWORD_MAX])
{
	struct mailbox_rec	m;

	if (read_record(mb, &m) == -1)
		return -1;
	for (unsigned i = 0; i < KEYWORD_MAX; i++)
		if (!arena_dup(arena, str_c(m.keywords[i].name), &names[i])) {
			errno = ENOMEM;
			return -1;
		}
	return 0;
}

/* The letter of a keyword; or the first free one, with false; or KEYWORD_MAX. */
static bool
find_keyword(const struct keyword all[KEYWORD_MAX], const struct keyword *k, unsigned *i_r)
{
	unsigned	unused = KEYWORD_MAX;

	for (unsigned i = KEYWORD_MAX; i-- > 0; ) {
		if (strcmp(all[i].name, k->name) == 0) {
			*i_r = i;
			return true;
		}
		if (all[i].name[0] == '\0')
			unused = i;
	}
	*i_r = unused;
	return false;
}

/* The text file, or what the record can tell of it when it is lost. */
static int
read_file(struct mailbox *mb, const struct mailbox_rec *m, struct mailboxfile *f)
{
	if (mailboxfile_read(mb->dir, f) == -1)
		return -1;
	if (f->uidvalidity != mb->id) {
		*f = (struct mailboxfile){ .uidvalidity = mb->id, .uidmax = m->uidmax, .special = m->special };
		memcpy(f->keywords, m->keywords, sizeof(f->keywords));
	}
	return 0;
}

static int
put_keywords(struct mailbox *mb, const struct mailboxfile *f)
{
	struct mailbox_rec	m;
	struct tx		tx;

	if (tx_begin(mb->acc, &tx) == -1)
		return -1;
	if (index_the_mailbox(&mb->acc->db, mb->id, &m) == 0) {
		memcpy(m.keywords, f->keywords, sizeof(m.keywords));
		if (index_put_mailbox(&mb->acc->db, &m) == 0)
			return tx_commit(&tx);
	}
	tx_cancel(&tx);
	return -1;
}

/* On disk first: a letter in a file name must never be without its meaning. */
static int
add_keyword(struct mailbox *mb, const struct keyword *k, unsigned *i_r)
{
	struct mailbox_rec	m;
	struct mailboxfile	f;
	int			n = -1;

	if (account_lock(mb->acc) == -1)
		return -1;
	if (read_record(mb, &m) == -1 || read_file(mb, &m, &f) == -1)
		goto out;
	if (!find_keyword(f.keywords, k, i_r)) {
		if (*i_r == KEYWORD_MAX) {
			errno = EOVERFLOW;
			goto out;
		}
		f.keywords[*i_r] = *k;
		if (mailboxfile_write(mb->dir, &f) == -1)
			goto out;
	}
	n = put_keywords(mb, &f);
out:
	account_unlock(mb->acc);
	return n;
}

int
mailbox_keyword(struct mailbox *mb, struct str name, bool create, uint32_t *bit_r)
{
	struct mailbox_rec	m;
	struct keyword		k;
	unsigned		i, tries = 0;
	int			n;

	*bit_r = 0;
	if (!keyword_canon(name, &k)) {
		errno = EINVAL;
		return -1;
	}
	if (read_record(mb, &m) == -1)
		return -1;
	if (!find_keyword(m.keywords, &k, &i)) {
		if (!create) {
			errno = ENOENT;
			return -1;
		}
		do
			n = add_keyword(mb, &k, &i);
		while (n == -1 && account_retry(mb->acc, mb, &tries));
		if (n == -1)
			return -1;
	}
	*bit_r = 1u << i;
	return 0;
}

int
mailbox_reserve(struct mailbox *mb, uint32_t uidnext, uint32_t count)
{
	struct mailbox_rec	m;
	struct mailboxfile	f;
	uint64_t		want = (uint64_t)uidnext + count + UID_BLOCK;
	int			n = -1;

	if (want >= UINT32_MAX) {
		errno = EOVERFLOW;
		return -1;
	}
	if (account_lock(mb->acc) == -1)
		return -1;
	if (index_mailbox(&mb->acc->db, mb->id, &m) == 1 && read_file(mb, &m, &f) == 0) {
		n = 0;
		if (f.uidmax < want) {
			f.uidmax = (uint32_t)want;
			n = mailboxfile_write(mb->dir, &f);
		}
		if (n == 0)
			mb->uidmax = f.uidmax;
	}
	account_unlock(mb->acc);
	return n;
}
