#include "account.h"

#include <sys/file.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../sys/deadline.h"
#include "../sys/fd.h"
#include "index.h"
#include "tree.h"

enum { ACCOUNT_LOCK_MS = 60000 };	/* a rebuild of a large account fits in */

bool
account_name_ok(struct str name)
{
	return name.n > 0 && name.n <= 128 && name.p[0] != '.' && str_chr(name, '/') == name.n &&
	    !str_has_control(name) && str_is_utf8(name);
}

static char *
join(const char *dir, const char *name)
{
	char	*p;

	return asprintf(&p, "%s/%s", dir, name) == -1 ? NULL : p;
}

void
account_close(struct account *acc)
{
	int	err = errno;

	if (acc == NULL)
		return;
	tdbx_close(&acc->db);
	(void)fd_close(&acc->dir);
	(void)fd_close(&acc->mail);
	(void)fd_close(&acc->changed);
	free(acc->path);
	free(acc->index);
	free(acc);
	errno = err;
}

int
account_handle(const char *path, struct account **out_r)
{
	struct account	*acc = calloc(1, sizeof(*acc));

	*out_r = NULL;
	if (acc == NULL)
		return -1;
	acc->dir = acc->mail = acc->changed = -1;
	acc->path = strdup(path);
	acc->index = join(path, "index.tdb");
	if (acc->path == NULL || acc->index == NULL)
		goto fail;
	if ((acc->dir = dir_open(AT_FDCWD, path)) == -1 || (acc->mail = dir_open(acc->dir, "mail")) == -1)
		goto fail;
	acc->changed = openat(acc->dir, "changed", O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (acc->changed == -1)
		goto fail;
	*out_r = acc;
	return 0;
fail:
	account_close(acc);
	return -1;
}

int
account_open(const char *path, struct account **out_r)
{
	if (account_handle(path, out_r) == -1)
		return -1;
	if (account_fresh(*out_r) == -1) {
		account_close(*out_r);
		*out_r = NULL;
		return -1;
	}
	return 0;
}

int
account_lock(struct account *acc)
{
	struct deadline	d = deadline_in(ACCOUNT_LOCK_MS);
	long		us = 100;

	if (acc->locks > 0) {
		acc->locks++;
		return 0;
	}
	while (flock(acc->dir, LOCK_EX | LOCK_NB) == -1) {
		if (errno == EINTR)
			continue;
		if (errno != EWOULDBLOCK)
			return -1;
		if (deadline_over(d)) {
			errno = ETIMEDOUT;
			return -1;
		}
		(void)nanosleep(&(struct timespec){ .tv_nsec = us * 1000 }, NULL);
		us = us < 10000 ? us * 2 : us;
	}
	acc->locks = 1;
	return 0;
}

void
account_unlock(struct account *acc)
{
	int	err = errno;

	if (--acc->locks == 0)
		(void)flock(acc->dir, LOCK_UN);
	errno = err;
}

/* Open index.tdb if it is whole; 1 when the machine started since it was last looked over. */
static int
open_index(struct account *acc, struct account_rec *a)
{
	char	boot[BOOT_ID_SIZE];
	int	n;

	tdbx_close(&acc->db);
	if (tdbx_open(&acc->db, acc->index) == -1)
		return -1;
	n = index_account(&acc->db, a);
	if (n != 1) {
		if (n == 0)
			errno = EBADMSG;
		return -1;
	}
	/* without the id each opening would look like a restart */
	return boot_id(boot) && memcmp(boot, a->boot, BOOT_ID_SIZE) != 0;
}

static int
load(struct account *acc)
{
	struct account_rec	a;
	int			n = open_index(acc, &a);

	if (n == 1)
		n = tdbx_sound(&acc->db) && index_agrees(acc) ? account_mend(acc) : account_rebuild(acc);
	/* what the power cut tore is found while it is looked over */
	if (n == -1 && (errno == ENOENT || errno == EBADMSG))
		n = account_rebuild(acc);
	return n;
}

int
account_fresh(struct account *acc)
{
	int	n = 0;

	if (acc->mending || tdbx_is_current(&acc->db))
		return 0;
	if (account_lock(acc) == -1)
		return -1;
	/* another process may have done it while this one waited */
	if (!tdbx_is_current(&acc->db))
		n = load(acc);
	account_unlock(acc);
	return n;
}

bool
account_retry(struct account *acc, struct mailbox *mb, unsigned *tries)
{
	int	err = errno;
	bool	again = false;

	if (!acc->mending && ++*tries <= 4) {
		if (err == EBADMSG) {
			again = account_rebuild(acc) == 0;
			if (!again)
				err = errno;
		} else
			again = err == EAGAIN;
		if (again && err == EAGAIN && mb != NULL)
			mb->rescan = true;
	}
	if (!again)
		errno = err == EAGAIN ? ETIMEDOUT : err;
	return again;
}

void
account_touch(struct account *acc)
{
	int	err = errno;

	(void)futimens(acc->changed, NULL);
	errno = err;
}

/* Without such an id a restart is not noticed; then damage is found where it is read. */
bool
boot_id(char *out)
{
	struct buf	b = BUF_INIT(256);
	bool		got;

	memset(out, '-', BOOT_ID_SIZE);
	got = file_read(AT_FDCWD, "/proc/sys/kernel/random/boot_id", &b) == 0 && b.n >= BOOT_ID_SIZE;
	if (got)
		memcpy(out, b.p, BOOT_ID_SIZE);
	buf_free(&b);
	return got;
}

void
account_set_quota(struct account *acc, uint64_t bytes)
{
	acc->quota = bytes;
}

uint64_t
account_quota(const struct account *acc)
{
	return acc->quota;
}

int
account_usage(struct account *acc, uint64_t *bytes_r, uint64_t *count_r)
{
	struct account_rec	a;
	unsigned		tries = 0;
	int			n;

	do {
		n = account_fresh(acc) == -1 ? -1 : index_account(&acc->db, &a);
		if (n == 0) {
			errno = EBADMSG;
			n = -1;
		}
	} while (n == -1 && account_retry(acc, NULL, &tries));
	if (n == -1)
		return -1;
	if (bytes_r != NULL)
		*bytes_r = a.bytes;
	if (count_r != NULL)
		*count_r = a.count;
	return 0;
}
