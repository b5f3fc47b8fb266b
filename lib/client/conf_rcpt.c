#include "conf.h"

#include "../base/attr.h"
#include "../base/limits.h"
#include "../base/num.h"
#include "conf_open.h"

/* A record of this protocol under the key, copied into the arena. */
static enum conf_got
fetch_record(struct conf *c, TDB_DATA key, const char *proto, struct arena *a, struct str *rec_r)
{
	struct buf	 b = BUF_INIT(LIMIT_RECORD);
	int		 got = conf_fetch(&c->db, key, &b);
	enum conf_got	 ret = CONF_ERROR;

	if (got == 0)
		ret = CONF_NONE;
	else if (got == 1 && (proto == NULL || attr_is(buf_str(&b), proto, CONF_VERSION)) && arena_dup(a, buf_str(&b), rec_r))
		ret = CONF_OK;
	buf_free(&b);
	return ret;
}

static enum conf_got
fetch_named(struct conf *c, char letter, struct str name, const char *proto, struct arena *a, struct str *rec_r)
{
	struct buf	key = BUF_INIT(LIMIT_PATH * 2);
	TDB_DATA	k = conf_key(&key, letter, name);
	enum conf_got	got = CONF_NONE;

	if (!buf_failed(&key))
		got = fetch_record(c, k, proto, a, rec_r);
	buf_free(&key);
	return got;
}

static bool
lower_dup(struct arena *a, struct str s, struct str *out_r)
{
	struct buf	b = BUF_INIT(LIMIT_PATH * 2);
	bool		ok;

	conf_add_lower(&b, s);
	ok = !buf_failed(&b) && arena_dup(a, buf_str(&b), out_r);
	buf_free(&b);
	return ok;
}

static bool
take_selectors(struct str rec, struct arena *a, struct conf_domain *d)
{
	struct str	name, value;
	size_t		at = 0, n = attr_count(rec, "dkim-selector");

	d->selector = n == 0 ? NULL : arena_array(a, n, sizeof(*d->selector));
	if (n > 0 && d->selector == NULL)
		return false;
	while (attr_next(rec, &at, &name, &value))
		if (str_eq(name, STR("dkim-selector")))
			d->selector[d->nselector++] = value;
	return true;
}

enum conf_got
conf_domain(struct conf *c, struct str name, struct arena *a, struct conf_domain *out_r)
{
	struct str	rec, lower, same;
	enum conf_got	got;

	*out_r = (struct conf_domain){ .disabled = false };
	if (name.n == 0 || name.n > LIMIT_DOMAIN)
		return CONF_NONE;
	if (!lower_dup(a, name, &lower))
		return CONF_ERROR;
	got = fetch_named(c, 'd', lower, "domain", a, &rec);
	/* the other spelling (A-label or UTF-8) of an international domain */
	if (got == CONF_OK && (same = attr_get(rec, "same")).n > 0) {
		lower = same;
		got = fetch_named(c, 'd', lower, "domain", a, &rec);
	}
	if (got != CONF_OK)
		return got;
	out_r->name = lower;
	out_r->separators = attr_get(rec, "separators");
	out_r->catch_all = attr_get(rec, "catch-all");
	out_r->disabled = attr_getu(rec, "disabled", 0) != 0;
	out_r->case_sensitive = attr_getu(rec, "case-sensitive", 0) != 0;
	out_r->ascii = attr_get(rec, "ascii");
	if (out_r->ascii.n == 0)
		out_r->ascii = lower;
	return take_selectors(rec, a, out_r) ? CONF_OK : CONF_ERROR;
}

/* Cut a list of names, each with a NUL behind it. */
static enum conf_got
cut_names(struct str rec, struct arena *a, struct str **names_r, size_t *n_r)
{
	struct str	name;
	size_t		n = 0;

	for (size_t i = 0; i < rec.n; i++)
		n += rec.p[i] == '\0';
	*names_r = arena_array(a, n, sizeof(**names_r));
	if (*names_r == NULL)
		return CONF_ERROR;
	*n_r = 0;
	while (*n_r < n && str_cut(&rec, '\0', &name))
		(*names_r)[(*n_r)++] = name;
	return CONF_OK;
}

