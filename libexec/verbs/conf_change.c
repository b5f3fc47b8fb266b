#include "conf_change.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "sys/fd.h"

static int
sync_parent(const char *path)
{
	char	dir[4096];
	size_t	n = str_rchr(str_c(path), '/');
	int	fd, ret;

	if (!str_copy(str_head(str_c(path), n), dir, sizeof(dir)))
		return -1;
	fd = dir_open(AT_FDCWD, dir);
	if (fd == -1)
		return -1;
	ret = dir_sync(fd);
	close(fd);
	return ret;
}

static void
change_paths(const struct conf_change *c, struct buf *path, struct buf *old)
{
	buf_reset(path);
	buf_reset(old);
	conf_source_path(path, c->kind, c->name);
	buf_add(old, buf_str(path));
	buf_adds(old, ".old");
}

int
conf_change_do(const struct conf_change *c)
{
	struct buf	path = BUF_INIT(4096), old = BUF_INIT(4096);
	int		ret = -1;

	change_paths(c, &path, &old);
	if (unlink(buf_c(&old)) == -1 && errno != ENOENT)
		goto out;
	if (c->tmp == NULL)
		ret = rename(buf_c(&path), buf_c(&old));
	else if (link(buf_c(&path), buf_c(&old)) == 0 || errno == ENOENT)
		ret = rename(c->tmp, buf_c(&path));
	if (ret == 0)
		ret = sync_parent(buf_c(&path));
out:
	buf_free(&path);
	buf_free(&old);
	return ret;
}

void
conf_change_end(const struct conf_change *c, bool good)
{
	struct buf	path = BUF_INIT(4096), old = BUF_INIT(4096);

	change_paths(c, &path, &old);
	if (good)
		unlink(buf_c(&old));
	else if (rename(buf_c(&old), buf_c(&path)) == -1 && errno == ENOENT && c->tmp != NULL)
		unlink(buf_c(&path));
	buf_free(&path);
	buf_free(&old);
}
