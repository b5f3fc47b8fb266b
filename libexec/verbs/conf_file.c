#include "conf_file.h"

#include <confuse.h>
#include <stdio.h>
#include <stdlib.h>

/* --- against the table */

struct check {
	struct conf_file		*file;
	struct conf_report		*report;
};

/* The table that a section's options are in, or NULL for an unknown section. */
static const struct conf_keydef *
table_of(const struct conf_file *f, const struct conf_keydef *top, int node)
{
	const struct conf_keydef	*up, *k;

	if (node == CONF_TOP)
		return top;
	up = table_of(f, top, f->scan.node[node].parent);
	k = up == NULL ? NULL : conf_keydef(up, f->scan.node[node].name);
	return k == NULL ? NULL : k->sub;
}

static bool
check_shape(struct check *c, const struct conf_node *n, const struct conf_keydef *k)
{
	const char	*want = NULL;

	if (k->type == CONF_SECTION && !n->section)
		want = "is a section: { expected behind it";
	else if (k->type != CONF_SECTION && n->section)
		want = "is an option: = and a value expected behind it";
	else if (n->section && k->list && !n->titled)
		want = "needs a name before its {";
	else if (n->section && !k->list && n->titled)
		want = "takes no name before its {";
	else if (!n->section && n->list && !k->list)
		want = "takes one value, not a list";
	if (want != NULL)
		conf_error(c->report, c->file->name, n->line, "%.*s %s", STR_ARG(n->name), want);
	return want == NULL;
}

static void
check_value(struct check *c, const struct conf_keydef *k, enum conf_type type, const struct conf_node *n, const struct conf_value *v)
{
	const char	*want = conf_type_wants(k, type, v->text);

	if (want != NULL)
		conf_error(c->report, c->file->name, v->line, "%.*s: \"%.*s\" is not %s",
		    STR_ARG(n->name), STR_ARG(v->text), want);
}

static void
check_node(struct check *c, const struct conf_keydef *top, const struct conf_node *n)
{
	const struct conf_keydef	*table = table_of(c->file, top, n->parent);
	const struct conf_keydef	*k;

	if (table == NULL)
		return;		/* in an unknown section, which was named */
	k = conf_keydef(table, n->name);
	if (k == NULL) {
		conf_error(c->report, c->file->name, n->line, "unknown %s %.*s",
		    n->section ? "section" : "option", STR_ARG(n->name));
		return;
	}
	if (!check_shape(c, n, k))
		return;
	if (n->section && k->list)
		check_value(c, k, k->title, n, &n->title);
	for (size_t i = 0; i < n->nvalue; i++)
		check_value(c, k, k->type, n, &c->file->scan.value[n->value + i]);
}

static void
check_required(struct check *c, const struct conf_keydef *table, int section)
{
	const struct conf_scan	*s = &c->file->scan;

	for (const struct conf_keydef *k = table; k != NULL && k->name != NULL; k++) {
		int	i = k->required ? conf_scan_find(s, section, k->name, section) : 0;

		if (i == -1)
			conf_error(c->report, c->file->name, section == CONF_TOP ? 0 : s->node[section].line,
			    "%s is missing", k->name);
		else if (k->required && k->list && s->node[i].nvalue == 0 && !s->node[i].section)
			conf_error(c->report, c->file->name, s->node[i].line, "%s is empty", k->name);
	}
}

/* --- repeated keys and titles: sorted, so that large files stay cheap */

struct ref {
	const struct conf_node	*n;
};

static int
ref_cmp(const void *a, const void *b)
{
	const struct conf_node	*x = ((const struct ref *)a)->n, *y = ((const struct ref *)b)->n;
	int			 d;

	if (x->parent != y->parent)
		return x->parent < y->parent ? -1 : 1;
	if ((d = str_cmp(x->name, y->name)) != 0 || (d = str_cmp(x->title.text, y->title.text)) != 0)
		return d;
	return x->at < y->at ? -1 : 1;
}

static void
check_repeated(struct check *c)
{
	const struct conf_scan	*s = &c->file->scan;
	struct ref		*refs = reallocarray(NULL, s->nnode + 1, sizeof(*refs));

	if (refs == NULL)
		abort();
	for (size_t i = 0; i < s->nnode; i++)
		refs[i].n = &s->node[i];
	qsort(refs, s->nnode, sizeof(*refs), ref_cmp);
	for (size_t i = 1; i < s->nnode; i++) {
		const struct conf_node	*a = refs[i - 1].n, *b = refs[i].n;

		if (a->parent == b->parent && str_eq(a->name, b->name) && str_eq(a->title.text, b->title.text))
			conf_error(c->report, c->file->name, b->line, "%.*s%s%.*s is already in line %u",
			    STR_ARG(b->name), b->titled ? " " : "", STR_ARG(b->title.text), a->line);
	}
	free(refs);
}

/* --- libconfuse */

enum { OPTS_MAX = 256 };

/* libconfuse's form of a table; every value is text for it, our types are checked by us. */
static cfg_opt_t *
opts_of(const struct conf_keydef *table, cfg_opt_t *pool, size_t *used)
{
	cfg_opt_t	*opts = &pool[*used];
	size_t		 n = 0;

	while (table[n].name != NULL)
		n++;
	*used += n + 1;
	if (*used > OPTS_MAX)
		abort();	/* a larger table needs a larger pool */
	for (size_t i = 0; i < n; i++) {
		const struct conf_keydef *k = &table[i];

		if (k->type == CONF_SECTION) {
			cfg_opt_t	*sub = opts_of(k->sub, pool, used);

			opts[i] = (cfg_opt_t)CFG_SEC(k->name, sub,
			    k->list ? CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES : CFGF_NONE);
		} else if (k->list)
			opts[i] = (cfg_opt_t)CFG_STR_LIST(k->name, NULL, CFGF_NODEFAULT);
		else
			opts[i] = (cfg_opt_t)CFG_STR(k->name, NULL, CFGF_NODEFAULT);
	}
	opts[n] = (cfg_opt_t)CFG_END();
	return opts;
}

