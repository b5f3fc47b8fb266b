#include "notice.h"

#include <sys/random.h>

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/code.h"
#include "base/limits.h"
#include "proto/header.h"
#include "sys/fd.h"
#include "sys/log.h"

enum {
	COPY		= 65536,
	RANDOM		= 16,
};

/* What is told of: the message as its files have it. */
struct about {
	struct message		*m;
	enum notice_kind	 kind;
	const uint32_t		*rcpt;
	size_t			 n;
	struct envelope		 e;
	int			 fd;
	struct spool_rcpt	*sr;
};

/* --- the new message's name and target */

/*
 * A name that is made again when a crash comes between the notification and the note
 * of it: the original's time, and a hash of what this is about in place of chance.
 */
static void
make_id(const struct message *m, enum notice_kind kind, uint32_t attempts, uint32_t rcpt, char id[SPOOL_ID + 1])
{
	static const char	digits[] = "0123456789abcdefghijklmnopqrstuv";
	char			text[64];
	struct buf		b = { .p = text, .cap = sizeof(text), .max = sizeof(text) - 1 };
	uint64_t		hash;

	buf_addf(&b, "%s %d %u %u", m->id, (int)kind, attempts, rcpt);
	hash = (uint64_t)hash_str(HASH_START, buf_str(&b)) << 32 | hash_str(~(uint32_t)HASH_START, buf_str(&b));
	memcpy(id, m->id, SPOOL_ID / 2);
	for (unsigned i = SPOOL_ID / 2; i < SPOOL_ID; i++, hash >>= 5)
		id[i] = digits[hash & 31];
	id[SPOOL_ID] = '\0';
}

struct target {
	struct str	address, account, mailbox;
};

static void
target_postmaster(struct queue *q, struct target *t)
{
	const struct conf_machine	*c = conf_machine(q->conf);

	t->account = c->postmaster_account;
	t->mailbox = c->postmaster_mailbox;
}

/* Whose message it was; or the postmaster's, for mail of nobody or of an account that is gone. */
static int
find_target(struct queue *q, struct str account, struct target *t)
{
	struct conf_account	a;
	enum conf_got		got = CONF_NONE;

	t->account = account;
	if (account.n > 0)
		got = conf_account(q->conf, account, &q->arena, &a);
	if (got == CONF_ERROR) {
		errno = EIO;
		return -1;
	}
	if (got == CONF_NONE)
		target_postmaster(q, t);
	if (t->mailbox.n == 0)
		t->mailbox = STR("INBOX");
	return 0;
}

/* --- putting it into the queue */

static void
log_notified(const struct message *m, enum notice_kind kind, const char *id, const struct target *t, size_t n)
{
	static const char *const	words[] = { "failed", "success", "delayed", "undeliverable" };
	struct log			l;

	log_start(&l, id == NULL ? "nobody-to-notify" : "notified");
	log_cstr(&l, "msg", m->id);
	log_cstr(&l, "of", words[kind]);
	if (id != NULL)
		log_cstr(&l, "notification", id);
	log_str(&l, "account", t->account);
	log_num(&l, "recipients", (int64_t)n);
	log_end(&l);
}

static void
start_envelope(const struct queue *q, struct envelope *e, struct envelope_rcpt *r, const struct target *t)
{
	*r = (struct envelope_rcpt){ .address = t->address, .account = t->account, .mailbox = t->mailbox };
	e->queued = q->now;
	e->account = t->account;
	e->rcpt = r;
	e->nrcpt = 1;
}

/* The id stays in text as long as the envelope is used. */
static int
put_text(struct queue *q, struct envelope *e, struct str text)
{
	struct spool_new	n;

	if (spool_begin(&q->spool, e, &n) == -1)
		return -1;
	if (write_all(n.fd, text) == -1) {
		spool_abort(&q->spool, &n);
		return -1;
	}
	return spool_commit(&q->spool, &n);
}

/* --- what it says */

/* Workers may have put the code in front of all, for people. */
static struct str
without_code(struct str text, unsigned code)
{
	char		digits[24];
	struct buf	b = { .p = digits, .cap = sizeof(digits), .max = sizeof(digits) - 1 };

	buf_addu(&b, code);
	if (code == 0 || !str_starts(text, buf_str(&b)) || (text.n > b.n && text.p[b.n] != ' '))
		return text;
	return str_skip(text, b.n + 1);
}

