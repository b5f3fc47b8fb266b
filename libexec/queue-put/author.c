/* Who may write as whom. */
#include "put.h"

const struct reply	reply_no_author = { 550, "5.6.0", "From must be one field with one address, clear to every reader" };
const struct reply	reply_not_yours = { 550, "5.7.1", "not an address that you may send as" };
const struct reply	reply_disabled = { 451, "4.3.0", "the sender's domain is disabled" };

const struct reply *
author_may(struct queue_put *q, struct str account, struct str local, struct str domain)
{
	switch (conf_may_send(q->conf, account, local, domain, &q->arena)) {
	case CONF_MAY:
		return NULL;
	case CONF_MAY_NOT:
		return &reply_not_yours;
	case CONF_MAY_DISABLED:
		return &reply_disabled;
	case CONF_MAY_ERROR:
		break;
	}
	return &reply_later;
}

const struct reply *
author_may_path(struct queue_put *q, struct str account, struct str path)
{
	struct buf		 local = BUF_INIT(LIMIT_LOCALPART);
	struct addr		 a;
	const struct reply	*no = &reply_not_yours;

	if (addr_parse(path, &a) == ADDR_OK) {
		addr_add_local(&local, &a);
		if (!buf_failed(&local))
			no = author_may(q, account, buf_str(&local), a.domain);
	}
	buf_free(&local);
	return no;
}

const struct reply *
author_check(struct queue_put *q, struct message *m)
{
	const struct submission	*s = &m->says;
	const struct reply	*no = NULL;

	if (q->who.system)
		return system_author(q, m);
	q->e.account = q->who.account;
	q->e.login = q->who.login;
	if (q->e.from.n > 0)
		no = author_may_path(q, q->e.account, q->e.from);
	if (no == NULL && (s->nfrom != 1 || s->local.n == 0 || s->domain.n == 0))
		no = &reply_no_author;
	if (no == NULL)
		no = author_may(q, q->e.account, s->local, s->domain);
	return no;
}
