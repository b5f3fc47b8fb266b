/* imap_parse: every value of the grammar, taken and refused. */
#include "proto/imap_parse.h"

#include "base/limits.h"

#include "../tap.h"

typedef void (*reader)(struct imap_cur *, struct buf *);

static void
read_astring(struct imap_cur *c, struct buf *out)
{
	buf_add(out, imap_astring(c));
}

static void
read_string(struct imap_cur *c, struct buf *out)
{
	buf_add(out, imap_string(c));
}

static void
read_nstring(struct imap_cur *c, struct buf *out)
{
	struct str	s = imap_nstring(c);

	if (s.p == NULL)
		buf_adds(out, "<nil>");
	buf_add(out, s);
}

static void
read_tag(struct imap_cur *c, struct buf *out)
{
	buf_add(out, imap_tag(c));
}

static void
read_atom(struct imap_cur *c, struct buf *out)
{
	buf_add(out, imap_atom(c));
}

static void
read_list_mailbox(struct imap_cur *c, struct buf *out)
{
	buf_add(out, imap_list_mailbox(c));
}

static void
read_mailbox(struct imap_cur *c, struct buf *out)
{
	buf_add(out, imap_mailbox(c));
}

static void
read_number(struct imap_cur *c, struct buf *out)
{
	buf_addu(out, imap_number(c));
}

static void
read_nz(struct imap_cur *c, struct buf *out)
{
	buf_addu(out, imap_nz_number(c));
}

static void
read_63(struct imap_cur *c, struct buf *out)
{
	buf_addu(out, imap_number63(c));
}

static void
read_flags(struct imap_cur *c, struct buf *out)
{
	struct imap_flags	f = imap_flags_bare(c);

	buf_addu(out, f.system);
	for (size_t i = 0; i < f.n; i++)
		buf_addf(out, " " STR_FMT, STR_ARG(f.keywords[i]));
}

static void
read_date(struct imap_cur *c, struct buf *out)
{
	buf_addf(out, "%lld", (long long)imap_date(c));
}

static void
read_date_time(struct imap_cur *c, struct buf *out)
{
	buf_addf(out, "%lld", (long long)imap_date_time(c));
}

static void
read_section(struct imap_cur *c, struct buf *out)
{
	static const char *const what[] = { "all", "header", "fields", "not", "text", "mime" };
	struct imap_section	s = imap_section(c);
	struct imap_partial	p = imap_partial(c);

	for (size_t i = 0; i < s.nparts; i++)
		buf_addf(out, "%u.", s.part[i]);
	buf_adds(out, what[s.what]);
	for (size_t i = 0; i < s.nfields; i++)
		buf_addf(out, " " STR_FMT, STR_ARG(s.fields[i]));
	if (p.given)
		buf_addf(out, " <%u.%u>", p.at, p.count);
}

