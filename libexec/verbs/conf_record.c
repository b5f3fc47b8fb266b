#include "conf_record.h"

#include <stdlib.h>
#include <uninorm.h>

#include "base/attr.h"
#include "base/limits.h"
#include "base/num.h"
#include "conf_fill.h"
#include "conf_idn.h"
#include "proto/addr.h"

void
conf_builder_init(struct conf_builder *b, struct conf_report *report, const struct conf_change *change, size_t nchange)
{
	*b = (struct conf_builder){ .report = report, .change = change, .nchange = nchange };
	arena_init(&b->arena, (size_t)1 << 30);
	buf_init(&b->key, 1024);
	buf_init(&b->key2, 1024);
	buf_init(&b->rec, LIMIT_RECORD);
	buf_init(&b->list, CONF_NAMES_MAX);
	buf_init(&b->text, 4096);
}

void
conf_builder_free(struct conf_builder *b)
{
	conf_write_close(&b->w);
	arena_free(&b->arena);
	buf_free(&b->key);
	buf_free(&b->key2);
	buf_free(&b->rec);
	buf_free(&b->list);
	buf_free(&b->text);
	free(b->ref);
	free(b->gone);
}

static struct str
keep(struct conf_builder *b, struct str s)
{
	struct str	out;

	if (!arena_dup(&b->arena, s, &out))
		abort();
	return out;
}

static void
put_record(struct conf_builder *b, TDB_DATA key, const struct conf_file *f, unsigned line)
{
	if (buf_failed(&b->rec))
		conf_error(b->report, f->name, line, "holds too much: %u bytes are the limit", LIMIT_RECORD);
	else
		conf_write_put(&b->w, key, buf_str(&b->rec), true);
}

/* --- machine */

static void
add_host(struct conf_builder *b, const struct conf_file *f, int section)
{
	struct str	v = conf_file_get(f, section, "hostname");

	if (v.p == NULL)
		return;
	buf_reset(&b->text);
	conf_add_lower(&b->text, v);
	attr_add(&b->rec, "hostname", buf_str(&b->text));
}

static void
put_listener(struct conf_builder *b, const struct conf_file *f, int i)
{
	static const char *const	ports[] = { "smtp", "submission", "submissions", "imap", "imaps" };
	uint32_t			port;

	attr_add(&b->rec, "listener", f->scan.node[i].title.text);
	add_host(b, f, i);
	conf_fill_list(&b->rec, f, i, "address", "address");
	for (size_t j = 0; j < sizeof(ports) / sizeof(ports[0]); j++)
		if (num_u32(conf_file_get(f, i, ports[j]), 65535, &port) && port > 0)
			attr_addu(&b->rec, ports[j], port);
	conf_fill_bool(&b->rec, f, i, "starttls", true);
	conf_fill_bool(&b->rec, f, i, "require-starttls", false);
	conf_fill_bool(&b->rec, f, i, "auth-in-clear", false);
	conf_fill_list(&b->rec, f, i, "trusted", "trusted");
	conf_fill_list(&b->rec, f, i, "proxy", "proxy");
	if (conf_file_get(f, i, "max-message-size").p != NULL)
		conf_fill_number(&b->rec, f, i, "max-message-size", LIMIT_MESSAGE_SIZE);
	conf_fill_number(&b->rec, f, i, "connections", 30);
	conf_fill_number(&b->rec, f, i, "connections-per-minute", 300);
}

void
conf_put_machine(struct conf_builder *b, const struct conf_file *f)
{
	int	pm = conf_scan_find(&f->scan, CONF_TOP, "postmaster", -1), i = -1;

	attr_start(&b->rec, "machine", CONF_VERSION);
	add_host(b, f, CONF_TOP);
	if (pm != -1) {
		conf_fill_text(&b->rec, f, pm, "account", "postmaster-account");
		conf_fill_text(&b->rec, f, pm, "mailbox", "postmaster-mailbox");
		b->postmaster = keep(b, conf_file_get(f, pm, "account"));
		b->postmaster_line = f->scan.node[pm].line;
	}
	b->separators = keep(b, conf_file_get(f, CONF_TOP, "separators"));
	attr_add(&b->rec, "separators", b->separators);
	conf_fill_number(&b->rec, f, CONF_TOP, "quota", 0);
	conf_fill_number(&b->rec, f, CONF_TOP, "max-message-size", LIMIT_MESSAGE_SIZE);
	conf_fill_number(&b->rec, f, CONF_TOP, "auth-failures-per-minute", 10);
	conf_fill_number(&b->rec, f, CONF_TOP, "auth-failures-per-day", 50);
	conf_fill_bool(&b->rec, f, CONF_TOP, "localserve", false);
	conf_add_outgoing(b, f);
	while ((i = conf_scan_find(&f->scan, CONF_TOP, "listener", i)) != -1)
		put_listener(b, f, i);
	put_record(b, conf_key(&b->key, 'm', STR("")), f, 0);
	conf_put_outgoing(b, f);
}

