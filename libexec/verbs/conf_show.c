/* config show and config dump: what config.tdb says. */
#include "conf_show.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/attr.h"
#include "base/limits.h"
#include "client/conf_db.h"
#include "conf_table.h"
#include "sys/die.h"
#include "sys/home.h"

/* --- show */

static void
print_line(struct str name, struct str value)
{
	printf("%.*s = ", STR_ARG(name));
	admin_print(value);
	printf("\n");
}

static void
open_db(struct conf_db *db)
{
	if (conf_db_open(db, NULL) == -1)
		die(EXIT_TEMP, "unable to open %s (is the configuration built?)", HOME_CONFIG_TDB);
}

static bool
begins_group(struct str name)
{
	return str_eq(name, STR("listener")) || str_eq(name, STR("transport")) || str_eq(name, STR("route"));
}

/* A record's settings, "listener.NAME." and the like before those of a group; key NULL for all. How many were shown. */
static size_t
show_record(struct str rec, const char *key)
{
	struct buf	full = BUF_INIT(LIMIT_PATH * 2);
	struct str	group = STR(""), title = STR(""), name, value;
	size_t		at = 0, shown = 0;

	(void)attr_next(rec, &at, &name, &value);	/* the protocol */
	while (attr_next(rec, &at, &name, &value)) {
		if (begins_group(name)) {
			group = name;
			title = value;
			continue;
		}
		buf_reset(&full);
		if (group.n > 0)
			buf_addf(&full, "%.*s.%.*s.", STR_ARG(group), STR_ARG(title));
		if (str_eq(name, STR("by")))
			buf_adds(&full, "transport");
		else
			buf_add(&full, name);
		if (key != NULL && !str_eq(buf_str(&full), str_c(key)))
			continue;
		shown++;
		if (key == NULL)
			print_line(buf_str(&full), value);
		else {
			admin_print(value);
			printf("\n");
		}
	}
	buf_free(&full);
	return shown;
}

/* The settings of the machine, its listeners, transports and routes. False when there is none of that name. */
static bool
show_machine(const char *key)
{
	static const char	letters[] = "mo";
	struct buf		k = BUF_INIT(8), rec = BUF_INIT(LIMIT_RECORD);
	size_t			shown = 0;
	struct conf_db		db;

	open_db(&db);
	for (size_t i = 0; letters[i] != '\0'; i++) {
		buf_reset(&rec);
		if (conf_fetch(&db, conf_key(&k, letters[i], STR("")), &rec) != 1)
			diex(EXIT_TEMP, "unable to read %s", HOME_CONFIG_TDB);
		shown += show_record(buf_str(&rec), key);
	}
	conf_db_close(&db);
	buf_free(&k);
	buf_free(&rec);
	return key == NULL || shown > 0;
}

static void
print_rcpt(const struct conf_rcpt *r)
{
	static const char *const	kinds[] = {
		[CONF_RCPT_ACCOUNT] = "account", [CONF_RCPT_ALIAS] = "alias", [CONF_RCPT_NONE] = "unknown",
		[CONF_RCPT_NO_DOMAIN] = "not our domain", [CONF_RCPT_DISABLED] = "domain disabled",
		[CONF_RCPT_REFUSED] = "refused", [CONF_RCPT_ERROR] = "error",
	};

	printf("result = %s\n", kinds[r->kind]);
	if (r->address.n > 0)
		print_line(STR("address"), r->address);
	if (r->account.n > 0)
		print_line(STR("account"), r->account);
	if (r->kind == CONF_RCPT_ACCOUNT)
		print_line(STR("mailbox"), r->mailbox);
	if (r->catch_all)
		printf("catch-all = true\n");
	if (r->kind == CONF_RCPT_REFUSED) {
		printf("smtp-error = %u ", r->smtp_code);
		admin_print(r->smtp_text);
		printf("\n");
	}
	for (size_t i = 0; i < r->nmember; i++)
		print_line(STR("member"), r->member[i]);
	if (r->kind == CONF_RCPT_ALIAS)
		printf("post-public = %s\nlist-members = %s\nallow-msg-from = %s\n", r->post_public ? "true" : "false",
		    r->list_members ? "true" : "false", r->allow_msg_from ? "true" : "false");
}

/* Not before the other handle of the file is closed: tdb takes one a process. */
static void
open_conf(struct admin *a)
{
	a->conf = conf_open();
	if (a->conf == NULL)
		die(EXIT_TEMP, "unable to open %s (is the configuration built?)", HOME_CONFIG_TDB);
}

static int
show_address(struct admin *a, const char *arg)
{
	struct conf_rcpt	r;

	open_conf(a);
	conf_rcpt_text(a->conf, admin_address(a, arg), &a->arena, &r);
	print_rcpt(&r);
	if (r.kind == CONF_RCPT_ERROR)
		return EXIT_TEMP;
	return r.kind == CONF_RCPT_ACCOUNT || r.kind == CONF_RCPT_ALIAS ? EXIT_OK : EXIT_PERM;
}