static const struct {
	reader		 read;
	struct str	 in;
	const char	*want;	/* NULL: an error */
} rows[] = {
	{ read_astring, STR_INIT("abc]"), "abc]" },
	{ read_astring, STR_INIT("a+b"), "a+b" },
	{ read_astring, STR_INIT("\"\""), "" },
	{ read_astring, STR_INIT("\"a b\""), "a b" },
	{ read_astring, STR_INIT("\"a\\\\\""), "a\\" },		/* ends in an escaped backslash */
	{ read_astring, STR_INIT("\"\\\"\\\\\\\"\""), "\"\\\"" },
	{ read_astring, STR_INIT("\"\\\\\\\\x\""), "\\\\x" },
	{ read_astring, STR_INIT("\"a\\b\""), NULL },
	{ read_astring, STR_INIT("\"a\\"), NULL },
	{ read_astring, STR_INIT("\"a"), NULL },
	{ read_astring, STR_INIT("\"a\rb\""), NULL },
	{ read_astring, STR_INIT("\"\xc3\xbc\""), "\xc3\xbc" },
	{ read_astring, STR_INIT("\"\xc3\""), NULL },
	{ read_astring, STR_INIT("{3}\r\na\"b"), "a\"b" },
	{ read_astring, STR_INIT("{3+}\r\na\r\n"), "a\r\n" },
	{ read_astring, STR_INIT("{0}\r\n"), "" },
	{ read_astring, STR_INIT("{4}\r\nabc"), NULL },
	{ read_astring, STR_INIT("{3}\r\na\0b"), NULL },
	{ read_astring, STR_INIT("{3}abc"), NULL },
	{ read_astring, STR_INIT(""), NULL },
	{ read_astring, STR_INIT("("), NULL },
	{ read_astring, STR_INIT("\xc3\xbc"), NULL },
	{ read_string, STR_INIT("abc"), NULL },
	{ read_nstring, STR_INIT("nil"), "<nil>" },
	{ read_nstring, STR_INIT("\"nil\""), "nil" },
	{ read_tag, STR_INIT("a1.2"), "a1.2" },
	{ read_tag, STR_INIT("a+"), NULL },
	{ read_atom, STR_INIT("a]"), NULL },
	{ read_list_mailbox, STR_INIT("a/%*"), "a/%*" },
	{ read_mailbox, STR_INIT("inBox"), "INBOX" },
	{ read_mailbox, STR_INIT("\"INBOX\""), "INBOX" },
	{ read_mailbox, STR_INIT("Entw&APw-rfe"), "Entw\xc3\xbcrfe" },
	{ read_mailbox, STR_INIT("a&b"), NULL },
	{ read_number, STR_INIT("0"), "0" },
	{ read_number, STR_INIT("4294967295"), "4294967295" },
	{ read_number, STR_INIT("4294967296"), NULL },
	{ read_number, STR_INIT("-1"), NULL },
	{ read_nz, STR_INIT("0"), NULL },
	{ read_63, STR_INIT("9223372036854775807"), "9223372036854775807" },
	{ read_63, STR_INIT("9223372036854775808"), NULL },
	{ read_flags, STR_INIT("(\\Seen \\deleted $Junk a $junk)"), "9 $Junk a" },
	{ read_flags, STR_INIT("\\Draft \\Flagged"), "20" },
	{ read_flags, STR_INIT("()"), "0" },
	{ read_flags, STR_INIT("(\\Recent)"), NULL },
	{ read_flags, STR_INIT("(\\*)"), NULL },
	{ read_flags, STR_INIT("(a"), NULL },
	{ read_flags, STR_INIT("(a "), NULL },
	{ read_flags, STR_INIT("(a  b)"), NULL },
	{ read_flags, STR_INIT("( a)"), NULL },
	{ read_date, STR_INIT("1-Jan-1970"), "0" },
	{ read_date, STR_INIT("\"29-feb-2024\""), "19782" },
	{ read_date, STR_INIT("29-Feb-2023"), NULL },
	{ read_date, STR_INIT("31-Dec-1969"), "-1" },
	{ read_date, STR_INIT("01-Jan-0001"), "-719162" },
	{ read_date, STR_INIT("32-Jan-2000"), NULL },
	{ read_date, STR_INIT("0-Jan-2000"), NULL },
	{ read_date, STR_INIT("1-Jab-2000"), NULL },
	{ read_date, STR_INIT("\"1-Jan-2000"), NULL },
	{ read_date_time, STR_INIT("\"17-Jul-1996 02:44:25 -0700\""), "837596665" },
	{ read_date_time, STR_INIT("\" 7-Feb-1994 21:52:25 +0100\""), "760654345" },
	{ read_date_time, STR_INIT("\"01-Jan-1970 00:00:00 +0100\""), "0" },
	{ read_date_time, STR_INIT("\"17-Jul-1996 24:44:25 -0700\""), NULL },
	{ read_date_time, STR_INIT("\"17-Jul-1996 02:44 -0700\""), NULL },
	{ read_section, STR_INIT("[]"), "all" },
	{ read_section, STR_INIT("[]<0.2048>"), "all <0.2048>" },
	{ read_section, STR_INIT("[1.2.3]"), "1.2.3.all" },
	{ read_section, STR_INIT("[HEADER]"), "header" },
	{ read_section, STR_INIT("[1.HEADER.FIELDS (a \"b\")]<1.2>"), "1.fields a b <1.2>" },
	{ read_section, STR_INIT("[HEADER.FIELDS.NOT (a)]"), "not a" },
	{ read_section, STR_INIT("[2.mime]"), "2.mime" },
	{ read_section, STR_INIT("[1.TEXT]"), "1.text" },
	{ read_section, STR_INIT("[MIME]"), NULL },
	{ read_section, STR_INIT("[HEADER.FIELDS ()]"), NULL },
	{ read_section, STR_INIT("[0]"), NULL },
	{ read_section, STR_INIT("[1.]"), NULL },
	{ read_section, STR_INIT("[1..2]"), NULL },
	{ read_section, STR_INIT("[1"), NULL },
	{ read_section, STR_INIT("[]<0.0>"), NULL },
	{ read_section, STR_INIT("[]<0>"), NULL },
};

static void
test_rows(void)
{
	struct arena	a = ARENA_INIT(100000);
	struct buf	out = BUF_INIT(1000);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct imap_cur	c;
		bool		good;

		imap_cur_init(&c, rows[i].in, &a);
		buf_reset(&out);
		rows[i].read(&c, &out);
		good = imap_end(&c);
		if (rows[i].want == NULL)
			ok(!good, "refused: " STR_FMT, STR_ARG(rows[i].in));
		else if (ok(good, "taken: " STR_FMT, STR_ARG(rows[i].in)))
			is_str(buf_str(&out), str_c(rows[i].want), "its value");
		arena_reset(&a);
	}
	buf_free(&out);
	arena_free(&a);
}

static void
test_sticky(void)
{
	struct arena	a = ARENA_INIT(1000);
	struct imap_cur	c;

	imap_cur_init(&c, STR("a FETCH x (FLAGS)"), &a);
	is_str(imap_tag(&c), STR("a"), "tag");
	imap_sp(&c);
	is_str(imap_word(&c), STR("FETCH"), "name");
	imap_sp(&c);
	is_num(imap_sequence_set(&c).n, 0, "no set");
	is_num(imap_atom(&c).n, 0, "nothing after an error");
	ok(!imap_end(&c), "it failed");
	is_str(str_c(c.err), STR("missing message set"), "the first error stays");
	arena_free(&a);
}

/* More than an arena holds is refused, not kept. */
static void
test_full(void)
{
	struct arena	a = ARENA_INIT(64);
	struct imap_cur	c;

	imap_cur_init(&c, STR("1,2,3,4,5,6,7,8,9,10,11,12"), &a);
	(void)imap_sequence_set(&c);
	ok(!imap_end(&c), "a full arena is an error");
	arena_free(&a);
}

int
main(void)
{
	test_rows();
	test_sticky();
	test_full();
	return done_testing();
}