/* The reply as it came over the wire, each line with its code; our own words as they are. */
static struct str
diagnostic(struct queue *q, const struct spool_result *r, size_t most)
{
	struct buf	b = BUF_INIT(4 * LIMIT_SMTP_REPLY);
	struct str	rest = without_code(str_head(r->text, most), r->code), line, out;
	bool		more;

	do {
		more = str_cut(&rest, '\n', &line);
		if (r->code != 0)
			buf_addf(&b, "%u%c", r->code, more ? '-' : ' ');
		buf_add(&b, line);
		if (more)
			buf_addc(&b, '\n');
	} while (more);
	if (buf_failed(&b) || !arena_dup(&q->arena, buf_str(&b), &out))
		out = STR("");
	buf_free(&b);
	return out;
}

static enum dsn_action
action_of(const struct about *a, const struct spool_result *r)
{
	switch (a->kind) {
	case NOTICE_SUCCESS:
		return r->local ? DSN_DELIVERED : DSN_RELAYED;
	case NOTICE_DELAYED:
		return DSN_DELAYED;
	case NOTICE_FAILED:
	case NOTICE_POSTMASTER:
		break;
	}
	return DSN_FAILED;
}

static struct dsn_rcpt *
make_rcpts(struct queue *q, const struct about *a)
{
	struct dsn_rcpt	*out = arena_array(&q->arena, a->n, sizeof(out[0]));
	size_t		 most = LIMIT_NOTICE_WORDS / a->n;

	for (size_t i = 0; out != NULL && i < a->n; i++) {
		const struct envelope_rcpt	*er = &a->e.rcpt[a->rcpt[i]];
		const struct spool_rcpt		*sr = &a->sr[a->rcpt[i]];
		const struct rcpt		*r = &a->m->rcpt[a->rcpt[i]];

		out[i] = (struct dsn_rcpt){
			.action = action_of(a, &sr->result), .address = er->address, .orcpt = er->orcpt,
			.status = sr->result.status, .remote = sr->result.host, .remote_ip = sr->result.ip,
			.diagnostic = diagnostic(q, &sr->result, most < LIMIT_SMTP_REPLY ? most : LIMIT_SMTP_REPLY),
			.smtp = sr->result.code != 0, .last_attempt = { sr->last, 0 },
		};
		/* RFC 3464 2.3.9: until the last attempt begins */
		if (a->kind == NOTICE_DELAYED)
			out[i].retry_until.time = r->due.at + schedule_rest(q->base, r->attempts);
	}
	return out;
}

/* Of the message, up to max bytes from its start. */
static int
read_original(const struct about *a, struct buf *b, uint64_t max)
{
	uint64_t	want = a->e.size < max ? a->e.size : max;

	while (b->n < want) {
		size_t	room;
		char	*p = buf_room(b, want - b->n, &room);
		ssize_t	n = p == NULL ? -1 : pread(a->fd, p, room, (off_t)(a->e.content + b->n));

		if (n == -1 && p != NULL && errno == EINTR)
			continue;
		if (n <= 0)
			return n == 0 ? 0 : -1;
		buf_grew(b, (size_t)n);
	}
	return 0;
}

/* RFC 3461 4.3: RET is about failures, of other things the header is enough. */
static bool
is_full(const struct about *a)
{
	return a->kind == NOTICE_FAILED && a->e.ret == SMTP_RET_FULL && a->e.size <= LIMIT_NOTICE_FULL;
}

static bool
random_text(struct buf *b)
{
	char	bytes[RANDOM];

	if (getentropy(bytes, sizeof(bytes)) == -1)
		return false;
	code_hex(b, str_n(bytes, sizeof(bytes)));
	return true;
}

static bool
write_notice(struct queue *q, const struct about *a, const struct target *t, const char *id, struct buf *out)
{
	struct str	host = conf_machine(q->conf)->hostname;
	struct buf	original = BUF_INIT(LIMIT_NOTICE_FULL), boundary = BUF_INIT(2 * RANDOM), mid = BUF_INIT(LIMIT_PATH * 2);
	struct dsn	d = { .hostname = host, .to = t->address, .date = { q->now, 0 }, .arrival = { a->e.queued, 0 },
	    .envid = a->e.envid, .future = a->e.future, .utf8 = a->e.smtputf8, .original_id = a->e.message_id,
	    .full = is_full(a), .nrcpt = a->n };
	bool		ok = false;

	buf_addf(&mid, "<%s@" STR_FMT ">", id, STR_ARG(host));
	d.rcpt = make_rcpts(q, a);
	if (d.rcpt != NULL && random_text(&boundary) && read_original(a, &original, d.full ? LIMIT_NOTICE_FULL : LIMIT_NOTICE_HEADER) == 0) {
		d.message_id = buf_str(&mid);
		d.boundary = buf_str(&boundary);
		d.original = buf_str(&original);
		if (!d.full)
			d.original = str_head(d.original, header_length(d.original));
		dsn_write(out, &d);
		ok = !buf_failed(out);
	}
	buf_free(&original);
	buf_free(&boundary);
	buf_free(&mid);
	return ok;
}

