/*
 * AUTH (RFC 4954): who is it? The mechanisms themselves are authd's; here is
 * when one may be asked for, how challenges and responses go over the line, and
 * what the outcome is called. A client's key is asked about without AUTH.
 *
 *	AUTH	-> (a wait for who failed often) -> SMTP_WANT_AUTH
 *	334	-> the client's line, PHASE_AUTH -> SMTP_WANT_AUTH
 *	the end	-> SMTP_WANT_INPUT
 */
#include "smtp_session.h"

#include "../base/code.h"
#include "smtp_internal.h"

enum {
	FAILURES_SLOW	= 3,		/* from then on everything is slow */
	FAILURE_MS	= 1000,		/* for each one above that, before it is looked at */
};

void
smtp_auth_names(struct smtp_session *s)
{
	bool	all = s->tls || s->conf->auth_clear;

	buf_adds(&s->out, "250-AUTH");
	if (s->client_key)
		buf_adds(&s->out, " EXTERNAL");
	if (all && s->channel)
		buf_adds(&s->out, " SCRAM-SHA-256-PLUS SCRAM-SHA-256 SCRAM-SHA-1-PLUS SCRAM-SHA-1");
	else if (all)
		buf_adds(&s->out, " SCRAM-SHA-256 SCRAM-SHA-1");
	if (all)
		buf_adds(&s->out, " CRAM-MD5 PLAIN LOGIN");
	buf_adds(&s->out, "\r\n");
}

void
smtp_auth_wipe(struct smtp_session *s)
{
	if (s->auth.response.p != NULL)
		explicit_bzero(s->auth.response.p, s->auth.response.cap);
	buf_reset(&s->auth.response);
	s->auth.given = false;
}

static void
ask(struct smtp_session *s, enum smtp_auth_step step)
{
	s->auth.step = step;
	s->want = SMTP_WANT_AUTH;
}

void
smtp_auth_key(struct smtp_session *s)
{
	if (s->conf->submission && s->client_key && !s->known)
		ask(s, SMTP_AUTH_KEY);
}

/* What speaks against AUTH now. */
static struct smtp_code
judge(const struct smtp_session *s, struct str mechanism)
{
	if (!s->conf->submission)
		return (struct smtp_code){ 503, "5.5.1", "no authentication here" };
	if (s->helo.n == 0)
		return (struct smtp_code){ 503, "5.5.1", "EHLO first" };
	if (s->authenticated || s->conf->known)
		return (struct smtp_code){ 503, "5.5.1", "already authenticated" };
	if (s->mail)
		return (struct smtp_code){ 503, "5.5.1", "not in a transaction" };
	if (mechanism.n == 0)
		return (struct smtp_code){ 501, "5.5.4", "AUTH needs a mechanism" };
	if (mechanism.n >= sizeof(s->auth.mechanism))
		return (struct smtp_code){ 504, "5.5.4", "no such mechanism here" };
	if (!s->tls && !s->conf->auth_clear && (str_ieq(mechanism, STR("PLAIN")) || str_ieq(mechanism, STR("LOGIN"))))
		return (struct smtp_code){ 538, "5.7.11", "this mechanism needs TLS" };
	return (struct smtp_code){ 0, NULL, NULL };
}

/* A response in base64; "=" is an empty one where no response at all is another thing. */
static bool
take_response(struct smtp_session *s, struct str text, bool initial)
{
	smtp_auth_wipe(s);
	if (initial && str_eq(text, STR("=")))
		text = STR("");
	else if (!code_is_b64(text) || (initial && text.n == 0)) {
		smtp_say(s, 501, "5.5.2", "not base64");
		return false;
	}
	buf_add(&s->auth.response, text);
	s->auth.given = true;
	return true;
}

