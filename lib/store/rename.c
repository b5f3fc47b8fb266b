#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "mailbox.h"

#include "../sys/fd.h"
#include "folders.h"
#include "message.h"
#include "name.h"
#include "tree.h"

int
folder_has_children(struct account *acc, struct str name, bool *has_r)
{
	struct mailbox_rec	 m;
	uint32_t		*ids;
	size_t			 count;

	*has_r = false;
	if (index_list(&acc->db, &ids, &count) == -1)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (index_mailbox(&acc->db, ids[i], &m) == 1 && name_below(str_c(m.name), name))
			*has_r = true;
	free(ids);
	return 0;
}

/* Out of the way in one step, then out of the index, then the files: a crash leaves it whole or gone. */
static int
delete_one(struct account *acc, struct str name, uint32_t id)
{
	char			elem[LIMIT_MAILBOX_ELEMENT + 1], away[40];
	struct mailbox_rec	m;
	struct tx		tx;
	int			at = tree_parent(acc, name, elem), n;

	if (at == -1)
		return -1;
	(void)snprintf(away, sizeof(away), "deleted.%u", id);
	n = renameat(at, elem, acc->dir, away);
	if (n == 0)
		n = dir_sync(at);
	(void)fd_close(&at);
	if (n == -1 || tx_begin(acc, &tx) == -1)
		return -1;
	n = index_mailbox(&acc->db, id, &m);
	if (n == -1 || (n == 1 && tx_del_mailbox(&tx, &m) == -1)) {
		tx_cancel(&tx);
		return -1;
	}
	if (tx_commit(&tx) == -1)
		return -1;
	tree_remove(acc, away);
	return 0;
}

static int
delete_locked(struct account *acc, struct str name)
{
	struct mailbox	*mb;
	uint32_t	 id;
	bool		 children;

	if (name_is_inbox(name)) {
		errno = EPERM;
		return -1;
	}
	/* directories that another program made below it count */
	if (tree_scan(acc, NULL) == -1 || mailbox_open(acc, name, &mb) == -1)
		return -1;
	id = mb->id;
	mailbox_close(mb);
	if (folder_has_children(acc, name, &children) == -1)
		return -1;
	if (children) {
		errno = ENOTEMPTY;
		return -1;
	}
	return delete_one(acc, name, id);
}

int
mailbox_delete(struct account *acc, struct str name)
{
	struct buf	canon = BUF_INIT(LIMIT_MAILBOX_NAME + 8);
	unsigned	tries = 0;
	int		n = name_canon(name, &canon);

	if (n == 0 && (n = account_lock(acc)) == 0) {
		do
			n = account_fresh(acc) == -1 ? -1 : delete_locked(acc, buf_str(&canon));
		while (n == -1 && account_retry(acc, NULL, &tries));
		account_unlock(acc);
	}
	buf_free(&canon);
	return n;
}

struct renaming {
	struct account	*acc;
	struct str	 from, to;
	uint32_t	*ids;		/* all of the account */
	size_t		 n;
};

/* The new name of a mailbox that is renamed; empty when it is not concerned. */
static int
new_name(const struct renaming *r, struct str name, struct buf *out)
{
	struct buf	raw = BUF_INIT(2 * LIMIT_MAILBOX_NAME);
	int		n;

	buf_reset(out);
	if (!str_eq(name, r->from) && !name_below(name, r->from))
		return 0;
	buf_add(&raw, r->to);
	buf_add(&raw, str_skip(name, r->from.n));
	n = name_canon(buf_str(&raw), out);
	buf_free(&raw);
	return n;
}

/*
 * Names of records: with put false, only whether all new names are possible,
 * and ids that are not concerned are struck out.
 */
static int
rename_records(struct renaming *r, bool put)
{
	struct mailbox_rec	m;
	struct buf		name = BUF_INIT(LIMIT_MAILBOX_NAME + 8);
	int			n = 0;

	for (size_t i = 0; i < r->n && n == 0; i++) {
		if (r->ids[i] == 0)
			continue;
		n = index_mailbox(&r->acc->db, r->ids[i], &m);
		if (n != 1)
			continue;
		n = new_name(r, str_c(m.name), &name);
		if (n == 0 && name.n == 0)
			r->ids[i] = 0;
		else if (n == 0 && put)
			n = str_copy(buf_str(&name), m.name, sizeof(m.name)) ?
			    index_put_mailbox(&r->acc->db, &m) : -1;
	}
	buf_free(&name);
	return n;
}

