#include "mime.h"

#include "../base/limits.h"
#include "header.h"
#include "lex.h"

/*
 * One walk over the text. Open parts are a stack: the message, a multipart in
 * it, a part of that … A line that is the delimiter of an open multipart ends
 * all that is above it on the stack (RFC 2046 5.1.2: inner ones need not have ended).
 */
struct level {
	uint32_t	part;
	struct str	boundary;	/* n 0: no multipart, or its end was seen */
};

struct walk {
	struct mime	*m;
	struct arena	*arena;
	size_t		 cap;		/* of m->parts */
	size_t		 at;		/* start of a line */
	size_t		 lines;		/* line feeds before at */
	size_t		 n;		/* levels in use */
	struct level	 stack[LIMIT_MIME_DEPTH + 1];
	uint32_t	 last[LIMIT_MIME_DEPTH + 1];	/* last child of each level, MIME_NONE without */
};

static size_t
count_lines(struct str s)
{
	size_t	n = 0;

	for (size_t at = 0; at < s.n; n++) {
		const char	*lf = memchr(s.p + at, '\n', s.n - at);

		if (lf == NULL)
			break;
		at = (size_t)(lf - s.p) + 1;
	}
	return n;
}

/* Move on to a later line start, counting. */
static void
walk_to(struct walk *w, size_t at)
{
	w->lines += count_lines((struct str){ w->m->text.p + w->at, at - w->at });
	w->at = at;
}

static bool
parts_grow(struct walk *w)
{
	struct mime		*m = w->m;
	size_t			 cap = w->cap == 0 ? 4 : w->cap * 2;
	struct mime_part	*p = arena_array(w->arena, cap, sizeof(*p));

	if (p == NULL)
		return false;
	if (m->n > 0)
		memcpy(p, m->parts, m->n * sizeof(*p));
	m->parts = p;
	w->cap = cap;
	return true;
}

/* A new part at w->at below the top of the stack; NULL when the budget is used up. */
static struct mime_part *
part_add(struct walk *w)
{
	struct mime		*m = w->m;
	struct mime_part	*p;
	uint32_t		 index = (uint32_t)m->n;

	if (m->n >= LIMIT_MIME_PARTS || (m->n == w->cap && !parts_grow(w))) {
		m->truncated = true;
		return NULL;
	}
	p = &m->parts[m->n++];
	*p = (struct mime_part){
		.parent = MIME_NONE, .child = MIME_NONE, .next = MIME_NONE, .depth = (uint32_t)w->n,
		.header = w->at, .body = w->at, .end = m->text.n,
		.type = STR_INIT("text"), .subtype = STR_INIT("plain"), .encoding_name = STR_INIT("7BIT"),
	};
	if (w->n > 0) {
		p->parent = w->stack[w->n - 1].part;
		if (w->last[w->n - 1] == MIME_NONE)
			m->parts[p->parent].child = index;
		else
			m->parts[w->last[w->n - 1]].next = index;
		w->last[w->n - 1] = index;
		if (m->parts[p->parent].kind == MIME_MULTIPART && str_ieq(m->parts[p->parent].subtype, STR("digest")))
			p->type = STR("message"), p->subtype = STR("rfc822");
	}
	return p;
}

/* "type/subtype; parameters" (RFC 2045 5.1). What is none leaves text/plain (5.2). */
static void
read_type(struct mime_part *p, struct str value, struct arena *a)
{
	struct lex	l = { value, 0 };
	struct str	type, subtype;

	lex_skip(&l, NULL);
	type = lex_token(&l, "/;\"");
	lex_skip(&l, NULL);
	if (lex_peek(&l) == '/') {
		l.at++;
		lex_skip(&l, NULL);
	}
	subtype = lex_token(&l, "/;\"");
	if (type.n == 0 || subtype.n == 0) {
		p->type = STR("text");
		p->subtype = STR("plain");
	} else {
		p->type = type;
		p->subtype = subtype;
	}
	p->params = params_parse(str_skip(value, l.at), a);
}

