/* dkim_tags, dkim_sig, dkim_key: what the RFCs' grammar lets be, and what it does not. */
#include "proto/dkim_key.h"

#include "../tap.h"

static void
test_tags(void)
{
	static const struct {
		const char	*name, *in, *want;	/* "name=value|…"; NULL: refused */
	} rows[] = {
		{ "two tags", "a=1;b=2", "a=1|b=2|" },
		{ "a semicolon at the end", "a=1; b=2;", "a=1|b=2|" },
		{ "and white space behind it", "a=1;\r\n ", "a=1|" },
		{ "white space around all", " a = 1 ;\r\n\tb\t=\r\n 2 ", "a=1|b=2|" },
		{ "white space inside stays", "a=x  y", "a=x  y|" },
		{ "an equals sign in a value", "a=x==", "a=x==|" },
		{ "an empty value", "a=;b= ", "a=|b=|" },
		{ "names are as they are written", "a=1;A=2", "a=1|A=2|" },
		{ "digits and underscores in names", "a1_=x", "a1_=x|" },
		{ "UTF-8 in a value", "i=j\xc3\xb6@x", "i=j\xc3\xb6@x|" },
		{ "a tag twice", "a=1; b=2; a=1", NULL },
		{ "no value", "a", NULL },
		{ "no value after one", "a=1; b", NULL },
		{ "nothing", "", NULL },
		{ "only a semicolon", ";", NULL },
		{ "nothing between semicolons", "a=1;;b=2", NULL },
		{ "a name with a hyphen", "a-b=1", NULL },
		{ "a name that begins with a digit", "1a=1", NULL },
		{ "no name", "=1", NULL },
		{ "a space in a name", "a b=1", NULL },
		{ "a control", "a=x\001", NULL },
		{ "a bare CR", "a=x\ry", NULL },
		{ "not UTF-8", "a=\xff", NULL },
	};
	struct buf		b = BUF_INIT(1000);
	struct dkim_tags	t;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char	*why = dkim_tags_parse(str_c(rows[i].in), &t);

		buf_reset(&b);
		for (size_t j = 0; why == NULL && j < t.n; j++)
			buf_addf(&b, STR_FMT "=" STR_FMT "|", STR_ARG(t.tag[j].name), STR_ARG(t.tag[j].value));
		if (rows[i].want == NULL)
			ok(why != NULL, "refused: %s", rows[i].name);
		else
			is_str(buf_str(&b), str_c(rows[i].want), rows[i].name);
	}
	ok(dkim_tags_parse(str_n("a=\0b", 4), &t) != NULL, "refused: a NUL");
	buf_reset(&b);
	for (unsigned i = 0; i <= LIMIT_DKIM_TAGS; i++)
		buf_addf(&b, "a%u=1;", i);
	ok(dkim_tags_parse(buf_str(&b), &t) != NULL, "refused: more tags than anybody has");
	ok(dkim_tags_has(STR("a : B:c"), STR("b")), "a member of a list, in any case");
	ok(!dkim_tags_has(STR("ab:c"), STR("b")), "and not a part of one");
	ok(dkim_tags_has(STR(""), STR("")), "an empty list has an empty member");
	buf_free(&b);
}

/* --- signatures */

#define HASH	"bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=; "

