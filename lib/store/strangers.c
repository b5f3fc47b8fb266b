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

enum {
	CHUNK	= 65536,
	BATCH	= 64,	/* copies whose syncs the disk does together; each is open meanwhile */
};

/* What one stranger becomes. */
struct job {
	const char	*old;
	int		 dir;		/* where it is and stays */
	struct stat	 st;
	struct entry	 e;
	int		 copy;		/* of the text in CRLF, in tmp/; -1 when none is needed */
	bool		 placed;	/* the copy has its name */
	char		 tmp[48];
};

/* The identities in the index, sorted. */
struct known {
	struct id {
		uint64_t	size;
		uint8_t		id[ENTRY_ID_SIZE];
	}		*ids;
	size_t		 n, cap;
	uint32_t	 next;		/* those of uids from here on are not there */
};

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
	do {
		n = pread(fd, chunk, sizeof(chunk), at);
		if (n <= 0)
			break;
		*size_r += (uint64_t)n;
		for (const char *p = chunk; (p = memchr(p, '\n', (size_t)(chunk + n - p))) != NULL; p++)
			if ((p == chunk ? last : p[-1]) != '\r') {
				*bare_r = true;
				++*size_r;
			}
		last = chunk[n - 1];
		at += n;
	} while ((size_t)n == sizeof(chunk));	/* less is the end: most files are read at once */
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
	return n == -1 ? -1 : 0;
}

