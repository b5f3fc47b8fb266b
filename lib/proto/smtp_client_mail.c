/* smtp_client_mail: a transaction of smtp_client.h: its replies, in order, and the message. */
#include "smtp_client.h"

#include "smtp_client_i.h"

static void	begin(struct smtp_client *);

static void
idle(struct smtp_client *c)
{
	c->in_mail = c->transferring = false;
	c->mail = NULL;
	c->phase = PHASE_MAIL;
	c->want = SMTPC_WANT_MAIL;
}

bool
smtp_client_may_send(const struct smtp_client *c)
{
	return c->want == SMTPC_WANT_MAIL && (c->peer.mail_max == 0 || c->transactions < c->peer.mail_max);
}

bool
smtp_client_pipelined(const struct smtp_client *c)
{
	return c->want != SMTPC_WANT_CLOSE && c->in_mail && c->phase == PHASE_ENVELOPE && c->all_at_once;
}

void
smtp_client_send(struct smtp_client *c, struct smtp_mail *m)
{
	c->mail = m;
	c->chosen = arena_array(m->arena, m->nrcpt, sizeof(c->chosen[0]));
	if (c->chosen == NULL) {
		smtp_client_own_results(c, SMTP_MAIL_TEMP, "4.3.0", STR("out of memory"));
		idle(c);
		return;
	}
	smtp_client_check(c);
	begin(c);
}

/* A transaction for those still untried, if there are any and the server takes one more. */
static void
begin(struct smtp_client *c)
{
	c->want = SMTPC_WANT_MAIL;
	c->transferring = c->ended = false;
	if (smtp_client_may_send(c))
		smtp_client_choose(c);
	else
		c->nchosen = 0;
	if (c->nchosen == 0) {
		idle(c);
		return;
	}
	c->transactions++;
	c->bdat = c->mail->body == SMTP_BODY_BINARYMIME;
	c->all_at_once = c->peer.pipelining && !c->conf->one_by_one;
	c->in_mail = true;
	c->mail_ok = false;
	c->naccepted = 0;
	c->first = c->sent = c->answered = c->need_rset ? CMD_RSET : CMD_MAIL;
	c->last = CMD_RCPT + c->nchosen + (c->bdat ? 0 : 1);
	c->need_rset = true;
	c->phase = PHASE_ENVELOPE;
	c->want = SMTPC_WANT_INPUT;
	smtp_client_commands(c);
}

static void
garbage(struct smtp_client *c)
{
	smtp_client_close(c, SMTPC_GARBAGE, true, "4.5.0", STR("an unexpected reply"));
}

/* The transaction is over, each of its recipients has a result. */
static void
end(struct smtp_client *c)
{
	for (size_t i = 0; i < c->nchosen; i++)
		c->mail->rcpt[c->chosen[i]].stage = STAGE_OUT;
	begin(c);
}

static void
begin_body(struct smtp_client *c)
{
	c->phase = PHASE_BODY;
	c->want = SMTPC_WANT_MESSAGE;
	c->transferring = true;
	c->stuff = (struct smtp_stuff)SMTP_STUFF_INIT;
	c->left = c->mail->size;
	if (c->bdat) {
		buf_adds(&c->out, "BDAT ");
		buf_addu(&c->out, c->left);
		buf_adds(&c->out, " LAST\r\n");
	}
}

/*
 * Is another transaction worth it for this recipient (RFC 5321 4.5.3.1.10)? When
 * others were taken in this one; and not if it is the mailbox that is full.
 */
static bool
is_one_too_many(const struct smtp_client *c)
{
	char	status[SMTP_STATUS];

	if ((c->reply.code != 452 && c->reply.code != 552) || c->naccepted == 0)
		return false;
	return !smtp_client_reply_status(&c->reply, c->peer.enhanced, status) || strncmp(status + 1, ".2.", 3) != 0;
}

static void
got_rcpt(struct smtp_client *c, struct smtp_mail_rcpt *r)
{
	if (!c->mail_ok)
		return;		/* MAIL's reply was its result */
	if (c->reply.code / 100 == 2) {
		r->stage = STAGE_ACCEPTED;
		c->naccepted++;
	} else if (c->reply.code / 100 == 3)
		garbage(c);
	else if (is_one_too_many(c))
		r->stage = STAGE_OUT;	/* untried, for the next one */
	else
		smtp_client_reply_result(c, r);
}

static void
got_data(struct smtp_client *c)
{
	if (c->reply.code == 354) {
		if (c->naccepted > 0)
			begin_body(c);
		else if (c->mail_ok) {
			/* RFC 2920 section 3.1 */
			buf_adds(&c->out, ".\r\n");
			c->phase = PHASE_EMPTY;
		} else
			/* whose mail would it be? */
			garbage(c);
	} else if (c->reply.code / 100 < 4)
		garbage(c);
	else {
		smtp_client_reply_results(c, STAGE_ACCEPTED);
		end(c);
	}
}

static void
got_envelope(struct smtp_client *c)
{
	size_t	i = c->answered++;

	if (i == CMD_RSET)
		;	/* a server that does not know RSET will say so to MAIL */
	else if (i == CMD_MAIL) {
		c->mail_ok = c->reply.code / 100 == 2;
		if (c->reply.code / 100 == 3)
			garbage(c);
		else if (!c->mail_ok) {
			c->need_rset = c->all_at_once;
			smtp_client_reply_results(c, STAGE_CHOSEN);
		}
	} else if (i - CMD_RCPT < c->nchosen)
		got_rcpt(c, &c->mail->rcpt[c->chosen[i - CMD_RCPT]]);
	else {
		got_data(c);
		return;
	}
	if (c->want == SMTPC_WANT_CLOSE || c->answered < c->sent)
		return;
	if ((i == CMD_MAIL && !c->mail_ok) || (i + 1 == CMD_RCPT + c->nchosen && c->naccepted == 0))
		end(c);
	else if (c->bdat && c->answered == c->last)
		begin_body(c);
	else
		smtp_client_commands(c);
}

void
smtp_client_mail_reply(struct smtp_client *c)
{
	switch (c->phase) {
	case PHASE_ENVELOPE:
		got_envelope(c);
		break;
	case PHASE_BODY:	/* it does not want to hear the rest, and nothing else can be said before that */
		if (c->reply.code / 100 < 4)
			garbage(c);
		else {
			smtp_client_reply_results(c, STAGE_ACCEPTED);
			smtp_client_close(c, SMTPC_CLOSING, true, "", STR(""));
		}
		break;
	case PHASE_END:
		if (c->reply.code / 100 == 3)
			garbage(c);
		else {
			smtp_client_reply_results(c, STAGE_ACCEPTED);
			c->need_rset = false;
			end(c);
		}
		break;
	default:	/* PHASE_EMPTY: whatever it made of nothing */
		c->need_rset = false;
		end(c);
	}
}

void
smtp_client_message(struct smtp_client *c, struct str bytes, bool last)
{
	if (c->bdat) {
		bytes = str_head(bytes, bytes.n < c->left ? bytes.n : (size_t)c->left);
		buf_add(&c->out, bytes);
		c->left -= bytes.n;
		if (last && c->left > 0) {
			smtp_client_close(c, SMTPC_ABORTED, false, "4.3.0", STR("the message is shorter than it was"));
			return;
		}
	} else
		smtp_stuff_feed(&c->stuff, bytes, &c->out);
	if (!last)
		return;
	if (!c->bdat)
		smtp_stuff_end(&c->stuff, &c->out);
	c->phase = PHASE_END;
	c->want = SMTPC_WANT_INPUT;
	c->ended = true;
}
