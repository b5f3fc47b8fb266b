/*
 * conf_file: a configuration file. The first byte picks the kind. What libconfuse
 * reads is what the scan found, whatever the text; and a file without errors is
 * still one after each edit, with the new value in it and the others as they were.
 */
#include <stdlib.h>

#include "../../libexec/verbs/conf_edit.h"
#include "../../libexec/verbs/conf_file.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static const struct conf_keydef	*table;

/* How many errors the text has. */
static unsigned
parse(struct conf_file *f, struct str text)
{
	struct conf_report	r = CONF_REPORT_INIT;
	unsigned		n;

	*f = (struct conf_file){ .name = STR("x"), .text = BUF_INIT(CONF_FILE_MAX) };
	buf_add(&f->text, text);
	conf_file_parse(f, table, &r);
	n = r.n;
	/* unless the file itself holds the words */
	if (str_find(buf_str(&r.text), STR("libconfuse finds")) < r.text.n && str_find(text, STR("libconfuse")) == text.n)
		abort();
	conf_report_free(&r);
	return n;
}

static void
check_ranges(const struct conf_scan *s)
{
	for (size_t i = 0; i < s->nnode; i++)
		if (s->node[i].at >= s->node[i].end || s->node[i].end > s->text.n || s->node[i].parent >= (int)i)
			abort();
	for (size_t i = 0; i < s->nvalue; i++)
		if (s->value[i].at >= s->value[i].end || s->value[i].end > s->text.n)
			abort();
}

/* An edit's result has no error and holds the value at the top. */
static void
check_set(struct buf *out, const char *name, struct str value)
{
	struct conf_file	f;

	if (parse(&f, buf_str(out)) != 0 || !str_eq(conf_file_get(&f, CONF_TOP, name), value))
		abort();
	conf_file_free(&f);
}

static void
edit_top(const struct conf_file *f, struct str value)
{
	struct buf	out = BUF_INIT(CONF_FILE_MAX);

	if (table == conf_account_keys && value.n <= 1000 && !str_has_control(value)) {
		conf_edit_set(&f->scan, CONF_TOP, "full-name", value, &out);
		check_set(&out, "full-name", value);
	}
	conf_edit_set(&f->scan, CONF_TOP, table == conf_account_keys ? "quota" : "separators", STR("5"), &out);
	if (table == conf_account_keys)
		check_set(&out, "quota", STR("5"));
	buf_free(&out);
}

/* Take a node away: what is left has the others, and no shape is broken. */
static void
edit_remove(const struct conf_file *f, int node)
{
	struct buf		out = BUF_INIT(CONF_FILE_MAX);
	struct conf_report	r = CONF_REPORT_INIT;
	struct conf_scan	s;
	size_t			gone = 1;

	for (size_t i = (size_t)node + 1; i < f->scan.nnode && f->scan.node[i].parent >= node; i++)
		gone++;
	conf_edit_remove(&f->scan, node, &out);
	conf_scan(&s, buf_str(&out), STR("x"), &r);
	if (r.n != 0 || s.nnode != f->scan.nnode - gone)
		abort();
	conf_scan_free(&s);
	conf_report_free(&r);
	buf_free(&out);
}

/* A member more, and one less. */
static void
edit_list(const struct conf_file *f, int node, size_t i)
{
	const struct conf_node	*n = &f->scan.node[node];
	struct buf		 out = BUF_INIT(CONF_FILE_MAX);
	struct conf_file	 g;

	conf_edit_list_add(&f->scan, node, STR("z\"@example.org"), &out);
	(void)parse(&g, buf_str(&out));
	if (g.scan.nnode != f->scan.nnode || g.scan.node[node].nvalue != n->nvalue + 1)
		abort();
	conf_file_free(&g);
	conf_edit_list_remove(&f->scan, node, i % n->nvalue, &out);
	(void)parse(&g, buf_str(&out));
	if (n->list && (g.scan.nnode != f->scan.nnode || g.scan.node[node].nvalue != n->nvalue - 1))
		abort();
	conf_file_free(&g);
	buf_free(&out);
}

static void
edit_section(const struct conf_file *f)
{
	struct buf		out = BUF_INIT(CONF_FILE_MAX), two = BUF_INIT(CONF_FILE_MAX);
	struct str		title = STR("zz\"\\$#'@example.org");
	struct conf_file	g;
	int			i;

	conf_edit_add_section(&f->scan, "address", title, STR(""), &out);
	(void)parse(&g, buf_str(&out));
	i = (int)g.scan.nnode - 1;
	if (g.scan.nnode != f->scan.nnode + 1 || g.scan.node[i].parent != CONF_TOP)
		abort();
	conf_edit_set(&g.scan, i, "mailbox", STR("a b"), &two);
	conf_file_free(&g);
	(void)parse(&g, buf_str(&two));
	if (g.scan.nnode != f->scan.nnode + 2 || g.scan.node[i + 1].parent != i)
		abort();
	conf_file_free(&g);
	buf_free(&out);
	buf_free(&two);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct conf_keydef	*const tables[] = { conf_machine_keys, conf_domain_keys, conf_account_keys };
	struct str			 text = str_skip(str_n(data, size), 1);
	struct conf_file		 f;

	if (size == 0 || size > 4096)
		return 0;
	table = tables[data[0] % 3];
	if (parse(&f, text) == 0) {
		check_ranges(&f.scan);
		edit_top(&f, text);
		for (size_t i = 0; i < f.scan.nnode && i < 20; i++) {
			edit_remove(&f, (int)i);
			if (table == conf_domain_keys && str_eq(f.scan.node[i].name, STR("members")))
				edit_list(&f, (int)i, i);
		}
		if (table == conf_account_keys)
			edit_section(&f);
	} else if (str_is_utf8(text))
		check_ranges(&f.scan);
	conf_file_free(&f);
	return 0;
}
