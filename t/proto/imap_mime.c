/* imap_mime: ENVELOPE, BODY, BODYSTRUCTURE and sections, by RFC 3501's examples. */
#include "proto/imap_mime.h"

#include "../tap.h"

/* RFC 3501 section 8 gives this message and its envelope. */
static const char	example[] =
	"Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\r\n"
	"From: Terry Gray <gray@cac.washington.edu>\r\n"
	"Subject: IMAP4rev1 WG mtg summary and minutes\r\n"
	"To: imap@cac.washington.edu\r\n"
	"cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>\r\n"
	"Message-Id: <B27397-0100000@cac.washington.edu>\r\n"
	"MIME-Version: 1.0\r\n"
	"Content-Type: TEXT/PLAIN; CHARSET=US-ASCII\r\n"
	"\r\n";

static const struct {
	const char	*name;
	const char	*in;
	const char	*want;
} envelopes[] = {
	{ "RFC 3501 8", example,
	  "(\"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\" \"IMAP4rev1 WG mtg summary and minutes\" "
	  "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) ((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
	  "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) ((NIL NIL \"imap\" \"cac.washington.edu\")) "
	  "((NIL NIL \"minutes\" \"CNRI.Reston.VA.US\")(\"John Klensin\" NIL \"KLENSIN\" \"MIT.EDU\")) NIL NIL "
	  "\"<B27397-0100000@cac.washington.edu>\")" },
	{ "nothing there", "X: y\r\n\r\n", "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)" },
	{ "empty ones", "Subject:\r\nTo: \r\nSender:\r\nFrom: a@b\r\nIn-Reply-To: \r\n\r\n",
	  "(NIL \"\" ((NIL NIL \"a\" \"b\")) ((NIL NIL \"a\" \"b\")) ((NIL NIL \"a\" \"b\")) NIL NIL NIL \"\" NIL)" },
	{ "a group", "To: G: a@b, c@d;\r\n\r\n",
	  "(NIL NIL NIL NIL NIL ((NIL NIL \"G\" NIL)(NIL NIL \"a\" \"b\")(NIL NIL \"c\" \"d\")(NIL NIL NIL NIL)) NIL NIL NIL NIL)" },
	{ "no domain is not a group", "To: nobody\r\n\r\n", "(NIL NIL NIL NIL NIL ((NIL NIL \"nobody\" \"\")) NIL NIL NIL NIL)" },
	{ "folds, 8-bit, quotes, a route", "Subject: a \"q\"\r\n b\r\nTo: J\xc3\xb6 <@r,@s:a@b>\r\n\r\n",
	  "(NIL \"a \\\"q\\\" b\" NIL NIL NIL (({3}\r\nJ\xc3\xb6 \"@r,@s\" \"a\" \"b\")) NIL NIL NIL NIL)" },
	{ "two fields of a name", "To: a@b\r\nTo: c@d\r\n\r\n",
	  "(NIL NIL NIL NIL NIL ((NIL NIL \"a\" \"b\")(NIL NIL \"c\" \"d\")) NIL NIL NIL NIL)" },
};

