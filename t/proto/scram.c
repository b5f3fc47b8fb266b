/* scram: the RFCs' dialogues, what a client may not say, channels. */
#include "proto/scram.h"

#include "base/code.h"
#include "../tap.h"

static const struct scram_channel	no_channel;
static const struct scram_channel	channel = { STR_INIT("exporter bytes"), STR_INIT("endpoint bytes") };

static struct scram_keys
keys(enum scram_hash hash, const char *salt, const char *password)
{
	struct scram_keys	k = { .hash = hash, .iterations = 4096 };
	struct buf		b = BUF_INIT(SCRAM_SALT_MAX);

	if (!code_unb64(&b, str_c(salt)))
		ok(false, "salt");
	memcpy(k.salt, b.p, b.n);
	k.salt_n = b.n;
	buf_free(&b);
	ok(scram_derive(&k, str_c(password)), "derive");
	return k;
}

/* RFC 5802 section 5, RFC 7677 section 3. */
static const struct {
	const char	*name;
	enum scram_hash	 hash;
	const char	*salt, *nonce, *c1, *s1, *c2, *s2;
} dialogues[] = {
	{ "RFC 5802", SCRAM_SHA_1, "QSXCR+Q6sek8bf92", "3rfcNHYJY1ZVvWVs7j",
	    "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
	    "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
	    "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
	    "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=" },
	{ "RFC 7677", SCRAM_SHA_256, "W22ZaJ0SNY7soEsUEjb6gQ==", "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
	    "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
	    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
	    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
	    "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=" },
};

static void
test_rfc(void)
{
	for (size_t i = 0; i < sizeof(dialogues) / sizeof(dialogues[0]); i++) {
		struct scram_keys	k = keys(dialogues[i].hash, dialogues[i].salt, "pencil");
		struct buf		out = BUF_INIT(4096);

		for (int known = 1; known >= 0; known--) {
			struct scram	s;

			scram_init(&s, dialogues[i].hash, false, &no_channel);
			is_num(scram_first(&s, str_c(dialogues[i].c1)), SCRAM_OK, dialogues[i].name);
			is_str(buf_str(&s.user), STR("user"), "the user");
			buf_reset(&out);
			scram_challenge(&s, &k, known, str_c(dialogues[i].nonce), &out);
			is_str(buf_str(&out), str_c(dialogues[i].s1), "server-first-message");
			buf_reset(&out);
			is_num(scram_final(&s, str_c(dialogues[i].c2), &out), known ? SCRAM_OK : SCRAM_PROOF,
			    known ? "the proof" : "a good proof for made-up keys");
			is_str(buf_str(&out), str_c(known ? dialogues[i].s2 : ""), "server-final-message");
			scram_free(&s);
		}
		ok(scram_check(&k, STR("pencil")) && !scram_check(&k, STR("pencils")), "a password against the keys");
		buf_free(&out);
	}
}

static const struct {
	const char		*name;
	bool			 plus, tls;
	const char		*in;
	enum scram_result	 want;
	const char		*user, *authzid;
} firsts[] = {
	{ "plain", false, false, "n,,n=u,r=x", SCRAM_OK, "u", "" },
	{ "authzid", false, false, "n,a=z,n=u,r=x", SCRAM_OK, "u", "z" },
	{ "escaped", false, false, "n,a==2Cz,n=a=2Cb=3Dc,r=x", SCRAM_OK, "a,b=c", ",z" },
	{ "an extension", false, false, "n,,n=u,r=x,z=1", SCRAM_OK, "u", "" },
	{ "a mandatory extension", false, false, "n,,m=1,n=u,r=x", SCRAM_SYNTAX, "", "" },
	{ "a broken extension", false, false, "n,,n=u,r=x,1=1", SCRAM_SYNTAX, "", "" },
	{ "a bad escape", false, false, "n,,n=a=2Db,r=x", SCRAM_SYNTAX, "", "" },
	{ "an escape cut short", false, false, "n,,n=a=2,r=x", SCRAM_SYNTAX, "", "" },
	{ "no user", false, false, "n,,n=,r=x", SCRAM_SYNTAX, "", "" },
	{ "no nonce", false, false, "n,,n=u,r=", SCRAM_SYNTAX, "", "" },
	{ "no nonce at all", false, false, "n,,n=u", SCRAM_SYNTAX, "", "" },
	{ "a nonce with a space", false, false, "n,,n=u,r=a b", SCRAM_SYNTAX, "", "" },
	{ "no UTF-8", false, false, "n,,n=\xff,r=x", SCRAM_SYNTAX, "", "" },
	{ "no header", false, false, "n=u,r=x", SCRAM_SYNTAX, "", "" },
	{ "half a header", false, false, "n,n=u,r=x", SCRAM_SYNTAX, "", "" },
	{ "empty", false, false, "", SCRAM_SYNTAX, "", "" },
	{ "another flag", false, false, "x,,n=u,r=x", SCRAM_SYNTAX, "", "" },
	{ "could bind, in clear", false, false, "y,,n=u,r=x", SCRAM_OK, "u", "" },
	{ "could bind, on TLS", false, true, "y,,n=u,r=x", SCRAM_BINDING, "", "" },
	{ "cannot bind, on TLS", false, true, "n,,n=u,r=x", SCRAM_OK, "u", "" },
	{ "binds without PLUS", false, true, "p=tls-exporter,,n=u,r=x", SCRAM_SYNTAX, "", "" },
	{ "PLUS", true, true, "p=tls-exporter,,n=u,r=x", SCRAM_OK, "u", "" },
	{ "PLUS, the certificate", true, true, "p=tls-server-end-point,,n=u,r=x", SCRAM_OK, "u", "" },
	{ "PLUS, a kind we do not have", true, true, "p=tls-unique,,n=u,r=x", SCRAM_BINDING, "", "" },
	{ "PLUS in clear", true, false, "p=tls-exporter,,n=u,r=x", SCRAM_BINDING, "", "" },
	{ "PLUS that does not bind", true, true, "n,,n=u,r=x", SCRAM_SYNTAX, "", "" },
	{ "PLUS that could", true, true, "y,,n=u,r=x", SCRAM_SYNTAX, "", "" },
};

