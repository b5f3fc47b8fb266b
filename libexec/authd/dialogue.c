#include "dialogue.h"

#include <sys/random.h>
#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/crypto.h>

#include "answer.h"
#include "base/attr.h"
#include "base/code.h"
#include "password.h"
#include "sys/fd.h"
#include "sys/log.h"

enum { DIALOGUE_MS = 90000, BINDING_MAX = 128 };

static void	run(struct authd *, struct dialogue *, enum sasl_want, struct buf *challenge);

struct dialogue *
dialogue_new(int sock)
{
	struct dialogue	*d = calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	d->sock = sock;
	d->until = deadline_in(DIALOGUE_MS);
	buf_init(&d->start, LIMIT_RECORD);
	buf_init(&d->exporter, BINDING_MAX);
	buf_init(&d->endpoint, BINDING_MAX);
	d->handoff = (struct handoff){ .sock = -1, .rec = BUF_INIT(LIMIT_RECORD) };
	d->queue = -1;
	return d;
}

void
dialogue_forget(struct dialogue *d)
{
	sasl_free(&d->sasl);
	d->sasl = (struct sasl){ .mech = SASL_NONE };
	if (d->start.p != NULL)
		OPENSSL_cleanse(d->start.p, d->start.cap);
	buf_reset(&d->start);
	buf_reset(&d->exporter);
	buf_reset(&d->endpoint);
	d->found = false;
	d->mechanism = "";
	d->state = DIALOGUE_IDLE;
}

void
dialogue_free(struct dialogue *d)
{
	dialogue_forget(d);
	buf_free(&d->start);
	buf_free(&d->exporter);
	buf_free(&d->endpoint);
	handoff_free(&d->handoff);
	(void)fd_close(&d->queue);
	(void)fd_close(&d->sock);
	free(d);
}

/* Who is d->sasl.user? False when that cannot be told now. */
static bool
find_account(struct authd *a, struct dialogue *d, struct buf *user)
{
	d->found = false;
	if (!password_user(buf_str(&d->sasl.user), user))
		return true;
	switch (account_of_login(a->conf, buf_str(user), &d->account)) {
	case ACCOUNT_FOUND:
		d->found = true;
		return true;
	case ACCOUNT_NONE:
		return true;
	case ACCOUNT_TEMP:
		break;
	}
	return false;
}

static bool
want_secrets(struct authd *a, struct dialogue *d, enum sasl_want *want, struct buf *challenge)
{
	struct secrets	s;
	struct buf	user = BUF_INIT(LIMIT_SASL_NAME);
	bool		good = find_account(a, d, &user);

	good = good && password_secrets(a, d->found ? d->account.name : NULL, buf_str(&user), &s, NULL);
	if (good)
		*want = sasl_secrets(&d->sasl, &s.sasl, challenge);
	OPENSSL_cleanse(&s, sizeof(s));
	buf_free(&user);
	return good;
}

static bool
want_password(struct authd *a, struct dialogue *d, enum sasl_want *want)
{
	struct buf		user = BUF_INIT(LIMIT_SASL_NAME);
	bool			good = find_account(a, d, &user);
	enum password_got	got = PASSWORD_TEMP;

	if (good)
		got = password_check(a, d->found ? d->account.name : NULL, buf_str(&user), buf_str(&d->sasl.password));
	buf_free(&user);
	if (got == PASSWORD_TEMP)
		return false;
	*want = sasl_verdict(&d->sasl, got == PASSWORD_RIGHT);
	return true;
}

/* EXTERNAL: the certificate's key is registered; a name, if any, must be its own. */
static bool
want_key(struct authd *a, struct dialogue *d, enum sasl_want *want)
{
	struct key	k;
	struct str	name = buf_str(&d->sasl.authzid);
	int		got = keys_get(a->keys, d->peer.fingerprint, &k);

	if (got == -1)
		return false;
	if (got == 1 && d->preauth && k.nopreauth) {
		/* nobody asked to log in: nothing happened */
		answer_result(d, "fail", "nopreauth", NULL);
		d->state = DIALOGUE_OVER;
		return true;
	}
	if (got == 1 && (name.n == 0 || str_ieq(name, str_c(k.login)))) {
		switch (account_of_name(a->conf, str_c(k.account), str_c(k.login), &d->account)) {
		case ACCOUNT_FOUND:
			d->found = true;
			break;
		case ACCOUNT_NONE:
			break;
		case ACCOUNT_TEMP:
			return false;
		}
	}
	*want = sasl_verdict(&d->sasl, d->found);
	return true;
}

