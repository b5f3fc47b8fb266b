/* The message's bytes: what came is read, looked at, and copied behind a header of ours. */
#include <sys/mman.h>
#include <sys/stat.h>

#include <errno.h>
#include <unistd.h>

#include "put.h"
#include "proto/header.h"
#include "proto/mime.h"
#include "sys/fd.h"
#include "sys/home.h"

enum {
	WHOLE	= 256 * 1024,	/* up to this in memory, all of it */
	CHUNK	= 64 * 1024,
};

static const struct reply	no_message = { 501, "5.5.4", "not a message" };
static const struct reply	too_large = { 552, "5.3.4", "the message is too large" };
static const struct reply	long_header = { 552, "5.3.4", "the message's header is too large" };

/* Append up to max bytes from offset at; the end of the file is an error: it was longer. */
static int
read_part(int fd, struct buf *b, size_t max, uint64_t at)
{
	size_t	 room;
	char	*p = buf_room(b, max, &room);
	ssize_t	 n;

	if (p == NULL) {
		errno = EFBIG;
		return -1;
	}
	do
		n = pread(fd, p, room, (off_t)at);
	while (n == -1 && errno == EINTR);
	if (n == 0)
		errno = ESTALE;
	if (n <= 0)
		return -1;
	buf_grew(b, (size_t)n);
	return 0;
}

/* Does the header end in what was read from offset `from` on? */
static bool
header_ends(struct str text, size_t from)
{
	/* the line end may have been cut */
	struct str	part = str_skip(text, from < 4 ? 0 : from - 3);

	return str_starts(text, STR("\r\n")) || str_find(part, STR("\r\n\r\n")) < part.n;
}

/* All of it, or at least its header. */
static int
read_text(struct message *m)
{
	struct buf	*t = &m->text;
	size_t		 from;

	buf_init(t, LIMIT_SUBMISSION_HEADER + CHUNK);
	do {
		from = t->n;
		if (from < m->size && read_part(m->fd, t, m->size <= WHOLE ? WHOLE : CHUNK, from) == -1)
			return -1;
	} while (t->n < m->size && (m->size <= WHOLE || !header_ends(buf_str(t), from)));
	m->whole = t->n == m->size;
	return 0;
}

/* What the bytes are, those in memory and those that are not. */
static int
scan_all(const struct message *m, struct submission_scan *s)
{
	struct buf	b = BUF_INIT(CHUNK);
	int		n = 0;

	*s = (struct submission_scan){ .cr = false };
	submission_scan(s, buf_str(&m->text));
	for (uint64_t at = m->text.n; n == 0 && at < m->size; at += b.n) {
		size_t	left = m->size - at < CHUNK ? (size_t)(m->size - at) : CHUNK;

		buf_reset(&b);
		n = read_part(m->fd, &b, left, at);
		submission_scan(s, buf_str(&b));
	}
	buf_free(&b);
	return n;
}

static int
set_size(struct message *m)
{
	struct stat	st;

	if (fstat(m->fd, &st) == -1)
		return -1;
	errno = EINVAL;
	if (!S_ISREG(st.st_mode))
		return -1;
	m->size = (uint64_t)st.st_size;
	return 0;
}

/* A copy, nameless, in which every line ends as it must. */
static int
convert(struct message *m)
{
	struct buf	in = BUF_INIT(CHUNK), out = BUF_INIT(2 * CHUNK);
	bool		cr = false;
	int		n = 0;

	m->converted = file_unnamed_in(HOME_QUEUE "/tmp");
	if (m->converted == -1)
		return -1;
	for (uint64_t at = 0; n == 0 && at < m->size; at += in.n) {
		buf_reset(&in);
		buf_reset(&out);
		n = read_part(m->fd, &in, m->size - at < CHUNK ? (size_t)(m->size - at) : CHUNK, at);
		submission_lines(&out, &cr, buf_str(&in));
		if (n == 0)
			n = write_all(m->converted, buf_str(&out));
	}
	buf_free(&in);
	buf_free(&out);
	m->fd = m->converted;
	return n == 0 ? set_size(m) : -1;
}

