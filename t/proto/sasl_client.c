/* sasl_client: against sasl, the server's side, each mechanism with right and wrong passwords and channels. */
#include "proto/sasl_client.h"

#include "../tap.h"

static const struct scram_channel	none = { { NULL, 0 }, { NULL, 0 } };
static const struct scram_channel	channel = { STR_INIT("exporter bytes of thirty-two...."), STR_INIT("endpoint") };
static const struct scram_channel	old = { { NULL, 0 }, STR_INIT("endpoint") };
static const struct scram_channel	other = { STR_INIT("exporter of somebody in between."), STR_INIT("another") };

static void
make_secrets(struct sasl_secrets *s, struct str password)
{
	*s = (struct sasl_secrets){
		.known = true,
		.sha1 = { .hash = SCRAM_SHA_1, .iterations = 4096, .salt_n = 4, .salt = { 1, 2, 3, 4 } },
		.sha256 = { .hash = SCRAM_SHA_256, .iterations = 4096, .salt_n = 4, .salt = { 1, 2, 3, 4 } },
	};
	if (!scram_derive(&s->sha1, password) || !scram_derive(&s->sha256, password))
		ok(false, "deriving");
	cram_md5_derive(&s->md5, password);
}

/* What the server asks for. */
static enum sasl_want
serve(struct sasl *s, enum sasl_want w, struct buf *challenge, const struct sasl_secrets *secrets)
{
	for (;;)
		switch (w) {
		case SASL_WANT_SECRETS:
			w = sasl_secrets(s, secrets, challenge);
			break;
		case SASL_WANT_PASSWORD:
			w = sasl_verdict(s, str_eq(buf_str(&s->password), STR("pencil")));
			break;
		case SASL_WANT_KEY:
			w = sasl_verdict(s, false);
			break;
		case SASL_WANT_STEP:
		case SASL_DONE:
		case SASL_FAILED:
			return w;
		}
}

/* "in", "out" (the server says no), "quit" (the client gives up), "unproven". */
static const char *
login(enum sasl_mech mech, const char *password, unsigned offered, const struct scram_channel *ours, const struct scram_channel *theirs)
{
	struct sasl_client_conf	conf = {
		.user = STR("jo,e=@x.example"), .password = str_c(password), .nonce = STR("clientnonce"), .channel = *ours, .clear = true,
	};
	struct sasl_facts	facts = { .nonce = STR("servernonce"), .challenge = STR("<1@x>"), .channel = *theirs };
	struct sasl_client	c;
	struct sasl		s;
	struct sasl_secrets	secrets;
	struct buf		out = BUF_INIT(10000), challenge = BUF_INIT(10000);
	enum sasl_want		w;
	const char		*got = "in";

	make_secrets(&secrets, STR("pencil"));
	sasl_client_init(&c, &conf, mech, offered);
	sasl_init(&s, mech, &facts);
	if (sasl_client_initial(&c, &out))
		w = sasl_feed(&s, buf_str(&out), &challenge);
	else
		w = sasl_begin(&s, &challenge);
	while ((w = serve(&s, w, &challenge, &secrets)) == SASL_WANT_STEP) {
		buf_reset(&out);
		if (!sasl_client_feed(&c, buf_str(&challenge), &out)) {
			got = "quit";
			break;
		}
		buf_reset(&challenge);
		w = sasl_feed(&s, buf_str(&out), &challenge);
	}
	if (w == SASL_FAILED)
		got = "out";
	else if (w == SASL_DONE && !sasl_client_proven(&c))
		got = "unproven";
	sasl_client_free(&c);
	sasl_free(&s);
	buf_free(&out);
	buf_free(&challenge);
	return got;
}

enum {
	ALL = 1 << SASL_PLAIN | 1 << SASL_LOGIN | 1 << SASL_CRAM_MD5 | 1 << SASL_SCRAM_SHA_1 | 1 << SASL_SCRAM_SHA_256,
	PLUS = 1 << SASL_SCRAM_SHA_1_PLUS | 1 << SASL_SCRAM_SHA_256_PLUS,
};

