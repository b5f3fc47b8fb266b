#include "smtp_client.h"

#include <openssl/crypto.h>

#include "../base/code.h"
#include "smtp_client_i.h"

void
smtp_client_init(struct smtp_client *c, const struct smtp_client_conf *conf)
{
	*c = (struct smtp_client){
		.conf = conf,
		.out = BUF_INIT(LIMIT_SMTP_REPLIES),
		.text = BUF_INIT(LIMIT_SMTP_REPLY),
		.auth = conf->auth,
		.tls = conf->tls,
		.phase = PHASE_GREETING,
		.want = SMTPC_WANT_INPUT,
	};
	smtp_client_reply_init(&c->reply);
}

void
smtp_client_free(struct smtp_client *c)
{
	if (c->sasl_busy)
		sasl_client_free(&c->sasl);
	if (c->out.p != NULL)
		OPENSSL_cleanse(c->out.p, c->out.cap);
	buf_free(&c->out);
	buf_free(&c->text);
	smtp_client_reply_free(&c->reply);
}

enum smtp_client_want
smtp_client_want(const struct smtp_client *c)
{
	return c->want;
}

void
smtp_client_close(struct smtp_client *c, enum smtp_client_why why, bool reply, const char *status, struct str text)
{
	struct buf	b = { .p = c->status, .cap = sizeof(c->status), .max = sizeof(c->status) - 1 };

	if (c->want == SMTPC_WANT_CLOSE)
		return;
	c->want = SMTPC_WANT_CLOSE;
	c->why = why;
	buf_reset(&c->text);
	c->code = 0;
	buf_adds(&b, status);
	c->status[b.n] = '\0';
	buf_add(&c->text, text);
	if (reply) {
		char	said[SMTP_STATUS];

		/* a refusal to begin comes before anything could be announced, and has its code all the same */
		if (smtp_client_reply_status(&c->reply, c->peer.enhanced || c->phase <= PHASE_HELO, said) || status[0] == '\0')
			memcpy(c->status, said, sizeof(c->status));
		if (text.n > 0)		/* our words, which quote it */
			buf_adds(&c->text, ": ");
		else
			c->code = c->reply.code;
		smtp_client_reply_add(&c->reply, &c->text);
	}
	if (c->mail != NULL)
		smtp_client_mail_over(c);
}

void
smtp_client_lost(struct smtp_client *c, const char *status, struct str text)
{
	smtp_client_close(c, c->phase == PHASE_QUIT ? SMTPC_ENDED : SMTPC_LOST, false, status, text);
}

/* --- the beginning */

static void
hello(struct smtp_client *c, const char *verb, int phase)
{
	buf_adds(&c->out, verb);
	buf_addc(&c->out, ' ');
	buf_add(&c->out, c->conf->hostname);
	buf_adds(&c->out, "\r\n");
	c->phase = phase;
}

/* A name that is ours: whatever we would send would come back to us (RFC 5321 5.1). */
static bool
is_ourselves(struct smtp_client *c, struct str name)
{
	if (name.n == 0 || !str_ieq(name, c->conf->hostname))
		return false;
	smtp_client_close(c, SMTPC_LOOP, false, "5.4.6",
	    STR("mail loops back to ourselves: the other server has our own host name"));
	return true;
}

static void
got_greeting(struct smtp_client *c)
{
	struct str	name = smtp_ehlo_name(buf_str(&c->reply.text));

	if (c->reply.code / 100 != 2) {
		smtp_client_close(c, SMTPC_REFUSED, true, "", STR(""));
		return;
	}
	if (!str_copy(name, c->greeting, sizeof(c->greeting)))
		c->greeting[0] = '\0';
	if (!is_ourselves(c, name))
		hello(c, "EHLO", PHASE_EHLO);
}