/* --- addresses */

bool
conf_info(struct conf_builder *b, struct str domain)
{
	struct buf	lower = { .p = b->info.text, .cap = sizeof(b->info.text), .max = LIMIT_DOMAIN };
	struct str	seps, same;

	if (b->info.name.n > 0 && str_ieq(b->info.name, domain))
		return true;
	b->info.name = STR("");
	conf_add_lower(&lower, domain);
	if (buf_failed(&lower) || conf_write_get(&b->w, conf_key(&b->key, 'd', buf_str(&lower)), &b->rec) != 1)
		return false;
	same = attr_get(buf_str(&b->rec), "same");
	if (same.n > 0) {
		lower.n = 0;
		buf_add(&lower, same);
		if (conf_write_get(&b->w, conf_key(&b->key, 'd', buf_str(&lower)), &b->rec) != 1)
			return false;
	}
	b->info.name = buf_str(&lower);
	b->info.case_sensitive = attr_getu(buf_str(&b->rec), "case-sensitive", 0) != 0;
	seps = str_head(attr_get(buf_str(&b->rec), "separators"), 64);
	b->info.separators = str_n(b->info.text + LIMIT_DOMAIN + 1, seps.n);
	if (seps.n > 0)
		memcpy(b->info.text + LIMIT_DOMAIN + 1, seps.p, seps.n);
	return true;
}

/* The localpart in Unicode's form NFC; what is ASCII is so already. */
static void
add_nfc(struct buf *out, struct str s)
{
	size_t	 n;
	uint8_t	*p;

	if (str_is_ascii(s)) {
		buf_add(out, s);
		return;
	}
	p = u8_normalize(UNINORM_NFC, (const uint8_t *)s.p, s.n, NULL, &n);
	if (p == NULL)
		out->failed = true;
	else
		buf_add(out, str_n(p, n));
	free(p);
}

/* The localpart as meant, in the domain b->info, to the end of out. */
static bool
put_local(struct conf_builder *b, struct str meant, struct str file, unsigned line, struct buf *out)
{
	struct buf	nfc = BUF_INIT(LIMIT_PATH);
	size_t		before = out->n;
	bool		ok;

	add_nfc(&nfc, meant);
	conf_add_local(out, buf_str(&nfc), b->info.separators, b->info.case_sensitive);
	ok = !buf_failed(&nfc) && !buf_failed(out) && out->n - before == nfc.n && nfc.n > 0 && nfc.n <= LIMIT_LOCALPART;
	if (!ok)
		conf_error(b->report, file, line, "%.*s: a localpart must be %d bytes at most and hold no separator (\"%.*s\") of its domain",
		    STR_ARG(meant), LIMIT_LOCALPART, STR_ARG(b->info.separators));
	buf_free(&nfc);
	return ok;
}

bool
conf_put_canonical(struct conf_builder *b, struct str text, struct str file, unsigned line, struct buf *out)
{
	struct buf	local = BUF_INIT(LIMIT_PATH);
	struct addr	addr;
	bool		ok = false;

	buf_reset(out);
	if (addr_parse(text, &addr) != ADDR_OK || addr.literal)
		return false;
	if (!conf_info(b, addr.domain))
		conf_error(b->report, file, line, "%.*s: %.*s is not a domain of ours (it has no file in domains)",
		    STR_ARG(text), STR_ARG(addr.domain));
	else {
		addr_add_local(&local, &addr);
		ok = put_local(b, buf_str(&local), file, line, out);
		buf_addc(out, '@');
		buf_add(out, b->info.name);
	}
	buf_free(&local);
	return ok;
}

