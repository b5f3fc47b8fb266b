/* store: STORE and UID STORE, with UNCHANGEDSINCE (RFC 7162 3.1.3). */
#include <errno.h>

#include "command.h"
#include "store/message.h"

struct change {
	struct flag_change	c;
	struct imap_flags	named;
	bool			silent;
	bool			conditional;
};

static void
modifier_unchangedsince(struct imap_cur *c, struct change *ch)
{
	imap_sp(c);
	ch->conditional = true;
	ch->c.unchangedsince = imap_number63(c);
}

static const struct {
	const char	*name;
	void		(*read)(struct imap_cur *, struct change *);
} modifiers[] = {
	{ "UNCHANGEDSINCE", modifier_unchangedsince },
};

static void
read_modifiers(struct imap_cur *c, struct change *ch)
{
	size_t	n = sizeof(modifiers) / sizeof(modifiers[0]);
	bool	first = true;

	if (!imap_try(c, '('))
		return;
	while (imap_list_next(c, &first)) {
		struct str	name = imap_word(c);
		size_t		i = 0;

		while (i < n && !str_ieq(name, str_c(modifiers[i].name)))
			i++;
		if (i < n)
			modifiers[i].read(c, ch);
		else
			imap_cur_fail(c, "unknown STORE modifier");
	}
	imap_sp(c);
}

static struct imap_set
read_store(struct imap_cur *c, struct change *ch)
{
	struct imap_set	set;

	*ch = (struct change){ .c = { .mode = FLAGS_REPLACE, .unchangedsince = UINT64_MAX } };
	imap_sp(c);
	set = imap_sequence_set(c);
	imap_sp(c);
	read_modifiers(c, ch);
	if (imap_try(c, '+'))
		ch->c.mode = FLAGS_ADD;
	else if (imap_try(c, '-'))
		ch->c.mode = FLAGS_REMOVE;
	if (!imap_try_token(c, "FLAGS"))
		imap_cur_fail(c, "unknown STORE item");
	ch->silent = imap_try_token(c, ".SILENT");
	imap_sp(c);
	ch->named = imap_flags_bare(c);
	return set;
}

/* A MODSEQ alone, for those changed silently by a client that keeps count. */
static void
put_modseq(struct session *s, const struct entry *e)
{
	struct buf	*b = out(s);

	buf_adds(b, "* ");
	buf_addu(b, view_seq(&s->view, e->uid));
	buf_adds(b, " FETCH (UID ");
	buf_addu(b, e->uid);
	buf_adds(b, " MODSEQ (");
	buf_addu(b, e->modseq);
	buf_adds(b, "))\r\n");
	out_more(s);
}

/* Tell what the client asked for; the sync after this leaves those changes out. */
static int
tell(struct session *s, const struct change *ch, const struct uidset *uids, const struct flag_result *res)
{
	bool		modseqs = (s->enabled & ON_CONDSTORE) != 0;
	struct entries	it;
	struct entry	e;
	int		rc;

	s->own_modseq = res->modseq;
	if (ch->silent && (!modseqs || res->changed.n == 0))
		return 0;
	entries_start(&it, s->mb, ch->silent ? &res->changed : uids);
	while (!s->gone && (rc = entries_next(&it, &e)) == 1)
		if (!ch->silent)
			sync_fetch(s, &e);
		else if (e.modseq == res->modseq)
			put_modseq(s, &e);
	return s->gone ? 0 : rc;
}

/* "MODIFIED 7,9" in the numbers of the command. */
static void
reply_modified(struct session *s, const struct uidset *modified)
{
	struct buf		code = BUF_INIT(LIMIT_IMAP_OUTPUT);
	struct imap_setw	w;

	buf_adds(&code, "MODIFIED ");
	if (s->uid)
		set_put(&code, modified);
	else {
		imap_setw_start(&w, &code);
		for (uint32_t u = 0; (u = uidset_next(modified, u)) != 0;)
			imap_setw_add(&w, view_seq(&s->view, u));
		(void)imap_setw_end(&w);
	}
	reply_str(s, OK, buf_str(&code), "Others had been changed meanwhile");
	buf_free(&code);
}

static void
store(struct session *s, const struct change *ch, const struct uidset *uids)
{
	struct flag_result	res;

	if (message_flags(s->mb, uids, &ch->c, &res) == -1) {
		reply_errno(s, errno);
		return;
	}
	if (tell(s, ch, uids, &res) == -1)
		reply_errno(s, errno);
	else if (res.modified.n > 0)
		reply_modified(s, &res.modified);
	else
		reply(s, OK, NULL, "Stored");
	flag_result_free(&res);
}

void
cmd_store(struct session *s, struct imap_cur *c)
{
	struct change	ch;
	struct imap_set	set = read_store(c, &ch);
	struct uidset	uids;

	if (!parsed(s, c) || !set_resolve(s, &set, &uids))
		return;
	if (ch.conditional)
		session_condstore(s);
	if (!s->view.readwrite)
		reply(s, NO, NULL, "The mailbox is read-only");
	else if (flags_resolve(s->mb, &ch.named, ch.c.mode != FLAGS_REMOVE, &ch.c.flags) == -1)
		reply_errno(s, errno);
	else {
		if (ch.named.n > 0)
			flags_refresh(s);	/* a new name must be known before it is used */
		store(s, &ch, &uids);
	}
	uidset_free(&uids);
}
