#include "folders.h"

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
#include "mailbox.h"
#include "message.h"
#include "name.h"
#include "sync.h"
#include "tree.h"

enum { UIDMAX_START = 1024 };	/* reserved for a new mailbox at once */

int
mailbox_canon(struct str name, struct arena *arena, struct str *out_r)
{
	struct buf	canon = BUF_INIT(LIMIT_MAILBOX_NAME + 8);
	int		n = name_canon(name, &canon);

	if (n == 0 && !arena_dup(arena, buf_str(&canon), out_r)) {
		errno = ENOMEM;
		n = -1;
	}
	buf_free(&canon);
	return n;
}

static int
subscribe(struct account *acc, struct str name, bool on)
{
	struct accountfile	f;
	int			n;

	if (account_lock(acc) == -1)
		return -1;
	accountfile_init(&f);
	n = accountfile_read(acc->dir, &f);
	if (n == -1 && errno == ENOENT)
		n = 0;
	if (n == 0 && accountfile_subscribe(&f, name, on)) {
		n = accountfile_write(acc->dir, &f);
		account_touch(acc);
	}
	accountfile_free(&f);
	account_unlock(acc);
	return n;
}

int
mailbox_subscribe(struct account *acc, struct str name, bool on)
{
	struct buf	canon = BUF_INIT(LIMIT_MAILBOX_NAME + 8);
	int		n = name_canon(name, &canon);

	if (n == 0)
		n = subscribe(acc, buf_str(&canon), on);
	buf_free(&canon);
	return n;
}

static int
put_special(struct account *acc, uint32_t id, enum special s)
{
	struct mailbox_rec	m;
	struct tx		tx;

	if (tx_begin(acc, &tx) == -1)
		return -1;
	if (index_mailbox(&acc->db, id, &m) == 1) {
		m.special = s;
		if (index_put_mailbox(&acc->db, &m) == 0)
			return tx_commit(&tx);
	}
	tx_cancel(&tx);
	return -1;
}

/* Only one mailbox of an account has it. */
static int
take_special(struct account *acc, enum special s)
{
	struct mailbox_rec	 m;
	struct mailboxfile	 f;
	uint32_t		*ids;
	size_t			 count;
	int			 n = 0;

	if (s == SPECIAL_NONE)
		return 0;
	if (index_list(&acc->db, &ids, &count) == -1)
		return -1;
	for (size_t i = 0; i < count && n == 0; i++) {
		int	dir;

		if (index_mailbox(&acc->db, ids[i], &m) != 1 || m.special != s)
			continue;
		dir = tree_open(acc, str_c(m.name));
		if (dir != -1 && mailboxfile_read(dir, &f) == 0 && f.uidvalidity == ids[i]) {
			f.special = SPECIAL_NONE;
			n = mailboxfile_write(dir, &f);
		}
		(void)fd_close(&dir);
		if (n == 0)
			n = put_special(acc, ids[i], SPECIAL_NONE);
	}
	free(ids);
	return n;
}

bool
folder_exists(struct account *acc, struct str name)
{
	struct mailbox	*mb;

	if (mailbox_open(acc, name, &mb) == -1)
		return false;
	mailbox_close(mb);
	return true;
}

/* One mailbox whose parent exists. Under the lock. */
static int
make_one(struct account *acc, struct str name, enum special special)
{
	struct mailboxfile	 f = { .special = special, .uidmax = UIDMAX_START };
	struct str		 parent = name_parent(name);
	struct mailbox		*mb = NULL;
	int			 at = tree_open(acc, parent), dir = -1, n = -1;

	if (at == -1)
		return -1;
	if (tree_uidvalidity(acc, &f.uidvalidity) == 0 &&
	    tree_make(at, str_skip(name, parent.n > 0 ? parent.n + 1 : 0), &f, &dir) == 0 &&
	    mailbox_open_at(acc, dir, f.uidvalidity, &mb) == 0)
		n = tree_register(mb, name, &f);
	mailbox_close(mb);
	(void)fd_close(&at);
	return n == -1 ? -1 : subscribe(acc, name, true);
}

int
folder_make(struct account *acc, struct str name, enum special special, unsigned *made_r)
{
	struct str	parent = name_parent(name);
	unsigned	made = 0;

	if (folder_exists(acc, name)) {
		errno = EEXIST;
		return -1;
	}
	if (errno != ENOENT)
		return -1;
	if (parent.n > 0 && folder_make(acc, parent, SPECIAL_NONE, &made) == -1 && errno != EEXIST)
		return -1;
	if (made_r != NULL)
		*made_r = made + 1;
	return make_one(acc, name, special);
}

