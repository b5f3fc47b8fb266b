/* dkim_verify, dkim_sign: the message of RFC 8463, every rule, and what was signed here. */
#include "proto/dkim_verify.h"

#include <openssl/rsa.h>

#include "base/code.h"
#include "proto/dkim_crypt.h"
#include "proto/dkim_sign.h"
#include "../tap.h"

#define NOW	1528700000

static const char	signed_by_two[] =
    "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n"
    " d=football.example.com; i=@football.example.com;\r\n"
    " q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n"
    " subject : date : message-id : from : subject : date;\r\n"
    " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
    " b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus\r\n"
    " Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==\r\n"
    "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;\r\n"
    " d=football.example.com; i=@football.example.com;\r\n"
    " q=dns/txt; s=test; t=1528637909; h=from : to : subject :\r\n"
    " date : message-id : from : subject : date;\r\n"
    " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
    " b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3\r\n"
    " DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz\r\n"
    " dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=\r\n"
    "From: Joe SixPack <joe@football.example.com>\r\n"
    "To: Suzie Q <suzie@shopping.example.net>\r\n"
    "Subject: Is dinner ready?\r\n"
    "Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n"
    "Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n"
    "\r\n"
    "Hi.\r\n"
    "\r\n"
    "We lost the game.  Are you hungry yet?\r\n"
    "\r\n"
    "Joe.\r\n";

#define ED_RECORD	"v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
#define RSA_RECORD	"v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWR" \
	"iGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutAC"	\
	"DfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3"	\
	"Ip3G+2kryOTIKT+l/K4w3QIDAQAB"

static struct arena	arena = ARENA_INIT(LIMIT_DKIM_ARENA);

/* Verify with a record for both, or one for each; the body in pieces of n bytes. */
static void
verify(struct dkim_verify *v, struct str text, const struct str *txt, size_t ntxt, enum dkim_lookup got, size_t n)
{
	const struct dkim_policy	policy = { .now = NOW };

	arena_reset(&arena);
	if (!dkim_verify_open(v, text, &policy, &arena)) {
		ok(false, "opens");
		return;
	}
	for (size_t i = 0; i < v->n; i++)
		dkim_verify_key(v, i, got, txt, ntxt, false);
	for (text = str_skip(text, v->body); text.n > 0; text = str_skip(text, n))
		dkim_verify_body(v, str_head(text, n));
	dkim_verify_end(v);
}

static void
test_rfc8463(void)
{
	struct buf		b = BUF_INIT(10000);
	struct str		ed = STR(ED_RECORD), rsa = STR(RSA_RECORD), both[2] = { ed, rsa };
	struct dkim_verify	v;

	for (size_t n = 1; n < 1000; n *= 9) {
		verify(&v, STR(signed_by_two), &ed, 1, DKIM_LOOKUP_OK, n);
		is_num(v.n, 2, "two signatures");
		is_num(v.check[0].result, DKIM_PASS, "Ed25519");
		is_str(v.check[0].key_name, STR("brisbane._domainkey.football.example.com"), "its key's name");
		is_num(v.check[0].bits, 256, "bits of Ed25519");
		is_num(v.check[1].result, DKIM_PERMERROR, "RSA with a key for Ed25519");
		is_str(str_c(v.check[1].why), STR("the key is of another type than the signature"), "and why");
		dkim_verify_close(&v);
		verify(&v, STR(signed_by_two), &rsa, 1, DKIM_LOOKUP_OK, n);
		is_num(v.check[1].result, DKIM_PASS, "RSA");
		is_num(v.check[1].bits, 1024, "bits of RSA");
		is_num(v.check[0].result, DKIM_PERMERROR, "Ed25519 with a key for RSA");
		is_num(dkim_verify_result(&v), DKIM_PASS, "one that passes is enough");
		dkim_verify_close(&v);
	}
	verify(&v, STR(signed_by_two), both, 2, DKIM_LOOKUP_OK, 100);
	is_num(v.check[0].result, DKIM_TEMPERROR, "two key records");
	dkim_verify_close(&v);
	both[1] = STR("v=spf1 -all");
	verify(&v, STR(signed_by_two), both, 2, DKIM_LOOKUP_OK, 100);
	is_num(v.check[0].result, DKIM_PASS, "a record of something else beside it");
	dkim_verify_close(&v);
	/* as a file has it */
	for (size_t i = 0; i < sizeof(signed_by_two) - 1; i++)
		if (signed_by_two[i] != '\r')
			buf_addc(&b, signed_by_two[i]);
	arena_reset(&arena);
	ok(dkim_verify_open(&v, buf_str(&b), &(struct dkim_policy){ .now = NOW, .lf = true }, &arena), "with lines that end in LF");
	dkim_verify_key(&v, 0, DKIM_LOOKUP_OK, &ed, 1, true);
	dkim_verify_body(&v, str_skip(buf_str(&b), v.body));
	dkim_verify_end(&v);
	is_num(v.check[0].result, DKIM_PASS, "it is the same message");
	ok(v.check[0].secure, "DNSSEC is told");
	is_str(str_c(v.check[1].why), STR("the key was not looked up"), "a key that nobody brought");
	dkim_verify_close(&v);
	buf_free(&b);
}

