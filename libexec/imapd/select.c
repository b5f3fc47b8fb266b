/* select: SELECT and EXAMINE, and the ways out. */
#include <errno.h>

#include "command.h"

/* "(…)" behind the name (RFC 4466): another parameter is another row. */
struct params {
	bool	condstore;
};

static void
param_condstore(struct imap_cur *c, struct params *p)
{
	(void)c;
	p->condstore = true;
}

static const struct {
	const char	*name;
	void		(*read)(struct imap_cur *, struct params *);
} params[] = {
	{ "CONDSTORE", param_condstore },
};

static struct params
read_params(struct imap_cur *c)
{
	struct params	p = { false };
	bool		first = true;

	if (!imap_try(c, ' '))
		return p;
	imap_need(c, '(');
	while (imap_list_next(c, &first)) {
		struct str	name = imap_word(c);
		size_t		i = 0, n = sizeof(params) / sizeof(params[0]);

		while (i < n && !str_ieq(name, str_c(params[i].name)))
			i++;
		if (i == n)
			imap_cur_fail(c, "unknown parameter");
		else
			params[i].read(c, &p);
	}
	return p;
}

static void
tell_mailbox(struct session *s, const struct view_start *start)
{
	flags_tell(s);
	untagged(s, "%u EXISTS", view_count(&s->view));
	untagged(s, "%u RECENT", uidset_count(&s->view.recent));
	if (start->first_unseen != 0)
		untagged(s, "OK [UNSEEN %u] First message not seen", start->first_unseen);
	untagged(s, "OK [UIDVALIDITY %u] UIDs are valid", s->view.uidvalidity);
	untagged(s, "OK [UIDNEXT %u] The next UID", s->view.uidnext);
	if ((s->enabled & ON_CONDSTORE) != 0) {
		s->announced = true;
		untagged(s, "OK [HIGHESTMODSEQ %llu] Highest mod-sequence", (unsigned long long)s->view.modseq);
	}
}

static int
open_mailbox(struct session *s, struct str name, bool readwrite, struct view_start *start_r)
{
	if (mailbox_open(s->account, name, &s->mb) == -1)
		return -1;
	if (flags_load(s) == 0 && view_open(&s->view, s->mb, readwrite, start_r) == 0) {
		s->state = ST_SELECTED;
		return 0;
	}
	mailbox_close(s->mb);
	s->mb = NULL;
	return -1;
}

static void
do_select(struct session *s, struct imap_cur *c, bool readwrite)
{
	struct view_start	start;
	struct params		p;
	struct str		name;

	imap_sp(c);
	name = imap_mailbox(c);
	p = read_params(c);
	if (!parsed(s, c))
		return;
	if (s->state == ST_SELECTED) {
		session_deselect(s);
		untagged(s, "OK [CLOSED] Left the mailbox");
	}
	if (open_mailbox(s, name, readwrite, &start) == -1) {
		reply_errno(s, errno);
		return;
	}
	if (p.condstore)
		s->enabled |= ON_CONDSTORE;
	tell_mailbox(s, &start);
	reply(s, OK, readwrite ? "READ-WRITE" : "READ-ONLY", "Selected");
}

void
cmd_select(struct session *s, struct imap_cur *c)
{
	do_select(s, c, true);
}

void
cmd_examine(struct session *s, struct imap_cur *c)
{
	do_select(s, c, false);
}

void
cmd_close(struct session *s, struct imap_cur *c)
{
	if (!parsed(s, c))
		return;
	if (s->view.readwrite && message_expunge(s->mb, &s->view.uids, true, NULL) == -1 && errno != ESTALE) {
		reply_errno(s, errno);
		return;
	}
	session_deselect(s);
	reply(s, OK, NULL, "Closed");
}

void
cmd_unselect(struct session *s, struct imap_cur *c)
{
	if (!parsed(s, c))
		return;
	session_deselect(s);
	reply(s, OK, NULL, "Left the mailbox");
}
