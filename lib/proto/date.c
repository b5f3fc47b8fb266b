#include "date.h"

#include "../base/num.h"

enum { DAY = 86400, ZONE_MAX = 99 * 60 + 59 };	/* RFC 5322 3.3: -9959 to +9959 */

static const char	months[] = "janfebmaraprmayjunjulaugsepoctnovdec";
static const char	weekdays[] = "sunmontuewedthufrisat";

/* What was found so far; -1 is not yet. */
struct parts {
	int	year, month, day;
	int	hour, minute, second;
	int	zone;
	bool	zoned, pm, am;
};

int64_t
date_days(int64_t year, unsigned month, unsigned day)
{
	int64_t	y = month <= 2 ? year - 1 : year;	/* years begin in March */
	int64_t	era = (y >= 0 ? y : y - 399) / 400;
	int64_t	yoe = y - era * 400;
	int64_t	doy = (153 * (int64_t)(month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static int64_t
floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

int32_t
date_day(struct date d)
{
	int64_t	days = floor_div(d.time + (int64_t)d.zone * 60, DAY);

	return days > INT32_MAX ? INT32_MAX : days < INT32_MIN ? INT32_MIN : (int32_t)days;
}

static int
month_days(int year, int month)
{
	static const int	days[12] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	if (month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0))
		return 29;
	return days[month - 1];
}

/* Index + 1 of a name in a list of three-letter names, by its first three letters; 0 without. */
static int
name3(struct str s, const char *list)
{
	for (int i = 0; list[i * 3] != '\0'; i++)
		if (s.n >= 3 && str_istarts(s, str_n(list + i * 3, 3)))
			return i + 1;
	return 0;
}

static bool
parts_done(struct parts *p, struct date *out_r)
{
	if (p->day < 1 || p->month < 1 || p->year < 0)
		return false;
	if (p->hour < 0)
		p->hour = p->minute = p->second = 0;
	if ((p->pm || p->am) && (p->hour > 12 || p->hour == 0))
		p->pm = p->am = false;
	if ((p->pm || p->am) && p->hour == 12)
		p->hour = 0;
	if (p->pm)
		p->hour += 12;
	if (p->day > month_days(p->year, p->month) || p->hour > 23 || p->minute > 59 || p->second > 60)
		return false;
	if (p->zone < -ZONE_MAX || p->zone > ZONE_MAX)
		return false;
	out_r->zone = p->zone;
	out_r->time = date_days(p->year, (unsigned)p->month, (unsigned)p->day) * DAY +
	    p->hour * 3600 + p->minute * 60 + p->second - (int64_t)p->zone * 60;
	return true;
}

/* Digits at the front of *s, at most max of them; -1 without any. */
static int
take_digits(struct str *s, size_t max, size_t *n_r)
{
	size_t		n = 0;
	uint32_t	v;

	while (n < s->n && n < max && byte_is_digit(s->p[n]))
		n++;
	*n_r = n;
	if (n == 0 || !num_u32(str_head(*s, n), 999999999, &v))
		return -1;
	*s = str_skip(*s, n);
	return (int)v;
}

static struct str
take_alphas(struct str *s)
{
	struct str	word = *s;
	size_t		n = 0;

	while (n < s->n && byte_is_alpha(s->p[n]))
		n++;
	*s = str_skip(*s, n);
	return str_head(word, n);
}

/* Past white space, commas and comments, which may nest (RFC 5322 3.2.2). */
static void
skip_filling(struct str *s)
{
	size_t	depth = 0, i;

	for (i = 0; i < s->n; i++) {
		char	c = s->p[i];

		if (c == '\\' && depth > 0)
			i++;
		else if (c == '(')
			depth++;
		else if (c == ')' && depth > 0)
			depth--;
		else if (depth == 0 && !byte_is_space(c) && c != ',')
			break;
	}
	*s = str_skip(*s, i);
}

/* A separator with digits behind it, white space and comments around it (4.3). */
static bool
take_separator(struct str *s, char sep)
{
	struct str	rest = *s;

	skip_filling(&rest);
	if (rest.n == 0 || rest.p[0] != sep)
		return false;
	rest = str_skip(rest, 1);
	skip_filling(&rest);
	if (rest.n == 0 || !byte_is_digit(rest.p[0]))
		return false;
	*s = rest;
	return true;
}

/* ":mm", ":mm:ss" and ":mm:ss.fff" behind the hour; true when it was that. */
static bool
take_time(struct str *s, struct parts *p, int hour)
{
	char	sep = ':';
	size_t	n;

	if (p->hour >= 0)
		return false;
	if (p->year >= 0 && s->n > 0 && s->p[0] == '.')
		sep = '.';
	if (!take_separator(s, sep))
		return false;
	p->hour = hour;
	p->minute = take_digits(s, 2, &n);
	p->second = 0;
	if (take_separator(s, sep))
		p->second = take_digits(s, 2, &n);
	if (s->n > 0 && s->p[0] == '.' && take_separator(s, '.'))
		(void)take_digits(s, 9, &n);
	return true;
}

/* "+hhmm", "+hh:mm", "+hh" at the front of *s. */
static void
take_zone(struct str *s, struct parts *p)
{
	int	sign = s->p[0] == '-' ? -1 : 1, v, minutes = 0;
	size_t	n;

	*s = str_skip(*s, 1);
	v = take_digits(s, 4, &n);
	if (v < 0)
		return;
	if (n <= 2 && s->n > 2 && s->p[0] == ':' && byte_is_digit(s->p[1])) {
		*s = str_skip(*s, 1);
		minutes = take_digits(s, 2, &n);
	} else if (n > 2) {
		minutes = v % 100;
		v /= 100;
	}
	p->zone = sign * (v * 60 + minutes);
	p->zoned = true;
}

/* A zone's name (RFC 5322 4.3); one that is not known is UTC, as told there. */
static void
zone_name(struct str w, struct parts *p)
{
	static const struct {
		char	name[5];
		int	hours;
	} zones[] = {
		{ "EST", -5 }, { "EDT", -4 }, { "CST", -6 }, { "CDT", -5 }, { "MST", -7 }, { "MDT", -6 },
		{ "PST", -8 }, { "PDT", -7 }, { "CET", 1 }, { "CEST", 2 }, { "MET", 1 }, { "MEST", 2 },
		{ "EET", 2 }, { "EEST", 3 }, { "WEST", 1 }, { "BST", 1 }, { "MSK", 3 }, { "JST", 9 },
		{ "KST", 9 }, { "HKT", 8 }, { "SGT", 8 }, { "AEST", 10 }, { "AEDT", 11 }, { "NZST", 12 },
	};

	for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++)
		if (str_ieq(w, str_c(zones[i].name)))
			p->zone = zones[i].hours * 60;
}

static void
take_word(struct str *s, struct parts *p)
{
	struct str	w = take_alphas(s);
	int		month = name3(w, months);

	if (month != 0 && p->month < 0)
		p->month = month;
	else if (str_ieq(w, STR("AM")))
		p->am = true;
	else if (str_ieq(w, STR("PM")))
		p->pm = true;
	else if (p->hour >= 0 && !p->zoned && name3(w, weekdays) == 0)
		zone_name(w, p);
	/* weekdays, and the T between date and time, say nothing */
}

/* A year as written with n digits (RFC 5322 4.3). */
static int
full_year(int year, size_t n)
{
	if (n >= 4)
		return year;
	if (n == 3)
		return 1900 + year;
	return year < 50 ? 2000 + year : 1900 + year;
}

/* "-02-03" of RFC 3339 behind the year. */
static bool
take_iso(struct str *s, struct parts *p, int year)
{
	size_t	n;

	if (p->year >= 0 || s->n < 6 || s->p[0] != '-' || s->p[3] != '-' || !byte_is_digit(s->p[1]))
		return false;
	*s = str_skip(*s, 1);
	p->year = year;
	p->month = take_digits(s, 2, &n);
	*s = str_skip(*s, 1);
	p->day = take_digits(s, 2, &n);
	if (p->month > 12)
		p->month = -1;
	return true;
}

static void
take_number(struct str *s, struct parts *p)
{
	size_t	n;
	int	v = take_digits(s, 9, &n);

	if (n == 4 && take_iso(s, p, v))
		return;
	if (n <= 2 && take_time(s, p, v))
		return;
	if (n <= 2 && p->day < 0)
		p->day = v;
	else if (p->year < 0 && n >= 2 && n <= 4)
		p->year = full_year(v, n);
}

bool
date_parse(struct str s, struct date *out_r)
{
	struct parts	p = { .year = -1, .month = -1, .day = -1, .hour = -1 };

	*out_r = (struct date){ 0, 0 };
	s = str_head(s, 1000);	/* nothing useful comes later */
	for (skip_filling(&s); s.n > 0; skip_filling(&s)) {
		if (byte_is_digit(s.p[0]))
			take_number(&s, &p);
		else if (byte_is_alpha(s.p[0]))
			take_word(&s, &p);
		else if ((s.p[0] == '+' || s.p[0] == '-') && p.hour >= 0 && !p.zoned)
			take_zone(&s, &p);
		else
			s = str_skip(s, 1);
	}
	return parts_done(&p, out_r);
}

/* "d-Mon-yyyy" at the front of *s: RFC 3501 date-text, day of one or two digits. */
static bool
take_imap_day(struct str *s, struct parts *p)
{
	size_t	n;

	p->day = take_digits(s, 2, &n);
	if (p->day < 1 || s->n < 9 || s->p[0] != '-' || s->p[4] != '-')
		return false;
	p->month = name3(str_n(s->p + 1, 3), months);
	*s = str_skip(*s, 5);
	p->year = take_digits(s, 4, &n);
	return n == 4 && p->month != 0;
}

bool
date_parse_imap_day(struct str s, int32_t *day_r)
{
	struct parts	p = { .hour = -1 };
	struct date	d;

	*day_r = 0;
	if (!take_imap_day(&s, &p) || s.n != 0 || !parts_done(&p, &d))
		return false;
	*day_r = date_day(d);
	return true;
}

/* n digits and then c (nothing behind the last with c NUL). */
static bool
fixed(struct str *s, size_t n, char c, int *out_r)
{
	size_t	got;

	*out_r = take_digits(s, n, &got);
	if (got != n)
		return false;
	if (c == '\0')
		return s->n == 0;
	if (s->n == 0 || s->p[0] != c)
		return false;
	*s = str_skip(*s, 1);
	return true;
}

bool
date_parse_imap(struct str s, struct date *out_r)
{
	struct parts	p = { .hour = -1 };
	int		zone;
	char		sign;

	*out_r = (struct date){ 0, 0 };
	if (s.n == 26 && s.p[0] == ' ')
		s = str_skip(s, 1);
	if (!take_imap_day(&s, &p) || s.n != 15 || s.p[0] != ' ')
		return false;
	s = str_skip(s, 1);
	if (!fixed(&s, 2, ':', &p.hour) || !fixed(&s, 2, ':', &p.minute) || !fixed(&s, 2, ' ', &p.second))
		return false;
	sign = s.p[0];
	s = str_skip(s, 1);
	if ((sign != '+' && sign != '-') || !fixed(&s, 4, '\0', &zone) || zone % 100 > 59)
		return false;
	p.zone = (zone / 100 * 60 + zone % 100) * (sign == '-' ? -1 : 1);
	return parts_done(&p, out_r);
}

struct civil {
	int64_t	year;
	int	month, day, hour, minute, second, weekday;
};

static struct civil
civil(int64_t time)
{
	struct civil	c;
	int64_t		days, z, era, doe, yoe, doy, mp, rest;

	/* four-digit years only: what a date can say */
	if (time < -62167219200)
		time = -62167219200;
	if (time > 253402300799)
		time = 253402300799;
	days = floor_div(time, DAY);
	rest = time - days * DAY;
	z = days + 719468;
	era = floor_div(z, 146097);
	doe = z - era * 146097;
	yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	mp = (5 * doy + 2) / 153;
	c.day = (int)(doy - (153 * mp + 2) / 5 + 1);
	c.month = (int)(mp < 10 ? mp + 3 : mp - 9);
	c.year = yoe + era * 400 + (c.month <= 2);
	c.hour = (int)(rest / 3600);
	c.minute = (int)(rest / 60 % 60);
	c.second = (int)(rest % 60);
	c.weekday = (int)(((days + 4) % 7 + 7) % 7);
	return c;
}

static void
add_name(struct buf *b, const char *list, int i)
{
	buf_addc(b, byte_upper(list[i * 3]));
	buf_add(b, str_n(list + i * 3 + 1, 2));
}

static void
add_clock(struct buf *b, const struct civil *c, int zone)
{
	unsigned	z = (unsigned)(zone < 0 ? -zone : zone);

	buf_addf(b, "%04lld %02d:%02d:%02d %c%02u%02u", (long long)c->year, c->hour, c->minute, c->second,
	    zone < 0 ? '-' : '+', z / 60, z % 60);
}

void
date_write_imap(struct buf *b, struct date d)
{
	struct civil	c = civil(d.time + (int64_t)d.zone * 60);

	buf_addf(b, "%2d-", c.day);
	add_name(b, months, c.month - 1);
	buf_addc(b, '-');
	add_clock(b, &c, d.zone);
}

void
date_write(struct buf *b, struct date d)
{
	struct civil	c = civil(d.time + (int64_t)d.zone * 60);

	add_name(b, weekdays, c.weekday);
	buf_addf(b, ", %d ", c.day);
	add_name(b, months, c.month - 1);
	buf_addc(b, ' ');
	add_clock(b, &c, d.zone);
}

void
date_write_3339(struct buf *b, int64_t time)
{
	struct civil	c = civil(time);

	buf_addf(b, "%04lld-%02d-%02dT%02d:%02d:%02dZ", (long long)c.year, c.month, c.day, c.hour, c.minute, c.second);
}
