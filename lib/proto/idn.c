#include "idn.h"

#include <idn2.h>

#include "../base/limits.h"

enum { NAME = 4 * LIMIT_DOMAIN };	/* a byte of an A-label may stand for four of UTF-8 */

static bool
as_c(struct str name, char c_r[NAME])
{
	return name.n > 0 && str_is_utf8(name) && str_chr(name, '\0') == name.n && str_copy(name, c_r, NAME);
}

/* Takes p, which is the library's. */
static bool
give(char *p, bool good, struct buf *out)
{
	size_t	before = out->n;

	if (good)
		buf_adds(out, p);
	idn2_free(p);
	if (good && !buf_failed(out))
		return true;
	out->n = before;
	return false;
}

bool
idn_to_ascii(struct str name, struct buf *out)
{
	char	in[NAME], *p = NULL;
	bool	good;

	if (!as_c(name, in))
		return false;
	good = idn2_to_ascii_8z(in, &p, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) == IDN2_OK;
	return give(p, good, out);
}

bool
idn_to_utf8(struct str name, struct buf *out)
{
	char	in[NAME], *p = NULL;
	bool	good;

	if (!as_c(name, in))
		return false;
	good = idn2_to_unicode_8z8z(in, &p, 0) == IDN2_OK;
	return give(p, good, out);
}
