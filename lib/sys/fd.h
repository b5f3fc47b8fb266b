/*
 * fd: reading and writing whole things. Every descriptor made here is
 * close-on-exec. Every function returns 0 (or a count) and -1 with errno.
 */
#ifndef SYS_FD_H
#define SYS_FD_H

#include <sys/types.h>

#include "../base/buf.h"

/* Write all of s, whatever it takes; -1 with errno. Blocking descriptors. */
int	write_all(int fd, struct str s) __attribute__((warn_unused_result));

/* The same at an offset, the file position untouched. */
int	pwrite_all(int fd, struct str s, off_t at) __attribute__((warn_unused_result));

/* Append up to max bytes from fd to b: count, 0 at the end, -1 with errno (EINTR retried). */
ssize_t	read_some(int fd, struct buf *b, size_t max) __attribute__((warn_unused_result));

/* close(2), with EINTR taken as done. Checked for files that were written. */
int	fd_close(int *fd);	/* *fd becomes -1; nothing is done for -1 */

int	fd_nonblock(int fd, bool on);
int	fd_cloexec(int fd, bool on);

/* A directory to be used with openat; never follows a symbolic link at the end. */
int	dir_open(int at, const char *name) __attribute__((warn_unused_result));
int	dir_sync(int dirfd) __attribute__((warn_unused_result));

/* Append a whole file to b. -1 with errno; EFBIG when it does not fit. */
int	file_read(int at, const char *name, struct buf *b) __attribute__((warn_unused_result));

/*
 * Replace a file so that after a crash either the old or the new one is there:
 * write NAME.tmp.PID, fsync, rename, fsync the directory. On error nothing changed.
 */
int	file_replace(int at, const char *name, struct str content, mode_t) __attribute__((warn_unused_result));

/*
 * An unnamed file of our own for a message on its way, gone with its last
 * descriptor: in memory, or on the disk of the directory dir (O_TMPFILE).
 */
int	file_unnamed(void) __attribute__((warn_unused_result));
int	file_unnamed_in(const char *dir) __attribute__((warn_unused_result));

#endif
