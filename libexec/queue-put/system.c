/*
 * Programs on this machine write as they please: addresses without a domain,
 * no From at all. What that means is told in queue-drop(8).
 */
#include "put.h"

static const struct reply	no_such_user = { 550, "5.1.1", "no such user here" };
static const struct reply	only_ours = { 550, "5.7.1", "a user without an account may write to addresses here only" };
static const struct reply	rcpt_disabled = { 450, "4.2.1", "the recipient's domain is disabled" };

/* An address as we have it. */
enum whose {
	OURS,		/* account, which is empty for an alias */
	HERE,		/* a user of this machine: its name at our host's, and nothing configured */
	FOREIGN,
	UNKNOWN,	/* a domain of ours, and not known there */
	DISABLED,
	ERROR,
};

static bool
text(struct queue_put *q, struct str local, struct str domain, struct str *out_r)
{
	struct buf	b = BUF_INIT(LIMIT_PATH + LIMIT_LOCALPART);
	bool		good;

	addr_add_quoted(&b, local);
	buf_addc(&b, '@');
	buf_add(&b, domain);
	good = !buf_failed(&b) && arena_dup(&q->arena, buf_str(&b), out_r);
	buf_free(&b);
	return good;
}

bool
system_qualify(struct queue_put *q, struct str *path)
{
	struct str	host = conf_machine(q->conf)->hostname;
	struct buf	b = BUF_INIT(LIMIT_PATH + LIMIT_LOCALPART);
	struct addr	a;
	bool		good;

	if (str_chr(*path, '@') != path->n || (!q->who.system && !str_ieq(*path, STR("postmaster"))))
		return false;
	buf_add(&b, *path);
	buf_addc(&b, '@');
	buf_add(&b, host);
	good = !buf_failed(&b) && addr_parse(buf_str(&b), &a) == ADDR_OK && arena_dup(&q->arena, buf_str(&b), path);
	buf_free(&b);
	return good;
}

static enum whose
whose(struct queue_put *q, struct str local, struct str domain, struct str *account_r)
{
	struct str		host = conf_machine(q->conf)->hostname;
	struct conf_rcpt	r;
	bool			here = domain.n == 0 || str_ieq(domain, host);

	*account_r = STR("");
	conf_rcpt(q->conf, local, domain.n == 0 ? host : domain, &q->arena, &r);
	switch (r.kind) {
	case CONF_RCPT_ACCOUNT:
	case CONF_RCPT_REFUSED:
		*account_r = r.account;
		return OURS;
	case CONF_RCPT_ALIAS:
		return OURS;
	case CONF_RCPT_NONE:
		return here ? HERE : UNKNOWN;
	case CONF_RCPT_NO_DOMAIN:
		return here ? HERE : FOREIGN;
	case CONF_RCPT_DISABLED:
		return DISABLED;
	case CONF_RCPT_ERROR:
		break;
	}
	return ERROR;
}

static enum whose
whose_path(struct queue_put *q, struct str path, struct str *local_r, struct str *account_r)
{
	struct buf	b = BUF_INIT(LIMIT_LOCALPART);
	struct addr	a;
	enum whose	w = FOREIGN;

	*local_r = *account_r = STR("");
	if (addr_parse(path, &a) == ADDR_OK) {
		addr_add_local(&b, &a);
		w = !buf_failed(&b) && arena_dup(&q->arena, buf_str(&b), local_r) ?
		    whose(q, *local_r, a.domain, account_r) : ERROR;
	}
	buf_free(&b);
	return w;
}

/* The address by which an account is known, and how its owner is called. */
static const struct reply *
address_of(struct queue_put *q, struct str account, struct str *address_r, struct str *name_r)
{
	struct conf_account	c;
	struct str		host = conf_machine(q->conf)->hostname;

	*name_r = STR("");
	switch (account.n == 0 ? CONF_NONE : conf_account(q->conf, account, &q->arena, &c)) {
	case CONF_OK:
		*name_r = c.full_name;
		if (c.naddress > 0) {
			*address_r = c.address[0];
			return NULL;
		}
		break;
	case CONF_NONE:
		break;
	case CONF_ERROR:
		return &reply_later;
	}
	return text(q, STR("postmaster"), host, address_r) ? NULL : &reply_later;
}

/* The account of a user of this machine; empty without one. */
static const struct reply *
account_of(struct queue_put *q, struct str user, struct str *account_r)
{
	enum conf_got	got = conf_system_user(q->conf, user, &q->arena, account_r);

	if (got == CONF_NONE)
		*account_r = STR("");
	return got == CONF_ERROR ? &reply_later : NULL;
}

/* --- recipients */

