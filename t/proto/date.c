/* date: RFC 5322 with its obsolete forms, IMAP's two, and writing. */
#include "proto/date.h"

#include "../tap.h"

/* 1997-11-21 15:55:06 UTC, the example of RFC 5322 */
#define EX	880127706

static const struct {
	const char	*in;
	bool		 good;
	long long	 time;
	int		 zone;
} rows[] = {
	{ "Fri, 21 Nov 1997 09:55:06 -0600", true, EX, -360 },
	{ "Tue, 1 Jul 2003 10:52:37 +0200", true, 1057049557, 120 },
	{ "Thu, 13 Feb 1969 23:32 -0330", true, -27723480, -210 },
	{ "Thu,\r\n      13\r\n        Feb\r\n          1969\r\n      23:32\r\n               -0330 (Newfoundland Time)", true, -27723480, -210 },
	{ "21 Nov 97 09:55:06 GMT", true, EX - 21600, 0 },
	{ "Fri, 21 Nov 1997 09(comment):   55  :  06 -0600", true, EX, -360 },
	{ "21 Nov 1997 10:55:06 EST", true, EX, -300 },
	{ "21 Nov 1997 08:55:06 MST", true, EX, -420 },
	{ "21 Nov 1997 15:55:06 UT", true, EX, 0 },
	{ "21 Nov 1997 15:55:06 Z", true, EX, 0 },
	{ "21 Nov 1997 15:55:06 K", true, EX, 0 },	/* military: no meaning, -0000 */
	{ "21 Nov 1997 15:55:06 XYZT", true, EX, 0 },
	{ "21 Nov 1997 15:55:06", true, EX, 0 },
	{ "21 Nov 1997", true, 880070400, 0 },
	{ "Friday, 21 November 1997 15:55:06 +0000 (UTC)", true, EX, 0 },
	{ "Fri Nov 21 15:55:06 1997", true, EX, 0 },
	{ "Fri Nov 21 15:55:06 UTC 1997", true, EX, 0 },
	{ "Fri Nov  1 15:55:06 1997", true, EX - 20 * 86400, 0 },
	{ "Fri, 21 Nov 1997 17:55:06 GMT+0200", true, EX, 120 },
	{ "Fri, 21 Nov 1997 17:55:06 +02:00", true, EX, 120 },
	{ "Fri, 21-Nov-1997 15:55:06 GMT", true, EX, 0 },
	{ "Fri, 21-Nov-97 15:55:06 GMT", true, EX, 0 },
	{ "1997-11-21T15:55:06Z", true, EX, 0 },
	{ "1997-11-21 17:55:06.123+02:00", true, EX, 120 },
	{ "Fri, 21 Nov 1997 03:55:06 PM", true, EX, 0 },
	{ "Fri, 21 Nov 1997 12:55:06 AM", true, EX - 15 * 3600, 0 },
	{ "Fri, 21 Nov 1997 12:55:06 PM", true, EX - 3 * 3600, 0 },
	{ "21 Nov 1997 15.55.06 +0000", true, EX, 0 },
	{ "Wed, 31 Dec 101 23:59:59 +0000", true, 1009843199, 0 },	/* 1900 + 101 */
	{ "1 Jan 49 00:00:00 +0000", true, 2493072000, 0 },
	{ "1 Jan 50 00:00:00 +0000", true, -631152000, 0 },
	{ "30 Jun 1997 23:59:60 +0000", true, 867715200, 0 },
	{ "29 Feb 2000 00:00:00 +0000", true, 951782400, 0 },
	{ "29 Feb 1900 00:00:00 +0000", false, 0, 0 },
	{ "31 Apr 2000 00:00:00 +0000", false, 0, 0 },
	{ "21 Nov 1997 24:00:00 +0000", false, 0, 0 },
	{ "21 Nov 1997 23:60:00 +0000", false, 0, 0 },
	{ "0 Nov 1997 00:00:00 +0000", false, 0, 0 },
	{ "21 Nov 1997 15:55:06 +9959", true, EX - 5999 * 60, 5999 },
	{ "1 Jan 9999 00:00:00 +0000", true, 253370764800, 0 },
	{ "21 Nov", false, 0, 0 },
	{ "Nov 1997", false, 0, 0 },
	{ "", false, 0, 0 },
	{ "((((", false, 0, 0 },
	{ "yesterday", false, 0, 0 },
	{ "(a (nested \\) one) x) 21 Nov 1997 15:55:06 +0000", true, EX, 0 },
	{ "99999999999999999999 Nov 1997", false, 0, 0 },
};

