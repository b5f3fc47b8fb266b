#include "utf8.h"

void
utf8_add(struct buf *b, uint32_t c)
{
	char	s[4];
	size_t	n = 0;

	if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		c = 0xfffd;
	if (c < 0x80)
		s[n++] = (char)c;
	else {
		if (c < 0x800)
			s[n++] = (char)(0xc0 | c >> 6);
		else {
			if (c < 0x10000)
				s[n++] = (char)(0xe0 | c >> 12);
			else {
				s[n++] = (char)(0xf0 | c >> 18);
				s[n++] = (char)(0x80 | (c >> 12 & 0x3f));
			}
			s[n++] = (char)(0x80 | (c >> 6 & 0x3f));
		}
		s[n++] = (char)(0x80 | (c & 0x3f));
	}
	buf_add(b, (struct str){ s, n });
}

size_t
utf8_next(struct str s, uint32_t *c_r)
{
	unsigned char	b = (unsigned char)s.p[0];
	size_t		n = b < 0x80 ? 1 : b < 0xc2 ? 0 : b < 0xe0 ? 2 : b < 0xf0 ? 3 : b < 0xf5 ? 4 : 0;
	uint32_t	c = n == 1 ? b : b & (0x7fu >> n);

	*c_r = UINT32_MAX;
	if (n == 0)
		return 1;
	for (size_t i = 1; i < n; i++) {
		unsigned char	t;

		if (i >= s.n)
			return 0;
		t = (unsigned char)s.p[i];
		/* overlong, surrogates and past the last show in the second byte */
		if ((t & 0xc0) != 0x80 || (i == 1 && ((b == 0xe0 && t < 0xa0) || (b == 0xed && t > 0x9f) ||
		    (b == 0xf0 && t < 0x90) || (b == 0xf4 && t > 0x8f))))
			return 1;
		c = c << 6 | (t & 0x3f);
	}
	*c_r = c;
	return n;
}

/*
 * Ranges of upper case letters. step 1: each goes to itself plus add; step 2:
 * upper and lower take turns, beginning with an upper one, which goes to the next.
 */
