/* A message whose envelope and bytes are there: checked, counted, queued. */
#include <sys/random.h>

#include <errno.h>

#include "put.h"
#include "base/code.h"
#include "proto/trace.h"
#include "sys/log.h"

static const struct reply	accepted = { 250, "2.6.0", "" };
static const struct reply	no_transaction = { 503, "5.5.1", "sender and recipients must come first" };
static const struct reply	no_separator = { 554, "5.6.0", "no empty line between header and body" };
static const struct reply	bare_lines = { 554, "5.6.0", "lines must end in CRLF" };
static const struct reply	loop = { 554, "5.4.6", "too many Received fields: a loop" };
static const struct reply	no_account = { 550, "5.7.1", "the account is not there any more" };
static const struct reply	disabled = { 550, "5.7.13", "the account is disabled" };
static const struct reply	too_many = { 451, "4.7.1", "too many recipients in a day" };
static const struct reply	too_many_new = { 451, "4.7.1", "too many new recipients in a day" };

enum { OURS = LIMIT_RECORD };	/* what we put on top of a header */

/* --- what the message is */

static const struct reply *
check_header(const struct queue_put *q, const struct message *m)
{
	struct submission_scan	head = { .cr = false };

	/* a program's text without a header gets one */
	if (!m->says.separated && !q->who.system)
		return &no_separator;
	if (m->says.nreceived > LIMIT_RECEIVED)
		return &loop;
	/* never in a header: another could see other fields there than we do */
	submission_scan(&head, str_head(buf_str(&m->text), m->says.body));
	if (submission_is_binary(&head) || (submission_is_binary(&m->scan) && q->e.body != SMTP_BODY_BINARYMIME))
		return &bare_lines;
	return NULL;
}

static bool
local_is_ascii(struct str path)
{
	struct addr	a;

	return path.n == 0 || (addr_parse(path, &a) == ADDR_OK && addr_local_is_ascii(&a));
}

/* What it needs of those it is sent to: by what it is, not by what was asked for. */
static void
set_needs(struct queue_put *q, const struct message *m)
{
	struct envelope	*e = &q->e;

	if (e->body != SMTP_BODY_BINARYMIME || !(submission_is_binary(&m->scan) || m->scan.nul))
		e->body = m->scan.eightbit ? SMTP_BODY_8BITMIME : SMTP_BODY_7BIT;
	e->tls = q->requiretls ? ENVELOPE_TLS_REQUIRED : m->says.tls_no ? ENVELOPE_TLS_NO : ENVELOPE_TLS_ANY;
	e->smtputf8 = !m->says.ascii || !local_is_ascii(e->from);
	for (size_t i = 0; i < e->nrcpt && !e->smtputf8; i++)
		e->smtputf8 = !local_is_ascii(e->rcpt[i].address);
	if (!e->smtputf8 && m->scan.eightbit)
		e->smtputf8 = message_parts_need_utf8(m);
}

static bool
set_message_id(struct queue_put *q, const struct message *m)
{
	uint8_t		random[16];
	struct buf	b = BUF_INIT(LIMIT_DOMAIN + 64);
	bool		good;

	if (m->says.has_message_id) {
		q->e.message_id = m->says.message_id;
		return true;
	}
	if (getentropy(random, sizeof(random)) == -1)
		return false;
	buf_addc(&b, '<');
	code_b64url(&b, str_n(random, sizeof(random)));
	buf_addc(&b, '@');
	buf_add(&b, conf_machine(q->conf)->hostname);
	buf_addc(&b, '>');
	good = !buf_failed(&b) && arena_dup(&q->arena, buf_str(&b), &q->e.message_id);
	buf_free(&b);
	return good;
}

/* --- how much the account may send */

static const struct reply *
limits_of(struct queue_put *q, struct sent_limits *lim, struct str *name_r)
{
	const struct conf_machine	*mc = conf_machine(q->conf);
	struct conf_account		 c;
	struct buf			 name = BUF_INIT(512);

	*lim = (struct sent_limits){ mc->max_outgoing_per_day, mc->max_first_time_per_day };
	*name_r = q->e.account;
	if (q->who.any) {
		*lim = (struct sent_limits){ 0, 0 };
		return NULL;
	}
	if (q->e.account.n == 0) {
		/* no account has a name with a space */
		buf_adds(&name, "user ");
		buf_add(&name, q->who.user);
		(void)!arena_dup(&q->arena, buf_str(&name), name_r);
		buf_free(&name);
		return NULL;
	}
	switch (conf_account(q->conf, q->e.account, &q->arena, &c)) {
	case CONF_OK:
		*lim = (struct sent_limits){ c.max_outgoing_per_day, c.max_first_time_per_day };
		return c.login_disabled.n > 0 && !q->who.system ? &disabled : NULL;
	case CONF_NONE:
		return &no_account;
	case CONF_ERROR:
		break;
	}
	return &reply_later;
}

static const struct reply *
count(struct queue_put *q, struct str *name_r, struct sent_count *count_r)
{
	struct sent_limits	 lim;
	struct str		*list;
	const struct reply	*no = limits_of(q, &lim, name_r);

	if (no != NULL)
		return no;
	list = arena_array(&q->arena, q->e.nrcpt, sizeof(*list));
	if (list == NULL)
		return &reply_later;
	for (size_t i = 0; i < q->e.nrcpt; i++)
		list[i] = q->e.rcpt[i].address;
	switch (sent_add(&q->sent, *name_r, lim, list, q->e.nrcpt, clock_now(), count_r)) {
	case SENT_OK:
		return NULL;
	case SENT_TOO_MANY:
		return &too_many;
	case SENT_TOO_MANY_NEW:
		return &too_many_new;
	case SENT_ERROR:
		break;
	}
	log_failure("not-counted", "sent.tdb", errno);
	return reply_of(errno);
}