static const struct {
	const char	*name, *in, *why;	/* NULL: good */
} signatures[] = {
	{ "the least", "v=1; a=rsa-sha256; d=x.example; s=s; h=from; " HASH "b=AAAA", NULL },
	{ "all of it", "v=1; a=ed25519-sha256; c=relaxed/simple; d=x.example; s=s.t; h=From : To; i=joe=20q@a.x.example;"
	    "q=dns/txt; t=1117574938; x=1118006938; z=From:x|To:y; l=10; " HASH "b=AA\r\n AA", NULL },
	{ "tags nobody knows", "v=1; a=rsa-sha256; d=x.example; s=s; h=from; foo=bar; " HASH "b=AAAA", NULL },
	{ "v= need not be first", "a=rsa-sha256; d=x.example; s=s; h=from; " HASH "b=AAAA; v=1", NULL },
	{ "c= of one word", "v=1; a=rsa-sha256; c=relaxed; d=x.example; s=s; h=from; " HASH "b=AAAA", NULL },
	{ "d= in UTF-8 (RFC 8616)", "v=1; a=rsa-sha256; d=b\xc3\xbc""cher.example; s=s; h=from; " HASH "b=AAAA", NULL },
	{ "i= in UTF-8", "v=1; a=rsa-sha256; d=x.example; i=j\xc3\xb6@x.example; s=s; h=from; " HASH "b=AAAA", NULL },
	{ "i= without a localpart", "v=1; a=rsa-sha256; d=x.example; i=@X.example; s=s; h=from; " HASH "b=AAAA", NULL },
	{ "an underscore in s=", "v=1; a=rsa-sha256; d=x.example; s=k_1; h=from; " HASH "b=AAAA", NULL },
	{ "two ways to the key", "v=1; a=rsa-sha256; q=foo/bar:dns/txt; d=x.example; s=s; h=from; " HASH "b=AAAA", NULL },
	{ "no v=", "a=rsa-sha256; d=x.example; s=s; h=from; " HASH "b=AAAA", "v= is missing" },
	{ "no a=", "v=1; d=x.example; s=s; h=from; " HASH "b=AAAA", "a= is missing" },
	{ "no b=", "v=1; a=rsa-sha256; d=x.example; s=s; h=from; " HASH, "b= is missing" },
	{ "no bh=", "v=1; a=rsa-sha256; d=x.example; s=s; h=from; b=AAAA", "bh= is missing" },
	{ "no d=", "v=1; a=rsa-sha256; s=s; h=from; " HASH "b=AAAA", "d= is missing" },
	{ "no h=", "v=1; a=rsa-sha256; d=x.example; s=s; " HASH "b=AAAA", "h= is missing" },
	{ "no s=", "v=1; a=rsa-sha256; d=x.example; h=from; " HASH "b=AAAA", "s= is missing" },
	{ "v=2", "v=2; a=rsa-sha256; d=x.example; s=s; h=from; " HASH "b=AAAA", "the version is not 1" },
	{ "v=1.0", "v=1.0; a=rsa-sha256; d=x.example; s=s; h=from; " HASH "b=AAAA", "the version is not 1" },
	{ "sha1", "v=1; a=rsa-sha1; d=x.example; s=s; h=from; " HASH "b=AAAA", "signed with SHA-1, which proves nothing any more" },
	{ "rsa alone", "v=1; a=rsa; d=x.example; s=s; h=from; " HASH "b=AAAA", "the algorithm is not known" },
	{ "ed25519-sha1", "v=1; a=ed25519-sha1; d=x.example; s=s; h=from; " HASH "b=AAAA", "the algorithm is not known" },
	{ "d= twice", "v=1; a=rsa-sha256; d=x.example; d=y.example; s=s; h=from; " HASH "b=AAAA", "a tag is there twice" },
	{ "an empty d=", "v=1; a=rsa-sha256; d=; s=s; h=from; " HASH "b=AAAA", "d= is no domain name" },
	{ "a dot at the end of d=", "v=1; a=rsa-sha256; d=x.example.; s=s; h=from; " HASH "b=AAAA", "d= is no domain name" },
	{ "a space in d=", "v=1; a=rsa-sha256; d=x example; s=s; h=from; " HASH "b=AAAA", "d= is no domain name" },
	{ "an empty s=", "v=1; a=rsa-sha256; d=x.example; s=; h=from; " HASH "b=AAAA", "s= is no selector" },
	{ "s= with an empty label", "v=1; a=rsa-sha256; d=x.example; s=a..b; h=from; " HASH "b=AAAA", "s= is no selector" },
	{ "an empty b=", "v=1; a=rsa-sha256; d=x.example; s=s; h=from; " HASH "b=", "b= is not base64" },
	{ "b= is not base64", "v=1; a=rsa-sha256; d=x.example; s=s; h=from; " HASH "b=?", "b= is not base64" },
	{ "a short bh=", "v=1; a=rsa-sha256; d=x.example; s=s; h=from; bh=AAAA; b=AAAA", "bh= is no hash" },
	{ "c= of a third kind", "v=1; a=rsa-sha256; c=nowsp; d=x.example; s=s; h=from; " HASH "b=AAAA", "the canonicalization is not known" },
	{ "c= for the body of a third kind", "v=1; a=rsa-sha256; c=simple/; d=x.example; s=s; h=from; " HASH "b=AAAA",
	    "the canonicalization is not known" },
	{ "an empty h=", "v=1; a=rsa-sha256; d=x.example; s=s; h=; " HASH "b=AAAA", "h= names a field that has no name" },
	{ "h= with a hole", "v=1; a=rsa-sha256; d=x.example; s=s; h=from::to; " HASH "b=AAAA", "h= names a field that has no name" },
	{ "h= with a space", "v=1; a=rsa-sha256; d=x.example; s=s; h=from:x y; " HASH "b=AAAA", "h= names a field that cannot be" },
	{ "h= without From", "v=1; a=rsa-sha256; d=x.example; s=s; h=to:subject; " HASH "b=AAAA", "the From field is not signed" },
	{ "i= elsewhere", "v=1; a=rsa-sha256; d=x.example; i=@y.example; s=s; h=from; " HASH "b=AAAA", "i= is not within d=" },
	{ "i= that only looks like it", "v=1; a=rsa-sha256; d=x.example; i=@yx.example; s=s; h=from; " HASH "b=AAAA", "i= is not within d=" },
	{ "i= above", "v=1; a=rsa-sha256; d=x.example; i=@example; s=s; h=from; " HASH "b=AAAA", "i= is not within d=" },
	{ "i= without a domain", "v=1; a=rsa-sha256; d=x.example; i=joe; s=s; h=from; " HASH "b=AAAA", "i= is no address" },
	{ "i= that ends in =", "v=1; a=rsa-sha256; d=x.example; i=joe@x.example=; s=s; h=from; " HASH "b=AAAA", "i= is no address" },
	{ "t= of letters", "v=1; a=rsa-sha256; d=x.example; s=s; h=from; t=now; " HASH "b=AAAA", "t= is no time" },
	{ "x= below zero", "v=1; a=rsa-sha256; d=x.example; s=s; h=from; x=-1; " HASH "b=AAAA", "x= is no time" },
	{ "x= of 13 digits", "v=1; a=rsa-sha256; d=x.example; s=s; h=from; x=1000000000000; " HASH "b=AAAA", "x= is no time" },
	{ "x= before t=", "v=1; a=rsa-sha256; d=x.example; s=s; h=from; t=5; x=4; " HASH "b=AAAA", "it would expire before it was made" },
	{ "x= at t=", "v=1; a=rsa-sha256; d=x.example; s=s; h=from; t=5; x=5; " HASH "b=AAAA", "it would expire before it was made" },
	{ "l= of letters", "v=1; a=rsa-sha256; d=x.example; s=s; h=from; l=x; " HASH "b=AAAA", "l= is no length" },
	{ "an empty l=", "v=1; a=rsa-sha256; d=x.example; s=s; h=from; l=; " HASH "b=AAAA", "l= is no length" },
	{ "no way to the key", "v=1; a=rsa-sha256; d=x.example; s=s; h=from; q=http; " HASH "b=AAAA", "the key is not to be had by DNS" },
};

