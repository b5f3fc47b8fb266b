/* sasl: whole dialogues of each mechanism, and what ends them. */
#include "proto/sasl.h"

#include "../tap.h"

static const struct sasl_facts	facts = {
	.nonce = STR_INIT("3rfcNHYJY1ZVvWVs7j"),
	.challenge = STR_INIT("<1896.697170952@postoffice.reston.mci.net>"),
};

/* A step: what the client says (NULL: begins without), what we answer, and the want. */
struct step {
	struct str	in;
	const char	*out;
	enum sasl_want	 want;
};

#define BEGIN	{ NULL, 0 }

static const struct {
	const char	*name;
	enum sasl_mech	 mech;
	struct step	 step[4];
	enum sasl_why	 why;
	const char	*user, *password;
} rows[] = {
	{ "PLAIN", SASL_PLAIN, { { STR_INIT("\0tim\0tanstaaftanstaaf"), "", SASL_WANT_PASSWORD } }, 0, "tim", "tanstaaftanstaaf" },
	{ "PLAIN, asked", SASL_PLAIN, { { BEGIN, "", SASL_WANT_STEP }, { STR_INIT("\0t\0p"), "", SASL_WANT_PASSWORD } }, 0, "t", "p" },
	{ "PLAIN as oneself", SASL_PLAIN, { { STR_INIT("t\0t\0p"), "", SASL_WANT_PASSWORD } }, 0, "t", "p" },
	{ "PLAIN as another", SASL_PLAIN, { { STR_INIT("Ursel\0Kurt\0xipj3plmq"), "", SASL_FAILED } }, SASL_BADCREDS, NULL, NULL },
	{ "PLAIN, one NUL", SASL_PLAIN, { { STR_INIT("t\0p"), "", SASL_FAILED } }, SASL_BADPROTOCOL, NULL, NULL },
	{ "PLAIN, three NULs", SASL_PLAIN, { { STR_INIT("\0t\0p\0"), "", SASL_FAILED } }, SASL_BADPROTOCOL, NULL, NULL },
	{ "PLAIN, no user", SASL_PLAIN, { { STR_INIT("\0\0p"), "", SASL_FAILED } }, SASL_BADPROTOCOL, NULL, NULL },
	{ "PLAIN, no password", SASL_PLAIN, { { STR_INIT("\0t\0"), "", SASL_FAILED } }, SASL_BADPROTOCOL, NULL, NULL },
	{ "PLAIN, no UTF-8", SASL_PLAIN, { { STR_INIT("\0\xff\0p"), "", SASL_FAILED } }, SASL_BADPROTOCOL, NULL, NULL },
	{ "LOGIN", SASL_LOGIN, { { BEGIN, "Username:", SASL_WANT_STEP }, { STR_INIT("t"), "Password:", SASL_WANT_STEP },
	    { STR_INIT("p w"), "", SASL_WANT_PASSWORD } }, 0, "t", "p w" },
	{ "LOGIN, the name first", SASL_LOGIN, { { STR_INIT("t"), "Password:", SASL_WANT_STEP },
	    { STR_INIT("p"), "", SASL_WANT_PASSWORD } }, 0, "t", "p" },
	{ "LOGIN, no password", SASL_LOGIN, { { STR_INIT("t"), "Password:", SASL_WANT_STEP },
	    { STR_INIT(""), "", SASL_FAILED } }, SASL_BADPROTOCOL, NULL, NULL },
	{ "CRAM-MD5", SASL_CRAM_MD5, { { BEGIN, "<1896.697170952@postoffice.reston.mci.net>", SASL_WANT_STEP },
	    { STR_INIT("tim b913a602c7eda7a495b4e6e7334d3890"), "", SASL_WANT_SECRETS } }, 0, "tim", NULL },
	{ "CRAM-MD5, a name with spaces", SASL_CRAM_MD5, { { BEGIN, "<1896.697170952@postoffice.reston.mci.net>", SASL_WANT_STEP },
	    { STR_INIT("t i m b913a602c7eda7a495b4e6e7334d3890"), "", SASL_WANT_SECRETS } }, 0, "t i m", NULL },
	{ "CRAM-MD5, unasked", SASL_CRAM_MD5, { { STR_INIT("tim b913a602c7eda7a495b4e6e7334d3890"), "", SASL_FAILED } },
	    SASL_BADPROTOCOL, NULL, NULL },
	{ "CRAM-MD5, begun with nothing, as mutt does", SASL_CRAM_MD5, {
	    { STR_INIT(""), "<1896.697170952@postoffice.reston.mci.net>", SASL_WANT_STEP },
	    { STR_INIT("tim b913a602c7eda7a495b4e6e7334d3890"), "", SASL_WANT_SECRETS } }, 0, "tim", NULL },
	{ "LOGIN, begun with nothing", SASL_LOGIN, { { STR_INIT(""), "Username:", SASL_WANT_STEP },
	    { STR_INIT("t"), "Password:", SASL_WANT_STEP }, { STR_INIT(""), "", SASL_FAILED } }, SASL_BADPROTOCOL, NULL, NULL },
	{ "CRAM-MD5, a short digest", SASL_CRAM_MD5, { { BEGIN, "<1896.697170952@postoffice.reston.mci.net>", SASL_WANT_STEP },
	    { STR_INIT("tim b913"), "", SASL_FAILED } }, SASL_BADPROTOCOL, NULL, NULL },
	{ "SCRAM", SASL_SCRAM_SHA_1, { { BEGIN, "", SASL_WANT_STEP },
	    { STR_INIT("n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL"), "", SASL_WANT_SECRETS } }, 0, "user", NULL },
	{ "SCRAM as another", SASL_SCRAM_SHA_1, { { STR_INIT("n,a=other,n=user,r=x"), "", SASL_FAILED } }, SASL_BADCREDS, NULL, NULL },
	{ "SCRAM, nonsense", SASL_SCRAM_SHA_256, { { STR_INIT("x"), "", SASL_FAILED } }, SASL_BADPROTOCOL, NULL, NULL },
	{ "SCRAM-PLUS without a channel", SASL_SCRAM_SHA_256_PLUS, { { STR_INIT("p=tls-exporter,,n=u,r=x"), "", SASL_FAILED } },
	    SASL_BADCHANBIND, NULL, NULL },
	{ "EXTERNAL", SASL_EXTERNAL, { { STR_INIT(""), "", SASL_WANT_KEY } }, 0, "", NULL },
	{ "EXTERNAL, asked", SASL_EXTERNAL, { { BEGIN, "", SASL_WANT_STEP }, { STR_INIT("t"), "", SASL_WANT_KEY } }, 0, "", NULL },
	{ "no mechanism", SASL_NONE, { { BEGIN, "", SASL_FAILED } }, SASL_BADCREDS, NULL, NULL },
};

