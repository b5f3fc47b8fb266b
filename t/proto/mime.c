/* mime: the tree of parts, with the examples of RFC 2046 and what breaks it. */
#include "proto/mime.h"

#include "base/limits.h"
#include "../tap.h"

/* type/subtype[body|lines] or type/subtype{children} */
static void
dump(struct buf *b, const struct mime *m, const struct mime_part *p)
{
	buf_add(b, p->type);
	buf_addc(b, '/');
	buf_add(b, p->subtype);
	if (p->kind == MIME_LEAF) {
		buf_addc(b, '[');
		buf_add(b, mime_body(m, p));
		buf_addf(b, "|%zu]", p->lines);
		return;
	}
	buf_addc(b, '{');
	for (uint32_t i = p->child; i != MIME_NONE; i = m->parts[i].next)
		dump(b, m, &m->parts[i]);
	buf_addf(b, "|%zu}", p->lines);
}

#define MIXED	"Content-Type: multipart/mixed; boundary=\"b\"\r\n\r\n"

static const struct {
	const char	*name;
	const char	*in;
	const char	*want;
} rows[] = {
	{ "no field at all", "A: b\r\n\r\nx\r\ny\r\n", "text/plain[x\r\ny\r\n|2]" },
	{ "no body", "A: b\r\n", "text/plain[|0]" },
	{ "nothing", "", "text/plain[|0]" },
	{ "only a body", "\r\nx", "text/plain[x|0]" },
	{ "a comment in the type (RFC 2045 5.1)", "Content-type: text/plain; charset=us-ascii (Plain text)\r\n\r\n", "text/plain[|0]" },
	{ "invalid type (RFC 2045 5.2)", "Content-Type: nonsense\r\n\r\nx", "text/plain[x|0]" },
	{ "RFC 2046 5.1.1",
	  "MIME-Version: 1.0\r\nContent-type: multipart/mixed; boundary=\"simple boundary\"\r\n\r\n"
	  "This is the preamble.\r\n--simple boundary\r\n\r\nimplicitly typed\r\nno end"
	  "\r\n--simple boundary\r\nContent-type: text/plain; charset=us-ascii\r\n\r\nexplicitly typed\r\nends\r\n"
	  "\r\n--simple boundary--\r\n\r\nThis is the epilogue.\r\n",
	  "multipart/mixed{text/plain[implicitly typed\r\nno end|1]text/plain[explicitly typed\r\nends\r\n|2]|14}" },
	{ "line feeds only", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b\n\ny\n--b--\n",
	  "multipart/mixed{text/plain[x|0]text/plain[y|0]|7}" },
	{ "no end", MIXED "--b\r\n\r\nx\r\n--b\r\n\r\ny\r\n", "multipart/mixed{text/plain[x|0]text/plain[y\r\n|1]|6}" },
	{ "white space behind the boundary", MIXED "--b \t\r\n\r\nx\r\n--b-- \r\n", "multipart/mixed{text/plain[x|0]|4}" },
	{ "more behind the boundary is text", MIXED "--b\r\n\r\n--bc\r\n--b-\r\n--b--\r\n", "multipart/mixed{text/plain[--bc\r\n--b-|1]|5}" },
	{ "a delimiter not at a line's start", MIXED "--b\r\n\r\n x--b\r\n--b--", "multipart/mixed{text/plain[ x--b|0]|3}" },
	{ "a part of nothing", MIXED "--b\r\n--b--\r\n", "multipart/mixed{text/plain[|0]|2}" },
	{ "a part of a header alone", MIXED "--b\r\nContent-Type: text/html\r\n--b--\r\n", "multipart/mixed{text/html[|0]|3}" },
	{ "a part with an empty body", MIXED "--b\r\n\r\n--b--\r\n", "multipart/mixed{text/plain[|0]|3}" },
	{ "a part without the empty line", MIXED "--b\r\nContent-Type: text/html\r\nhi there\r\n--b--\r\n",
	  "multipart/mixed{text/html[hi there|0]|4}" },
	{ "the end is the first", MIXED "--b--\r\n", "text/plain[--b--\r\n|1]" },
	{ "behind the end", MIXED "--b\r\n\r\nx\r\n--b--\r\n--b\r\n\r\ny", "multipart/mixed{text/plain[x|0]|6}" },
	{ "no boundary", "Content-Type: multipart/mixed\r\n\r\n--b\r\n", "text/plain[--b\r\n|1]" },
	{ "the boundary never comes", MIXED "hello\r\n", "text/plain[hello\r\n|1]" },
	{ "a boundary with a colon", "Content-Type: multipart/mixed; boundary=\"a:c\"\r\n\r\n--a:c\r\n--a:c\r\n\r\nx\r\n--a:c--",
	  "multipart/mixed{text/plain[|0]text/plain[x|0]|4}" },
	{ "digest (RFC 2046 5.1.5)", "Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nA: b\r\n\r\nx\r\n--b--\r\n",
	  "multipart/digest{message/rfc822{text/plain[x|0]|2}|6}" },
	{ "inner boundary begins with the outer",
	  "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: multipart/alternative; boundary=bb\r\n\r\n"
	  "--bb\r\n\r\n1\r\n--bb\r\n\r\n2\r\n--bb--\r\n--b\r\n\r\n3\r\n--b--\r\n",
	  "multipart/mixed{multipart/alternative{text/plain[1|0]text/plain[2|0]|6}text/plain[3|0]|14}" },
	{ "outer boundary begins with the inner",
	  "Content-Type: multipart/mixed; boundary=bb\r\n\r\n--bb\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n"
	  "--b\r\n\r\n1\r\n--b\r\n\r\n2\r\n--b--\r\n--bb\r\n\r\n3\r\n--bb--\r\n",
	  "multipart/mixed{multipart/alternative{text/plain[1|0]text/plain[2|0]|6}text/plain[3|0]|14}" },
	{ "the outer ends the inner (RFC 2046 5.1.2)",
	  MIXED "--b\r\nContent-Type: multipart/mixed; boundary=i\r\n\r\n--i\r\n\r\n1\r\n--b\r\n\r\n2\r\n--i\r\n--b--\r\n",
	  "multipart/mixed{multipart/mixed{text/plain[1|0]|2}text/plain[2\r\n--i|1]|11}" },
	{ "the same boundary twice: the inner's",
	  MIXED "--b\r\n" MIXED "--b\r\n\r\n1\r\n--b--\r\n--b\r\n\r\n2\r\n--b--\r\n",
	  "multipart/mixed{multipart/mixed{text/plain[1|0]|3}text/plain[2|0]|11}" },
	{ "a message", "Content-Type: message/rfc822\r\n\r\nSubject: s\r\n\r\nx\r\n", "message/rfc822{text/plain[x\r\n|1]|3}" },
	{ "a message in a message",
	  "Content-Type: message/rfc822\r\n\r\nContent-Type: message/global\r\n\r\nSubject: s\r\n\r\nx",
	  "message/rfc822{message/global{text/plain[x|0]|2}|4}" },
	{ "a message cut by the delimiter", MIXED "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: s\r\n--b--\r\n",
	  "multipart/mixed{message/rfc822{text/plain[|0]|1}|5}" },
	{ "a message with parts", MIXED "--b\r\nContent-Type: message/rfc822\r\n\r\nContent-Type: multipart/mixed; boundary=i\r\n\r\n"
	  "--i\r\n\r\nx\r\n--i--\r\n\r\n--b--\r\n",
	  "multipart/mixed{message/rfc822{multipart/mixed{text/plain[x|0]|4}|6}|11}" },
	{ "an empty message", "Content-Type: message/rfc822\r\n\r\n", "message/rfc822{text/plain[|0]|0}" },
};

