#include "file.h"

#include "../base/buf.h"
#include "../base/num.h"

static const char	mark[] = ".posthorn,S=";

static void
add_flags(struct buf *b, struct flags f)
{
	for (unsigned i = 0; i < FLAG_COUNT; i++)
		if (f.sys & 1u << i)
			buf_addc(b, flag_letter(i));
	for (unsigned i = 0; i < KEYWORD_MAX; i++)
		if (f.keywords & 1u << i)
			buf_addc(b, (char)('a' + i));
}

void
file_name(const struct entry *e, char out[FILE_NAME_SIZE])
{
	struct buf	b = { .p = out, .cap = FILE_NAME_SIZE, .max = FILE_NAME_SIZE - 1 };
	char		id[ENTRY_ID_TEXT + 1];

	entry_id_text(e->id, id);
	buf_addu(&b, e->date < 0 ? 0 : (uint64_t)e->date);
	buf_addc(&b, '.');
	buf_add(&b, (struct str){ id, ENTRY_ID_TEXT });
	buf_adds(&b, mark);
	buf_addu(&b, e->size);
	if (e->uid != 0) {
		buf_adds(&b, ",U=");
		buf_addu(&b, e->uid);
	}
	if (e->uid != 0 || e->flags.sys != 0 || e->flags.keywords != 0)
		buf_adds(&b, ":2,");
	add_flags(&b, e->flags);
	out[b.n] = '\0';
}

static bool
parse_flags(struct str s, struct flags *f)
{
	for (size_t i = 0; i < s.n; i++) {
		char	c = s.p[i];

		if (c >= 'a' && c <= 'z')
			f->keywords |= 1u << (c - 'a');
		else if (flag_from_letter(c) != 0)
			f->sys |= flag_from_letter(c);
		else
			return false;
	}
	return true;
}

bool
file_parse(struct str name, struct entry *e, bool *exact_r)
{
	struct str	all = name, base, s;
	char		again[FILE_NAME_SIZE];
	uint64_t	date;
	size_t		colon = str_chr(name, ':');

	*e = (struct entry){ .uid = 0 };
	base = str_head(name, colon);
	name = str_skip(name, colon);
	if (name.n > 0 && (!str_starts(name, STR(":2,")) || !parse_flags(str_skip(name, 3), &e->flags)))
		return false;
	if (!str_cut(&base, '.', &s) || !num_u64(s, INT64_MAX, &date))
		return false;
	e->date = (int64_t)date;
	if (!entry_id_parse(str_head(base, ENTRY_ID_TEXT), e->id))
		return false;
	base = str_skip(base, ENTRY_ID_TEXT);
	if (!str_starts(base, str_c(mark)))
		return false;
	base = str_skip(base, sizeof(mark) - 1);
	(void)str_cut(&base, ',', &s);
	if (!num_u64(s, INT64_MAX, &e->size))
		return false;
	if (base.n > 0 && (!str_starts(base, STR("U=")) || !num_u32(str_skip(base, 2), UINT32_MAX, &e->uid)))
		return false;
	file_name(e, again);
	*exact_r = str_eq(all, str_c(again));
	return true;
}

void
file_foreign(struct str name, int64_t fallback, struct flags *f, int64_t *date_r)
{
	size_t		at = str_find(name, STR(":2,"));
	struct str	head, rest = name;
	uint64_t	date;

	*f = (struct flags){ .sys = 0 };
	for (size_t i = at + 3; at < name.n && i < name.n; i++)
		f->sys |= flag_from_letter(name.p[i]);
	(void)str_cut(&rest, '.', &head);
	/* nine digits or more: since 1973; less is some other numbering */
	if (head.n >= 9 && num_u64(head, UINT32_MAX, &date))
		*date_r = (int64_t)date;
	else
		*date_r = fallback < 0 ? 0 : fallback;
}
