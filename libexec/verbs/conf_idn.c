#include "conf_idn.h"

#include "base/limits.h"
#include "proto/idn.h"

static bool
has_alabel(struct str name)
{
	return str_starts(name, STR("xn--")) || str_find(name, STR(".xn--")) < name.n;
}

bool
conf_idn_other(struct str name, struct buf *other)
{
	struct buf	back = BUF_INIT(4 * LIMIT_DOMAIN);
	bool		ascii = str_is_ascii(name), ok;

	buf_reset(other);
	if (ascii && !has_alabel(name))
		return true;
	ok = ascii ? idn_to_utf8(name, other) && idn_to_ascii(buf_str(other), &back)
	    : idn_to_ascii(name, other) && idn_to_utf8(buf_str(other), &back);
	if (!ok)
		buf_reset(other);
	else if (!str_eq(buf_str(&back), name)) {
		buf_reset(other);
		buf_add(other, buf_str(&back));
		ok = false;
	}
	buf_free(&back);
	return ok;
}
