/* mailboxname: a name that is allowed has a path that stays below mail/ and leads back to it. */
#include "store/name.h"

#include <stdlib.h>

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
back(struct str path, struct str name)
{
	struct buf	again = BUF_INIT(4 * LIMIT_MAILBOX_NAME);
	struct str	element;
	bool		more;

	do {
		more = str_cut(&path, '/', &element);
		if (element.n == 0 || element.n > LIMIT_MAILBOX_ELEMENT || element.p[0] == '.' ||
		    str_eq(element, STR("cur")) || str_eq(element, STR("new")) || str_eq(element, STR("tmp")) ||
		    str_starts(element, STR("posthorn.")))
			abort();
		if (again.n > 0)
			buf_addc(&again, '/');
		if (!name_element(element, &again))
			abort();
	} while (more);
	if (!str_eq(buf_str(&again), name))
		abort();
	buf_free(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str	in = str_n(data, size);
	struct buf	canon = BUF_INIT(LIMIT_MAILBOX_NAME + 8), twice = BUF_INIT(LIMIT_MAILBOX_NAME + 8);
	struct buf	path = BUF_INIT(4 * LIMIT_MAILBOX_NAME), element = BUF_INIT(LIMIT_MAILBOX_ELEMENT);

	(void)!name_element(in, &element);
	if (name_canon(in, &canon) == 0) {
		if (name_canon(buf_str(&canon), &twice) == -1 || !str_eq(buf_str(&canon), buf_str(&twice)))
			abort();
		name_path(buf_str(&canon), &path);
		back(buf_str(&path), buf_str(&canon));
	}
	buf_free(&canon);
	buf_free(&twice);
	buf_free(&path);
	buf_free(&element);
	return 0;
}
