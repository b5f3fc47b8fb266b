/*
 * The end of a message, and the one reply for all its recipients. Until there
 * is a queue that could tell a sender later, that reply must lose nothing:
 *
 *	all were delivered		250
 *	some have to wait		451: the peer keeps the message and brings it
 *					again, to those too who have it already
 *	some refused, none waits	the refusal: the peer tells its user, who may
 *					then see that others got it
 *
 * One code for all failures is told as it is; different ones become 451 4.3.0
 * or 554 5.3.0 with a line for each. In submission there is a queue, and what
 * that says of the message is the reply.
 */
#include "smtp_session.h"

#include <stdio.h>

#include "smtp_internal.h"

enum {
	UNKNOWN_DELAY_MS	= 5000,
	LARGE			= 100 * 1024 * 1024,
};

/* The message was not taken; a stranger who was refused for good pays with time. */
static void
failed(struct smtp_session *s, int code)
{
	if (code >= 500 && !smtp_is_friend(s))
		s->slow = true;
	smtp_reset(s);
	s->want = SMTP_WANT_INPUT;
}

static void
refuse(struct smtp_session *s, int code, const char *enhanced, const char *text)
{
	smtp_say(s, code, enhanced, text);
	smtp_reset(s);
	s->want = SMTP_WANT_INPUT;
}

static bool
any_hangs(const struct smtp_session *s)
{
	for (size_t i = 0; i < s->nrcpt; i++)
		if (smtp_special(s, &s->rcpt[i].addr).hang)
			return true;
	return false;
}

/* Results that are known before anything is delivered. */
static void
fill_results(struct smtp_session *s)
{
	for (size_t i = 0; i < s->nrcpt; i++) {
		struct smtp_rcpt	*r = &s->rcpt[i];
		int			 code = r->deliver ? 451 : r->code;
		bool			 special = !r->deliver && smtp_special(s, &r->addr).code != 0;

		if (special)
			smtp_session_result(s, i, code, code < 500 ? STR("4.0.0") : STR("5.0.0"),
			    STR("as the special address asks"));
		else if (r->deliver)
			smtp_session_result(s, i, code, STR("4.3.0"), STR("not delivered"));
		else
			smtp_session_result(s, i, code, STR("5.1.1"), STR("no such user"));
	}
}

/* Into the queue goes all or nothing, so a special recipient stops it. */
static void
refuse_special(struct smtp_session *s)
{
	for (size_t i = 0; i < s->nrcpt; i++) {
		int	code = smtp_special(s, &s->rcpt[i].addr).code;

		if (code == 0)
			continue;
		refuse(s, code, code < 500 ? "4.0.0" : "5.0.0", "as the special address asks");
		return;
	}
}

void
smtp_message_end(struct smtp_session *s)
{
	s->chunks = false;
	if (s->reader.spoiled)
		refuse(s, 500, "5.5.2", "bare carriage return, or bare newline around a dot: not SMTP");
	else if (s->too_big)
		refuse(s, 552, s->conf->max_size >= LARGE ? "5.3.4" : "5.2.3", "message too large");
	else if (s->trouble == SMTP_STORED_FULL)
		refuse(s, 452, "4.3.1", "no space for the message now");
	else if (s->trouble == SMTP_STORED_FAILED)
		refuse(s, 451, "4.3.0", "the message cannot be kept now");
	else if (s->all_unknown) {
		s->bad++;
		smtp_delay(s, smtp_is_friend(s) ? 0 : UNKNOWN_DELAY_MS, THEN_UNKNOWN);
	} else if (s->data.n > 0) {
		s->then = THEN_FINISH;
		s->want = SMTP_WANT_STORE;
	} else
		smtp_delay(s, any_hangs(s) ? SMTP_SPECIAL_HANG_MS : 0, THEN_FINISH);
}

void
smtp_session_stored(struct smtp_session *s, enum smtp_stored how)
{
	buf_reset(&s->data);
	s->trouble = how;
	s->want = SMTP_WANT_INPUT;
	if (s->then == THEN_FINISH) {
		s->then = THEN_NOTHING;
		smtp_message_end(s);
	}
}

void
smtp_session_waited(struct smtp_session *s)
{
	int	then = s->then;

	s->then = THEN_NOTHING;
	s->want = SMTP_WANT_INPUT;
	if (then == THEN_UNKNOWN) {
		smtp_say(s, 550, "5.1.1", s->nrcpt > 1 ? "no such users" : "no such user");
		failed(s, 550);
	} else if (then == THEN_REFUSE) {
		smtp_say(s, s->refused.code, s->refused.enhanced, s->refused.text);
		if (!s->mail)
			smtp_reset(s);
	} else if (then == THEN_FINISH) {
		s->bad++;
		fill_results(s);
		s->want = SMTP_WANT_FINISH;
		if (s->conf->submission)
			refuse_special(s);
	} else if (then == THEN_AUTH)
		s->want = SMTP_WANT_AUTH;
}