static void
test_rows(void)
{
	struct buf	got = BUF_INIT(100000);
	struct arena	a = ARENA_INIT(MIME_ARENA);
	struct mime	m;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		buf_reset(&got);
		arena_reset(&a);
		ok(mime_parse(&m, str_c(rows[i].in), &a) && !m.truncated, "parsed: %s", rows[i].name);
		dump(&got, &m, &m.parts[0]);
		is_str(buf_str(&got), str_c(rows[i].want), rows[i].name);
	}
	buf_free(&got);
	arena_free(&a);
}

static const struct {
	const char	*name;
	const char	*in;
	const char	*want;
} param_rows[] = {
	{ "quoted", "; a=\"b c\"", "a=b c;" },
	{ "a comment behind (RFC 2045 5.1)", "; charset=us-ascii (Plain text)", "charset=us-ascii;" },
	{ "escapes and folds", "; a=\"b\\\"\r\n c\\\\\"", "a=b\" c\\;" },
	{ "white space around =", "; a = b ;c= \"d\"", "a=b;c=d;" },
	{ "no semicolon", " a=b c=d", "a=b;c=d;" },
	{ "a bare name with spaces", "; filename=my file.pdf; x=y", "filename=my file.pdf;x=y;" },
	{ "tspecials not quoted", "; boundary=--=_a/b?c", "boundary=--=_a/b?c;" },
	{ "no value", "; a; b=; c=d", "b=;c=d;" },
	{ "quote not ended", "; a=\"bcd", "a=bcd;" },
	{ "RFC 2231 3", "; URL*0=\"ftp://\";\r\n URL*1=\"cs.utk.edu/pub\"", "URL=ftp://cs.utk.edu/pub;" },
	{ "RFC 2231 4", "; title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A", "title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A;" },
	{ "RFC 2231 4.1", "; title*0*=us-ascii'en'This%20is%20even%20more%20; title*1*=%2A%2A%2Afun%2A%2A%2A%20; title*2=\"isn't it!\"",
	  "title*=us-ascii'en'This%20is%20even%20more%20%2A%2A%2Afun%2A%2A%2A%20isn%27t%20it%21;" },
	{ "out of order", "; a*1=y; a*0=x", "a=xy;" },
	{ "a gap ends it", "; a*0=x; a*2=z", "a=x;" },
	{ "junk", ";;; = ;\"; x=\"y\"", "x=y;" },
};

