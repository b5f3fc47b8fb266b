#include "search.h"

#include <errno.h>
#include <inttypes.h>

#include "command.h"

enum { LINE_IDS = 1000 };	/* numbers in one SEARCH response */

/* US-ASCII and UTF-8 are what we search in; false for another charset. */
static bool
charset_ok(struct str name)
{
	return str_ieq(name, STR("US-ASCII")) || str_ieq(name, STR("UTF-8")) || str_ieq(name, STR("ASCII"));
}

/* Does the message at hand match; its file is opened when nothing else decides. -1 with errno. */
static int
matches(struct search *q)
{
	enum verdict	v = search_test(q, q->top);

	if (v != UNKNOWN)
		return v == MATCH;
	if (message_load(&q->m, q->s->mb, &q->e) == -1)
		return errno == ENOENT ? 0 : -1;
	q->loaded = true;
	v = search_test(q, q->top);
	q->loaded = false;
	message_unload(&q->m);
	return v == MATCH;
}

/* Those found, in lines that any client can read. */
static void
tell(struct session *s, const struct uidset *found, bool modseq, uint64_t highest)
{
	unsigned	n = 0;

	buf_adds(out(s), "* SEARCH");
	for (uint32_t u = 0; (u = uidset_next(found, u)) != 0;) {
		if (n == LINE_IDS) {
			buf_adds(out(s), "\r\n* SEARCH");
			out_more(s);
			n = 0;
		}
		n++;
		buf_addc(out(s), ' ');
		buf_addu(out(s), s->uid ? u : view_seq(&s->view, u));
	}
	if (modseq && found->n > 0)
		buf_addf(out(s), " (MODSEQ %" PRIu64 ")", highest);
	buf_adds(out(s), "\r\n");
	out_more(s);
}

static void
search(struct search *q)
{
	struct session	*s = q->s;
	struct uidset	 found = UIDSET_INIT;
	struct entries	 it;
	uint64_t	 highest = 0;
	int		 rc;

	entries_start(&it, s->mb, &s->view.uids);
	while ((rc = entries_next(&it, &q->e)) == 1) {
		int	hit = session_stopping(s) ? -1 : matches(q);

		if (hit == -1) {
			rc = -1;
			break;
		}
		if (hit == 0)
			continue;
		uidset_add(&found, q->e.uid, q->e.uid);
		if (q->e.modseq > highest)
			highest = q->e.modseq;
	}
	if (session_stopping(s))
		reply(s, NO, "UNAVAILABLE", "The server is stopping");
	else if (rc == -1 || found.failed)
		reply_errno(s, rc == -1 ? errno : ENOMEM);
	else {
		tell(s, &found, q->modseq, highest);
		reply(s, OK, NULL, "Searched");
	}
	uidset_free(&found);
}

void
cmd_search(struct session *s, struct imap_cur *c)
{
	struct search	q = { .s = s, .m = MESSAGE_INIT };
	bool		charset = true;

	imap_sp(c);
	if (imap_try_token(c, "CHARSET ")) {
		charset = charset_ok(imap_astring(c));
		imap_sp(c);
	}
	q.top = search_read_all(&q, c);
	if (!parsed(s, c))
		goto out;
	if (!charset) {
		reply(s, NO, "BADCHARSET (US-ASCII UTF-8)", "That charset is not known here");
		goto out;
	}
	if (q.modseq)
		session_condstore(s);
	search(&q);
out:
	for (size_t i = 0; i < q.nsets; i++)
		uidset_free(q.sets[i]);
	message_free(&q.m);
}
