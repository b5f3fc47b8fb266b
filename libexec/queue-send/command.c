#include <errno.h>
#include <stdlib.h>

#include "base/attr.h"
#include "base/num.h"
#include "control.h"
#include "sys/fd.h"
#include "sys/log.h"

enum verb { VERB_LIST, VERB_HOLD, VERB_RELEASE, VERB_RETRY, VERB_FAIL, VERB_DROP, VERBS };

static const char *const	verbs[VERBS] = { "list", "hold", "release", "retry", "fail", "drop" };

struct command {
	enum verb	 verb;
	struct buf	 rec;		/* the question, which all text is in */
	struct str	 account, from, to, domain;
	bool		 held, by_id;
	int64_t		 at;		/* RETRY */
	char		*ids;		/* what to step through */
	size_t		 nids, next;
	size_t		 count;		/* recipients that matched and were changed */
	size_t		 busy;		/* that could not be, being tried right now */
	uint32_t	 rcpt;		/* LIST: the message goes on from here */
};

/* A message being looked at. */
struct view {
	struct message		*m;
	struct envelope		 e;
	struct spool_rcpt	*sr;
};

/* --- beginning */

static void
fail(struct buf *out, const char *text)
{
	attr_start(out, "queue", 1);
	attr_adds(out, "result", "fail");
	attr_adds(out, "text", text);
}

static bool
find_verb(struct str word, enum verb *verb_r)
{
	for (int i = 0; i < VERBS; i++)
		if (str_eq(word, str_c(verbs[i]))) {
			*verb_r = (enum verb)i;
			return true;
		}
	return false;
}

static struct str
get(struct str rec, const char *name)
{
	struct str	s = attr_get(rec, name);

	return s.p == NULL ? STR("") : s;
}

static bool
take_filters(struct command *c)
{
	struct str	rec = buf_str(&c->rec);

	c->account = get(rec, "account");
	c->from = get(rec, "from");
	c->to = get(rec, "to");
	c->domain = get(rec, "domain");
	c->held = str_eq(get(rec, "held"), STR("1"));
	c->by_id = get(rec, "id").n > 0;
	return c->by_id || c->account.n > 0 || c->from.n > 0 || c->to.n > 0 || c->domain.n > 0 || c->held ||
	    str_eq(get(rec, "all"), STR("1"));
}

static bool
take_ids(struct queue *q, struct command *c)
{
	struct str	name, value;
	size_t		at = 0;

	if (!c->by_id) {
		c->ids = message_ids(q, &c->nids);
		return c->ids != NULL || q->nmessage == 0;
	}
	c->ids = calloc(c->rec.n / 4 + 1, SPOOL_ID + 1);	/* each takes more than that of the record */
	while (c->ids != NULL && attr_next(buf_str(&c->rec), &at, &name, &value))
		if (str_eq(name, STR("id")) && spool_is_id(value))
			memcpy(c->ids + c->nids++ * (SPOOL_ID + 1), value.p, SPOOL_ID);
	return c->ids != NULL;
}

static const char *
start(struct queue *q, struct command *c, struct str rec)
{
	uint64_t	at;

	buf_init(&c->rec, LIMIT_RECORD);
	buf_add(&c->rec, rec);
	if (buf_failed(&c->rec) || !attr_is(rec, "queue", 1) || !find_verb(get(rec, "cmd"), &c->verb))
		return "not understood";
	c->at = q->now;
	if (attr_get(rec, "at").p != NULL) {
		if (!num_u64(get(rec, "at"), INT64_MAX, &at))
			return "not a time";
		c->at = (int64_t)at;
	}
	if (!take_filters(c) && c->verb != VERB_LIST)
		return "nothing to select by";
	return take_ids(q, c) ? NULL : "out of memory";
}

struct command *
command_start(struct queue *q, struct str rec, struct buf *out)
{
	struct command	*c = calloc(1, sizeof(*c));
	const char	*error = c == NULL ? "out of memory" : start(q, c, rec);

	if (error == NULL)
		return c;
	fail(out, error);
	command_free(c);
	return NULL;
}

