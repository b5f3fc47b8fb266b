#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "check.h"

#include "../sys/deadline.h"
#include "../sys/fd.h"
#include "index.h"
#include "sync.h"
#include "tree.h"

static void
clean_tmp(struct mailbox *mb)
{
	int		 fd = dir_open(mb->tmp, ".");
	DIR		*d = fd == -1 ? NULL : fdopendir(fd);
	struct dirent	*de;
	struct stat	 st;

	if (d == NULL) {
		(void)fd_close(&fd);
		return;
	}
	while ((de = readdir(d)) != NULL)
		if (de->d_name[0] != '.' && fstatat(fd, de->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    st.st_mtim.tv_sec < clock_now() - LIMIT_TMP_AGE)
			(void)unlinkat(fd, de->d_name, 0);
	(void)closedir(d);
}

static int
rescan_all(struct account *acc)
{
	struct mailbox_rec	 m;
	uint32_t		*ids = NULL;
	size_t			 count = 0;
	int			 n = tree_scan(acc, NULL);

	if (n == 0)
		n = index_list(&acc->db, &ids, &count);
	for (size_t i = 0; i < count && n == 0; i++) {
		struct mailbox	*mb;
		int		 dir;

		if (index_mailbox(&acc->db, ids[i], &m) != 1 || (dir = tree_open(acc, str_c(m.name))) == -1)
			continue;
		n = mailbox_open_at(acc, dir, ids[i], &mb);
		if (n == 0) {
			n = mailbox_rescan(mb);
			clean_tmp(mb);
			mailbox_close(mb);
		}
	}
	free(ids);
	return n;
}

int
account_reindex(const char *path)
{
	struct account	*acc;
	int		 n;

	if (account_handle(path, &acc) == -1)
		return -1;
	n = account_rebuild(acc);
	account_close(acc);
	return n;
}

int
account_fix(const char *path)
{
	struct account	*acc;
	uint64_t	 problems;
	int		 n;

	if (account_open(path, &acc) == -1)
		return -1;
	n = rescan_all(acc);
	account_close(acc);
	if (n == -1 && errno != EBADMSG)
		return -1;
	if (n == 0 && account_check(path, NULL, NULL, &problems) == 0 && problems == 0)
		return 0;
	return account_reindex(path);
}
