#include "precis.h"

#include <stdlib.h>

#include <unictype.h>
#include <uninorm.h>
#include <unistr.h>

#include "../base/limits.h"

/* RFC 8264 section 9.6, Exceptions: what the properties would get wrong. */
enum exception { NO_EXCEPTION, PVALID, CONTEXTO, DISALLOWED };

static enum exception
exception_of(ucs4_t c)
{
	static const struct {
		ucs4_t		first, last;
		enum exception	is;
	} rows[] = {
		{ 0x00B7, 0x00B7, CONTEXTO }, { 0x00DF, 0x00DF, PVALID },
		{ 0x0375, 0x0375, CONTEXTO }, { 0x03C2, 0x03C2, PVALID },
		{ 0x05F3, 0x05F4, CONTEXTO }, { 0x0640, 0x0640, DISALLOWED },
		{ 0x0660, 0x0669, CONTEXTO }, { 0x06F0, 0x06F9, CONTEXTO },
		{ 0x06FD, 0x06FE, PVALID }, { 0x07FA, 0x07FA, DISALLOWED },
		{ 0x0F0B, 0x0F0B, PVALID }, { 0x3007, 0x3007, PVALID },
		{ 0x302E, 0x302F, DISALLOWED }, { 0x3031, 0x3035, DISALLOWED },
		{ 0x303B, 0x303B, DISALLOWED }, { 0x30FB, 0x30FB, CONTEXTO },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (c >= rows[i].first && c <= rows[i].last)
			return rows[i].is;
	return NO_EXCEPTION;
}

static bool
in_script(ucs4_t c, const char *name)
{
	const uc_script_t	*s = uc_script(c);

	return s != NULL && strcmp(s->name, name) == 0;
}

static bool
any_between(const uint32_t *s, size_t n, ucs4_t first, ucs4_t last)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] >= first && s[i] <= last)
			return true;
	return false;
}

/* RFC 5892 appendix A.1: (L or D) T* ZWNJ T* (R or D) */
static bool
joins_around(const uint32_t *s, size_t n, size_t at)
{
	size_t	l = at, r = at + 1;
	int	left, right;

	while (l > 0 && uc_joining_type(s[l - 1]) == UC_JOINING_TYPE_T)
		l--;
	while (r < n && uc_joining_type(s[r]) == UC_JOINING_TYPE_T)
		r++;
	if (l == 0 || r == n)
		return false;
	left = uc_joining_type(s[l - 1]);
	right = uc_joining_type(s[r]);
	return (left == UC_JOINING_TYPE_L || left == UC_JOINING_TYPE_D) &&
	    (right == UC_JOINING_TYPE_R || right == UC_JOINING_TYPE_D);
}

/* RFC 5892 appendix A: code points that are good only beside certain others. */
static bool
context_allows(const uint32_t *s, size_t n, size_t at)
{
	ucs4_t	c = s[at], before = at > 0 ? s[at - 1] : 0, after = at + 1 < n ? s[at + 1] : 0;

	switch (c) {
	case 0x200C:
		return uc_combining_class(before) == UC_CCC_VR || joins_around(s, n, at);
	case 0x200D:
		return uc_combining_class(before) == UC_CCC_VR;
	case 0x00B7:
		return before == 'l' && after == 'l';
	case 0x0375:
		return in_script(after, "Greek");
	case 0x05F3:
	case 0x05F4:
		return in_script(before, "Hebrew");
	case 0x30FB:
		for (size_t i = 0; i < n; i++)
			if (in_script(s[i], "Hiragana") || in_script(s[i], "Katakana") || in_script(s[i], "Han"))
				return true;
		return false;
	}
	if (c >= 0x0660 && c <= 0x0669)
		return !any_between(s, n, 0x06F0, 0x06F9);
	if (c >= 0x06F0 && c <= 0x06F9)
		return !any_between(s, n, 0x0660, 0x0669);
	return false;
}

/* HasCompat: NFKC changes it (RFC 8264 section 9.17). */
static bool
has_compat(ucs4_t c)
{
	uint32_t	buf[32];
	size_t		n = sizeof(buf) / sizeof(buf[0]);
	uint32_t	in = c, *out;
	bool		same;

	out = u32_normalize(UNINORM_NFKC, &in, 1, buf, &n);
	if (out == NULL)
		return false;
	same = n == 1 && out[0] == c;
	if (out != buf)
		free(out);
	return !same;
}