/* Change text at a place; what does it make of the Ed25519 signature? */
static void
test_changes(void)
{
	static const struct {
		const char		*name, *old, *new;
		enum dkim_result	 want;
	} rows[] = {
		{ "the body", "hungry", "Hungry", DKIM_FAIL },
		{ "a line at the end", "Joe.\r\n", "Joe.\r\n-- \r\nlist footer\r\n", DKIM_FAIL },
		{ "empty lines at the end", "Joe.\r\n", "Joe. \r\n\r\n\r\n", DKIM_PASS },
		{ "spaces in the body", "game.  Are", "game. Are", DKIM_PASS },
		{ "the subject", "dinner ready", "lunch ready", DKIM_FAIL },
		{ "a field folded", "Is dinner", "Is\r\n  dinner", DKIM_PASS },
		{ "a field that is not signed", "To: Suzie", "X-Foo: bar\r\nTo: Suzie", DKIM_PASS },
		{ "another subject above", "From: Joe", "Subject: free money\r\nFrom: Joe", DKIM_FAIL },
		{ "three subjects", "From: Joe", "Subject: a\r\nSubject: b\r\nFrom: Joe", DKIM_POLICY },
		{ "another From below", "Message-ID:", "From: evil@example.org\r\nMessage-ID:", DKIM_FAIL },
		{ "three From", "To: Suzie", "From: a@example.org\r\nFrom: b@example.org\r\nTo: Suzie", DKIM_POLICY },
		{ "d=", "d=football.", "d=soccer.", DKIM_PERMERROR },
		{ "a tag that nobody knows", "q=dns/txt; s=brisbane", "foo=bar; s=brisbane", DKIM_FAIL },
		{ "the signature", "b=/gCr", "b=/gCs", DKIM_FAIL },
		{ "folds in the signature", "b=/gCr", "b= /g\r\n Cr", DKIM_PASS },
		{ "a signature that is too short", "Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==", "AA==", DKIM_FAIL },
	};
	struct str		ed = STR(ED_RECORD), all = STR(signed_by_two);
	struct buf		b = BUF_INIT(10000);
	struct dkim_verify	v;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t	at = str_find(all, str_c(rows[i].old));

		buf_reset(&b);
		buf_add(&b, str_head(all, at));
		buf_adds(&b, rows[i].new);
		buf_add(&b, str_skip(all, at + strlen(rows[i].old)));
		verify(&v, buf_str(&b), &ed, 1, DKIM_LOOKUP_OK, 100);
		ok(at < all.n, "%s", rows[i].name);
		is_num(v.check[0].result, rows[i].want, rows[i].name);
		dkim_verify_close(&v);
	}
	buf_free(&b);
}