static void
test_first(void)
{
	for (size_t i = 0; i < sizeof(firsts) / sizeof(firsts[0]); i++) {
		struct scram	s;

		scram_init(&s, SCRAM_SHA_256, firsts[i].plus, firsts[i].tls ? &channel : &no_channel);
		is_num(scram_first(&s, str_c(firsts[i].in)), firsts[i].want, firsts[i].name);
		if (firsts[i].want == SCRAM_OK) {
			is_str(buf_str(&s.user), str_c(firsts[i].user), "its user");
			is_str(buf_str(&s.authzid), str_c(firsts[i].authzid), "its authzid");
		}
		scram_free(&s);
	}
}

/* client-final-messages after "n,,n=u,r=x" and our nonce "y"; c= of that is biws. */
static const struct {
	const char		*name, *in;
	enum scram_result	 want;
} finals[] = {
	{ "a wrong proof", "c=biws,r=xy,p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", SCRAM_PROOF },
	{ "a short proof", "c=biws,r=xy,p=AAAA", SCRAM_PROOF },
	{ "an extension", "c=biws,r=xy,z=1,p=AAAA", SCRAM_PROOF },
	{ "an extension that is none", "c=biws,r=xy,z,p=AAAA", SCRAM_SYNTAX },
	{ "another nonce", "c=biws,r=xz,p=AAAA", SCRAM_SYNTAX },
	{ "only its own nonce", "c=biws,r=x,p=AAAA", SCRAM_SYNTAX },
	{ "another header", "c=eSws,r=xy,p=AAAA", SCRAM_BINDING },
	{ "a longer header", "c=biwsAA==,r=xy,p=AAAA", SCRAM_BINDING },
	{ "no base64", "c=b,r=xy,p=AAAA", SCRAM_SYNTAX },
	{ "no header", "r=xy,p=AAAA", SCRAM_SYNTAX },
	{ "no proof", "c=biws,r=xy", SCRAM_SYNTAX },
	{ "proof not last", "c=biws,r=xy,p=AAAA,z=1", SCRAM_SYNTAX },
	{ "empty", "", SCRAM_SYNTAX },
};

static void
test_final(void)
{
	struct scram_keys	k = keys(SCRAM_SHA_256, "AAAA", "pencil");

	for (size_t i = 0; i < sizeof(finals) / sizeof(finals[0]); i++) {
		struct scram	s;
		struct buf	out = BUF_INIT(4096);

		scram_init(&s, SCRAM_SHA_256, false, &no_channel);
		is_num(scram_first(&s, STR("n,,n=u,r=x")), SCRAM_OK, "first");
		scram_challenge(&s, &k, true, STR("y"), &out);
		buf_reset(&out);
		is_num(scram_final(&s, str_c(finals[i].in), &out), finals[i].want, finals[i].name);
		is_num(out.n, 0, "says nothing");
		buf_free(&out);
		scram_free(&s);
	}
}

int
main(void)
{
	test_rfc();
	test_first();
	test_final();
	return done_testing();
}