/* The same of the list under a key; no such key is an empty list. */
static enum conf_got
fetch_names(struct conf *c, char letter, struct str name, struct arena *a, struct str **names_r, size_t *n_r)
{
	struct buf	 key = BUF_INIT(LIMIT_PATH * 2), b = BUF_INIT(CONF_NAMES_MAX);
	TDB_DATA	 k = conf_key(&key, letter, name);
	struct str	 rec;
	enum conf_got	 got = CONF_ERROR;

	*names_r = NULL;
	*n_r = 0;
	if (conf_fetch(&c->db, k, &b) != -1 && arena_dup(a, buf_str(&b), &rec))
		got = cut_names(rec, a, names_r, n_r);
	buf_free(&key);
	buf_free(&b);
	return got;
}

enum conf_got
conf_accounts(struct conf *c, struct arena *a, struct str **names_r, size_t *n_r)
{
	return fetch_names(c, 'n', STR("accounts"), a, names_r, n_r);
}

enum conf_got
conf_domains(struct conf *c, struct arena *a, struct str **names_r, size_t *n_r)
{
	return fetch_names(c, 'n', STR("domains"), a, names_r, n_r);
}

enum conf_got
conf_account(struct conf *c, struct str name, struct arena *a, struct conf_account *out_r)
{
	struct str	rec;
	enum conf_got	got;

	*out_r = (struct conf_account){ .quota = 0 };
	if (name.n == 0 || name.n > LIMIT_PATH)
		return CONF_NONE;
	got = fetch_named(c, 'u', name, "account", a, &rec);
	if (got != CONF_OK)
		return got;
	if (!arena_dup(a, name, &out_r->name))
		return CONF_ERROR;
	out_r->full_name = attr_get(rec, "full-name");
	out_r->login_disabled = attr_get(rec, "login-disabled");
	out_r->quota = attr_getu(rec, "quota", c->machine.quota);
	out_r->max_outgoing_per_day = (uint32_t)attr_getu(rec, "max-outgoing-per-day", c->machine.max_outgoing_per_day);
	out_r->max_first_time_per_day = (uint32_t)attr_getu(rec, "max-first-time-recipients-per-day",
	    c->machine.max_first_time_per_day);
	return fetch_names(c, 'l', name, a, &out_r->address, &out_r->naddress);
}

enum conf_got
conf_system_user(struct conf *c, struct str user, struct arena *a, struct str *account_r)
{
	struct str	rec;
	enum conf_got	got = CONF_NONE;

	if (user.n > 0 && user.n <= LIMIT_PATH)
		got = fetch_named(c, 'y', user, "system-user", a, &rec);
	if (got == CONF_OK)
		*account_r = attr_get(rec, "account");
	return got;
}

/* --- addresses */

/* The localpart in the domain's canonical form. */
static bool
local_dup(struct arena *a, const struct conf_domain *d, struct str local, struct str *out_r)
{
	struct buf	b = BUF_INIT(LIMIT_PATH);
	bool		ok;

	conf_add_local(&b, local, d->separators, d->case_sensitive);
	ok = !buf_failed(&b) && arena_dup(a, buf_str(&b), out_r);
	buf_free(&b);
	return ok;
}

static bool
join_dup(struct arena *a, struct str local, struct str domain, struct str *out_r)
{
	char	*p = arena_alloc(a, local.n + 1 + domain.n);

	if (p == NULL)
		return false;
	if (local.n > 0)
		memcpy(p, local.p, local.n);
	p[local.n] = '@';
	if (domain.n > 0)
		memcpy(p + local.n + 1, domain.p, domain.n);
	*out_r = (struct str){ p, local.n + 1 + domain.n };
	return true;
}

static void
take_account(struct str rec, struct conf_rcpt *out)
{
	out->account = attr_get(rec, "account");
	out->mailbox = attr_get(rec, "mailbox");
	if (out->mailbox.n == 0)
		out->mailbox = STR("INBOX");
	out->smtp_code = (unsigned)attr_getu(rec, "smtp-code", 0);
	out->smtp_text = attr_get(rec, "smtp-text");
	out->kind = out->smtp_code == 0 ? CONF_RCPT_ACCOUNT : CONF_RCPT_REFUSED;
}

static void
take_alias(struct str rec, struct arena *a, struct conf_rcpt *out)
{
	struct str	name, value;
	size_t		at, n = 0;

	for (at = 0; attr_next(rec, &at, &name, &value); )
		n += str_eq(name, STR("member"));
	out->kind = CONF_RCPT_ERROR;
	out->member = arena_array(a, n, sizeof(*out->member));
	if (out->member == NULL)
		return;
	for (at = 0; attr_next(rec, &at, &name, &value); )
		if (str_eq(name, STR("member")))
			out->member[out->nmember++] = value;
	out->post_public = attr_getu(rec, "post-public", 0) != 0;
	out->list_members = attr_getu(rec, "list-members", 0) != 0;
	out->allow_msg_from = attr_getu(rec, "allow-msg-from", 0) != 0;
	out->kind = CONF_RCPT_ALIAS;
}

