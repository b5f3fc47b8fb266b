#include "spool.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "../base/attr.h"
#include "../base/num.h"
#include "../sys/fd.h"

static const char *const	event_words[] = {
	[SPOOL_EV_TRY] = "try", [SPOOL_EV_OK] = "ok", [SPOOL_EV_DEFER] = "defer", [SPOOL_EV_FAIL] = "fail",
	[SPOOL_EV_TOLD] = "told", [SPOOL_EV_DELAYED] = "delayed", [SPOOL_EV_HOLD] = "hold",
	[SPOOL_EV_RELEASE] = "release", [SPOOL_EV_RETRY] = "retry", [SPOOL_EV_DROP] = "drop",
};

enum {
	EVENTS		= sizeof(event_words) / sizeof(event_words[0]),
	SUM_DIGITS	= 8,
	ENTRY_MAX	= LIMIT_RECORD + 1,	/* with its mark */
	READ		= 16384,
};

/* An entry up to its sum, and how far that is. */
static const char	head[] = "\036log\0001\0sum\0";

enum { AT_SUM = sizeof(head) - 1, AT_TEXT = AT_SUM + SUM_DIGITS + 1 };

/* CRC-32 of zlib, PNG and Ethernet: four bits at a time, entries are short. */
static uint32_t
crc32(struct str s)
{
	static const uint32_t	step[16] = {
		0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
		0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
	};
	uint32_t		crc = 0xffffffff;

	for (size_t i = 0; i < s.n; i++) {
		crc ^= (uint8_t)s.p[i];
		crc = crc >> 4 ^ step[crc & 15];
		crc = crc >> 4 ^ step[crc & 15];
	}
	return ~crc;
}

/* --- encoding */

/* "0-2,5": runs of the array as it is ordered. */
static void
add_rcpts(struct buf *b, const uint32_t *rcpt, size_t n)
{
	buf_adds(b, "rcpt");
	buf_addc(b, '\0');
	for (size_t i = 0, last; i < n; i = last + 1) {
		for (last = i; last + 1 < n && rcpt[last + 1] == rcpt[last] + 1; last++)
			;
		if (i > 0)
			buf_addc(b, ',');
		buf_addu(b, rcpt[i]);
		if (last > i) {
			buf_addc(b, '-');
			buf_addu(b, rcpt[last]);
		}
	}
	buf_addc(b, '\0');
}

/* A peer's words, without what would end them or the entry; absent when empty. */
static void
add_words(struct buf *b, const char *name, struct str s, size_t max, bool lines)
{
	if (s.n == 0)
		return;
	buf_adds(b, name);
	buf_addc(b, '\0');
	for (size_t i = 0; i < s.n && i < max; i++) {
		char	c = s.p[i];

		buf_addc(b, byte_is_control(c) && !(lines && c == '\n') ? '?' : c);
	}
	buf_addc(b, '\0');
}

static void
add_result(struct buf *b, const struct spool_result *r)
{
	add_words(b, "host", r->host, LIMIT_SPOOL_WORD, false);
	add_words(b, "ip", r->ip, LIMIT_SPOOL_WORD, false);
	if (r->code != 0)
		attr_addu(b, "code", r->code);
	add_words(b, "status", r->status, LIMIT_SPOOL_WORD, false);
	add_words(b, "text", r->text, LIMIT_SMTP_REPLY, true);
	add_words(b, "tls", r->tls, LIMIT_SPOOL_WORD, false);
	if (r->dsn)
		attr_adds(b, "dsn", "1");
	if (r->local)
		attr_adds(b, "local", "1");
}

/* Both or nothing: what is cut would say something else. */
static void
add_dialed(struct buf *b, const struct spool_entry *e)
{
	if (e->dialed.n == 0 || e->dialed.n > LIMIT_JOB_DIALED || e->dest.n > LIMIT_SPOOL_DEST ||
	    str_chr(e->dest, SPOOL_ENTRY_MARK) < e->dest.n || str_chr(e->dialed, SPOOL_ENTRY_MARK) < e->dialed.n ||
	    str_chr(e->dest, '\0') < e->dest.n || str_chr(e->dialed, '\0') < e->dialed.n)
		return;
	attr_add(b, "dest", e->dest);
	attr_add(b, "dialed", e->dialed);
}

