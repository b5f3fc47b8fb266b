/* smtp_client_result: what becomes of each recipient. */
#include "smtp_client.h"

#include "smtp_client_i.h"

void
smtp_client_result(struct smtp_client *c, struct smtp_mail_rcpt *r, enum smtp_mail_got got, unsigned code, const char *status, struct str text)
{
	r->got = got;
	r->code = code;
	r->stage = STAGE_OUT;
	if (!str_copy(str_c(status), r->status, sizeof(r->status)))
		r->status[0] = '\0';
	if (!arena_dup(c->mail->arena, text, &r->text))
		r->text = STR("");
}

enum smtp_mail_got
smtp_client_verdict(const struct smtp_client *c)
{
	char	status[SMTP_STATUS];
	bool	said = smtp_client_reply_status(&c->reply, c->peer.enhanced, status);
	bool	too_big = said && (strcmp(status, "5.3.4") == 0 || strcmp(status, "5.2.3") == 0);

	if (c->reply.code / 100 == 5 && (c->reply.code != 552 || too_big))
		return SMTP_MAIL_PERM;
	return c->reply.code / 100 == 2 ? SMTP_MAIL_OK : SMTP_MAIL_TEMP;
}

void
smtp_client_reply_result(struct smtp_client *c, struct smtp_mail_rcpt *r)
{
	struct buf		text = BUF_INIT(2 * LIMIT_SMTP_REPLY);
	enum smtp_mail_got	got = smtp_client_verdict(c);
	char			status[SMTP_STATUS];

	(void)smtp_client_reply_status(&c->reply, c->peer.enhanced, status);
	if (got == SMTP_MAIL_TEMP)
		status[0] = '4';
	smtp_client_reply_add(&c->reply, &text);
	smtp_client_result(c, r, got, c->reply.code, status, buf_str(&text));
	buf_free(&text);
}

void
smtp_client_reply_results(struct smtp_client *c, int stage)
{
	for (size_t i = 0; i < c->mail->nrcpt; i++)
		if (c->mail->rcpt[i].stage == stage)
			smtp_client_reply_result(c, &c->mail->rcpt[i]);
}

void
smtp_client_own_results(struct smtp_client *c, enum smtp_mail_got got, const char *status, struct str text)
{
	for (size_t i = 0; i < c->mail->nrcpt; i++)
		if (c->mail->rcpt[i].got == SMTP_MAIL_UNTRIED)
			smtp_client_result(c, &c->mail->rcpt[i], got, 0, status, text);
}

void
smtp_client_mail_over(struct smtp_client *c)
{
	struct smtp_mail	*m = c->mail;
	bool			 unsure = c->phase == PHASE_END && c->why != SMTPC_CLOSING;

	for (size_t i = 0; i < m->nrcpt; i++) {
		struct smtp_mail_rcpt	*r = &m->rcpt[i];
		char			 status[SMTP_STATUS];
		struct buf		 text = BUF_INIT(2 * LIMIT_SMTP_REPLY);

		if (r->stage == STAGE_OUT)
			continue;
		memcpy(status, c->status, sizeof(status));
		status[0] = '4';
		buf_add(&text, buf_str(&c->text));
		if (unsure)
			buf_adds(&text, "; the message had been sent, and the server may have it");
		smtp_client_result(c, r, unsure ? SMTP_MAIL_UNSURE : SMTP_MAIL_TEMP, c->code, status, buf_str(&text));
		buf_free(&text);
	}
	c->in_mail = false;
	c->mail = NULL;
}