static void
test_signatures(void)
{
	struct arena	a = ARENA_INIT(LIMIT_DKIM_ARENA);
	struct buf	b = BUF_INIT(2 * LIMIT_DKIM_SIGNATURE), name = BUF_INIT(1000);
	struct dkim_sig	s;
	const char	*why;

	for (size_t i = 0; i < sizeof(signatures) / sizeof(signatures[0]); i++) {
		why = dkim_sig_parse(str_c(signatures[i].in), &a, &s);
		if (signatures[i].why == NULL)
			ok(why == NULL, "%s (%s)", signatures[i].name, why == NULL ? "good" : why);
		else
			is_str(str_c(why), str_c(signatures[i].why), signatures[i].name);
	}
	ok(dkim_sig_parse(str_c(signatures[1].in), &a, &s) == NULL, "all of it");
	ok(s.alg == DKIM_ED25519_SHA256 && s.header_canon == DKIM_RELAXED && s.body_canon == DKIM_SIMPLE, "algorithm and forms");
	ok(s.time == 1117574938 && s.expires == 1118006938 && s.partial, "times, and a length");
	is_str(s.identity, STR("joe q@a.x.example"), "i= decoded");
	is_str(dkim_sig_identity_domain(&s), STR("a.x.example"), "and its domain");
	is_str(s.text, STR("AAAA"), "b= without folds");
	is_num(s.signature.n, 3, "b= decoded");
	dkim_sig_key_name(&s, &name);
	is_str(buf_str(&name), STR("s.t._domainkey.x.example"), "where the key is");
	ok(dkim_sig_parse(STR("v=1; a=rsa-sha1; d=x.example; s=s; b=A"), &a, &s) != NULL &&
	    str_eq(s.domain, STR("x.example")) && str_eq(s.algorithm, STR("rsa-sha1")), "what is not good says who it claims to be");
	buf_adds(&b, signatures[0].in);
	buf_adds(&b, "; z=");
	while (b.n <= LIMIT_DKIM_SIGNATURE)
		buf_addc(&b, 'x');
	ok(dkim_sig_parse(buf_str(&b), &a, &s) != NULL, "refused: a field that is too long");
	buf_free(&b);
	buf_free(&name);
	arena_free(&a);
}

