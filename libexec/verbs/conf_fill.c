#include "conf_fill.h"

#include <errno.h>
#include <sys/stat.h>

#include "base/attr.h"
#include "base/num.h"
#include "sys/home.h"

void
conf_fill_bool(struct buf *rec, const struct conf_file *f, int section, const char *name, bool fallback)
{
	bool	on = fallback;

	if (!conf_bool(conf_file_get(f, section, name), &on))
		on = fallback;
	attr_addu(rec, name, on);
}

void
conf_fill_number(struct buf *rec, const struct conf_file *f, int section, const char *name, uint64_t fallback)
{
	uint64_t	n;

	if (!num_bytes(conf_file_get(f, section, name), &n))
		n = fallback;
	attr_addu(rec, name, n);
}

void
conf_fill_text(struct buf *rec, const struct conf_file *f, int section, const char *name, const char *attr)
{
	struct str	v = conf_file_get(f, section, name);

	if (v.p != NULL)
		attr_add(rec, attr, v);
}

void
conf_fill_list(struct buf *rec, const struct conf_file *f, int section, const char *name, const char *attr)
{
	int	i = conf_scan_find(&f->scan, section, name, section);

	if (i == -1)
		return;
	for (size_t j = 0; j < f->scan.node[i].nvalue; j++)
		attr_add(rec, attr, f->scan.value[f->scan.node[i].value + j].text);
}

void
conf_fill_paths(struct buf *rec, const struct conf_file *f, int section, const char *name, const char *attr, struct conf_report *r)
{
	struct buf	path = BUF_INIT(4096);
	struct stat	st;
	int		i = conf_scan_find(&f->scan, section, name, section);

	for (size_t j = 0; i != -1 && j < f->scan.node[i].nvalue; j++) {
		const struct conf_value	*v = &f->scan.value[f->scan.node[i].value + j];

		buf_reset(&path);
		if (!str_starts(v->text, STR("/"))) {
			buf_adds(&path, home_etc());
			buf_addc(&path, '/');
		}
		buf_add(&path, v->text);
		if (buf_c(&path) == NULL || stat(buf_c(&path), &st) == -1)
			conf_error(r, f->name, v->line, "%s: %.*s: %s", name, STR_ARG(v->text), strerror(errno));
		else
			attr_add(rec, attr, buf_str(&path));
	}
	buf_free(&path);
}
