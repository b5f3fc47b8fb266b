/* fetch_item: the table of FETCH items. */
#include <errno.h>
#include <unistd.h>

#include "fetch.h"
#include "proto/header.h"
#include "proto/imap_mime.h"

enum { CHUNK = 65536 };	/* of a message on its way out */

char *
put_number(char *p, uint64_t v)
{
	char	digits[20];
	size_t	n = 0;

	do {
		digits[n++] = (char)('0' + v % 10);
		v /= 10;
	} while (v != 0);
	while (n > 0)
		*p++ = digits[--n];
	return p;
}

static char *
put_text(char *p, const char *text, size_t n)
{
	memcpy(p, text, n);
	return p + n;
}

/* --- what the index knows */

static char *
quick_uid(struct fetch *f, char *p)
{
	(void)f;	/* every response has it */
	return p;
}

static char *
quick_flags(struct fetch *f, char *p)
{
	const struct session	*s = f->s;
	bool			 recent = s->view.recent.n > 0 && uidset_has(&s->view.recent, f->e.uid);

	if (f->flags_n == 0 || f->flags_of.sys != f->e.flags.sys || f->flags_of.keywords != f->e.flags.keywords ||
	    f->flags_recent != recent) {
		f->flags_n = (size_t)(flags_put(s, f->flags_text, f->e.flags, recent) - f->flags_text);
		f->flags_of = f->e.flags;
		f->flags_recent = recent;
	}
	p = put_text(p, " FLAGS ", 7);
	return put_text(p, f->flags_text, f->flags_n);
}

static char *
quick_date(struct fetch *f, char *p)
{
	char		space[64];
	struct buf	b = { .p = space, .cap = sizeof(space), .max = sizeof(space) - 1 };

	imap_put_date_time(&b, f->e.date);
	p = put_text(p, " INTERNALDATE ", 14);
	return put_text(p, b.p, b.n);
}

static char *
quick_size(struct fetch *f, char *p)
{
	return put_number(put_text(p, " RFC822.SIZE ", 13), f->e.size);
}

static char *
quick_modseq(struct fetch *f, char *p)
{
	p = put_number(put_text(p, " MODSEQ (", 9), f->e.modseq);
	*p++ = ')';
	return p;
}

/* --- what is in the file */

/* A range of the file as a literal, in large pieces and never all of it in memory. */
static void
put_range(struct fetch *f, size_t at, size_t n)
{
	struct session	*s = f->s;
	struct buf	*b = out(s);

	buf_addc(b, '{');
	buf_addu(b, n);
	buf_adds(b, "}\r\n");
	while (n > 0 && !s->gone) {
		size_t	room;
		char	*p = buf_room(b, n < CHUNK ? n : CHUNK, &room);
		ssize_t	got = p == NULL ? -1 : pread(f->m.fd, p, room, (off_t)at);

		if (got == -1 && errno == EINTR)
			continue;
		if (got <= 0) {	/* the promised bytes are not there: nothing else can be said */
			s->gone = true;
			return;
		}
		buf_grew(b, (size_t)got);
		at += (size_t)got;
		n -= (size_t)got;
		out_more(s);
	}
}

/* What bytes a FETCH of <at.count> wants of n. */
static struct str
clip(const struct item *it, struct str text)
{
	if (!it->partial.given)
		return text;
	return str_head(str_skip(text, it->partial.at), it->partial.count);
}

/* Text of the mapped file goes out as a range of it, so that not all of it is touched here. */
static void
put_piece(struct fetch *f, const struct item *it, struct str text)
{
	struct str	all = message_text(&f->m);

	text = clip(it, text);
	if (text.n > CHUNK && text.p >= all.p && text.p < all.p + all.n)
		put_range(f, (size_t)(text.p - all.p), text.n);
	else {
		buf_addf(out(f->s), "{%zu}\r\n", text.n);
		buf_add(out(f->s), text);
	}
}

static bool
put_section(struct fetch *f, const struct item *it)
{
	struct buf		compose = BUF_INIT(LIMIT_IMAP_OUTPUT);
	const struct mime	*mime = NULL;
	struct str		text;
	bool			found;

	if (it->section.nparts == 0)
		found = imap_section_top(message_text(&f->m), &it->section, &compose, &text);
	else {
		mime = message_mime(&f->m);
		found = mime != NULL && imap_section_find(mime, &it->section, &compose, &text);
	}
	if (found)
		put_piece(f, it, text);
	buf_free(&compose);
	return found;
}

/* RFC822 and its kin are sections by other names (RFC 3501 6.4.5). */
static bool
put_rfc822(struct fetch *f, const struct item *it)
{
	put_piece(f, it, message_text(&f->m));
	return true;
}

static bool
put_rfc822_header(struct fetch *f, const struct item *it)
{
	struct str	text = message_text(&f->m);

	put_piece(f, it, str_head(text, header_length(text)));
	return true;
}

static bool
put_rfc822_text(struct fetch *f, const struct item *it)
{
	struct str	text = message_text(&f->m);

	put_piece(f, it, str_skip(text, header_length(text)));
	return true;
}

static bool
put_envelope(struct fetch *f, const struct item *it)
{
	struct str	text = message_text(&f->m);

	(void)it;
	imap_put_envelope(out(f->s), str_head(text, header_length(text)));
	return true;
}

static bool
put_structure(struct fetch *f, const struct item *it)
{
	const struct mime	*mime = message_mime(&f->m);

	if (mime == NULL)
		return false;
	imap_put_body(out(f->s), mime, str_eq(it->label, STR("BODYSTRUCTURE")));
	return true;
}

static const struct item_kind	kinds[] = {
	{ "UID",		"UID",			0,				quick_uid,	NULL },
	{ "FLAGS",		"FLAGS",		0,				quick_flags,	NULL },
	{ "INTERNALDATE",	"INTERNALDATE",		0,				quick_date,	NULL },
	{ "RFC822.SIZE",	"RFC822.SIZE",		0,				quick_size,	NULL },
	{ "MODSEQ",		"MODSEQ",		ITEM_MODSEQ,			quick_modseq,	NULL },
	{ "ENVELOPE",		"ENVELOPE",		ITEM_FILE,			NULL,		put_envelope },
	{ "BODY",		"BODY",			ITEM_FILE,			NULL,		put_structure },
	{ "BODYSTRUCTURE",	"BODYSTRUCTURE",	ITEM_FILE,			NULL,		put_structure },
	{ "BODY",		"BODY",			ITEM_FILE | ITEM_SECTION | ITEM_SEEN, NULL,	put_section },
	{ "BODY.PEEK",		"BODY",			ITEM_FILE | ITEM_SECTION,	NULL,		put_section },
	{ "RFC822",		"RFC822",		ITEM_FILE | ITEM_SEEN,		NULL,		put_rfc822 },
	{ "RFC822.HEADER",	"RFC822.HEADER",	ITEM_FILE,			NULL,		put_rfc822_header },
	{ "RFC822.TEXT",	"RFC822.TEXT",		ITEM_FILE | ITEM_SEEN,		NULL,		put_rfc822_text },
};

const struct item_kind *
item_find(struct str name, bool section)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (str_ieq(name, str_c(kinds[i].name)) && section == ((kinds[i].flags & ITEM_SECTION) != 0))
			return &kinds[i];
	return NULL;
}
