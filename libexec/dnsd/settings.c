/* What is asked of whom: from the configuration or from options. */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "dnsd.h"
#include "sys/die.h"
#include "sys/fd.h"
#include "sys/log.h"

enum { ZONE_FILE_HEAD = 65536 };

void
settings_add(struct settings *s, struct str **list, size_t *n, const char *value)
{
	if (*n == 0)
		*list = arena_array(&s->arena, SETTINGS_MAX, sizeof(**list));
	if (*list == NULL || *n == SETTINGS_MAX)
		diex(EXIT_PERM, "too many of a kind: %s", value);
	(*list)[(*n)++] = str_c(value);
}

static void
print_list(struct buf *b, const char *what, const struct str *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		buf_adds(b, what);
		buf_add(b, list[i]);
		buf_addc(b, '\n');
	}
}

/* A file that was written anew has another time, size or number. */
static void
print_files(struct buf *b, const struct str *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char		path[PATH_MAX];
		struct stat	st;

		buf_adds(b, "file ");
		buf_add(b, list[i]);
		if (str_copy(list[i], path, sizeof(path)) && stat(path, &st) == 0)
			buf_addf(b, " %lld.%09ld %lld %llu", (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec,
			    (long long)st.st_size, (unsigned long long)st.st_ino);
		buf_addc(b, '\n');
	}
}

void
settings_fingerprint(struct settings *s)
{
	const struct conf_dns	*d = &s->dns;

	buf_reset(&s->print);
	print_list(&s->print, "forwarder ", d->forwarder, d->nforwarder);
	print_list(&s->print, "stub ", d->stub, d->nstub);
	print_list(&s->print, "anchor ", d->trust_anchor, d->ntrust_anchor);
	print_files(&s->print, d->zone_file, d->nzone_file);
	print_files(&s->print, d->trust_anchor_file, d->ntrust_anchor_file);
}

/* libunbound reads the file; we must know its name. */
bool
settings_zone_of(struct str path, char zone[TEXT_NAME])
{
	struct buf	head = BUF_INIT(ZONE_FILE_HEAD);
	char		c[PATH_MAX];
	struct str	name;
	size_t		room;
	ssize_t		n = -1;
	int		fd = str_copy(path, c, sizeof(c)) ? open(c, O_RDONLY | O_CLOEXEC) : -1;
	char		*p = buf_room(&head, ZONE_FILE_HEAD, &room);
	bool		good;

	if (fd != -1 && p != NULL)
		n = read(fd, p, room);
	if (n > 0)
		buf_grew(&head, (size_t)n);
	good = n > 0 && text_zone_of(buf_str(&head), &name) && text_name(name, zone);
	if (!good)
		log_failure("not-a-zone-file", c, n == -1 ? errno : EINVAL);
	buf_free(&head);
	(void)fd_close(&fd);
	return good;
}
