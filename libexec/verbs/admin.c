#include "admin.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/code.h"
#include "base/limits.h"
#include "client/conf_db.h"
#include "conf_record.h"
#include "proto/addr.h"
#include "sys/die.h"
#include "sys/fd.h"
#include "sys/home.h"
#include "sys/priv.h"

void
admin_enter(struct admin *a)
{
	*a = (struct admin){ .exists = false };
	arena_init(&a->arena, (size_t)1 << 30);
	if (home_enter() == -1)
		die(EXIT_TEMP, "unable to enter the var directory");
	if (priv_become_owner(home_etc()) == -1)
		die(EXIT_TEMP, "unable to become the owner of %s", home_etc());
}

void
admin_read(struct admin *a)
{
	admin_enter(a);
	a->conf = conf_open();
	if (a->conf == NULL)
		die(EXIT_TEMP, "unable to open %s (is the configuration built?)", HOME_CONFIG_TDB);
}

void
admin_write(struct admin *a)
{
	admin_enter(a);
	if (conf_lock() == -1)
		die(EXIT_TEMP, "unable to lock config.lock");
	a->conf = conf_open();
}

static void
check_name(struct admin *a)
{
	if (a->kind[0] == 'd' && !conf_is_domain_name(a->name))
		diex(EXIT_PERM, "%.*s is not a domain's name", STR_ARG(a->name));
	if (a->kind[0] == 'a' && !conf_is_account_name(a->name))
		diex(EXIT_PERM, "%.*s is not an account's name: letters, digits, and . _ - inside", STR_ARG(a->name));
}

static bool
on_disk(const struct admin *a)
{
	struct buf	path = BUF_INIT(4096);
	struct stat	st;
	bool		is;

	conf_source_path(&path, a->kind, a->name);
	if (buf_c(&path) == NULL)
		diex(EXIT_PERM, "the path is too long");
	is = lstat(buf_c(&path), &st) == 0;
	if (!is && errno != ENOENT)
		die(EXIT_TEMP, "unable to look at %s", buf_c(&path));
	buf_free(&path);
	return is;
}

static void
name_file(struct admin *a, const char *kind, struct str name)
{
	struct buf	lower = BUF_INIT(LIMIT_DOMAIN);

	a->kind = kind;
	if (kind[0] == 'd')
		conf_add_lower(&lower, name);
	else
		buf_add(&lower, name);
	if (!arena_dup(&a->arena, buf_str(&lower), &a->name))
		abort();
	buf_free(&lower);
	check_name(a);
	a->exists = on_disk(a);
}

void
admin_load(struct admin *a, const char *kind, struct str name)
{
	struct conf_report	r = CONF_REPORT_INIT;

	name_file(a, kind, name);
	if (!a->exists)
		diex(EXIT_PERM, "there is no %s %.*s", kind[0] == 'd' ? "domain" : "account", STR_ARG(a->name));
	(void)conf_source_read(&a->file, kind, a->name, NULL, 0, &a->arena, &r);
	if (r.n > 0) {
		conf_report_print(&r);
		diex(EXIT_PERM, "nothing was changed");
	}
	conf_report_free(&r);
}

void
admin_create(struct admin *a, const char *kind, struct str name)
{
	name_file(a, kind, name);
	if (a->exists)
		diex(EXIT_PERM, "there is a %s %.*s already", kind[0] == 'd' ? "domain" : "account", STR_ARG(a->name));
	a->file = (struct conf_file){ .name = a->name, .text = BUF_INIT(CONF_FILE_MAX) };
	arena_init(&a->file.arena, CONF_FILE_MAX);
}

/* Values are taken as they are in the text; save parses it once more with libconfuse. */
void
admin_edited(struct admin *a, struct buf *text)
{
	struct conf_file	f = { .name = a->file.name, .text = BUF_INIT(CONF_FILE_MAX) };
	struct conf_report	quiet = CONF_REPORT_INIT;

	buf_add(&f.text, buf_str(text));
	if (buf_failed(&f.text) || buf_failed(text))
		diex(EXIT_PERM, "the file would be too large");
	conf_file_free(&a->file);
	conf_file_parse(&f, a->kind[0] == 'd' ? conf_domain_keys : conf_account_keys, &quiet);
	conf_report_free(&quiet);
	a->file = f;
}

/* ETC/KIND/.NAME.conf.new, which no listing takes for a file of ours. */
static void
tmp_path(const struct admin *a, struct buf *path)
{
	buf_addf(path, "%s/%s/.%.*s.conf.new", home_etc(), a->kind, STR_ARG(a->name));
	if (buf_c(path) == NULL)
		diex(EXIT_PERM, "the path is too long");
}

static mode_t
file_mode(const struct admin *a)
{
	struct buf	path = BUF_INIT(4096);
	struct stat	st;
	mode_t		mode = 0644;

	conf_source_path(&path, a->kind, a->name);
	if (stat(buf_c(&path), &st) == 0)
		mode = st.st_mode & 0777;
	buf_free(&path);
	return mode;
}

static void
write_tmp(const struct admin *a, const char *path)
{
	int	fd;

	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, file_mode(a));
	if (fd == -1)
		die(EXIT_TEMP, "unable to create %s", path);
	if (fchmod(fd, file_mode(a)) == -1 || write_all(fd, buf_str(&a->file.text)) == -1 || fsync(fd) == -1 || fd_close(&fd) == -1) {
		int	err = errno;

		unlink(path);
		errno = err;
		die(EXIT_TEMP, "unable to write %s", path);
	}
}