static const struct {
	const char	*name;
	const char	*in;
	bool		 extended;
	const char	*want;
} bodies[] = {
	{ "plain text", "A: b\r\n\r\nx\r\n", false, "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7BIT\" 3 1)" },
	{ "with its extension", "A: b\r\n\r\nx\r\n", true,
	  "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7BIT\" 3 1 NIL NIL NIL NIL)" },
	{ "RFC 3501 7.4.2",
	  "Content-Type: multipart/MIXED; boundary=b\r\n\r\n"
	  "--b\r\nContent-Type: TEXT/PLAIN; CHARSET=US-ASCII\r\n\r\nhi\r\n"
	  "--b\r\nContent-Type: TEXT/PLAIN; CHARSET=US-ASCII; NAME=\"cc.diff\"\r\n"
	  "Content-ID: <960723163407.20117h@cac.washington.edu>\r\nContent-Description: Compiler diff\r\n"
	  "Content-Transfer-Encoding: BASE64\r\n\r\naGk=\r\n\r\n--b--\r\n", false,
	  "((\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7BIT\" 2 0)"
	  "(\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\" \"NAME\" \"cc.diff\") "
	  "\"<960723163407.20117h@cac.washington.edu>\" \"Compiler diff\" \"BASE64\" 6 1) \"MIXED\")" },
	{ "a multipart's extension", "Content-Type: multipart/mixed; boundary=b\r\nContent-Language: en, de\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n", true,
	  "((\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7BIT\" 1 0 NIL NIL NIL NIL) \"mixed\" "
	  "(\"boundary\" \"b\") NIL (\"en\" \"de\") NIL)" },
	{ "disposition, md5, location, one language",
	  "Content-Type: image/gif\r\nContent-Disposition: attachment; filename=\"a\\\"b\"\r\nContent-MD5: m\r\n"
	  "Content-Language: en\r\nContent-Location: l\r\n\r\n", true,
	  "(\"image\" \"gif\" NIL NIL NIL \"7BIT\" 0 \"m\" (\"attachment\" (\"filename\" \"a\\\"b\")) (\"en\") \"l\")" },
	{ "a message", "Content-Type: message/rfc822\r\n\r\nSubject: s\r\n\r\nx\r\n", false,
	  "(\"message\" \"rfc822\" NIL NIL NIL \"7BIT\" 17 (NIL \"s\" NIL NIL NIL NIL NIL NIL NIL NIL) "
	  "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7BIT\" 3 1) 3)" },
	{ "message/global is a basic part", "Content-Type: message/global\r\n\r\nSubject: s\r\n\r\nx\r\n", false,
	  "(\"message\" \"global\" NIL NIL NIL \"7BIT\" 17)" },
	{ "8-bit in a parameter", "Content-Type: a/b; c=\"\xc3\xb6\"\r\n\r\n", false,
	  "(\"a\" \"b\" (\"c\" {2}\r\n\xc3\xb6) NIL NIL \"7BIT\" 0)" },
};

static void
test_envelopes(void)
{
	struct buf	got = BUF_INIT(100000);

	for (size_t i = 0; i < sizeof(envelopes) / sizeof(envelopes[0]); i++) {
		buf_reset(&got);
		imap_put_envelope(&got, str_c(envelopes[i].in));
		is_str(buf_str(&got), str_c(envelopes[i].want), envelopes[i].name);
	}
	buf_reset(&got);
	imap_put_envelope(&got, STR("Subject: a\0b\r\n\r\n"));
	is_str(buf_str(&got), STR("(NIL \"a?b\" NIL NIL NIL NIL NIL NIL NIL NIL)"), "a NUL goes onto no wire");
	buf_free(&got);
}

static void
test_bodies(void)
{
	struct buf	got = BUF_INIT(100000);
	struct arena	a = ARENA_INIT(MIME_ARENA);
	struct mime	m;

	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		buf_reset(&got);
		ok(mime_parse(&m, str_c(bodies[i].in), &a), "parsed");
		imap_put_body(&got, &m, bodies[i].extended);
		is_str(buf_str(&got), str_c(bodies[i].want), bodies[i].name);
		arena_reset(&a);
	}
	buf_free(&got);
	arena_free(&a);
}

/*
 * The structure of RFC 3501 6.4.5: HEADER, TEXT, 1 text/plain, 2
 * application/octet-stream, 3 message/rfc822 with 3.1 and 3.2, 4
 * multipart/mixed with 4.1 image/gif and 4.2 message/rfc822 of a multipart.
 */
static const char	nested[] =
	"Subject: top\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
	"--b\r\nX: 1\r\n\r\none\r\n"
	"--b\r\nContent-Type: application/octet-stream\r\n\r\ntwo\r\n"
	"--b\r\nContent-Type: message/rfc822\r\n\r\n"
	"Subject: third\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n"
	"--c\r\n\r\n3 1\r\n--c\r\n\r\n3 2\r\n--c--\r\n"
	"--b\r\nContent-Type: multipart/mixed; boundary=d\r\n\r\n"
	"--d\r\nContent-Type: image/gif\r\n\r\n4 1\r\n"
	"--d\r\nContent-Type: message/rfc822\r\n\r\nSubject: 4 2\r\n\r\n4 2 1\r\n"
	"--d--\r\n--b--\r\n";

#define C3_BODY	"--c\r\n\r\n3 1\r\n--c\r\n\r\n3 2\r\n--c--"
#define C3_HEADER "Subject: third\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n"
#define SINGLE	"Subject: s\r\nTo: a\r\n b\r\nX: y\r\n\r\nbody\r\n"

