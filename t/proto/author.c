/* author: whose message it is, for DMARC. What is clear in one field is submission's table, too. */
#include "proto/author.h"

#include "../tap.h"

#define CLEAR	AUTHOR_CLEAR
#define UNCLEAR	AUTHOR_UNCLEAR
#define NONE	AUTHOR_NONE
#define SEVERAL	AUTHOR_SEVERAL

static const struct {
	const char	*name;
	struct str	 head;
	enum author_got	 got;
	const char	*address, *domain;	/* domain: as DMARC wants it; NULL: none */
} rows[] = {
	{ "one", STR_INIT("To: x\r\nFrom: a@b.example\r\n\r\nFrom: c@d\r\n"), CLEAR, "a@b.example", "b.example" },
	{ "a name", STR_INIT("from: Joe <Joe@B.Example>\n\n"), CLEAR, "Joe@B.Example", "b.example" },
	{ "a quoted address for a name", STR_INIT("From: \"ceo@bank.example\" <a@b.example>\r\n\r\n"), CLEAR, "a@b.example", "b.example" },
	{ "folded, no body", STR_INIT("From:\r\n a@b.example"), CLEAR, "a@b.example", "b.example" },
	{ "U-labels", STR_INIT("From: a@B\303\234cher.example\r\n\r\n"), CLEAR, "a@B\303\234cher.example", "xn--bcher-kva.example" },
	{ "A-labels", STR_INIT("From: a@xn--bcher-kva.example\r\n\r\n"), CLEAR, "a@xn--bcher-kva.example", "xn--bcher-kva.example" },
	{ "a literal", STR_INIT("From: a@[192.0.2.1]\r\n\r\n"), CLEAR, "a@[192.0.2.1]", NULL },
	{ "no From", STR_INIT("To: a@b\r\n\r\n"), NONE, "@", NULL },
	{ "an empty one", STR_INIT("From:\r\n\r\n"), NONE, "@", NULL },
	{ "no domain", STR_INIT("From: root (Cron)\r\n\r\n"), NONE, "@", NULL },
	{ "an empty group", STR_INIT("From: x:;\r\n\r\n"), NONE, "@", NULL },
	{ "two fields", STR_INIT("From: a@b\r\nFrom: a@b\r\n\r\n"), SEVERAL, "@", NULL },
	{ "two addresses", STR_INIT("From: a@b.example, c@d.example\r\n\r\n"), SEVERAL, "@", NULL },
	{ "two of one domain", STR_INIT("From: a@b.example, c@b.example\r\n\r\n"), SEVERAL, "@", NULL },
	/* DMARC is asked about what most readers show: none of these ways leads around it */
	{ "another's address in front", STR_INIT("From: c@d.example <ceo@bank.example>\r\n\r\n"), UNCLEAR, "ceo@bank.example", "bank.example" },
	{ "two angles", STR_INIT("From: <ceo@bank.example> <c@d.example>\r\n\r\n"), UNCLEAR, "ceo@bank.example", "bank.example" },
	{ "no end", STR_INIT("From: \"Ceo\" <ceo@bank.example (x\r\n\r\n"), UNCLEAR, "ceo@bank.example", "bank.example" },
	{ "a group of one", STR_INIT("From: x: ceo@bank.example;\r\n\r\n"), UNCLEAR, "ceo@bank.example", "bank.example" },
	{ "a NUL", STR_INIT("From: x\0 <ceo@bank.example>\r\n\r\n"), UNCLEAR, "ceo@bank.example", "bank.example" },
	{ "white space before the colon", STR_INIT("From : ceo@bank.example\r\n\r\n"), CLEAR, "ceo@bank.example", "bank.example" },
};

int
main(void)
{
	struct arena	arena = ARENA_INIT(1 << 16);
	struct buf	b = BUF_INIT(1000);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct author	a;
		bool		good;

		arena_reset(&arena);
		buf_reset(&b);
		is_num(author_find(rows[i].head, &arena, &a), rows[i].got, rows[i].name);
		buf_addf(&b, STR_FMT "@" STR_FMT, STR_ARG(a.local), STR_ARG(a.domain));
		is_str(buf_str(&b), str_c(rows[i].address), "the address");
		buf_reset(&b);
		good = author_domain(&b, &a);
		ok(good == (rows[i].domain != NULL), "%s domain for DMARC", good ? "a" : "no");
		is_str(buf_str(&b), str_c(rows[i].domain == NULL ? "" : rows[i].domain), "which");
	}
	buf_free(&b);
	arena_free(&arena);
	return done_testing();
}
