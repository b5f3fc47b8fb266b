#include "tree.h"

#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../sys/deadline.h"
#include "../sys/fd.h"
#include "accountfile.h"
#include "name.h"
#include "sync.h"

enum { TREE_MOST = 20000 };	/* mailboxes looked at in one account */

struct leaf {
	char		*name;
	int		 dir;		/* -1 once it is not needed */
	uint32_t	 id;		/* 0: none yet */
};

struct tree {
	struct account	*acc;
	struct leaf	*leaves;
	size_t		 n;
	bool		 plain;		/* there are directories that are no mailboxes */
};

/* Open the elements of an encoded path one by one. */
int
tree_open(struct account *acc, struct str name)
{
	struct buf	path = BUF_INIT(4 * LIMIT_MAILBOX_NAME);
	struct str	rest, element;
	char		c[LIMIT_MAILBOX_ELEMENT + 1];
	int		fd = dir_open(acc->mail, "."), next;

	name_path(name, &path);
	rest = buf_str(&path);
	while (fd != -1 && rest.n > 0) {
		(void)str_cut(&rest, '/', &element);
		next = str_copy(element, c, sizeof(c)) ? dir_open(fd, c) : -1;
		if (next == -1 && (errno == ENOTDIR || errno == ELOOP))
			errno = ENOENT;
		(void)close(fd);
		fd = next;
	}
	buf_free(&path);
	return fd;
}

int
tree_parent(struct account *acc, struct str name, char elem[LIMIT_MAILBOX_ELEMENT + 1])
{
	struct str	parent = name_parent(name);
	struct buf	path = BUF_INIT(LIMIT_MAILBOX_ELEMENT + 8);
	bool		fits;

	name_path(str_skip(name, parent.n > 0 ? parent.n + 1 : 0), &path);
	fits = !buf_failed(&path) && str_copy(buf_str(&path), elem, LIMIT_MAILBOX_ELEMENT + 1);
	buf_free(&path);
	if (!fits) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return tree_open(acc, parent);
}

static int
make_dir(int at, const char *name)
{
	return mkdirat(at, name, 0700) == -1 && errno != EEXIST ? -1 : 0;
}

int
tree_make(int parent, struct str name, const struct mailboxfile *f, int *dir_r)
{
	struct buf	path = BUF_INIT(LIMIT_MAILBOX_ELEMENT + 1);
	int		dir = -1;

	name_path(name, &path);
	if (make_dir(parent, buf_c(&path)) == -1 || (dir = dir_open(parent, buf_c(&path))) == -1)
		goto fail;
	if (make_dir(dir, "tmp") == -1 || make_dir(dir, "new") == -1 || make_dir(dir, "cur") == -1)
		goto fail;
	/* the file's replacement syncs dir, and with it the three */
	if (mailboxfile_write(dir, f) == -1 || dir_sync(parent) == -1)
		goto fail;
	buf_free(&path);
	*dir_r = dir;
	return 0;
fail:
	buf_free(&path);
	(void)fd_close(&dir);
	return -1;
}

static int
above(void *arg, struct str name, uint32_t id)
{
	uint32_t	*unused = arg;

	(void)name;
	if (id >= *unused && id != UINT32_MAX)
		*unused = id + 1;
	return 0;
}

int
tree_unused(struct account *acc, uint32_t *out_r)
{
	/* time passes faster than mailboxes are made, but these may be of this moment */
	*out_r = (uint32_t)(clock_now() / 2);
	return tree_each(acc, above, out_r);
}

int
tree_uidvalidity(struct account *acc, uint32_t *out_r)
{
	struct accountfile	f;
	int			n;

	accountfile_init(&f);
	n = accountfile_read(acc->dir, &f);
	if (n == -1 && errno == ENOENT)
		n = 0;
	if (n == 0 && f.uidvalidity == 0)
		n = tree_unused(acc, &f.uidvalidity);
	if (n == 0) {
		*out_r = f.uidvalidity;
		f.uidvalidity = *out_r + 1;
		n = accountfile_write(acc->dir, &f);
	}
	accountfile_free(&f);
	return n;
}

int
tree_register(struct mailbox *mb, struct str name, const struct mailboxfile *f)
{
	struct mailbox_rec	m = { .uidvalidity = mb->id, .uidnext = 1, .uidmax = f->uidmax, .recent = 1 };
	struct tx		tx;

	m.special = f->special;
	memcpy(m.keywords, f->keywords, sizeof(m.keywords));
	if (!str_copy(name, m.name, sizeof(m.name))) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if (tx_begin(mb->acc, &tx) == -1)
		return -1;
	m.modseq = m.log_floor = tx_modseq(&tx);
	if (tx_add_mailbox(&tx, &m) == -1) {
		tx_cancel(&tx);
		return -1;
	}
	return tx_commit(&tx);
}