static struct str
first_token(struct str value, size_t *end_r)
{
	struct lex	l = { value, 0 };
	struct str	token;

	lex_skip(&l, NULL);
	token = lex_token(&l, ";\"");
	*end_r = l.at;
	return token;
}

/* One field of a part's header; of several of a name the first counts. */
static void
read_field(struct mime_part *p, const struct header_field *f, unsigned *seen, struct arena *a)
{
	static const char *const	names[] = {
		"type", "transfer-encoding", "disposition", "id", "description", "md5", "language", "location",
	};
	struct str	name = str_skip(f->name, 8);
	unsigned	i = 0;
	size_t		end;

	while (i < sizeof(names) / sizeof(names[0]) && !str_ieq(name, str_c(names[i])))
		i++;
	if (i == sizeof(names) / sizeof(names[0]) || (*seen & 1u << i) != 0)
		return;
	*seen |= 1u << i;
	switch (i) {
	case 0:
		read_type(p, f->value, a);
		break;
	case 1:
		p->encoding_name = first_token(f->value, &end);
		if (p->encoding_name.n == 0)
			p->encoding_name = STR("7BIT");
		p->encoding = transfer_named(p->encoding_name);
		break;
	case 2:
		p->disposition = first_token(f->value, &end);
		if (p->disposition.n > 0)
			p->disposition_params = params_parse(str_skip(f->value, end), a);
		break;
	case 3:
		p->id = f->value;
		break;
	case 4:
		p->description = f->value;
		break;
	case 5:
		p->md5 = f->value;
		break;
	case 6:
		p->language = f->value;
		break;
	case 7:
		p->location = f->value;
		break;
	}
}

/*
 * Is the line at `at` a delimiter of an open multipart? Its level, or w->n;
 * *close_r tells "--" behind it. The whole line must match but for white space,
 * so that of boundaries one of which begins the other the right one is found.
 */
static size_t
delimiter(const struct walk *w, struct str line, bool *close_r)
{
	if (line.n < 3 || line.p[0] != '-' || line.p[1] != '-')
		return w->n;
	line = str_skip(str_trim_end(line), 2);
	for (size_t i = w->n; i-- > 0;) {
		struct str	b = w->stack[i].boundary;

		if (b.n == 0 || line.n < b.n || memcmp(line.p, b.p, b.n) != 0)
			continue;
		*close_r = line.n > b.n;
		if (line.n == b.n || (line.n == b.n + 2 && str_ends(line, STR("--"))))
			return i;
	}
	return w->n;
}

static struct str
line_at(const struct walk *w)
{
	return (struct str){ w->m->text.p + w->at, line_next(w->m->text, w->at) - w->at };
}

/* What the part is below its header: sets its kind, and the boundary of a multipart. */
static void
part_kind(struct walk *w, struct mime_part *p, struct str *boundary_r)
{
	struct str	b = { "", 0 };

	*boundary_r = b;
	if (str_ieq(p->type, STR("multipart"))) {
		(void)params_find(&p->params, STR("boundary"), &b);
		b = str_trim_end(b);
		p->kind = b.n > 0 ? MIME_MULTIPART : MIME_LEAF;
	} else if (mime_is(p, "message", "rfc822") || mime_is(p, "message", "global"))
		p->kind = MIME_MESSAGE;
	if (p->kind == MIME_LEAF)
		return;
	if (p->depth + 1 < LIMIT_MIME_DEPTH) {
		*boundary_r = b;
		return;
	}
	p->kind = MIME_LEAF;
	p->type = STR("application");
	p->subtype = STR("octet-stream");
	w->m->truncated = true;
}

