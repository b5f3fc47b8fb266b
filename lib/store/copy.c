#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "message.h"

#include "../sys/deadline.h"
#include "../sys/fd.h"
#include "file.h"
#include "sync.h"

struct copying {
	struct mailbox	*from, *to;
	bool		 move;
	uint32_t	 bits[KEYWORD_MAX];	/* the target's bit of each letter */
	uint32_t	 mapped;		/* letters that have one */
	struct copied	*out;
	struct box	 src, dst;
};

void
copied_free(struct copied *c)
{
	uidset_free(&c->src);
	uidset_free(&c->dst);
}

/* What the target calls the keywords that the messages have. */
static int
map_keywords(struct copying *c, const struct uidset *set)
{
	struct mailbox_rec	m;
	struct entries		it;
	struct entry		e;
	uint32_t		used = 0;
	int			n;

	entries_start(&it, c->from, set);
	while ((n = entries_next(&it, &e)) == 1)
		used |= e.flags.keywords;
	if (n == -1 || index_mailbox(&c->from->acc->db, c->from->id, &m) == -1)
		return -1;
	for (unsigned i = 0; i < KEYWORD_MAX; i++) {
		if ((used & 1u << i) == 0 || m.keywords[i].name[0] == '\0')
			continue;
		if (mailbox_keyword(c->to, str_c(m.keywords[i].name), true, &c->bits[i]) == -1)
			return -1;
		c->mapped |= 1u << i;
	}
	return 0;
}

static struct entry
derive(const struct copying *c, const struct entry *e, uint32_t uid)
{
	struct entry	d = *e;

	d.uid = uid;
	d.saved = clock_now();
	d.flags.keywords = 0;
	for (unsigned i = 0; i < KEYWORD_MAX; i++)
		if (e->flags.keywords & 1u << i)
			d.flags.keywords |= c->bits[i];
	return d;
}

static int
place(const struct copying *c, const struct entry *e, const struct entry *d)
{
	char	from[FILE_NAME_SIZE], to[FILE_NAME_SIZE];

	file_name(e, from);
	file_name(d, to);
	return c->move ? renameat(c->from->cur, from, c->to->cur, to) :
	    linkat(c->from->cur, from, c->to->cur, to, 0);
}

/* Take the files back that a transaction placed which did not come about. */
static void
undo(struct copying *c)
{
	int		err = errno;
	uint32_t	n = uidset_count(&c->out->dst);

	for (uint32_t i = 0; i < n; i++) {
		char		from[FILE_NAME_SIZE], to[FILE_NAME_SIZE];
		struct entry	e, d;

		if (message_get(c->from, uidset_nth(&c->out->src, i), &e) == -1)
			continue;
		d = derive(c, &e, uidset_nth(&c->out->dst, i));
		file_name(&e, from);
		file_name(&d, to);
		if (c->move)
			(void)renameat(c->to->cur, to, c->from->cur, from);
		else
			(void)unlinkat(c->to->cur, to, 0);
	}
	errno = err;
}

/* Room for all of them: uids, and quota for copies. */
static int
check_room(struct copying *c, const struct uidset *set)
{
	struct mailbox_rec	*m = &c->dst.rec;
	struct account		*acc = c->from->acc;
	struct entry		 e;
	uint64_t		 bytes = 0, used = c->src.tx->a.bytes;
	uint32_t		 uid = 0, count = 0;
	int			 n;

	while ((n = box_next_of(&c->src, set, &uid)) == 1) {
		if (box_get(&c->src, uid, &e) == -1)
			return -1;
		bytes += e.size;
		count++;
	}
	if (n == -1)
		return -1;
	if (!c->move && acc->quota != 0 && (used > acc->quota || bytes > acc->quota - used)) {
		errno = EDQUOT;
		return -1;
	}
	if (c->to->uidmax > m->uidmax)
		m->uidmax = c->to->uidmax;
	if (count > m->uidmax - (m->uidnext - 1)) {
		c->to->reserve = count;
		c->to->reserve_from = m->uidnext;
		errno = EAGAIN;
		return -1;
	}
	return 0;
}

