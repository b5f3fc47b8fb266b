/* The commands of smtp_session, and the answers to what they wanted to know. */
#include "smtp_session.h"

#include <stdio.h>
#include <stdlib.h>

#include "smtp_internal.h"

enum {
	BAD_MAX		= 10,			/* spoiled transactions without a good one */
	LARGE		= 100 * 1024 * 1024,	/* a size that nobody takes */
};

static void
say_code(struct smtp_session *s, struct smtp_code c)
{
	smtp_say(s, c.code, c.enhanced, c.text);
}

struct smtp_special
smtp_special(const struct smtp_session *s, const struct addr *a)
{
	struct smtp_special	sp = { 0, false };

	/* what is queued fails in the queue */
	if (s->conf->localserve && !(s->conf->submission && str_starts(a->local, STR("queue"))))
		sp.code = smtp_special_code(a->local, &sp.hang);
	return sp;
}

/* Refuse as a special name asks; true when it asks for something. */
static bool
refuse_special(struct smtp_session *s, const struct addr *a, struct str prefix)
{
	struct smtp_special	sp = smtp_special(s, a);

	if (sp.code == 0 || !str_starts(a->local, prefix))
		return false;
	s->refused = (struct smtp_code){ sp.code, sp.code < 500 ? "4.0.0" : "5.0.0", "as the special address asks" };
	smtp_delay(s, sp.hang ? SMTP_SPECIAL_HANG_MS : 0, THEN_REFUSE);
	return true;
}

static void
do_helo(struct smtp_session *s, const struct smtp_cmd *c)
{
	if (!str_copy(c->arg, s->helo_text, sizeof(s->helo_text))) {
		say_code(s, smtp_cmd_reply(SMTP_CMD_SYNTAX));
		return;
	}
	smtp_reset(s);
	s->helo = str_c(s->helo_text);
	s->esmtp = c->verb == SMTP_EHLO;
	if (s->esmtp)
		smtp_say_hello(s);
	else
		smtp_reply(s, 250, NULL, s->conf->hostname);
}

static bool
dup_addr(struct smtp_session *s, const struct addr *in, struct addr *out, struct str *text_r)
{
	struct buf	b = BUF_INIT(2 * LIMIT_PATH);
	bool		good;

	*out = *in;
	addr_add_text(&b, in);
	good = !buf_failed(&b) && arena_dup(&s->arena, buf_str(&b), text_r) &&
	    arena_dup(&s->arena, in->local, &out->local) && arena_dup(&s->arena, in->domain, &out->domain);
	buf_free(&b);
	return good;
}

/* RFC 4865: may the message be held back so long? */
static struct smtp_code
judge_hold(const struct smtp_session *s, const struct smtp_cmd *c)
{
	int64_t	until = c->holduntil.n > 0 ? c->hold_time : s->now + c->hold_seconds;

	if (c->holdfor.n + c->holduntil.n > 0 && !s->conf->submission)
		return smtp_cmd_reply(SMTP_CMD_PARAM_UNKNOWN);
	if (until < s->now)
		return (struct smtp_code){ 554, "5.5.4", "that time is over" };
	if (until > s->now + LIMIT_SUBMISSION_HOLD)
		return (struct smtp_code){ 554, "5.5.4", "no message is held that long" };
	return (struct smtp_code){ 0, NULL, NULL };
}

/* What speaks against MAIL; code 0 for nothing. */
static struct smtp_code
judge_mail(const struct smtp_session *s, const struct smtp_cmd *c)
{
	if (s->helo.n == 0)
		return (struct smtp_code){ 503, "5.5.1", "EHLO first" };
	if (s->conf->submission && !s->known)
		return (struct smtp_code){ 530, "5.7.0", "log in first" };
	if (s->mail)
		return (struct smtp_code){ 503, "5.5.1", "already in a transaction" };
	if (c->has_size && c->size > s->conf->max_size)
		return (struct smtp_code){ 552, c->size >= LARGE ? "5.3.4" : "5.2.3", "message too large" };
	if (c->requiretls && !s->tls)
		return (struct smtp_code){ 523, "5.7.10", "REQUIRETLS needs TLS" };
	if (!c->smtputf8 && !addr_is_ascii(&c->path))
		return (struct smtp_code){ 550, "5.6.7", "the address needs SMTPUTF8" };
	if (c->path.literal && !s->conf->submission)
		return (struct smtp_code){ 550, "5.7.0", "no address literals as sender" };
	return judge_hold(s, c);
}

