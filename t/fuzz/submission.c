/* submission: any message's beginning; what is written says no more than what was read. */
#include "proto/submission.h"

#include <stdint.h>
#include <stdlib.h>

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* The header that is sent on has the author that was found, and one of each. */
static void
try_header(struct str in, struct arena *a)
{
	static const char	ours[] = "From: me <me@ours.example>\r\n";
	struct submission	s, again;
	struct buf		b = BUF_INIT(1 << 22);

	if (!submission_look(in, a, &s))
		return;
	submission_write(&b, &s, STR("ours.example"), STR(""));
	buf_adds(&b, "\r\n");
	if (!submission_look(buf_str(&b), a, &again))
		return;
	if (buf_failed(&b) || !again.separated || again.body != b.n || again.nfrom != s.nfrom ||
	    !str_eq(again.local, s.local) || !str_eq(again.domain, s.domain))
		abort();
	buf_reset(&b);
	submission_write(&b, &s, STR("ours.example"), STR(ours));
	buf_adds(&b, "\r\n");
	if (!submission_look(buf_str(&b), a, &again))
		return;
	if (again.nfrom != 1 || !str_eq(again.local, STR("me")))
		abort();
	buf_reset(&b);
	submission_author(&b, s.name, s.local, STR("ours.example"));
	buf_adds(&b, "\r\n");
	if (s.local.n > 0 && s.local.n < 64 && !buf_failed(&b) && submission_look(buf_str(&b), a, &again) &&
	    (again.nfrom != 1 || again.body != b.n || !str_eq(again.domain, STR("ours.example"))))
		abort();
	buf_free(&b);
}

static void
try_bytes(struct str in)
{
	struct submission_scan	whole = { .cr = false }, parts = { .cr = false }, after = { .cr = false };
	struct buf		b = BUF_INIT(1 << 22), c = BUF_INIT(1 << 22);
	bool			cr = false;

	submission_scan(&whole, in);
	submission_lines(&b, &cr, in);
	cr = false;
	for (size_t i = 0; i < in.n; i++) {
		submission_scan(&parts, str_n(in.p + i, 1));
		submission_lines(&c, &cr, str_n(in.p + i, 1));
	}
	submission_scan(&after, buf_str(&b));
	if (whole.bare != parts.bare || whole.cr != parts.cr || whole.eightbit != parts.eightbit || whole.nul != parts.nul ||
	    !str_eq(buf_str(&b), buf_str(&c)) || submission_is_binary(&after))
		abort();
	if (!submission_is_binary(&whole) && !str_eq(buf_str(&b), in))
		abort();
	buf_free(&b);
	buf_free(&c);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena	a = ARENA_INIT(1 << 22);
	struct str	in = str_n(data, size);

	try_header(in, &a);
	try_bytes(in);
	arena_free(&a);
	return 0;
}