void
command_free(struct command *c)
{
	if (c == NULL)
		return;
	buf_free(&c->rec);
	free(c->ids);
	free(c);
}

/* --- which recipients */

static bool
contains(struct str s, struct str part)
{
	return part.n == 0 || str_find(s, part) < s.n;
}

/* What needs no file. */
static bool
may_match(const struct command *c, const struct message *m)
{
	if (c->account.n > 0 && !str_eq(name_str(m->account), c->account))
		return false;
	for (uint32_t i = 0; i < m->nrcpt; i++)
		if ((!c->held || m->rcpt[i].held) && (c->domain.n == 0 || str_ieq(name_str(m->rcpt[i].domain), c->domain)))
			return true;
	return false;
}

static bool
matches(const struct command *c, const struct view *v, uint32_t i)
{
	const struct rcpt	*r = &v->m->rcpt[i];

	if (spool_is_final((enum spool_state)r->state) || (c->held && !r->held))
		return false;
	if (c->domain.n > 0 && !str_ieq(name_str(r->domain), c->domain))
		return false;
	return contains(v->e.from, c->from) && contains(v->e.rcpt[i].address, c->to);
}

/* --- changing them */

/* True when the recipient is one that the verb changes. */
static bool
changes(struct command *c, const struct rcpt *r)
{
	bool	open = r->state == SPOOL_WAITING || r->state == SPOOL_TRYING;

	switch (c->verb) {
	case VERB_HOLD:
		return open && !r->held;
	case VERB_RELEASE:
		return open && r->held;
	case VERB_RETRY:
	case VERB_FAIL:
	case VERB_DROP:
		if (open && r->phase == PHASE_BUSY)
			c->busy++;
		return r->phase != PHASE_BUSY && (open || (c->verb == VERB_DROP && r->state == SPOOL_FAILED));
	case VERB_LIST:
	case VERBS:
		break;
	}
	return false;
}

static void
change(struct queue *q, const struct command *c, struct rcpt *r)
{
	if (r->phase == PHASE_DUE)
		dest_remove(q, r);
	switch (c->verb) {
	case VERB_HOLD:
		r->held = true;
		break;
	case VERB_RELEASE:
		r->held = false;
		break;
	case VERB_RETRY:
		r->state = SPOOL_WAITING;
		r->noted = false;
		r->due = schedule_due(q->now, q->now, c->at, UINT32_MAX);
		break;
	case VERB_FAIL:
		r->state = SPOOL_FAILED;
		break;
	case VERB_DROP:
		r->state = SPOOL_DROPPED;
		break;
	case VERB_LIST:
	case VERBS:
		break;
	}
}

static void
log_change(const struct command *c, const struct message *m, size_t n)
{
	struct log	l;

	log_start(&l, "command");
	log_cstr(&l, "cmd", verbs[c->verb]);
	log_cstr(&l, "msg", m->id);
	log_num(&l, "recipients", (int64_t)n);
	log_end(&l);
}

static void
change_message(struct queue *q, struct command *c, struct view *v)
{
	static const enum spool_event	events[VERBS] = { [VERB_HOLD] = SPOOL_EV_HOLD, [VERB_RELEASE] = SPOOL_EV_RELEASE,
	    [VERB_RETRY] = SPOOL_EV_RETRY, [VERB_FAIL] = SPOOL_EV_FAIL, [VERB_DROP] = SPOOL_EV_DROP };
	uint32_t			which[LIMIT_SMTP_RCPTS];
	struct spool_entry		e = { .event = events[c->verb], .at = q->now, .rcpt = which, .next = c->at,
	    .result = { .status = STR("5.0.0"), .text = STR("cancelled by the administrator") } };

	for (uint32_t i = 0; i < v->m->nrcpt && i < LIMIT_SMTP_RCPTS; i++)
		if (matches(c, v, i) && changes(c, &v->m->rcpt[i]))
			which[e.nrcpt++] = i;
	if (e.nrcpt == 0)
		return;
	/* who holds mail may pull the plug next, and it must not go out after that */
	if (spool_note(&q->spool, v->m->id, &e, c->verb == VERB_HOLD) == -1) {
		log_failure("not-noted", v->m->id, errno);
		return;
	}
	for (size_t i = 0; i < e.nrcpt; i++)
		change(q, c, &v->m->rcpt[which[i]]);
	c->count += e.nrcpt;
	log_change(c, v->m, e.nrcpt);
	message_settle(q, v->m);
}