/* Do what the engine wants until it is the gate's turn. */
static void
run(struct authd *a, struct dialogue *d, enum sasl_want want, struct buf *challenge)
{
	bool	good = true;

	while (good) {
		switch (want) {
		case SASL_WANT_STEP:
			d->state = DIALOGUE_SASL;
			answer_continue(d, buf_str(challenge));
			return;
		case SASL_WANT_SECRETS:
			good = want_secrets(a, d, &want, challenge);
			break;
		case SASL_WANT_PASSWORD:
			good = want_password(a, d, &want);
			break;
		case SASL_WANT_KEY:
			good = want_key(a, d, &want);
			if (d->state == DIALOGUE_OVER)
				return;
			break;
		case SASL_DONE:
			answer_proven(a, d);
			return;
		case SASL_FAILED:
			answer_failed(a, d);
			return;
		}
	}
	answer_temporary(a, d);
}

/* What makes each dialogue another one: SCRAM's nonce, CRAM-MD5's challenge. */
static bool
fresh(struct authd *a, struct dialogue *d)
{
	uint8_t		bytes[18];
	struct buf	nonce = { .p = d->nonce, .cap = sizeof(d->nonce), .max = sizeof(d->nonce) - 1 };
	struct str	host = str_head(conf_machine(a->conf)->hostname, LIMIT_DOMAIN);

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return false;
	code_b64(&nonce, str_n(bytes, sizeof(bytes)));
	d->nonce[nonce.n] = '\0';
	(void)snprintf(d->challenge, sizeof(d->challenge), "<%s.%lld@" STR_FMT ">",
	    d->nonce, (long long)clock_now(), STR_ARG(host));
	return true;
}

/* A mechanism that this connection cannot do is as good as none. */
static bool
can_do(const struct dialogue *d, enum sasl_mech mech)
{
	if (mech == SASL_SCRAM_SHA_1_PLUS || mech == SASL_SCRAM_SHA_256_PLUS)
		return d->exporter.n > 0 || d->endpoint.n > 0;
	return mech == SASL_EXTERNAL ? d->peer.fingerprint.n > 0 : mech != SASL_NONE;
}

/*
 * A gate says who its peer is; only what listend sealed is true. Without a key,
 * as in tests, nobody can tell, and the peer is a stranger without TLS.
 */
static bool
believe(struct authd *a, struct dialogue *d)
{
	struct log	l;

	if (!a->seal.there) {
		d->peer.trusted = false;
		d->peer.fingerprint = d->peer.exporter = d->peer.endpoint = STR("");
		return true;
	}
	if (seal_is_good(&a->seal, &d->peer)) {
		/* it has done its work, and is of no use to who comes next */
		d->peer.seal = STR("");
		return true;
	}
	log_start(&l, "seal-wrong");
	log_str(&l, "conn", d->peer.id);
	log_str(&l, "rip", d->peer.rip);
	log_end(&l);
	/* not noted as an attempt: whose it was cannot be told */
	answer_result(d, "temp", NULL, NULL);
	dialogue_forget(d);
	return false;
}