/* Sent in one piece: the name, and the first message when the client begins. */
static void
begin_auth(struct smtp_client *c)
{
	struct buf	first = BUF_INIT(LIMIT_SASL_RESPONSE);
	enum sasl_mech	m = sasl_client_choose(&c->auth, c->peer.mechanisms, c->sasl_tried);

	if (m == SASL_NONE) {
		if (c->sasl_tried != 0)
			smtp_client_close(c, SMTPC_NO_AUTH, true, "4.7.8", STR("unable to log in"));
		else
			smtp_client_close(c, SMTPC_NO_AUTH, false, "4.7.8", c->peer.auth ?
			    STR("unable to log in: the server offers no mechanism that may be used here") :
			    STR("unable to log in: the server does not offer AUTH"));
		return;
	}
	if (c->sasl_busy)
		sasl_client_free(&c->sasl);
	c->sasl_tried |= 1u << m;
	sasl_client_init(&c->sasl, &c->auth, m, c->peer.mechanisms);
	c->sasl_busy = true;
	buf_adds(&c->out, "AUTH ");
	buf_adds(&c->out, sasl_mech_name(m));
	if (sasl_client_initial(&c->sasl, &first)) {
		buf_addc(&c->out, ' ');
		code_b64(&c->out, buf_str(&first));
	}
	buf_adds(&c->out, "\r\n");
	if (first.p != NULL)
		OPENSSL_cleanse(first.p, first.cap);
	if (buf_failed(&first))
		smtp_client_close(c, SMTPC_ABORTED, false, "4.3.0", STR("the password is too long"));
	buf_free(&first);
	c->phase = PHASE_AUTH;
}

/* EHLO or HELO is answered: TLS, a login, or mail. */
static void
greeted(struct smtp_client *c)
{
	bool	offered = c->peer.starttls;

	if (!c->tls && c->conf->starttls != SMTPC_TLS_NEVER && offered) {
		buf_adds(&c->out, "STARTTLS\r\n");
		c->phase = PHASE_STARTTLS;
	} else if (!c->tls && c->conf->starttls == SMTPC_TLS_REQUIRED)
		smtp_client_close(c, SMTPC_NO_TLS, false, "4.7.10", STR("TLS is required, and the server does not offer STARTTLS"));
	else if (c->conf->login)
		begin_auth(c);
	else {
		c->phase = PHASE_MAIL;
		c->want = SMTPC_WANT_MAIL;
	}
}

static void
got_ehlo(struct smtp_client *c)
{
	if (c->reply.code / 100 == 5 && !(c->tls && c->esmtp)) {
		c->esmtp = false;
		hello(c, "HELO", PHASE_HELO);
		return;
	}
	if (c->reply.code / 100 != 2) {
		smtp_client_close(c, SMTPC_REFUSED, true, "", STR(""));
		return;
	}
	c->esmtp = true;
	smtp_ehlo_parse(buf_str(&c->reply.text), &c->peer);
	if (!is_ourselves(c, str_c(c->peer.name)))
		greeted(c);
}

static void
got_helo(struct smtp_client *c)
{
	if (c->reply.code / 100 != 2)
		smtp_client_close(c, SMTPC_REFUSED, true, "", STR(""));
	else if (!is_ourselves(c, smtp_ehlo_name(buf_str(&c->reply.text))))
		greeted(c);
}

static void
got_starttls(struct smtp_client *c)
{
	if (c->reply.code == 220)
		c->want = SMTPC_WANT_STARTTLS;
	else if (c->conf->starttls == SMTPC_TLS_REQUIRED)
		smtp_client_close(c, SMTPC_NO_TLS, true, "4.7.10", STR("TLS is required, and the server refuses STARTTLS"));
	else {
		c->peer.starttls = false;
		greeted(c);
	}
}

void
smtp_client_secured(struct smtp_client *c, const struct scram_channel *channel)
{
	/* what was said in plain text, anybody may have said (RFC 3207 section 4.2) */
	c->peer = (struct smtp_ehlo){ .max_size = 0 };
	smtp_client_reply_reset(&c->reply);
	c->tls = true;
	c->auth.clear = true;
	c->auth.channel = *channel;
	c->want = SMTPC_WANT_INPUT;
	hello(c, "EHLO", PHASE_EHLO);
}

void
smtp_client_channel(struct smtp_client *c, const struct scram_channel *channel)
{
	c->auth.channel = *channel;
}

