#include "sync.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../sys/deadline.h"
#include "scan.h"

enum {
	RACY_NS		= 20000000,	/* two changes within a kernel tick have the same mtime */
	SMALL		= 2000,		/* messages that are listed again without much thought */
	FOREIGN_SECONDS	= 600,		/* another program is said to be at work for so long */
	BATCH		= 1000,		/* messages taken in by one transaction */
	TURN_NS		= 3000000,	/* between two of them; who waits for the index tries each 2 ms */
};

static const uint32_t	uid_most = 0xf0000000;	/* no file name is believed to have one above */

struct rescan {
	struct mailbox	*mb;
	struct box	*box;
	struct scan	 s, first;	/* the listing, and an earlier one when entries were missing */
	size_t		 at;		/* of s.found: those before it are done */
	bool		 foreign;	/* another program changed something */
	bool		 unclean;	/* a file moved under our hands: look again next time */
	bool		 moved_cur, moved_new;
	uint32_t	 need;		/* uids to reserve before another try, and from which on */
	uint32_t	 need_from;
};

struct dirtime
sync_time(int dir)
{
	struct stat	st;

	if (fstat(dir, &st) == -1)
		return (struct dirtime){ .mtime = 0 };
	return (struct dirtime){
		.mtime = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec,
		.noted = clock_now_us() * 1000,
	};
}

void
sync_note(struct mailbox *mb, struct mailbox_rec *m, struct dirtime before)
{
	if (m->cur.mtime == before.mtime)
		m->cur = sync_time(mb->cur);
}

static uint32_t
found_uid(const struct found *f)
{
	return f->in_new ? 0 : f->e.uid;
}

static const char *
found_name(const struct found *f, char buf[FILE_NAME_SIZE])
{
	if (f->name != NULL)
		return f->name;
	file_name(&f->e, buf);
	return buf;
}

/* Rename into cur/ as the entry says. 0, or -1; ENOENT when another program was faster. */
static int
give_name(struct rescan *r, const struct found *f, const struct entry *e)
{
	char	buf[FILE_NAME_SIZE], to[FILE_NAME_SIZE];

	file_name(e, to);
	if (renameat(f->in_new ? r->mb->new : r->mb->cur, found_name(f, buf), r->mb->cur, to) == -1)
		return -1;
	r->moved_cur = true;
	r->moved_new = r->moved_new || f->in_new;
	return 0;
}

static struct found *
find(struct scan *s, const struct entry *e)
{
	size_t	lo = 0, hi = s->n;

	while (lo < hi) {
		size_t		mid = lo + (hi - lo) / 2;
		uint32_t	uid = found_uid(&s->found[mid]);

		if (uid != 0 && uid < e->uid)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < s->n && found_uid(&s->found[lo]) == e->uid; lo++)
		if (memcmp(s->found[lo].e.id, e->id, ENTRY_ID_SIZE) == 0)
			return &s->found[lo];
	return NULL;
}

/* The file of an entry: its flags are the truth; its name becomes ours. */
static int
match(struct rescan *r, struct entry *e, struct found *f)
{
	struct flags	got = f->e.flags;
	bool		exact = f->name == NULL && f->e.size == e->size && f->e.date == e->date;

	f->taken = true;
	got.keywords &= keyword_mask(r->box->rec.keywords);
	exact = exact && got.keywords == f->e.flags.keywords;
	if (got.sys != e->flags.sys || got.keywords != e->flags.keywords) {
		r->foreign = true;
		if (box_update(r->box, e, got) == -1)
			return -1;
	}
	if (exact)
		return 0;
	r->foreign = true;
	if (give_name(r, f, e) == 0)
		return 0;
	r->unclean = true;
	return errno == ENOENT ? 0 : -1;
}

/* Each entry: its file, or expunged. With look_only, tells by 1 that one is missing. */
static int
match_all(struct rescan *r, bool look_only)
{
	struct entry	 e;
	struct found	*f;
	uint32_t	 uid = 0;
	int		 n;

	for (;;) {
		if (box_next(r->box, uid + 1, &uid) == -1)
			return -1;
		if (uid == 0)
			return 0;
		n = box_get(r->box, uid, &e);
		if (n != 1) {
			if (n == 0)
				errno = EBADMSG;	/* the map says it is there */
			return -1;
		}
		f = find(&r->s, &e);
		if (look_only) {
			if (f == NULL)
				return 1;
			continue;
		}
		if (f != NULL)
			n = match(r, &e, f);
		else if (find(&r->first, &e) != NULL) {
			/* listed a moment ago: being renamed just now, not gone */
			r->unclean = true;
			n = 0;
		} else {
			r->foreign = true;
			n = box_remove(r->box, &e);
		}
		if (n == -1)
			return -1;
	}
}

