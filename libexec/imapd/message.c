#include "message.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <errno.h>
#include <unistd.h>

#include "sys/fd.h"

int
message_load(struct message *m, struct mailbox *mb, const struct entry *e)
{
	struct stat	st;

	m->fd = message_open(mb, e);
	if (m->fd == -1)
		return -1;
	if (fstat(m->fd, &st) == -1) {
		(void)fd_close(&m->fd);
		return -1;
	}
	m->size = (size_t)st.st_size;
	return 0;
}

void
message_unload(struct message *m)
{
	if (m->mapped)
		(void)munmap((void *)(uintptr_t)m->text, m->size);
	m->text = NULL;
	m->mapped = false;
	m->parsed = false;
	arena_reset(&m->arena);
	if (m->fd != -1)
		(void)fd_close(&m->fd);
}

void
message_free(struct message *m)
{
	message_unload(m);
	buf_free(&m->small);
	arena_free(&m->arena);
}

/* One read is cheaper than a map and its page faults. */
static void
read_small(struct message *m)
{
	size_t	room, at = 0;
	char	*p;

	buf_reset(&m->small);
	p = buf_room(&m->small, m->size, &room);
	while (p != NULL && at < m->size) {
		ssize_t	n = pread(m->fd, p + at, m->size - at, (off_t)at);

		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		at += (size_t)n;
	}
	m->text = p;
}

static void
map_large(struct message *m)
{
	void	*p = mmap(NULL, m->size, PROT_READ, MAP_PRIVATE, m->fd, 0);

	if (p == MAP_FAILED)
		return;
	m->text = p;
	m->mapped = true;
}

struct str
message_text(struct message *m)
{
	if (m->text == NULL && m->size > 0) {
		if (m->size <= MESSAGE_SMALL)
			read_small(m);
		else
			map_large(m);
	}
	return m->text == NULL ? (struct str){ "", 0 } : (struct str){ m->text, m->size };
}

const struct mime *
message_mime(struct message *m)
{
	if (!m->parsed) {
		m->parsed = mime_parse(&m->mime, message_text(m), &m->arena);
		if (!m->parsed)
			return NULL;
	}
	return &m->mime;
}