/* Read the header of the part that begins at w->at and put it onto the stack. */
static bool
part_open(struct walk *w)
{
	struct mime_part	*p = part_add(w);
	struct header		 h;
	struct header_field	 f;
	unsigned		 seen = 0;
	bool			 close;
	size_t			 from = w->at, body;

	if (p == NULL)
		return false;
	header_open(&h, str_skip(w->m->text, from));
	while (header_next(&h, &f)) {
		if (f.name.p[0] == '-' && delimiter(w, (struct str){ f.raw.p, line_next(f.raw, 0) }, &close) < w->n)
			break;
		if (f.name.n > 8 && str_istarts(f.name, STR("content-")))
			read_field(p, &f, &seen, w->arena);
	}
	body = f.name.n > 0 ? (size_t)(f.raw.p - w->m->text.p) : from + h.body;
	walk_to(w, body);
	p->body = body;
	p->lines = w->lines;	/* until it ends: those before it */
	part_kind(w, p, &w->stack[w->n].boundary);
	w->stack[w->n].part = (uint32_t)(p - w->m->parts);
	w->last[w->n] = MIME_NONE;
	w->n++;
	return true;
}

/* A part that did not turn out as its field says is told as what it can be shown as. */
static void
part_settle(struct mime_part *p)
{
	if (p->child != MIME_NONE)
		return;
	if (p->kind == MIME_MESSAGE) {
		p->type = STR("application");
		p->subtype = STR("octet-stream");
	} else if (str_ieq(p->type, STR("multipart"))) {
		p->type = STR("text");
		p->subtype = STR("plain");
		p->params = (struct params){ NULL, 0 };
	}
	p->kind = MIME_LEAF;
}

/* The part on top of the stack ends with the text before w->at. */
static void
part_close(struct walk *w, bool delimited)
{
	struct mime_part	*p = &w->m->parts[w->stack[--w->n].part];
	struct str		 body = { w->m->text.p + p->body, w->at - p->body };
	struct str		 cut = body;
	uint32_t		 last = w->last[w->n];

	/* the line ending before a delimiter is the delimiter's, unless a child's header needs it */
	if (delimited && (last == MIME_NONE || w->m->parts[last].end < w->at))
		cut = line_trim(body);
	p->end = p->body + cut.n;
	p->lines = w->lines - p->lines - (cut.n < body.n ? 1 : 0);
	part_settle(p);
}

/* Open a part, and as long as it is a message, the one in it. */
static bool
parts_open(struct walk *w)
{
	do {
		if (!part_open(w))
			return false;
	} while (w->m->parts[w->stack[w->n - 1].part].kind == MIME_MESSAGE);
	return true;
}

/* A delimiter line of level i stands at w->at. */
static void
at_delimiter(struct walk *w, size_t i, bool close)
{
	while (w->n > i + 1)
		part_close(w, true);
	walk_to(w, line_next(w->m->text, w->at));
	if (close || !parts_open(w))
		w->stack[i].boundary.n = 0;
}

bool
mime_parse(struct mime *m_r, struct str text, struct arena *a)
{
	struct walk	w = { .m = m_r, .arena = a };
	bool		close = false;

	*m_r = (struct mime){ .text = text };
	if (!parts_open(&w) && m_r->n == 0)
		return false;
	while (w.at < text.n) {
		struct str	line = text.p[w.at] == '\n' ? str_n(text.p + w.at, 1) : line_at(&w);
		size_t		i = line.p[0] == '-' ? delimiter(&w, line, &close) : w.n;

		if (i < w.n) {
			at_delimiter(&w, i, close);
			continue;
		}
		w.at += line.n;
		w.lines += line.p[line.n - 1] == '\n';
	}
	while (w.n > 0)
		part_close(&w, false);
	return true;
}

struct str
mime_header(const struct mime *m, const struct mime_part *p)
{
	return (struct str){ m->text.p + p->header, p->body - p->header };
}

struct str
mime_body(const struct mime *m, const struct mime_part *p)
{
	return (struct str){ m->text.p + p->body, p->end - p->body };
}

bool
mime_is(const struct mime_part *p, const char *type, const char *subtype)
{
	return str_ieq(p->type, str_c(type)) && str_ieq(p->subtype, str_c(subtype));
}

const struct mime_part *
mime_child(const struct mime *m, const struct mime_part *p, uint32_t n)
{
	uint32_t	i = p->child;

	while (i != MIME_NONE && n-- > 1)
		i = m->parts[i].next;
	return i == MIME_NONE || n > 0x80000000u ? NULL : &m->parts[i];
}