/* A file that the index does not have: a new message. */
static int
take_in(struct rescan *r, struct found *f, uint32_t uid)
{
	struct entry	e = f->e;
	char		buf[FILE_NAME_SIZE];
	struct stat	st;
	bool		same;

	f->taken = true;
	if (fstatat(f->in_new ? r->mb->new : r->mb->cur, found_name(f, buf), &st,
	    AT_SYMLINK_NOFOLLOW) == -1) {
		r->unclean = true;
		return errno == ENOENT ? 0 : -1;
	}
	if (!S_ISREG(st.st_mode))
		return 0;
	e.flags.keywords &= keyword_mask(r->box->rec.keywords);
	same = !f->in_new && f->name == NULL && e.uid == uid && e.size == (uint64_t)st.st_size &&
	    e.flags.keywords == f->e.flags.keywords;
	e.uid = uid;
	e.size = (uint64_t)st.st_size;
	e.saved = st.st_mtim.tv_sec;
	if (!same && give_name(r, f, &e) == -1) {
		r->unclean = true;
		return errno == ENOENT ? 0 : -1;
	}
	if (!f->in_new)
		r->foreign = true;
	return box_add(r->box, &e);
}

/* The files whose uid can be kept: above what the index gave. Counts the others. */
static uint32_t
plan(struct rescan *r, uint32_t *next_r)
{
	uint32_t	start = r->box->rec.uidnext, others = 0;

	*next_r = start;
	for (size_t i = 0; i < r->s.n; i++) {
		struct found	*f = &r->s.found[i];
		uint32_t	 uid = found_uid(f);

		if (f->taken)
			continue;
		if (uid >= *next_r && uid >= start && uid < uid_most)
			*next_r = uid + 1;
		else
			others++;
	}
	if (r->mb->restart && *next_r <= r->box->rec.uidmax)
		*next_r = r->box->rec.uidmax + 1;
	return others;
}

/* Whether so many uids from next on are promised on disk; else EAGAIN, and what to ask for. */
static int
have_uids(struct rescan *r, uint32_t next, uint32_t n)
{
	struct mailbox_rec	*m = &r->box->rec;

	if (r->mb->uidmax > m->uidmax)
		m->uidmax = r->mb->uidmax;
	if (next <= m->uidmax && n <= m->uidmax - (next - 1))
		return 0;
	r->need = n + 1;
	r->need_from = next;
	errno = EAGAIN;
	return -1;
}

/* Uids for files that need one; those that never had one are left to another transaction when it is enough. */
static int
take_some(struct rescan *r)
{
	for (size_t n = 0; r->at < r->s.n; r->at++) {
		struct found	*f = &r->s.found[r->at];

		if (f->taken)
			continue;
		if (n++ >= BATCH && found_uid(f) == 0)
			break;
		if (take_in(r, f, r->box->rec.uidnext) == -1)
			return -1;
	}
	return 0;
}

static int
take_all(struct rescan *r)
{
	struct mailbox_rec	*m = &r->box->rec;
	uint32_t		 start = m->uidnext, next, others = plan(r, &next);

	if ((others > 0 || next > start) && have_uids(r, next, others) == -1)
		return -1;
	for (size_t i = 0; i < r->s.n; i++) {
		struct found	*f = &r->s.found[i];
		uint32_t	 uid = found_uid(f);

		if (!f->taken && uid >= start && uid >= m->uidnext && uid < uid_most &&
		    take_in(r, f, uid) == -1)
			return -1;
	}
	m->uidnext = next;
	return take_some(r);
}

static int
list(struct rescan *r, bool both)
{
	if (scan_dir(&r->s, r->mb->new, true) == -1 ||
	    (both && scan_dir(&r->s, r->mb->cur, false) == -1))
		return -1;
	scan_sort(&r->s);
	return 0;
}

static int
compare(struct rescan *r, bool both)
{
	int	n;

	if (list(r, both) == -1)
		return -1;
	if (both) {
		n = match_all(r, true);
		if (n == 1) {
			/* a rename during the listing can hide a file from it: list twice before believing */
			r->first = r->s;
			r->s = (struct scan){ .n = 0 };
			n = list(r, both);
		}
		if (n == -1 || match_all(r, false) == -1)
			return -1;
	}
	return take_all(r);
}

