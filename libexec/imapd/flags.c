/* flags: between the store's bits and IMAP's names. */
#include <errno.h>

#include "session.h"

/* In the order of RFC 3501. */
static const struct {
	uint32_t	bit;
	enum imap_flag	imap;
	struct str	name;
} system_flags[] = {
	{ FLAG_ANSWERED,	IMAP_ANSWERED,	STR_INIT("\\Answered") },
	{ FLAG_FLAGGED,		IMAP_FLAGGED,	STR_INIT("\\Flagged") },
	{ FLAG_DELETED,		IMAP_DELETED,	STR_INIT("\\Deleted") },
	{ FLAG_SEEN,		IMAP_SEEN,	STR_INIT("\\Seen") },
	{ FLAG_DRAFT,		IMAP_DRAFT,	STR_INIT("\\Draft") },
	{ FLAG_FORWARDED,	0,		STR_INIT("$Forwarded") },
};

enum {
	N_SYSTEM	= sizeof(system_flags) / sizeof(system_flags[0]),
	SYSTEM_ROOM	= 80,		/* all of the above, \Recent and parentheses */
};

int
flags_load(struct session *s)
{
	arena_reset(&s->names);
	memset(s->keywords, 0, sizeof(s->keywords));
	s->flags_room = SYSTEM_ROOM;
	if (mailbox_keywords(s->mb, &s->names, s->keywords) == -1)
		return -1;
	for (size_t i = 0; i < KEYWORD_MAX; i++)
		s->flags_room += s->keywords[i].n + 1;
	return 0;
}

static uint32_t
in_use(const struct session *s)
{
	uint32_t	mask = 0;

	for (unsigned i = 0; i < KEYWORD_MAX; i++)
		if (s->keywords[i].n > 0)
			mask |= 1u << i;
	return mask;
}

void
flags_refresh(struct session *s)
{
	uint32_t	before = in_use(s);

	if (flags_load(s) == 0 && in_use(s) != before)
		flags_tell(s);
}

static char *
put(char *p, struct str name)
{
	memcpy(p, name.p, name.n);
	p[name.n] = ' ';
	return p + name.n + 1;
}

char *
flags_put(const struct session *s, char *p, struct flags f, bool recent)
{
	*p++ = '(';
	for (size_t i = 0; i < N_SYSTEM; i++)
		if ((f.sys & system_flags[i].bit) != 0)
			p = put(p, system_flags[i].name);
	if (recent)
		p = put(p, STR("\\Recent"));
	for (unsigned i = 0; f.keywords >> i != 0; i++)
		if ((f.keywords >> i & 1) != 0 && s->keywords[i].n > 0)
			p = put(p, s->keywords[i]);
	if (p[-1] == ' ')
		p--;
	*p++ = ')';
	return p;
}

void
flags_tell(struct session *s)
{
	struct flags	all = { .sys = FLAG_ALL, .keywords = in_use(s) };
	bool		room = all.keywords != KEYWORD_ALL;
	size_t		n;
	char		*p;

	buf_adds(out(s), "* FLAGS ");
	if ((p = buf_room(out(s), s->flags_room, &n)) != NULL)
		buf_grew(out(s), (size_t)(flags_put(s, p, all, false) - p));
	buf_adds(out(s), "\r\n* OK [PERMANENTFLAGS ");
	if (!s->view.readwrite)
		buf_adds(out(s), "()");
	else if ((p = buf_room(out(s), s->flags_room, &n)) != NULL) {
		buf_grew(out(s), (size_t)(flags_put(s, p, all, false) - p));
		if (room) {
			buf_truncate(out(s), out(s)->n - 1);
			buf_adds(out(s), " \\*)");
		}
	}
	buf_adds(out(s), "] Flags that are kept\r\n");
}

int
flags_resolve(struct mailbox *mb, const struct imap_flags *named, bool create, struct flags *out_r)
{
	*out_r = (struct flags){ .sys = 0 };
	for (size_t i = 0; i < N_SYSTEM; i++)
		if ((named->system & system_flags[i].imap) != 0)
			out_r->sys |= system_flags[i].bit;
	for (size_t i = 0; i < named->n; i++) {
		uint32_t	sys = flag_from_imap(named->keywords[i]), bit;

		if (sys != 0) {
			out_r->sys |= sys;
			continue;
		}
		if (mailbox_keyword(mb, named->keywords[i], create, &bit) == 0)
			out_r->keywords |= bit;
		else if (create || errno != ENOENT)
			return -1;
	}
	return 0;
}
