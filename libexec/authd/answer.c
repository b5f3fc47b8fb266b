#include "answer.h"

#include "base/attr.h"
#include "base/code.h"
#include "sys/log.h"

/* A gate that does not take its answer is gone, or not worth waiting for. */
static void
answer_with(struct dialogue *d, const struct buf *rec, const struct ipc_fds *fds)
{
	if (buf_failed(rec) || ipc_send(d->sock, buf_str(rec), fds, deadline_in(0)) == -1)
		d->state = DIALOGUE_OVER;
}

static void
answer(struct dialogue *d, const struct buf *rec)
{
	answer_with(d, rec, NULL);
}

void
answer_result(struct dialogue *d, const char *result, const char *reason, const char *text)
{
	struct buf	rec = BUF_INIT(LIMIT_RECORD);

	attr_start(&rec, "auth", 1);
	attr_adds(&rec, "result", result);
	if (reason != NULL)
		attr_adds(&rec, "reason", reason);
	if (text != NULL)
		attr_adds(&rec, "text", text);
	answer(d, &rec);
	buf_free(&rec);
}

void
answer_queue(struct dialogue *d)
{
	const struct ipc_fds	fds = { .fd = { d->queue }, .n = 1 };
	struct buf		rec = BUF_INIT(LIMIT_RECORD);

	attr_start(&rec, "auth", 1);
	attr_adds(&rec, "result", "queue");
	answer_with(d, &rec, &fds);
	buf_free(&rec);
}

static void
answer_ok(struct dialogue *d)
{
	struct buf	rec = BUF_INIT(LIMIT_RECORD);

	attr_start(&rec, "auth", 1);
	attr_adds(&rec, "result", "ok");
	attr_adds(&rec, "account", d->account.name);
	attr_adds(&rec, "login", d->account.login);
	attr_adds(&rec, "mechanism", d->mechanism);
	answer(d, &rec);
	buf_free(&rec);
}

void
answer_continue(struct dialogue *d, struct str challenge)
{
	struct buf	rec = BUF_INIT(LIMIT_RECORD), text = BUF_INIT(LIMIT_RECORD);

	code_b64(&text, challenge);
	attr_start(&rec, "auth", 1);
	attr_adds(&rec, "result", "continue");
	attr_add(&rec, "challenge", buf_str(&text));
	answer(d, &rec);
	buf_free(&rec);
	buf_free(&text);
}

/* The outcome for the log and for whoever asks `posthorn logins`. */
void
answer_note(struct authd *a, struct dialogue *d, const char *result)
{
	const struct attempt	t = {
		.account = d->found ? str_c(d->account.name) : STR("-"),
		.login = d->found ? str_c(d->account.login) : buf_str(&d->sasl.user),
		.rip = d->peer.rip, .lip = d->peer.lip, .tls = d->peer.tls,
		.fingerprint = d->peer.fingerprint, .agent = d->agent,
		.protocol = d->protocol, .mechanism = str_c(d->mechanism),
		.result = str_c(result), .last = clock_now(),
	};
	struct log		l;

	log_start(&l, "login");
	log_str(&l, "conn", d->peer.id);
	log_str(&l, "result", t.result);
	log_str(&l, "account", t.account);
	log_str(&l, "login", t.login);
	log_str(&l, "protocol", t.protocol);
	log_str(&l, "mechanism", t.mechanism);
	log_str(&l, "rip", t.rip);
	log_end(&l);
	if (attempts_note(a->attempts, &t) == -1)
		authdb_log(a->attempts, "attempt-lost", "auth/attempts.tdb");
}

void
answer_temporary(struct authd *a, struct dialogue *d)
{
	answer_note(a, d, "error");
	answer_result(d, "temp", NULL, NULL);
	dialogue_forget(d);
}

/* result is what is noted; the peer is told no more than reason. */
void
answer_refuse(struct authd *a, struct dialogue *d, const char *result, const char *reason, const char *text)
{
	answer_note(a, d, result);
	if (!d->peer.trusted)
		limiter_failed(a->limiter, d->peer.rip);
	answer_result(d, "fail", reason, text);
	dialogue_forget(d);
}

void
answer_proven(struct authd *a, struct dialogue *d)
{
	/* only who knows the password is told that it is of no use */
	if (d->account.disabled[0] != '\0') {
		answer_note(a, d, "logindisabled");
		answer_result(d, "fail", "disabled", d->account.disabled);
		dialogue_forget(d);
		return;
	}
	answer_note(a, d, "ok");
	if (!d->peer.trusted)
		limiter_proved(a->limiter, d->peer.rip);
	d->state = DIALOGUE_OK;
	answer_ok(d);
}

void
answer_failed(struct authd *a, struct dialogue *d)
{
	switch (d->sasl.why) {
	case SASL_BADCREDS:
		answer_refuse(a, d, d->found ? sasl_mech_is_clear(d->sasl.mech) ? "badpassword" : "badcreds" : "baduser",
		    "badcreds", NULL);
		return;
	case SASL_BADCHANBIND:
		answer_refuse(a, d, "badchanbind", "badchanbind", NULL);
		return;
	case SASL_BADPROTOCOL:
		answer_refuse(a, d, "badprotocol", "badprotocol", NULL);
		return;
	}
}

