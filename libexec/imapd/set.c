/* set: message sets of commands, as uids of the view. */
#include "session.h"

static uint32_t
last_uid(const struct session *s)
{
	uint32_t	n = view_count(&s->view);

	/* RFC 3501: in an empty mailbox "*" is UIDNEXT */
	return n > 0 ? view_uid(&s->view, n) : s->view.uidnext;
}

const char *
set_uids(struct session *s, struct imap_set *set, bool uid, struct uidset *out_r)
{
	uint32_t	count = view_count(&s->view);

	*out_r = (struct uidset)UIDSET_INIT;
	for (size_t i = 0; i < set->n && !uid; i++) {
		/* "1:*" of an empty mailbox is asked by many, and is nothing */
		bool	open = set->r[i].first == IMAP_STAR || set->r[i].last == IMAP_STAR;

		if ((set->r[i].first > count || set->r[i].last > count) && !(open && count == 0))
			return "There is no message of that number";
	}
	imap_set_resolve(set, uid ? last_uid(s) : count);
	for (size_t i = 0; i < set->n; i++)
		if (uid)
			view_add_uids(&s->view, set->r[i].first, set->r[i].last, out_r);
		else
			view_add_seqs(&s->view, set->r[i].first, set->r[i].last, out_r);
	if (!out_r->failed)
		return NULL;
	uidset_free(out_r);
	return "Too many messages at once";
}

bool
set_resolve(struct session *s, struct imap_set *set, struct uidset *out_r)
{
	const char	*err = set_uids(s, set, s->uid, out_r);

	if (err != NULL)
		reply(s, BAD, NULL, err);
	return err == NULL;
}

void
set_put(struct buf *b, const struct uidset *set)
{
	struct imap_setw	w;

	imap_setw_start(&w, b);
	for (size_t i = 0; i < set->n; i++)
		imap_setw_range(&w, set->runs[i].first, set->runs[i].last);
	(void)imap_setw_end(&w);
}