static void
test_rows(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sasl	s;
		struct buf	out = BUF_INIT(4096);

		sasl_init(&s, rows[i].mech, &facts);
		for (size_t j = 0; j < 4 && (j == 0 || rows[i].step[j].out != NULL); j++) {
			const struct step	*t = &rows[i].step[j];

			buf_reset(&out);
			is_num(t->in.p == NULL ? sasl_begin(&s, &out) : sasl_feed(&s, t->in, &out), t->want, rows[i].name);
			is_str(buf_str(&out), str_c(t->out), "challenge");
		}
		if (s.want == SASL_FAILED)
			is_num(s.why, rows[i].why, "why");
		if (rows[i].user != NULL)
			is_str(buf_str(&s.user), str_c(rows[i].user), "user");
		if (rows[i].password != NULL)
			is_str(buf_str(&s.password), str_c(rows[i].password), "password");
		buf_free(&out);
		sasl_free(&s);
	}
}

/* RFC 2195: the shared secret is tanstaaftanstaaf. */
static void
test_cram(void)
{
	struct sasl_secrets	sec = { .known = true };
	struct buf		out = BUF_INIT(4096);

	for (int i = 0; i < 3; i++) {
		struct sasl	s;

		cram_md5_derive(&sec.md5, i == 1 ? STR("tanstaaf") : STR("tanstaaftanstaaf"));
		sec.known = i < 2;
		sasl_init(&s, SASL_CRAM_MD5, &facts);
		is_num(sasl_begin(&s, &out), SASL_WANT_STEP, "CRAM-MD5");
		is_num(sasl_feed(&s, STR("tim b913a602c7eda7a495b4e6e7334d3890"), &out), SASL_WANT_SECRETS, "a digest");
		is_num(sasl_secrets(&s, &sec, &out), i == 0 ? SASL_DONE : SASL_FAILED,
		    i == 0 ? "the RFC's" : i == 1 ? "of another password" : "of made-up secrets");
		sasl_free(&s);
	}
	buf_free(&out);
}

