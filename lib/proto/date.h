/*
 * date: the dates of mail, between text and seconds since 1970 (UTC). No clock,
 * no time zone database: a zone is its minutes east of UTC.
 */
#ifndef PROTO_DATE_H
#define PROTO_DATE_H

#include <stdint.h>

#include "../base/buf.h"

struct date {
	int64_t	time;	/* seconds since 1970, UTC */
	int	zone;	/* minutes east of UTC in which it was told */
};

/*
 * A Date field's value (RFC 5322 3.3, obsolete forms of 4.3 with two-digit
 * years, named zones, comments), and what is seen in the wild: no or a long
 * weekday, long months, asctime's order, RFC 3339, AM and PM, no zone (UTC), no time
 * (midnight), "GMT+0200". False when there is no day, month and year in it.
 */
bool	date_parse(struct str, struct date *out_r) __attribute__((warn_unused_result));

/* IMAP date-time without its quotes, "17-Jul-1996 02:44:25 -0700" (RFC 3501, date-time). */
bool	date_parse_imap(struct str, struct date *out_r) __attribute__((warn_unused_result));

/* IMAP date without quotes, "1-Feb-1994", as days since 1970-01-01. */
bool	date_parse_imap_day(struct str, int32_t *day_r) __attribute__((warn_unused_result));

/* The day, as days since 1970-01-01, that it was in that zone. */
int32_t	date_day(struct date);

/* Days since 1970-01-01 of a day of the Gregorian calendar (month 1 to 12). */
int64_t	date_days(int64_t year, unsigned month, unsigned day);

/* "17-Jul-1996 02:44:25 -0700", day padded with a space (RFC 3501 date-day-fixed). */
void	date_write_imap(struct buf *, struct date);

/* "Fri, 21 Nov 1997 09:55:06 -0600" */
void	date_write(struct buf *, struct date);

/* "1997-11-21T15:55:06Z" (RFC 3339), always UTC. */
void	date_write_3339(struct buf *, int64_t time);

#endif
