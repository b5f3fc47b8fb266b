#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check_i.h"
#include "../sys/deadline.h"
#include "../sys/fd.h"
#include "scan.h"
#include "tree.h"

static struct found *
find(struct scan *s, const struct entry *e)
{
	size_t	lo = 0, hi = s->n;

	while (lo < hi) {
		size_t		mid = lo + (hi - lo) / 2;
		struct found	*f = &s->found[mid];

		if (!f->in_new && f->e.uid != 0 && f->e.uid < e->uid)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < s->n && !s->found[lo].in_new && s->found[lo].e.uid == e->uid; lo++)
		if (!s->found[lo].taken && memcmp(s->found[lo].e.id, e->id, ENTRY_ID_SIZE) == 0)
			return &s->found[lo];
	return NULL;
}

static const char *
where(const struct check *c, const char *dir, const char *file, char buf[2048])
{
	(void)snprintf(buf, 2048, "%s/%s/%s", c->name, dir, file);
	return buf;
}

void
check_file(struct check *c, const struct entry *e)
{
	struct found	*f = find(c->files, e);
	char		 want[FILE_NAME_SIZE], buf[2048];
	struct stat	 st;

	file_name(e, want);
	if (f == NULL) {
		check_problem(c, where(c, "cur", want, buf), "the file of uid %u is missing", e->uid);
		return;
	}
	f->taken = true;
	if (f->name != NULL || f->e.flags.sys != e->flags.sys || f->e.flags.keywords != e->flags.keywords ||
	    f->e.size != e->size || f->e.date != e->date) {
		char	is[FILE_NAME_SIZE];

		file_name(&f->e, is);
		check_problem(c, where(c, "cur", f->name != NULL ? f->name : is, buf),
		    "the index expects %s", want);
		return;
	}
	if (fstatat(c->cur, want, &st, AT_SYMLINK_NOFOLLOW) == 0 && (uint64_t)st.st_size != e->size)
		check_problem(c, where(c, "cur", want, buf), "has %lld bytes", (long long)st.st_size);
}

/* What no entry has claimed. Files in new/ are not wrong: the next access picks them up. */
static void
check_rest(struct check *c)
{
	char	name[FILE_NAME_SIZE], buf[2048];

	for (size_t i = 0; i < c->files->n; i++) {
		struct found	*f = &c->files->found[i];

		if (f->taken || f->in_new)
			continue;
		file_name(&f->e, name);
		check_problem(c, where(c, "cur", f->name != NULL ? f->name : name, buf), "is not in the index");
	}
	for (size_t i = 0; i < c->files->strangers_n; i++)
		if (!c->files->strangers[i].in_new)
			check_problem(c, where(c, "cur", c->files->strangers[i].name, buf),
			    "was put there by another program and is not taken up yet");
}

static void
check_text_file(struct check *c, const struct mailbox_rec *m, int dir)
{
	struct mailboxfile	f;
	char			buf[2048];

	(void)snprintf(buf, sizeof(buf), "%s/posthorn.mailbox", c->name);
	if (mailboxfile_read(dir, &f) == -1 || f.uidvalidity == 0) {
		check_problem(c, buf, "cannot be read");
		return;
	}
	if (f.uidvalidity != m->uidvalidity)
		check_problem(c, buf, "uidvalidity %u, in the index %u", f.uidvalidity, m->uidvalidity);
	if (f.uidmax < m->uidnext - 1)
		check_problem(c, buf, "uidmax %u, but uid %u was given", f.uidmax, m->uidnext - 1);
	if (f.special != m->special)
		check_problem(c, buf, "special use differs from the index");
	for (unsigned i = 0; i < KEYWORD_MAX; i++)
		if (strcmp(f.keywords[i].name, m->keywords[i].name) != 0)
			check_problem(c, buf, "keyword %c is \"%s\", in the index \"%s\"", 'a' + (int)i,
			    f.keywords[i].name, m->keywords[i].name);
}

static void
check_tmp(struct check *c, int dir)
{
	int		 fd = dir_open(dir, "tmp");
	DIR		*d = fd == -1 ? NULL : fdopendir(fd);
	struct dirent	*de;
	struct stat	 st;
	char		 buf[2048];

	if (d == NULL) {
		(void)fd_close(&fd);
		return;
	}
	while ((de = readdir(d)) != NULL)
		if (de->d_name[0] != '.' && fstatat(fd, de->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    st.st_mtim.tv_sec < clock_now() - LIMIT_TMP_AGE)
			check_problem(c, where(c, "tmp", de->d_name, buf), "is a leftover");
	(void)closedir(d);
}

int
check_maildir(struct check *c, const struct mailbox_rec *m)
{
	struct scan	 s = { .n = 0 };
	struct mailbox	*mb = NULL;
	int		 dir, n = -1;

	c->name = m->name;
	dir = tree_open(c->acc, str_c(m->name));
	if (dir == -1 || mailbox_open_at(c->acc, dir, m->uidvalidity, &mb) == -1) {
		check_problem(c, c->name, "its directory is missing or no maildir");
		return check_mailbox(c, m);
	}
	check_text_file(c, m, mb->dir);
	check_tmp(c, mb->dir);
	if (scan_dir(&s, mb->cur, false) == 0 && scan_dir(&s, mb->new, true) == 0) {
		scan_sort(&s);
		c->files = &s;
		c->cur = mb->cur;
		n = check_mailbox(c, m);
		if (n == 0)
			check_rest(c);
		c->files = NULL;
	}
	scan_free(&s);
	mailbox_close(mb);
	return n;
}

struct tree_check {
	struct check	*c;
	const uint32_t	*ids;
	size_t		 n;
};

static int
check_leaf(void *arg, struct str name, uint32_t id)
{
	struct tree_check	*t = arg;
	struct mailbox_rec	 m;
	char			 c_name[LIMIT_MAILBOX_NAME + 1];

	if (!str_copy(name, c_name, sizeof(c_name)))
		return 0;
	for (size_t i = 0; i < t->n; i++)
		if (t->ids[i] == id && index_mailbox(&t->c->acc->db, id, &m) == 1 &&
		    str_eq(str_c(m.name), name))
			return 0;
	check_problem(t->c, c_name, "is a maildir that the index does not have under this name");
	return 0;
}

int
check_tree(struct check *c, const uint32_t *ids, size_t n)
{
	struct tree_check	 t = { .c = c, .ids = ids, .n = n };
	int			 fd = dir_open(c->acc->dir, ".");
	DIR			*d = fd == -1 ? NULL : fdopendir(fd);
	struct dirent		*de;

	if (d == NULL) {
		(void)fd_close(&fd);
		return -1;
	}
	while ((de = readdir(d)) != NULL)
		if (str_starts(str_c(de->d_name), STR("deleted.")) ||
		    str_starts(str_c(de->d_name), STR("moving.")))
			check_problem(c, de->d_name, "was left by an interruption");
	(void)closedir(d);
	return tree_each(c->acc, check_leaf, &t);
}
