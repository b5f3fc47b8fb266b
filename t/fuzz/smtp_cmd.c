/* smtp_cmd: no line harms; what is borrowed lies inside the line. */
#include <stdlib.h>

#include "proto/smtp_cmd.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
inside(struct str line, struct str part)
{
	if (part.n > 0 && ((uintptr_t)part.p < (uintptr_t)line.p ||
	    (uintptr_t)part.p + part.n > (uintptr_t)line.p + line.n))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str	line = str_n(data, size);
	struct smtp_cmd	c;
	struct buf	b = BUF_INIT(4096);

	if (smtp_cmd_parse(line, &c) == SMTP_CMD_OK) {
		inside(line, c.arg);
		inside(line, c.path.local);
		inside(line, c.path.domain);
		inside(line, c.envid);
		inside(line, c.orcpt);
		if (c.envid.n > 0 && !smtp_unxtext(&b, c.envid))
			abort();
		addr_add_text(&b, &c.path);
	}
	buf_free(&b);
	return 0;
}