static void
test_keys(void)
{
	static const struct {
		const char		*name, *record;
		enum dkim_lookup	 got;
		enum dkim_result	 want;
		const char		*why;
	} rows[] = {
		{ "no record", NULL, DKIM_LOOKUP_NONE, DKIM_PERMERROR, "there is no key record" },
		{ "no answer", NULL, DKIM_LOOKUP_TEMP, DKIM_TEMPERROR, "the key could not be looked up" },
		{ "a forged answer", NULL, DKIM_LOOKUP_BOGUS, DKIM_TEMPERROR, "the key record is forged or broken, DNSSEC says" },
		{ "only SPF", "v=spf1 -all", DKIM_LOOKUP_OK, DKIM_PERMERROR, "there is no key record" },
		{ "broken", "v=DKIM1; p=", DKIM_LOOKUP_OK, DKIM_PERMERROR, "the key was revoked" },
		{ "revoked", "v=DKIM1; k=ed25519; p", DKIM_LOOKUP_OK, DKIM_PERMERROR, "a tag without a value" },
		{ "too short", "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcH", DKIM_LOOKUP_OK, DKIM_PERMERROR,
		    "the record holds no key of its type" },
		{ "another key", "v=DKIM1; k=ed25519; p=21qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", DKIM_LOOKUP_OK, DKIM_FAIL,
		    "the signature is not of this header" },
		{ "another key that is tested", "v=DKIM1; k=ed25519; t=y; p=21qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
		    DKIM_LOOKUP_OK, DKIM_NONE, "the signature is not of this header" },
		{ "for other services", ED_RECORD "; s=tlsrpt", DKIM_LOOKUP_OK, DKIM_PERMERROR, "the key is not for mail (s=)" },
		{ "for mail", ED_RECORD "; s=foo:email; h=sha256", DKIM_LOOKUP_OK, DKIM_PASS, NULL },
		{ "for one domain", ED_RECORD "; t=s", DKIM_LOOKUP_OK, DKIM_PASS, NULL },
	};
	struct dkim_verify	v;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct str	txt = str_c(rows[i].record);

		verify(&v, STR(signed_by_two), &txt, rows[i].record != NULL, rows[i].got, 100);
		is_num(v.check[0].result, rows[i].want, rows[i].name);
		is_str(str_c(v.check[0].why), str_c(rows[i].why), rows[i].name);
		dkim_verify_close(&v);
	}
}

/* --- signed here */

static EVP_PKEY		*keys[2];
static struct buf	records[2] = { BUF_INIT(LIMIT_DKIM_KEY), BUF_INIT(LIMIT_DKIM_KEY) };

static void
hash_put(void *arg, struct str s)
{
	if (EVP_DigestUpdate(arg, s.p, s.n) != 1)
		ok(false, "hashes");
}

static void
hash_body(enum dkim_canon canon, struct str body, uint8_t hash[DKIM_HASH])
{
	EVP_MD_CTX		*md = EVP_MD_CTX_new();
	struct dkim_body	d;

	(void)EVP_DigestInit_ex(md, EVP_sha256(), NULL);
	dkim_body_init(&d, canon, false, hash_put, md);
	dkim_body_feed(&d, body);
	dkim_body_end(&d);
	(void)EVP_DigestFinal_ex(md, hash, NULL);
	EVP_MD_CTX_free(md);
}

/* Put a signature on top of text. */
static bool
sign(struct buf *out, struct dkim_signer *s, struct str text)
{
	struct dkim_head	h;
	uint8_t			hash[DKIM_HASH];
	bool			good;

	arena_reset(&arena);
	buf_reset(out);
	good = dkim_head_open(&h, text, &arena);
	hash_body(s->body_canon, str_skip(text, h.header.body), hash);
	good = good && dkim_sign(s, &h, hash, out);
	buf_add(out, text);
	return good;
}