/* Which file holds an address or alias already, as conf_write_get() found it in b->rec. */
static void
report_taken(struct conf_builder *b, struct str canonical, struct str file, unsigned line)
{
	struct conf_report	 quiet = CONF_REPORT_INIT;
	struct conf_file	 f;
	struct buf		 got = BUF_INIT(1024);
	struct str		 local, domain, owner = keep(b, attr_get(buf_str(&b->rec), "account"));
	bool			 alias = owner.n == 0;
	unsigned		 at = 0;
	int			 i = -1;

	if (alias && conf_cut(canonical, &local, &domain))
		owner = domain;
	if (conf_source_read(&f, alias ? "domains" : "accounts", owner, b->change, b->nchange, &b->arena, &quiet)) {
		struct conf_report	*loud = b->report;

		b->report = &quiet;
		while (at == 0 && (i = conf_scan_find(&f.scan, CONF_TOP, alias ? "alias" : "address", i)) != -1) {
			struct str	title = f.scan.node[i].title.text;

			buf_reset(&got);
			if (alias ? conf_info(b, owner) && put_local(b, title, owner, 0, &got) && str_eq(buf_str(&got), local)
			    : conf_put_canonical(b, title, owner, 0, &got) && str_eq(buf_str(&got), canonical))
				at = f.scan.node[i].line;
		}
		b->report = loud;
	}
	conf_error(b->report, file, line, "%.*s is already in %.*s:%u", STR_ARG(canonical), STR_ARG(f.name), at);
	conf_file_free(&f);
	conf_report_free(&quiet);
	buf_free(&got);
}

static void
put_address(struct conf_builder *b, struct str canonical, struct str file, unsigned line)
{
	TDB_DATA	key = conf_key(&b->key, 'a', canonical);

	if (buf_failed(&b->rec))
		conf_error(b->report, file, line, "%.*s: too long (%u bytes are the limit)", STR_ARG(canonical), LIMIT_RECORD);
	else if (!conf_write_put(&b->w, key, buf_str(&b->rec), false) && conf_write_get(&b->w, key, &b->rec) == 1)
		report_taken(b, canonical, file, line);
}

static void
add_ref(struct conf_builder *b, struct str member, struct str from, struct str file, unsigned line)
{
	if (b->nref == b->cref) {
		b->cref = b->cref == 0 ? 64 : b->cref * 2;
		b->ref = reallocarray(b->ref, b->cref, sizeof(*b->ref));
		if (b->ref == NULL)
			abort();
	}
	b->ref[b->nref++] = (struct conf_ref){
		.member = keep(b, member), .from = keep(b, from), .file = keep(b, file), .line = line,
	};
}

/* --- accounts */

static void
account_record(struct conf_builder *b, const struct conf_file *f, struct str name)
{
	static const char *const	maxima[] = { "max-outgoing-per-day", "max-first-time-recipients-per-day" };

	attr_start(&b->rec, "account", CONF_VERSION);
	conf_fill_text(&b->rec, f, CONF_TOP, "full-name", "full-name");
	if (conf_file_get(f, CONF_TOP, "quota").p != NULL)
		conf_fill_number(&b->rec, f, CONF_TOP, "quota", 0);
	conf_fill_text(&b->rec, f, CONF_TOP, "login-disabled", "login-disabled");
	for (size_t i = 0; i < sizeof(maxima) / sizeof(maxima[0]); i++)
		if (conf_file_get(f, CONF_TOP, maxima[i]).p != NULL)
			conf_fill_number(&b->rec, f, CONF_TOP, maxima[i], 0);
	conf_fill_list(&b->rec, f, CONF_TOP, "system-users", "system-user");
	put_record(b, conf_key(&b->key, 'u', name), f, 0);
}

/* The line where the file of an account names the system user. */
static unsigned
system_user_line(const struct conf_file *f, struct str user)
{
	int	i = conf_scan_find(&f->scan, CONF_TOP, "system-users", CONF_TOP);

	for (size_t j = 0; i != -1 && j < f->scan.node[i].nvalue; j++)
		if (str_eq(f->scan.value[f->scan.node[i].value + j].text, user))
			return f->scan.value[f->scan.node[i].value + j].line;
	return 0;
}

/* The account that has the user already is in b->rec. */
static void
report_user_taken(struct conf_builder *b, const struct conf_file *f, struct str user)
{
	struct conf_report	quiet = CONF_REPORT_INIT;
	struct conf_file	other;
	struct str		owner = keep(b, attr_get(buf_str(&b->rec), "account"));
	unsigned		line = 0;

	if (conf_source_read(&other, "accounts", owner, b->change, b->nchange, &b->arena, &quiet))
		line = system_user_line(&other, user);
	conf_error(b->report, f->name, system_user_line(f, user), "system user %.*s is already in %.*s:%u",
	    STR_ARG(user), STR_ARG(other.name), line);
	conf_file_free(&other);
	conf_report_free(&quiet);
}