/* --- */

static int
open_about(struct queue *q, struct about *a)
{
	arena_reset(&q->arena);
	if (message_read(q, a->m, &a->e, &a->fd) == -1)
		return -1;
	a->sr = arena_array(&q->arena, a->e.nrcpt, sizeof(a->sr[0]));
	if (a->sr != NULL)
		return spool_replay(&q->spool, a->m->id, &q->arena, a->sr, a->e.nrcpt, NULL, NULL);
	errno = ENOMEM;
	return -1;
}

static int
put_about(struct queue *q, const struct about *a)
{
	struct envelope		e = { .from = STR("") };
	struct envelope_rcpt	r;
	struct target		t = { .address = a->e.from };
	struct buf		text = BUF_INIT(LIMIT_NOTICE);
	int			n = -1;

	if (find_target(q, a->e.account, &t) == -1)
		return -1;
	if (t.account.n == 0) {
		log_notified(a->m, a->kind, NULL, &t, a->n);
		return 0;
	}
	start_envelope(q, &e, &r, &t);
	e.body = SMTP_BODY_8BITMIME;
	e.smtputf8 = a->e.smtputf8 || !str_is_ascii(t.address);
	make_id(a->m, a->kind, a->m->rcpt[a->rcpt[0]].attempts, a->rcpt[0], e.id);
	errno = ENOMEM;
	if (write_notice(q, a, &t, e.id, &text))
		n = put_text(q, &e, buf_str(&text));
	buf_free(&text);
	if (n == 0)
		log_notified(a->m, a->kind, e.id, &t, a->n);
	return n;
}

int
notice_put(struct queue *q, struct message *m, enum notice_kind kind, const uint32_t *rcpt, size_t n)
{
	struct about	a = { .m = m, .kind = kind, .rcpt = rcpt, .n = n, .fd = -1 };
	int		r = open_about(q, &a) == -1 ? -1 : put_about(q, &a), err = errno;

	(void)fd_close(&a.fd);
	errno = err;
	return r;
}

/* --- notifications that do not arrive */

static int
copy_message(const struct about *a, int to)
{
	static char	chunk[COPY];
	uint64_t	done = 0;

	while (done < a->e.size) {
		size_t	want = a->e.size - done < sizeof(chunk) ? (size_t)(a->e.size - done) : sizeof(chunk);
		ssize_t	n = pread(a->fd, chunk, want, (off_t)(a->e.content + done));

		if (n == -1 && errno == EINTR)
			continue;
		if (n == 0)
			errno = EPROTO;
		if (n <= 0 || write_all(to, str_n(chunk, (size_t)n)) == -1)
			return -1;
		done += (uint64_t)n;
	}
	return 0;
}

static int
pass_on(struct queue *q, const struct about *a, const struct target *t)
{
	struct envelope		e = { .from = STR(""), .body = a->e.body, .smtputf8 = a->e.smtputf8, .message_id = a->e.message_id };
	struct envelope_rcpt	r;
	struct spool_new	n;

	start_envelope(q, &e, &r, t);
	make_id(a->m, a->kind, a->m->rcpt[a->rcpt[0]].attempts, a->rcpt[0], e.id);
	if (spool_begin(&q->spool, &e, &n) == -1)
		return -1;
	if (copy_message(a, n.fd) == -1) {
		spool_abort(&q->spool, &n);
		return -1;
	}
	if (spool_commit(&q->spool, &n) == -1)
		return -1;
	log_notified(a->m, a->kind, e.id, t, 1);
	return 0;
}

int
notice_pass_on(struct queue *q, struct message *m, uint32_t rcpt)
{
	struct about	a = { .m = m, .kind = NOTICE_POSTMASTER, .rcpt = &rcpt, .n = 1, .fd = -1 };
	struct target	t = { .mailbox = STR("") };
	int		r = open_about(q, &a), err;

	if (r == 0) {
		t.address = a.e.rcpt[rcpt].address;
		target_postmaster(q, &t);
		/* the postmaster's own: there is nobody left */
		if (t.account.n == 0 || str_eq(t.account, a.e.rcpt[rcpt].account))
			log_notified(m, NOTICE_POSTMASTER, NULL, &t, 1);
		else
			r = pass_on(q, &a, &t);
	}
	err = errno;
	(void)fd_close(&a.fd);
	errno = err;
	return r;
}
