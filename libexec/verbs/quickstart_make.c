#include "quickstart.h"

#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf_edit.h"
#include "setup.h"
#include "sys/die.h"
#include "sys/home.h"
#include "undo.h"

/* --- where, and that nothing is there yet */

/* A directory without anything, or none. */
static bool
is_empty(const char *path)
{
	DIR		*d = opendir(path);
	struct dirent	*e;
	bool		 empty = true;

	if (d == NULL && errno == ENOENT)
		return true;
	if (d == NULL)
		die(EXIT_TEMP, "unable to read %s", path);
	while ((e = readdir(d)) != NULL)
		empty &= strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 || strcmp(e->d_name, "lost+found") == 0;
	closedir(d);
	return empty;
}

/* Is there a NAME.conf? make install leaves samples, which are none. */
static bool
has_conf(const char *path)
{
	DIR		*d = opendir(path);
	struct dirent	*e;
	bool		 has = false;

	if (d == NULL && errno == ENOENT)
		return false;
	if (d == NULL)
		die(EXIT_TEMP, "unable to read %s", path);
	while ((e = readdir(d)) != NULL)
		has |= e->d_name[0] != '.' && str_ends(str_c(e->d_name), STR(".conf"));
	closedir(d);
	return has;
}

static void
join(char *out, size_t size, const char *dir, const char *name)
{
	if (snprintf(out, size, "%s/%s", dir, name) >= (int)size)
		diex(EXIT_PERM, "the path of %s is too long", name);
}

static void
refuse_existing(const struct quickstart *q)
{
	static const char *const	parts[] = { ".", "domains", "accounts" };
	char				path[PATH_MAX];

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		join(path, sizeof(path), q->etc, parts[i]);
		if (has_conf(path))
			diex(EXIT_PERM, "there is a configuration already in %s: nothing was changed", path);
	}
	if (!is_empty(q->var))
		diex(EXIT_PERM, "%s is not empty: nothing was changed", q->var);
}

void
quickstart_place(struct quickstart *q)
{
	const char	*var = getenv("POSTHORN_VAR");

	q->dir = getenv("POSTHORN_DIR");
	q->own = q->dir != NULL && q->dir[0] == '/';
	if (!str_copy(str_c(home_etc()), q->etc, sizeof(q->etc)) ||
	    !str_copy(str_c(var == NULL || var[0] == '\0' ? POSTHORN_VARDIR : var), q->var, sizeof(q->var)))
		diex(EXIT_PERM, "a path is too long");
	if (!q->own && geteuid() != 0)
		diex(EXIT_PERM, "only root sets up a machine; posthorn -C DIR quickstart makes a system of yours in DIR");
	refuse_existing(q);
}

/* --- directories and files, each remembered */

static void
make_dir(const char *path)
{
	if (mkdir(path, 0755) == 0)
		undo_dir(path);
	else if (errno != EEXIST)
		die(EXIT_TEMP, "unable to make %s", path);
}

