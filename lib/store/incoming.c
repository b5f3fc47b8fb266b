#include "incoming.h"

#include <sys/random.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../sys/deadline.h"
#include "../sys/fd.h"
#include "file.h"
#include "sync.h"

enum { LOOK_BACK = 16384 };	/* uids among which one is looked for that was given a moment ago */

/* Where the file is. */
enum stage {
	STAGE_TMP,
	STAGE_NEW,
	STAGE_CUR,	/* in cur/, not committed */
	STAGE_DONE,
};

struct incoming {
	struct mailbox	*mb;
	enum stage	 stage;
	int		 fd;
	bool		 missed;	/* not in new/ at an earlier try */
	struct entry	 e;
	char		 tmp[40];
};

int
incoming_open(struct mailbox *mb, struct incoming **out_r)
{
	struct incoming	*in = calloc(1, sizeof(*in));
	char		 id[ENTRY_ID_TEXT + 1];

	*out_r = NULL;
	if (in == NULL)
		return -1;
	in->mb = mb;
	in->e.date = clock_now();
	if (getentropy(in->e.id, sizeof(in->e.id)) == -1) {
		free(in);
		return -1;
	}
	entry_id_text(in->e.id, id);
	(void)snprintf(in->tmp, sizeof(in->tmp), "%s.posthorn", id);
	in->fd = openat(mb->tmp, in->tmp, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (in->fd == -1) {
		int	err = errno;

		free(in);
		errno = err;
		return -1;
	}
	*out_r = in;
	return 0;
}

static void
withdraw(struct incoming *in)
{
	char	name[FILE_NAME_SIZE];

	if (in->stage == STAGE_TMP)
		(void)unlinkat(in->mb->tmp, in->tmp, 0);
	if (in->stage == STAGE_NEW || in->stage == STAGE_CUR) {
		file_name(&in->e, name);
		(void)unlinkat(in->stage == STAGE_NEW ? in->mb->new : in->mb->cur, name, 0);
	}
}

void
incoming_free(struct incoming *in)
{
	int	err = errno;

	if (in == NULL)
		return;
	withdraw(in);
	(void)fd_close(&in->fd);
	free(in);
	errno = err;
}

int
incoming_fd(const struct incoming *in)
{
	return in->fd;
}

void
incoming_set(struct incoming *in, int64_t date, struct flags f)
{
	in->e.date = date < 0 ? 0 : date;
	in->e.flags.sys = f.sys & FLAG_ALL;
	in->e.flags.keywords = f.keywords & KEYWORD_ALL;
}

uint32_t
incoming_uid(const struct incoming *in)
{
	return in->e.uid;
}

const struct entry *
incoming_entry(const struct incoming *in)
{
	return &in->e;
}

/* The bytes of each file; the disk may write them at the same time. */
static int
sync_files(struct incoming *const *list, size_t n)
{
	struct stat	st;

#ifdef SYNC_FILE_RANGE_WRITE
	for (size_t i = 0; n > 1 && i < n; i++)
		(void)sync_file_range(list[i]->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
#endif
	for (size_t i = 0; i < n; i++) {
		if (list[i]->fd == -1)
			continue;	/* by an earlier try */
		if (fsync(list[i]->fd) == -1 || fstat(list[i]->fd, &st) == -1)
			return -1;
		list[i]->e.size = (uint64_t)st.st_size;
		/* an idle descriptor costs nothing, a failed close of a written file is an error */
		if (fd_close(&list[i]->fd) == -1)
			return -1;
	}
	return 0;
}

/* Into new/, and each new/ synced once: from here on a power cut takes nothing away. */
static int
store_files(struct incoming *const *list, size_t n)
{
	char	name[FILE_NAME_SIZE];

	for (size_t i = 0; i < n; i++) {
		if (list[i]->stage != STAGE_TMP)
			continue;
		file_name(&list[i]->e, name);
		if (renameat(list[i]->mb->tmp, list[i]->tmp, list[i]->mb->new, name) == -1)
			return -1;
		list[i]->stage = STAGE_NEW;
	}
	for (size_t i = 0; i < n; i++) {
		size_t	k = 0;

		while (list[k]->mb != list[i]->mb)
			k++;
		if (k == i && dir_sync(list[i]->mb->new) == -1)
			return -1;
	}
	return 0;
}

static int
check_quota(struct account *acc, uint64_t used, struct incoming *const *list, size_t n)
{
	uint64_t	size = 0;

	for (size_t i = 0; i < n; i++)
		size += list[i]->e.size;
	if (acc->quota != 0 && (used > acc->quota || size > acc->quota - used)) {
		errno = EDQUOT;
		return -1;
	}
	return 0;
}

/*
 * Another process, which looked into new/, has published it already; or
 * another program has moved it, which is seen by looking anew (EAGAIN). If
 * it is not in the mailbox then either, somebody has read it and filed or
 * removed it: it was delivered, and has no uid here.
 */
static int
find_published(struct box *b, struct incoming *in)
{
	uint32_t	least = b->rec.uidnext > LOOK_BACK ? b->rec.uidnext - LOOK_BACK : 1;

	for (uint32_t uid = b->rec.uidnext; uid-- > least; ) {
		struct entry	e;
		int		n = box_get(b, uid, &e);

		if (n == -1)
			return -1;
		if (n == 1 && memcmp(e.id, in->e.id, ENTRY_ID_SIZE) == 0) {
			in->e = e;
			in->stage = STAGE_DONE;
			return 0;
		}
	}
	if (in->missed) {
		in->stage = STAGE_DONE;
		return 0;
	}
	in->missed = true;
	errno = EAGAIN;
	return -1;
}

static int
publish_one(struct box *b, struct incoming *in)
{
	char		from[FILE_NAME_SIZE], to[FILE_NAME_SIZE];
	struct entry	e = in->e;

	file_name(&in->e, from);
	e.uid = b->rec.uidnext;
	e.saved = clock_now();
	e.flags.keywords &= keyword_mask(b->rec.keywords);
	file_name(&e, to);
	if (renameat(in->mb->new, from, in->mb->cur, to) == -1)
		return errno == ENOENT ? find_published(b, in) : -1;
	in->stage = STAGE_CUR;
	if (box_add(b, &e) == -1) {
		in->e.uid = e.uid;
		return -1;
	}
	in->e = e;
	return 0;
}

/* Those of the list that go into one mailbox, in order. */
static int
publish_box(struct tx *tx, struct mailbox *mb, struct incoming *const *list, size_t n)
{
	struct box	b;
	struct dirtime	before;
	uint32_t	mine = 0;

	if (box_load(&b, tx, mb->id) == -1)
		return -1;
	for (size_t i = 0; i < n; i++)
		mine += list[i]->mb == mb && list[i]->stage == STAGE_NEW;
	if (mb->uidmax > b.rec.uidmax)
		b.rec.uidmax = mb->uidmax;
	if (mine > b.rec.uidmax - (b.rec.uidnext - 1)) {
		mb->reserve_from = b.rec.uidnext;
		mb->reserve = mine;
		errno = EAGAIN;
		return -1;
	}
	before = sync_time(mb->cur);
	for (size_t i = 0; i < n; i++)
		if (list[i]->mb == mb && list[i]->stage == STAGE_NEW && publish_one(&b, list[i]) == -1)
			return -1;
	sync_note(mb, &b.rec, before);
	return box_flush(&b);
}

/* Undo the renames of a transaction that did not come about, so that it can be tried again. */
static void
step_back(struct incoming *const *list, size_t n)
{
	int	err = errno;

	for (size_t i = 0; i < n; i++) {
		char		from[FILE_NAME_SIZE], to[FILE_NAME_SIZE];
		struct incoming	*in = list[i];

		if (in->stage != STAGE_CUR)
			continue;
		file_name(&in->e, from);
		in->e.uid = 0;
		file_name(&in->e, to);
		(void)renameat(in->mb->cur, from, in->mb->new, to);
		in->stage = STAGE_NEW;
	}
	errno = err;
}

static int
publish_once(struct account *acc, struct incoming *const *list, size_t n)
{
	struct tx	tx;

	if (tx_begin(acc, &tx) == -1)
		return -1;
	if (check_quota(acc, tx.a.bytes, list, n) == -1)
		goto fail;
	for (size_t i = 0; i < n; i++) {
		size_t	k = 0;

		while (list[k]->mb != list[i]->mb)
			k++;
		if (k == i && publish_box(&tx, list[i]->mb, list, n) == -1)
			goto fail;
	}
	if (tx_commit(&tx) == -1) {
		step_back(list, n);
		return -1;
	}
	for (size_t i = 0; i < n; i++)
		list[i]->stage = STAGE_DONE;
	return 0;
fail:
	step_back(list, n);
	tx_cancel(&tx);
	return -1;
}

/* What a try that ended in EAGAIN asked for: uids, or another look into the directories. */
static int
prepare_again(struct incoming *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct mailbox	*mb = list[i]->mb;

		if (mb->reserve > 0) {
			uint32_t	count = mb->reserve;

			mb->reserve = 0;
			if (mailbox_reserve(mb, mb->reserve_from, count) == -1)
				return -1;
			return 0;
		}
	}
	for (size_t i = 0; i < n; i++)
		if (mailbox_rescan(list[i]->mb) == -1)
			return -1;
	return 0;
}

int
publish(struct account *acc, struct incoming *const *list, size_t n)
{
	uint64_t	used;
	unsigned	tries = 0;
	int		r;

	if (n == 0)
		return 0;
	if (sync_files(list, n) == -1 || account_usage(acc, &used, NULL) == -1 ||
	    check_quota(acc, used, list, n) == -1 || store_files(list, n) == -1)
		return -1;
	do {
		r = publish_once(acc, list, n);
		if (r == -1 && errno == EAGAIN && prepare_again(list, n) == 0)
			errno = EAGAIN;
	} while (r == -1 && account_retry(acc, NULL, &tries));
	return r;
}
