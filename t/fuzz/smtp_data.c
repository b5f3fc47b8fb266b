/* smtp_data: the first byte says how the rest is cut; any cutting gives the same as one piece. */
#include <stdlib.h>

#include "proto/smtp_data.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static enum smtp_data_got
run(struct str in, size_t piece, struct buf *got, bool *spoiled, size_t *left)
{
	struct smtp_data	d = SMTP_DATA_INIT;
	enum smtp_data_got	r = SMTP_DATA_MORE;
	struct buf		out = BUF_INIT(64);

	while (in.n > 0 && r == SMTP_DATA_MORE) {
		struct str	p = str_head(in, piece);
		size_t		before = p.n;

		r = smtp_data_feed(&d, &p, &out);
		in = str_skip(in, before - p.n);
		if (buf_failed(&out))
			abort();
		buf_add(got, buf_str(&out));
		buf_reset(&out);
	}
	buf_free(&out);
	*spoiled = d.spoiled;
	*left = in.n;
	return r;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf	a = BUF_INIT(1u << 20), b = BUF_INIT(1u << 20);
	bool		sa, sb;
	size_t		la, lb;
	struct str	in;

	if (size < 2)
		return 0;
	in = str_n(data + 1, size - 1);
	if (run(in, in.n, &a, &sa, &la) != run(in, 1 + data[0] % 7, &b, &sb, &lb) || sa != sb || la != lb)
		abort();
	/* a spoiled message's bytes are nobody's; others are the same, and hold only CRLF */
	if (!sa) {
		if (!str_eq(buf_str(&a), buf_str(&b)))
			abort();
		for (size_t i = 0; i < a.n; i++)
			if (a.p[i] == '\n' && (i == 0 || a.p[i - 1] != '\r'))
				abort();
	}
	buf_free(&a);
	buf_free(&b);
	return 0;
}