static void
test_logins(void)
{
	static const enum sasl_mech	plain[] = { SASL_PLAIN, SASL_LOGIN, SASL_CRAM_MD5, SASL_SCRAM_SHA_1, SASL_SCRAM_SHA_256 };
	static const enum sasl_mech	bound[] = { SASL_SCRAM_SHA_1_PLUS, SASL_SCRAM_SHA_256_PLUS };

	for (size_t i = 0; i < 5; i++) {
		const char	*name = sasl_mech_name(plain[i]);

		is_str(str_c(login(plain[i], "pencil", ALL, &none, &none)), STR("in"), name);
		is_str(str_c(login(plain[i], "eraser", ALL, &none, &none)), STR("out"), "a wrong password");
		is_str(str_c(login(plain[i], "pencil", ALL, &channel, &none)), STR("in"), "a channel that the server does not bind to");
	}
	for (size_t i = 0; i < 2; i++) {
		const char	*name = sasl_mech_name(bound[i]);

		is_str(str_c(login(bound[i], "pencil", ALL | PLUS, &channel, &channel)), STR("in"), name);
		is_str(str_c(login(bound[i], "pencil", ALL | PLUS, &old, &channel)), STR("in"), "by the server's certificate");
		is_str(str_c(login(bound[i], "eraser", ALL | PLUS, &channel, &channel)), STR("out"), "a wrong password");
		is_str(str_c(login(bound[i], "pencil", ALL | PLUS, &channel, &other)), STR("out"), "somebody is in between");
	}
	/* "y": we could bind, and were told that the server cannot */
	is_str(str_c(login(SASL_SCRAM_SHA_256, "pencil", ALL, &channel, &channel)), STR("out"), "somebody hid the PLUS mechanisms");
}

static enum sasl_mech
choose(const char *allowed, bool clear, const struct scram_channel *ch, unsigned offered, unsigned tried)
{
	struct sasl_client_conf	conf = { .allowed = str_c(allowed), .clear = clear, .channel = *ch };

	return sasl_client_choose(&conf, offered, tried);
}

static void
test_choice(void)
{
	is_num(choose("", true, &channel, ALL | PLUS, 0), SASL_SCRAM_SHA_256_PLUS, "the best first");
	is_num(choose("", true, &none, ALL | PLUS, 0), SASL_SCRAM_SHA_256, "nothing to bind to");
	is_num(choose("", true, &none, ALL, 1 << SASL_SCRAM_SHA_256), SASL_SCRAM_SHA_1, "the next one");
	is_num(choose("", true, &none, 1 << SASL_PLAIN, 0), SASL_PLAIN, "PLAIN in TLS");
	is_num(choose("", false, &none, 1 << SASL_PLAIN | 1 << SASL_LOGIN, 0), SASL_NONE, "not in plain text");
	is_num(choose("PLAIN LOGIN", false, &none, 1 << SASL_PLAIN, 0), SASL_NONE, "not even when it is allowed");
	is_num(choose("login  cram-md5", true, &channel, ALL | PLUS, 0), SASL_CRAM_MD5, "only what is allowed");
	is_num(choose("", true, &none, 0, 0), SASL_NONE, "nothing is offered");
}

static bool
challenged(const char *first, const char *final)
{
	struct sasl_client_conf	conf = { .user = STR("user"), .password = STR("pencil"), .nonce = STR("nonce"), .clear = true };
	struct sasl_client	c;
	struct buf		out = BUF_INIT(10000);
	bool			good;

	sasl_client_init(&c, &conf, SASL_SCRAM_SHA_1, ALL);
	good = sasl_client_initial(&c, &out) && sasl_client_feed(&c, str_c(first), &out) &&
	    (final == NULL || sasl_client_feed(&c, str_c(final), &out));
	sasl_client_free(&c);
	buf_free(&out);
	return good;
}

static void
test_servers(void)
{
	ok(challenged("r=nonceX,s=AAAA,i=4096", NULL), "a challenge");
	ok(!challenged("r=nonceX,s=AAAA,i=4096", "v=AAAA"), "a signature that is none");
	ok(!challenged("r=nonceX,s=AAAA,i=4096", "e=other-error"), "an error");
	ok(!challenged("r=nonce,s=AAAA,i=4096", NULL), "nothing of its own in the nonce");
	ok(!challenged("r=xnonceX,s=AAAA,i=4096", NULL), "not our nonce");
	ok(!challenged("r=nonceX,s=,i=4096", NULL), "no salt");
	ok(!challenged("r=nonceX,s=*,i=4096", NULL), "a salt that is no base64");
	ok(!challenged("r=nonceX,s=AAAA,i=100", NULL), "so few iterations that it wants to guess the password");
	ok(!challenged("r=nonceX,s=AAAA,i=4000000000", NULL), "so many that we would never end");
	ok(!challenged("m=ext,r=nonceX,s=AAAA,i=4096", NULL), "an extension that must be known");
	ok(!challenged("", NULL), "nothing");
}

int
main(void)
{
	test_logins();
	test_choice();
	test_servers();
	return done_testing();
}
