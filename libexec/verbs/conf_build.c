#include "conf_build.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/attr.h"
#include "conf_change.h"
#include "conf_record.h"
#include "sys/home.h"

/* One build: the builder and the files. */
struct build {
	struct conf_builder	b;
	struct conf_sources	domains, accounts;
	struct conf_stamp	machine;
	bool			machine_changed;
	bool			full;
};

int
conf_lock(void)
{
	int	fd = open("config.lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd != -1 && flock(fd, LOCK_EX) == -1) {
		close(fd);
		return -1;
	}
	return fd;
}

/* --- stamps: which files are as they were at the last build */

static TDB_DATA
stamp_key(struct conf_builder *b, const char *kind, struct str name)
{
	buf_reset(&b->key2);
	buf_addc(&b->key2, 'f');
	buf_adds(&b->key2, kind == NULL ? "posthorn.conf" : kind);
	if (kind != NULL) {
		buf_addc(&b->key2, '/');
		buf_add(&b->key2, name);
	}
	return (TDB_DATA){ .dptr = (unsigned char *)b->key2.p, .dsize = b->key2.n };
}

static bool
stamp_same(struct conf_builder *b, const char *kind, struct str name, const struct conf_stamp *now)
{
	struct str	rec;

	if (now->mtime == 0 || conf_write_get(&b->w, stamp_key(b, kind, name), &b->rec) != 1)
		return false;
	rec = buf_str(&b->rec);
	return attr_getu(rec, "mtime", 0) == (uint64_t)now->mtime &&
	    attr_getu(rec, "size", 0) == (uint64_t)now->size && attr_getu(rec, "inode", 0) == now->inode;
}

static void
stamp_put(struct conf_builder *b, const char *kind, struct str name, const struct conf_stamp *now)
{
	attr_start(&b->rec, "file", CONF_VERSION);
	attr_addu(&b->rec, "mtime", (uint64_t)now->mtime);
	attr_addu(&b->rec, "size", (uint64_t)now->size);
	attr_addu(&b->rec, "inode", now->inode);
	conf_write_put(&b->w, stamp_key(b, kind, name), buf_str(&b->rec), true);
}

/* Mark the files that changed; how many did. */
static size_t
mark_changed(struct build *bd, struct conf_sources *s)
{
	size_t	n = 0;

	for (size_t i = 0; i < s->n; i++) {
		s->list[i].changed = bd->full || !stamp_same(&bd->b, s->kind, s->list[i].name, &s->list[i].stamp);
		n += s->list[i].changed;
	}
	return n;
}

/* --- names: a name in the database and not among the files is to be forgotten */

static bool
names_same(struct build *bd, const struct conf_sources *s)
{
	struct buf	list = BUF_INIT(CONF_NAMES_MAX);
	struct str	rest, name;
	size_t		i = 0;
	bool		same = conf_write_get(&bd->b.w, conf_key(&bd->b.key, 'n', str_c(s->kind)), &list) == 1;

	rest = buf_str(&list);
	while (same && str_cut(&rest, '\0', &name))
		same = i < s->n && str_eq(s->list[i++].name, name);
	buf_free(&list);
	return same && i == s->n;
}

static void
names_put(struct build *bd, const struct conf_sources *s)
{
	struct buf	list = BUF_INIT(CONF_NAMES_MAX);

	for (size_t i = 0; i < s->n; i++) {
		buf_add(&list, s->list[i].name);
		buf_addc(&list, '\0');
	}
	conf_write_put(&bd->b.w, conf_key(&bd->b.key, 'n', str_c(s->kind)), buf_str(&list), true);
	buf_free(&list);
}