static void
tree_free(struct tree *t)
{
	int	err = errno;

	for (size_t i = 0; i < t->n; i++) {
		free(t->leaves[i].name);
		(void)fd_close(&t->leaves[i].dir);
	}
	free(t->leaves);
	errno = err;
}

static int
add_leaf(struct tree *t, struct str name, int dir)
{
	struct leaf		*p = NULL;
	struct mailboxfile	 f;

	if (t->n < TREE_MOST)
		p = reallocarray(t->leaves, t->n + 1, sizeof(*p));
	if (p == NULL)
		return -1;
	t->leaves = p;
	p[t->n] = (struct leaf){ .name = strndup(name.p, name.n), .dir = -1 };
	if (p[t->n].name == NULL)
		return -1;
	if (mailboxfile_read(dir, &f) == -1) {
		free(p[t->n].name);
		return -1;
	}
	p[t->n++].id = f.uidvalidity;
	return 0;
}

static bool
is_maildir(int dir)
{
	struct stat	st;

	return fstatat(dir, "cur", &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

/*
 * Collect the mailboxes in and below a directory. A directory without cur/ is
 * one when a mailbox lies below it. Depth and length are bounded by name_canon().
 */
static int
walk(struct tree *t, int dir, struct str name)
{
	struct buf	 child = BUF_INIT(2 * LIMIT_MAILBOX_NAME), canon = BUF_INIT(2 * LIMIT_MAILBOX_NAME);
	size_t		 before = t->n;
	int		 fd = dir_open(dir, "."), n = 0;
	DIR		*d = fd == -1 ? NULL : fdopendir(fd);
	struct dirent	*de;

	while (d != NULL && n == 0 && (de = readdir(d)) != NULL) {
		int	sub;

		if (de->d_type != DT_DIR && de->d_type != DT_UNKNOWN)
			continue;
		buf_reset(&child);
		if (name.n > 0) {
			buf_add(&child, name);
			buf_addc(&child, '/');
		}
		if (!name_element(str_c(de->d_name), &child) || name_canon(buf_str(&child), &canon) == -1 ||
		    !str_eq(buf_str(&child), buf_str(&canon)))
			continue;
		sub = dir_open(dir, de->d_name);
		if (sub == -1)
			continue;
		n = walk(t, sub, buf_str(&child));
		(void)close(sub);
	}
	buf_free(&child);
	buf_free(&canon);
	if (d == NULL) {
		if (fd != -1)
			(void)close(fd);
		return -1;
	}
	(void)closedir(d);
	if (n == 0 && name.n > 0 && (t->n > before || is_maildir(dir)))
		n = add_leaf(t, name, dir);
	else
		t->plain = t->plain || name.n > 0;
	return n;
}

int
tree_each(struct account *acc, int (*call)(void *arg, struct str name, uint32_t id), void *arg)
{
	struct tree	t = { .acc = acc };
	int		n = walk(&t, acc->mail, STR(""));

	for (size_t i = 0; i < t.n && n == 0; i++)
		n = call(arg, str_c(t.leaves[i].name), t.leaves[i].id);
	tree_free(&t);
	return n;
}

static int
by_name(const void *va, const void *vb)
{
	const struct leaf	*a = va, *b = vb;

	return str_cmp(str_c(a->name), str_c(b->name));
}

/* Give a maildir an id that is its own, and complete it. Parents come first in the order of names. */
static int
settle(struct tree *t, struct leaf *leaf, struct mailboxfile *f)
{
	struct str	parent = name_parent(str_c(leaf->name)), last;
	int		at = tree_open(t->acc, parent), n;

	if (at == -1)
		return -1;
	last = str_skip(str_c(leaf->name), parent.n > 0 ? parent.n + 1 : 0);
	leaf->dir = -1;
	if (leaf->id == 0) {
		n = tree_uidvalidity(t->acc, &f->uidvalidity);
		leaf->id = f->uidvalidity;
		f->uidmax = 0;
		if (n == 0)
			n = tree_make(at, last, f, &leaf->dir);
	} else {
		leaf->dir = tree_open(t->acc, str_c(leaf->name));
		n = leaf->dir == -1 ? -1 : make_dir(leaf->dir, "new") == -1 ? -1 : make_dir(leaf->dir, "tmp");
	}
	(void)close(at);
	return n;
}

/* Of two directories with one id (a copy), the one that the index calls so keeps it. */
static void
drop_doubles(struct tree *t)
{
	struct mailbox_rec	m;

	for (size_t i = 0; i < t->n; i++) {
		for (size_t k = 0; k < i; k++) {
			bool	second;

			if (t->leaves[i].id == 0 || t->leaves[i].id != t->leaves[k].id)
				continue;
			second = index_mailbox(&t->acc->db, t->leaves[i].id, &m) == 1 &&
			    str_eq(str_c(m.name), str_c(t->leaves[i].name));
			t->leaves[second ? k : i].id = 0;
		}
	}
}

static int
rename_record(struct account *acc, uint32_t id, struct str name)
{
	struct mailbox_rec	m;
	struct tx		tx;

	if (tx_begin(acc, &tx) == -1)
		return -1;
	if (index_mailbox(&acc->db, id, &m) != 1 || !str_copy(name, m.name, sizeof(m.name)) ||
	    index_put_mailbox(&acc->db, &m) == -1) {
		tx_cancel(&tx);
		return -1;
	}
	return tx_commit(&tx);
}

/* 1 with the record, 0 when the index has no such mailbox; one that it lists without a record is damage. */
static int
find_record(struct account *acc, uint32_t id, struct mailbox_rec *m)
{
	uint32_t	*ids;
	size_t		 count;
	int		 n = index_mailbox(&acc->db, id, m);

	if (n != 0)
		return n;
	if (index_list(&acc->db, &ids, &count) == -1)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (ids[i] == id) {
			errno = EBADMSG;
			n = -1;
		}
	free(ids);
	return n;
}

/* Make the index have this directory under this name. */
static int
enter(struct tree *t, struct leaf *leaf)
{
	struct mailbox_rec	 m;
	struct mailboxfile	 f;
	struct mailbox		*mb = NULL;
	int			 n = leaf->id == 0 ? 0 : find_record(t->acc, leaf->id, &m);

	if (n == 1)
		return str_eq(str_c(m.name), str_c(leaf->name)) ? 0 :
		    rename_record(t->acc, leaf->id, str_c(leaf->name));
	leaf->dir = tree_open(t->acc, str_c(leaf->name));
	if (n == -1 || leaf->dir == -1 || mailboxfile_read(leaf->dir, &f) == -1)
		return -1;
	(void)fd_close(&leaf->dir);
	if (settle(t, leaf, &f) == -1)
		return -1;
	if (mailbox_open_at(t->acc, leaf->dir, leaf->id, &mb) == -1)
		return -1;
	leaf->dir = -1;		/* the mailbox's now */
	mb->restart = true;
	n = tree_register(mb, str_c(leaf->name), &f);
	if (n == 0)
		n = mailbox_rescan(mb);
	mailbox_close(mb);
	return n;
}

static bool
tree_has(const struct tree *t, uint32_t id)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->leaves[i].id == id)
			return true;
	return false;
}