static const struct {
	uint16_t	from, to;
	int16_t		add;
	uint8_t		step;
} folds[] = {
	{ 0x00b5, 0x00b5, 775, 1 }, { 0x00c0, 0x00d6, 32, 1 }, { 0x00d8, 0x00de, 32, 1 },
	{ 0x0100, 0x012e, 1, 2 }, { 0x0132, 0x0136, 1, 2 }, { 0x0139, 0x0147, 1, 2 },
	{ 0x014a, 0x0176, 1, 2 }, { 0x0178, 0x0178, -121, 1 }, { 0x0179, 0x017d, 1, 2 },
	{ 0x017f, 0x017f, -268, 1 }, { 0x0181, 0x0181, 210, 1 }, { 0x0182, 0x0184, 1, 2 },
	{ 0x0186, 0x0186, 206, 1 }, { 0x0187, 0x0187, 1, 1 }, { 0x0189, 0x018a, 205, 1 },
	{ 0x018b, 0x018b, 1, 1 }, { 0x018e, 0x018e, 79, 1 }, { 0x018f, 0x018f, 202, 1 },
	{ 0x0190, 0x0190, 203, 1 }, { 0x0191, 0x0191, 1, 1 }, { 0x0193, 0x0193, 205, 1 },
	{ 0x0194, 0x0194, 207, 1 }, { 0x0196, 0x0196, 211, 1 }, { 0x0197, 0x0197, 209, 1 },
	{ 0x0198, 0x0198, 1, 1 }, { 0x019c, 0x019c, 211, 1 }, { 0x019d, 0x019d, 213, 1 },
	{ 0x019f, 0x019f, 214, 1 }, { 0x01a0, 0x01a4, 1, 2 }, { 0x01a6, 0x01a6, 218, 1 },
	{ 0x01a7, 0x01a7, 1, 1 }, { 0x01a9, 0x01a9, 218, 1 }, { 0x01ac, 0x01ac, 1, 1 },
	{ 0x01ae, 0x01ae, 218, 1 }, { 0x01af, 0x01af, 1, 1 }, { 0x01b1, 0x01b2, 217, 1 },
	{ 0x01b3, 0x01b5, 1, 2 }, { 0x01b7, 0x01b7, 219, 1 }, { 0x01b8, 0x01b8, 1, 1 },
	{ 0x01bc, 0x01bc, 1, 1 }, { 0x01c4, 0x01c4, 2, 1 }, { 0x01c5, 0x01c5, 1, 1 },
	{ 0x01c7, 0x01c7, 2, 1 }, { 0x01c8, 0x01c8, 1, 1 }, { 0x01ca, 0x01ca, 2, 1 },
	{ 0x01cb, 0x01db, 1, 2 }, { 0x01de, 0x01ee, 1, 2 }, { 0x01f1, 0x01f1, 2, 1 },
	{ 0x01f2, 0x01f4, 1, 2 }, { 0x01f6, 0x01f6, -97, 1 }, { 0x01f7, 0x01f7, -56, 1 },
	{ 0x01f8, 0x021e, 1, 2 }, { 0x0220, 0x0220, -130, 1 }, { 0x0222, 0x0232, 1, 2 },
	{ 0x023b, 0x023b, 1, 1 }, { 0x023d, 0x023d, -163, 1 }, { 0x0241, 0x0241, 1, 1 },
	{ 0x0243, 0x0243, -195, 1 }, { 0x0244, 0x0244, 69, 1 }, { 0x0245, 0x0245, 71, 1 },
	{ 0x0246, 0x024e, 1, 2 }, { 0x0345, 0x0345, 116, 1 }, { 0x0370, 0x0372, 1, 2 },
	{ 0x0376, 0x0376, 1, 1 }, { 0x037f, 0x037f, 116, 1 }, { 0x0386, 0x0386, 38, 1 },
	{ 0x0388, 0x038a, 37, 1 }, { 0x038c, 0x038c, 64, 1 }, { 0x038e, 0x038f, 63, 1 },
	{ 0x0391, 0x03a1, 32, 1 }, { 0x03a3, 0x03ab, 32, 1 }, { 0x03c2, 0x03c2, 1, 1 },
	{ 0x03cf, 0x03cf, 8, 1 }, { 0x03d0, 0x03d0, -30, 1 }, { 0x03d1, 0x03d1, -25, 1 },
	{ 0x03d5, 0x03d5, -15, 1 }, { 0x03d6, 0x03d6, -22, 1 }, { 0x03d8, 0x03ee, 1, 2 },
	{ 0x03f0, 0x03f0, -54, 1 }, { 0x03f1, 0x03f1, -48, 1 }, { 0x03f4, 0x03f4, -60, 1 },
	{ 0x03f5, 0x03f5, -64, 1 }, { 0x03f7, 0x03f7, 1, 1 }, { 0x03f9, 0x03f9, -7, 1 },
	{ 0x03fa, 0x03fa, 1, 1 }, { 0x03fd, 0x03ff, -130, 1 }, { 0x0400, 0x040f, 80, 1 },
	{ 0x0410, 0x042f, 32, 1 }, { 0x0460, 0x0480, 1, 2 }, { 0x048a, 0x04be, 1, 2 },
	{ 0x04c0, 0x04c0, 15, 1 }, { 0x04c1, 0x04cd, 1, 2 }, { 0x04d0, 0x052e, 1, 2 },
	{ 0x0531, 0x0556, 48, 1 }, { 0x1e00, 0x1e94, 1, 2 }, { 0x1e9b, 0x1e9b, -58, 1 },
	{ 0x1e9e, 0x1e9e, -7615, 1 }, { 0x1ea0, 0x1efe, 1, 2 }, { 0x1f08, 0x1f0f, -8, 1 },
	{ 0x1f18, 0x1f1d, -8, 1 }, { 0x1f28, 0x1f2f, -8, 1 }, { 0x1f38, 0x1f3f, -8, 1 },
	{ 0x1f48, 0x1f4d, -8, 1 }, { 0x1f59, 0x1f5f, -8, 2 }, { 0x1f68, 0x1f6f, -8, 1 },
	{ 0x1f88, 0x1f8f, -8, 1 }, { 0x1f98, 0x1f9f, -8, 1 }, { 0x1fa8, 0x1faf, -8, 1 },
	{ 0x1fb8, 0x1fb9, -8, 1 }, { 0x1fba, 0x1fbb, -74, 1 }, { 0x1fbc, 0x1fbc, -9, 1 },
	{ 0x1fbe, 0x1fbe, -7173, 1 }, { 0x1fc8, 0x1fcb, -86, 1 }, { 0x1fcc, 0x1fcc, -9, 1 },
	{ 0x1fd8, 0x1fd9, -8, 1 }, { 0x1fda, 0x1fdb, -100, 1 }, { 0x1fe8, 0x1fe9, -8, 1 },
	{ 0x1fea, 0x1feb, -112, 1 }, { 0x1fec, 0x1fec, -7, 1 }, { 0x1ff8, 0x1ff9, -128, 1 },
	{ 0x1ffa, 0x1ffb, -126, 1 }, { 0x1ffc, 0x1ffc, -9, 1 },
};

static uint32_t
fold(uint32_t c)
{
	size_t	lo = 0, hi = sizeof(folds) / sizeof(folds[0]);

	while (lo < hi) {
		size_t	mid = (lo + hi) / 2;

		if (c > folds[mid].to)
			lo = mid + 1;
		else if (c < folds[mid].from)
			hi = mid;
		else
			return (c - folds[mid].from) % folds[mid].step == 0 ? (uint32_t)((int32_t)c + folds[mid].add) : c;
	}
	return c;
}

static void
fold_one(struct buf *b, struct str s, size_t *n_r)
{
	uint32_t	c;
	size_t		n = utf8_next(s, &c);

	*n_r = n == 0 ? s.n : n;
	if (c == UINT32_MAX)
		buf_add(b, str_head(s, *n_r));
	else
		utf8_add(b, fold(c));
}

void
utf8_fold(struct buf *b, struct str s)
{
	while (s.n > 0) {
		size_t	room, n = 0;
		char	*p = buf_room(b, s.n, &room);

		while (n < room && (s.p[n] & 0x80) == 0) {
			p[n] = byte_lower(s.p[n]);
			n++;
		}
		if (n > 0)
			buf_grew(b, n);
		s = str_skip(s, n);
		if (s.n > 0)
			fold_one(b, s, &n), s = str_skip(s, n);
		if (buf_failed(b))
			return;
	}
}
