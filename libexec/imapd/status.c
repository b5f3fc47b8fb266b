#include "status.h"

#include <errno.h>

#include "command.h"

static uint64_t
item_messages(const struct mailbox_status *st)
{
	return st->exists;
}

static uint64_t
item_recent(const struct mailbox_status *st)
{
	return st->recent;
}

static uint64_t
item_uidnext(const struct mailbox_status *st)
{
	return st->uidnext;
}

static uint64_t
item_uidvalidity(const struct mailbox_status *st)
{
	return st->uidvalidity;
}

static uint64_t
item_unseen(const struct mailbox_status *st)
{
	return st->unseen;
}

static uint64_t
item_modseq(const struct mailbox_status *st)
{
	return st->modseq;
}

static const struct {
	const char	*name;
	uint64_t	(*get)(const struct mailbox_status *);
} items[] = {
	{ "MESSAGES", item_messages },
	{ "RECENT", item_recent },
	{ "UIDNEXT", item_uidnext },
	{ "UIDVALIDITY", item_uidvalidity },
	{ "UNSEEN", item_unseen },
	{ "HIGHESTMODSEQ", item_modseq },
};

enum { N_ITEMS = sizeof(items) / sizeof(items[0]) };

unsigned
status_items(struct session *s, struct imap_cur *c)
{
	unsigned	set = 0;
	bool		first = true;

	(void)s;
	imap_need(c, '(');
	while (imap_list_next(c, &first)) {
		struct str	name = imap_word(c);
		size_t		i = 0;

		while (i < N_ITEMS && !str_ieq(name, str_c(items[i].name)))
			i++;
		if (i == N_ITEMS)
			imap_cur_fail(c, "unknown STATUS item");
		else
			set |= 1u << i;
	}
	return set;
}

int
status_put(struct session *s, struct str name, unsigned set)
{
	struct mailbox_status	 st;
	struct mailbox		*mb;
	const char		*sep = "";
	int			 rc, err;

	if (mailbox_open(s->account, name, &mb) == -1)
		return -1;
	rc = mailbox_status(mb, &st);
	err = errno;
	mailbox_close(mb);
	errno = err;
	if (rc == -1)
		return -1;
	buf_adds(out(s), "* STATUS ");
	imap_put_mailbox(out(s), name);
	buf_adds(out(s), " (");
	for (size_t i = 0; i < N_ITEMS; i++)
		if ((set >> i & 1) != 0) {
			buf_addf(out(s), "%s%s %llu", sep, items[i].name, (unsigned long long)items[i].get(&st));
			sep = " ";
		}
	buf_adds(out(s), ")\r\n");
	out_more(s);
	for (size_t i = 0; i < N_ITEMS; i++)
		if ((set >> i & 1) != 0 && items[i].get == item_modseq)
			session_condstore(s);
	return 0;
}

void
cmd_status(struct session *s, struct imap_cur *c)
{
	struct str	name;
	unsigned	set;

	imap_sp(c);
	name = imap_mailbox(c);
	imap_sp(c);
	set = status_items(s, c);
	if (c->err == NULL && set == 0)
		imap_cur_fail(c, "missing STATUS item");
	if (!parsed(s, c))
		return;
	if (status_put(s, name, set) == -1)
		reply_errno(s, errno);
	else
		reply(s, OK, NULL, "That is its status");
}
