#include "conf_idn.h"

#include <idn2.h>

#include "base/limits.h"

static bool
has_alabel(struct str name)
{
	return str_starts(name, STR("xn--")) || str_find(name, STR(".xn--")) < name.n;
}

static bool
to_ascii(const char *name, struct buf *out)
{
	char	*p = NULL;
	bool	 ok = idn2_to_ascii_8z(name, &p, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) == IDN2_OK;

	buf_reset(out);
	if (ok)
		buf_adds(out, p);
	idn2_free(p);
	return ok && !buf_failed(out);
}

static bool
to_utf8(const char *name, struct buf *out)
{
	char	*p = NULL;
	bool	 ok = idn2_to_unicode_8z8z(name, &p, 0) == IDN2_OK;

	buf_reset(out);
	if (ok)
		buf_adds(out, p);
	idn2_free(p);
	return ok && !buf_failed(out);
}

bool
conf_idn_other(struct str name, struct buf *other)
{
	struct buf	back = BUF_INIT(4 * LIMIT_DOMAIN), in = BUF_INIT(LIMIT_DOMAIN);
	bool		ascii = str_is_ascii(name), ok;

	buf_reset(other);
	buf_add(&in, name);
	if (ascii && !has_alabel(name)) {
		buf_free(&in);
		return true;
	}
	ok = ascii ? to_utf8(buf_c(&in), other) && to_ascii(buf_c(other), &back)
	    : to_ascii(buf_c(&in), other) && to_utf8(buf_c(other), &back);
	if (!ok)
		buf_reset(other);
	else if (!str_eq(buf_str(&back), name)) {
		buf_reset(other);
		buf_add(other, buf_str(&back));
		ok = false;
	}
	buf_free(&in);
	buf_free(&back);
	return ok;
}
