/* One job: each recipient to its account, or to the members of its alias. */
#include <sys/mman.h>
#include <sys/stat.h>

#include <errno.h>
#include <poll.h>

#include "base/attr.h"
#include "client/local.h"
#include "proto/addr.h"
#include "proto/smtp_special.h"
#include "proto/trace.h"
#include "queue-local.h"
#include "sys/log.h"
#include "sys/stop.h"

static const struct local_outcome	not_readable = { 451, STR_INIT("4.3.0"), STR_INIT("the message cannot be read now") };

enum { JOB_MS = 30 * 60 * 1000 };	/* for a whole job: queue-send gives a worker up a little later */

struct delivery {
	struct worker		*w;
	const struct job	*j;
	struct local		 l;
	struct date		 now;
	bool			 hangs;		/* the answer comes late, or never */
	/* of an alias */
	bool			 read;		/* what follows is known */
	struct str		*sibling;	/* canonical addresses of all recipients of the message */
	size_t			 nsibling;
	struct str		 alias;		/* being delivered to; empty: none */
	struct buf		 had;		/* marks of members who got it */
	struct buf		*memory;
};

/* --- members who have it already, over attempts: marks in what queue-send keeps as "dialed" */

enum { MARK = 17 };	/* 16 digits and a space */

/* FNV-1a over alias and member: enough to tell members apart. */
static void
mark_of(struct str alias, struct str member, char mark[MARK + 1])
{
	uint64_t	h = 0xcbf29ce484222325;
	struct buf	b = { .p = mark, .cap = MARK + 1, .max = MARK };

	for (size_t i = 0; i < alias.n; i++)
		h = (h ^ (unsigned char)alias.p[i]) * 0x100000001b3;
	h = (h ^ ' ') * 0x100000001b3;
	for (size_t i = 0; i < member.n; i++)
		h = (h ^ (unsigned char)member.p[i]) * 0x100000001b3;
	buf_addf(&b, "%016llx ", (unsigned long long)h);
	mark[MARK] = '\0';
}

static bool
had_before(const struct delivery *d, struct str member)
{
	char	mark[MARK + 1];

	mark_of(d->alias, member, mark);
	return str_find(d->j->dialed, str_c(mark)) < d->j->dialed.n;
}

/* --- what local_deliver() asks of us */

static void
write_prefix(struct buf *b, void *arg, struct str rcpt)
{
	const struct delivery	*d = arg;
	const struct trace	 t = { .hostname = conf_machine(d->w->conf)->hostname, .id = d->j->id, .rcpt = rcpt, .date = d->now };

	trace_delivered_to(b, rcpt);
	trace_return_path(b, d->j->from);
	trace_received_local(b, &t);
}

static bool
is_recipient(void *arg, struct str address)
{
	const struct delivery	*d = arg;

	for (size_t i = 0; i < d->nsibling; i++)
		if (str_eq(d->sibling[i], address))
			return true;
	return had_before(d, address);
}

static void
told(void *arg, struct str rcpt, struct str account, const struct local_outcome *o, int lost)
{
	struct delivery	*d = arg;
	struct log	 l;
	char		 mark[MARK + 1];

	if (lost != 0)
		log_failure("no-answer", "deliverd", lost);
	/* once silent, it is not asked again for this job */
	if (lost == ETIMEDOUT)
		d->l.until = deadline_in(0);
	if (o->code < 400 && d->alias.n > 0) {
		mark_of(d->alias, rcpt, mark);
		buf_adds(&d->had, mark);
	}
	log_start(&l, o->code < 400 ? "delivered" : o->code < 500 ? "deferred" : "refused");
	log_str(&l, "msg", d->j->id);
	log_str(&l, "to", rcpt);
	log_str(&l, "account", account);
	if (o->code >= 400) {
		log_num(&l, "code", o->code);
		log_str(&l, "status", o->status);
		log_str(&l, "text", o->text);
	}
	log_end(&l);
}

/* --- what has to be known of the message for an alias */

