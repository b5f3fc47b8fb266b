#include "tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "../base/num.h"
#include "../sys/fd.h"

/* Unlink the files of a directory; directories in it stay. */
static void
empty(int at, const char *name)
{
	int		 fd = dir_open(at, name);
	DIR		*d = fd == -1 ? NULL : fdopendir(fd);
	struct dirent	*de;

	if (d == NULL) {
		(void)fd_close(&fd);
		return;
	}
	while ((de = readdir(d)) != NULL)
		if (de->d_type != DT_DIR)
			(void)unlinkat(fd, de->d_name, 0);
	(void)closedir(d);
}

void
tree_remove(struct account *acc, const char *name)
{
	static const char	*const subs[] = { "tmp", "new", "cur" };
	int			 err = errno, dir = dir_open(acc->dir, name);

	for (size_t i = 0; dir != -1 && i < sizeof(subs) / sizeof(subs[0]); i++) {
		empty(dir, subs[i]);
		(void)unlinkat(dir, subs[i], AT_REMOVEDIR);
	}
	(void)fd_close(&dir);
	empty(acc->dir, name);
	/* what another program put there keeps the directory; nobody asked us to remove that */
	(void)unlinkat(acc->dir, name, AT_REMOVEDIR);
	errno = err;
}

/* A mailbox that was on its way to another name: back to the one it had, or to one of its own. */
static int
move_back(struct account *acc, const char *entry, struct str id)
{
	struct mailbox_rec	m;
	char			elem[LIMIT_MAILBOX_ELEMENT + 1], other[64];
	uint32_t		n;
	int			at = -1, r;

	if (num_u32(id, UINT32_MAX, &n) && acc->db.tdb != NULL && index_mailbox(&acc->db, n, &m) == 1)
		at = tree_parent(acc, str_c(m.name), elem);
	if (at != -1) {
		r = renameat(acc->dir, entry, at, elem);
		if (r == 0)
			r = dir_sync(at);
		(void)fd_close(&at);
		if (r == 0)
			return 0;
	}
	(void)snprintf(other, sizeof(other), "Recovered-" STR_FMT, STR_ARG(id));
	if (renameat(acc->dir, entry, acc->mail, other) == -1)
		return -1;
	return dir_sync(acc->mail);
}

int
tree_tidy(struct account *acc)
{
	int		 fd = dir_open(acc->dir, "."), n = 0;
	DIR		*d = fd == -1 ? NULL : fdopendir(fd);
	struct dirent	*de;

	if (d == NULL) {
		(void)fd_close(&fd);
		return -1;
	}
	while (n == 0 && (de = readdir(d)) != NULL) {
		struct str	name = str_c(de->d_name);

		if (str_starts(name, STR("deleted.")))
			tree_remove(acc, de->d_name);
		else if (str_starts(name, STR("moving.")))
			n = move_back(acc, de->d_name, str_skip(name, 7));
	}
	(void)closedir(d);
	return n;
}
