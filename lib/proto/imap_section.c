/* imap_section: the bytes of BODY[…], of imap_mime.h. */
#include "imap_mime.h"

#include "header.h"
#include "imap_write.h"

static bool
is_named(const struct imap_section *s, struct str name)
{
	for (size_t i = 0; i < s->nfields; i++)
		if (str_ieq(s->fields[i], name))
			return true;
	return false;
}

/*
 * The fields that are (not) named, as they stand, and the empty line: always
 * sent but for a message that has neither it nor a body (RFC 3501 7.4.2).
 */
static void
fields_join(struct str text, const struct imap_section *s, struct buf *out)
{
	struct header		h;
	struct header_field	f;

	header_open(&h, text);
	while (header_next(&h, &f)) {
		if (is_named(s, f.name) != (s->what == IMAP_SECTION_FIELDS))
			continue;
		buf_add(out, f.raw);
		if (!str_ends(f.raw, STR("\n")))
			buf_adds(out, "\r\n");
	}
	if (h.blank || h.body < text.n)
		buf_adds(out, "\r\n");
}

/* A section's text of a message of that header and body, which are one behind the other. */
static bool
of_message(struct str header, struct str body, const struct imap_section *s, struct buf *compose, struct str *out_r)
{
	struct str	whole = { header.p, header.n + body.n };

	switch (s->what) {
	case IMAP_SECTION_ALL:
		*out_r = whole;
		return true;
	case IMAP_SECTION_HEADER:
		*out_r = header;
		return true;
	case IMAP_SECTION_TEXT:
		*out_r = body;
		return true;
	case IMAP_SECTION_FIELDS:
	case IMAP_SECTION_FIELDS_NOT:
		buf_reset(compose);
		fields_join(whole, s, compose);
		*out_r = buf_str(compose);
		return !buf_failed(compose);
	case IMAP_SECTION_MIME:
		break;
	}
	return false;
}

/*
 * The part a list of numbers means. A multipart's parts are numbered; a
 * message that is none has its body as part 1; a message in a part is looked
 * into without a number of its own (RFC 3501 6.4.5).
 */
static const struct mime_part *
part_find(const struct mime *m, const struct imap_section *s)
{
	const struct mime_part	*p = &m->parts[0];
	bool			 message = true;	/* p is a whole message, not yet its part 1 */

	for (size_t i = 0; i < s->nparts && p != NULL; i++) {
		if (!message && p->kind == MIME_MESSAGE) {
			p = mime_child(m, p, 1);
			message = true;
		}
		if (p->kind == MIME_MULTIPART)
			p = mime_child(m, p, s->part[i]);
		else if (!message || s->part[i] != 1)
			return NULL;
		message = false;
	}
	return p;
}

bool
imap_section_find(const struct mime *m, const struct imap_section *s, struct buf *compose, struct str *out_r)
{
	const struct mime_part	*p = part_find(m, s);

	*out_r = (struct str){ "", 0 };
	if (p == NULL)
		return false;
	if (s->nparts == 0)
		return of_message(mime_header(m, p), mime_body(m, p), s, compose, out_r);
	if (s->what == IMAP_SECTION_ALL || s->what == IMAP_SECTION_MIME) {
		*out_r = s->what == IMAP_SECTION_ALL ? mime_body(m, p) : mime_header(m, p);
		return true;
	}
	if (p->kind != MIME_MESSAGE)
		return false;
	p = mime_child(m, p, 1);
	return of_message(mime_header(m, p), mime_body(m, p), s, compose, out_r);
}

bool
imap_section_top(struct str message, const struct imap_section *s, struct buf *compose, struct str *out_r)
{
	size_t	body = 0;

	*out_r = (struct str){ "", 0 };
	if (s->nparts > 0)
		return false;
	if (s->what == IMAP_SECTION_HEADER || s->what == IMAP_SECTION_TEXT)
		body = header_length(message);
	return of_message(str_head(message, body), str_skip(message, body), s, compose, out_r);
}

void
imap_put_section(struct buf *out, const struct imap_section *s)
{
	static const char *const	names[] = {
		[IMAP_SECTION_ALL] = "",
		[IMAP_SECTION_HEADER] = "HEADER",
		[IMAP_SECTION_FIELDS] = "HEADER.FIELDS",
		[IMAP_SECTION_FIELDS_NOT] = "HEADER.FIELDS.NOT",
		[IMAP_SECTION_TEXT] = "TEXT",
		[IMAP_SECTION_MIME] = "MIME",
	};

	buf_addc(out, '[');
	for (size_t i = 0; i < s->nparts; i++) {
		if (i > 0)
			buf_addc(out, '.');
		buf_addu(out, s->part[i]);
	}
	if (s->nparts > 0 && s->what != IMAP_SECTION_ALL)
		buf_addc(out, '.');
	buf_adds(out, names[s->what]);
	for (size_t i = 0; i < s->nfields; i++) {
		buf_adds(out, i == 0 ? " (" : " ");
		imap_put_astring(out, s->fields[i]);
	}
	buf_adds(out, s->nfields > 0 ? ")]" : "]");
}
