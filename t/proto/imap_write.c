/* imap_write: strings, atoms, mailbox names and dates as they go out. */
#include "proto/imap_write.h"

#include "../tap.h"

static void
test_strings(void)
{
	static const struct {
		struct str	 in;
		const char	*string, *astring, *mailbox;
	} rows[] = {
		{ STR_INIT("abc"), "\"abc\"", "abc", "abc" },
		{ STR_INIT(""), "\"\"", "\"\"", "\"\"" },
		{ STR_INIT("a b"), "\"a b\"", "\"a b\"", "\"a b\"" },
		{ STR_INIT("a\"\\b"), "\"a\\\"\\\\b\"", "\"a\\\"\\\\b\"", "\"a\\\"\\\\b\"" },
		{ STR_INIT("a\r\nb"), "{4}\r\na\r\nb", "{4}\r\na\r\nb", "a&AA0ACg-b" },
		{ STR_INIT("\xc3\xbc"), "{2}\r\n\xc3\xbc", "{2}\r\n\xc3\xbc", "&APw-" },
		{ STR_INIT("nil"), "\"nil\"", "\"nil\"", "\"nil\"" },
		{ STR_INIT("a]"), "\"a]\"", "a]", "a]" },
		{ STR_INIT("inbox"), "\"inbox\"", "inbox", "INBOX" },
		{ STR_INIT("50%"), "\"50%\"", "\"50%\"", "\"50%\"" },
	};
	struct buf	b = BUF_INIT(1000);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		buf_reset(&b);
		imap_put_string(&b, rows[i].in);
		is_str(buf_str(&b), str_c(rows[i].string), "string");
		buf_reset(&b);
		imap_put_astring(&b, rows[i].in);
		is_str(buf_str(&b), str_c(rows[i].astring), "astring");
		buf_reset(&b);
		imap_put_mailbox(&b, rows[i].in);
		is_str(buf_str(&b), str_c(rows[i].mailbox), "mailbox");
	}
	buf_reset(&b);
	imap_put_nstring(&b, (struct str){ NULL, 0 });
	is_str(buf_str(&b), STR("NIL"), "nil");
	buf_free(&b);
}

static void
test_dates(void)
{
	static const struct {
		int64_t		 when;
		const char	*want;
	} rows[] = {
		{ 0, "\"01-Jan-1970 00:00:00 +0000\"" },
		{ 837595425, "\"17-Jul-1996 09:23:45 +0000\"" },
		{ 951827696, "\"29-Feb-2000 12:34:56 +0000\"" },
		{ 4102444799, "\"31-Dec-2099 23:59:59 +0000\"" },
		{ -1, "\"01-Jan-1970 00:00:00 +0000\"" },
	};
	struct buf	b = BUF_INIT(1000);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		buf_reset(&b);
		imap_put_date_time(&b, rows[i].when);
		is_str(buf_str(&b), str_c(rows[i].want), "date-time");
	}
	buf_free(&b);
}

int
main(void)
{
	test_strings();
	test_dates();
	return done_testing();
}
