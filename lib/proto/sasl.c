#include "sasl.h"

#include <openssl/crypto.h>

#include "../base/limits.h"

static const char *const names[] = {
	[SASL_NONE] = "",
	[SASL_PLAIN] = "PLAIN",
	[SASL_LOGIN] = "LOGIN",
	[SASL_CRAM_MD5] = "CRAM-MD5",
	[SASL_SCRAM_SHA_1] = "SCRAM-SHA-1",
	[SASL_SCRAM_SHA_1_PLUS] = "SCRAM-SHA-1-PLUS",
	[SASL_SCRAM_SHA_256] = "SCRAM-SHA-256",
	[SASL_SCRAM_SHA_256_PLUS] = "SCRAM-SHA-256-PLUS",
	[SASL_EXTERNAL] = "EXTERNAL",
};

enum sasl_mech
sasl_mech_of(struct str name)
{
	for (enum sasl_mech m = SASL_PLAIN; m <= SASL_EXTERNAL; m++)
		if (str_ieq(name, str_c(names[m])))
			return m;
	return SASL_NONE;
}

const char *
sasl_mech_name(enum sasl_mech mech)
{
	return names[mech];
}

bool
sasl_mech_is_clear(enum sasl_mech mech)
{
	return mech == SASL_PLAIN || mech == SASL_LOGIN;
}

void
sasl_init(struct sasl *s, enum sasl_mech mech, const struct sasl_facts *facts)
{
	*s = (struct sasl){
		.mech = mech, .facts = *facts, .want = SASL_WANT_STEP,
		.user = BUF_INIT(LIMIT_SASL_NAME),
		.authzid = BUF_INIT(LIMIT_SASL_NAME),
		.password = BUF_INIT(LIMIT_PASSWORD),
		.digest = BUF_INIT(2 * CRAM_MD5_HEX),
	};
	scram_init(&s->scram,
	    mech == SASL_SCRAM_SHA_1 || mech == SASL_SCRAM_SHA_1_PLUS ? SCRAM_SHA_1 : SCRAM_SHA_256,
	    mech == SASL_SCRAM_SHA_1_PLUS || mech == SASL_SCRAM_SHA_256_PLUS, &facts->channel);
}

void
sasl_free(struct sasl *s)
{
	if (s->password.p != NULL)
		OPENSSL_cleanse(s->password.p, s->password.cap);
	buf_free(&s->user);
	buf_free(&s->authzid);
	buf_free(&s->password);
	buf_free(&s->digest);
	scram_free(&s->scram);
}

static enum sasl_want
want(struct sasl *s, enum sasl_want w)
{
	s->want = w;
	return w;
}

static enum sasl_want
fail(struct sasl *s, enum sasl_why why)
{
	s->why = why;
	return want(s, SASL_FAILED);
}

/* A password is copied once, into memory that does not move, so that it can be wiped. */
static bool
keep_password(struct sasl *s, struct str password)
{
	size_t	room;

	(void)buf_room(&s->password, LIMIT_PASSWORD, &room);
	buf_add(&s->password, password);
	return !buf_failed(&s->password) && s->password.n > 0;
}

/* Nobody acts for another: an authorization identity must be one's own. */
static bool
same_identity(struct str authzid, struct str user)
{
	return authzid.n == 0 || str_eq(authzid, user);
}

/* message = [authzid] NUL authcid NUL passwd */
static enum sasl_want
plain(struct sasl *s, struct str in)
{
	struct str	authzid, user;

	if (!str_cut(&in, '\0', &authzid) || !str_cut(&in, '\0', &user) || user.n == 0 ||
	    !str_is_utf8(user) || str_chr(in, '\0') != in.n || !keep_password(s, in))
		return fail(s, SASL_BADPROTOCOL);
	if (!same_identity(authzid, user))
		return fail(s, SASL_BADCREDS);
	buf_add(&s->user, user);
	return buf_failed(&s->user) ? fail(s, SASL_BADPROTOCOL) : want(s, SASL_WANT_PASSWORD);
}

static enum sasl_want
login(struct sasl *s, struct str in, struct buf *challenge)
{
	if (s->step == 2)
		return keep_password(s, in) ? want(s, SASL_WANT_PASSWORD) : fail(s, SASL_BADPROTOCOL);
	buf_add(&s->user, in);
	if (buf_failed(&s->user) || in.n == 0 || !str_is_utf8(in))
		return fail(s, SASL_BADPROTOCOL);
	buf_adds(challenge, "Password:");
	return want(s, SASL_WANT_STEP);
}

