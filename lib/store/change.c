#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "message.h"

#include "file.h"
#include "sync.h"

void
flag_result_free(struct flag_result *r)
{
	uidset_free(&r->changed);
	uidset_free(&r->modified);
}

static struct flags
apply(const struct flag_change *c, struct flags f)
{
	switch (c->mode) {
	case FLAGS_ADD:
		f.sys |= c->flags.sys;
		f.keywords |= c->flags.keywords;
		break;
	case FLAGS_REMOVE:
		f.sys &= ~c->flags.sys;
		f.keywords &= ~c->flags.keywords;
		break;
	case FLAGS_REPLACE:
		f = c->flags;
		break;
	}
	f.sys &= FLAG_ALL;
	f.keywords &= KEYWORD_ALL;
	return f;
}

static int
rename_flags(struct mailbox *mb, const struct entry *e, struct flags f)
{
	char		from[FILE_NAME_SIZE], to[FILE_NAME_SIZE];
	struct entry	new = *e;

	new.flags = f;
	file_name(e, from);
	file_name(&new, to);
	return renameat(mb->cur, from, mb->cur, to);
}

/* The names that a cancelled transaction has given back to what the index says. */
static void
undo_flags(struct mailbox *mb, const struct uidset *changed, const struct flag_change *c)
{
	int	err = errno;

	for (uint32_t uid = 0; (uid = uidset_next(changed, uid)) != 0; ) {
		struct entry	e, new;

		if (message_get(mb, uid, &e) == -1)
			continue;
		new = e;
		new.flags = apply(c, e.flags);
		(void)rename_flags(mb, &new, e.flags);
	}
	errno = err;
}

static int
change_one(struct box *b, struct mailbox *mb, uint32_t uid, const struct flag_change *c,
    struct flag_result *r)
{
	struct entry	e;
	struct flags	f;
	int		n = box_get(b, uid, &e);

	if (n != 1)
		return n;
	if (e.modseq > c->unchangedsince) {
		uidset_add(&r->modified, uid, uid);
		return 0;
	}
	f = apply(c, e.flags);
	f.keywords &= keyword_mask(b->rec.keywords);
	if (f.sys == e.flags.sys && f.keywords == e.flags.keywords)
		return 0;
	if (rename_flags(mb, &e, f) == -1) {
		if (errno == ENOENT)
			errno = EAGAIN;		/* not where the index says: look first */
		return -1;
	}
	uidset_add(&r->changed, uid, uid);
	return box_update(b, &e, f);
}

static int
flags_once(struct mailbox *mb, const struct uidset *set, const struct flag_change *c,
    struct flag_result *r)
{
	struct mailbox_rec	m;
	struct tx		tx;
	struct box		b;
	struct dirtime		before;
	uint32_t		uid = 0;
	int			n;

	uidset_reset(&r->changed);
	uidset_reset(&r->modified);
	r->modseq = 0;
	if (mailbox_refresh(mb, &m) == -1 || tx_begin(mb->acc, &tx) == -1)
		return -1;
	if (box_load(&b, &tx, mb->id) == -1)
		goto fail;
	before = sync_time(mb->cur);
	while ((n = box_next_of(&b, set, &uid)) == 1)
		if (change_one(&b, mb, uid, c, r) == -1)
			goto fail;
	if (n == -1)
		goto fail;
	if (r->changed.n == 0) {
		tx_cancel(&tx);
		return 0;
	}
	sync_note(mb, &b.rec, before);
	if (box_flush(&b) == -1)
		goto fail;
	r->modseq = tx.modseq;
	if (tx_commit(&tx) == -1) {
		undo_flags(mb, &r->changed, c);
		return -1;
	}
	return 0;
fail:
	tx_cancel(&tx);
	undo_flags(mb, &r->changed, c);
	return -1;
}

int
message_flags(struct mailbox *mb, const struct uidset *set, const struct flag_change *c,
    struct flag_result *r)
{
	unsigned	tries = 0;
	int		n;

	*r = (struct flag_result){ .modseq = 0 };
	do
		n = flags_once(mb, set, c, r);
	while (n == -1 && account_retry(mb->acc, mb, &tries));
	if (n == 0 && (r->changed.failed || r->modified.failed)) {
		errno = ENOMEM;
		n = -1;
	}
	return n;
}

/*
 * The file goes before the entry is committed: after a crash between the two
 * an entry without file is expunged, while a file without entry would come back.
 */
static int
expunge_one(struct box *b, struct mailbox *mb, uint32_t uid, bool only_deleted, struct uidset *gone)
{
	char		name[FILE_NAME_SIZE];
	struct entry	e;
	int		n = box_get(b, uid, &e);

	if (n != 1 || (only_deleted && (e.flags.sys & FLAG_DELETED) == 0))
		return n == -1 ? -1 : 0;
	file_name(&e, name);
	if (unlinkat(mb->cur, name, 0) == -1) {
		if (errno == ENOENT)
			errno = EAGAIN;
		return -1;
	}
	if (gone != NULL)
		uidset_add(gone, uid, uid);
	return box_remove(b, &e);
}

static int
expunge_once(struct mailbox *mb, const struct uidset *set, bool only_deleted, struct uidset *gone)
{
	struct mailbox_rec	m;
	struct tx		tx;
	struct box		b;
	struct dirtime		before;
	uint32_t		uid = 0;
	int			n;

	if (mailbox_refresh(mb, &m) == -1 || tx_begin(mb->acc, &tx) == -1)
		return -1;
	if (box_load(&b, &tx, mb->id) == -1)
		goto fail;
	before = sync_time(mb->cur);
	while ((n = box_next_of(&b, set, &uid)) == 1)
		if (expunge_one(&b, mb, uid, only_deleted, gone) == -1)
			goto fail;
	if (n == -1)
		goto fail;
	if (tx.modseq == 0) {
		tx_cancel(&tx);
		return 0;
	}
	sync_note(mb, &b.rec, before);
	if (box_flush(&b) == -1)
		goto fail;
	return tx_commit(&tx);
fail:
	tx_cancel(&tx);
	return -1;
}

int
message_expunge(struct mailbox *mb, const struct uidset *set, bool only_deleted, struct uidset *gone)
{
	unsigned	tries = 0;
	int		n;

	do
		n = expunge_once(mb, set, only_deleted, gone);
	while (n == -1 && account_retry(mb->acc, mb, &tries));
	return n;
}
