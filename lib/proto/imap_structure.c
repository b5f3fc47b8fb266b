/* imap_structure: BODY and BODYSTRUCTURE of imap_mime.h. */
#include "imap_mime.h"

#include "imap_text.h"
#include "lex.h"

static void
put_params(struct buf *out, const struct params *ps)
{
	if (ps->n == 0) {
		buf_adds(out, "NIL");
		return;
	}
	for (size_t i = 0; i < ps->n; i++) {
		buf_addc(out, i == 0 ? '(' : ' ');
		imap_put_text(out, ps->p[i].name);
		buf_addc(out, ' ');
		imap_put_text(out, ps->p[i].value);
	}
	buf_addc(out, ')');
}

/* "en, de (comment)" as NIL, "en" or ("en" "de") (RFC 3282). */
static void
put_language(struct buf *out, struct str value)
{
	struct lex	l = { value, 0 };
	size_t		n = 0;

	buf_addc(out, '(');
	for (lex_skip(&l, NULL); !lex_end(&l) && value.p != NULL; lex_skip(&l, NULL)) {
		struct str	tag = lex_token(&l, ",;\"");

		if (tag.n == 0) {
			l.at++;
			continue;
		}
		if (n++ > 0)
			buf_addc(out, ' ');
		imap_put_text(out, tag);
	}
	if (n == 0) {
		buf_truncate(out, out->n - 1);
		buf_adds(out, "NIL");
		return;
	}
	buf_addc(out, ')');
}

/* Disposition, language, location: the end of both kinds of extension data. */
static void
put_extension(struct buf *out, const struct mime_part *p)
{
	buf_addc(out, ' ');
	if (p->disposition.n == 0)
		buf_adds(out, "NIL");
	else {
		buf_addc(out, '(');
		imap_put_text(out, p->disposition);
		buf_addc(out, ' ');
		put_params(out, &p->disposition_params);
		buf_addc(out, ')');
	}
	buf_addc(out, ' ');
	put_language(out, p->language);
	buf_addc(out, ' ');
	imap_put_text(out, p->location);
}

/* The fields every part has that is no multipart: type to size. */
static void
put_fields(struct buf *out, const struct mime_part *p)
{
	struct param	us_ascii = { STR_INIT("charset"), STR_INIT("us-ascii") };
	struct params	ps = p->params;

	/* a text that says nothing has a charset all the same (RFC 2045 5.2) */
	if (ps.n == 0 && str_ieq(p->type, STR("text")))
		ps = (struct params){ &us_ascii, 1 };
	imap_put_text(out, p->type);
	buf_addc(out, ' ');
	imap_put_text(out, p->subtype);
	buf_addc(out, ' ');
	put_params(out, &ps);
	buf_addc(out, ' ');
	imap_put_text(out, p->id);
	buf_addc(out, ' ');
	imap_put_text(out, p->description);
	buf_addc(out, ' ');
	imap_put_text(out, p->encoding_name);
	buf_addc(out, ' ');
	buf_addu(out, p->end - p->body);
}

/* Recursion is bounded by LIMIT_MIME_DEPTH, which the parser keeps. */
static void
put_part(struct buf *out, const struct mime *m, const struct mime_part *p, bool extended)
{
	bool	message = p->kind == MIME_MESSAGE && str_ieq(p->subtype, STR("rfc822"));

	buf_addc(out, '(');
	if (p->kind == MIME_MULTIPART) {
		for (uint32_t i = p->child; i != MIME_NONE; i = m->parts[i].next)
			put_part(out, m, &m->parts[i], extended);
		buf_addc(out, ' ');
		imap_put_text(out, p->subtype);
		if (extended) {
			buf_addc(out, ' ');
			put_params(out, &p->params);
			put_extension(out, p);
		}
		buf_addc(out, ')');
		return;
	}
	put_fields(out, p);
	/* the grammar of IMAP4rev1 knows no form for message/global: a basic part */
	if (message) {
		const struct mime_part	*inner = &m->parts[p->child];

		buf_addc(out, ' ');
		imap_put_envelope(out, mime_header(m, inner));
		buf_addc(out, ' ');
		put_part(out, m, inner, extended);
	}
	if (message || str_ieq(p->type, STR("text"))) {
		buf_addc(out, ' ');
		buf_addu(out, p->lines);
	}
	if (extended) {
		buf_addc(out, ' ');
		imap_put_text(out, p->md5);
		put_extension(out, p);
	}
	buf_addc(out, ')');
}

void
imap_put_body(struct buf *out, const struct mime *m, bool extended)
{
	put_part(out, m, &m->parts[0], extended);
}