/* user SP digest; the user may hold spaces */
static enum sasl_want
cram(struct sasl *s, struct str in)
{
	size_t	space = str_rchr(in, ' ');

	/* without our challenge there is nothing to answer */
	if (!s->begun || space == in.n || space == 0 || !str_is_utf8(in))
		return fail(s, SASL_BADPROTOCOL);
	buf_add(&s->user, str_head(in, space));
	buf_add(&s->digest, str_skip(in, space + 1));
	if (buf_failed(&s->user) || s->digest.n != CRAM_MD5_HEX)
		return fail(s, SASL_BADPROTOCOL);
	return want(s, SASL_WANT_SECRETS);
}

static enum sasl_want
scram_failed(struct sasl *s, enum scram_result r)
{
	switch (r) {
	case SCRAM_BINDING:
		return fail(s, SASL_BADCHANBIND);
	case SCRAM_PROOF:
		return fail(s, SASL_BADCREDS);
	case SCRAM_OK:
	case SCRAM_SYNTAX:
		break;
	}
	return fail(s, SASL_BADPROTOCOL);
}

static enum sasl_want
scram(struct sasl *s, struct str in, struct buf *challenge)
{
	enum scram_result	r;

	switch (s->step) {
	case 1:
		r = scram_first(&s->scram, in);
		if (r != SCRAM_OK)
			return scram_failed(s, r);
		buf_add(&s->user, buf_str(&s->scram.user));
		buf_add(&s->authzid, buf_str(&s->scram.authzid));
		if (!same_identity(buf_str(&s->authzid), buf_str(&s->user)))
			return fail(s, SASL_BADCREDS);
		return want(s, SASL_WANT_SECRETS);
	case 2:
		r = scram_final(&s->scram, in, challenge);
		return r == SCRAM_OK ? want(s, SASL_WANT_STEP) : scram_failed(s, r);
	case 3:
		/* the client has seen our signature and has nothing more to say */
		return in.n == 0 ? want(s, SASL_DONE) : fail(s, SASL_BADPROTOCOL);
	}
	return fail(s, SASL_BADPROTOCOL);
}

static enum sasl_want
external(struct sasl *s, struct str in)
{
	buf_add(&s->authzid, in);
	if (buf_failed(&s->authzid) || !str_is_utf8(in))
		return fail(s, SASL_BADPROTOCOL);
	return want(s, SASL_WANT_KEY);
}

enum sasl_want
sasl_begin(struct sasl *s, struct buf *challenge)
{
	s->begun = true;
	/* the mechanisms where the server speaks first; the others begin with nothing */
	if (s->mech == SASL_LOGIN)
		buf_adds(challenge, "Username:");
	else if (s->mech == SASL_CRAM_MD5)
		buf_add(challenge, s->facts.challenge);
	return want(s, s->mech == SASL_NONE ? SASL_FAILED : SASL_WANT_STEP);
}

enum sasl_want
sasl_feed(struct sasl *s, struct str response, struct buf *challenge)
{
	if (s->want != SASL_WANT_STEP || response.n > LIMIT_SASL_RESPONSE)
		return fail(s, SASL_BADPROTOCOL);
	/* mutt begins CRAM-MD5 with an empty response: it can mean nothing but none */
	if (!s->begun && s->step == 0 && response.n == 0 &&
	    (s->mech == SASL_CRAM_MD5 || s->mech == SASL_LOGIN))
		return sasl_begin(s, challenge);
	s->step++;
	switch (s->mech) {
	case SASL_PLAIN:
		return plain(s, response);
	case SASL_LOGIN:
		return login(s, response, challenge);
	case SASL_CRAM_MD5:
		return cram(s, response);
	case SASL_SCRAM_SHA_1:
	case SASL_SCRAM_SHA_1_PLUS:
	case SASL_SCRAM_SHA_256:
	case SASL_SCRAM_SHA_256_PLUS:
		return scram(s, response, challenge);
	case SASL_EXTERNAL:
		return external(s, response);
	case SASL_NONE:
		break;
	}
	return fail(s, SASL_BADPROTOCOL);
}

enum sasl_want
sasl_secrets(struct sasl *s, const struct sasl_secrets *secrets, struct buf *challenge)
{
	if (s->want != SASL_WANT_SECRETS)
		return fail(s, SASL_BADPROTOCOL);
	if (s->mech != SASL_CRAM_MD5) {
		scram_challenge(&s->scram, s->scram.hash == SCRAM_SHA_1 ? &secrets->sha1 : &secrets->sha256,
		    secrets->known, s->facts.nonce, challenge);
		return want(s, SASL_WANT_STEP);
	}
	if (cram_md5_check(&secrets->md5, s->facts.challenge, buf_str(&s->digest)) && secrets->known)
		return want(s, SASL_DONE);
	return fail(s, SASL_BADCREDS);
}

enum sasl_want
sasl_verdict(struct sasl *s, bool good)
{
	if (s->want != SASL_WANT_PASSWORD && s->want != SASL_WANT_KEY)
		return fail(s, SASL_BADPROTOCOL);
	return good ? want(s, SASL_DONE) : fail(s, SASL_BADCREDS);
}
