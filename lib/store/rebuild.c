#include "tree.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../sys/deadline.h"
#include "sync.h"

/* Above every modseq that was given until now, whatever became of the record: 2^20 a second. */
static uint64_t
modseq_now(void)
{
	uint64_t	us = (uint64_t)clock_now_us();

	return us / 1000000 << 20 | (us % 1000000 << 20) / 1000000;
}

static int
start_index(struct account *acc, struct tdbx *t, const char *path, const struct account_rec *old)
{
	struct account_rec	a = { .version = INDEX_VERSION, .modseq = modseq_now(), .epoch = old->epoch };

	if (old->modseq >= a.modseq)
		a.modseq = old->modseq;
	(void)boot_id(a.boot);
	(void)acc;
	if (unlink(path) == -1 && errno != ENOENT)
		return -1;
	if (tdbx_create(t, path, old->count / PAGE_ENTRIES) == -1)
		return -1;
	if (tdbx_begin(t) == -1)
		return -1;
	if (index_put_account(t, &a) == -1 || index_put_list(t, NULL, 0) == -1) {
		tdbx_cancel(t);
		return -1;
	}
	return tdbx_commit(t);
}

static void
read_old(struct tdbx *old, struct account_rec *best)
{
	struct account_rec	a;

	if (index_account(old, &a) == 1 && a.modseq > best->modseq)
		*best = a;
}

/* Who still works with the old index waits until the new one is there. */
static void
hold_old(struct account *acc, struct tdbx *old, struct account_rec *a, bool *held_r)
{
	*a = (struct account_rec){ .version = 0 };
	*held_r = false;
	*old = acc->db;
	acc->db = (struct tdbx){ .tdb = NULL };
	if (old->tdb != NULL && !tdbx_is_current(old)) {
		/* deleted: it tells how far modseqs have come */
		read_old(old, a);
		tdbx_close(old);
	}
	if (old->tdb == NULL && tdbx_open(old, acc->index) == -1)
		return;
	*held_r = tdbx_begin(old) == 0;
	read_old(old, a);
}

int
account_rebuild(struct account *acc)
{
	struct account_rec	 a;
	struct tdbx		 old;
	bool			 held, mending = acc->mending;
	char			*path = NULL;
	int			 n = -1;

	if (account_lock(acc) == -1)
		return -1;
	acc->mending = true;
	hold_old(acc, &old, &a, &held);
	if (asprintf(&path, "%s.new", acc->index) != -1 && start_index(acc, &acc->db, path, &a) == 0 &&
	    tree_scan(acc, NULL) == 0 && tdbx_rename(&acc->db, acc->index) == 0)
		n = 0;
	if (n == -1) {
		tdbx_close(&acc->db);
		if (path != NULL)
			(void)unlink(path);
	}
	if (held)
		tdbx_cancel(&old);
	tdbx_close(&old);
	free(path);
	acc->mending = mending;
	account_touch(acc);
	account_unlock(acc);
	return n;
}

static int
mend_mailbox(struct account *acc, uint32_t id)
{
	struct mailbox_rec	 m;
	struct mailbox		*mb;
	int			 n = index_mailbox(&acc->db, id, &m), dir;

	if (n != 1)
		return n;
	dir = tree_open(acc, str_c(m.name));
	if (dir == -1)
		return -1;
	if (mailbox_open_at(acc, dir, id, &mb) == -1)
		return -1;
	mb->restart = true;
	n = mailbox_rescan(mb);
	mailbox_close(mb);
	return n;
}

/* The counter first: what is found missing gets modseqs that nobody has seen. */
static int
mend_account(struct account *acc, bool done)
{
	struct tx	tx;

	if (tx_begin(acc, &tx) == -1)
		return -1;
	if (tx.a.modseq < modseq_now())
		tx.a.modseq = modseq_now();
	if (done)
		(void)boot_id(tx.a.boot);
	return tx_commit(&tx);
}

int
account_mend(struct account *acc)
{
	uint32_t	*ids = NULL;
	size_t		 count = 0;
	int		 n;

	acc->mending = true;
	n = mend_account(acc, false);
	if (n == 0)
		n = tree_scan(acc, NULL);
	if (n == 0 && index_list(&acc->db, &ids, &count) == -1)
		n = -1;
	for (size_t i = 0; i < count && n == 0; i++)
		n = mend_mailbox(acc, ids[i]);
	free(ids);
	if (n == 0)
		n = mend_account(acc, true);
	acc->mending = false;
	return n;
}
