#include "conf_edit.h"

static bool
is_plain(struct str s)
{
	static const struct str	special = STR_INIT(" \"'={}()+,#*\\$");

	for (size_t i = 0; i < s.n; i++)
		if (byte_is_control(s.p[i]) || str_chr(special, s.p[i]) < special.n)
			return false;
	return s.n > 0 && str_find(s, STR("//")) == s.n;
}

void
conf_edit_quote(struct buf *b, struct str s)
{
	if (is_plain(s)) {
		buf_add(b, s);
		return;
	}
	buf_addc(b, '"');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\' || s.p[i] == '$')
			buf_addc(b, '\\');
		buf_addc(b, s.p[i]);
	}
	buf_addc(b, '"');
}

/* text with [at, end) replaced by what mid holds. */
static void
splice(struct buf *out, struct str text, size_t at, size_t end, struct str mid)
{
	buf_reset(out);
	buf_add(out, str_head(text, at));
	buf_add(out, mid);
	buf_add(out, str_skip(text, end));
}

static size_t
line_start(struct str text, size_t at)
{
	while (at > 0 && text.p[at - 1] != '\n')
		at--;
	return at;
}

static bool
is_blank(struct str text, size_t from, size_t to)
{
	return str_trim(str_head(str_skip(text, from), to - from)).n == 0;
}

/* A line at the end of the text. */
static void
add_line(const struct conf_scan *s, struct str line, struct buf *out)
{
	buf_reset(out);
	buf_add(out, s->text);
	if (s->text.n > 0 && s->text.p[s->text.n - 1] != '\n')
		buf_addc(out, '\n');
	buf_add(out, line);
	buf_addc(out, '\n');
}

/* A line behind the last option that is in no section, or at the end. */
static void
add_option(const struct conf_scan *s, struct str option, struct buf *out)
{
	struct buf	mid = BUF_INIT(1 << 20);
	size_t		at = 0;

	for (size_t i = 0; i < s->nnode; i++)
		if (s->node[i].parent == CONF_TOP && !s->node[i].section)
			at = s->node[i].end;
	at += at == 0 ? s->text.n : str_chr(str_skip(s->text, at), '\n');
	if (at >= s->text.n) {
		add_line(s, option, out);
		return;
	}
	buf_add(&mid, option);
	buf_addc(&mid, '\n');
	splice(out, s->text, at + 1, at + 1, buf_str(&mid));
	buf_free(&mid);
}

/* A new option at the end of a section: on a line of its own, or before a } on the same line. */
static void
add_to_section(const struct conf_scan *s, int section, struct str option, struct buf *out)
{
	struct buf	mid = BUF_INIT(1 << 20);
	size_t		close = s->node[section].end - 1, start = line_start(s->text, close);

	if (is_blank(s->text, start, close)) {
		buf_add(&mid, str_head(str_skip(s->text, start), close - start));
		buf_addc(&mid, '\t');
		buf_add(&mid, option);
		buf_addc(&mid, '\n');
		splice(out, s->text, start, start, buf_str(&mid));
	} else {
		if (!byte_is_space(s->text.p[close - 1]))
			buf_addc(&mid, ' ');
		buf_add(&mid, option);
		buf_addc(&mid, ' ');
		splice(out, s->text, close, close, buf_str(&mid));
	}
	buf_free(&mid);
}

void
conf_edit_set(const struct conf_scan *s, int section, const char *name, struct str value, struct buf *out)
{
	struct buf	mid = BUF_INIT(1 << 20);
	int		i = conf_scan_find(s, section, name, section);

	if (i != -1 && s->node[i].nvalue == 1 && !s->node[i].list) {
		const struct conf_value	*v = &s->value[s->node[i].value];

		conf_edit_quote(&mid, value);
		splice(out, s->text, v->at, v->end, buf_str(&mid));
	} else {
		buf_adds(&mid, name);
		buf_adds(&mid, " = ");
		conf_edit_quote(&mid, value);
		if (i != -1)
			splice(out, s->text, s->node[i].at, s->node[i].end, buf_str(&mid));
		else if (section == CONF_TOP)
			add_option(s, buf_str(&mid), out);
		else
			add_to_section(s, section, buf_str(&mid), out);
	}
	buf_free(&mid);
}