static const struct str	messages[] = {
	STR_INIT("From: a@x.example\r\nSubject: s\r\n\r\nbody\r\n"),
	STR_INIT("From: a@x.example\r\nTo: b\r\nTo: c\r\nSubject:  folded\r\n\t here \r\nX-Y: z\r\n\r\n\r\n\r\n"),
	STR_INIT("FROM : a@x.example\r\nsubject:\r\n\r\n"),
	STR_INIT("From: a@x.example\r\nSubject: no body"),
	STR_INIT("From: a@x.example\r\nSubject: s\r\nReceived: x\r\n\r\nnot ended \0\xff \t"),
	STR_INIT("From: j\xc3\xb6@b\xc3\xbc""cher.example\r\n\r\n \r\n a\r\n\r\n"),
	STR_INIT("DKIM-Signature: v=1; d=else.example; b=foo\r\nFrom: a@x.example\r\n\r\nx"),
};

static void
test_round(void)
{
	struct buf		b = BUF_INIT(20000);
	struct dkim_verify	v;

	for (unsigned i = 0; i < 16 * sizeof(messages) / sizeof(messages[0]); i++) {
		struct dkim_signer	s = {
			.domain = STR("x.example"), .selector = STR("s1"), .identity = STR(""), .alg = i & 1, .key = keys[i & 1],
			.header_canon = i & 2 ? DKIM_RELAXED : DKIM_SIMPLE, .body_canon = i & 4 ? DKIM_RELAXED : DKIM_SIMPLE,
			.oversign = (i & 8) != 0, .time = NOW,
		};
		struct str		record = buf_str(&records[i & 1]);

		ok(sign(&b, &s, messages[i / 16]), "signed");
		verify(&v, buf_str(&b), &record, 1, DKIM_LOOKUP_OK, 7);
		is_str(str_c(v.check[0].why), STR(""), "and verified");
		is_num(dkim_verify_result(&v), DKIM_PASS, "passes");
		dkim_verify_close(&v);
	}
	buf_free(&b);
}

static void
test_form(void)
{
	struct buf		b = BUF_INIT(20000);
	struct dkim_signer	s = {
		.domain = STR("x.example"), .selector = STR("s1"), .identity = STR("joe; q=1@a.x.example"), .alg = DKIM_RSA_SHA256,
		.key = keys[0], .header_canon = DKIM_RELAXED, .body_canon = DKIM_RELAXED, .oversign = true, .time = NOW, .lifetime = 86400,
	};
	struct str		record = buf_str(&records[0]), rest, line;
	struct dkim_verify	v;
	size_t			longest = 0;

	ok(sign(&b, &s, messages[1]), "signed");
	ok(str_starts(buf_str(&b), STR("DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=x.example; s=s1;\r\n\t"
	    "i=joe=3B=20q=3D1@a.x.example; t=1528700000; x=1528786400;\r\n\th=From:From:To:To:To:Cc:Bcc:Reply-To:")), "as it is written");
	rest = str_head(buf_str(&b), str_find(buf_str(&b), STR("From: ")));
	while (rest.n > 0) {
		(void)str_cut(&rest, '\n', &line);
		longest = line.n > longest ? line.n : longest;
	}
	ok(longest <= 78, "in lines that are not long (%zu)", longest);
	verify(&v, buf_str(&b), &record, 1, DKIM_LOOKUP_OK, 100);
	is_num(v.check[0].result, DKIM_PASS, "passes");
	is_str(v.check[0].sig.identity, STR("joe; q=1@a.x.example"), "i= comes back");
	dkim_verify_close(&v);
	s.identity = STR("joe@y.example");
	ok(!sign(&b, &s, messages[1]), "not signed: i= elsewhere");
	s.identity = STR("");
	s.domain = STR("x..example");
	ok(!sign(&b, &s, messages[1]), "not signed: a domain that cannot be");
	s.domain = STR("x.example");
	s.alg = DKIM_ED25519_SHA256;
	ok(!sign(&b, &s, messages[1]), "not signed: a key of another type");
	s.alg = DKIM_RSA_SHA256;
	ok(!sign(&b, &s, STR("Subject: x\r\n\r\nFrom: a\r\n")), "not signed: from nobody");
	s.fields = (const struct str[]){ STR_INIT("To") };
	s.nfields = 1;
	ok(!sign(&b, &s, messages[1]), "not signed: without From");
	buf_free(&b);
}

