/* imap_item: the larger values of imap_parse.h: flags, dates, sections. */
#include "imap_parse.h"

static const struct {
	const char	*name;
	enum imap_flag	 bit;
} system_flags[] = {
	{ "Seen", IMAP_SEEN },
	{ "Answered", IMAP_ANSWERED },
	{ "Flagged", IMAP_FLAGGED },
	{ "Deleted", IMAP_DELETED },
	{ "Draft", IMAP_DRAFT },
};

static void
keyword_add(struct imap_cur *c, struct imap_flags *f, struct str name)
{
	struct str	*more;

	if (c->err != NULL)
		return;
	for (size_t i = 0; i < f->n; i++)
		if (str_ieq(f->keywords[i], name))
			return;
	if (f->n % 16 == 0) {
		more = arena_array(c->arena, f->n + 16, sizeof(*more));
		if (more == NULL) {
			imap_cur_fail(c, "command too large");
			return;
		}
		if (f->n > 0)
			memcpy(more, f->keywords, f->n * sizeof(*more));
		f->keywords = more;
	}
	f->keywords[f->n++] = name;
}

static void
flag_add(struct imap_cur *c, struct imap_flags *f)
{
	bool		system = imap_try(c, '\\');
	struct str	name = imap_atom(c);

	if (!system) {
		keyword_add(c, f, name);
		return;
	}
	for (size_t i = 0; i < sizeof(system_flags) / sizeof(system_flags[0]); i++)
		if (str_ieq(name, str_c(system_flags[i].name))) {
			f->system |= system_flags[i].bit;
			return;
		}
	imap_cur_fail(c, "flag that cannot be set");
}

struct imap_flags
imap_flag_list(struct imap_cur *c)
{
	struct imap_flags	f = { 0 };
	bool			first = true;

	imap_need(c, '(');
	while (imap_list_next(c, &first))
		flag_add(c, &f);
	return f;
}

struct imap_flags
imap_flags_bare(struct imap_cur *c)
{
	struct imap_flags	f = { 0 };

	if (imap_peek(c, '('))
		return imap_flag_list(c);
	do
		flag_add(c, &f);
	while (imap_try(c, ' '));
	return f;
}

/* --- dates */

static const char	months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

struct str
imap_month_name(int month)
{
	return str_n(months + 3 * (month - 1), 3);
}

/* Days since 1970-01-01 of a date of the Gregorian calendar, years 1 and later. */
static int64_t
days_of(struct imap_date d)
{
	int64_t	y = d.month <= 2 ? d.year - 1 : d.year;
	int64_t	m = d.month <= 2 ? d.month + 9 : d.month - 3;	/* from March on */

	return y * 365 + y / 4 - y / 100 + y / 400 + (m * 153 + 2) / 5 + d.day - 1 - 719468;
}

/* The other way, from the year 1 on. */
static struct imap_date
date_of_days(int64_t days)
{
	int64_t	z = days + 719468;
	int64_t	era = z / 146097, day = z % 146097;
	int64_t	y = (day - day / 1460 + day / 36524 - day / 146096) / 365;
	int64_t	yday = day - (365 * y + y / 4 - y / 100);
	int64_t	m = (5 * yday + 2) / 153;

	return (struct imap_date){
		.day = (int)(yday - (153 * m + 2) / 5 + 1),
		.month = (int)(m < 10 ? m + 3 : m - 9),
		.year = (int)(y + era * 400 + (m >= 10)),
	};
}

struct imap_date
imap_date_of(int64_t when)
{
	return date_of_days(when / 86400);
}

/* n digits exactly. */
static int
digits(struct imap_cur *c, size_t n)
{
	int	v = 0;

	for (size_t i = 0; i < n; i++) {
		if (i >= c->rest.n || !byte_is_digit(c->rest.p[i])) {
			imap_cur_fail(c, "bad date");
			return 0;
		}
		v = v * 10 + (c->rest.p[i] - '0');
	}
	c->rest = str_skip(c->rest, n);
	return v;
}

static int
month(struct imap_cur *c)
{
	for (int m = 1; m <= 12; m++)
		if (str_istarts(c->rest, imap_month_name(m))) {
			c->rest = str_skip(c->rest, 3);
			return m;
		}
	imap_cur_fail(c, "bad date");
	return 1;
}

/* "-Mon-yyyy" behind the day, and whether there is such a day. */
static int64_t
date_rest(struct imap_cur *c, int day)
{
	struct imap_date	d = { .day = day };
	int64_t			days;

	imap_need(c, '-');
	d.month = month(c);
	imap_need(c, '-');
	d.year = digits(c, 4);
	if (c->err != NULL)
		return 0;
	if (d.year == 0)
		d.year = 1;	/* the calendar here begins with the year 1 */
	days = days_of(d);
	if (day < 1 || date_of_days(days).day != day) {
		imap_cur_fail(c, "bad date");
		return 0;
	}
	return days;
}