static void
test_params(void)
{
	struct buf	got = BUF_INIT(100000);
	struct arena	a = ARENA_INIT(MIME_ARENA);

	for (size_t i = 0; i < sizeof(param_rows) / sizeof(param_rows[0]); i++) {
		struct params	ps = params_parse(str_c(param_rows[i].in), &a);

		buf_reset(&got);
		for (size_t j = 0; j < ps.n; j++)
			buf_addf(&got, STR_FMT "=" STR_FMT ";", STR_ARG(ps.p[j].name), STR_ARG(ps.p[j].value));
		is_str(buf_str(&got), str_c(param_rows[i].want), param_rows[i].name);
	}
	buf_free(&got);
	arena_free(&a);
}

static void
test_fields(void)
{
	struct arena		 a = ARENA_INIT(MIME_ARENA);
	struct mime		 m;
	const struct mime_part	*p;
	struct str		 v;

	ok(mime_parse(&m, STR("Content-Type: Image/GIF (x) ; Name=\"a.gif\"\r\n"
	    "Content-Transfer-Encoding: (c) Base64 (d)\r\n"
	    "Content-Disposition: attachment; filename=b.gif\r\n"
	    "Content-ID: <i@d>\r\nContent-Description: a\r\n b\r\nContent-MD5: md\r\n"
	    "Content-Language: en, de\r\nContent-Location: http://x/\r\n"
	    "Content-ID: <second>\r\nContent-Other: x\r\n\r\nR0lG\r\n"), &a), "all fields");
	p = &m.parts[0];
	ok(mime_is(p, "image", "gif"), "the type, in either case");
	is_str(p->subtype, STR("GIF"), "as written");
	ok(params_find(&p->params, STR("name"), &v), "its parameter");
	is_str(v, STR("a.gif"), "and value");
	ok(p->encoding == TRANSFER_BASE64, "encoding");
	is_str(p->encoding_name, STR("Base64"), "its name");
	is_str(p->disposition, STR("attachment"), "disposition");
	ok(params_find(&p->disposition_params, STR("filename"), &v), "its parameter");
	is_str(v, STR("b.gif"), "and value");
	is_str(p->id, STR(" <i@d>"), "id, the first");
	is_str(p->description, STR(" a\r\n b"), "description");
	is_str(p->md5, STR(" md"), "md5");
	is_str(p->language, STR(" en, de"), "language");
	is_str(p->location, STR(" http://x/"), "location");
	arena_free(&a);
}