const struct reply *
system_rcpt(struct queue_put *q, struct str *address)
{
	struct str		 local, account, name;
	const struct reply	*no;
	bool			 limited = q->who.account.n == 0 && !q->who.any;

	switch (whose_path(q, *address, &local, &account)) {
	case OURS:
		return NULL;
	case HERE:
		/* cron writes to users, who need not have an account */
		no = account_of(q, local, &account);
		return no != NULL ? no : address_of(q, account, address, &name);
	case FOREIGN:
		return limited ? &only_ours : NULL;
	case UNKNOWN:
		return &no_such_user;
	case DISABLED:
		return &rcpt_disabled;
	case ERROR:
		break;
	}
	return &reply_later;
}

/* --- authors */

static bool
set_author(struct message *m, struct str name, struct str address)
{
	struct str	local = str_head(address, str_rchr(address, '@'));

	/* as it stands in the configuration: as it is meant */
	submission_author(&m->author, name, local, str_skip(address, local.n + 1));
	return !buf_failed(&m->author);
}

/* No account: it is user@host, whatever it says. */
static const struct reply *
author_user(struct queue_put *q, struct message *m)
{
	struct str	host = conf_machine(q->conf)->hostname, path;

	if (!text(q, q->who.user, host, &path))
		return &reply_later;
	if (q->e.from.n > 0)
		q->e.from = path;
	submission_author(&m->author, m->says.name, q->who.user, host);
	return buf_failed(&m->author) ? &reply_later : NULL;
}

/* Its account's addresses; its name on this machine means the first of them. */
static const struct reply *
author_account(struct queue_put *q, struct message *m)
{
	const struct submission	*s = &m->says;
	struct str		 local, other, mine, name;
	const struct reply	*no = address_of(q, q->who.account, &mine, &name);

	q->e.account = q->who.account;
	if (no == NULL && q->e.from.n > 0) {
		if (whose_path(q, q->e.from, &local, &other) == HERE)
			q->e.from = mine;
		else
			no = author_may_path(q, q->e.account, q->e.from);
	}
	if (no != NULL)
		return no;
	if (s->nfrom == 0)
		return set_author(m, name, mine) ? NULL : &reply_later;
	if (whose(q, s->local, s->domain, &other) == HERE)
		return set_author(m, s->name, mine) ? NULL : &reply_later;
	return author_may(q, q->e.account, s->local, s->domain);
}

/*
 * For one who may write as every address of ours: the account it is then. A
 * user of this machine is its account, or the postmaster's.
 */
static const struct reply *
account_by(struct queue_put *q, enum whose w, struct str local, struct str *account)
{
	switch (w) {
	case OURS:
		break;
	case HERE:
		return account_of(q, local, account);
	case FOREIGN:
	case UNKNOWN:
		return &reply_not_yours;
	case DISABLED:
		return &reply_disabled;
	case ERROR:
		return &reply_later;
	}
	return NULL;
}

static const struct reply *
author_any(struct queue_put *q, struct message *m)
{
	const struct submission	*s = &m->says;
	struct str		 host = conf_machine(q->conf)->hostname;
	struct str		 by_from = STR(""), by_path = STR(""), local, mine, name;
	const struct reply	*no = NULL;
	enum whose		 path = OURS, from = OURS;

	if (q->e.from.n > 0) {
		path = whose_path(q, q->e.from, &local, &by_path);
		no = account_by(q, path, local, &by_path);
	}
	if (no == NULL && s->nfrom > 0) {
		from = whose(q, s->local, s->domain, &by_from);
		no = account_by(q, from, s->local, &by_from);
	}
	if (no != NULL)
		return no;
	q->e.account = by_from.n > 0 ? by_from : by_path.n > 0 ? by_path : conf_machine(q->conf)->postmaster_account;
	no = address_of(q, q->e.account, &mine, &name);
	if (no != NULL)
		return no;
	if (s->nfrom == 0 && !set_author(m, name, mine))
		return &reply_later;
	if (from == HERE && by_from.n > 0 && !set_author(m, s->name, mine))
		return &reply_later;
	/* root@host stays what it is, complete; but nothing could come back to it */
	if (from == HERE && by_from.n == 0 && s->domain.n == 0)
		submission_author(&m->author, s->name, s->local, host);
	if (path == HERE)
		q->e.from = mine;
	return buf_failed(&m->author) ? &reply_later : NULL;
}

const struct reply *
system_author(struct queue_put *q, struct message *m)
{
	if (m->says.nfrom > 1 || (m->says.nfrom == 1 && m->says.local.n == 0))
		return &reply_no_author;
	if (q->who.any)
		return author_any(q, m);
	return q->who.account.n > 0 ? author_account(q, m) : author_user(q, m);
}