/* --- listing them */

enum { LISTED_TEXT = 1000, LISTED_ROOM = 4096 };	/* of a reply; what one recipient takes at most in all */

static const char *
state_word(const struct rcpt *r)
{
	if (r->state == SPOOL_FAILED)
		return "failed";
	return r->phase == PHASE_BUSY ? "trying" : "waiting";
}

static void
list_rcpt(struct buf *out, const struct view *v, uint32_t i)
{
	const struct rcpt	*r = &v->m->rcpt[i];
	const struct spool_rcpt	*sr = &v->sr[i];

	attr_add(out, "rcpt", v->e.rcpt[i].address);
	attr_adds(out, "state", state_word(r));
	if (r->held)
		attr_adds(out, "held", "1");
	attr_addu(out, "attempts", r->attempts);
	attr_addu(out, "last", (uint64_t)sr->last);
	attr_addu(out, "next", (uint64_t)(r->due.at > 0 ? r->due.at : 0));
	attr_add(out, "status", sr->result.status);
	attr_add(out, "text", str_head(sr->result.text, LISTED_TEXT));
	attr_add(out, "host", sr->result.host);
}

/* False when the record is full and the message goes on in another one. */
static bool
list_message(struct command *c, const struct view *v, struct buf *out)
{
	attr_start(out, "message", 1);
	attr_adds(out, "id", v->m->id);
	attr_addu(out, "queued", (uint64_t)v->e.queued);
	attr_add(out, "account", v->e.account);
	attr_add(out, "from", v->e.from);
	attr_addu(out, "size", v->e.size);
	attr_add(out, "message-id", v->e.message_id);
	for (; c->rcpt < v->m->nrcpt; c->rcpt++) {
		if (!matches(c, v, c->rcpt))
			continue;
		if (out->n > LIMIT_RECORD - LISTED_ROOM)
			return false;
		list_rcpt(out, v, c->rcpt);
		c->count++;
	}
	return true;
}

static bool
any_matches(const struct command *c, const struct view *v)
{
	for (uint32_t i = 0; i < v->m->nrcpt; i++)
		if (matches(c, v, i))
			return true;
	return false;
}

/* --- stepping */

static bool
look(struct queue *q, const struct command *c, struct view *v)
{
	int	fd = -1;

	arena_reset(&q->arena);
	if (message_read(q, v->m, &v->e, &fd) == -1) {
		message_settle(q, v->m);
		return false;
	}
	(void)fd_close(&fd);
	if (c->verb != VERB_LIST)
		return true;
	v->sr = arena_array(&q->arena, v->e.nrcpt, sizeof(v->sr[0]));
	return v->sr != NULL && spool_replay(&q->spool, v->m->id, &q->arena, v->sr, v->e.nrcpt, NULL, NULL) == 0;
}

static void
answer(const struct command *c, struct buf *out)
{
	attr_start(out, "queue", 1);
	attr_adds(out, "result", "ok");
	attr_addu(out, "count", c->count);
	if (c->busy > 0)
		attr_addu(out, "busy", c->busy);
}

bool
command_step(struct queue *q, struct command *c, struct buf *out)
{
	struct view	v = { .m = NULL };

	if (c->next == c->nids) {
		answer(c, out);
		return false;
	}
	v.m = message_find(q, str_c(c->ids + c->next * (SPOOL_ID + 1)));
	if (v.m != NULL && v.m->nrcpt > 0 && may_match(c, v.m) && look(q, c, &v)) {
		if (c->verb != VERB_LIST)
			change_message(q, c, &v);
		else if (any_matches(c, &v) && !list_message(c, &v, out))
			return true;
	}
	c->next++;
	c->rcpt = 0;
	return true;
}