/* RFC 2202: HMAC-MD5 with keys of other lengths than 16. */
static void
test_md5_keys(void)
{
	char			key[81];
	struct cram_md5_keys	k;

	memset(key, 0xaa, 80);
	cram_md5_derive(&k, str_n(key, 80));
	ok(cram_md5_check(&k, STR("Test Using Larger Than Block-Size Key - Hash Key First"),
	    STR("6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd")), "a key over a block");
	cram_md5_derive(&k, STR("Jefe"));
	ok(cram_md5_check(&k, STR("what do ya want for nothing?"), STR("750c783e6ab0b503eaa86e310a5db738")), "a short key");
	ok(!cram_md5_check(&k, STR("what do ya want for nothing?"), STR("750c783e6ab0b503eaa86e310a5db739")), "wrong");
	ok(!cram_md5_check(&k, STR("what do ya want for nothing?"), STR("750C783E6AB0B503EAA86E310A5DB738")), "lower case only");
}

static void
test_scram(void)
{
	struct sasl_secrets	sec = { .known = true, .sha1 = { .hash = SCRAM_SHA_1, .iterations = 4096, .salt_n = 12 } };
	struct buf		out = BUF_INIT(4096);
	struct sasl		s;

	memcpy(sec.sha1.salt, "A%\xc2G\xe4:\xb1\xe9<m\xffv", 12);
	ok(scram_derive(&sec.sha1, STR("pencil")), "derive");
	for (int i = 0; i < 2; i++) {
		sasl_init(&s, SASL_SCRAM_SHA_1, &facts);
		is_num(sasl_feed(&s, STR("n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL"), &out), SASL_WANT_SECRETS, "SCRAM");
		is_num(sasl_secrets(&s, &sec, &out), SASL_WANT_STEP, "the first challenge");
		buf_reset(&out);
		is_num(sasl_feed(&s, STR("c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="), &out),
		    SASL_WANT_STEP, "the proof");
		is_str(buf_str(&out), STR("v=rmF9pqV8S7suAoZWja4dJRkFsKQ="), "our signature");
		is_num(sasl_feed(&s, i == 0 ? STR("") : STR("x"), &out), i == 0 ? SASL_DONE : SASL_FAILED, "and nothing more");
		is_num(sasl_feed(&s, STR(""), &out), SASL_FAILED, "after the end");
		sasl_free(&s);
		buf_reset(&out);
	}
	buf_free(&out);
}

static void
test_verdict(void)
{
	struct buf	out = BUF_INIT(64);
	struct sasl	s;

	sasl_init(&s, SASL_PLAIN, &facts);
	is_num(sasl_verdict(&s, true), SASL_FAILED, "a verdict nobody asked for");
	sasl_free(&s);
	sasl_init(&s, SASL_PLAIN, &facts);
	is_num(sasl_feed(&s, STR("\0t\0p"), &out), SASL_WANT_PASSWORD, "PLAIN");
	is_num(sasl_verdict(&s, true), SASL_DONE, "right");
	is_num(sasl_verdict(&s, true), SASL_FAILED, "once");
	sasl_free(&s);
	ok(sasl_mech_of(STR("scram-sha-256-plus")) == SASL_SCRAM_SHA_256_PLUS && sasl_mech_of(STR("")) == SASL_NONE &&
	    sasl_mech_of(STR("PLAINER")) == SASL_NONE, "names");
	buf_free(&out);
}

int
main(void)
{
	test_rows();
	test_cram();
	test_md5_keys();
	test_scram();
	test_verdict();
	return done_testing();
}
