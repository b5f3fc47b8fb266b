/*
 * Submission: authd tells who the peer is and gives a socket into the queue with
 * it, which is good for that account alone. What is asked of the configuration
 * here is asked again by queue-put, who decides; here it makes an early answer.
 */
#include <errno.h>
#include <stdlib.h>

#include "smtpd.h"
#include "base/str.h"
#include "sys/fd.h"
#include "sys/log.h"

enum { QUEUE_FD = 4 };		/* -Q: connected to queue-drop by who started us */

void
submit_init(struct smtpd *d)
{
	struct submit	*u = &d->submit;

	authd_init(&u->auth);
	u->auth.ms = d->o.service_ms;
	u->put = (struct put){ .sock = d->o.queue ? QUEUE_FD : -1, .rec = BUF_INIT(LIMIT_RECORD) };
}

void
submit_free(struct smtpd *d)
{
	authd_close(&d->submit.auth);
	(void)fd_close(&d->submit.put.sock);
	buf_free(&d->submit.put.rec);
}

/* --- SMTP_WANT_AUTH */

static enum smtp_auth_got
refused(struct str reason)
{
	static const struct {
		struct str		reason;
		enum smtp_auth_got	got;
	} rows[] = {
		{ STR_INIT("badprotocol"), SMTP_AUTH_BADPROTOCOL },
		{ STR_INIT("badchanbind"), SMTP_AUTH_BADCHANBIND },
		{ STR_INIT("disabled"), SMTP_AUTH_DISABLED },
		{ STR_INIT("aborted"), SMTP_AUTH_ABORTED },
		{ STR_INIT("limited"), SMTP_AUTH_LIMITED },
		{ STR_INIT("nomech"), SMTP_AUTH_NOMECH },
		{ STR_INIT("nopreauth"), SMTP_AUTH_NOMECH },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (str_eq(reason, rows[i].reason))
			return rows[i].got;
	return SMTP_AUTH_BADCREDS;
}

/* Who logged in keeps the way into the queue that came with the login, or gets none. */
static enum smtp_auth_got
proven(struct smtpd *d)
{
	struct submit	*u = &d->submit;
	char		 account[sizeof(u->account)];
	int		 sock;

	if (!str_copy(u->auth.account, account, sizeof(account)) || !str_copy(u->auth.login, u->login, sizeof(u->login)))
		return SMTP_AUTH_TEMP;
	/* whom the key has told already cannot become another */
	if (u->account[0] != '\0' && strcmp(u->account, account) != 0)
		return SMTP_AUTH_BADCREDS;
	if (authd_queue(&u->auth, &sock) != AUTHD_QUEUE) {
		log_failure("no-queue", "authd", EAGAIN);
		return SMTP_AUTH_TEMP;
	}
	(void)fd_close(&u->put.sock);
	u->put.sock = sock;
	(void)!str_copy(str_c(account), u->account, sizeof(u->account));
	return SMTP_AUTH_OK;
}

static enum authd_got
ask(struct smtpd *d)
{
	struct authd_about	about = { .peer = &d->peer, .protocol = "smtp",
	    .preauth = d->s.auth.step == SMTP_AUTH_KEY };
	struct authd_dialogue	*a = &d->submit.auth;
	struct str		response = buf_str(&d->s.auth.response);

	switch (d->s.auth.step) {
	case SMTP_AUTH_KEY:
		return authd_start(a, &about, STR("EXTERNAL"), STR(""));
	case SMTP_AUTH_START:
		if (!d->s.auth.given)
			response = (struct str){ NULL, 0 };
		else if (response.n == 0)
			response = STR("");
		return authd_start(a, &about, str_c(d->s.auth.mechanism), response);
	case SMTP_AUTH_STEP:
		return authd_step(a, response);
	case SMTP_AUTH_ABORT:
		return authd_abort(a);
	}
	return AUTHD_TEMP;
}

void
submit_auth(struct smtpd *d)
{
	struct authd_dialogue	*a = &d->submit.auth;

	switch (ask(d)) {
	case AUTHD_CONTINUE:
		smtp_session_auth(&d->s, SMTP_AUTH_CONTINUE, a->challenge);
		return;
	case AUTHD_OK:
		smtp_session_auth(&d->s, proven(d), STR(""));
		return;
	case AUTHD_FAIL:
		smtp_session_auth(&d->s, refused(a->reason), a->text);
		return;
	case AUTHD_HANDED:
	case AUTHD_QUEUE:
	case AUTHD_TEMP:
		break;
	}
	smtp_session_auth(&d->s, SMTP_AUTH_TEMP, STR(""));
}

/* --- SMTP_WANT_SENDER */

void
submit_sender(struct smtpd *d)
{
	static const enum smtp_sender	answer[] = {
		[CONF_MAY]		= SMTP_SENDER_OK,
		[CONF_MAY_NOT]		= SMTP_SENDER_NOT_YOURS,
		[CONF_MAY_DISABLED]	= SMTP_SENDER_DISABLED,
		[CONF_MAY_ERROR]	= SMTP_SENDER_ERROR,
	};
	const struct addr	*a = &d->s.from;
	struct buf		 local = BUF_INIT(LIMIT_LOCALPART);
	enum conf_may		 may = CONF_MAY;

	addr_add_local(&local, a);
	if (buf_failed(&local))
		may = CONF_MAY_ERROR;
	else if (d->submit.account[0] != '\0')		/* with -Q only queue-drop knows who it is */
		may = conf_may_send(d->conf, str_c(d->submit.account), buf_str(&local), a->domain, &d->found);
	buf_free(&local);
	smtp_session_sender(&d->s, answer[may]);
}

/* --- SMTP_WANT_FINISH */

static void
log_result(const struct smtpd *d, const struct put_result *r)
{
	struct log	l;

	log_start(&l, r->code < 400 ? "queued" : "not-queued");
	log_str(&l, "msg", d->s.msg);
	if (d->submit.account[0] != '\0')
		log_str(&l, "account", str_c(d->submit.account));
	log_str(&l, "from", d->s.from_text);
	log_num(&l, "rcpts", (int64_t)d->s.nrcpt);
	log_num(&l, "size", (int64_t)d->s.size);
	if (r->id.n > 0)
		log_str(&l, "id", r->id);
	if (r->code >= 400) {
		log_num(&l, "code", r->code);
		log_str(&l, "status", r->status);
		log_str(&l, "text", r->text);
	}
	log_end(&l);
}

/* The envelope and the message. Without an answer the result is 451, and why is told in lost. */
static struct put_result
put_message(struct smtpd *d, struct deadline dl)
{
	const struct smtp_session	*s = &d->s;
	const struct put_mail		 m = {
		.from = s->from_text, .body = s->body, .smtputf8 = s->smtputf8, .requiretls = s->requiretls,
		.ret = s->ret, .envid = s->envid, .holdfor = s->holdfor, .holduntil = s->holduntil,
	};
	struct put_result		 failed = { .code = 451, .status = STR("4.3.0"),
	    .text = STR("the message cannot be queued now"), .id = STR("") };
	int				 fd = message_fd(&d->msg), n;

	if (fd == -1 || d->msg.size != s->size) {
		log_failure("not-read", "message", errno);
		return failed;
	}
	n = put_mail(&d->submit.put, &m, dl);
	for (size_t i = 0; n == 0 && i < s->nrcpt; i++) {
		const struct smtp_rcpt	*r = &s->rcpt[i];
		const struct put_rcpt	 q = { .rcpt = r->text, .notify = r->notify, .orcpt = r->orcpt };

		n = put_rcpt(&d->submit.put, &q, dl);
	}
	if (n == 0)
		return put_data(&d->submit.put, fd, dl);
	failed.lost = errno;
	return failed;
}

/*
 * A socket on which something failed is used no more: an answer that comes late
 * would be taken for the next message's. Without credentials there is no other,
 * so the session ends; its client logs in again.
 */
void
submit_finish(struct smtpd *d)
{
	struct deadline		dl = deadline_in(d->o.service_ms);
	struct put_result	r;

	if (d->timed == TIMED_MESSAGE)
		dl = deadline_sooner(dl, d->until);
	r = put_message(d, dl);
	if (!d->o.queue)	/* the standard error of -Q is its user's, and the queue has its own log */
		log_result(d, &r);
	smtp_session_queued(&d->s, r.code, r.status, r.text, r.lost != 0);
	if (r.lost == 0)
		return;
	log_failure("no-answer", "queue", r.lost);
	(void)fd_close(&d->submit.put.sock);
}
