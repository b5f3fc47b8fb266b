/* imap_pattern: what LIST's wildcards match, and that none is expensive. */
#include "proto/imap_pattern.h"

#include "base/buf.h"

#include "../tap.h"

int
main(void)
{
	static const struct {
		const char	*pattern, *name;
		bool		 want;
	} rows[] = {
		{ "a", "a", true },
		{ "a", "A", false },
		{ "a", "ab", false },
		{ "ab", "a", false },
		{ "", "", true },
		{ "", "a", false },
		{ "*", "", true },
		{ "*", "a/b/c", true },
		{ "%", "", true },
		{ "%", "abc", true },
		{ "%", "a/b", false },
		{ "a/%", "a/b", true },
		{ "a/%", "a/b/c", false },
		{ "a/%/c", "a/b/c", true },
		{ "a%", "a", true },
		{ "%/%", "a/b", true },
		{ "%/%", "a", false },
		{ "*b", "aab", true },
		{ "*b", "aba", false },
		{ "a*b*c", "axxbxxc", true },
		{ "a*b*c", "axxcxxb", false },
		{ "%*", "a/b", true },
		{ "*%", "a/b", true },
		{ "%%", "a", true },
		{ "inbox", "INBOX", true },
		{ "InBox/x", "INBOX/x", true },
		{ "inbox/X", "INBOX/x", false },
		{ "inb%", "INBOX", true },
		{ "inboxes", "INBOXES", false },
		{ "*x", "INBOX", true },
		{ "Entw&APw-rfe", "Entw&APw-rfe", true },
	};
	struct buf	p = BUF_INIT(10000), n = BUF_INIT(10000);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ok(imap_pattern_matches(str_c(rows[i].pattern), str_c(rows[i].name)) == rows[i].want, "%s %s %s",
		    rows[i].pattern, rows[i].want ? "matches" : "does not match", rows[i].name);
	for (size_t i = 0; i < 1000; i++) {
		buf_adds(&p, "*a%");
		buf_addc(&n, 'a');
	}
	buf_addc(&p, 'b');
	ok(!imap_pattern_matches(buf_str(&p), buf_str(&n)), "many wildcards end soon");
	buf_free(&p);
	buf_free(&n);
	return done_testing();
}