static void
account_system_users(struct conf_builder *b, const struct conf_file *f, struct str name)
{
	int	i = conf_scan_find(&f->scan, CONF_TOP, "system-users", CONF_TOP);

	for (size_t j = 0; i != -1 && j < f->scan.node[i].nvalue; j++) {
		struct str	user = f->scan.value[f->scan.node[i].value + j].text;

		attr_start(&b->rec, "system-user", CONF_VERSION);
		attr_add(&b->rec, "account", name);
		if (conf_write_put(&b->w, conf_key(&b->key, 'y', user), buf_str(&b->rec), false))
			continue;
		if (conf_write_get(&b->w, conf_key(&b->key, 'y', user), &b->rec) == 1)
			report_user_taken(b, f, user);
	}
}

static void
account_address(struct conf_builder *b, const struct conf_file *f, int i, struct str name)
{
	const struct conf_node	*n = &f->scan.node[i];
	struct str		 text, error = conf_file_get(f, i, "smtp-error");
	unsigned		 code;

	if (!conf_put_canonical(b, n->title.text, f->name, n->line, &b->text))
		return;
	attr_start(&b->rec, "address", CONF_VERSION);
	attr_add(&b->rec, "account", name);
	conf_fill_text(&b->rec, f, i, "mailbox", "mailbox");
	if (error.p != NULL && conf_smtp_error(error, &code, &text)) {
		attr_addu(&b->rec, "smtp-code", code);
		attr_add(&b->rec, "smtp-text", text);
		if (conf_file_get(f, i, "mailbox").p != NULL)
			conf_error(b->report, f->name, conf_file_line(f, i, "mailbox"), "mailbox and smtp-error exclude each other");
	}
	put_address(b, buf_str(&b->text), f->name, n->line);
	buf_add(&b->list, buf_str(&b->text));
	buf_addc(&b->list, '\0');
}

void
conf_put_account(struct conf_builder *b, const struct conf_file *f, struct str name)
{
	int	i = -1;

	account_record(b, f, name);
	account_system_users(b, f, name);
	buf_reset(&b->list);
	while ((i = conf_scan_find(&f->scan, CONF_TOP, "address", i)) != -1)
		account_address(b, f, i, name);
	conf_write_put(&b->w, conf_key(&b->key, 'l', name), buf_str(&b->list), true);
}

static void
forget_system_users(struct conf_builder *b, struct str name)
{
	struct str	attr, user;

	if (conf_write_get(&b->w, conf_key(&b->key, 'u', name), &b->rec) != 1)
		return;
	for (size_t at = 0; attr_next(buf_str(&b->rec), &at, &attr, &user); )
		if (str_eq(attr, STR("system-user")))
			conf_write_del(&b->w, conf_key(&b->key, 'y', user));
}

void
conf_forget_account(struct conf_builder *b, struct str name)
{
	struct str	rest, address;

	if (conf_write_get(&b->w, conf_key(&b->key, 'l', name), &b->list) != 1)
		return;
	rest = buf_str(&b->list);
	while (str_cut(&rest, '\0', &address)) {
		conf_write_del(&b->w, conf_key(&b->key, 'a', address));
		if (b->ngone == b->cgone) {
			b->cgone = b->cgone == 0 ? 64 : b->cgone * 2;
			b->gone = reallocarray(b->gone, b->cgone, sizeof(*b->gone));
			if (b->gone == NULL)
				abort();
		}
		b->gone[b->ngone++] = keep(b, address);
	}
	conf_write_del(&b->w, conf_key(&b->key, 'l', name));
	forget_system_users(b, name);
	conf_write_del(&b->w, conf_key(&b->key, 'u', name));
}

/* --- domains */

/* A peer may use either spelling of an international name: the other one leads to this one. */
static void
put_spelling(struct conf_builder *b, const struct conf_file *f, struct str name)
{
	if (!conf_idn_other(name, &b->text)) {
		conf_error(b->report, f->name, 0, "the file's name is not that of a domain%s%.*s",
		    b->text.n > 0 ? ", but this would be: " : "", STR_ARG(buf_str(&b->text)));
		return;
	}
	if (b->text.n == 0)
		return;
	attr_start(&b->rec, "domain", CONF_VERSION);
	attr_add(&b->rec, "same", name);
	if (!conf_write_put(&b->w, conf_key(&b->key, 'd', buf_str(&b->text)), buf_str(&b->rec), false))
		conf_error(b->report, f->name, 0, "this is the same domain as %.*s, which has a file too", STR_ARG(buf_str(&b->text)));
}

