#include "author.h"

#include "../base/limits.h"
#include "idn.h"
#include "orgdomain.h"

bool
author_domain(struct buf *out, const struct author *a)
{
	struct buf	b = BUF_INIT(LIMIT_DOMAIN);
	bool		good = a->domain.n > 0 && idn_to_ascii(a->domain, &b) && orgdomain_clean(out, buf_str(&b));

	buf_free(&b);
	return good;
}
