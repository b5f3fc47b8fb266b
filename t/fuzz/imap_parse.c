/* imap_gather and imap_parse: byte by byte equals whole, and no reader breaks. */
#include "proto/imap_parse.h"

#include <stdlib.h>

#include "base/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* Everything that was told for the input, in steps. */
static void
transcript(struct str in, size_t step, struct buf *out)
{
	struct imap_gather	g;

	imap_gather_init(&g);
	while (in.n > 0) {
		struct str	part = str_head(in, step);
		enum imap_got	got;

		in = str_skip(in, part.n);
		while ((got = imap_gather_feed(&g, &part)) != IMAP_GOT_MORE) {
			buf_addu(out, got);
			if (got == IMAP_GOT_LITERAL && imap_gather_literal(&g))
				continue;
			buf_add(out, buf_str(&g.text));
			buf_addc(out, '\n');
			imap_gather_reset(&g);
		}
	}
	buf_add(out, buf_str(&g.text));
	imap_gather_free(&g);
}

static void
read_all(struct str text)
{
	struct arena	a = ARENA_INIT(1u << 20);

	for (unsigned what = 0; what < 16; what++) {
		struct imap_cur	c;
		struct imap_set	set;
		bool		first = true;

		imap_cur_init(&c, text, &a);
		switch (what) {
		case 0: (void)imap_tag(&c); imap_sp(&c); (void)imap_word(&c); break;
		case 1: (void)imap_astring(&c); break;
		case 2: (void)imap_nstring(&c); break;
		case 3: (void)imap_mailbox(&c); break;
		case 4: (void)imap_list_mailbox(&c); break;
		case 5: set = imap_sequence_set(&c); imap_set_resolve(&set, 7); break;
		case 6: (void)imap_flags_bare(&c); break;
		case 7: (void)imap_date(&c); break;
		case 8: (void)imap_date_time(&c); break;
		case 9: (void)imap_section(&c); (void)imap_partial(&c); break;
		case 10: (void)imap_number(&c); break;
		case 11: (void)imap_nz_number(&c); break;
		case 12: (void)imap_number63(&c); break;
		case 13: imap_need(&c, '('); while (imap_list_next(&c, &first)) (void)imap_astring(&c); break;
		case 14: (void)imap_flag_list(&c); break;
		default: (void)imap_try_token(&c, "UID "); (void)imap_atom(&c); break;
		}
		if (c.err == NULL && c.rest.p + c.rest.n != text.p + text.n)
			abort();
		(void)imap_end(&c);
		arena_reset(&a);
	}
	arena_free(&a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str	in = str_n(data, size);
	struct buf	whole = BUF_INIT(1u << 24), bytes = BUF_INIT(1u << 24);

	transcript(in, SIZE_MAX, &whole);
	transcript(in, 1, &bytes);
	if (!str_eq(buf_str(&whole), buf_str(&bytes)))
		abort();
	buf_free(&whole);
	buf_free(&bytes);
	read_all(in);
	return 0;
}