int64_t
imap_date(struct imap_cur *c)
{
	bool	in_quotes = imap_try(c, '"');
	bool	two = c->rest.n > 1 && byte_is_digit(c->rest.p[1]);
	int64_t	days = date_rest(c, digits(c, two ? 2 : 1));

	if (in_quotes)
		imap_need(c, '"');
	return days;
}

int64_t
imap_date_time(struct imap_cur *c)
{
	int64_t	days, t;
	int	h, m, s, zone;
	bool	west;

	imap_need(c, '"');
	days = date_rest(c, imap_try(c, ' ') ? digits(c, 1) : digits(c, 2));
	imap_sp(c);
	h = digits(c, 2);
	imap_need(c, ':');
	m = digits(c, 2);
	imap_need(c, ':');
	s = digits(c, 2);
	imap_sp(c);
	west = imap_try(c, '-');
	if (!west)
		imap_need(c, '+');
	zone = digits(c, 2) * 60;
	zone += digits(c, 2);
	imap_need(c, '"');
	if (h > 23 || m > 59 || s > 60)
		imap_cur_fail(c, "bad time");
	t = days * 86400 + h * 3600 + m * 60 + s + (west ? 60 : -60) * zone;
	return c->err != NULL || t < 0 ? 0 : t;
}

/* --- sections */

static void
header_list(struct imap_cur *c, struct imap_section *s)
{
	bool	first = true;

	imap_sp(c);
	imap_need(c, '(');
	while (imap_list_next(c, &first)) {
		struct str	name = imap_astring(c), *more;

		if (s->nfields % 16 == 0) {
			more = arena_array(c->arena, s->nfields + 16, sizeof(*more));
			if (more == NULL) {
				imap_cur_fail(c, "command too large");
				return;
			}
			if (s->nfields > 0)
				memcpy(more, s->fields, s->nfields * sizeof(*more));
			s->fields = more;
		}
		s->fields[s->nfields++] = name;
	}
	if (s->nfields == 0)
		imap_cur_fail(c, "missing header names");
}

/* "1.2.3", and the '.' before a text behind it. True when a text follows. */
static bool
section_part(struct imap_cur *c, struct imap_section *s)
{
	size_t	dots = 1;

	for (size_t i = 0; i < c->rest.n && (byte_is_digit(c->rest.p[i]) || c->rest.p[i] == '.'); i++)
		dots += c->rest.p[i] == '.';
	s->part = arena_array(c->arena, dots, sizeof(*s->part));
	if (s->part == NULL) {
		imap_cur_fail(c, "command too large");
		return false;
	}
	do
		s->part[s->nparts++] = imap_nz_number(c);
	while (imap_try(c, '.') && c->rest.n > 0 && byte_is_digit(c->rest.p[0]));
	return c->err == NULL && c->rest.p[-1] == '.';
}

static void
section_text(struct imap_cur *c, struct imap_section *s)
{
	struct str	name = imap_word(c);

	if (str_ieq(name, STR("HEADER")))
		s->what = IMAP_SECTION_HEADER;
	else if (str_ieq(name, STR("TEXT")))
		s->what = IMAP_SECTION_TEXT;
	else if (str_ieq(name, STR("MIME")) && s->nparts > 0)
		s->what = IMAP_SECTION_MIME;
	else if (str_ieq(name, STR("HEADER.FIELDS")))
		s->what = IMAP_SECTION_FIELDS;
	else if (str_ieq(name, STR("HEADER.FIELDS.NOT")))
		s->what = IMAP_SECTION_FIELDS_NOT;
	else
		imap_cur_fail(c, "unknown section");
	if (s->what == IMAP_SECTION_FIELDS || s->what == IMAP_SECTION_FIELDS_NOT)
		header_list(c, s);
}

struct imap_section
imap_section(struct imap_cur *c)
{
	struct imap_section	s = { .what = IMAP_SECTION_ALL };
	bool			text = true;

	imap_need(c, '[');
	if (imap_try(c, ']'))
		return s;
	if (c->rest.n > 0 && byte_is_digit(c->rest.p[0]))
		text = section_part(c, &s);
	if (text)
		section_text(c, &s);
	imap_need(c, ']');
	return s;
}

struct imap_partial
imap_partial(struct imap_cur *c)
{
	struct imap_partial	p = { 0 };

	if (!imap_try(c, '<'))
		return p;
	p.given = true;
	p.at = imap_number(c);
	imap_need(c, '.');
	p.count = imap_nz_number(c);
	imap_need(c, '>');
	return p;
}