/* What is configured for the canonical LOCALPART@DOMAIN itself. */
static enum conf_got
lookup_exact(struct conf *c, struct str address, struct arena *a, struct conf_rcpt *out)
{
	struct str	rec;
	enum conf_got	got = fetch_named(c, 'a', address, NULL, a, &rec);

	if (got != CONF_OK)
		return got;
	if (attr_is(rec, "address", CONF_VERSION))
		take_account(rec, out);
	else if (attr_is(rec, "alias", CONF_VERSION))
		take_alias(rec, a, out);
	else
		return CONF_ERROR;
	out->address = address;
	return out->kind == CONF_RCPT_ERROR ? CONF_ERROR : CONF_OK;
}

static bool
is_our_host(const struct conf *c, struct str domain)
{
	if (domain.n == 0 || str_ieq(domain, c->machine.hostname))
		return true;
	for (size_t i = 0; i < c->machine.nlistener; i++)
		if (str_ieq(domain, c->machine.listener[i].hostname))
			return true;
	return false;
}

static bool
is_postmaster(struct str local)
{
	return str_ieq(local, STR("postmaster"));
}

static void
give_postmaster(const struct conf *c, struct conf_rcpt *out)
{
	if (c->machine.postmaster_account.n == 0)
		return;
	out->kind = CONF_RCPT_ACCOUNT;
	out->account = c->machine.postmaster_account;
	out->mailbox = c->machine.postmaster_mailbox;
	if (out->mailbox.n == 0)
		out->mailbox = STR("INBOX");
}

/* The localpart in a domain of ours: exact, catch-all, postmaster. */
static void
lookup_local(struct conf *c, const struct conf_domain *d, struct str local, struct arena *a, struct conf_rcpt *out)
{
	enum conf_got	got = CONF_NONE;
	struct str	canon, address;

	out->kind = CONF_RCPT_ERROR;
	if (!local_dup(a, d, local, &canon) || !join_dup(a, canon, d->name, &address))
		return;
	if (canon.n > 0)
		got = lookup_exact(c, address, a, out);
	if (got == CONF_NONE && d->catch_all.n > 0) {
		got = lookup_exact(c, d->catch_all, a, out);
		out->catch_all = got == CONF_OK;
	}
	if (got == CONF_NONE) {
		out->kind = CONF_RCPT_NONE;
		if (is_postmaster(canon))
			give_postmaster(c, out);
	}
	out->address = address;
}

static void
lookup(struct conf *c, struct str local, struct str domain, bool even_disabled, struct arena *a, struct conf_rcpt *out)
{
	struct conf_domain	d;
	enum conf_got		got;

	*out = (struct conf_rcpt){ .kind = CONF_RCPT_NO_DOMAIN };
	if (is_postmaster(local) && is_our_host(c, domain) && c->machine.postmaster_account.n > 0) {
		if (join_dup(a, STR("postmaster"), domain.n == 0 ? c->machine.hostname : domain, &out->address))
			give_postmaster(c, out);
		else
			out->kind = CONF_RCPT_ERROR;
		return;
	}
	got = conf_domain(c, domain, a, &d);
	if (got == CONF_ERROR)
		out->kind = CONF_RCPT_ERROR;
	else if (got == CONF_OK && d.disabled && !even_disabled)
		out->kind = CONF_RCPT_DISABLED;
	else if (got == CONF_OK && local.n <= LIMIT_LOCALPART)
		lookup_local(c, &d, local, a, out);
	else if (got == CONF_OK)
		out->kind = CONF_RCPT_NONE;
}

void
conf_rcpt(struct conf *c, struct str local, struct str domain, struct arena *a, struct conf_rcpt *out_r)
{
	lookup(c, local, domain, false, a, out_r);
}

void
conf_rcpt_text(struct conf *c, struct str address, struct arena *a, struct conf_rcpt *out_r)
{
	struct str	local, domain;

	*out_r = (struct conf_rcpt){ .kind = CONF_RCPT_NO_DOMAIN };
	if (conf_cut(address, &local, &domain))
		conf_rcpt(c, local, domain, a, out_r);
}