const struct reply *
message_open(struct message *m, int fd, const struct queue_put *q, struct arena *a)
{
	*m = (struct message){ .fd = fd, .converted = -1 };
	buf_init(&m->author, LIMIT_SMTP_LINE + LIMIT_SUBMISSION_HEADER);
	if (set_size(m) == -1)
		return errno == EINVAL ? &no_message : reply_of(errno);
	if (m->size > conf_machine(q->conf)->max_message_size)
		return &too_large;
	if (q->who.system) {
		if (scan_all(m, &m->scan) == -1)
			return reply_of(errno);
		if (submission_is_binary(&m->scan) && convert(m) == -1)
			return reply_of(errno);
	}
	if (read_text(m) == -1)
		return errno == EFBIG ? &long_header : reply_of(errno);
	if (scan_all(m, &m->scan) == -1 || !submission_look(buf_str(&m->text), a, &m->says))
		return reply_of(errno);
	return NULL;
}

void
message_close(struct message *m)
{
	(void)fd_close(&m->converted);
	buf_free(&m->text);
	buf_free(&m->author);
}

/* --- flags */

static bool
parts_have_eightbit(struct str text)
{
	struct arena	a = ARENA_INIT(MIME_ARENA);
	struct mime	mime;
	bool		found = false;

	if (mime_parse(&mime, text, &a))
		for (size_t i = 1; i < mime.n && !found; i++)
			found = str_has_eightbit(mime_header(&mime, &mime.parts[i]));
	arena_free(&a);
	return found;
}

bool
message_parts_need_utf8(const struct message *m)
{
	void	*p;
	bool	 need;

	if (m->whole)
		return parts_have_eightbit(buf_str(&m->text));
	/* one who cuts it now ends his own session */
	p = mmap(NULL, (size_t)m->size, PROT_READ, MAP_PRIVATE, m->fd, 0);
	if (p == MAP_FAILED)
		return true;
	need = parts_have_eightbit(str_n(p, (size_t)m->size));
	(void)munmap(p, (size_t)m->size);
	return need;
}

/* --- writing */

int
message_body(const struct message *m, void (*put)(void *, struct str), void *arg)
{
	struct buf	b = BUF_INIT(CHUNK);
	int		n = 0;

	put(arg, str_skip(buf_str(&m->text), m->says.body));
	for (uint64_t at = m->text.n; n == 0 && at < m->size; at += b.n) {
		buf_reset(&b);
		n = read_part(m->fd, &b, m->size - at < CHUNK ? (size_t)(m->size - at) : CHUNK, at);
		if (n == 0)
			put(arg, buf_str(&b));
	}
	buf_free(&b);
	return n;
}

int
message_write(const struct message *m, int to, struct buf *head)
{
	struct submission_scan	 again = { .cr = false };
	struct str		 body = str_skip(buf_str(&m->text), m->says.body);
	struct buf		 b = BUF_INIT(CHUNK);
	int			 n;

	buf_add(head, body);
	errno = EFBIG;
	if (buf_failed(head) || write_all(to, buf_str(head)) == -1)
		return -1;
	submission_scan(&again, buf_str(&m->text));
	n = 0;
	for (uint64_t at = m->text.n; n == 0 && at < m->size; at += b.n) {
		buf_reset(&b);
		n = read_part(m->fd, &b, m->size - at < CHUNK ? (size_t)(m->size - at) : CHUNK, at);
		submission_scan(&again, buf_str(&b));
		if (n == 0)
			n = write_all(to, buf_str(&b));
	}
	buf_free(&b);
	/* what was looked at is not what was copied */
	if (n == 0 && (again.bare != m->scan.bare || again.cr != m->scan.cr ||
	    again.eightbit != m->scan.eightbit || again.nul != m->scan.nul)) {
		errno = ESTALE;
		return -1;
	}
	return n;
}