int
mailbox_create(struct account *acc, struct str name, enum special special, unsigned *made_r)
{
	struct buf	canon = BUF_INIT(LIMIT_MAILBOX_NAME + 8);
	int		n = name_canon(name, &canon);

	if (made_r != NULL)
		*made_r = 0;
	if (n == 0 && (n = account_lock(acc)) == 0) {
		if (folder_exists(acc, buf_str(&canon))) {
			errno = EEXIST;
			n = -1;
		} else if (take_special(acc, special) == -1)
			n = -1;
		else
			n = folder_make(acc, buf_str(&canon), special, made_r);
		account_unlock(acc);
	}
	buf_free(&canon);
	return n;
}

static int
by_name(const void *va, const void *vb)
{
	const struct mailbox_info	*a = va, *b = vb;
	bool				 ai = name_is_inbox(a->name), bi = name_is_inbox(b->name);

	if (ai != bi)
		return ai ? -1 : 1;
	return str_cmp(a->name, b->name);
}

static struct mailbox_info *
find_info(struct mailbox_info *list, size_t n, struct str name)
{
	struct mailbox_info	key = { .name = name };

	return bsearch(&key, list, n, sizeof(*list), by_name);
}

static int
fill_list(struct account *acc, struct arena *arena, struct mailbox_info *list, const uint32_t *ids,
    size_t *n)
{
	struct mailbox_rec	m;
	size_t			count = 0;

	for (size_t i = 0; i < *n; i++) {
		int	found = index_mailbox(&acc->db, ids[i], &m);

		if (found == -1)
			return -1;
		if (found == 0)
			continue;	/* deleted since the list was read */
		list[count] = (struct mailbox_info){ .uidvalidity = ids[i], .special = m.special, .exists = true };
		if (!arena_dup(arena, str_c(m.name), &list[count++].name)) {
			errno = ENOMEM;
			return -1;
		}
	}
	*n = count;
	qsort(list, count, sizeof(*list), by_name);
	for (size_t i = 0; i < count; i++) {
		struct str		 parent = name_parent(list[i].name);
		struct mailbox_info	*p = parent.n == 0 ? NULL : find_info(list, count, parent);

		if (p != NULL)
			p->children = true;
	}
	return 0;
}

/* Mark those that are subscribed; add names that do not exist. */
static int
add_subscribed(const struct accountfile *f, struct arena *arena, struct mailbox_info *list, size_t *n)
{
	struct str	rest = buf_str(&f->subscribed), name;
	size_t		existing = *n;

	while (rest.n > 0) {
		struct mailbox_info	*p;

		(void)str_cut(&rest, '\n', &name);
		p = find_info(list, existing, name);
		if (p != NULL) {
			p->subscribed = true;
			continue;
		}
		list[*n] = (struct mailbox_info){ .subscribed = true };
		if (!arena_dup(arena, name, &list[(*n)++].name)) {
			errno = ENOMEM;
			return -1;
		}
	}
	qsort(list, *n, sizeof(*list), by_name);
	return 0;
}

static size_t
count_lines(struct str s)
{
	size_t	n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += s.p[i] == '\n';
	return n;
}

static int
list_once(struct account *acc, struct arena *arena, struct mailbox_info **list_r, size_t *n_r)
{
	struct accountfile	 f;
	uint32_t		*ids = NULL;
	int			 n;

	accountfile_init(&f);
	n = account_fresh(acc);
	/* what cannot be taken in now does not keep the others from being seen */
	if (n == 0 && tree_refresh(acc) == -1 && errno == EBADMSG)
		n = -1;
	if (n == 0)
		n = accountfile_read(acc->dir, &f);
	if (n == -1 && errno == ENOENT)
		n = 0;
	if (n == 0 && index_list(&acc->db, &ids, n_r) == -1)
		n = -1;
	if (n == 0) {
		*list_r = arena_array(arena, *n_r + count_lines(buf_str(&f.subscribed)) + 1, sizeof(**list_r));
		if (*list_r == NULL) {
			errno = ENOMEM;
			n = -1;
		}
	}
	if (n == 0)
		n = fill_list(acc, arena, *list_r, ids, n_r);
	if (n == 0)
		n = add_subscribed(&f, arena, *list_r, n_r);
	free(ids);
	accountfile_free(&f);
	return n;
}

int
mailbox_list(struct account *acc, struct arena *arena, struct mailbox_info **list_r, size_t *n_r)
{
	unsigned	tries = 0;
	int		n;

	do
		n = list_once(acc, arena, list_r, n_r);
	while (n == -1 && account_retry(acc, NULL, &tries));
	return n;
}