static void
publish(struct admin *a, const char *tmp)
{
	struct conf_change	c = { .kind = a->kind, .name = a->name, .tmp = tmp };
	struct conf_report	r = CONF_REPORT_INIT;

	/* the build opens the database itself, and a process can do that once */
	conf_close(a->conf);
	a->conf = NULL;
	if (conf_build(CONF_BUILD, &c, 1, &r) == -1) {
		if (tmp != NULL)
			unlink(tmp);
		conf_report_print(&r);
		diex(EXIT_PERM, "nothing was changed");
	}
	conf_report_free(&r);
}

void
admin_save(struct admin *a)
{
	struct buf	tmp = BUF_INIT(4096);

	tmp_path(a, &tmp);
	write_tmp(a, buf_c(&tmp));
	publish(a, buf_c(&tmp));
	buf_free(&tmp);
	admin_end(a);
}

void
admin_remove(struct admin *a)
{
	publish(a, NULL);
	admin_end(a);
}

void
admin_end(struct admin *a)
{
	conf_close(a->conf);
	conf_file_free(&a->file);
	arena_free(&a->arena);
}

struct str
admin_address(struct admin *a, const char *arg)
{
	struct buf	b = BUF_INIT(LIMIT_PATH + 2);
	struct addr	addr;
	struct str	out;

	if (addr_parse(str_c(arg), &addr) != ADDR_OK || addr.literal)
		diex(EXIT_PERM, "%s is not an address (localpart@domain)", arg);
	addr_add_local(&b, &addr);
	buf_addc(&b, '@');
	addr_add_domain(&b, &addr);
	if (buf_failed(&b) || !arena_dup(&a->arena, buf_str(&b), &out))
		diex(EXIT_PERM, "%s is too long", arg);
	buf_free(&b);
	return out;
}

/* The canonical form of a title: LOCALPART for an alias, an address otherwise. */
static bool
canonical_title(struct admin *a, struct str title, struct str *out_r)
{
	struct str	local = title, domain = a->name;
	struct addr	addr;
	struct buf	b = BUF_INIT(LIMIT_PATH);
	bool		ok;

	if (a->kind[0] == 'a') {
		if (addr_parse(title, &addr) != ADDR_OK)
			return false;
		addr_add_local(&b, &addr);
		domain = addr.domain;
		local = buf_str(&b);
	}
	ok = a->conf != NULL && conf_canonical(a->conf, local, domain, &a->arena, out_r) == CONF_OK;
	buf_free(&b);
	return ok;
}

int
admin_find_address(struct admin *a, const char *section, struct str address)
{
	struct str	local, domain, want, got;
	int		i = -1;

	if (a->conf == NULL || !conf_cut(address, &local, &domain) ||
	    conf_canonical(a->conf, local, domain, &a->arena, &want) != CONF_OK)
		return -1;
	while ((i = conf_scan_find(&a->file.scan, CONF_TOP, section, i)) != -1)
		if (canonical_title(a, a->file.scan.node[i].title.text, &got) && str_eq(got, want))
			return i;
	return -1;
}

void
admin_set(struct admin *a, const char *name, struct str value)
{
	struct buf	out = BUF_INIT(CONF_FILE_MAX);
	int		i = conf_scan_find(&a->file.scan, CONF_TOP, name, -1);

	if (value.p != NULL)
		conf_edit_set(&a->file.scan, CONF_TOP, name, value, &out);
	else if (i != -1)
		conf_edit_remove(&a->file.scan, i, &out);
	else
		buf_add(&out, buf_str(&a->file.text));
	admin_edited(a, &out);
	buf_free(&out);
}

int
admin_change(const char *kind, const char *name, const char *option, const char *value)
{
	struct admin	a;

	admin_write(&a);
	admin_load(&a, kind, str_c(name));
	admin_set(&a, option, value == NULL ? (struct str){ NULL, 0 } : str_c(value));
	admin_save(&a);
	return EXIT_OK;
}

/* --- what config.tdb holds */

static noreturn void
unreadable(void)
{
	diex(EXIT_TEMP, "unable to read config.tdb");
}

void
admin_account(struct admin *a, struct str name, struct conf_account *out_r)
{
	switch (conf_account(a->conf, name, &a->arena, out_r)) {
	case CONF_OK:
		return;
	case CONF_NONE:
		diex(EXIT_PERM, "there is no account %.*s", STR_ARG(name));
	case CONF_ERROR:
		break;
	}
	unreadable();
}

size_t
admin_accounts(struct admin *a, struct str **names_r)
{
	size_t	n;

	if (conf_accounts(a->conf, &a->arena, names_r, &n) != CONF_OK)
		unreadable();
	return n;
}

size_t
admin_domains(struct admin *a, struct str **names_r)
{
	size_t	n;

	if (conf_domains(a->conf, &a->arena, names_r, &n) != CONF_OK)
		unreadable();
	return n;
}

void
admin_print(struct str s)
{
	struct buf	b = BUF_INIT(16);

	for (; s.n > 0; s = str_skip(s, 1)) {
		if (!byte_is_control(*s.p)) {
			putchar(*s.p);
			continue;
		}
		buf_reset(&b);
		code_escape(&b, str_head(s, 1));
		printf("%.*s", STR_ARG(buf_str(&b)));
	}
	buf_free(&b);
}