/* Is there nothing but a comment, one that ends there, from here to the end of the line? */
static bool
ends_line(const struct conf_scan *s, size_t at, size_t *next_r)
{
	size_t		stop = at + str_chr(str_skip(s->text, at), '\n');
	struct str	rest = str_trim(str_head(str_skip(s->text, at), stop - at));

	*next_r = stop < s->text.n ? stop + 1 : stop;
	return rest.n == 0 || rest.p[0] == '#' || str_starts(rest, STR("//"));
}

void
conf_edit_remove(const struct conf_scan *s, int node, struct buf *out)
{
	const struct conf_node	*n = &s->node[node];
	size_t			 start = line_start(s->text, n->at), next;

	/* what stands behind it in a comment was about it */
	if (is_blank(s->text, start, n->at) && ends_line(s, n->end, &next))
		splice(out, s->text, start, next, STR(""));
	else
		splice(out, s->text, n->at, n->end, STR(""));
}

void
conf_edit_add_section(const struct conf_scan *s, const char *name, struct str title, struct str body, struct buf *out)
{
	struct buf	line = BUF_INIT(1 << 20);

	buf_adds(&line, name);
	buf_addc(&line, ' ');
	conf_edit_quote(&line, title);
	buf_adds(&line, " {");
	buf_add(&line, body.n > 0 ? body : STR(" "));
	buf_addc(&line, '}');
	add_line(s, buf_str(&line), out);
	buf_free(&line);
}

/* "a" becomes "{ a, b }"; a list gets the value at its end, on a line of its own when the last one is. */
void
conf_edit_list_add(const struct conf_scan *s, int node, struct str value, struct buf *out)
{
	const struct conf_node	*n = &s->node[node];
	const struct conf_value	*last = n->nvalue == 0 ? NULL : &s->value[n->value + n->nvalue - 1];
	struct buf		 mid = BUF_INIT(1 << 20);
	size_t			 start;

	if (last == NULL) {
		buf_addc(&mid, ' ');
		conf_edit_quote(&mid, value);
		splice(out, s->text, n->body, n->body, buf_str(&mid));
	} else if (!n->list) {
		buf_adds(&mid, "{ ");
		buf_add(&mid, str_head(str_skip(s->text, last->at), last->end - last->at));
		buf_adds(&mid, ", ");
		conf_edit_quote(&mid, value);
		buf_adds(&mid, " }");
		splice(out, s->text, last->at, last->end, buf_str(&mid));
	} else {
		start = line_start(s->text, last->at);
		buf_addc(&mid, ',');
		if (last->line != n->line && is_blank(s->text, start, last->at)) {
			buf_addc(&mid, '\n');
			buf_add(&mid, str_head(str_skip(s->text, start), last->at - start));
		} else
			buf_addc(&mid, ' ');
		conf_edit_quote(&mid, value);
		splice(out, s->text, last->end, last->end, buf_str(&mid));
	}
	buf_free(&mid);
}

/* Where the comma behind a value is; comments may hold others. */
static size_t
comma_after(const struct conf_scan *s, const struct conf_value *v)
{
	return v->end + str_chr(str_skip(buf_str(&s->bare), v->end), ',');
}

void
conf_edit_list_remove(const struct conf_scan *s, int node, size_t i, struct buf *out)
{
	const struct conf_node	*n = &s->node[node];
	const struct conf_value	*v = &s->value[n->value + i];
	bool			 last = i + 1 >= n->nvalue;
	size_t			 at = v->at, end = last ? v->end : comma_after(s, v) + 1, start, next;
	size_t			 comma = last && i > 0 ? comma_after(s, v - 1) : at;

	if (!n->list) {
		conf_edit_remove(s, node, out);
		return;
	}
	start = line_start(s->text, at);
	if (is_blank(s->text, start, at) && ends_line(s, end, &next)) {
		at = start;		/* its line goes with it, and what a comment there says of it */
		end = next;
	} else if (!last && v[1].line == v->line)
		end = v[1].at;
	else if (last && i > 0 && v[-1].line == v->line)
		at = comma;
	buf_reset(out);
	buf_add(out, str_head(s->text, comma < at ? comma : at));
	if (comma < at)			/* the comma of the one before goes, what is between stays */
		buf_add(out, str_head(str_skip(s->text, comma + 1), at - comma - 1));
	buf_add(out, str_skip(s->text, end));
}
