/* date: what was read is read again the same from what is written. */
#include "proto/date.h"

#include <stdlib.h>

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
again(struct date d)
{
	struct buf	b = BUF_INIT(100);
	struct date	e;

	/* a zone may lead out of the years of four digits */
	if (d.time < -62167219200 + 86400 * 5 || d.time > 253402300799 - 86400 * 5)
		return;
	date_write(&b, d);
	if (!date_parse(buf_str(&b), &e) || e.time != d.time || e.zone != d.zone)
		abort();
	buf_reset(&b);
	date_write_imap(&b, d);
	if (!date_parse_imap(buf_str(&b), &e) || e.time != d.time || e.zone != d.zone)
		abort();
	buf_reset(&b);
	date_write_3339(&b, d.time);
	if (!date_parse(buf_str(&b), &e) || e.time != d.time)
		abort();
	buf_free(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str	in = str_n(data, size);
	struct date	d;
	int32_t		day;

	if (date_parse(in, &d))
		again(d);
	if (date_parse_imap(in, &d))
		again(d);
	if (date_parse_imap_day(in, &day) && day > 2932896)	/* 31-Dec-9999 */
		abort();
	return 0;
}