/* Take over what start and login say about the peer. */
static bool
begin(struct authd *a, struct dialogue *d, struct str rec)
{
	dialogue_forget(d);
	buf_add(&d->start, rec);
	rec = buf_str(&d->start);
	d->peer = peer_from_record(rec);
	if (!believe(a, d))
		return false;
	d->protocol = attr_get(rec, "protocol");
	d->agent = attr_get(rec, "agent");
	d->preauth = attr_getu(rec, "preauth", 0) == 1;
	if (!code_unhex(&d->exporter, d->peer.exporter))
		buf_reset(&d->exporter);
	if (!code_unhex(&d->endpoint, d->peer.endpoint))
		buf_reset(&d->endpoint);
	/* the old configuration does as well as the new one when that cannot be read */
	(void)!conf_refresh(a->conf);
	if (d->peer.trusted || limiter_allows(a->limiter, d->peer.rip))
		return true;
	answer_result(d, "fail", "limited", "too many failed logins from your address");
	dialogue_forget(d);
	return false;
}

static void
begin_sasl(struct dialogue *d, enum sasl_mech mech)
{
	const struct sasl_facts	facts = {
		.nonce = str_c(d->nonce), .challenge = str_c(d->challenge),
		.channel = { buf_str(&d->exporter), buf_str(&d->endpoint) },
	};

	d->mechanism = sasl_mech_name(mech);
	sasl_init(&d->sasl, mech, &facts);
}

/* Feed a response that came in base64. */
static void
feed(struct authd *a, struct dialogue *d, struct str encoded)
{
	struct buf	response = BUF_INIT(LIMIT_SASL_RESPONSE), challenge = BUF_INIT(LIMIT_RECORD / 2);
	size_t		room;

	(void)buf_room(&response, LIMIT_SASL_RESPONSE, &room);	/* one place, to be wiped */
	if (code_unb64(&response, encoded) && !buf_failed(&response))
		run(a, d, sasl_feed(&d->sasl, buf_str(&response), &challenge), &challenge);
	else
		answer_refuse(a, d, "badprotocol", "badprotocol", NULL);
	if (response.p != NULL)
		OPENSSL_cleanse(response.p, response.cap);
	buf_free(&response);
	buf_free(&challenge);
}

static void
cmd_start(struct authd *a, struct dialogue *d, struct str rec)
{
	struct buf	challenge = BUF_INIT(LIMIT_RECORD / 2);
	enum sasl_mech	mech = sasl_mech_of(attr_get(rec, "mechanism"));
	struct str	initial;

	if (!begin(a, d, rec))
		return;
	if (!can_do(d, mech)) {
		answer_result(d, "fail", "nomech", "no such mechanism here");
		dialogue_forget(d);
		return;
	}
	if (!fresh(a, d)) {
		answer_temporary(a, d);
		return;
	}
	begin_sasl(d, mech);
	initial = attr_get(buf_str(&d->start), "initial");
	if (initial.p != NULL)
		feed(a, d, initial);
	else
		run(a, d, sasl_begin(&d->sasl, &challenge), &challenge);
	buf_free(&challenge);
}

/* IMAP's LOGIN: as the mechanism of that name, with both answers at hand. */
static void
cmd_login(struct authd *a, struct dialogue *d, struct str rec)
{
	struct buf	user = BUF_INIT(LIMIT_SASL_RESPONSE), scrap = BUF_INIT(64);

	if (!begin(a, d, rec))
		return;
	begin_sasl(d, SASL_LOGIN);
	if (!code_unb64(&user, attr_get(buf_str(&d->start), "user")) ||
	    sasl_feed(&d->sasl, buf_str(&user), &scrap) != SASL_WANT_STEP)
		answer_refuse(a, d, "badprotocol", "badcreds", NULL);
	else
		feed(a, d, attr_get(buf_str(&d->start), "password"));
	buf_free(&user);
	buf_free(&scrap);
}

/* It asks for what its login is not good for: the dialogue is over. */
static void
forged(struct dialogue *d)
{
	struct log	l;

	log_start(&l, "handoff-forged");
	log_str(&l, "conn", d->peer.id);
	log_end(&l);
	answer_result(d, "fail", "badprotocol", "no login");
	d->state = DIALOGUE_OVER;
}

/*
 * A login is good for what the peer connected to, which listend sealed: a gate
 * that serves another protocol does not get this one's door with it.
 */
static bool
is_login_for(const struct dialogue *d, struct str protocol, struct str service, struct str tls_service)
{
	return d->state == DIALOGUE_OK && str_eq(d->protocol, protocol) &&
	    (str_eq(d->peer.service, service) || str_eq(d->peer.service, tls_service));
}

