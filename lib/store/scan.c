#include "scan.h"

#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *
grow(void *p, size_t n, size_t *cap, size_t size)
{
	size_t	more = *cap == 0 ? 64 : *cap * 2;

	if (n < *cap)
		return p;
	p = reallocarray(p, more, size);
	if (p != NULL)
		*cap = more;
	return p;
}

static int
add_stranger(struct scan *s, const char *name, bool in_new)
{
	void	*p = grow(s->strangers, s->strangers_n, &s->strangers_cap, sizeof(*s->strangers));
	char	*copy = strdup(name);

	if (p != NULL)
		s->strangers = p;
	if (p == NULL || copy == NULL) {
		free(copy);
		return -1;
	}
	s->strangers[s->strangers_n++] = (struct stranger){ copy, in_new };
	return 0;
}

static int
add_found(struct scan *s, const struct entry *e, const char *name, bool in_new)
{
	void	*p = grow(s->found, s->n, &s->cap, sizeof(*s->found));
	char	*copy = name == NULL ? NULL : strdup(name);

	if (p != NULL)
		s->found = p;
	if (p == NULL || (name != NULL && copy == NULL)) {
		free(copy);
		return -1;
	}
	s->found[s->n++] = (struct found){ .e = *e, .name = copy, .in_new = in_new };
	return 0;
}

static int
add_file(struct scan *s, int dir, const struct dirent *d, bool in_new)
{
	struct entry	e;
	struct stat	st;
	bool		exact, ours;

	if (d->d_name[0] == '.')
		return 0;
	if (d->d_type != DT_REG && (d->d_type != DT_UNKNOWN ||
	    fstatat(dir, d->d_name, &st, AT_SYMLINK_NOFOLLOW) == -1 || !S_ISREG(st.st_mode)))
		return 0;
	ours = file_parse(str_c(d->d_name), &e, &exact);
	if (!ours)
		return add_stranger(s, d->d_name, in_new);
	/* a name with a uid belongs into cur/, one without is complete in new/ only */
	return add_found(s, &e, exact && (e.uid != 0) == !in_new ? NULL : d->d_name, in_new);
}

int
scan_dir(struct scan *s, int dir, bool in_new)
{
	int		 fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR		*d = fd == -1 ? NULL : fdopendir(fd);
	struct dirent	*de;
	int		 n = 0;

	if (d == NULL) {
		if (fd != -1)
			(void)close(fd);
		return -1;
	}
	for (;;) {
		errno = 0;
		de = readdir(d);
		if (de == NULL) {
			n = errno == 0 ? 0 : -1;
			break;
		}
		if ((n = add_file(s, dir, de, in_new)) == -1)
			break;
	}
	(void)closedir(d);
	return n;
}

void
scan_free(struct scan *s)
{
	int	err = errno;

	for (size_t i = 0; i < s->n; i++)
		free(s->found[i].name);
	for (size_t i = 0; i < s->strangers_n; i++)
		free(s->strangers[i].name);
	free(s->found);
	free(s->strangers);
	*s = (struct scan){ .n = 0 };
	errno = err;
}

static int
compare(const void *va, const void *vb)
{
	const struct found	*a = va, *b = vb;
	bool			 a_uid = a->e.uid != 0 && !a->in_new;
	bool			 b_uid = b->e.uid != 0 && !b->in_new;

	if (a_uid != b_uid)
		return a_uid ? -1 : 1;
	if (a_uid && a->e.uid != b->e.uid)
		return a->e.uid < b->e.uid ? -1 : 1;
	if (a_uid && (a->name == NULL) != (b->name == NULL))
		return a->name == NULL ? -1 : 1;
	if (a->e.date != b->e.date)
		return a->e.date < b->e.date ? -1 : 1;
	return memcmp(a->e.id, b->e.id, ENTRY_ID_SIZE);
}

void
scan_sort(struct scan *s)
{
	if (s->n > 0)
		qsort(s->found, s->n, sizeof(*s->found), compare);
}