static void
test_parse(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct date	d;
		bool		good = date_parse(str_c(rows[i].in), &d);

		ok(good == rows[i].good, "parse: row %zu", i);
		if (good && rows[i].good) {
			is_num(d.time, rows[i].time, "its time");
			is_num(d.zone, rows[i].zone, "its zone");
		}
	}
}

static const struct {
	const char	*in;
	bool		 good;
	long long	 time;
	int		 zone;
} imap_rows[] = {
	{ "17-Jul-1996 02:44:25 -0700", true, 837596665, -420 },
	{ " 7-Jul-1996 02:44:25 -0700", true, 836732665, -420 },
	{ "07-Jul-1996 02:44:25 -0700", true, 836732665, -420 },
	{ "7-jul-1996 02:44:25 -0700", true, 836732665, -420 },
	{ "17-Jul-1996 02:44:25", false, 0, 0 },
	{ "17-Jul-1996 02:44:25 0700", false, 0, 0 },
	{ "17-Jul-1996 02:44:25 -0799", false, 0, 0 },
	{ "17-Xxx-1996 02:44:25 -0700", false, 0, 0 },
	{ "31-Jun-1996 02:44:25 -0700", false, 0, 0 },
	{ "17-Jul-96 02:44:25 -0700", false, 0, 0 },
	{ "17-Jul-1996 2:44:25 -0700", false, 0, 0 },
	{ "17-Jul-1996 02:44:25 -0700 ", false, 0, 0 },
	{ "", false, 0, 0 },
};

static void
test_imap(void)
{
	int32_t	day;

	for (size_t i = 0; i < sizeof(imap_rows) / sizeof(imap_rows[0]); i++) {
		struct date	d;
		bool		good = date_parse_imap(str_c(imap_rows[i].in), &d);

		ok(good == imap_rows[i].good, "imap: %s", imap_rows[i].in);
		if (good && imap_rows[i].good) {
			is_num(d.time, imap_rows[i].time, "its time");
			is_num(d.zone, imap_rows[i].zone, "its zone");
		}
	}
	ok(date_parse_imap_day(STR("1-Feb-1994"), &day) && day == 8797, "1-Feb-1994");
	ok(date_parse_imap_day(STR("01-feb-1994"), &day) && day == 8797, "01-feb-1994");
	ok(!date_parse_imap_day(STR("30-Feb-1994"), &day), "30-Feb-1994");
	ok(!date_parse_imap_day(STR("1-Feb-94"), &day), "a short year");
	ok(!date_parse_imap_day(STR("1-Feb-1994 "), &day), "something behind");
	ok(date_day((struct date){ 8797 * 86400LL - 1, 60 }) == 8797, "the day in its zone");
	ok(date_day((struct date){ -1, 0 }) == -1, "the day before 1970");
}

static void
test_write(void)
{
	struct buf	b = BUF_INIT(200);

	date_write(&b, (struct date){ EX, -360 });
	is_str(buf_str(&b), STR("Fri, 21 Nov 1997 09:55:06 -0600"), "as RFC 5322");
	buf_reset(&b);
	date_write(&b, (struct date){ 1057049557, 0 });
	is_str(buf_str(&b), STR("Tue, 1 Jul 2003 08:52:37 +0000"), "in UTC");
	buf_reset(&b);
	date_write_imap(&b, (struct date){ 836732665, -420 });
	is_str(buf_str(&b), STR(" 7-Jul-1996 02:44:25 -0700"), "as INTERNALDATE");
	buf_reset(&b);
	date_write_3339(&b, EX);
	is_str(buf_str(&b), STR("1997-11-21T15:55:06Z"), "as RFC 3339");
	buf_reset(&b);
	date_write(&b, (struct date){ INT64_MAX / 2, 0 });
	is_str(buf_str(&b), STR("Fri, 31 Dec 9999 23:59:59 +0000"), "never a year of five digits");
	buf_free(&b);
}

/* Every day of four centuries, there and back. */
static void
test_round(void)
{
	struct buf	b = BUF_INIT(100);
	bool		same = true;

	for (int64_t day = -141000; day < 180000 && same; day++) {
		struct date	d = { day * 86400 + 43200, (int)(day % 840) }, got;

		buf_reset(&b);
		date_write_imap(&b, d);
		same = date_parse_imap(buf_str(&b), &got) && got.time == d.time && got.zone == d.zone;
		buf_reset(&b);
		date_write(&b, d);
		same = same && date_parse(buf_str(&b), &got) && got.time == d.time;
	}
	ok(same, "every day comes back the same");
	buf_free(&b);
}

int
main(void)
{
	test_parse();
	test_imap();
	test_write();
	test_round();
	return done_testing();
}
