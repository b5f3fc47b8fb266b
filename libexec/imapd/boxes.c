/* boxes: making, removing, renaming mailboxes, and subscriptions. */
#include <errno.h>

#include "command.h"
#include "proto/nfc.h"

/* "(USE (\Sent))" behind the name (RFC 6154 5.1). */
static enum special
read_use(struct session *s, struct imap_cur *c, bool *bad_r)
{
	enum special	special = SPECIAL_NONE;
	bool		first = true, first_use = true;

	(void)s;
	*bad_r = false;
	if (!imap_try(c, ' '))
		return special;
	imap_need(c, '(');
	while (imap_list_next(c, &first)) {
		if (!imap_try_token(c, "USE "))
			imap_cur_fail(c, "unknown parameter");
		imap_need(c, '(');
		while (imap_list_next(c, &first_use)) {
			struct str	start = c->rest, name;
			enum special	one;

			imap_need(c, '\\');
			name = imap_atom(c);
			one = special_parse(str_head(start, name.n + 1));
			/* a mailbox here has one use at most */
			if (one == SPECIAL_NONE || (special != SPECIAL_NONE && one != special))
				*bad_r = true;
			special = one;
		}
	}
	return special;
}

/* A "/" at the end only says that children will come (RFC 3501 6.3.3). */
static struct str
without_slash(struct str name)
{
	return name.n > 1 && str_ends(name, STR("/")) ? str_head(name, name.n - 1) : name;
}

/*
 * One way to write a name, or two mailboxes would look the same (and not all
 * file systems keep them apart). True when there is nothing to refuse.
 */
static bool
name_is_normal(struct session *s, struct str name)
{
	if (nfc_is(name))
		return true;
	reply(s, NO, "CANNOT", "The name is not in Unicode's normal form C");
	return false;
}

void
cmd_create(struct session *s, struct imap_cur *c)
{
	struct str	name;
	enum special	use;
	bool		bad_use;

	imap_sp(c);
	name = without_slash(imap_mailbox(c));
	use = read_use(s, c, &bad_use);
	if (!parsed(s, c))
		return;
	if (!name_is_normal(s, name))
		return;
	if (bad_use)
		reply(s, NO, "USEATTR", "A mailbox has one use of \\Archive \\Drafts \\Junk \\Sent \\Trash");
	else if (mailbox_create(s->account, name, use, NULL) == -1)
		reply_errno(s, errno);
	else
		reply(s, OK, NULL, "Created");
}

void
cmd_delete(struct session *s, struct imap_cur *c)
{
	struct str	name;

	imap_sp(c);
	name = imap_mailbox(c);
	if (!parsed(s, c))
		return;
	if (mailbox_delete(s->account, name) == -1)
		reply_errno(s, errno);
	else
		reply(s, OK, NULL, "Deleted");
}

void
cmd_rename(struct session *s, struct imap_cur *c)
{
	struct str	from, to;

	imap_sp(c);
	from = imap_mailbox(c);
	imap_sp(c);
	to = without_slash(imap_mailbox(c));
	if (!parsed(s, c) || !name_is_normal(s, to))
		return;
	if (mailbox_rename(s->account, from, to) == -1)
		reply_errno(s, errno);
	else
		reply(s, OK, NULL, "Renamed");
}

static void
subscribe(struct session *s, struct imap_cur *c, bool on)
{
	struct str	name;

	imap_sp(c);
	name = imap_mailbox(c);
	if (!parsed(s, c) || (on && !name_is_normal(s, name)))
		return;
	if (mailbox_subscribe(s->account, name, on) == -1)
		reply_errno(s, errno);
	else
		reply(s, OK, NULL, on ? "Subscribed" : "Unsubscribed");
}

void
cmd_subscribe(struct session *s, struct imap_cur *c)
{
	subscribe(s, c, true);
}

void
cmd_unsubscribe(struct session *s, struct imap_cur *c)
{
	subscribe(s, c, false);
}
