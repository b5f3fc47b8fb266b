#include "sent.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "../base/limits.h"
#include "../sys/home.h"
#include "codec.h"

/*
 * Records, little endian. Of an account, by "c" and the hash of its name: version 4,
 * then a slot for each step in which it sent: step 4, recipients 4, first ones 4. Of a
 * recipient, by "r" and the hash of account and address: version 4, step 4 of the last message.
 */
enum {
	FORMAT		= 1,
	STEP		= 300,			/* seconds */
	DAY		= 24 * 3600 / STEP,
	SLOTS		= DAY + 1,
	SLOT		= 12,
	COUNT_MAX	= 4 + SLOTS * SLOT,
	RCPT_SIZE	= 8,
	RECORDS		= 8192,			/* about so many are looked up fast */
};

struct slot {
	uint32_t	step, rcpts, first;
};

struct counts {
	struct slot	slot[SLOTS];
	size_t		n;
	uint64_t	rcpts, first;	/* of all */
};

/* --- the file */

static const char *
path_of(const struct sent *s)
{
	return s->system ? HOME_QUEUE "/sent-system.tdb" : HOME_QUEUE "/sent.tdb";
}

/* A whole one takes its name, so that nobody sees half of it; another's may be first. */
static int
create(struct sent *s)
{
	const char	*path = path_of(s);
	char		 tmp[64];
	int		 n, err;

	(void)snprintf(tmp, sizeof(tmp), "%s.%ld", path, (long)getpid());
	(void)unlink(tmp);
	n = tdbx_create(&s->db, tmp, RECORDS);
	if (n == 0) {
		tdbx_close(&s->db);
		n = link(tmp, path);
		if (n == -1 && errno == EEXIST)
			n = 0;
	}
	/* on a full disk it is there, and not whole */
	err = errno;
	(void)unlink(tmp);
	errno = err;
	return n;
}

static int
open_db(struct sent *s)
{
	const char	*path = path_of(s);

	if (s->db.tdb != NULL && tdbx_is_current(&s->db))
		return 0;
	tdbx_close(&s->db);
	if (tdbx_open(&s->db, path) == 0)
		return 0;
	if (errno == EBADMSG && unlink(path) == -1 && errno != ENOENT)
		return -1;
	if (errno != EBADMSG && errno != ENOENT)
		return -1;
	return create(s) == 0 ? tdbx_open(&s->db, path) : -1;
}

void
sent_close(struct sent *s)
{
	tdbx_close(&s->db);
}

/* --- records */

static uint64_t
hash(uint64_t h, struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (uint8_t)s.p[i]) * 0x100000001b3u;	/* FNV-1a */
	return h;
}

static struct tdbx_key
key(char kind, struct str account, struct str rcpt)
{
	struct tdbx_key	k = { .b = { (uint8_t)kind }, .n = 9 };
	uint64_t	h = hash(0xcbf29ce484222325u, account);

	h = hash(hash(h, STR("\0")), rcpt);
	put_le(k.b + 1, h, 8);
	return k;
}

/* The slots of the last day. */
static int
counts_get(struct sent *s, struct str account, uint32_t step, struct counts *c)
{
	uint8_t	b[COUNT_MAX];
	ssize_t	n = tdbx_get(&s->db, key('c', account, STR("")), b, sizeof(b));

	*c = (struct counts){ .n = 0 };
	if (n == -1)
		return -1;
	/* one that is not understood counts nothing */
	if (n < 4 || get_le(b, 4) != FORMAT)
		return 0;
	for (ssize_t at = 4; at + SLOT <= n; at += SLOT) {
		struct slot	t = { (uint32_t)get_le(b + at, 4), (uint32_t)get_le(b + at + 4, 4), (uint32_t)get_le(b + at + 8, 4) };

		/* a clock that was set back would keep those of its future for ever */
		if (t.step > step || step - t.step > DAY || c->n == SLOTS)
			continue;
		c->slot[c->n++] = t;
		c->rcpts += t.rcpts;
		c->first += t.first;
	}
	return 0;
}

static int
counts_put(struct sent *s, struct str account, const struct counts *c)
{
	uint8_t	b[COUNT_MAX];
	size_t	n = 4;

	put_le(b, FORMAT, 4);
	for (size_t i = 0; i < c->n; i++, n += SLOT) {
		put_le(b + n, c->slot[i].step, 4);
		put_le(b + n + 4, c->slot[i].rcpts, 4);
		put_le(b + n + 8, c->slot[i].first, 4);
	}
	return tdbx_put(&s->db, key('c', account, STR("")), b, n);
}