/* With all above it. */
static void
make_dirs(const char *path)
{
	char	part[PATH_MAX];

	if (!str_copy(str_c(path), part, sizeof(part)))
		diex(EXIT_PERM, "the path %s is too long", path);
	for (char *slash = strchr(part + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		make_dir(part);
		*slash = '/';
	}
	make_dir(part);
}

static void
write_file(const struct quickstart *q, const char *name, struct buf *text)
{
	char	path[PATH_MAX];

	join(path, sizeof(path), q->etc, name);
	undo_file(path);
	setup_write(path, text);
	buf_reset(text);
}

static void
add_option(struct buf *b, const char *name, const char *value)
{
	buf_addf(b, "%s = ", name);
	conf_edit_quote(b, str_c(value));
	buf_addc(b, '\n');
}

static bool
has_ipv6(void)
{
	int	s = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (s == -1)
		return false;
	close(s);
	return true;
}

static void
add_listener(struct buf *b, const struct quickstart *q)
{
	buf_adds(b, "\nlistener public {\n\taddress = { ");
	for (size_t i = 0; i < q->nlisten; i++) {
		buf_adds(b, i > 0 ? ", \"" : "\"");
		ip_format(b, &q->listen[i]);
		buf_adds(b, "\"");
	}
	if (q->nlisten == 0)
		buf_adds(b, has_ipv6() ? "0.0.0.0, \"::\"" : "0.0.0.0");
	buf_adds(b, " }\n");
	for (enum conf_service s = 0; s < CONF_SERVICES; s++)
		buf_addf(b, "\t%s = %u\n", conf_service_name(s), quickstart_port(q, s));
	buf_adds(b, "}\n");
}

static void
write_machine(const struct quickstart *q)
{
	struct buf	b = BUF_INIT(65536);

	buf_adds(&b, "# Made by posthorn quickstart; yours to change. posthorn.conf(5) tells of all there is,\n"
	    "# `posthorn config build` puts a change to use.\n\n");
	add_option(&b, "hostname", q->hostname);
	buf_adds(&b, "\n# Mail for joe+anything goes to joe.\nseparators = \"+\"\n\n");
	buf_adds(&b, "# Somebody must read what is written to postmaster.\npostmaster {\n\t");
	add_option(&b, "account", q->account);
	buf_adds(&b, "\tmailbox = Postmaster\n}\n");
	if (q->base > 0)
		buf_addf(&b, "\n# The ports of other servers: those of systems like this one first.\noutgoing-ports = { %u, 25 }\n", 25 + q->base);
	if (q->dns != NULL) {
		buf_adds(&b, "\ndns {\n\tforwarder = { ");
		conf_edit_quote(&b, str_c(q->dns));
		buf_adds(&b, " }\n}\n");
	}
	add_listener(&b, q);
	write_file(q, "posthorn.conf", &b);
	buf_free(&b);
}

static void
write_services(const struct quickstart *q)
{
	struct buf	b = BUF_INIT(65536);
	char		path[PATH_MAX];

	join(path, sizeof(path), q->etc, "services");
	if (setup_exists(path))
		return;		/* make install put it there */
	if (q->own)
		buf_adds(&b, "# As in a real system, but that all programs run as the one who starts them.\nsame-user\n\n");
	setup_services(&b, true);
	write_file(q, "services", &b);
	buf_free(&b);
}

static void
write_configuration(const struct quickstart *q)
{
	struct buf	b = BUF_INIT(65536);
	char		name[LIMIT_DOMAIN + 32];

	write_services(q);
	write_machine(q);
	(void)snprintf(name, sizeof(name), "domains/%s.conf", q->domain);
	buf_addf(&b, "# The domain %s; domain.conf(5).\n", q->domain);
	write_file(q, name, &b);
	(void)snprintf(name, sizeof(name), "accounts/%s.conf", q->account);
	buf_adds(&b, "# account.conf(5)\naddress ");
	conf_edit_quote(&b, str_c(q->address));
	buf_adds(&b, " { }\n");
	write_file(q, name, &b);
	buf_free(&b);
}

static void
make_directories(const struct quickstart *q)
{
	char	path[PATH_MAX];

	make_dirs(q->etc);
	join(path, sizeof(path), q->etc, "domains");
	make_dir(path);
	join(path, sizeof(path), q->etc, "accounts");
	make_dir(path);
	if (setup_exists(q->var))
		undo_content(q->var);
	else
		make_dirs(q->var);
	if (setenv("POSTHORN_ETC", q->etc, 1) == -1 || setenv("POSTHORN_VAR", q->var, 1) == -1)
		die(EXIT_TEMP, "unable to set the environment");
	if (chdir(q->var) == -1)
		die(EXIT_TEMP, "unable to enter %s", q->var);
}

/* --- secrets */

/* 16 of 32 characters that are told apart in any typeface: 80 bits. */
static void
make_password(struct quickstart *q)
{
	static const char	chars[] = "abcdefghijkmnpqrstuvwxyz23456789";
	unsigned char		r[16];
	size_t			n = 0;

	if (q->password[0] != '\0')
		return;
	if (getrandom(r, sizeof(r), 0) != (ssize_t)sizeof(r))
		die(EXIT_TEMP, "unable to make a password");
	for (size_t i = 0; i < sizeof(r); i++) {
		if (i > 0 && i % 4 == 0)
			q->password[n++] = '-';
		q->password[n++] = chars[r[i] % 32];
	}
	q->password[n] = '\0';
	explicit_bzero(r, sizeof(r));
}

static void
make_secrets(struct quickstart *q)
{
	char	text[QUICKSTART_IPS][IP_TEXT], line[QUICKSTART_PASSWORD + 2];
	char	*cert[4 + QUICKSTART_IPS] = { "cert", "selfsigned", q->hostname };
	char	*passwd[] = { "passwd", q->account, NULL };

	/* on a test system addresses are what clients connect to */
	for (size_t i = 0; q->own && i < q->nlisten; i++) {
		struct buf	b = { .p = text[i], .cap = IP_TEXT, .max = IP_TEXT - 1 };

		ip_format(&b, &q->listen[i]);
		text[i][b.n] = '\0';
		cert[3 + i] = text[i];
	}
	setup_verb(cert, "");
	undo_check();
	make_password(q);
	(void)snprintf(line, sizeof(line), "%s\n", q->password);
	setup_verb(passwd, line);
	explicit_bzero(line, sizeof(line));
}

void
quickstart_make(struct quickstart *q)
{
	static char *const	build[] = { "config", "build", NULL };
	static char *const	serve[] = { "serve", "-n", NULL };

	(void)umask(022);	/* the users of the table must find their way */
	make_directories(q);
	write_configuration(q);
	undo_check();
	setup_verb(build, "");
	if (!q->own)
		quickstart_users(q);
	undo_check();
	setup_verb(serve, "");	/* makes the directories of the table, each for its user */
	if (!q->own)
		quickstart_queue_drop();
	make_secrets(q);
	undo_check();
}
