#include "fd.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int
write_all(int fd, struct str s)
{
	while (s.n > 0) {
		ssize_t	n = write(fd, s.p, s.n);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return -1;
		s = str_skip(s, (size_t)n);
	}
	return 0;
}

int
pwrite_all(int fd, struct str s, off_t at)
{
	while (s.n > 0) {
		ssize_t	n = pwrite(fd, s.p, s.n, at);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return -1;
		s = str_skip(s, (size_t)n);
		at += n;
	}
	return 0;
}

ssize_t
read_some(int fd, struct buf *b, size_t max)
{
	size_t	 room;
	char	*p = buf_room(b, max, &room);
	ssize_t	 n;

	if (p == NULL) {
		errno = EFBIG;
		return -1;
	}
	do
		n = read(fd, p, room);
	while (n == -1 && errno == EINTR);
	if (n > 0)
		buf_grew(b, (size_t)n);
	return n;
}

int
fd_close(int *fd)
{
	int	n = 0;

	if (*fd != -1)
		n = close(*fd);
	*fd = -1;
	return n == -1 && errno == EINTR ? 0 : n;
}

int
fd_nonblock(int fd, bool on)
{
	int	flags = fcntl(fd, F_GETFL);

	if (flags == -1)
		return -1;
	return fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK);
}

int
fd_cloexec(int fd, bool on)
{
	return fcntl(fd, F_SETFD, on ? FD_CLOEXEC : 0);
}

int
dir_open(int at, const char *name)
{
	return openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

int
dir_sync(int dirfd)
{
	return fsync(dirfd);
}

int
file_read(int at, const char *name, struct buf *b)
{
	int	fd = openat(at, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	ssize_t	n;

	if (fd == -1)
		return -1;
	do {
		/* a byte of room must be left to see the end */
		n = read_some(fd, b, 16384);
	} while (n > 0);
	if (n == -1) {
		int	err = errno;

		(void)fd_close(&fd);
		errno = err;
		return -1;
	}
	return fd_close(&fd);
}

int
file_replace(int at, const char *name, struct str content, mode_t mode)
{
	char	tmp[NAME_MAX + 1];
	int	fd, err;

	if (snprintf(tmp, sizeof(tmp), "%s.tmp.%ld", name, (long)getpid()) >= (int)sizeof(tmp)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = openat(at, tmp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd == -1)
		return -1;
	if (write_all(fd, content) == -1 || fsync(fd) == -1 || fd_close(&fd) == -1)
		goto fail;
	if (renameat(at, tmp, at, name) == -1)
		goto fail;
	fd = openat(at, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1 || dir_sync(fd) == -1)
		goto fail;
	return fd_close(&fd);
fail:
	err = errno;
	(void)fd_close(&fd);
	(void)unlinkat(at, tmp, 0);
	errno = err;
	return -1;
}

int
file_unnamed(void)
{
#ifdef __linux__
	/* pages of a memfd cost no disk write */
	return memfd_create("message", MFD_CLOEXEC);
#else
	return file_unnamed_in("/tmp");
#endif
}

int
file_unnamed_in(const char *dir)
{
	char	name[PATH_MAX];
	int	fd = -1;

#ifdef O_TMPFILE
	fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd != -1 || (errno != EOPNOTSUPP && errno != EISDIR))
		return fd;
#endif
	if (snprintf(name, sizeof(name), "%s/message.XXXXXXXXXX", dir) >= (int)sizeof(name)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = mkostemp(name, O_CLOEXEC);
	if (fd != -1)
		(void)unlink(name);
	return fd;
}