/* What the directories' times are now taken to be. */
static void
note_times(struct rescan *r, bool both, struct dirtime tn, struct dirtime tc)
{
	struct mailbox_rec	*m = &r->box->rec;
	bool			 known = !r->unclean && r->s.strangers_n == 0 && r->at == r->s.n;
	struct dirtime		 never = { .mtime = 0 };

	if (both)
		m->cur = !known ? never : r->moved_cur ? sync_time(r->mb->cur) : tc;
	else if (r->moved_cur)
		sync_note(r->mb, m, tc);
	m->new = !known ? never : r->moved_new ? sync_time(r->mb->new) : tn;
	if (r->foreign || r->s.strangers_n > 0)
		m->foreign = clock_now();
}

static int
rescan_once(struct rescan *r, bool both)
{
	struct tx	tx;
	struct dirtime	tn, tc;

	if (tx_begin(r->mb->acc, &tx) == -1)
		return -1;
	if (box_load(r->box, &tx, r->mb->id) == -1)
		goto fail;
	tn = sync_time(r->mb->new);
	tc = sync_time(r->mb->cur);
	if (compare(r, both) == -1)
		goto fail;
	note_times(r, both, tn, tc);
	if (box_flush(r->box) == -1)
		goto fail;
	return tx_commit(&tx);
fail:
	tx_cancel(&tx);
	return -1;
}

/*
 * The next of a long listing. What others did since is no matter: a file
 * without a uid that is still there under its name is nobody's yet. The times are left
 * unknown, so that the next access lists all once more.
 */
static int
take_more(struct rescan *r)
{
	struct tx	tx;
	size_t		left = r->s.n - r->at;

	(void)nanosleep(&(struct timespec){ .tv_nsec = TURN_NS }, NULL);
	if (tx_begin(r->mb->acc, &tx) == -1)
		return -1;
	if (box_load(r->box, &tx, r->mb->id) == -1 ||
	    have_uids(r, r->box->rec.uidnext, left < BATCH ? (uint32_t)left : BATCH) == -1 ||
	    take_some(r) == -1 || box_flush(r->box) == -1) {
		tx_cancel(&tx);
		return -1;
	}
	return tx_commit(&tx);
}

static int
rescan(struct mailbox *mb, bool both)
{
	struct box	box;
	int		n = -1;

	for (int tries = 0; tries < 5; tries++) {
		struct rescan	r = { .mb = mb, .box = &box };
		bool		strangers;

		n = rescan_once(&r, both);
		while (n == 0 && r.at < r.s.n)
			n = take_more(&r);
		if (n == -1 && errno == EAGAIN && r.need > 0)
			n = mailbox_reserve(mb, r.need_from, r.need);
		else if (n == 0 && r.s.strangers_n > 0)
			n = strangers_adopt(mb, &r.s);
		else {
			scan_free(&r.s);
			scan_free(&r.first);
			if (n == 0 && both)
				mb->rescan = mb->restart = false;
			return n;
		}
		strangers = r.s.strangers_n > 0;
		scan_free(&r.s);
		scan_free(&r.first);
		if (n == -1)
			return strangers && errno != EBADMSG ? 0 : -1;
	}
	return n;
}

int
mailbox_rescan(struct mailbox *mb)
{
	return rescan(mb, true);
}

static bool
is_stale(struct dirtime noted, struct dirtime now, bool eager)
{
	if (noted.mtime != now.mtime)
		return true;
	/* wait until a further change would show, then look once */
	return eager && noted.noted - noted.mtime < RACY_NS && now.noted - now.mtime >= RACY_NS;
}

static int
read_record(struct mailbox *mb, struct mailbox_rec *m)
{
	if (account_fresh(mb->acc) == -1)
		return -1;
	return index_the_mailbox(&mb->acc->db, mb->id, m);
}

int
mailbox_refresh(struct mailbox *mb, struct mailbox_rec *m)
{
	struct dirtime	tn, tc;
	bool		eager, both;

	if (read_record(mb, m) == -1)
		return -1;
	tn = sync_time(mb->new);
	tc = sync_time(mb->cur);
	eager = m->exists <= SMALL || tc.noted / 1000000000 - m->foreign < FOREIGN_SECONDS;
	both = mb->rescan || is_stale(m->cur, tc, eager);
	if (!both && !is_stale(m->new, tn, true))
		return 0;
	/* a full disk does not keep anybody from reading what is there */
	if (rescan(mb, both) == -1 && errno != ENOSPC && errno != EDQUOT && errno != EROFS)
		return -1;
	return read_record(mb, m);
}
