#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "account.h"

#include "../sys/deadline.h"
#include "../sys/fd.h"
#include "accountfile.h"
#include "tree.h"

static const struct {
	struct str	name;
	enum special	special;
} usual[] = {
	{ STR_INIT("INBOX"), SPECIAL_NONE },
	{ STR_INIT("Archive"), SPECIAL_ARCHIVE },
	{ STR_INIT("Drafts"), SPECIAL_DRAFTS },
	{ STR_INIT("Junk"), SPECIAL_JUNK },
	{ STR_INIT("Sent"), SPECIAL_SENT },
	{ STR_INIT("Trash"), SPECIAL_TRASH },
};

enum { USUAL = sizeof(usual) / sizeof(usual[0]) };

/* A usual mailbox; one that an interrupted creation has made keeps its uidvalidity, which is below the next one. */
static int
make_usual(int mail, unsigned i, uint32_t *uidvalidity)
{
	struct mailboxfile	f = { .uidvalidity = 0 };
	char			name[32];
	int			dir;

	if (!str_copy(usual[i].name, name, sizeof(name)))
		return -1;
	dir = dir_open(mail, name);
	if (dir != -1 && mailboxfile_read(dir, &f) == -1) {
		(void)fd_close(&dir);
		return -1;
	}
	(void)fd_close(&dir);
	if (f.uidvalidity == 0)
		f = (struct mailboxfile){ .uidvalidity = (*uidvalidity)++,
			.special = usual[i].special };
	if (tree_make(mail, usual[i].name, &f, &dir) == -1)
		return -1;
	return fd_close(&dir);
}

/* The account's file comes last: with it the account is complete. */
static int
finish(int dir, uint32_t uidvalidity)
{
	struct accountfile	f;
	int			n;

	accountfile_init(&f);
	f.uidvalidity = uidvalidity;
	for (unsigned i = 0; i < USUAL; i++)
		(void)accountfile_subscribe(&f, usual[i].name, true);
	n = accountfile_write(dir, &f);
	accountfile_free(&f);
	return n;
}

static int
sync_parent(int dir)
{
	int	up = openat(dir, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC), n;

	if (up == -1)
		return -1;
	n = dir_sync(up);
	return fd_close(&up) == -1 ? -1 : n;
}

static int
complete(struct account *acc)
{
	uint32_t	uidvalidity;

	if ((mkdirat(acc->dir, "mail", 0700) == -1 && errno != EEXIST) || (acc->mail = dir_open(acc->dir, "mail")) == -1)
		return -1;
	if (tree_unused(acc, &uidvalidity) == -1)
		return -1;
	for (unsigned i = 0; i < USUAL; i++)
		if (make_usual(acc->mail, i, &uidvalidity) == -1)
			return -1;
	return finish(acc->dir, uidvalidity) == 0 ? sync_parent(acc->dir) : -1;
}

/* 0 when it is not, -1 with errno. */
static int
is_complete(int dir)
{
	struct stat	st;

	if (fstatat(dir, "posthorn.account", &st, AT_SYMLINK_NOFOLLOW) == -1)
		return errno == ENOENT ? 0 : -1;
	errno = EEXIST;
	return -1;
}

int
account_create(const char *path)
{
	struct account	acc = { .dir = -1, .mail = -1 };	/* for its lock, and to look around in it */
	int		n = -1, err;

	if (mkdir(path, 0700) == -1 && errno != EEXIST)
		return -1;
	if ((acc.dir = dir_open(AT_FDCWD, path)) == -1)
		return -1;
	/* who opens the account meanwhile waits, and who would create it too finds it done */
	if (is_complete(acc.dir) == 0 && account_lock(&acc) == 0) {
		n = is_complete(acc.dir) == 0 ? complete(&acc) : -1;
		account_unlock(&acc);
	}
	err = errno;
	(void)fd_close(&acc.mail);
	(void)fd_close(&acc.dir);
	errno = err;
	return n;
}
