#include "tree.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "../sys/deadline.h"
#include "name.h"
#include "sync.h"

enum { RACY_NS = 20000000 };	/* two changes within a kernel tick have the same mtime */

/* Of all directories that the index calls mailboxes, and mail/ itself. */
struct times {
	uint64_t	sum;	/* never 0 */
	int64_t		newest;
};

static void
add_time(struct times *t, struct str name, int64_t mtime)
{
	uint64_t	h = 0xcbf29ce484222325u ^ (uint64_t)mtime;

	h *= 0xff51afd7ed558ccdu;
	for (size_t i = 0; i < name.n; i++)
		h = (h ^ (unsigned char)name.p[i]) * 0x100000001b3u;
	t->sum += h ^ h >> 32;
	if (mtime > t->newest)
		t->newest = mtime;
}

static int
add_mailbox(struct account *acc, struct times *t, uint32_t id)
{
	struct buf		path = BUF_INIT(4 * LIMIT_MAILBOX_NAME);
	struct mailbox_rec	m;
	struct stat		st;
	int			n = index_mailbox(&acc->db, id, &m);

	if (n != 1)
		return n;
	name_path(str_c(m.name), &path);
	if (buf_failed(&path) || fstatat(acc->mail, buf_c(&path), &st, AT_SYMLINK_NOFOLLOW) == -1)
		st.st_mtim = (struct timespec){ .tv_sec = 0 };
	add_time(t, str_c(m.name), (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec);
	buf_free(&path);
	return 0;
}

static int
read_times(struct account *acc, struct times *t)
{
	uint32_t	*ids = NULL;
	size_t		 count = 0;
	int		 n = index_list(&acc->db, &ids, &count);

	*t = (struct times){ .sum = 0 };
	add_time(t, STR(""), sync_time(acc->mail).mtime);
	for (size_t i = 0; i < count && n == 0; i++)
		n = add_mailbox(acc, t, ids[i]);
	free(ids);
	t->sum |= 1;
	return n;
}

static int
note(struct account *acc, uint64_t sum)
{
	struct tx	tx;

	if (tx_begin(acc, &tx) == -1)
		return -1;
	tx.a.tree = sum;
	return tx_commit(&tx);
}

int
tree_refresh(struct account *acc)
{
	struct account_rec	a;
	struct times		t;
	int64_t			begin = clock_now_us() * 1000;
	bool			settled;
	int			n = index_account(&acc->db, &a);

	if (n != 1 || read_times(acc, &t) == -1) {
		if (n == 0)
			errno = EBADMSG;
		return -1;
	}
	if (t.sum == a.tree)
		return 0;
	if (tree_scan(acc, &settled) == -1 || read_times(acc, &t) == -1)
		return -1;
	/* what changed while we looked, or may change without a trace, is looked at again */
	if (!settled || t.newest > begin - RACY_NS)
		t.sum = 0;
	return t.sum == a.tree ? 0 : note(acc, t.sum);
}