static void
do_mail(struct smtp_session *s, const struct smtp_cmd *c)
{
	struct smtp_code	bad = judge_mail(s, c);

	if (bad.code != 0) {
		say_code(s, bad);
		return;
	}
	if (s->bad > BAD_MAX && s->good == 0 && !smtp_is_friend(s)) {
		smtp_say_close(s, 550, "5.1.0", "too many failed messages");
		return;
	}
	smtp_reset(s);
	if (!dup_addr(s, &c->path, &s->from, &s->from_text) || !arena_dup(&s->arena, c->envid, &s->envid) ||
	    !arena_dup(&s->arena, c->holdfor, &s->holdfor) || !arena_dup(&s->arena, c->holduntil, &s->holduntil)) {
		smtp_say(s, 451, "4.3.0", "out of memory");
		smtp_reset(s);
		return;
	}
	s->said_size = c->size;
	s->body = c->body;
	s->ret = c->ret;
	s->smtputf8 = c->smtputf8;
	s->requiretls = c->requiretls;
	if (refuse_special(s, &s->from, STR("mailfrom")))
		return;
	if (addr_is_null(&s->from))
		smtp_session_sender(s, SMTP_SENDER_OK);
	else
		s->want = SMTP_WANT_SENDER;
}

void
smtp_session_sender(struct smtp_session *s, enum smtp_sender answer)
{
	s->want = SMTP_WANT_INPUT;
	switch (answer) {
	case SMTP_SENDER_OK:
		s->count++;
		(void)snprintf(s->msg_text, sizeof(s->msg_text), STR_FMT ".%u", STR_ARG(str_head(s->conf->id, 64)), s->count);
		s->msg = str_c(s->msg_text);
		s->mail = true;
		smtp_say(s, 250, "2.1.0", "sender ok");
		return;
	case SMTP_SENDER_NO_MAIL:
		smtp_say(s, 550, "5.7.27", "the sender's domain takes no mail");
		break;
	case SMTP_SENDER_ERROR:
		smtp_say(s, 451, "4.4.0", "the sender's domain cannot be looked up");
		break;
	case SMTP_SENDER_NOT_YOURS:
		smtp_say(s, 550, "5.7.1", "this sender's address is not yours to use");
		break;
	case SMTP_SENDER_DISABLED:
		smtp_say(s, 451, "4.3.0", "the sender's domain is disabled");
		break;
	}
	smtp_reset(s);
}

/* What speaks against RCPT before it is looked up. */
static struct smtp_code
judge_rcpt(const struct smtp_session *s, const struct smtp_cmd *c)
{
	if (s->helo.n == 0)
		return (struct smtp_code){ 503, "5.5.1", "EHLO first" };
	if (!s->mail)
		return (struct smtp_code){ 503, "5.5.1", "MAIL first" };
	if (s->chunks)
		return (struct smtp_code){ 503, "5.5.1", "BDAT has begun" };
	if (s->conf->require_tls && !s->tls)
		return (struct smtp_code){ 530, "5.7.0", "STARTTLS first" };
	if (!s->smtputf8 && !addr_is_ascii(&c->path))
		return (struct smtp_code){ 553, "5.6.7", "the address needs SMTPUTF8" };
	if (s->nrcpt >= LIMIT_SMTP_RCPTS)
		return (struct smtp_code){ 452, "4.5.3", "too many recipients" };
	if (s->nrcpt > 0 && addr_is_null(&s->from))
		return (struct smtp_code){ 452, "4.5.3", "one recipient for the null sender" };
	if (c->path.literal && !s->conf->submission)
		return (struct smtp_code){ 550, "5.1.1", "no mail for address literals" };
	return (struct smtp_code){ 0, NULL, NULL };
}

static bool
is_known(const struct smtp_session *s, const struct addr *a)
{
	for (size_t i = 0; i < s->nrcpt; i++)
		if (addr_same(&s->rcpt[i].addr, a))
			return true;
	return false;
}

static bool
room_for_rcpt(struct smtp_session *s)
{
	size_t			 room = s->rcpt_room == 0 ? 4 : s->rcpt_room * 2;
	struct smtp_rcpt	*p;

	if (s->nrcpt < s->rcpt_room)
		return true;
	p = realloc(s->rcpt, room * sizeof(*p));
	if (p == NULL)
		return false;
	s->rcpt = p;
	s->rcpt_room = room;
	return true;
}