static int
commit_names(struct renaming *r)
{
	struct tx	tx;

	if (tx_begin(r->acc, &tx) == -1)
		return -1;
	if (rename_records(r, true) == -1) {
		tx_cancel(&tx);
		return -1;
	}
	return tx_commit(&tx);
}

static int
make_parents(struct account *acc, struct str name)
{
	struct str	parent = name_parent(name);

	if (parent.n == 0)
		return 0;
	return folder_make(acc, parent, SPECIAL_NONE, NULL) == -1 && errno != EEXIST ? -1 : 0;
}

/* Move a directory; both ends are durable afterwards. */
static int
move_dir(int from, const char *old, int to, const char *new)
{
	if (renameat(from, old, to, new) == -1)
		return -1;
	return dir_sync(to) == -1 || dir_sync(from) == -1 ? -1 : 0;
}

/* Aside first: the new name may need a new mailbox in its old place. */
static int
move_mailbox(struct renaming *r, uint32_t id)
{
	char	old[LIMIT_MAILBOX_ELEMENT + 1], new[LIMIT_MAILBOX_ELEMENT + 1], aside[40];
	bool	below = name_below(r->to, r->from);
	int	from = tree_parent(r->acc, r->from, old), to = -1, n = -1;

	(void)snprintf(aside, sizeof(aside), "moving.%u", id);
	if (from == -1 || (below && move_dir(from, old, r->acc->dir, aside) == -1))
		goto out;
	if (make_parents(r->acc, r->to) == -1 || (to = tree_parent(r->acc, r->to, new)) == -1)
		goto out;
	n = below ? move_dir(r->acc->dir, aside, to, new) : move_dir(from, old, to, new);
out:
	(void)fd_close(&from);
	(void)fd_close(&to);
	return n;
}

static int
rename_tree(struct account *acc, struct str from, struct str to)
{
	struct renaming	 r = { .acc = acc, .from = from, .to = to };
	struct mailbox	*mb;
	uint32_t	 id;
	int		 n = -1;

	if (mailbox_open(acc, from, &mb) == -1)
		return -1;
	id = mb->id;
	mailbox_close(mb);
	if (index_list(&acc->db, &r.ids, &r.n) == 0 && rename_records(&r, false) == 0 &&
	    move_mailbox(&r, id) == 0)
		n = commit_names(&r);
	free(r.ids);
	return n;
}

/* RFC 3501 6.3.5: its messages move, INBOX itself and its children stay. */
static int
rename_inbox(struct account *acc, struct str to)
{
	struct mailbox	*from = NULL, *target = NULL;
	struct copied	 c = { .uidvalidity = 0 };
	struct uidset	 all = UIDSET_INIT;
	int		 n = -1;

	uidset_add(&all, 1, UINT32_MAX);
	if (folder_make(acc, to, SPECIAL_NONE, NULL) == 0 && mailbox_open(acc, STR("INBOX"), &from) == 0 &&
	    mailbox_open(acc, to, &target) == 0)
		n = message_move(from, &all, target, &c);
	copied_free(&c);
	uidset_free(&all);
	mailbox_close(from);
	mailbox_close(target);
	return n;
}

static int
rename_locked(struct account *acc, struct str from, struct str to)
{
	if (account_fresh(acc) == -1 || tree_scan(acc, NULL) == -1)
		return -1;
	if (folder_exists(acc, to)) {
		errno = EEXIST;
		return -1;
	}
	if (errno != ENOENT)
		return -1;
	return name_is_inbox(from) ? rename_inbox(acc, to) : rename_tree(acc, from, to);
}

int
mailbox_rename(struct account *acc, struct str from, struct str to)
{
	struct buf	a = BUF_INIT(LIMIT_MAILBOX_NAME + 8), b = BUF_INIT(LIMIT_MAILBOX_NAME + 8);
	unsigned	tries = 0;
	int		n = -1;

	if (name_canon(from, &a) == 0 && name_canon(to, &b) == 0 && (n = account_lock(acc)) == 0) {
		do
			n = rename_locked(acc, buf_str(&a), buf_str(&b));
		while (n == -1 && account_retry(acc, NULL, &tries));
		account_unlock(acc);
	}
	buf_free(&a);
	buf_free(&b);
	return n;
}
