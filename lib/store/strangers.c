#include "scan.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../sys/fd.h"
#include "index.h"

enum { CHUNK = 65536 };

/*
 * The same file gets the same identity however often a crash makes us begin
 * anew; so a copy that was finished is known for what it is.
 */
static void
stranger_id(struct str base, const struct stat *st, uint8_t id[ENTRY_ID_SIZE])
{
	uint64_t	h[2] = { 0xcbf29ce484222325u, 0x9e3779b97f4a7c15u };
	uint64_t	facts[3] = { (uint64_t)st->st_size, (uint64_t)st->st_mtim.tv_sec, (uint64_t)st->st_ino };

	for (unsigned k = 0; k < 2; k++) {
		for (size_t i = 0; i < base.n; i++)
			h[k] = (h[k] ^ (unsigned char)base.p[i]) * 0x100000001b3u;
		for (size_t i = 0; i < 3; i++) {
			h[k] = (h[k] ^ facts[i]) * 0xff51afd7ed558ccdu;
			h[k] ^= h[k] >> 29;
		}
	}
	for (size_t i = 0; i < ENTRY_ID_SIZE; i++)
		id[i] = (uint8_t)(h[i / 5] >> 8 * (i % 5 + 2));
}

/* Whether a line ends without CR, and how large the file is when all have it. */
static int
measure(int fd, uint64_t *size_r, bool *bare_r)
{
	static char	chunk[CHUNK];
	char		last = '\0';
	off_t		at = 0;
	ssize_t		n;

	*size_r = 0;
	*bare_r = false;
	while ((n = pread(fd, chunk, sizeof(chunk), at)) > 0) {
		*size_r += (uint64_t)n;
		for (const char *p = chunk; (p = memchr(p, '\n', (size_t)(chunk + n - p))) != NULL; p++)
			if ((p == chunk ? last : p[-1]) != '\r') {
				*bare_r = true;
				++*size_r;
			}
		last = chunk[n - 1];
		at += n;
	}
	return n == -1 ? -1 : 0;
}

/* Write the text with CRLF everywhere to a new file. */
static int
convert(int from, int to)
{
	struct buf	out = BUF_INIT(2 * CHUNK + 1);
	static char	chunk[CHUNK];
	char		last = '\0';
	off_t		at = 0;
	ssize_t		n;

	while ((n = pread(from, chunk, sizeof(chunk), at)) > 0) {
		buf_reset(&out);
		for (ssize_t i = 0; i < n; i++) {
			if (chunk[i] == '\n' && last != '\r')
				buf_addc(&out, '\r');
			buf_addc(&out, chunk[i]);
			last = chunk[i];
		}
		if (buf_failed(&out) || write_all(to, buf_str(&out)) == -1) {
			n = -1;
			break;
		}
		at += n;
	}
	buf_free(&out);
	return n == -1 ? -1 : fsync(to);
}

/* An entry of the index that has this identity and size already: a crash came before the unlink. */
static int
is_known(struct mailbox *mb, const struct entry *want, bool *known_r)
{
	struct mailbox_rec	m;
	struct page		p;
	struct entry		e;

	*known_r = false;
	if (index_mailbox(&mb->acc->db, mb->id, &m) != 1)
		return -1;
	for (uint32_t no = 0; no <= page_of(m.uidnext); no++) {
		int	n = index_page(&mb->acc->db, mb->id, no, &p);

		if (n == -1)
			return -1;
		for (uint32_t i = 0; n == 1 && i < PAGE_ENTRIES; i++)
			if (page_get(&p, no * PAGE_ENTRIES + i, &e) && e.uid != 0 && e.size == want->size &&
			    memcmp(e.id, want->id, ENTRY_ID_SIZE) == 0)
				*known_r = true;
	}
	return 0;
}

/* Put the converted copy beside the original, durably, and take that away. */
static int
replace(struct mailbox *mb, int fd, int dir, const char *old, const char *name)
{
	char	tmp[FILE_NAME_SIZE + 16];
	int	to, n = -1;

	(void)snprintf(tmp, sizeof(tmp), "convert.%s", name);
	to = openat(mb->tmp, tmp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (to == -1)
		return -1;
	/* file, then its entry, then the original: a crash leaves one of them whole */
	if (convert(fd, to) == 0 && renameat(mb->tmp, tmp, dir, name) == 0)
		n = dir_sync(dir);
	else
		(void)unlinkat(mb->tmp, tmp, 0);
	(void)fd_close(&to);
	if (n == 0 && unlinkat(dir, old, 0) == -1 && errno == ENOENT)
		/* renamed or removed meanwhile by its owner: the next look finds what it is now */
		(void)unlinkat(dir, name, 0);
	return n;
}

static int
adopt(struct mailbox *mb, const struct stranger *s)
{
	int		dir = s->in_new ? mb->new : mb->cur, n = -1;
	int		fd = openat(dir, s->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct str	name = str_c(s->name);
	struct entry	e = { .uid = 0 };
	struct stat	st;
	char		to[FILE_NAME_SIZE];
	bool		bare, known = false;

	if (fd == -1)
		return errno == ENOENT || errno == EACCES || errno == ELOOP ? 0 : -1;
	if (fstat(fd, &st) == -1 || measure(fd, &e.size, &bare) == -1)
		goto out;
	file_foreign(name, st.st_mtim.tv_sec, &e.flags, &e.date);
	stranger_id(str_head(name, str_find(name, STR(":2,"))), &st, e.id);
	if (bare && is_known(mb, &e, &known) == -1)
		goto out;
	file_name(&e, to);
	if (known)
		n = unlinkat(dir, s->name, 0);
	else if (bare)
		n = replace(mb, fd, dir, s->name, to);
	else
		n = renameat(dir, s->name, dir, to);
	if (n == -1 && errno == ENOENT)
		n = 0;
out:
	(void)fd_close(&fd);
	return n;
}

int
strangers_adopt(struct mailbox *mb, const struct scan *s)
{
	int	n = 0;

	if (account_lock(mb->acc) == -1)
		return -1;
	for (size_t i = 0; i < s->strangers_n && n == 0; i++)
		n = adopt(mb, &s->strangers[i]);
	account_unlock(mb->acc);
	return n;
}