static bool
is_source(const struct conf_sources *s, struct str name)
{
	size_t	lo = 0, hi = s->n;

	while (lo < hi) {
		size_t	mid = lo + (hi - lo) / 2;
		int	d = str_cmp(s->list[mid].name, name);

		if (d == 0)
			return true;
		if (d < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return false;
}

/* Call forget for each name that has no file any more; how many there were. */
static size_t
each_removed(struct build *bd, const struct conf_sources *s, void (*forget)(struct conf_builder *, struct str))
{
	struct buf	list = BUF_INIT(CONF_NAMES_MAX);
	struct str	rest, name;
	size_t		n = 0;

	if (conf_write_get(&bd->b.w, conf_key(&bd->b.key, 'n', str_c(s->kind)), &list) == 1) {
		rest = buf_str(&list);
		while (str_cut(&rest, '\0', &name)) {
			if (is_source(s, name))
				continue;
			n++;
			if (forget == NULL)
				continue;
			forget(&bd->b, name);
			conf_write_del(&bd->b.w, stamp_key(&bd->b, s->kind, name));
		}
	}
	buf_free(&list);
	return n;
}

/* --- is a delta enough? */

/* A changed posthorn.conf must leave the separators, on which all addresses depend. */
static bool
machine_fits(struct build *bd)
{
	struct conf_report	quiet = CONF_REPORT_INIT;
	struct conf_file	f;
	bool			fits = false;

	if (conf_write_get(&bd->b.w, conf_key(&bd->b.key, 'm', STR("")), &bd->b.rec) != 1)
		return false;
	bd->b.separators = STR("");
	if (!arena_dup(&bd->b.arena, attr_get(buf_str(&bd->b.rec), "separators"), &bd->b.separators) ||
	    !arena_dup(&bd->b.arena, attr_get(buf_str(&bd->b.rec), "postmaster-account"), &bd->b.postmaster))
		return false;
	if (!bd->machine_changed)
		return true;
	if (conf_source_read(&f, NULL, STR(""), NULL, 0, &bd->b.arena, &quiet))
		fits = str_eq(conf_file_get(&f, CONF_TOP, "separators"), bd->b.separators);
	conf_file_free(&f);
	conf_report_free(&quiet);
	return fits;
}

/* So must a changed domain leave its own, and its case rule. A new domain has no addresses yet. */
static bool
domain_fits(struct build *bd, struct str name)
{
	struct conf_builder	*b = &bd->b;
	struct conf_report	 quiet = CONF_REPORT_INIT;
	struct conf_file	 f;
	struct str		 seps;
	bool			 fits = false, on;

	if (conf_write_get(&b->w, conf_key(&b->key, 'd', name), &b->rec) != 1)
		return true;
	if (conf_source_read(&f, "domains", name, b->change, b->nchange, &b->arena, &quiet)) {
		seps = conf_file_get(&f, CONF_TOP, "separators");
		if (!conf_bool(conf_file_get(&f, CONF_TOP, "case-sensitive"), &on))
			on = false;
		fits = str_eq(seps.p == NULL ? b->separators : seps, attr_get(buf_str(&b->rec), "separators")) &&
		    on == (attr_getu(buf_str(&b->rec), "case-sensitive", 0) != 0);
	}
	conf_file_free(&f);
	conf_report_free(&quiet);
	return fits;
}

/*
 * Small changes go into a delta. When a domain is removed, or anything
 * changes what its addresses look like, or much changes, all is built anew.
 */
static bool
fits_delta(struct build *bd)
{
	size_t	changed;

	bd->machine_changed = !stamp_same(&bd->b, NULL, STR(""), &bd->machine);
	mark_changed(bd, &bd->domains);
	changed = mark_changed(bd, &bd->accounts);
	if (changed > 100 && changed > bd->accounts.n / 4)
		return false;
	if (!machine_fits(bd) || each_removed(bd, &bd->domains, NULL) > 0)
		return false;
	for (size_t i = 0; i < bd->domains.n; i++)
		if (bd->domains.list[i].changed && !domain_fits(bd, bd->domains.list[i].name))
			return false;
	return bd->b.w.err == 0;
}

/* --- the build */

static bool
read_source(struct build *bd, struct conf_file *f, const char *kind, struct str name)
{
	struct conf_builder	*b = &bd->b;

	return conf_source_read(f, kind, name, b->change, b->nchange, &b->arena, b->report);
}

static void
build_machine(struct build *bd)
{
	struct conf_file	f;

	if (!bd->machine_changed)
		return;
	bd->b.postmaster = STR("");
	if (read_source(bd, &f, NULL, STR("")))
		conf_put_machine(&bd->b, &f);
	conf_file_free(&f);
	stamp_put(&bd->b, NULL, STR(""), &bd->machine);
}

/* All domains before the first alias: its members may be of any domain. */
static void
build_domains(struct build *bd)
{
	struct conf_sources	*s = &bd->domains;
	struct conf_file	*f = calloc(s->n + 1, sizeof(*f));

	if (f == NULL)
		abort();
	for (size_t i = 0; i < s->n; i++) {
		if (!s->list[i].changed)
			continue;
		if (!bd->full)
			conf_forget_domain(&bd->b, s->list[i].name);
		(void)read_source(bd, &f[i], s->kind, s->list[i].name);
		conf_put_domain(&bd->b, &f[i], s->list[i].name);
		stamp_put(&bd->b, s->kind, s->list[i].name, &s->list[i].stamp);
	}
	for (size_t i = 0; i < s->n; i++) {
		if (!s->list[i].changed)
			continue;
		conf_put_aliases(&bd->b, &f[i], s->list[i].name);
		conf_file_free(&f[i]);
	}
	free(f);
}

static void
build_accounts(struct build *bd)
{
	struct conf_sources	*s = &bd->accounts;
	struct conf_file	 f;

	for (size_t i = 0; i < s->n; i++) {
		if (!s->list[i].changed)
			continue;
		if (read_source(bd, &f, s->kind, s->list[i].name))
			conf_put_account(&bd->b, &f, s->list[i].name);
		conf_file_free(&f);
		stamp_put(&bd->b, s->kind, s->list[i].name, &s->list[i].stamp);
	}
}

static void
build_records(struct build *bd)
{
	if (!bd->full) {
		each_removed(bd, &bd->domains, conf_forget_domain);
		each_removed(bd, &bd->accounts, conf_forget_account);
	}
	build_machine(bd);
	/* accounts last, but what they no longer have must be gone before an alias takes it */
	if (!bd->full)
		for (size_t i = 0; i < bd->accounts.n; i++)
			if (bd->accounts.list[i].changed)
				conf_forget_account(&bd->b, bd->accounts.list[i].name);
	build_domains(bd);
	build_accounts(bd);
	if (!names_same(bd, &bd->domains))
		names_put(bd, &bd->domains);
	if (!names_same(bd, &bd->accounts))
		names_put(bd, &bd->accounts);
	conf_check_refs(&bd->b);
}

static int
publish(struct build *bd)
{
	struct conf_builder	*b = &bd->b;
	size_t			 done = 0;
	int			 ret = conf_write_prepare(&b->w), err = errno;

	while (ret == 0 && done < b->nchange)
		if ((ret = conf_change_do(&b->change[done++])) == -1)
			err = errno;
	if (ret == 0 && (ret = conf_write_publish(&b->w)) == -1)
		err = errno;
	for (size_t i = 0; i < done; i++)
		conf_change_end(&b->change[i], ret == 0);
	if (ret == -1)
		conf_error(b->report, STR(HOME_CONFIG_TDB), 0, "cannot be written: %s", strerror(err));
	return ret;
}

static int
build_run(struct build *bd, enum conf_mode mode)
{
	struct conf_builder	*b = &bd->b;
	struct buf		 path = BUF_INIT(4096);

	conf_source_path(&path, NULL, STR(""));
	if (conf_source_stamp(buf_c(&path), &bd->machine) == -1)
		bd->machine = (struct conf_stamp){ .mtime = 0 };
	buf_free(&path);
	conf_sources_list(&bd->domains, "domains", b->change, b->nchange, &b->arena, b->report);
	conf_sources_list(&bd->accounts, "accounts", b->change, b->nchange, &b->arena, b->report);
	bd->full = mode != CONF_BUILD || !conf_write_delta(&b->w) || !fits_delta(bd);
	if (bd->full) {
		uint64_t	keys = (bd->domains.bytes + bd->accounts.bytes) / 24 + 4 * (bd->domains.n + bd->accounts.n);

		conf_write_close(&b->w);
		if (mode == CONF_CHECK)
			conf_write_memory(&b->w, keys);
		else
			conf_write_new(&b->w, keys);
		bd->machine_changed = true;
		mark_changed(bd, &bd->domains);
		mark_changed(bd, &bd->accounts);
	}
	if (b->w.err == 0)
		build_records(bd);
	if (b->w.err != 0)
		conf_error(b->report, STR(HOME_CONFIG_TDB), 0, "cannot be written: %s", strerror(b->w.err));
	if (b->report->n > 0)
		return -1;
	if (mode == CONF_CHECK || (!bd->full && !b->w.changed && b->nchange == 0))
		return 0;
	return publish(bd);
}

int
conf_build(enum conf_mode mode, const struct conf_change *change, size_t nchange, struct conf_report *report)
{
	struct build	bd = { .full = false };
	int		ret;

	conf_builder_init(&bd.b, report, change, nchange);
	ret = build_run(&bd, mode);
	conf_sources_free(&bd.domains);
	conf_sources_free(&bd.accounts);
	conf_builder_free(&bd.b);
	return ret;
}
