#include "message.h"

#include <sys/mman.h>

#include <errno.h>
#include <unistd.h>

#include "base/limits.h"
#include "sys/fd.h"

void
message_init(struct message *m, int disk)
{
	*m = (struct message){ .memory = -1, .disk = disk };
}

static void
unmap(struct message *m)
{
	if (m->map != NULL)
		(void)munmap(m->map, m->map_size);
	m->map = NULL;
}

int
message_reset(struct message *m)
{
	unmap(m);
	if (m->size > 0 && ftruncate(m->on_disk ? m->disk : m->memory, 0) == -1)
		return -1;
	m->size = 0;
	m->on_disk = false;
	return 0;
}

int
message_fd(struct message *m)
{
	if (m->on_disk)
		return m->disk;
	if (m->memory == -1)
		m->memory = file_unnamed();
	return m->memory;
}

/* What is in memory goes to the disk, and the rest will. */
static int
spill(struct message *m)
{
	struct str	text;

	if (!message_text(m, &text) || pwrite_all(m->disk, text, 0) == -1)
		return -1;
	unmap(m);
	m->on_disk = true;
	return ftruncate(m->memory, 0);
}

int
message_append(struct message *m, struct str s)
{
	int	fd = message_fd(m);

	if (fd == -1)
		return -1;
	if (!m->on_disk && m->disk != -1 && m->size > 0 && s.n > LIMIT_MESSAGE_MEMORY - m->size) {
		if (spill(m) == -1)
			return -1;
		fd = m->disk;
	}
	if (pwrite_all(fd, s, (off_t)m->size) == -1)
		return -1;
	m->size += s.n;
	return 0;
}

bool
message_text(struct message *m, struct str *out_r)
{
	int	fd = message_fd(m);

	*out_r = STR("");
	if (fd == -1)
		return false;
	if (m->size == 0)
		return true;
	unmap(m);
	m->map_size = (size_t)m->size;
	m->map = mmap(NULL, m->map_size, PROT_READ, MAP_SHARED, fd, 0);
	if (m->map == MAP_FAILED) {
		m->map = NULL;
		return false;
	}
	*out_r = str_n(m->map, m->map_size);
	return true;
}
