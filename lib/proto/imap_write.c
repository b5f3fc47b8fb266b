#include "imap_write.h"

#include "imap_parse.h"
#include "imap_utf7.h"

enum { QUOTED_MAX = 1024 };	/* longer ones are kinder to clients as literals */

static bool
fits_quoted(struct str s)
{
	if (s.n > QUOTED_MAX)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '\r' || s.p[i] == '\n' || s.p[i] == '\0' || (s.p[i] & 0x80) != 0)
			return false;
	return true;
}

void
imap_put_string(struct buf *b, struct str s)
{
	if (!fits_quoted(s)) {
		buf_addc(b, '{');
		buf_addu(b, s.n);
		buf_adds(b, "}\r\n");
		buf_add(b, s);
		return;
	}
	buf_addc(b, '"');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			buf_addc(b, '\\');
		buf_addc(b, s.p[i]);
	}
	buf_addc(b, '"');
}

void
imap_put_nstring(struct buf *b, struct str s)
{
	if (s.p == NULL)
		buf_adds(b, "NIL");
	else
		imap_put_string(b, s);
}

void
imap_put_astring(struct buf *b, struct str s)
{
	bool	atom = s.n > 0 && !str_ieq(s, STR("NIL"));

	for (size_t i = 0; atom && i < s.n; i++)
		atom = imap_is_astring_char(s.p[i]);
	if (atom)
		buf_add(b, s);
	else
		imap_put_string(b, s);
}

void
imap_put_mailbox(struct buf *b, struct str utf8)
{
	struct buf	name = BUF_INIT(8 * 1024);

	if (str_ieq(utf8, STR("INBOX")))
		buf_adds(b, "INBOX");
	else if (imap_utf7_encode(&name, utf8))
		imap_put_astring(b, buf_str(&name));
	else
		imap_put_string(b, utf8);	/* not a name we made: as it is */
	buf_free(&name);
}

static void
put_two(struct buf *b, int64_t v, char before)
{
	if (before != '\0')
		buf_addc(b, before);
	buf_addc(b, (char)('0' + v / 10 % 10));
	buf_addc(b, (char)('0' + v % 10));
}

void
imap_put_date_time(struct buf *b, int64_t when)
{
	struct imap_date	d;
	int64_t			sec;

	if (when < 0 || when >= IMAP_TIME_END)
		when = 0;
	d = imap_date_of(when);
	sec = when % 86400;
	put_two(b, d.day, '"');
	buf_addc(b, '-');
	buf_add(b, imap_month_name(d.month));
	buf_addc(b, '-');
	put_two(b, d.year / 100, '\0');
	put_two(b, d.year % 100, '\0');
	put_two(b, sec / 3600, ' ');
	put_two(b, sec / 60 % 60, ':');
	put_two(b, sec % 60, ':');
	buf_adds(b, " +0000\"");
}