int
conf_show(struct admin *a, const char *what)
{
	struct conf_domain	d;

	if (what != NULL && str_chr(str_c(what), '@') < strlen(what))
		return show_address(a, what);
	if (show_machine(what))
		return EXIT_OK;
	open_conf(a);
	if (conf_domain(a->conf, str_c(what), &a->arena, &d) != CONF_OK)
		diex(EXIT_PERM, "%s is no setting, no address and no domain of ours", what);
	print_line(STR("domain"), d.name);
	print_line(STR("separators"), d.separators);
	if (d.catch_all.n > 0)
		print_line(STR("catch-all"), d.catch_all);
	for (size_t i = 0; i < d.nselector; i++)
		print_line(STR("dkim-selectors"), d.selector[i]);
	printf("case-sensitive = %s\ndisabled = %s\n", d.case_sensitive ? "true" : "false", d.disabled ? "true" : "false");
	return EXIT_OK;
}

/* --- dump: all records, sorted, for comparing two databases */

struct dump {
	const struct conf_db	*db;
	struct str		*line;		/* key, NUL, value */
	size_t			 n, cap;
	struct arena		 arena;
	bool			 base;		/* in the base: what the delta has is left out */
};

static bool
in_delta(const struct dump *d, TDB_DATA key)
{
	return d->db->delta.db != NULL && tdb_exists(d->db->delta.db, key);
}

static int
dump_one(struct tdb_context *db, TDB_DATA key, TDB_DATA value, void *arg)
{
	struct dump	*d = arg;
	struct str	 v = str_n(value.dptr, value.dsize);
	struct buf	 b = BUF_INIT(2 * CONF_NAMES_MAX);

	(void)db;
	if ((d->base && in_delta(d, key)) || str_eq(v, CONF_GONE) || key.dptr[0] == 'c')
		return 0;
	buf_add(&b, str_n(key.dptr, key.dsize));
	buf_addc(&b, '\0');
	buf_add(&b, v);
	if (d->n == d->cap) {
		d->cap = d->cap == 0 ? 1024 : d->cap * 2;
		d->line = reallocarray(d->line, d->cap, sizeof(*d->line));
		if (d->line == NULL)
			abort();
	}
	if (buf_failed(&b) || !arena_dup(&d->arena, buf_str(&b), &d->line[d->n++]))
		abort();
	buf_free(&b);
	return 0;
}

static int
line_cmp(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static void
print_record(struct str rest)
{
	struct str	item;

	while (rest.n > 0) {
		(void)str_cut(&rest, '\0', &item);
		admin_print(item);
		if (rest.n > 0)
			putchar('|');
	}
	putchar('\n');
}

int
conf_dump(void)
{
	struct conf_db	db;
	struct dump	d = { .db = &db, .arena = ARENA_INIT((size_t)4 << 30) };

	open_db(&db);
	if (db.delta.db != NULL && tdb_traverse_read(db.delta.db, dump_one, &d) == -1)
		diex(EXIT_TEMP, "unable to read %s", CONF_DELTA_TDB);
	d.base = true;
	if (tdb_traverse_read(db.base.db, dump_one, &d) == -1)
		diex(EXIT_TEMP, "unable to read %s", HOME_CONFIG_TDB);
	if (d.n > 1)
		qsort(d.line, d.n, sizeof(*d.line), line_cmp);
	for (size_t i = 0; i < d.n; i++)
		print_record(d.line[i]);
	conf_db_close(&db);
	arena_free(&d.arena);
	free(d.line);
	return EXIT_OK;
}

/* --- keys: every option there is */

static const char *
type_name(const struct conf_keydef *k)
{
	static const char *const	names[] = {
		[CONF_TEXT] = "text", [CONF_BOOL] = "boolean", [CONF_NUMBER] = "number", [CONF_PORT] = "port",
		[CONF_BYTES] = "size", [CONF_IP] = "IP address", [CONF_NET] = "IP network", [CONF_HOST] = "host name",
		[CONF_ADDRESS] = "address", [CONF_ACCOUNT_NAME] = "name", [CONF_MAILBOX] = "mailbox",
		[CONF_SMTP_ERROR] = "SMTP error", [CONF_SEPARATORS] = "separators", [CONF_SYSTEM_USER] = "system user",
		[CONF_SELECTOR] = "selector",
		[CONF_CHOICE] = "word", [CONF_PATH] = "path", [CONF_SERVER] = "server", [CONF_STUB] = "zone and server",
		[CONF_ANCHOR] = "DS or DNSKEY", [CONF_PLACE] = "host", [CONF_ROUTE_DOMAIN] = "domain", [CONF_SECTION] = "section",
	};

	return names[k->type];
}

static void
print_keys(const char *file, const char *section, const struct conf_keydef *k)
{
	for (; k->name != NULL; k++) {
		printf("%s\t%s%s%s\t%s%s%s\n", file, section, section[0] == '\0' ? "" : ".", k->name,
		    k->list ? "list of " : "", type_name(k), k->required ? ", required" : "");
		if (k->sub != NULL)
			print_keys(file, k->name, k->sub);
	}
}

int
conf_keys(void)
{
	print_keys("posthorn.conf", "", conf_machine_keys);
	print_keys("domain.conf", "", conf_domain_keys);
	print_keys("account.conf", "", conf_account_keys);
	return EXIT_OK;
}
