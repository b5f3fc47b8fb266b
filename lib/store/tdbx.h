/*
 * tdbx: the one place that calls tdb. Transactions are not synced (they are
 * safe when a process dies; the files tell the rest), and never mapped: a
 * truncated file is an error and not a SIGBUS, and a session's memory stays small.
 *
 * Functions return 0 or -1 with errno; EBADMSG when the file is damaged,
 * ETIMEDOUT when another process held it for too long, ESTALE when the path names another file by now.
 */
#ifndef STORE_TDBX_H
#define STORE_TDBX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct tdb_context;

struct tdbx {
	struct tdb_context	*tdb;
	char			*path;
	dev_t			 dev;
	ino_t			 ino;
	pid_t			 pid;
};

struct tdbx_key {
	uint8_t	b[12];
	size_t	n;
};

/* An existing file. ENOENT, EBADMSG. */
int	tdbx_open(struct tdbx *, const char *path) __attribute__((warn_unused_result));

/* A new file that must not exist, for about so many records. */
int	tdbx_create(struct tdbx *, const char *path, size_t records) __attribute__((warn_unused_result));

void	tdbx_close(struct tdbx *);	/* a closed (zeroed) one is fine */

/* rename(2) the file; the handle stays good under the new name. */
int	tdbx_rename(struct tdbx *, const char *path) __attribute__((warn_unused_result));

/* True when the path still names the file that is open. */
bool	tdbx_is_current(const struct tdbx *);

/* Walks all of the file: its own structure is sound. */
bool	tdbx_sound(struct tdbx *);

/* Larger than it should grow: 2 GiB of the 4 that tdb can address. */
bool	tdbx_is_large(struct tdbx *);

int	tdbx_begin(struct tdbx *) __attribute__((warn_unused_result));
int	tdbx_commit(struct tdbx *) __attribute__((warn_unused_result));	/* cancelled on failure */
void	tdbx_cancel(struct tdbx *);	/* keeps errno */

/* Between these no other process commits. */
int	tdbx_read_lock(struct tdbx *) __attribute__((warn_unused_result));
void	tdbx_read_unlock(struct tdbx *);	/* keeps errno */

/* Length of the value, copied to p; 0 when there is none; EBADMSG when it is longer than size. */
ssize_t	tdbx_get(struct tdbx *, struct tdbx_key, void *p, size_t size) __attribute__((warn_unused_result));
int	tdbx_put(struct tdbx *, struct tdbx_key, const void *p, size_t n) __attribute__((warn_unused_result));

/* Nothing to delete is fine. */
int	tdbx_del(struct tdbx *, struct tdbx_key) __attribute__((warn_unused_result));

#endif
