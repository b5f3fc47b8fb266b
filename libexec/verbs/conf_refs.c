#include "conf_record.h"

#include "base/attr.h"
#include "conf_idn.h"

/* Put name into the list under the key, or take it out; the list stays sorted. */
static void
list_change(struct conf_builder *b, TDB_DATA key, struct str name, bool in)
{
	struct buf	out = BUF_INIT(CONF_NAMES_MAX);
	struct str	rest, item;
	bool		done = !in;

	if (conf_write_get(&b->w, key, &b->list) == -1)
		return;
	rest = buf_str(&b->list);
	while (str_cut(&rest, '\0', &item)) {
		int	d = str_cmp(item, name);

		if (!done && d >= 0) {
			buf_add(&out, name);
			buf_addc(&out, '\0');
			done = true;
		}
		if (d == 0)
			continue;
		buf_add(&out, item);
		buf_addc(&out, '\0');
	}
	if (!done) {
		buf_add(&out, name);
		buf_addc(&out, '\0');
	}
	if (out.n == 0)
		conf_write_del(&b->w, key);
	else
		conf_write_put(&b->w, key, buf_str(&out), true);
	buf_free(&out);
}

/* Forget that from needs the members named in its record, which is in b->rec. */
static void
forget_members(struct conf_builder *b, const char *attr, struct str from)
{
	struct str	name, value;
	size_t		at = 0;

	while (attr_next(buf_str(&b->rec), &at, &name, &value))
		if (str_eq(name, str_c(attr)))
			list_change(b, conf_key(&b->key, 'r', value), from, false);
}

static void
forget_alias(struct conf_builder *b, struct str local, struct str domain)
{
	struct buf	from = BUF_INIT(1024);

	buf_add(&from, local);
	buf_addc(&from, '@');
	buf_add(&from, domain);
	if (conf_write_get(&b->w, conf_key(&b->key, 'a', buf_str(&from)), &b->rec) == 1) {
		forget_members(b, "member", buf_str(&from));
		conf_write_del(&b->w, conf_key(&b->key, 'a', buf_str(&from)));
	}
	buf_free(&from);
}

void
conf_forget_domain(struct conf_builder *b, struct str name)
{
	struct buf	aliases = BUF_INIT(CONF_NAMES_MAX), from = BUF_INIT(1024);
	struct str	rest, local;

	if (conf_write_get(&b->w, conf_key(&b->key, 's', name), &aliases) == 1) {
		rest = buf_str(&aliases);
		while (str_cut(&rest, '\0', &local))
			forget_alias(b, local, name);
	}
	buf_addc(&from, '@');
	buf_add(&from, name);
	if (conf_write_get(&b->w, conf_key(&b->key, 'd', name), &b->rec) == 1)
		forget_members(b, "catch-all", buf_str(&from));
	conf_write_del(&b->w, conf_key(&b->key, 's', name));
	conf_write_del(&b->w, conf_key(&b->key, 'd', name));
	if (conf_idn_other(name, &b->text) && b->text.n > 0)
		conf_write_del(&b->w, conf_key(&b->key, 'd', buf_str(&b->text)));
	b->info.name = STR("");
	buf_free(&aliases);
	buf_free(&from);
}

/* What is under the address: 1 an address of an account, 2 an alias, 0 nothing. */
static int
what_is(struct conf_builder *b, struct str address)
{
	if (conf_write_get(&b->w, conf_key(&b->key, 'a', address), &b->rec) != 1)
		return 0;
	return attr_get(buf_str(&b->rec), "account").n > 0 ? 1 : 2;
}

static void
report_ref(struct conf_builder *b, struct str file, unsigned line, struct str from, struct str member, int what)
{
	bool	all = str_starts(from, STR("@"));

	if (all)
		from = str_skip(from, 1);
	conf_error(b->report, file, line, "%s %.*s: %.*s %s", all ? "catch-all of" : "alias",
	    STR_ARG(from), STR_ARG(member), what == 2 ? "is an alias itself" : "is not an address of any account");
}

/* The line in a domain's file where from (alias@domain or @domain) names the member. */
static unsigned
find_line(struct conf_builder *b, const struct conf_file *f, struct str from, struct str member)
{
	struct conf_report	 quiet = CONF_REPORT_INIT, *loud = b->report;
	const struct conf_scan	*s = &f->scan;
	struct buf		 got = BUF_INIT(1024);
	unsigned		 line = 0;

	b->report = &quiet;
	for (size_t i = 0; i < s->nnode && line == 0; i++) {
		if (!str_eq(s->node[i].name, from.p[0] == '@' ? STR("catch-all") : STR("members")))
			continue;
		for (size_t j = 0; j < s->node[i].nvalue; j++) {
			const struct conf_value	*v = &s->value[s->node[i].value + j];

			/* any alias of the file will do to find the place: all of them are wrong now */
			if (conf_put_canonical(b, v->text, f->name, 0, &got) && str_eq(buf_str(&got), member))
				line = v->line;
		}
	}
	b->report = loud;
	conf_report_free(&quiet);
	buf_free(&got);
	return line;
}

/* An address that is gone was named by a file that has not changed. */
static void
report_gone(struct conf_builder *b, struct str member, struct str from, int what)
{
	struct conf_report	quiet = CONF_REPORT_INIT;
	struct conf_file	f;
	struct str		local, domain;

	if (!conf_cut(from, &local, &domain))
		return;
	if (conf_source_read(&f, "domains", domain, b->change, b->nchange, &b->arena, &quiet))
		report_ref(b, f.name, find_line(b, &f, from, member), from, member, what);
	else
		report_ref(b, f.name, 0, from, member, what);
	conf_file_free(&f);
	conf_report_free(&quiet);
}

void
conf_check_refs(struct conf_builder *b)
{
	struct buf	list = BUF_INIT(CONF_NAMES_MAX);

	for (size_t i = 0; i < b->ngone; i++) {
		struct str	rest, from;
		int		what = what_is(b, b->gone[i]);

		if (what == 1 || conf_write_get(&b->w, conf_key(&b->key, 'r', b->gone[i]), &list) != 1)
			continue;
		rest = buf_str(&list);
		while (str_cut(&rest, '\0', &from))
			report_gone(b, b->gone[i], from, what);
	}
	buf_free(&list);
	for (size_t i = 0; i < b->nref; i++) {
		const struct conf_ref	*r = &b->ref[i];
		int			 what = what_is(b, r->member);

		if (what != 1)
			report_ref(b, r->file, r->line, r->from, r->member, what);
		list_change(b, conf_key(&b->key, 'r', r->member), r->from, true);
	}
	if (b->postmaster.n > 0 && conf_write_get(&b->w, conf_key(&b->key, 'u', b->postmaster), &b->rec) == 0) {
		buf_reset(&b->text);
		conf_source_path(&b->text, NULL, STR(""));
		conf_error(b->report, buf_str(&b->text), b->postmaster_line, "postmaster: there is no account %.*s", STR_ARG(b->postmaster));
	}
}