/* 334: an answer, or "*" when the dialogue cannot go on. */
static void
answer_challenge(struct smtp_client *c)
{
	struct buf	challenge = BUF_INIT(LIMIT_SASL_RESPONSE), answer = BUF_INIT(LIMIT_SASL_RESPONSE);
	bool		good;

	good = code_unb64(&challenge, str_trim(buf_str(&c->reply.text))) && !buf_failed(&challenge) &&
	    sasl_client_feed(&c->sasl, buf_str(&challenge), &answer) && !buf_failed(&answer);
	if (good) {
		code_b64(&c->out, buf_str(&answer));
		buf_adds(&c->out, "\r\n");
	} else
		smtp_client_close(c, SMTPC_NO_AUTH, false, "4.7.8",
		    STR("unable to log in: the server's part of the dialogue is wrong, or it does not know the password"));
	if (answer.p != NULL)
		OPENSSL_cleanse(answer.p, answer.cap);
	buf_free(&challenge);
	buf_free(&answer);
}

/* A mechanism is refused as such, and not the password (RFC 4954 section 6; RFC 5802 section 7). */
static bool
try_another(const struct smtp_client *c)
{
	unsigned	code = c->reply.code;

	return code == 504 || code == 534 || code == 538 || (c->sasl.step == 0 &&
	    (c->sasl.mech == SASL_SCRAM_SHA_1_PLUS || c->sasl.mech == SASL_SCRAM_SHA_256_PLUS));
}

static void
got_auth(struct smtp_client *c)
{
	if (c->reply.code == 334)
		answer_challenge(c);
	else if (c->reply.code / 100 == 5 && try_another(c))
		begin_auth(c);
	else if (c->reply.code != 235)
		smtp_client_close(c, SMTPC_NO_AUTH, true, "4.7.8", STR("unable to log in"));
	else if (!sasl_client_proven(&c->sasl))
		smtp_client_close(c, SMTPC_NO_AUTH, false, "4.7.8",
		    STR("unable to log in: the server has not shown that it knows the password"));
	else {
		c->authenticated = true;
		c->phase = PHASE_MAIL;
		c->want = SMTPC_WANT_MAIL;
	}
}

void
smtp_client_quit(struct smtp_client *c)
{
	buf_adds(&c->out, "QUIT\r\n");
	c->phase = PHASE_QUIT;
	c->want = SMTPC_WANT_INPUT;
}

/* --- replies */

static void
got_reply(struct smtp_client *c)
{
	/* 421 may come at any time (RFC 5321 3.8) */
	if (c->reply.code == 421 && c->phase != PHASE_QUIT) {
		smtp_client_close(c, SMTPC_CLOSING, true, "", STR(""));
		return;
	}
	switch (c->phase) {
	case PHASE_GREETING:
		got_greeting(c);
		break;
	case PHASE_EHLO:
		got_ehlo(c);
		break;
	case PHASE_HELO:
		got_helo(c);
		break;
	case PHASE_STARTTLS:
		got_starttls(c);
		break;
	case PHASE_AUTH:
		got_auth(c);
		break;
	case PHASE_QUIT:
		smtp_client_close(c, SMTPC_ENDED, false, "", STR(""));
		break;
	case PHASE_MAIL:	/* nothing was asked */
		smtp_client_close(c, SMTPC_GARBAGE, true, "4.5.0", STR("a reply that nothing was asked for"));
		break;
	default:
		smtp_client_mail_reply(c);
	}
}

enum smtp_client_want
smtp_client_feed(struct smtp_client *c, struct str *in)
{
	if (c->want == SMTPC_WANT_CLOSE || c->want == SMTPC_WANT_STARTTLS)
		return c->want;
	while (in->n > 0) {
		enum smtp_client_reply_got	got = smtp_client_reply_feed(&c->reply, in);

		if (got == SMTP_REPLY_BAD)
			smtp_client_close(c, SMTPC_GARBAGE, false, "4.5.0", STR("what the server sends is no reply"));
		else if (got == SMTP_REPLY_WHOLE) {
			got_reply(c);
			smtp_client_reply_reset(&c->reply);
		}
		if (c->want != SMTPC_WANT_INPUT)
			break;
	}
	if (buf_failed(&c->out))	/* nothing true can be sent any more */
		smtp_client_close(c, SMTPC_ABORTED, false, "4.3.0", STR("out of memory"));
	return c->want;
}
