/* copy: COPY, MOVE (RFC 6851), EXPUNGE and their UID forms (RFC 4315). */
#include <errno.h>

#include "command.h"
#include "store/message.h"

/* "COPYUID 38505 304,319:320 3956:3958" */
static void
put_copyuid(struct buf *b, const struct copied *done)
{
	buf_adds(b, "COPYUID ");
	buf_addu(b, done->uidvalidity);
	buf_addc(b, ' ');
	set_put(b, &done->src);
	buf_addc(b, ' ');
	set_put(b, &done->dst);
}

static void
reply_copied(struct session *s, const struct copied *done, bool move)
{
	struct buf	code = BUF_INIT(LIMIT_IMAP_OUTPUT);

	if (done->src.n > 0)
		put_copyuid(&code, done);
	if (!move)
		reply_str(s, OK, buf_str(&code), "Copied");
	else {
		if (code.n > 0)	/* before the EXPUNGE responses (RFC 6851 4.3) */
			untagged(s, "OK [" STR_FMT "] Moved", STR_ARG(buf_str(&code)));
		reply(s, OK, NULL, "Done");
	}
	buf_free(&code);
}

static void
copy_to(struct session *s, const struct uidset *uids, struct mailbox *to, bool move)
{
	struct copied	done;
	int		rc = move ? message_move(s->mb, uids, to, &done) : message_copy(s->mb, uids, to, &done);

	if (rc == -1) {
		reply_errno(s, errno);
		return;
	}
	reply_copied(s, &done, move);
	copied_free(&done);
}

static void
copy(struct session *s, struct imap_cur *c, bool move)
{
	struct imap_set	 set;
	struct uidset	 uids;
	struct mailbox	*to;
	struct str	 name;

	imap_sp(c);
	set = imap_sequence_set(c);
	imap_sp(c);
	name = imap_mailbox(c);
	if (!parsed(s, c) || !set_resolve(s, &set, &uids))
		return;
	if (move && !s->view.readwrite)
		reply(s, NO, NULL, "The mailbox is read-only");
	else if (mailbox_open(s->account, name, &to) == 0) {
		copy_to(s, &uids, to, move);
		mailbox_close(to);
	} else if (errno == ENOENT)
		reply(s, NO, "TRYCREATE", "No such mailbox");
	else
		reply_errno(s, errno);
	uidset_free(&uids);
}

void
cmd_copy(struct session *s, struct imap_cur *c)
{
	copy(s, c, false);
}

void
cmd_move(struct session *s, struct imap_cur *c)
{
	copy(s, c, true);
}

/* Only messages that this client knows of. */
void
cmd_expunge(struct session *s, struct imap_cur *c)
{
	struct imap_set	set = { 0 };
	struct uidset	uids = UIDSET_INIT;

	if (s->uid) {
		imap_sp(c);
		set = imap_sequence_set(c);
	}
	if (!parsed(s, c) || (s->uid && !set_resolve(s, &set, &uids)))
		return;
	if (!s->view.readwrite)
		reply(s, NO, NULL, "The mailbox is read-only");
	else if (message_expunge(s->mb, s->uid ? &uids : &s->view.uids, true, NULL) == -1)
		reply_errno(s, errno);
	else
		reply(s, OK, NULL, "Expunged");
	uidset_free(&uids);
}