void
conf_put_domain(struct conf_builder *b, const struct conf_file *f, struct str name)
{
	struct str	seps = conf_file_get(f, CONF_TOP, "separators");

	attr_start(&b->rec, "domain", CONF_VERSION);
	attr_add(&b->rec, "separators", seps.p != NULL ? seps : b->separators);
	conf_fill_bool(&b->rec, f, CONF_TOP, "case-sensitive", false);
	conf_fill_bool(&b->rec, f, CONF_TOP, "disabled", false);
	conf_fill_list(&b->rec, f, CONF_TOP, "dkim-selectors", "dkim-selector");
	/* as it is in DNS, and in names of keys */
	if (!str_is_ascii(name) && conf_idn_other(name, &b->text))
		attr_add(&b->rec, "ascii", buf_str(&b->text));
	put_record(b, conf_key(&b->key, 'd', name), f, 0);
	b->info.name = STR("");
	put_spelling(b, f, name);
}

static void
domain_catch_all(struct conf_builder *b, const struct conf_file *f, struct str name)
{
	struct str	all = conf_file_get(f, CONF_TOP, "catch-all");
	unsigned	line = conf_file_line(f, CONF_TOP, "catch-all");

	if (all.p == NULL || !conf_put_canonical(b, all, f->name, line, &b->text))
		return;
	if (conf_write_get(&b->w, conf_key(&b->key, 'd', name), &b->rec) != 1)
		return;
	attr_add(&b->rec, "catch-all", buf_str(&b->text));
	put_record(b, conf_key(&b->key, 'd', name), f, 0);
	buf_reset(&b->key2);
	buf_addc(&b->key2, '@');
	buf_add(&b->key2, name);
	add_ref(b, buf_str(&b->text), buf_str(&b->key2), f->name, line);
}

/* The members of an alias, into alias (b->rec is scratch here). */
static void
alias_members(struct conf_builder *b, const struct conf_file *f, int i, struct str canonical, struct buf *alias)
{
	int	m = conf_scan_find(&f->scan, i, "members", i);

	if (m == -1)
		return;
	for (size_t j = 0; j < f->scan.node[m].nvalue; j++) {
		const struct conf_value	*v = &f->scan.value[f->scan.node[m].value + j];

		if (!conf_put_canonical(b, v->text, f->name, v->line, &b->text))
			continue;
		attr_add(alias, "member", buf_str(&b->text));
		add_ref(b, buf_str(&b->text), canonical, f->name, v->line);
	}
}

static void
domain_alias(struct conf_builder *b, const struct conf_file *f, int i, struct str domain)
{
	const struct conf_node	*n = &f->scan.node[i];
	struct buf		 alias = BUF_INIT(LIMIT_RECORD);
	struct str		 canonical;

	buf_reset(&b->text);
	if (!conf_info(b, domain) || !put_local(b, n->title.text, f->name, n->line, &b->text))
		return;
	if (str_chr(n->title.text, '@') != n->title.text.n) {
		conf_error(b->report, f->name, n->line, "alias %.*s: only the localpart is named here", STR_ARG(n->title.text));
		return;
	}
	buf_add(&b->list, buf_str(&b->text));
	buf_addc(&b->list, '\0');
	buf_addc(&b->text, '@');
	buf_add(&b->text, domain);
	canonical = keep(b, buf_str(&b->text));
	attr_start(&alias, "alias", CONF_VERSION);
	conf_fill_bool(&alias, f, i, "post-public", false);
	conf_fill_bool(&alias, f, i, "list-members", false);
	conf_fill_bool(&alias, f, i, "allow-msg-from", false);
	alias_members(b, f, i, canonical, &alias);
	buf_reset(&b->rec);
	buf_add(&b->rec, buf_str(&alias));
	b->rec.failed = b->rec.failed || alias.failed;
	put_address(b, canonical, f->name, n->line);
	buf_free(&alias);
}

void
conf_put_aliases(struct conf_builder *b, const struct conf_file *f, struct str name)
{
	int	i = -1;

	domain_catch_all(b, f, name);
	buf_reset(&b->list);
	while ((i = conf_scan_find(&f->scan, CONF_TOP, "alias", i)) != -1)
		domain_alias(b, f, i, name);
	conf_write_put(&b->w, conf_key(&b->key, 's', name), buf_str(&b->list), true);
}