/* Mailboxes of the index whose directories are gone. */
static int
drop_missing(struct tree *t)
{
	struct mailbox_rec	 m;
	struct tx		 tx;
	uint32_t		*ids = NULL;
	size_t			 n = 0, dropped = 0;
	int			 r = -1;

	if (tx_begin(t->acc, &tx) == -1)
		return -1;
	if (index_list(&t->acc->db, &ids, &n) == -1)
		goto fail;
	for (size_t i = 0; i < n; i++) {
		if (tree_has(t, ids[i]))
			continue;
		if (index_mailbox(&t->acc->db, ids[i], &m) == 1 && tx_del_mailbox(&tx, &m) == -1)
			goto fail;
		dropped++;
	}
	free(ids);
	if (dropped > 0)
		return tx_commit(&tx);
	r = 0;
	ids = NULL;
fail:
	free(ids);
	tx_cancel(&tx);
	return r;
}

static int
make_inbox(struct account *acc)
{
	struct mailboxfile	f = { .special = SPECIAL_NONE };
	int			dir = tree_open(acc, STR("INBOX")), n;

	if (dir != -1) {
		n = is_maildir(dir);
		(void)close(dir);
		if (n)
			return 0;
	} else if (errno != ENOENT)
		return -1;
	if (tree_uidvalidity(acc, &f.uidvalidity) == -1 || tree_make(acc->mail, STR("INBOX"), &f, &dir) == -1)
		return -1;
	return fd_close(&dir);
}

int
tree_scan(struct account *acc, bool *settled_r)
{
	struct tree	t = { .acc = acc };
	int		n = -1;

	if (account_lock(acc) == -1)
		return -1;
	if (tree_tidy(acc) == -1 || make_inbox(acc) == -1 || walk(&t, acc->mail, STR("")) == -1)
		goto out;
	if (t.n > 0)
		qsort(t.leaves, t.n, sizeof(*t.leaves), by_name);
	drop_doubles(&t);
	for (size_t i = 0; i < t.n; i++)
		if (enter(&t, &t.leaves[i]) == -1)
			goto out;
	n = drop_missing(&t);
	if (settled_r != NULL)
		*settled_r = !t.plain;
out:
	tree_free(&t);
	account_unlock(acc);
	return n;
}