bool
spool_entry_encode(struct buf *b, const struct spool_entry *e)
{
	char		digits[SUM_DIGITS + 1];
	struct buf	sum = { .p = digits, .cap = sizeof(digits), .max = SUM_DIGITS };

	if (b->n != 0 || e->nrcpt == 0 || e->nrcpt > LIMIT_SMTP_RCPTS || e->at < 0 || e->next < 0)
		return false;
	for (size_t i = 0; i < e->nrcpt; i++)
		if (e->rcpt[i] >= LIMIT_SMTP_RCPTS)
			return false;
	buf_add(b, str_n(head, AT_SUM));
	buf_add(b, str_n("00000000\0", SUM_DIGITS + 1));
	attr_adds(b, "event", event_words[e->event]);
	attr_addu(b, "at", (uint64_t)e->at);
	add_rcpts(b, e->rcpt, e->nrcpt);
	if (e->event == SPOOL_EV_TRY)
		attr_addu(b, "attempt", e->attempt);
	if (e->event == SPOOL_EV_TRY || e->event == SPOOL_EV_DEFER || e->event == SPOOL_EV_RETRY)
		attr_addu(b, "next", (uint64_t)e->next);
	if (e->event == SPOOL_EV_OK || e->event == SPOOL_EV_DEFER || e->event == SPOOL_EV_FAIL)
		add_result(b, &e->result);
	if (e->event == SPOOL_EV_DEFER)
		add_dialed(b, e);
	if (buf_failed(b) || b->n > ENTRY_MAX)
		return false;
	buf_addf(&sum, "%08x", crc32(str_skip(buf_str(b), AT_TEXT)));
	memcpy(b->p + AT_SUM, digits, SUM_DIGITS);
	return true;
}

/* --- decoding */

static bool
is_whole(struct str in)
{
	uint64_t	sum;

	return in.n > AT_TEXT && in.n <= ENTRY_MAX && str_starts(in, str_n(head, AT_SUM)) &&
	    num_hex(str_n(in.p + AT_SUM, SUM_DIGITS), &sum) && sum == crc32(str_skip(in, AT_TEXT)) &&
	    attr_is(str_skip(in, 1), "log", 1);
}

static bool
get_rcpts(struct str list, uint32_t *rcpts, size_t *n_r)
{
	struct str	run, first;
	uint32_t	from, to;

	*n_r = 0;
	while (list.n > 0) {
		(void)str_cut(&list, ',', &run);
		if (!str_cut(&run, '-', &first))
			run = first;
		if (!num_u32(first, LIMIT_SMTP_RCPTS - 1, &from) || !num_u32(run, LIMIT_SMTP_RCPTS - 1, &to) || from > to)
			return false;
		if (to - from >= LIMIT_SMTP_RCPTS - *n_r)
			return false;
		while (from <= to)
			rcpts[(*n_r)++] = from++;
	}
	return *n_r > 0;
}

static bool
get_event(struct str word, enum spool_event *event_r)
{
	for (size_t i = 0; i < EVENTS; i++)
		if (str_eq(word, str_c(event_words[i]))) {
			*event_r = (enum spool_event)i;
			return true;
		}
	return false;
}

bool
spool_entry_decode(struct str in, uint32_t *rcpts, struct spool_entry *e)
{
	struct str	rec = str_skip(in, 1);
	uint64_t	at, next;
	uint32_t	attempt = 0, code = 0;

	*e = (struct spool_entry){ .rcpt = rcpts };
	if (!is_whole(in) || !get_event(attr_text(rec, "event"), &e->event) || !get_rcpts(attr_text(rec, "rcpt"), rcpts, &e->nrcpt))
		return false;
	at = attr_getu(rec, "at", 0);
	next = attr_getu(rec, "next", 0);
	if (at > INT64_MAX || next > INT64_MAX)
		return false;
	(void)!num_u32(attr_text(rec, "attempt"), UINT32_MAX, &attempt);
	(void)!num_u32(attr_text(rec, "code"), 999, &code);
	e->at = (int64_t)at;
	e->next = (int64_t)next;
	e->attempt = attempt;
	e->dest = attr_text(rec, "dest");
	e->dialed = str_head(attr_text(rec, "dialed"), LIMIT_JOB_DIALED);
	e->result = (struct spool_result){
		.host = attr_text(rec, "host"), .ip = attr_text(rec, "ip"), .code = code, .status = attr_text(rec, "status"),
		.text = attr_text(rec, "text"), .tls = attr_text(rec, "tls"),
		.dsn = attr_text(rec, "dsn").n > 0, .local = attr_text(rec, "local").n > 0,
	};
	return true;
}

/* --- appending */

int
spool_note(struct spool *s, const char *id, const struct spool_entry *e, bool sync)
{
	struct buf	b = BUF_INIT(ENTRY_MAX);
	struct stat	st;
	ssize_t		n;
	int		fd = -1, r = -1, err;

	errno = EINVAL;
	if (!spool_entry_encode(&b, e) || !spool_is_id(str_c(id)))
		goto out;
	fd = openat(s->log, id, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd == -1 || fstat(fd, &st) == -1)
		goto out;
	n = write(fd, b.p, b.n);
	if (n != (ssize_t)b.n) {
		/* a torn one: the next one's mark tells it apart, but it need not stay */
		err = n == -1 ? errno : ENOSPC;
		(void)!ftruncate(fd, st.st_size);
		errno = err;
		goto out;
	}
	if (sync && (fsync(fd) == -1 || (st.st_size == 0 && dir_sync(s->log) == -1)))
		goto out;
	r = fd_close(&fd);
out:
	err = errno;
	(void)fd_close(&fd);
	buf_free(&b);
	errno = err;
	return r;
}

