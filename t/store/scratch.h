/* scratch: a directory of its own for a test of the store, and shortcuts. */
#ifndef T_STORE_SCRATCH_H
#define T_STORE_SCRATCH_H

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/incoming.h"
#include "sys/fd.h"

static char	scratch[] = "/tmp/posthorn-store.XXXXXX";

__attribute__((unused)) static int
scratch_remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

__attribute__((unused)) static void
scratch_enter(void)
{
	if (mkdtemp(scratch) == NULL || chdir(scratch) == -1) {
		printf("Bail out! no scratch directory: %s\n", strerror(errno));
		exit(1);
	}
}

__attribute__((unused)) static void
scratch_leave(void)
{
	if (chdir("/") == 0 && getenv("KEEP") == NULL)
		(void)nftw(scratch, scratch_remove, 20, FTW_DEPTH | FTW_PHYS);
}

/* Deliver one message: its uid, or -1. */
__attribute__((unused)) static int64_t
deliver(struct mailbox *mb, const char *text)
{
	struct incoming	*in;
	int64_t		 uid = -1;

	if (incoming_open(mb, &in) == -1)
		return -1;
	if (write_all(incoming_fd(in), str_c(text)) == 0 && publish(mailbox_account(mb), &in, 1) == 0)
		uid = incoming_uid(in);
	incoming_free(in);
	return uid;
}

#endif