void
smtp_auth_begin(struct smtp_session *s, struct str arg)
{
	struct str		mechanism;
	bool			more = str_cut(&arg, ' ', &mechanism);
	struct smtp_code	bad = judge(s, mechanism);

	if (bad.code != 0) {
		smtp_say(s, bad.code, bad.enhanced, bad.text);
		return;
	}
	smtp_auth_wipe(s);
	if ((more && !take_response(s, arg, true)) ||
	    !str_copy(mechanism, s->auth.mechanism, sizeof(s->auth.mechanism)))
		return;
	s->auth.step = SMTP_AUTH_START;
	smtp_delay(s, s->failures > FAILURES_SLOW ? FAILURE_MS * (int64_t)(s->failures - FAILURES_SLOW) : 0, THEN_AUTH);
}

void
smtp_auth_line(struct smtp_session *s, struct str line)
{
	if (str_eq(line, STR("*")))
		ask(s, SMTP_AUTH_ABORT);
	else if (take_response(s, line, false))
		ask(s, SMTP_AUTH_STEP);
	/* else authd's dialogue stays as it is until another one begins */
}

static void
count_failure(struct smtp_session *s)
{
	if (s->conf->trusted)
		return;
	if (++s->failures >= FAILURES_SLOW)
		s->slow = true;
}

static void
proven(struct smtp_session *s)
{
	s->known = true;
	s->slow = false;
	s->failures = 0;
	if (s->auth.step == SMTP_AUTH_KEY)
		return;
	s->authenticated = true;
	smtp_say(s, 235, "2.7.0", "nice");
}

/* Nobody asked, so nobody is told. */
static void
key_refused(struct smtp_session *s, enum smtp_auth_got got)
{
	if (got == SMTP_AUTH_LIMITED)
		smtp_say_close(s, 421, "4.7.0", "too many failed logins, try later");
	else if (got == SMTP_AUTH_BADCREDS)
		count_failure(s);
}

static void
refused(struct smtp_session *s, enum smtp_auth_got got, struct str text)
{
	bool	scram = str_istarts(str_c(s->auth.mechanism), STR("SCRAM-"));

	switch (got) {
	case SMTP_AUTH_OK:
	case SMTP_AUTH_CONTINUE:
		break;
	case SMTP_AUTH_BADCREDS:
		count_failure(s);
		smtp_say(s, 535, "5.7.8", "wrong name or password");
		break;
	case SMTP_AUTH_BADPROTOCOL:
		count_failure(s);
		if (scram)
			smtp_say(s, 455, "4.7.0", "that is not how SCRAM goes");
		else
			smtp_say(s, 501, "5.5.2", "that is not how this mechanism goes");
		break;
	case SMTP_AUTH_BADCHANBIND:
		count_failure(s);
		smtp_say(s, 535, "5.7.7", "not the channel that we share");
		break;
	case SMTP_AUTH_DISABLED:
		smtp_reply(s, 525, "5.7.13", smtp_clean_text(s, text));
		break;
	case SMTP_AUTH_ABORTED:
		smtp_say(s, 501, "5.5.0", "cancelled");
		break;
	case SMTP_AUTH_NOMECH:
		smtp_say(s, 504, "5.5.4", "no such mechanism here");
		break;
	case SMTP_AUTH_LIMITED:
		smtp_say_close(s, 421, "4.7.0", "too many failed logins, try later");
		break;
	case SMTP_AUTH_TEMP:
		smtp_say(s, 454, "4.3.0", "cannot tell now who you are, try later");
		break;
	}
}

void
smtp_session_auth(struct smtp_session *s, enum smtp_auth_got got, struct str text)
{
	smtp_auth_wipe(s);
	s->want = SMTP_WANT_INPUT;
	if (got == SMTP_AUTH_OK)
		proven(s);
	else if (s->auth.step == SMTP_AUTH_KEY)
		key_refused(s, got);
	else if (got == SMTP_AUTH_CONTINUE) {
		buf_adds(&s->out, "334 ");
		buf_add(&s->out, text);
		buf_adds(&s->out, "\r\n");
		s->phase = PHASE_AUTH;
	} else
		refused(s, got, text);
}
