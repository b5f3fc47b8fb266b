/* iplimit: three classes at once, windows, giving back, bounded memory. */
#include "base/iplimit.h"

#include "../tap.h"

static const uint32_t	max[IPLIMIT_CLASSES] = { 3, 5, 7 };

static struct ip
addr(const char *text)
{
	struct ip	ip = { .len = 0 };

	if (!ip_parse(str_c(text), &ip))
		ok(false, "an address: %s", text);
	return ip;
}

static void
test_classes(void)
{
	static const struct {
		const char	*ip;
		bool		 want;
	} rows[] = {
		{ "192.0.2.1", true }, { "192.0.2.1", true }, { "192.0.2.1", true },
		{ "192.0.2.1", false },			/* its own three */
		{ "192.0.2.2", true }, { "192.0.2.63", true },
		{ "192.0.2.3", false },			/* five of the /26 */
		{ "192.0.2.64", true }, { "192.0.7.255", true },
		{ "192.0.3.1", false },			/* seven of the /21 */
		{ "192.0.8.1", true },			/* the next /21 */
		{ "2001:db8::1", true }, { "2001:db8::2", true }, { "2001:db8::3", true },
		{ "2001:db8::4", false },		/* a /64 is as one address */
		{ "2001:db8:0:1::", true }, { "2001:db8:0:2::", true },
		{ "2001:db8:0:3::", false },		/* the /48 */
		{ "2001:db8:1::", true }, { "2001:db8:2::", true },
		{ "2001:db8:3::", false },		/* the /32 */
		{ "2001:db9::", true },
		{ "::ffff:192.0.2.1", false },		/* mapped is the same peer */
	};
	struct iplimit	l;

	iplimit_init(&l, max, 60, 1000, 1);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ip	ip = addr(rows[i].ip);

		ok(iplimit_add(&l, &ip, 120, 1) == rows[i].want, "%zu: %s is %s", i, rows[i].ip, rows[i].want ? "let in" : "refused");
	}
	iplimit_free(&l);
}

static void
test_windows(void)
{
	struct iplimit	l;
	struct ip	a = addr("192.0.2.1"), b = addr("192.0.2.2");

	iplimit_init(&l, max, 60, 1000, 2);
	ok(iplimit_add(&l, &a, 60, 3), "three at once");
	ok(!iplimit_add(&l, &a, 119, 1), "no more in this minute");
	is_num(iplimit_count(&l, &a, 119), 3, "a refused one is not counted");
	is_num(iplimit_count(&l, &a, 120), 0, "the next minute has none");
	ok(!iplimit_add(&l, &a, 120, 4), "more at once than ever allowed");
	ok(!iplimit_add(&l, &a, 120, UINT32_MAX), "nor does it wrap around");
	ok(iplimit_add(&l, &a, 120, 1), "the next minute lets in again");
	iplimit_free(&l);

	iplimit_init(&l, max, 60, 1000, 3);
	ok(iplimit_add(&l, &a, 0, 3) && iplimit_add(&l, &b, 0, 2), "two neighbours fill their /26");
	iplimit_sub(&l, &a, 0, iplimit_count(&l, &a, 0));
	ok(iplimit_add(&l, &a, 0, 3), "what the one gave back is there again");
	ok(!iplimit_add(&l, &b, 0, 1), "what the neighbour used is not");
	iplimit_free(&l);
}

static struct ip
nth(unsigned i)
{
	uint8_t	b[4] = { 10, (uint8_t)(i >> 13), (uint8_t)(i >> 5), (uint8_t)(i << 3) };

	return ip_from_bytes(b, 4);
}

/* Many come and go in every order; nobody's count may be lost or left over. */
static void
test_gauge(void)
{
	enum { N = 5000 };
	static uint8_t	have[N];
	static const uint32_t	wide[IPLIMIT_CLASSES] = { 3, 100000, 100000 };
	struct iplimit	l;
	uint32_t	r = 12345;
	bool		good = true;

	iplimit_init(&l, wide, 0, SIZE_MAX / 2, 4);
	for (int step = 0; step < 100000; step++) {
		unsigned	i;
		struct ip	ip;

		r = r * 1664525 + 1013904223;
		i = (r >> 8) % N;
		ip = nth(i);
		if (r >> 31) {
			good &= iplimit_add(&l, &ip, 0, 1) == (have[i] < 3);
			have[i] = (uint8_t)(have[i] + (have[i] < 3));
		} else if (have[i] > 0) {
			iplimit_sub(&l, &ip, 0, 1);
			have[i]--;
		}
		good &= iplimit_count(&l, &ip, 0) == have[i];
	}
	ok(good, "every count is what it should be");
	for (unsigned i = 0; i < N; i++)
		while (have[i] > 0) {
			struct ip	ip = nth(i);

			iplimit_sub(&l, &ip, 0, 1);
			have[i]--;
		}
	is_num(l.n, 0, "when all are gone nothing is left");
	iplimit_free(&l);
}

static void
test_bounds(void)
{
	struct iplimit	l;
	bool		good = true;
	struct ip	ip = nth(0);

	iplimit_init(&l, max, 60, 100, 5);
	for (unsigned i = 0; i < 1000; i++) {
		ip = nth(i << 9);
		good &= iplimit_add(&l, &ip, 0, 1);
	}
	ok(good, "a flood of networks passes uncounted");
	ok(l.n <= 100, "and takes no more memory than was said");
	ip = nth(0);
	ok(iplimit_add(&l, &ip, 0, 2) && !iplimit_add(&l, &ip, 0, 1), "those counted before still are");
	ip = nth(1);
	iplimit_sub(&l, &ip, 60, 9);
	is_num(iplimit_count(&l, &ip, 60), 0, "giving back what is not there");
	iplimit_free(&l);
}

int
main(void)
{
	test_classes();
	test_windows();
	test_gauge();
	test_bounds();
	return done_testing();
}
