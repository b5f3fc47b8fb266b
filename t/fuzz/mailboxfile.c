/* mailboxfile: what is understood is written and read again the same; so is an account's file. */
#include "store/mailboxfile.h"

#include <stdlib.h>
#include <string.h>

#include "store/accountfile.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str		 in = str_n(data, size);
	static struct mailboxfile f, again;
	struct accountfile	 a;
	struct buf		 b = BUF_INIT(LIMIT_MAILBOX_FILE);

	memset(&f, 0, sizeof(f));
	memset(&again, 0, sizeof(again));
	if (mailboxfile_parse(in, &f)) {
		mailboxfile_print(&f, &b);
		if (buf_failed(&b) || !mailboxfile_parse(buf_str(&b), &again))
			abort();
		if (f.uidvalidity != again.uidvalidity || f.uidmax != again.uidmax || f.special != again.special)
			abort();
		for (unsigned i = 0; i < KEYWORD_MAX; i++)
			if (strcmp(f.keywords[i].name, again.keywords[i].name) != 0)
				abort();
	}
	accountfile_init(&a);
	if (accountfile_parse(in, &a)) {
		(void)accountfile_subscribe(&a, STR("x"), true);
		if (!accountfile_has(&a, STR("x")) || accountfile_subscribe(&a, STR("x"), true))
			abort();
	}
	accountfile_free(&a);
	buf_free(&b);
	return 0;
}