/* One to three numbers with dots, of the class that code has. */
static bool
is_enhanced(struct str e, int code)
{
	if (e.n < 5 || e.n > 9 || e.p[0] != '0' + code / 100)
		return false;
	for (size_t i = 0; i < e.n; i++)
		if (!byte_is_digit(e.p[i]) && e.p[i] != '.')
			return false;
	return true;
}

struct str
smtp_clean_text(struct smtp_session *s, struct str text)
{
	char	*p;

	text = str_head(text, 300);
	if (!str_is_utf8(text))
		text = STR("refused");
	p = arena_alloc(&s->arena, text.n);
	if (p == NULL)
		return STR("refused");
	for (size_t i = 0; i < text.n; i++)
		p[i] = byte_is_control(text.p[i]) ? ' ' : text.p[i];
	return str_n(p, text.n);
}

/* A code of theirs that fits, and an enhanced code that fits it. */
static int
sane_code(int code)
{
	return code == 250 || (code >= 400 && code <= 599) ? code : 451;
}

static void
copy_enhanced(char *to, size_t size, struct str enhanced, int code, const char *good)
{
	if (!is_enhanced(enhanced, code))
		enhanced = code < 300 ? str_c(good) : code < 500 ? STR("4.3.0") : STR("5.3.0");
	(void)!str_copy(enhanced, to, size);
}

void
smtp_session_result(struct smtp_session *s, size_t i, int code, struct str enhanced, struct str text)
{
	struct smtp_rcpt	*r = &s->rcpt[i];

	r->code = sane_code(code);
	copy_enhanced(r->enhanced, sizeof(r->enhanced), enhanced, r->code, "2.2.0");
	r->why = smtp_clean_text(s, text);
}

/* The text of all failures, a line each; with their codes when these differ. */
static void
add_failures(struct smtp_session *s, struct buf *b, bool mixed)
{
	enum { ENOUGH = LIMIT_SMTP_REPLY / 4 * 3 };

	for (size_t i = 0; i < s->nrcpt && b->n < ENOUGH; i++) {
		const struct smtp_rcpt	*r = &s->rcpt[i];

		if (r->code < 400)
			continue;
		if (b->n > 0)
			buf_addc(b, '\n');
		if (s->nrcpt > 1)
			buf_addf(b, STR_FMT ": ", STR_ARG(r->text));
		if (mixed)
			buf_addf(b, "%d %s ", r->code, r->enhanced);
		buf_add(b, r->why);
	}
	if (mixed)
		buf_adds(b, "\nmultiple errors");
}

void
smtp_session_finished(struct smtp_session *s)
{
	const struct smtp_rcpt	*first = NULL;
	struct buf		 text = BUF_INIT(LIMIT_SMTP_REPLY);
	bool			 mixed = false, later = false;
	char			 ok[128];

	for (size_t i = 0; i < s->nrcpt; i++) {
		const struct smtp_rcpt	*r = &s->rcpt[i];

		if (r->code < 400)
			continue;
		if (first == NULL)
			first = r;
		mixed = mixed || r->code != first->code;
		later = later || r->code < 500;
	}
	if (first == NULL) {
		s->good++;
		if (s->bad > 0)
			s->bad--;
		(void)snprintf(ok, sizeof(ok), "it is done (" STR_FMT ")", STR_ARG(s->msg));
		refuse(s, 250, "2.2.0", ok);
		return;
	}
	add_failures(s, &text, mixed);
	if (mixed)
		smtp_reply(s, later ? 451 : 554, later ? "4.3.0" : "5.3.0", buf_str(&text));
	else
		smtp_reply(s, first->code, first->enhanced, buf_str(&text));
	buf_free(&text);
	failed(s, later ? 451 : 550);
}

void
smtp_session_queued(struct smtp_session *s, int code, struct str enhanced, struct str text, bool lost)
{
	char	kept[12];

	s->lost = lost;
	code = sane_code(code);
	copy_enhanced(kept, sizeof(kept), enhanced, code, "2.6.0");
	smtp_reply(s, code, kept, smtp_clean_text(s, text));
	smtp_reset(s);
	s->want = SMTP_WANT_INPUT;
}

void
smtp_session_refused(struct smtp_session *s, int code, const char *enhanced, const char *text)
{
	smtp_say(s, code, enhanced, text);
	failed(s, code);
}