static int
copy_one(struct copying *c, uint32_t uid)
{
	struct entry	e, d;
	int		n = box_get(&c->src, uid, &e);

	if (n != 1)
		return n;
	if (e.flags.keywords & ~c->mapped & keyword_mask(c->src.rec.keywords)) {
		errno = EAGAIN;		/* a keyword since map_keywords() */
		return -1;
	}
	d = derive(c, &e, c->dst.rec.uidnext);
	if (place(c, &e, &d) == -1) {
		if (errno == ENOENT)
			errno = EAGAIN;
		return -1;
	}
	uidset_add(&c->out->src, uid, uid);
	uidset_add(&c->out->dst, d.uid, d.uid);
	if (box_add(&c->dst, &d) == -1)
		return -1;
	return c->move ? box_remove(&c->src, &e) : 0;
}

static int
copy_all(struct copying *c, const struct uidset *set)
{
	struct dirtime	src, dst;
	uint32_t	uid = 0;
	int		n;

	if (check_room(c, set) == -1)
		return -1;
	src = sync_time(c->from->cur);
	dst = sync_time(c->to->cur);
	while ((n = box_next_of(&c->src, set, &uid)) == 1)
		if (copy_one(c, uid) == -1)
			return -1;
	if (n == -1)
		return -1;
	if (c->move)
		sync_note(c->from, &c->src.rec, src);
	sync_note(c->to, &c->dst.rec, dst);
	return box_flush(&c->src) == -1 || box_flush(&c->dst) == -1 ? -1 : 0;
}

static int
copy_once(struct copying *c, const struct uidset *set)
{
	struct mailbox_rec	m;
	struct tx		tx;

	uidset_reset(&c->out->src);
	uidset_reset(&c->out->dst);
	c->mapped = 0;
	if (c->to->reserve > 0) {
		uint32_t	count = c->to->reserve;

		c->to->reserve = 0;
		if (mailbox_reserve(c->to, c->to->reserve_from, count) == -1)
			return -1;
	}
	if (mailbox_refresh(c->from, &m) == -1 || mailbox_refresh(c->to, &m) == -1 ||
	    map_keywords(c, set) == -1 || tx_begin(c->from->acc, &tx) == -1)
		return -1;
	if (box_load(&c->src, &tx, c->from->id) == -1 || box_load(&c->dst, &tx, c->to->id) == -1 ||
	    copy_all(c, set) == -1) {
		tx_cancel(&tx);
		undo(c);
		return -1;
	}
	if (tx.modseq == 0) {
		tx_cancel(&tx);
		return 0;
	}
	if (tx_commit(&tx) == -1) {
		undo(c);
		return -1;
	}
	return 0;
}

static int
copy(struct mailbox *from, const struct uidset *set, struct mailbox *to, bool move, struct copied *out)
{
	struct copying	c = { .from = from, .to = to, .move = move, .out = out };
	unsigned	tries = 0;
	int		n;

	*out = (struct copied){ .uidvalidity = to->id };
	if (from->acc != to->acc || from->id == to->id) {
		errno = EINVAL;
		return -1;
	}
	do
		n = copy_once(&c, set);
	while (n == -1 && account_retry(from->acc, to->reserve > 0 ? NULL : from, &tries));
	if (n == 0 && (out->src.failed || out->dst.failed)) {
		errno = ENOMEM;
		n = -1;
	}
	/* the client forgets the originals now */
	if (n == 0 && out->dst.n > 0)
		n = dir_sync(to->cur);
	return n;
}

int
message_copy(struct mailbox *from, const struct uidset *set, struct mailbox *to, struct copied *out)
{
	return copy(from, set, to, false, out);
}

int
message_move(struct mailbox *from, const struct uidset *set, struct mailbox *to, struct copied *out)
{
	return copy(from, set, to, true, out);
}