/* cfg_error() has no argument of ours: one parse at a time, as libconfuse itself. */
static struct {
	struct conf_file	*file;
	struct conf_report	*report;
} now;

static void __attribute__((format(printf, 2, 0)))
confuse_error(cfg_t *cfg, const char *fmt, va_list ap)
{
	char	text[512];

	vsnprintf(text, sizeof(text), fmt, ap);
	conf_error(now.report, now.file->name, cfg == NULL ? 0 : (unsigned)cfg->line, "%s", text);
}

/* What libconfuse made of a value; nothing is copied when it is as written. */
static void
take_text(struct conf_file *f, struct conf_value *v, const char *text)
{
	struct str	s = str_c(text);

	if (text != NULL && !str_eq(s, v->text) && !arena_dup(&f->arena, s, &v->text))
		abort();
}

/* Walk the sections and options of the scan and of libconfuse side by side. */
static void
take_values(struct conf_file *f, cfg_t *cfg, int section)
{
	struct conf_scan	*s = &f->scan;
	size_t			 from = (size_t)(section + 1);
	unsigned		 nth[OPTS_MAX] = { 0 };

	for (size_t i = from; i < s->nnode; i++) {
		struct conf_node	*n = &s->node[i];
		char			 name[64];
		cfg_opt_t		*opt;
		cfg_t			*sub;

		if (n->parent < section)
			break;		/* behind the section's end */
		if (n->parent != section || !str_copy(n->name, name, sizeof(name)))
			continue;
		opt = cfg_getopt(cfg, name);
		if (opt == NULL)
			continue;
		/* must not be: it would read something else than what was checked and is edited */
		if (!n->section && cfg_opt_size(opt) != n->nvalue)
			conf_error(now.report, f->name, n->line, "%s: libconfuse finds %u values here and posthorn %zu",
			    name, cfg_opt_size(opt), n->nvalue);
		for (size_t j = 0; j < n->nvalue && j < cfg_opt_size(opt); j++)
			take_text(f, &s->value[n->value + j], cfg_opt_getnstr(opt, (unsigned)j));
		if (!n->section || (sub = cfg_opt_getnsec(opt, nth[opt - cfg->opts]++)) == NULL)
			continue;
		if (n->titled)
			take_text(f, &n->title, cfg_title(sub));
		take_values(f, sub, (int)i);
	}
}

static void
confuse_parse(struct conf_file *f, const struct conf_keydef *table, struct conf_report *report)
{
	cfg_opt_t	 pool[OPTS_MAX];
	size_t		 used = 0;
	const char	*text = f->scan.bare.n == 0 ? "" : buf_c(&f->scan.bare);
	cfg_t		*cfg = cfg_init(opts_of(table, pool, &used), CFGF_NONE);

	if (cfg == NULL || text == NULL)
		abort();
	now.file = f;
	now.report = report;
	cfg_set_error_function(cfg, confuse_error);
	if (cfg_parse_buf(cfg, text) == CFG_SUCCESS)
		take_values(f, cfg, CONF_TOP);
	else if (report->n == 0)
		conf_error(report, f->name, 0, "libconfuse refuses it");
	cfg_free(cfg);
}

/* libconfuse would stop at a shape that is not in the table: check_node() names all of them. */
static bool
shapes_fit(const struct conf_file *f, const struct conf_keydef *table)
{
	for (size_t i = 0; i < f->scan.nnode; i++) {
		const struct conf_node		*n = &f->scan.node[i];
		const struct conf_keydef	*t = table_of(f, table, n->parent);
		const struct conf_keydef	*k = t == NULL ? NULL : conf_keydef(t, n->name);

		if (k == NULL || (k->type == CONF_SECTION) != n->section)
			return false;
		if ((n->section && k->list != n->titled) || (n->list && !k->list))
			return false;
	}
	return true;
}

void
conf_file_parse(struct conf_file *f, const struct conf_keydef *table, struct conf_report *report)
{
	struct check	c = { .file = f, .report = report };
	unsigned	before = report->n;

	arena_init(&f->arena, 2 * CONF_FILE_MAX);
	conf_scan(&f->scan, buf_str(&f->text), f->name, report);
	check_repeated(&c);
	if (report->n == before && shapes_fit(f, table))
		confuse_parse(f, table, report);
	for (size_t i = 0; i < f->scan.nnode; i++)
		check_node(&c, table, &f->scan.node[i]);
	check_required(&c, table, CONF_TOP);
	for (size_t i = 0; i < f->scan.nnode; i++)
		if (f->scan.node[i].section)
			check_required(&c, table_of(f, table, (int)i), (int)i);
}

void
conf_file_free(struct conf_file *f)
{
	buf_free(&f->text);
	conf_scan_free(&f->scan);
	arena_free(&f->arena);
}

struct str
conf_file_get(const struct conf_file *f, int parent, const char *name)
{
	int	i = conf_scan_find(&f->scan, parent, name, parent);

	if (i == -1 || f->scan.node[i].nvalue == 0)
		return (struct str){ NULL, 0 };
	return f->scan.value[f->scan.node[i].value].text;
}

unsigned
conf_file_line(const struct conf_file *f, int parent, const char *name)
{
	int	i = conf_scan_find(&f->scan, parent, name, parent);

	if (i == -1)
		return parent == CONF_TOP ? 0 : f->scan.node[parent].line;
	return f->scan.node[i].line;
}
