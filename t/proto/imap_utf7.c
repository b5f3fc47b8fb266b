/* imap_utf7: names both ways, and the forms that are refused. */
#include "proto/imap_utf7.h"

#include "../tap.h"

int
main(void)
{
	static const struct {
		const char	*wire, *utf8;
	} both[] = {
		{ "", "" },
		{ "Sent Items", "Sent Items" },
		{ "Tom &- Jerry", "Tom & Jerry" },
		{ "&-", "&" },
		{ "~peter/mail/&U,BTFw-/&ZeVnLIqe-", "~peter/mail/\xe5\x8f\xb0\xe5\x8c\x97/\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e" },
		{ "Entw&APw-rfe", "Entw\xc3\xbcrfe" },
		{ "&APwA,A-", "\xc3\xbc\xc3\xbc" },
		{ "&2D3eCg-", "\xf0\x9f\x98\x8a" },
		{ "&AAo-", "\n" },
		{ "&AOkALg-", NULL },	/* '.' has no place in base64 */
	};
	static const char	*const refused[] = {
		"&", "a&b", "&Jjo!", "&Jjo", "&U,BTFw-&ZeVnLIqe-",	/* RFC 3501 5.1.3 */
		"&AGEAYg-", "&APw", "&2D0-", "&3go-", "&APx-", "&AAAA-", "\xc3\xbc", "a\tb", "&A-", "&APwA-",
	};
	struct buf	b = BUF_INIT(1000);

	for (size_t i = 0; i < sizeof(both) / sizeof(both[0]); i++) {
		buf_reset(&b);
		if (both[i].utf8 == NULL) {
			ok(!imap_utf7_decode(&b, str_c(both[i].wire)), "refused: %s", both[i].wire);
			continue;
		}
		ok(imap_utf7_decode(&b, str_c(both[i].wire)), "decoded: %s", both[i].wire);
		is_str(buf_str(&b), str_c(both[i].utf8), "to UTF-8");
		buf_reset(&b);
		ok(imap_utf7_encode(&b, str_c(both[i].utf8)), "encoded");
		is_str(buf_str(&b), str_c(both[i].wire), "to the wire");
	}
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		buf_reset(&b);
		ok(!imap_utf7_decode(&b, str_c(refused[i])), "refused: %s", refused[i]);
	}
	buf_reset(&b);
	ok(!imap_utf7_encode(&b, STR("\xff")), "not UTF-8");
	buf_free(&b);
	return done_testing();
}