/* Who it is that comes through the door: what we know, and nothing that the gate says now. */
static void
begin_conn(struct dialogue *d)
{
	struct buf	*conn = &d->handoff.rec;

	attr_start(conn, "conn", 1);
	peer_add(conn, &d->peer);
	attr_adds(conn, "account", d->account.name);
	attr_adds(conn, "login", d->account.login);
	attr_adds(conn, "mechanism", d->mechanism);
}

static void
knock(struct dialogue *d, const char *door, struct ipc_fds *fds)
{
	if (buf_failed(&d->handoff.rec)) {
		answer_result(d, "temp", NULL, NULL);
		d->state = DIALOGUE_OVER;
		return;
	}
	handoff_start(&d->handoff, door, fds);
	d->state = DIALOGUE_HANDOFF;
	dialogue_go_on(d);
}

static void
cmd_handoff(struct authd *a, struct dialogue *d, struct str rec, struct ipc_fds *fds)
{
	if (!is_login_for(d, STR("imap"), STR("imap"), STR("imaps")) || fds->n != 2) {
		forged(d);
		return;
	}
	begin_conn(d);
	attr_add(&d->handoff.rec, "tag", attr_get(rec, "tag"));
	attr_add(&d->handoff.rec, "input", attr_get(rec, "input"));
	knock(d, a->imapd, fds);
}

/* A pair of sockets: one end through the door (twice, as spawnd wants data and control), the other for the gate. */
static void
cmd_queue(struct authd *a, struct dialogue *d)
{
	struct ipc_fds	fds = { .n = 0 };
	int		pair[2];

	if (!is_login_for(d, STR("smtp"), STR("submission"), STR("submissions"))) {
		forged(d);
		return;
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1) {
		log_failure("no-pair", "queue", errno);
		answer_result(d, "temp", NULL, NULL);
		d->state = DIALOGUE_OVER;
		return;
	}
	d->queue = pair[0];
	fds.fd[0] = pair[1];
	fds.fd[1] = fcntl(pair[1], F_DUPFD_CLOEXEC, 0);
	fds.n = 2;
	begin_conn(d);
	knock(d, a->queue, &fds);
	ipc_close(&fds);
}

void
dialogue_go_on(struct dialogue *d)
{
	enum handoff_got	got = handoff_step(&d->handoff);

	if (got == HANDOFF_AGAIN)
		return;
	if (got == HANDOFF_DONE && d->queue != -1)
		answer_queue(d);
	else
		answer_result(d, got == HANDOFF_DONE ? "handed" : "temp", NULL, NULL);
	d->state = DIALOGUE_OVER;
}

void
dialogue_record(struct authd *a, struct dialogue *d, struct str rec, struct ipc_fds *fds)
{
	struct str	cmd = attr_get(rec, "cmd");

	d->until = deadline_in(DIALOGUE_MS);
	if (!attr_is(rec, "auth", 1)) {
		d->state = DIALOGUE_OVER;
		return;
	}
	if (str_eq(cmd, STR("handoff"))) {
		cmd_handoff(a, d, rec, fds);
	} else if (str_eq(cmd, STR("queue"))) {
		cmd_queue(a, d);
	} else if (d->state == DIALOGUE_IDLE && str_eq(cmd, STR("start"))) {
		cmd_start(a, d, rec);
	} else if (d->state == DIALOGUE_IDLE && str_eq(cmd, STR("login"))) {
		cmd_login(a, d, rec);
	} else if (d->state == DIALOGUE_SASL && str_eq(cmd, STR("step"))) {
		feed(a, d, attr_get(rec, "response"));
	} else if (d->state == DIALOGUE_SASL && str_eq(cmd, STR("abort"))) {
		answer_note(a, d, "aborted");
		answer_result(d, "fail", "aborted", NULL);
		dialogue_forget(d);
	} else {
		answer_result(d, "fail", "badprotocol", "not now");
		d->state = DIALOGUE_OVER;
	}
}