/* A signature with these tags, true but for what they say. */
static void
forge(struct buf *out, const char *tags, EVP_PKEY *key, enum dkim_alg alg, struct str text)
{
	struct buf		b = BUF_INIT(10000), sig = BUF_INIT(1000);
	struct dkim_head	h;
	struct dkim_sig		s;
	struct str		name, value;
	uint8_t			hash[DKIM_HASH];

	arena_reset(&arena);
	buf_reset(out);
	ok(dkim_head_open(&h, text, &arena), "header");
	hash_body(DKIM_RELAXED, str_skip(text, h.header.body), hash);
	buf_adds(&b, "DKIM-Signature: c=relaxed/relaxed; s=s1; bh=");
	code_b64(&b, str_n(hash, sizeof(hash)));
	buf_addf(&b, "; %s; b=", tags);
	value = buf_str(&b);
	(void)str_cut(&value, ':', &name);
	(void)!dkim_sig_parse(value, &arena, &s);
	ok(dkim_head_hash(&h, s.fields, DKIM_RELAXED, SIZE_MAX, buf_str(&b), STR(""), hash) && dkim_prove(key, alg, hash, &sig), "proved");
	buf_add(out, buf_str(&b));
	code_b64(out, buf_str(&sig));
	buf_adds(out, "\r\n");
	buf_add(out, text);
	buf_free(&b);
	buf_free(&sig);
}

static void
test_rules(void)
{
	static const struct {
		const char		*name, *tags;
		enum dkim_result	 want;
		const char		*why;
	} rows[] = {
		{ "good", "v=1; a=ed25519-sha256; d=x.example; h=from:to:to:subject", DKIM_PASS, NULL },
		{ "not yet expired", "v=1; a=ed25519-sha256; d=x.example; h=from:subject; x=1528700000", DKIM_PASS, NULL },
		{ "expired", "v=1; a=ed25519-sha256; d=x.example; h=from:subject; x=1528699999", DKIM_FAIL, "the signature has expired" },
		{ "a clock that is ahead", "v=1; a=ed25519-sha256; d=x.example; h=from:subject; t=1528730000", DKIM_PASS, NULL },
		{ "from the future", "v=1; a=ed25519-sha256; d=x.example; h=from:subject; t=1528800000", DKIM_FAIL,
		    "the signature is from the future" },
		{ "l=", "v=1; a=ed25519-sha256; d=x.example; h=from:subject; l=100", DKIM_POLICY, "it covers only a part of the body (l=)" },
		{ "Subject is not signed", "v=1; a=ed25519-sha256; d=x.example; h=from:to", DKIM_POLICY, "the Subject field is not signed" },
		{ "From is not signed", "v=1; a=ed25519-sha256; d=x.example; h=subject:to", DKIM_PERMERROR, "the From field is not signed" },
		{ "nobody's domain", "v=1; a=ed25519-sha256; d=example; h=from:subject", DKIM_POLICY, "d= is a domain that belongs to nobody" },
		{ "i= below", "v=1; a=ed25519-sha256; d=x.example; i=@a.x.example; h=from:subject", DKIM_PASS, NULL },
		{ "names that are not there", "v=1; a=ed25519-sha256; d=x.example; h=foo:from:foo:from:bar:subject:dkim-signature", DKIM_PASS, NULL },
	};
	struct buf		b = BUF_INIT(10000), small = BUF_INIT(LIMIT_DKIM_KEY);
	struct str		record = buf_str(&records[1]);
	struct dkim_verify	v;
	EVP_PKEY		*weak = EVP_RSA_gen(1023);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		forge(&b, rows[i].tags, keys[1], DKIM_ED25519_SHA256, messages[1]);
		verify(&v, buf_str(&b), &record, 1, DKIM_LOOKUP_OK, 100);
		is_num(v.check[0].result, rows[i].want, rows[i].name);
		is_str(str_c(v.check[0].why), str_c(rows[i].why), rows[i].name);
		dkim_verify_close(&v);
	}
	forge(&b, "v=1; a=rsa-sha256; d=x.example; h=from:subject", weak, DKIM_RSA_SHA256, messages[1]);
	ok(dkim_key_record(weak, DKIM_RSA_SHA256, &small), "a weak key's record");
	record = buf_str(&small);
	verify(&v, buf_str(&b), &record, 1, DKIM_LOOKUP_OK, 100);
	is_num(v.check[0].result, DKIM_PERMERROR, "RSA of 1023 bits");
	is_num(v.check[0].bits, 1023, "and it is told");
	dkim_verify_close(&v);
	EVP_PKEY_free(weak);
	buf_free(&b);
	buf_free(&small);
}