static void
test_limits(void)
{
	struct buf	b = BUF_INIT(1 << 22);
	struct arena	a = ARENA_INIT(MIME_ARENA);
	struct mime	m;

	buf_adds(&b, MIXED);
	for (int i = 0; i < LIMIT_MIME_PARTS + 10; i++)
		buf_adds(&b, "--b\r\n\r\n");
	ok(mime_parse(&m, buf_str(&b), &a) && m.truncated, "too many parts");
	ok(m.n == LIMIT_MIME_PARTS, "are bounded");
	arena_reset(&a);
	buf_reset(&b);
	for (int i = 0; i < LIMIT_MIME_DEPTH * 2; i++)
		buf_adds(&b, "Content-Type: message/rfc822\r\n\r\n");
	ok(mime_parse(&m, buf_str(&b), &a) && m.truncated, "messages too deep");
	is_num(m.n, LIMIT_MIME_DEPTH, "are bounded");
	ok(mime_is(&m.parts[m.n - 1], "application", "octet-stream"), "the deepest is opaque");
	arena_reset(&a);
	buf_reset(&b);
	for (int i = 0; i < LIMIT_MIME_DEPTH * 2; i++)
		buf_addf(&b, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i);
	ok(mime_parse(&m, buf_str(&b), &a) && m.truncated, "multiparts too deep");
	is_num(m.n, LIMIT_MIME_DEPTH, "are bounded");
	arena_free(&a);
	a = (struct arena)ARENA_INIT(4096);
	ok(mime_parse(&m, buf_str(&b), &a) && m.truncated, "a small arena");
	ok(m.n > 1, "holds some");
	arena_free(&a);
	a = (struct arena)ARENA_INIT(1);
	ok(!mime_parse(&m, buf_str(&b), &a), "none holds nothing");
	arena_free(&a);
	buf_free(&b);
}

static void
test_child(void)
{
	struct arena	a = ARENA_INIT(MIME_ARENA);
	struct mime	m;

	ok(mime_parse(&m, STR(MIXED "--b\r\n\r\nx\r\n--b\r\n\r\ny\r\n--b--"), &a), "two parts");
	ok(mime_child(&m, &m.parts[0], 0) == NULL, "there is no part 0");
	ok(mime_child(&m, &m.parts[0], 1) == &m.parts[1], "1");
	ok(mime_child(&m, &m.parts[0], 2) == &m.parts[2], "2");
	ok(mime_child(&m, &m.parts[0], 3) == NULL, "no 3");
	ok(mime_child(&m, &m.parts[1], 1) == NULL, "none in a leaf");
	is_str(mime_header(&m, &m.parts[1]), STR("\r\n"), "the header is its empty line");
	arena_free(&a);
}

int
main(void)
{
	test_rows();
	test_params();
	test_fields();
	test_limits();
	test_child();
	return done_testing();
}