/* --- keys */

static void
test_keys(void)
{
	static const struct {
		const char		*name, *in;
		enum dkim_record	 want;
		const char		*forbids;	/* for rsa-sha256 with i= below d= */
	} rows[] = {
		{ "the least", "p=AAAA", DKIM_RECORD_OK, NULL },
		{ "all of it", "v=DKIM1; h=sha1:sha256; k=rsa; n=hello; p=AA AA; s=email; t=y", DKIM_RECORD_OK, NULL },
		{ "any service", "v=DKIM1; s=*:foo; p=AAAA", DKIM_RECORD_OK, NULL },
		{ "unknown flags", "v=DKIM1; t=q:z; p=AAAA; x=y", DKIM_RECORD_OK, NULL },
		{ "revoked", "v=DKIM1; p=", DKIM_RECORD_OK, "the key was revoked" },
		{ "for something else", "v=DKIM1; s=tlsrpt; p=AAAA", DKIM_RECORD_OK, "the key is not for mail (s=)" },
		{ "for SHA-1 alone", "v=DKIM1; h=sha1; p=AAAA", DKIM_RECORD_OK, "the key is not for SHA-256 (h=)" },
		{ "of another type", "v=DKIM1; k=ed25519; p=AAAA", DKIM_RECORD_OK, "the key is of another type than the signature" },
		{ "t=s", "v=DKIM1; t=y : s; p=AAAA", DKIM_RECORD_OK, "i= must have the domain of d= (the key says t=s)" },
		{ "no p=", "v=DKIM1; k=rsa", DKIM_RECORD_BAD, NULL },
		{ "p= is not base64", "v=DKIM1; p=???", DKIM_RECORD_BAD, NULL },
		{ "v= is not first", "k=rsa; v=DKIM1; p=AAAA", DKIM_RECORD_BAD, NULL },
		{ "a tag twice", "v=DKIM1; p=AAAA; p=BBBB", DKIM_RECORD_BAD, NULL },
		{ "another version", "v=DKIM2; p=AAAA", DKIM_RECORD_OTHER, NULL },
		{ "a version that only begins so", "v=DKIM1.0; p=AAAA", DKIM_RECORD_OTHER, NULL },
		{ "SPF by a wildcard", "v=spf1 -all", DKIM_RECORD_OTHER, NULL },
		{ "anything", "hello world", DKIM_RECORD_OTHER, NULL },
		{ "nothing", "", DKIM_RECORD_OTHER, NULL },
	};
	struct arena	a = ARENA_INIT(LIMIT_DKIM_ARENA);
	struct dkim_sig	s;
	struct dkim_key	k;
	const char	*why = dkim_sig_parse(STR("v=1; a=rsa-sha256; d=x.example; i=@a.x.example; s=s; h=from; " HASH "b=AAAA"), &a, &s);

	ok(why == NULL, "a signature to try keys on");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		is_num(dkim_key_parse(str_c(rows[i].in), &a, &k, &why), rows[i].want, rows[i].name);
		if (rows[i].want == DKIM_RECORD_OK)
			is_str(str_c(dkim_key_forbids(&k, &s)), str_c(rows[i].forbids), rows[i].name);
		else
			ok((why != NULL) == (rows[i].want == DKIM_RECORD_BAD), "%s: why", rows[i].name);
	}
	ok(dkim_key_parse(STR("v=DKIM1; t=y:s; p=AA\r\n AA; s=a:b"), &a, &k, &why) == DKIM_RECORD_OK && k.testing && k.strict, "flags");
	is_num(k.data.n, 3, "p= decoded");
	is_str(k.services, STR("a:b"), "services");
	arena_free(&a);
}

int
main(void)
{
	test_tags();
	test_signatures();
	test_keys();
	return done_testing();
}