/* --- into the queue */

/* Where it came from is between its author and us. */
static void
add_received(struct buf *b, const struct queue_put *q)
{
	const struct envelope	*e = &q->e;
	struct str		 host = conf_machine(q->conf)->hostname;
	struct trace		 t = {
		.helo = host, .rip = STR(""), .hostname = host, .lip = STR(""), .tls = q->peer.tls, .cipher = q->peer.cipher,
		.id = str_c(e->id), .rcpt = STR(""), .esmtp = true, .utf8 = e->smtputf8, .auth = q->who.login.n > 0,
		.requiretls = q->requiretls, .date = { e->queued, 0 },
	};

	/* copies for several are alike, and hide their other recipients */
	if (e->nrcpt == 1 && (e->smtputf8 || str_is_ascii(e->rcpt[0].address)))
		t.rcpt = e->rcpt[0].address;
	if (q->who.system)
		trace_received_local(b, &t);
	else
		trace_received(b, &t);
}

static void
add_results(struct buf *b, const struct queue_put *q)
{
	if (q->who.login.n == 0)
		return;
	buf_adds(b, "Authentication-Results: ");
	buf_add(b, conf_machine(q->conf)->hostname);
	buf_adds(b, ";\r\n\tauth=pass smtp.mailfrom=");
	if (q->e.from.n > 0 && (q->e.smtputf8 || str_is_ascii(q->e.from)))
		buf_add(b, q->e.from);
	else
		buf_adds(b, "\"\"");
	buf_adds(b, "\r\n");
}

/* The author's header as it is sent on, and its end. */
static void
add_own(struct buf *b, const struct queue_put *q, const struct message *m)
{
	if (!m->says.has_message_id) {
		buf_adds(b, "Message-ID: ");
		buf_add(b, q->e.message_id);
		buf_adds(b, "\r\n");
	}
	if (!m->says.has_date) {
		buf_adds(b, "Date: ");
		date_write(b, (struct date){ q->e.queued, 0 });
		buf_adds(b, "\r\n");
	}
	submission_write(b, &m->says, conf_machine(q->conf)->hostname, buf_str(&m->author));
	buf_adds(b, "\r\n");
}

/* Ours on top, and between them and the author's what proves those. */
static void
add_header(struct buf *b, struct queue_put *q, const struct message *m)
{
	struct buf	own = BUF_INIT(2 * LIMIT_SUBMISSION_HEADER + OURS);

	add_own(&own, q, m);
	if (buf_failed(&own))
		b->failed = true;
	add_received(b, q);
	add_results(b, q);
	sign(b, q, m, buf_str(&own));
	buf_add(b, buf_str(&own));
	buf_free(&own);
}

/* 0 when it is promised; else nothing of it is left. */
static int
queue(struct queue_put *q, const struct message *m)
{
	struct buf		head = BUF_INIT(3 * LIMIT_SUBMISSION_HEADER + OURS);
	struct spool_new	n;
	int			r;

	q->e.queued = clock_now();
	if (spool_begin(&q->spool, &q->e, &n) == -1)
		return -1;
	add_header(&head, q, m);
	r = message_write(m, n.fd, &head);
	buf_free(&head);
	if (r == 0)
		return spool_commit(&q->spool, &n);
	spool_abort(&q->spool, &n);
	return -1;
}

static const struct reply *
accept_message(struct queue_put *q, struct message *m)
{
	struct sent_count	 counted;
	struct str		 name;
	const struct reply	*no = check_header(q, m);
	int			 err;

	if (no == NULL)
		no = author_check(q, m);
	if (no != NULL)
		return no;
	set_needs(q, m);
	if (!set_message_id(q, m))
		return &reply_later;
	no = count(q, &name, &counted);
	if (no != NULL)
		return no;
	if (queue(q, m) == 0)
		return &accepted;
	err = errno;
	log_failure("not-queued", "queue", err);
	sent_take_back(&q->sent, name, &counted);
	return reply_of(err);
}

static void
log_finished(const struct queue_put *q, const struct message *m, const struct reply *r)
{
	struct log	l;

	/* the standard error of a program's user is not our log */
	if (q->who.system)
		return;
	log_start(&l, r->code < 400 ? "queued" : r->code < 500 ? "deferred" : "refused");
	if (r->code < 400)
		log_cstr(&l, "msg", q->e.id);
	log_str(&l, "account", q->who.account);
	log_str(&l, "login", q->who.login);
	log_str(&l, "from", q->e.from);
	log_num(&l, "rcpts", (int64_t)q->e.nrcpt);
	if (q->e.nrcpt > 0)
		log_str(&l, "to", q->e.rcpt[0].address);
	log_num(&l, "size", (int64_t)m->size);
	if (q->e.message_id.n > 0)
		log_str(&l, "message-id", q->e.message_id);
	if (r->code >= 400) {
		log_num(&l, "code", r->code);
		log_cstr(&l, "status", r->status);
		log_cstr(&l, "text", r->text);
	}
	log_end(&l);
}

struct reply
finish(struct queue_put *q, int fd)
{
	struct message		 m = { .converted = -1 };
	const struct reply	*r = q->wrong;

	if (r == NULL && (!q->begun || q->e.nrcpt == 0))
		r = &no_transaction;
	if (r == NULL) {
		(void)!conf_refresh(q->conf);	/* the old one stays in use */
		r = message_open(&m, fd, q, &q->arena);
	}
	if (r == NULL)
		r = accept_message(q, &m);
	log_finished(q, &m, r);
	message_close(&m);
	return *r;
}
