#include "local.h"

#include <errno.h>

#include "../proto/author.h"

static const struct local_outcome	delivered = { 250, STR_INIT("2.2.0"), STR_INIT("delivered") };
static const struct local_outcome	lookup_failed = { 451, STR_INIT("4.3.0"), STR_INIT("an address cannot be looked up now") };

struct str
local_author(struct conf *c, struct arena *arena, struct str message)
{
	struct author	a;
	struct str	canonical;

	(void)author_find(message, arena, &a);
	if (a.domain.n == 0 || conf_canonical(c, a.local, a.domain, arena, &canonical) != CONF_OK)
		return STR("");
	return canonical;
}

/* RFC 5321 4.2.2: 452 is for storage. */
static int
code_of(const struct deliver_result *r)
{
	switch (r->got) {
	case DELIVER_OK:
		return 250;
	case DELIVER_TEMP:
		return str_eq(r->status, STR("4.2.2")) || str_eq(r->status, STR("4.3.1")) ? 452 : 451;
	case DELIVER_PERM:
		return 550;
	}
	return 451;
}

/* Into one account; rcpt is the address it is delivered for. */
static struct local_outcome
deliver_to(const struct local *l, struct str rcpt, const struct conf_rcpt *r)
{
	struct buf		 prefix = BUF_INIT(LIMIT_RECORD / 2);
	struct deliver_request	 q = { .account = r->account, .rcpt = rcpt, .mailbox = r->mailbox,
	    .mailfrom = l->mailfrom, .conn = l->id, .message = l->message, .offset = l->offset, .size = l->size };
	struct deliver_result	 got = { .lost = 0 };
	struct local_outcome	 o = delivered;

	l->prefix(&prefix, l->arg, rcpt);
	q.prefix = buf_str(&prefix);
	if (q.message == -1 || buf_failed(&prefix))
		o = (struct local_outcome){ 451, STR("4.3.0"), STR("the message cannot be read back now") };
	else if (deadline_over(l->until)) {
		o = (struct local_outcome){ 451, STR("4.3.0"), STR("delivery is not possible now") };
		got.lost = ETIMEDOUT;
	} else {
		got = deliver_message(l->deliver, &q, deadline_sooner(l->until, deadline_in(l->service_ms)));
		if (code_of(&got) >= 400)
			o = (struct local_outcome){ code_of(&got), got.status, got.text };
	}
	buf_free(&prefix);
	l->told(l->arg, rcpt, r->account, &o, got.lost);
	return o;
}

/* May the message's author post to this alias? */
static bool
may_post(const struct local *l, const struct conf_rcpt *alias, const struct conf_rcpt *member, size_t n)
{
	if (l->author.n == 0)
		return alias->post_public;
	if (str_eq(l->author, alias->address))
		return alias->allow_msg_from;
	for (size_t i = 0; i < n; i++)
		if (str_eq(l->author, member[i].address))
			return true;
	return alias->post_public;
}

/*
 * To each member but its author and those who are addressed themselves. A full
 * account does not keep the others' mail from them: that is only told when nobody got it.
 */
static struct local_outcome
deliver_members(const struct local *l, const struct conf_rcpt *alias, const struct conf_rcpt *member)
{
	struct local_outcome	worst = delivered, full = delivered;
	size_t			done = 0;

	for (size_t i = 0; i < alias->nmember; i++) {
		struct local_outcome	o;

		if (str_eq(member[i].address, l->author) ||
		    (l->is_recipient != NULL && l->is_recipient(l->arg, member[i].address)))
			continue;
		o = member[i].kind == CONF_RCPT_ACCOUNT ? deliver_to(l, member[i].address, &member[i]) : lookup_failed;
		if (o.code < 400)
			done++;
		else if (str_eq(o.status, STR("4.2.2")))
			full = (struct local_outcome){ 452, STR("4.2.2"), STR("storage of a member is full") };
		else if (worst.code == 250 || (worst.code >= 500 && o.code < 500))
			worst = (struct local_outcome){ o.code, o.code < 500 ? STR("4.3.0") : STR("5.3.0"),
			    STR("not delivered to all members") };
	}
	return worst.code == 250 && done == 0 ? full : worst;
}

static struct local_outcome
deliver_alias(const struct local *l, const struct conf_rcpt *alias)
{
	struct conf_rcpt	*member = arena_array(l->arena, alias->nmember, sizeof(*member));

	if (member == NULL)
		return lookup_failed;
	for (size_t i = 0; i < alias->nmember; i++) {
		conf_rcpt_text(l->conf, alias->member[i], l->arena, &member[i]);
		if (member[i].kind == CONF_RCPT_ERROR)
			return lookup_failed;
	}
	if (!may_post(l, alias, member, alias->nmember))
		return (struct local_outcome){ 550, STR("5.7.2"), STR("not allowed to post to this list") };
	return deliver_members(l, alias, member);
}

struct local_outcome
local_deliver(const struct local *l, struct str rcpt, const struct conf_rcpt *r)
{
	switch (r->kind) {
	case CONF_RCPT_ACCOUNT:
		return deliver_to(l, rcpt, r);
	case CONF_RCPT_ALIAS:
		return deliver_alias(l, r);
	case CONF_RCPT_NO_DOMAIN:
		/* whoever asks took it for ours: one of us has an old configuration */
		return (struct local_outcome){ 451, STR("4.3.0"), STR("not a domain of ours") };
	case CONF_RCPT_NONE:
		return (struct local_outcome){ 550, STR("5.1.1"), STR("no such user") };
	case CONF_RCPT_DISABLED:
		return (struct local_outcome){ 450, STR("4.2.1"), STR("the domain is disabled") };
	case CONF_RCPT_REFUSED:
		return r->smtp_code < 500 ? (struct local_outcome){ 451, STR("4.3.0"), r->smtp_text } :
		    (struct local_outcome){ 550, STR("5.1.1"), r->smtp_text };
	case CONF_RCPT_ERROR:
		break;
	}
	return lookup_failed;
}
