/*
 * sasl: the server's side of a SASL dialogue (RFC 4422), without I/O: fed with
 * what the client sent (decoded), it gives a challenge (to be encoded) and one
 * want. Stored secrets, randomness and the verdict about a password in clear
 * come from the caller.
 *
 *	want = initial ? sasl_feed(&s, initial, &out) : sasl_begin(&s, &out);
 *	STEP		send out, feed the answer
 *	SECRETS		look s.user up, call sasl_secrets()
 *	PASSWORD	check s.user and s.password, call sasl_verdict()
 *	KEY		may the client's certificate log in (as s.authzid, when
 *			that is not empty)? call sasl_verdict()
 *	DONE		s.user has proven itself (for EXTERNAL the certificate has)
 *	FAILED		s.why
 */
#ifndef PROTO_SASL_H
#define PROTO_SASL_H

#include "../base/buf.h"
#include "crammd5.h"
#include "scram.h"

enum sasl_mech {
	SASL_NONE,			/* unknown */
	SASL_PLAIN,			/* RFC 4616 */
	SASL_LOGIN,			/* draft-murchison-sasl-login */
	SASL_CRAM_MD5,			/* RFC 2195 */
	SASL_SCRAM_SHA_1,		/* RFC 5802 */
	SASL_SCRAM_SHA_1_PLUS,
	SASL_SCRAM_SHA_256,		/* RFC 7677 */
	SASL_SCRAM_SHA_256_PLUS,
	SASL_EXTERNAL,			/* RFC 4422 appendix A */
};

enum sasl_want {
	SASL_WANT_STEP,
	SASL_WANT_SECRETS,
	SASL_WANT_PASSWORD,
	SASL_WANT_KEY,
	SASL_DONE,
	SASL_FAILED,
};

enum sasl_why { SASL_BADCREDS, SASL_BADPROTOCOL, SASL_BADCHANBIND };

/* What the caller knows when the dialogue begins; borrowed, must outlive it. */
struct sasl_facts {
	struct str		nonce;		/* SCRAM: fresh, printable, no comma */
	struct str		challenge;	/* CRAM-MD5: "<random.time@host>", fresh */
	struct scram_channel	channel;
};

/* Of one account; for an unknown one made up, with known false. */
struct sasl_secrets {
	bool			known;
	struct scram_keys	sha1, sha256;
	struct cram_md5_keys	md5;
};

struct sasl {
	enum sasl_mech		mech;
	struct sasl_facts	facts;
	unsigned		step;		/* responses fed */
	bool			begun;		/* our first challenge was asked for */
	enum sasl_want		want;
	enum sasl_why		why;		/* when FAILED */
	struct buf		user, authzid, password;
	struct buf		digest;		/* CRAM-MD5: what the client computed */
	struct scram		scram;
};

/* The mechanism of that name in any case, or SASL_NONE; and its name. */
enum sasl_mech	sasl_mech_of(struct str name);
const char	*sasl_mech_name(enum sasl_mech);

/* A mechanism that shows us the password itself. */
bool	sasl_mech_is_clear(enum sasl_mech);

void	sasl_init(struct sasl *, enum sasl_mech, const struct sasl_facts *);

/* Wipes the password, too. */
void	sasl_free(struct sasl *);

/* The client sent no initial response; or sent this one, or this answer to a challenge. */
enum sasl_want	sasl_begin(struct sasl *, struct buf *challenge) __attribute__((warn_unused_result));
enum sasl_want	sasl_feed(struct sasl *, struct str response, struct buf *challenge) __attribute__((warn_unused_result));

/* What SECRETS, PASSWORD and KEY asked for. */
enum sasl_want	sasl_secrets(struct sasl *, const struct sasl_secrets *, struct buf *challenge) __attribute__((warn_unused_result));
enum sasl_want	sasl_verdict(struct sasl *, bool good) __attribute__((warn_unused_result));

#endif