/* Of an address as it is written in RCPT. False: it is none. */
static bool
look_up(struct worker *w, struct str address, struct str *local_r, struct conf_rcpt *r)
{
	struct buf	local = BUF_INIT(LIMIT_LOCALPART);
	struct addr	a;
	bool		good;

	if (str_ieq(address, STR("postmaster")))
		a = (struct addr){ .local = address };
	else if (addr_parse(address, &a) != ADDR_OK)
		return false;
	addr_add_local(&local, &a);
	good = !buf_failed(&local) && arena_dup(&w->arena, buf_str(&local), local_r);
	buf_free(&local);
	if (!good)
		r->kind = CONF_RCPT_ERROR;
	else
		conf_rcpt(w->conf, *local_r, a.domain, &w->arena, r);
	return true;
}

static bool
read_envelope(struct delivery *d, struct str text)
{
	struct str	name, value;
	size_t		at = 0, n = attr_count(text, "rcpt");

	d->sibling = arena_array(&d->w->arena, n, sizeof(d->sibling[0]));
	if (d->sibling == NULL)
		return n == 0;
	while (attr_next(text, &at, &name, &value)) {
		struct conf_rcpt	r;
		struct str		local;

		if (!str_eq(name, STR("rcpt")) || !look_up(d->w, value, &local, &r))
			continue;
		if (r.kind == CONF_RCPT_ERROR)
			return false;
		if (r.kind == CONF_RCPT_ACCOUNT)
			d->sibling[d->nsibling++] = r.address;
	}
	return true;
}

/* Who wrote it, and who gets it by another way than the alias. False: it cannot be known now. */
static bool
read_message(struct delivery *d)
{
	size_t		size = (size_t)(d->j->content + d->j->size);
	struct stat	st;
	char		*map;

	if (d->read)
		return true;
	if (fstat(d->l.message, &st) == -1 || (uint64_t)st.st_size < size) {
		log_failure("not-read", "message", EPROTO);
		return false;
	}
	map = mmap(NULL, size, PROT_READ, MAP_SHARED, d->l.message, 0);
	if (map == MAP_FAILED) {
		log_failure("not-read", "message", errno);
		return false;
	}
	d->l.author = local_author(d->w->conf, &d->w->arena, str_n(map + d->j->content, (size_t)d->j->size));
	d->read = read_envelope(d, str_n(map, (size_t)d->j->content));
	(void)munmap(map, size);
	return d->read;
}

/* --- one recipient */

/* Until the job's time is over, we are to stop, or queue-send is gone. */
static void
hang(struct deadline until)
{
	struct pollfd	p = { .fd = STDIN_FILENO, .events = 0 };
	int		n;

	do
		n = poll(&p, 1, deadline_poll(until));
	while (n == -1 && errno == EINTR && !stop_asked);
}

/* A test system keeps all mail, but what is to fail. True: o is the outcome. */
static bool
is_special(struct delivery *d, struct str local, struct conf_rcpt *r, struct local_outcome *o)
{
	bool	hangs;

	if (str_starts(local, STR("queue")) && (o->code = smtp_special_code(local, &hangs)) != 0) {
		d->hangs = d->hangs || hangs;
		o->status = o->code < 500 ? STR("4.0.0") : STR("5.0.0");
		o->text = STR("as the special address asks");
		return true;
	}
	if (r->kind == CONF_RCPT_NO_DOMAIN) {
		r->kind = CONF_RCPT_ACCOUNT;
		r->account = STR("user");
		r->mailbox = STR("INBOX");
	}
	return false;
}

/* A notification goes to its account; to the postmaster when that is there no more. */
static struct local_outcome
deliver_account(struct delivery *d, const struct job_rcpt *jr)
{
	const struct conf_machine	*m = conf_machine(d->w->conf);
	struct conf_account		 a;
	struct conf_rcpt		 r = { .kind = CONF_RCPT_ACCOUNT, .account = jr->account, .mailbox = jr->mailbox };

	if (conf_account(d->w->conf, jr->account, &d->w->arena, &a) == CONF_NONE && m->postmaster_account.n > 0) {
		r.account = m->postmaster_account;
		r.mailbox = m->postmaster_mailbox;
	}
	if (r.mailbox.n == 0)
		r.mailbox = STR("INBOX");
	return local_deliver(&d->l, jr->address, &r);
}

