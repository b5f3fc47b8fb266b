#include "attr.h"

#include "limits.h"
#include "num.h"

void
attr_start(struct buf *b, const char *proto, unsigned version)
{
	buf_reset(b);
	attr_addu(b, proto, version);
}

void
attr_add(struct buf *b, const char *name, struct str value)
{
	if (str_chr(value, '\0') != value.n || name[0] == '\0') {
		b->failed = true;
		return;
	}
	buf_adds(b, name);
	buf_addc(b, '\0');
	buf_add(b, value);
	buf_addc(b, '\0');
}

void
attr_adds(struct buf *b, const char *name, const char *value)
{
	attr_add(b, name, str_c(value));
}

void
attr_addu(struct buf *b, const char *name, uint64_t value)
{
	char		digits[24];
	struct buf	tmp = { .p = digits, .cap = sizeof(digits), .max = sizeof(digits) - 1 };

	buf_addu(&tmp, value);
	attr_add(b, name, buf_str(&tmp));
}

bool
attr_next(struct str rec, size_t *at, struct str *name_r, struct str *value_r)
{
	struct str	rest = str_skip(rec, *at);

	if (!str_cut(&rest, '\0', name_r) || !str_cut(&rest, '\0', value_r))
		return false;
	*at = rec.n - rest.n;
	return true;
}

bool
attr_is(struct str rec, const char *proto, unsigned version)
{
	struct str	name, value;
	uint64_t	v;
	size_t		at = 0;

	if (rec.n > LIMIT_RECORD || !attr_next(rec, &at, &name, &value))
		return false;
	if (!str_eq(name, str_c(proto)) || !num_u64(value, UINT64_MAX, &v) || v != version)
		return false;
	while (at < rec.n)
		if (!attr_next(rec, &at, &name, &value) || name.n == 0)
			return false;
	return true;
}

struct str
attr_get(struct str rec, const char *name)
{
	struct str	want = str_c(name), got, value;
	size_t		at = 0;

	while (attr_next(rec, &at, &got, &value))
		if (str_eq(got, want))
			return value;
	return (struct str){ NULL, 0 };
}

struct str
attr_text(struct str rec, const char *name)
{
	struct str	s = attr_get(rec, name);

	return s.p == NULL ? STR("") : s;
}

size_t
attr_count(struct str rec, const char *what)
{
	struct str	name, value;
	size_t		at = 0, n = 0;

	while (attr_next(rec, &at, &name, &value))
		n += str_eq(name, str_c(what));
	return n;
}

uint64_t
attr_getu(struct str rec, const char *name, uint64_t fallback)
{
	uint64_t	v;

	return num_u64(attr_get(rec, name), UINT64_MAX, &v) ? v : fallback;
}
