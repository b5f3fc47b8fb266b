/* sync: telling a client what happened to its mailbox. */
#include <errno.h>

#include "session.h"

void
sync_fetch(struct session *s, const struct entry *e)
{
	struct buf	*b = out(s);
	size_t		 n;
	char		*p;

	buf_adds(b, "* ");
	buf_addu(b, view_seq(&s->view, e->uid));
	buf_adds(b, " FETCH (UID ");
	buf_addu(b, e->uid);
	buf_adds(b, " FLAGS ");
	if ((p = buf_room(b, s->flags_room, &n)) != NULL && n == s->flags_room)
		buf_grew(b, (size_t)(flags_put(s, p, e->flags, uidset_has(&s->view.recent, e->uid)) - p));
	if ((s->enabled & ON_CONDSTORE) != 0) {
		buf_adds(b, " MODSEQ (");
		buf_addu(b, e->modseq);
		buf_addc(b, ')');
	}
	buf_adds(b, ")\r\n");
	out_more(s);
}

static void
tell_changed(struct session *s)
{
	struct entries	it;
	struct entry	e;

	entries_start(&it, s->mb, &s->news.changed);
	while (!s->gone && entries_next(&it, &e) == 1)
		if (e.modseq != s->own_modseq)
			sync_fetch(s, &e);
}

/* From the last to the first, so that the numbers told stay true meanwhile. */
static void
tell_expunged(struct session *s)
{
	const struct uidset	*gone = &s->news.expunged;

	for (size_t i = gone->n; i-- > 0;)
		for (uint32_t uid = gone->runs[i].last; uid >= gone->runs[i].first; uid--) {
			untagged(s, "%u EXPUNGE", view_seq(&s->view, uid));
			if (uid == 1)
				break;
		}
	view_drop(&s->view, gone);
	uidset_reset(&s->news.expunged);
}

bool
sync_tell(struct session *s, bool expunge)
{
	if (view_sync(&s->view, &s->news) == -1) {
		if (errno == ESTALE)
			return false;
		return true;	/* told the next time */
	}
	if (s->news.keywords)
		flags_refresh(s);
	if (expunge && s->news.expunged.n > 0)
		tell_expunged(s);
	if (s->news.added.n > 0) {
		untagged(s, "%u EXISTS", view_count(&s->view));
		untagged(s, "%u RECENT", uidset_count(&s->view.recent));
	}
	if (s->news.changed.n > 0)
		tell_changed(s);
	s->own_modseq = 0;
	return true;
}
