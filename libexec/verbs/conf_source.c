#include "conf_source.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "sys/deadline.h"
#include "sys/fd.h"
#include "sys/home.h"

void
conf_source_path(struct buf *b, const char *kind, struct str name)
{
	buf_adds(b, home_etc());
	buf_adds(b, "/");
	if (kind == NULL) {
		buf_adds(b, "posthorn.conf");
		return;
	}
	buf_adds(b, kind);
	buf_addc(b, '/');
	buf_add(b, name);
	buf_adds(b, ".conf");
}

static const struct conf_change *
change_of(const char *kind, struct str name, const struct conf_change *c, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (kind != NULL && strcmp(c[i].kind, kind) == 0 && str_eq(c[i].name, name))
			return &c[i];
	return NULL;
}

/*
 * The kernel's clock for files is as coarse as 10 ms: a file written twice
 * within that keeps its stamp, so a fresh one is not trusted.
 */
enum { RACY_NS = 20 * 1000 * 1000 };

static void
stamp_from(const struct stat *st, struct conf_stamp *out)
{
	int64_t	ns = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
	int64_t	now = clock_now_us() * 1000;

	out->mtime = ns > now - RACY_NS && ns <= now ? 0 : ns;
	out->size = st->st_size;
	out->inode = st->st_ino;
}

int
conf_source_stamp(const char *path, struct conf_stamp *out_r)
{
	struct stat	st;

	if (stat(path, &st) == -1)
		return -1;
	stamp_from(&st, out_r);
	return 0;
}

static void
add_source(struct conf_sources *s, struct str name, const struct stat *st, struct arena *a)
{
	struct conf_source	*src;

	if (s->n == s->cap) {
		s->cap = s->cap == 0 ? 64 : s->cap * 2;
		s->list = reallocarray(s->list, s->cap, sizeof(*s->list));
		if (s->list == NULL)
			abort();
	}
	src = &s->list[s->n++];
	*src = (struct conf_source){ .changed = true };
	if (!arena_dup(a, name, &src->name))
		abort();
	stamp_from(st, &src->stamp);
	s->bytes += (uint64_t)st->st_size;
}

static int
source_cmp(const void *a, const void *b)
{
	return str_cmp(((const struct conf_source *)a)->name, ((const struct conf_source *)b)->name);
}

/* "NAME.conf" to NAME; other files (backups of editors, samples) are none of ours. */
static bool
source_name(const char *file, struct str *name_r)
{
	struct str	s = str_c(file);

	if (s.p[0] == '.' || !str_ends(s, STR(".conf")))
		return false;
	*name_r = str_head(s, s.n - 5);
	return true;
}

static void
list_dir(struct conf_sources *s, DIR *d, const char *path, const struct conf_change *c, size_t nc, struct arena *a, struct conf_report *r)
{
	struct dirent	*e;
	struct stat	 st;
	struct str	 name;

	while ((e = readdir(d)) != NULL) {
		if (!source_name(e->d_name, &name) || change_of(s->kind, name, c, nc) != NULL)
			continue;
		if (fstatat(dirfd(d), e->d_name, &st, 0) == -1)
			conf_error(r, str_c(path), 0, "%s: %s", e->d_name, strerror(errno));
		else if (!S_ISREG(st.st_mode))
			conf_error(r, str_c(path), 0, "%s is not a file", e->d_name);
		else
			add_source(s, name, &st, a);
	}
}

int
conf_sources_list(struct conf_sources *s, const char *kind, const struct conf_change *c, size_t nc, struct arena *a, struct conf_report *r)
{
	struct buf	 path = BUF_INIT(4096);
	struct stat	 st;
	DIR		*d;

	*s = (struct conf_sources){ .kind = kind };
	buf_addf(&path, "%s/%s", home_etc(), kind);
	d = opendir(buf_c(&path));
	if (d == NULL)
		conf_error(r, buf_str(&path), 0, "%s", strerror(errno));
	else {
		list_dir(s, d, buf_c(&path), c, nc, a, r);
		closedir(d);
	}
	for (size_t i = 0; i < nc; i++)
		if (strcmp(c[i].kind, kind) == 0 && c[i].tmp != NULL && stat(c[i].tmp, &st) == 0)
			add_source(s, c[i].name, &st, a);
	if (s->n > 1)
		qsort(s->list, s->n, sizeof(*s->list), source_cmp);
	buf_free(&path);
	return d == NULL ? -1 : 0;
}

void
conf_sources_free(struct conf_sources *s)
{
	free(s->list);
	*s = (struct conf_sources){ .kind = s->kind };
}

static const struct conf_keydef *
table_for(const char *kind)
{
	if (kind == NULL)
		return conf_machine_keys;
	return kind[0] == 'd' ? conf_domain_keys : conf_account_keys;
}

static void
check_name(const char *kind, struct str name, struct str path, struct conf_report *r)
{
	if (kind == NULL)
		return;
	if (kind[0] == 'd' && !conf_is_domain_name(name))
		conf_error(r, path, 0, "the file's name must be a domain in lower case and .conf");
	else if (kind[0] == 'a' && !conf_is_account_name(name))
		conf_error(r, path, 0, "the file's name must be letters, digits, and . _ - inside, and .conf");
}

bool
conf_source_read(struct conf_file *f, const char *kind, struct str name, const struct conf_change *c, size_t nc, struct arena *a, struct conf_report *r)
{
	const struct conf_change	*change = change_of(kind, name, c, nc);
	struct buf			 path = BUF_INIT(4096);
	bool				 ok = false;

	*f = (struct conf_file){ .text = BUF_INIT(CONF_FILE_MAX) };
	conf_source_path(&path, kind, name);
	if (buf_c(&path) == NULL || !arena_dup(a, buf_str(&path), &f->name)) {
		conf_error(r, name, 0, "the path is too long");
		goto out;
	}
	check_name(kind, name, f->name, r);
	if (file_read(AT_FDCWD, change == NULL ? buf_c(&path) : change->tmp, &f->text) == -1) {
		conf_error(r, f->name, 0, "%s", strerror(errno));
		goto out;
	}
	conf_file_parse(f, table_for(kind), r);
	ok = true;
out:
	buf_free(&path);
	return ok;
}