static void
do_rcpt(struct smtp_session *s, const struct smtp_cmd *c)
{
	struct smtp_code	bad = judge_rcpt(s, c);
	struct smtp_rcpt	r = { .notify = c->notify, .deliver = true };

	if (bad.code != 0) {
		say_code(s, bad);
		return;
	}
	if (is_known(s, &c->path)) {	/* said twice is delivered once */
		smtp_say(s, 250, "2.1.0", "recipient ok");
		return;
	}
	if (!dup_addr(s, &c->path, &r.addr, &r.text) || !arena_dup(&s->arena, c->orcpt, &r.orcpt) || !room_for_rcpt(s)) {
		smtp_say(s, 452, "4.5.3", "too many recipients");
		return;
	}
	s->asked = r;
	if (refuse_special(s, &r.addr, STR("rcptto")))
		return;
	/* a second one may end unlike the first, and then a false sender would be told: so only for true ones */
	if (s->nrcpt > 0 && !smtp_is_friend(s) && !s->spf_asked) {
		s->want = SMTP_WANT_SPF;
		return;
	}
	smtp_session_spf(s, s->spf);
}

void
smtp_session_spf(struct smtp_session *s, bool passed)
{
	s->spf_asked = s->spf_asked || s->want == SMTP_WANT_SPF;
	s->spf = passed;
	if (s->nrcpt > 0 && !smtp_is_friend(s) && !passed) {
		s->want = SMTP_WANT_INPUT;
		smtp_say(s, 452, "4.5.3", "one recipient a message, please");
		return;
	}
	s->want = SMTP_WANT_RCPT;
}

static void
add_rcpt(struct smtp_session *s)
{
	s->rcpt[s->nrcpt++] = s->asked;
	smtp_say(s, 250, "2.1.0", "recipient ok");
}

void
smtp_session_found(struct smtp_session *s, enum smtp_found found, struct str text, void *theirs)
{
	struct smtp_special	sp = smtp_special(s, &s->asked.addr);

	s->want = SMTP_WANT_INPUT;
	s->asked.found = theirs;
	if (sp.code != 0 && (found != SMTP_FOUND_NO_DOMAIN || s->conf->submission)) {
		/* refused when the message has come */
		s->asked.deliver = false;
		s->asked.code = sp.code;
		add_rcpt(s);
		return;
	}
	switch (found) {
	case SMTP_FOUND_LOCAL:
		add_rcpt(s);
		break;
	case SMTP_FOUND_UNKNOWN:
		/* strangers learn it after the message: harvesting addresses shall cost them that */
		s->asked.deliver = false;
		s->asked.code = 550;
		if (smtp_is_friend(s))
			smtp_say(s, 550, "5.1.1", "no such user");
		else
			add_rcpt(s);
		break;
	case SMTP_FOUND_NO_DOMAIN:
		if (s->conf->submission)	/* the queue takes it there */
			add_rcpt(s);
		else
			smtp_say(s, 550, "5.1.1", "not our domain, and no relaying");
		break;
	case SMTP_FOUND_DISABLED:
		smtp_say(s, 450, "4.2.1", "the domain is disabled");
		break;
	case SMTP_FOUND_REFUSED:
		smtp_reply(s, 550, "5.1.1", text);
		break;
	case SMTP_FOUND_LATER:
		smtp_reply(s, 451, "4.3.0", text);
		break;
	case SMTP_FOUND_ERROR:
		smtp_say(s, 451, "4.3.0", "the recipient cannot be looked up now");
		break;
	}
}

/* What speaks against DATA or BDAT. */
static struct smtp_code
judge_data(const struct smtp_session *s, bool bdat)
{
	if (s->helo.n == 0)
		return (struct smtp_code){ 503, "5.5.1", "EHLO first" };
	if (!s->mail)
		return (struct smtp_code){ 503, "5.5.1", "MAIL first" };
	if (s->nrcpt == 0)
		return (struct smtp_code){ 503, "5.5.1", "RCPT first" };
	if (!bdat && s->chunks)
		return (struct smtp_code){ 503, "5.5.1", "BDAT has begun" };
	if (!bdat && s->body == SMTP_BODY_BINARYMIME)
		return (struct smtp_code){ 503, "5.5.1", "BINARYMIME needs BDAT" };
	return (struct smtp_code){ 0, NULL, NULL };
}

static bool
none_known(const struct smtp_session *s)
{
	for (size_t i = 0; i < s->nrcpt; i++)
		if (s->rcpt[i].deliver || smtp_special(s, &s->rcpt[i].addr).code != 0)
			return false;
	return true;
}