static void
test_many(void)
{
	struct buf		b = BUF_INIT(1 << 20);
	struct dkim_verify	v;
	struct arena		little = ARENA_INIT(1000);

	for (int i = 0; i < 1000; i++)
		buf_adds(&b, "DKIM-Signature: v=1; d=x.example\r\n");
	buf_adds(&b, "From: a@x.example\r\n\r\n");
	verify(&v, buf_str(&b), NULL, 0, DKIM_LOOKUP_NONE, 100);
	is_num(v.n, LIMIT_DKIM_SIGNATURES, "of very many signatures some are looked at");
	is_num(v.skipped, 1000 - LIMIT_DKIM_SIGNATURES, "and the others counted");
	is_num(dkim_verify_result(&v), DKIM_PERMERROR, "with a result");
	dkim_verify_close(&v);
	ok(!dkim_verify_open(&v, buf_str(&b), &(struct dkim_policy){ .now = NOW }, &little), "no memory");
	dkim_verify_close(&v);
	verify(&v, messages[0], NULL, 0, DKIM_LOOKUP_NONE, 100);
	is_num(dkim_verify_result(&v), DKIM_NONE, "no signature");
	dkim_verify_close(&v);
	buf_free(&b);
	arena_free(&little);
}

/* Bare RSAPublicKey, PEM there and back. */
static void
test_crypt(void)
{
	struct buf	b = BUF_INIT(LIMIT_DKIM_KEY);
	struct dkim_key	k = { .data = STR("") };
	unsigned char	*der = NULL;
	enum dkim_alg	 alg;
	const char	*why;
	unsigned	 bits;
	EVP_PKEY	*key;
	int		 n = i2d_PublicKey(keys[0], &der);

	k.data = str_n(der, n > 0 ? (size_t)n : 0);
	key = dkim_public_key(&k, DKIM_RSA_SHA256, &bits, &why);
	ok(key != NULL && EVP_PKEY_eq(key, keys[0]) == 1, "a key as RFC 6376 has it");
	EVP_PKEY_free(key);
	k.data.n--;
	ok(dkim_public_key(&k, DKIM_RSA_SHA256, &bits, &why) == NULL, "cut");
	OPENSSL_free(der);
	for (size_t i = 0; i < 2; i++) {
		buf_reset(&b);
		ok(dkim_key_pem(keys[i], &b) && str_starts(buf_str(&b), STR("-----BEGIN PRIVATE KEY-----\n")), "written");
		key = dkim_private_key(buf_str(&b), &alg);
		ok(key != NULL && alg == i && EVP_PKEY_eq(key, keys[i]) == 1, "and read");
		EVP_PKEY_free(key);
	}
	ok(dkim_private_key(STR("hello"), &alg) == NULL, "no key");
	ok(dkim_make_key(DKIM_RSA_SHA256, 512) == NULL, "none that is too small");
	buf_free(&b);
}

int
main(void)
{
	keys[0] = dkim_make_key(DKIM_RSA_SHA256, 2048);
	keys[1] = dkim_make_key(DKIM_ED25519_SHA256, 0);
	ok(dkim_key_record(keys[0], DKIM_RSA_SHA256, &records[0]) && dkim_key_record(keys[1], DKIM_ED25519_SHA256, &records[1]), "keys");
	test_rfc8463();
	test_changes();
	test_keys();
	test_round();
	test_form();
	test_rules();
	test_many();
	test_crypt();
	for (size_t i = 0; i < 2; i++) {
		EVP_PKEY_free(keys[i]);
		buf_free(&records[i]);
	}
	arena_free(&arena);
	return done_testing();
}