/* Note that it was written to: 1 when it was never before. */
static int
rcpt_put(struct sent *s, struct str account, struct str rcpt, uint32_t step)
{
	struct tdbx_key	k = key('r', account, rcpt);
	uint8_t		b[RCPT_SIZE];
	ssize_t		n = tdbx_get(&s->db, k, b, sizeof(b));

	if (n == -1)
		return -1;
	if (n == RCPT_SIZE && step - get_le(b + 4, 4) < DAY)
		return 0;
	put_le(b, FORMAT, 4);
	put_le(b + 4, step, 4);
	return tdbx_put(&s->db, k, b, sizeof(b)) == -1 ? -1 : n == 0;
}

static void
counts_add(struct counts *c, uint32_t step, uint32_t rcpts, uint32_t first)
{
	size_t	i = 0;

	while (i < c->n && c->slot[i].step != step)
		i++;
	if (i == SLOTS)
		return;
	if (i == c->n)
		c->slot[c->n++] = (struct slot){ .step = step };
	c->slot[i].rcpts += rcpts;
	c->slot[i].first += first;
}

/* --- counting, within a transaction */

static enum sent_got
count(struct sent *s, struct str account, struct sent_limits lim, const struct str *rcpt, size_t n,
    struct sent_count *r)
{
	uint32_t	step = (uint32_t)(r->at / STEP);
	struct counts	c;

	if (counts_get(s, account, step, &c) == -1)
		return SENT_ERROR;
	if (lim.per_day != 0 && c.rcpts + n > lim.per_day)
		return SENT_TOO_MANY;
	for (size_t i = 0; lim.first_time != 0 && i < n; i++) {
		int	first = rcpt_put(s, account, rcpt[i], step);

		if (first == -1)
			return SENT_ERROR;
		r->first += (uint32_t)first;
		if (c.first + r->first > lim.first_time)
			return SENT_TOO_MANY_NEW;
	}
	r->rcpts = (uint32_t)n;
	counts_add(&c, step, r->rcpts, r->first);
	return counts_put(s, account, &c) == -1 ? SENT_ERROR : SENT_OK;
}

static enum sent_got
try(struct sent *s, struct str account, struct sent_limits lim, const struct str *rcpt, size_t n, struct sent_count *r)
{
	enum sent_got	got;

	r->rcpts = r->first = 0;
	if (open_db(s) == -1 || tdbx_begin(&s->db) == -1)
		return SENT_ERROR;
	got = count(s, account, lim, rcpt, n, r);
	if (got != SENT_OK)
		tdbx_cancel(&s->db);
	else if (tdbx_commit(&s->db) == -1)
		got = SENT_ERROR;
	return got;
}

enum sent_got
sent_add(struct sent *s, struct str account, struct sent_limits lim, const struct str *rcpt, size_t n,
    int64_t now, struct sent_count *r)
{
	enum sent_got	got = SENT_OK;

	*r = (struct sent_count){ .at = now < 0 ? 0 : now };
	if (lim.per_day == 0 && lim.first_time == 0)
		return SENT_OK;
	for (int i = 0; i < 3; i++) {
		got = try(s, account, lim, rcpt, n, r);
		if (got != SENT_ERROR || (errno != EBADMSG && errno != ESTALE))
			break;
		/* damaged: away with it; made anew by another: that one */
		tdbx_close(&s->db);
		if (errno == EBADMSG)
			(void)unlink(path_of(s));
	}
	return got;
}

void
sent_take_back(struct sent *s, struct str account, const struct sent_count *r)
{
	uint32_t	step = (uint32_t)(r->at / STEP);
	struct counts	c;

	if (r->rcpts == 0 || open_db(s) == -1 || tdbx_begin(&s->db) == -1)
		return;
	if (counts_get(s, account, step, &c) == 0)
		for (size_t i = 0; i < c.n; i++)
			if (c.slot[i].step == step && c.slot[i].rcpts >= r->rcpts && c.slot[i].first >= r->first) {
				c.slot[i].rcpts -= r->rcpts;
				c.slot[i].first -= r->first;
				if (counts_put(s, account, &c) == 0) {
					(void)!tdbx_commit(&s->db);
					return;
				}
			}
	tdbx_cancel(&s->db);
}