static bool
is_old_hangul(ucs4_t c)
{
	return (c >= 0x1100 && c <= 0x11FF) || (c >= 0xA960 && c <= 0xA97C) || (c >= 0xD7B0 && c <= 0xD7FB);
}

/* The FreeformClass (RFC 8264 section 8, in its order). */
static bool
freeform(const uint32_t *s, size_t n, size_t at)
{
	const uint32_t	ok = UC_CATEGORY_MASK_L | UC_CATEGORY_MASK_M | UC_CATEGORY_MASK_N |
			    UC_CATEGORY_MASK_Zs | UC_CATEGORY_MASK_S | UC_CATEGORY_MASK_P;
	ucs4_t		c = s[at];

	switch (exception_of(c)) {
	case PVALID:
		return true;
	case CONTEXTO:
		return context_allows(s, n, at);
	case DISALLOWED:
		return false;
	case NO_EXCEPTION:
		break;
	}
	if (uc_is_general_category_withtable(c, UC_CATEGORY_MASK_Cn))
		return false;
	if (c >= 0x20 && c <= 0x7E)
		return true;
	if (c == 0x200C || c == 0x200D)
		return context_allows(s, n, at);
	if (is_old_hangul(c) || uc_is_property_default_ignorable_code_point(c) ||
	    uc_is_property_not_a_character(c) || uc_is_general_category_withtable(c, UC_CATEGORY_MASK_Cc))
		return false;
	return has_compat(c) || uc_is_general_category_withtable(c, ok);
}

/* To code points, with every space made the one that keyboards have. NULL when too long. */
static uint32_t *
code_points(struct str in, size_t *n_r)
{
	uint32_t	*s;
	size_t		 n = 0, used = 0;

	if (in.n == 0 || in.n > LIMIT_PASSWORD || !str_is_utf8(in))
		return NULL;
	s = calloc(in.n, sizeof(*s));
	while (s != NULL && used < in.n) {
		int	len = u8_mbtoucr(&s[n], (const uint8_t *)in.p + used, in.n - used);

		if (len <= 0)
			break;
		if (uc_is_general_category_withtable(s[n], UC_CATEGORY_MASK_Zs))
			s[n] = ' ';
		used += (size_t)len;
		n++;
	}
	*n_r = n;
	return s;
}

static bool
all_freeform(const uint32_t *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!freeform(s, n, i))
			return false;
	return true;
}

static bool
add_utf8(struct buf *out, const uint32_t *s, size_t n)
{
	size_t	 text_n;
	uint8_t	*text = u32_to_u8(s, n, NULL, &text_n);

	if (text == NULL)
		return false;
	buf_add(out, str_n(text, text_n));
	explicit_bzero(text, text_n);
	free(text);
	return !buf_failed(out);
}

bool
precis_password(struct str in, struct buf *out)
{
	size_t		 n = 0, normal_n = 0;
	uint32_t	*s = code_points(in, &n), *normal = NULL;
	bool		 good = false;

	if (s != NULL && all_freeform(s, n))
		normal = u32_normalize(UNINORM_NFC, s, n, NULL, &normal_n);
	/* normalizing moves marks, and may take away what a joiner needs before it */
	if (normal != NULL) {
		good = normal_n > 0 && all_freeform(normal, normal_n) && add_utf8(out, normal, normal_n);
		explicit_bzero(normal, normal_n * sizeof(*normal));
	}
	if (s != NULL)
		explicit_bzero(s, n * sizeof(*s));
	free(normal);
	free(s);
	return good;
}

bool
precis_username(struct str in, struct buf *out)
{
	uint8_t	*text;
	size_t	 n;
	bool	 good;

	if (in.n == 0 || in.n > LIMIT_SASL_NAME || !str_is_utf8(in))
		return false;
	text = u8_normalize(UNINORM_NFC, (const uint8_t *)in.p, in.n, NULL, &n);
	good = text != NULL && n > 0;
	if (good)
		buf_add(out, str_n(text, n));
	free(text);
	return good && !buf_failed(out);
}