static int
make_copy(struct mailbox *mb, int fd, struct job *j)
{
	j->copy = openat(mb->tmp, j->tmp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (j->copy == -1)
		return -1;
	if (convert(fd, j->copy) == -1)
		return -1;
#ifdef SYNC_FILE_RANGE_WRITE
	(void)sync_file_range(j->copy, 0, 0, SYNC_FILE_RANGE_WRITE);
#endif
	return 0;
}

/* Look at one: named anew at once when its lines end as they should, else copied. */
static int
look(struct mailbox *mb, const struct stranger *s, struct job *j)
{
	struct str	name = str_c(s->name);
	char		to[FILE_NAME_SIZE];
	bool		bare;
	int		fd = openat(j->dir, s->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC), n = -1;

	if (fd == -1)
		return errno == ENOENT || errno == EACCES || errno == ELOOP ? 0 : -1;
	if (fstat(fd, &j->st) == -1 || measure(fd, &j->e.size, &bare) == -1) {
		n = errno == EIO ? 0 : -1;	/* one bad block keeps none of the others out */
		goto out;
	}
	file_foreign(name, j->st.st_mtim.tv_sec, &j->e.flags, &j->e.date);
	stranger_id(str_head(name, str_find(name, STR(":2,"))), &j->st, j->e.id);
	file_name(&j->e, to);
	if (bare)
		n = make_copy(mb, fd, j);
	else if (renameat(j->dir, s->name, j->dir, to) == 0 || errno == ENOENT)
		n = 0;	/* another process has the same name for it */
out:
	(void)fd_close(&fd);
	return n;
}

static int
by_id(const void *va, const void *vb)
{
	const struct id	*a = va, *b = vb;

	if (a->size != b->size)
		return a->size < b->size ? -1 : 1;
	return memcmp(a->id, b->id, ENTRY_ID_SIZE);
}

static int
known_add(struct known *k, const struct entry *e)
{
	if (k->n == k->cap) {
		size_t	 cap = k->cap == 0 ? 256 : 2 * k->cap;
		void	*p = reallocarray(k->ids, cap, sizeof(*k->ids));

		if (p == NULL)
			return -1;
		k->ids = p;
		k->cap = cap;
	}
	k->ids[k->n].size = e->size;
	memcpy(k->ids[k->n++].id, e->id, ENTRY_ID_SIZE);
	return 0;
}

/* What the index has by now; what was read before is not read again. */
static int
known_read(struct known *k, struct mailbox *mb)
{
	struct mailbox_rec	m;
	struct page		p;
	struct entry		e;

	if (index_the_mailbox(&mb->acc->db, mb->id, &m) == -1)
		return -1;
	if (m.uidnext <= k->next)
		return 0;
	for (uint32_t no = page_of(k->next); no <= page_of(m.uidnext); no++) {
		int	n = index_page(&mb->acc->db, mb->id, no, &p);

		if (n == -1)
			return -1;
		for (uint32_t i = 0; n == 1 && i < PAGE_ENTRIES; i++)
			if (page_get(&p, no * PAGE_ENTRIES + i, &e) && e.uid != 0 && e.uid >= k->next &&
			    known_add(k, &e) == -1)
				return -1;
	}
	k->next = m.uidnext;
	if (k->n > 0)
		qsort(k->ids, k->n, sizeof(*k->ids), by_id);
	return 0;
}

static bool
known_has(const struct known *k, const struct entry *e)
{
	struct id	want = { .size = e->size };

	memcpy(want.id, e->id, ENTRY_ID_SIZE);
	return k->n > 0 && bsearch(&want, k->ids, k->n, sizeof(*k->ids), by_id) != NULL;
}

static bool
is_as_it_was(const struct job *j)
{
	struct stat	st;

	return fstatat(j->dir, j->old, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_dev == j->st.st_dev &&
	    st.st_ino == j->st.st_ino && st.st_size == j->st.st_size &&
	    st.st_mtim.tv_sec == j->st.st_mtim.tv_sec && st.st_mtim.tv_nsec == j->st.st_mtim.tv_nsec;
}

/* Give a copy its name. An entry with its identity tells of a crash that came before the unlink. */
static int
place(struct mailbox *mb, const struct known *k, struct job *j)
{
	char	name[FILE_NAME_SIZE];

	if (!is_as_it_was(j))
		return 0;	/* another process has done it, or its owner changed it */
	if (known_has(k, &j->e))
		return unlinkat(j->dir, j->old, 0) == -1 && errno != ENOENT ? -1 : 0;
	file_name(&j->e, name);
	if (renameat(mb->tmp, j->tmp, j->dir, name) == -1)
		return -1;
	j->placed = true;
	return 0;
}

static void
remove_old(const struct job *j)
{
	char	name[FILE_NAME_SIZE];

	if (unlinkat(j->dir, j->old, 0) == 0 || errno != ENOENT)
		return;
	/* renamed or removed meanwhile by its owner: the next look finds what it is now */
	file_name(&j->e, name);
	(void)unlinkat(j->dir, name, 0);
}

/* Durable copies in the places of the originals. Under the account's lock, as two must not place one. */
static int
replace(struct mailbox *mb, struct known *k, struct job *jobs, size_t n)
{
	bool	in_new = false, in_cur = false;

	if (known_read(k, mb) == -1)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (jobs[i].copy == -1)
			continue;
		if (place(mb, k, &jobs[i]) == -1)
			return -1;
		in_new = in_new || (jobs[i].placed && jobs[i].dir == mb->new);
		in_cur = in_cur || (jobs[i].placed && jobs[i].dir == mb->cur);
	}
	/* file, then its entry, then the original: a crash leaves one of them whole */
	if ((in_new && dir_sync(mb->new) == -1) || (in_cur && dir_sync(mb->cur) == -1))
		return -1;
	for (size_t i = 0; i < n; i++)
		if (jobs[i].placed)
			remove_old(&jobs[i]);
	return 0;
}

static int
sync_copies(const struct job *jobs, size_t n, size_t *copies_r)
{
	*copies_r = 0;
	for (size_t i = 0; i < n; i++) {
		if (jobs[i].copy == -1)
			continue;
		if (fsync(jobs[i].copy) == -1)
			return -1;
		++*copies_r;
	}
	return 0;
}

/* Nothing is held while files are read and written: others deliver meanwhile. */
static int
adopt(struct mailbox *mb, struct known *k, const struct stranger *s, size_t count)
{
	struct job	jobs[BATCH];
	size_t		n, copies;
	int		r = 0, err;

	for (n = 0; n < count && r == 0; n++) {
		jobs[n] = (struct job){ .old = s[n].name, .dir = s[n].in_new ? mb->new : mb->cur, .copy = -1 };
		(void)snprintf(jobs[n].tmp, sizeof(jobs[n].tmp), "convert.%ld.%zu", (long)getpid(), n);
		r = look(mb, &s[n], &jobs[n]);
	}
	if (r == 0)
		r = sync_copies(jobs, n, &copies);
	if (r == 0 && copies > 0) {
		r = account_lock(mb->acc);
		if (r == 0) {
			r = replace(mb, k, jobs, n);
			account_unlock(mb->acc);
		}
	}
	err = errno;
	for (size_t i = 0; i < n; i++)
		if (jobs[i].copy != -1) {
			if (!jobs[i].placed)
				(void)unlinkat(mb->tmp, jobs[i].tmp, 0);
			(void)fd_close(&jobs[i].copy);
		}
	errno = err;
	return r;
}

int
strangers_adopt(struct mailbox *mb, const struct scan *s)
{
	struct known	k = { .n = 0 };
	int		n = 0;

	for (size_t i = 0; i < s->strangers_n && n == 0; i += BATCH) {
		size_t	left = s->strangers_n - i;

		n = adopt(mb, &k, &s->strangers[i], left < BATCH ? left : BATCH);
	}
	free(k.ids);
	return n;
}