static struct local_outcome
deliver_alias(struct delivery *d, struct str address, const struct conf_rcpt *r)
{
	struct local_outcome	o;

	if (!read_message(d))
		return not_readable;
	d->alias = r->address;
	o = local_deliver(&d->l, address, r);
	/* it will come again for the others */
	if (o.code >= 400 && o.code < 500)
		buf_add(d->memory, buf_str(&d->had));
	buf_reset(&d->had);
	d->alias = STR("");
	return o;
}

static struct local_outcome
deliver_rcpt(struct delivery *d, const struct job_rcpt *jr)
{
	struct local_outcome	o = not_readable;
	struct conf_rcpt	r = { .kind = CONF_RCPT_ERROR };
	struct str		local = STR("");

	if (stop_asked)
		return (struct local_outcome){ 451, STR("4.3.2"), STR("stopped before it was delivered") };
	if (jr->account.n > 0)
		return deliver_account(d, jr);
	if (!look_up(d->w, jr->address, &local, &r))
		return (struct local_outcome){ 550, STR("5.1.3"), STR("not an address") };
	if (conf_machine(d->w->conf)->localserve && is_special(d, local, &r, &o))
		return o;
	return r.kind == CONF_RCPT_ALIAS ? deliver_alias(d, jr->address, &r) : local_deliver(&d->l, jr->address, &r);
}

/* deliverd's words, kept past its next ones, in one line; empty when there is no room. */
static struct str
keep_text(struct arena *arena, struct str text)
{
	char	*p = arena_alloc(arena, text.n);

	if (p == NULL)
		return STR("");
	for (size_t i = 0; i < text.n; i++)
		p[i] = byte_is_control(text.p[i]) ? ' ' : text.p[i];
	return str_n(p, text.n);
}

static void
set_result(struct delivery *d, struct job_result *r, struct local_outcome o)
{
	bool	good = o.status.n >= 5 && o.status.p[0] == '0' + o.code / 100 && !str_has_control(o.status);

	*r = (struct job_result){
		.got = o.code < 400 ? JOB_OK : o.code < 500 ? JOB_TEMP : JOB_PERM, .code = (unsigned)o.code,
		.host = conf_machine(d->w->conf)->hostname, .local = true,
		.status = o.code < 400 ? STR("2.2.0") : o.code < 500 ? STR("4.3.0") : STR("5.3.0"),
		.text = keep_text(&d->w->arena, o.text),
	};
	if (good)
		r->status = keep_text(&d->w->arena, o.status);
}

void
deliver_job(struct worker *w, const struct job *j, int file, struct job_done *done, struct buf *memory)
{
	struct deadline	until = deadline_in(JOB_MS);
	struct delivery	d = {
		.w = w, .j = j, .now = { .time = clock_now() }, .had = BUF_INIT(LIMIT_JOB_DIALED), .memory = memory,
		.l = {
			.conf = w->conf, .deliver = &w->deliver, .arena = &w->arena, .mailfrom = j->from, .id = j->id,
			.message = file, .offset = j->content, .size = j->size,
			.service_ms = w->service_ms, .until = until,
			.prefix = write_prefix, .is_recipient = is_recipient, .told = told,
		},
	};

	d.l.arg = &d;
	buf_add(memory, j->dialed);
	done->result = arena_array(&w->arena, j->nrcpt, sizeof(done->result[0]));
	done->nresult = done->result == NULL ? 0 : j->nrcpt;
	for (size_t i = 0; i < done->nresult; i++)
		set_result(&d, &done->result[i], deliver_rcpt(&d, &j->rcpt[i]));
	done->dialed = buf_str(memory);
	if (d.hangs)
		hang(until);
	buf_free(&d.had);
}