static void
begin_message(struct smtp_session *s)
{
	s->reader = (struct smtp_data)SMTP_DATA_INIT;
	s->all_unknown = none_known(s);
	buf_reset(&s->data);
}

static void
do_data(struct smtp_session *s)
{
	struct smtp_code	bad = judge_data(s, false);

	if (bad.code != 0) {
		say_code(s, bad);
		return;
	}
	begin_message(s);
	s->phase = PHASE_DATA;
	smtp_say(s, 354, NULL, "go ahead, and end with a dot on a line");
}

/* The octets come whatever we think of the command: they are taken either way. */
static void
do_bdat(struct smtp_session *s, const struct smtp_cmd *c)
{
	s->refused = judge_data(s, true);
	s->chunk_bad = s->refused.code != 0;
	s->chunk = c->chunk;
	s->chunk_last = c->last;
	s->phase = PHASE_CHUNK;
	if (s->chunk_bad || s->chunks)
		return;
	begin_message(s);
	s->reader.chunk = true;
	s->chunks = true;
}

static void
do_starttls(struct smtp_session *s)
{
	char	text[128];

	if (s->tls || !s->conf->starttls) {
		smtp_say(s, 503, "5.5.1", s->tls ? "TLS is on already" : "STARTTLS is not offered");
		return;
	}
	if (s->known) {
		smtp_say(s, 503, "5.5.1", "STARTTLS comes before AUTH");
		return;
	}
	(void)snprintf(text, sizeof(text), "go! (" STR_FMT ")", STR_ARG(str_head(s->conf->id, 64)));
	smtp_say(s, 220, "2.0.0", text);
	s->want = SMTP_WANT_STARTTLS;
}

static void
dispatch(struct smtp_session *s, const struct smtp_cmd *c)
{
	switch (c->verb) {
	case SMTP_HELO:
	case SMTP_EHLO:
		do_helo(s, c);
		break;
	case SMTP_MAIL:
		do_mail(s, c);
		break;
	case SMTP_RCPT:
		do_rcpt(s, c);
		break;
	case SMTP_DATA:
		do_data(s);
		break;
	case SMTP_BDAT:
		do_bdat(s, c);
		break;
	case SMTP_RSET:
		smtp_reset(s);
		smtp_say(s, 250, "2.0.0", "forgotten");
		break;
	case SMTP_NOOP:
		smtp_say(s, 250, "2.0.0", "alrighty");
		break;
	case SMTP_QUIT:
		smtp_say_close(s, 221, "2.0.0", "bye");
		break;
	case SMTP_VRFY:
	case SMTP_EXPN:
		smtp_say(s, 252, "2.7.0", "send a message and see");
		break;
	case SMTP_HELP:
		smtp_say(s, 214, "2.0.0", "see RFC 5321");
		break;
	case SMTP_STARTTLS:
		do_starttls(s);
		break;
	case SMTP_AUTH:
		smtp_auth_begin(s, c->arg);
		break;
	case SMTP_OTHER:
		break;
	}
}

static bool
is_word(struct str s)
{
	return s.n > 0 && str_is_ascii(s) && !str_has_control(s) && str_chr(s, ' ') == s.n;
}

void
smtp_command(struct smtp_session *s, struct str line)
{
	struct smtp_cmd		c;
	enum smtp_cmd_err	e = smtp_cmd_parse(str_trim_end(line), &c);
	bool			first = !s->heard;

	s->heard = true;
	/* in submission a name says nothing that is used, and mail programs make up what they like */
	if (e == SMTP_CMD_SYNTAX && s->conf->submission && (c.verb == SMTP_EHLO || c.verb == SMTP_HELO) && is_word(c.arg))
		e = SMTP_CMD_OK;
	if (s->lost && c.verb != SMTP_QUIT)
		smtp_say_close(s, 421, "4.3.0", "the queue is out of reach, please log in again");
	else if (e == SMTP_CMD_UNKNOWN && first)
		smtp_say_close(s, 500, "5.5.2", "please try again speaking smtp");
	else if (e == SMTP_CMD_OK)
		dispatch(s, &c);
	else if (c.verb == SMTP_BDAT)	/* what follows cannot be told from commands */
		smtp_say_close(s, 501, "5.5.4", "syntax error in BDAT");
	else
		say_code(s, smtp_cmd_reply(e));
}