/* --- replaying */

bool
spool_is_final(enum spool_state state)
{
	return state == SPOOL_DELIVERED || state == SPOOL_TOLD || state == SPOOL_DROPPED;
}

void
spool_apply(struct spool_rcpt *r, const struct spool_entry *e)
{
	if (spool_is_final(r->state))
		return;
	/* the peer has had its last word: what is left is to tell of it */
	if (r->state == SPOOL_FAILED && e->event != SPOOL_EV_TOLD && e->event != SPOOL_EV_DROP)
		return;
	switch (e->event) {
	case SPOOL_EV_TRY:
		r->state = SPOOL_TRYING;
		r->attempts = e->attempt;
		r->last = e->at;
		r->next = e->next;
		break;
	case SPOOL_EV_OK:
		r->state = SPOOL_DELIVERED;
		r->result = e->result;
		break;
	case SPOOL_EV_DEFER:
		r->state = SPOOL_WAITING;
		r->next = e->next;
		r->result = e->result;
		break;
	case SPOOL_EV_FAIL:
		r->state = SPOOL_FAILED;
		r->result = e->result;
		break;
	case SPOOL_EV_TOLD:
		r->state = SPOOL_TOLD;
		break;
	case SPOOL_EV_DELAYED:
		r->delayed = true;
		break;
	case SPOOL_EV_HOLD:
		r->held = true;
		break;
	case SPOOL_EV_RELEASE:
		r->held = false;
		break;
	case SPOOL_EV_RETRY:
		r->state = SPOOL_WAITING;
		r->next = e->next;
		break;
	case SPOOL_EV_DROP:
		r->state = SPOOL_DROPPED;
		break;
	}
}

/* A copy that outlives the entry; empty when the arena is full. */
static struct str
keep(struct arena *a, struct str s)
{
	struct str	copy;

	return s.n > 0 && arena_dup(a, s, &copy) ? copy : STR("");
}

struct replay {
	struct arena		*arena;
	struct spool_rcpt	*rcpt;
	size_t			 nrcpt;
	void			(*fn)(void *, const struct spool_entry *);
	void			*arg;
	uint32_t		 named[LIMIT_SMTP_RCPTS];
};

static void
replay_entry(struct replay *r, struct str text)
{
	struct spool_entry	e;

	if (!spool_entry_decode(text, r->named, &e))
		return;
	if (r->fn != NULL)
		r->fn(r->arg, &e);
	e.result.host = keep(r->arena, e.result.host);
	e.result.ip = keep(r->arena, e.result.ip);
	e.result.status = keep(r->arena, e.result.status);
	e.result.text = keep(r->arena, e.result.text);
	e.result.tls = keep(r->arena, e.result.tls);
	for (size_t i = 0; i < e.nrcpt; i++)
		if (e.rcpt[i] < r->nrcpt)
			spool_apply(&r->rcpt[e.rcpt[i]], &e);
}

/* The whole entries at the front of b; all of them at the end of the file. What is too long for one is passed over. */
static void
replay_some(struct replay *r, struct buf *b, bool end)
{
	struct str	rest = buf_str(b);

	while (rest.n > 0) {
		size_t	next = str_chr(str_skip(rest, 1), SPOOL_ENTRY_MARK) + 1;

		if (next == rest.n && !end && rest.n <= ENTRY_MAX)
			break;
		replay_entry(r, str_head(rest, next));
		rest = str_skip(rest, next);
	}
	buf_consume(b, b->n - rest.n);
}

int
spool_replay(struct spool *s, const char *id, struct arena *a, struct spool_rcpt *rcpt, size_t nrcpt,
    void (*fn)(void *, const struct spool_entry *), void *arg)
{
	struct replay	r = { .arena = a, .rcpt = rcpt, .nrcpt = nrcpt, .fn = fn, .arg = arg };
	struct buf	b = BUF_INIT(2 * ENTRY_MAX);
	ssize_t		n;
	int		fd, err;

	for (size_t i = 0; i < nrcpt; i++)
		rcpt[i] = (struct spool_rcpt){ .state = SPOOL_WAITING };
	if (!spool_is_id(str_c(id)))
		return 0;
	fd = openat(s->log, id, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1)
		return errno == ENOENT ? 0 : -1;
	while ((n = read_some(fd, &b, READ)) > 0)
		replay_some(&r, &b, false);
	err = errno;
	if (n == 0)
		replay_some(&r, &b, true);
	(void)fd_close(&fd);
	buf_free(&b);
	errno = err;
	return n == 0 ? 0 : -1;
}