enum conf_got
conf_login(struct conf *c, struct str local, struct str domain, struct arena *a, struct str *account_r, struct str *address_r)
{
	struct conf_domain	d;
	struct conf_rcpt	r = { .kind = CONF_RCPT_NONE };
	struct str		canon, address;
	enum conf_got		got;

	if (local.n == 0 || local.n > LIMIT_LOCALPART)
		return CONF_NONE;
	got = conf_domain(c, domain, a, &d);
	if (got != CONF_OK)
		return got;
	if (!local_dup(a, &d, local, &canon) || !join_dup(a, canon, d.name, &address))
		return CONF_ERROR;
	got = lookup_exact(c, address, a, &r);
	if (got != CONF_OK)
		return got;
	if (r.kind == CONF_RCPT_ALIAS)
		return CONF_NONE;
	*account_r = r.account;
	*address_r = address;
	return CONF_OK;
}

/* Is one of the alias's members an address of the account? */
static enum conf_may
is_member(struct conf *c, const struct conf_rcpt *alias, struct str account, struct arena *a)
{
	for (size_t i = 0; i < alias->nmember; i++) {
		struct conf_rcpt	r = { .kind = CONF_RCPT_NONE };
		enum conf_got		got = lookup_exact(c, alias->member[i], a, &r);

		if (got == CONF_ERROR)
			return CONF_MAY_ERROR;
		if (got == CONF_OK && str_eq(r.account, account))
			return CONF_MAY;
	}
	return CONF_MAY_NOT;
}

enum conf_may
conf_may_send(struct conf *c, struct str account, struct str local, struct str domain, struct arena *a)
{
	struct conf_domain	d;
	struct conf_rcpt	r;
	enum conf_may		may = CONF_MAY_NOT;
	enum conf_got		got;

	lookup(c, local, domain, true, a, &r);
	switch (r.kind) {
	case CONF_RCPT_ACCOUNT:
	case CONF_RCPT_REFUSED:
		may = str_eq(r.account, account) ? CONF_MAY : CONF_MAY_NOT;
		break;
	case CONF_RCPT_ALIAS:
		may = r.allow_msg_from ? is_member(c, &r, account, a) : CONF_MAY_NOT;
		break;
	case CONF_RCPT_ERROR:
		return CONF_MAY_ERROR;
	case CONF_RCPT_NONE:
	case CONF_RCPT_NO_DOMAIN:
	case CONF_RCPT_DISABLED:
		break;
	}
	if (may != CONF_MAY)
		return may;
	got = conf_domain(c, domain, a, &d);
	if (got == CONF_ERROR)
		return CONF_MAY_ERROR;
	return got == CONF_OK && d.disabled ? CONF_MAY_DISABLED : CONF_MAY;
}

enum conf_got
conf_canonical(struct conf *c, struct str local, struct str domain, struct arena *a, struct str *out_r)
{
	struct conf_domain	d = { .case_sensitive = true };
	enum conf_got		got;
	struct str		canon;

	got = conf_domain(c, domain, a, &d);
	if (got == CONF_NONE) {
		d = (struct conf_domain){ .case_sensitive = true };
		if (!lower_dup(a, domain, &d.name))
			got = CONF_ERROR;
	}
	if (got == CONF_ERROR || !local_dup(a, &d, local, &canon) || !join_dup(a, canon, d.name, out_r))
		return CONF_ERROR;
	return CONF_OK;
}

void
conf_alias(struct conf *c, struct str address, struct arena *a, struct conf_rcpt *out_r)
{
	struct str	local, domain;

	*out_r = (struct conf_rcpt){ .kind = CONF_RCPT_NONE };
	if (!conf_cut(address, &local, &domain))
		return;
	lookup(c, local, domain, true, a, out_r);
	if (out_r->kind != CONF_RCPT_ALIAS && out_r->kind != CONF_RCPT_ERROR)
		out_r->kind = CONF_RCPT_NONE;
}

enum conf_got
conf_aliases(struct conf *c, struct str domain, struct arena *a, struct str **names_r, size_t *n_r)
{
	enum conf_got	got = fetch_names(c, 's', domain, a, names_r, n_r);

	for (size_t i = 0; got == CONF_OK && i < *n_r; i++)
		if (!join_dup(a, (*names_r)[i], domain, &(*names_r)[i]))
			got = CONF_ERROR;
	return got;
}