static const struct {
	const char	*message;
	const char	*section;
	const char	*want;		/* NULL: NIL */
} sections[] = {
	{ nested, "[]", nested },
	{ nested, "[HEADER]", "Subject: top\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" },
	{ nested, "[1]", "one" },
	{ nested, "[1.MIME]", "X: 1\r\n\r\n" },
	{ nested, "[1.HEADER]", NULL },
	{ nested, "[1.1]", NULL },
	{ nested, "[2]", "two" },
	{ nested, "[3]", C3_HEADER C3_BODY },
	{ nested, "[3.HEADER]", C3_HEADER },
	{ nested, "[3.HEADER.FIELDS (subject)]", "Subject: third\r\n\r\n" },
	{ nested, "[3.TEXT]", C3_BODY },
	{ nested, "[3.MIME]", "Content-Type: message/rfc822\r\n\r\n" },
	{ nested, "[3.1]", "3 1" },
	{ nested, "[3.2]", "3 2" },
	{ nested, "[3.3]", NULL },
	{ nested, "[4.1]", "4 1" },
	{ nested, "[4.1.MIME]", "Content-Type: image/gif\r\n\r\n" },
	{ nested, "[4.2.HEADER]", "Subject: 4 2\r\n\r\n" },
	{ nested, "[4.2.TEXT]", "4 2 1" },
	{ nested, "[4.2.1]", "4 2 1" },
	{ nested, "[4.2.1.MIME]", "Subject: 4 2\r\n\r\n" },
	{ nested, "[4.2.2]", NULL },
	{ nested, "[4.3]", NULL },
	{ nested, "[5]", NULL },
	{ nested, "[4294967295]", NULL },
	{ SINGLE, "[1]", "body\r\n" },
	{ SINGLE, "[TEXT]", "body\r\n" },
	{ SINGLE, "[1.MIME]", "Subject: s\r\nTo: a\r\n b\r\nX: y\r\n\r\n" },
	{ SINGLE, "[2]", NULL },
	{ SINGLE, "[1.1]", NULL },
	{ SINGLE, "[1.TEXT]", NULL },
	{ SINGLE, "[HEADER.FIELDS (to)]", "To: a\r\n b\r\n\r\n" },
	{ SINGLE, "[HEADER.FIELDS (\"X\" subject nothing)]", "Subject: s\r\nX: y\r\n\r\n" },
	{ SINGLE, "[HEADER.FIELDS (Cc)]", "\r\n" },
	{ SINGLE, "[HEADER.FIELDS.NOT (to x)]", "Subject: s\r\n\r\n" },
	{ "A: b\r\n", "[HEADER.FIELDS (A)]", "A: b\r\n" },
	{ "A: b", "[HEADER.FIELDS (A)]", "A: b\r\n" },
	{ "A: b\r\n", "[TEXT]", "" },
	{ "Content-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\nx", "[1.HEADER]", "Subject: in\r\n\r\n" },
	{ "Content-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\nx", "[1.1]", "x" },
	{ "Content-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\nx", "[1.1.1]", NULL },
};

static void
test_sections(void)
{
	struct arena	a = ARENA_INIT(MIME_ARENA);
	struct buf	compose = BUF_INIT(100000), again = BUF_INIT(1000);

	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
		struct imap_cur		c;
		struct imap_section	s;
		struct mime		m;
		struct str		got, top, text = str_c(sections[i].message);
		bool			found;

		imap_cur_init(&c, str_c(sections[i].section), &a);
		s = imap_section(&c);
		ok(imap_end(&c) && mime_parse(&m, text, &a), "parsed %s", sections[i].section);
		found = imap_section_find(&m, &s, &compose, &got);
		if (sections[i].want == NULL)
			ok(!found, "there is no %s", sections[i].section);
		else
			is_str(got, str_c(sections[i].want), sections[i].section);
		if (s.nparts == 0 && sections[i].want != NULL) {
			ok(imap_section_top(text, &s, &compose, &top), "without the parts");
			is_str(top, str_c(sections[i].want), "is the same");
		}
		buf_reset(&again);
		imap_put_section(&again, &s);
		ok(s.nfields > 0 || str_eq(buf_str(&again), str_c(sections[i].section)), "is repeated");
		arena_reset(&a);
	}
	buf_free(&compose);
	buf_free(&again);
	arena_free(&a);
}

int
main(void)
{
	test_envelopes();
	test_bodies();
	test_sections();
	return done_testing();
}
