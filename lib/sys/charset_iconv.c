#include "charset_iconv.h"

#include <errno.h>
#include <iconv.h>

void *
charset_iconv_open(const char *name)
{
	iconv_t	cd = iconv_open("UTF-8", name);

	/* (iconv_t)-1 is the C library's way to say no */
	return (intptr_t)cd == -1 ? NULL : (void *)cd;
}

void
charset_iconv_convert(void *handle, struct str *in, struct buf *out)
{
	iconv_t	cd = handle;

	while (in->n > 0) {
		char	*from = (char *)(uintptr_t)in->p, *to;
		size_t	 left = in->n, room, space;

		to = buf_room(out, in->n * 4 < 4096 ? 4096 : in->n, &room);
		if (room < 16) {
			out->failed = true;
			return;
		}
		space = room;
		if (iconv(cd, &from, &left, &to, &space) == (size_t)-1 && errno == EILSEQ) {
			buf_grew(out, room - space);
			buf_add(out, STR("\xef\xbf\xbd"));
			*in = str_skip(*in, in->n - left + 1);
			continue;
		}
		buf_grew(out, room - space);
		if (left == in->n)
			return;		/* the rest is cut */
		*in = str_skip(*in, in->n - left);
	}
}

void
charset_iconv_close(void *handle)
{
	(void)iconv_close(handle);
}
