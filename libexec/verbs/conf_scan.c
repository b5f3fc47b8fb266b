#include "conf_scan.h"

#include <stdlib.h>

enum tok {
	TOK_EOF,
	TOK_WORD,		/* a word or a string */
	TOK_OPEN,
	TOK_CLOSE,
	TOK_EQUALS,
	TOK_COMMA,
	TOK_BAD,		/* reported already */
};

struct lexer {
	struct str		 text, file;
	struct conf_report	*report;
	struct buf		*bare;
	size_t			 at;
	unsigned		 line;
	enum tok		 tok;		/* the token looked at */
	struct conf_value	 word;		/* its place, and text for TOK_WORD */
};

/* Go to the end of a comment: count its lines, and blank the rest for libconfuse. */
static void
lex_skip(struct lexer *l, size_t to)
{
	for (; l->at < to; l->at++) {
		if (l->text.p[l->at] == '\n')
			l->line++;
		else if (l->at < l->bare->n)
			l->bare->p[l->at] = ' ';
	}
}

/* Skip a comment that begins here; false when none does. */
static bool
lex_comment(struct lexer *l)
{
	struct str	rest = str_skip(l->text, l->at);
	size_t		n;

	if (str_starts(rest, STR("#")) || str_starts(rest, STR("//"))) {
		lex_skip(l, l->at + str_chr(rest, '\n'));
		return true;
	}
	if (!str_starts(rest, STR("/*")))
		return false;
	n = str_find(str_skip(rest, 2), STR("*/"));
	if (n == rest.n - 2) {
		conf_error(l->report, l->file, l->line, "a comment begins here and does not end");
		l->at = l->text.n;
	} else
		lex_skip(l, l->at + n + 4);
	return true;
}

static bool
is_word_byte(char c)
{
	return !byte_is_control(c) && str_chr(STR(" \"'={}()+,#*"), c) == 12;
}

static void
lex_string(struct lexer *l, char quote)
{
	size_t	i = l->at + 1;

	while (i < l->text.n && l->text.p[i] != quote) {
		if (l->text.p[i] == '\n') {
			/* libconfuse would read on; a forgotten quote is far more likely */
			conf_error(l->report, l->file, l->line, "a string is not closed on its line");
			l->word.text = str_head(str_skip(l->text, l->at + 1), i - l->at - 1);
			l->word.end = l->at = i;
			return;
		}
		if (quote == '"' && l->text.p[i] == '$' && i + 1 < l->text.n && l->text.p[i + 1] == '{')
			conf_error(l->report, l->file, l->line, "variables are not taken (\"\\${\" is the text ${)");
		i += l->text.p[i] == '\\' && i + 1 < l->text.n && l->text.p[i + 1] != '\n' ? 2 : 1;
	}
	if (i >= l->text.n) {
		conf_error(l->report, l->file, l->line, "a string is not closed");
		i = l->text.n;
	}
	l->word.text = str_head(str_skip(l->text, l->at + 1), i - l->at - 1);
	l->at = i < l->text.n ? i + 1 : i;
	l->word.end = l->at;
}

static void
lex_word(struct lexer *l)
{
	size_t	i = l->at;

	while (i < l->text.n && is_word_byte(l->text.p[i]) &&
	    !str_starts(str_skip(l->text, i), STR("//")) && !str_starts(str_skip(l->text, i), STR("/*")))
		i++;
	if (i == l->at) {
		conf_error(l->report, l->file, l->line, "unexpected %.*s", 1, l->text.p + l->at);
		l->tok = TOK_BAD;
		i++;
	}
	l->word.text = str_head(str_skip(l->text, l->at), i - l->at);
	l->at = l->word.end = i;
	if (l->tok == TOK_WORD && str_starts(l->word.text, STR("$")) && l->at < l->text.n && l->text.p[l->at] == '{')
		conf_error(l->report, l->file, l->line, "variables are not taken");
}

static void
lex_next(struct lexer *l)
{
	static const struct { char c; enum tok tok; } single[] = {
		{ '{', TOK_OPEN }, { '}', TOK_CLOSE }, { '=', TOK_EQUALS }, { ',', TOK_COMMA },
	};
	char	c;

	do {
		while (l->at < l->text.n && byte_is_space(l->text.p[l->at]))
			l->line += l->text.p[l->at++] == '\n';
	} while (l->at < l->text.n && lex_comment(l));
	l->word = (struct conf_value){ .at = l->at, .end = l->at, .line = l->line };
	l->tok = TOK_EOF;
	if (l->at >= l->text.n)
		return;
	c = l->text.p[l->at];
	for (size_t i = 0; i < sizeof(single) / sizeof(single[0]); i++)
		if (single[i].c == c) {
			l->tok = single[i].tok;
			l->word.end = ++l->at;
			return;
		}
	l->tok = TOK_WORD;
	if (c == '"' || c == '\'')
		lex_string(l, c);
	else
		lex_word(l);
}

/* --- the tree */

static void *
grow(void *p, size_t n, size_t *cap, size_t size)
{
	size_t	 want = *cap == 0 ? 32 : *cap * 2;
	void	*q;

	if (n < *cap)
		return p;
	q = reallocarray(p, want, size);
	if (q == NULL)
		abort();	/* a file is bounded; without memory there is nothing to build */
	*cap = want;
	return q;
}

static void
add_value(struct conf_scan *s, const struct conf_value *v)
{
	s->value = grow(s->value, s->nvalue, &s->cvalue, sizeof(*v));
	s->value[s->nvalue++] = *v;
}

static int
add_node(struct conf_scan *s, const struct conf_node *n)
{
	s->node = grow(s->node, s->nnode, &s->cnode, sizeof(*n));
	s->node[s->nnode] = *n;
	return (int)s->nnode++;
}

/* To the next line, where the next option probably begins; braces still count. */
static void
recover(struct lexer *l)
{
	unsigned	line = l->line;

	while (l->tok != TOK_EOF && l->tok != TOK_CLOSE && l->word.line == line)
		lex_next(l);
}

/* Behind the "{" of a list: values with commas between, up to "}". */
static void
scan_list(struct lexer *l, struct conf_scan *s, struct conf_node *n)
{
	bool	comma = true;

	n->list = true;
	n->body = l->word.end;
	for (lex_next(l); l->tok != TOK_CLOSE; lex_next(l)) {
		if (l->tok == TOK_WORD && comma) {
			add_value(s, &l->word);
			n->nvalue++;
			comma = false;
		} else if (l->tok == TOK_COMMA && !comma)
			comma = true;
		else if (l->tok == TOK_WORD) {
			conf_error(l->report, l->file, l->word.line, "%.*s: a comma is missing in the list", STR_ARG(n->name));
			add_value(s, &l->word);
			n->nvalue++;
		} else if (l->tok != TOK_BAD) {
			conf_error(l->report, l->file, n->line, "%.*s: the list is not closed: a } is missing", STR_ARG(n->name));
			return;
		}
	}
	if (comma && n->nvalue > 0)
		conf_error(l->report, l->file, l->word.line, "%.*s: a comma without a value behind it", STR_ARG(n->name));
	n->end = l->word.end;
	lex_next(l);
}

static void
scan_option(struct lexer *l, struct conf_scan *s, struct conf_node *n)
{
	n->value = s->nvalue;
	lex_next(l);
	if (l->tok == TOK_OPEN)
		scan_list(l, s, n);
	else if (l->tok == TOK_WORD && l->word.line == n->line) {
		add_value(s, &l->word);
		n->nvalue = 1;
		n->end = l->word.end;
		lex_next(l);
	} else
		conf_error(l->report, l->file, n->line, "%.*s: a value is missing", STR_ARG(n->name));
	add_node(s, n);
}

/* The sections that are open, innermost last. */
enum { DEPTH = 8 };

struct open {
	int	node[DEPTH];
	size_t	n;
};

static void
scan_section(struct lexer *l, struct conf_scan *s, struct conf_node *n, struct open *open)
{
	n->section = true;
	n->body = n->end = l->word.end;
	if (open->n == DEPTH)
		conf_error(l->report, l->file, n->line, "sections are nested too deeply");
	else
		open->node[open->n++] = add_node(s, n);
	lex_next(l);
}

static void
close_section(struct lexer *l, struct conf_scan *s, struct open *open)
{
	if (open->n == 0)
		conf_error(l->report, l->file, l->word.line, "a } that closes nothing");
	else
		s->node[open->node[--open->n]].end = l->word.end;
	lex_next(l);
}

/* An option or the head of a section; the lexer stands on its name. */
static void
scan_item(struct lexer *l, struct conf_scan *s, struct open *open)
{
	struct conf_node	n = {
		.name = l->word.text, .at = l->word.at, .end = l->word.end, .line = l->word.line,
		.parent = open->n == 0 ? CONF_TOP : open->node[open->n - 1],
	};

	lex_next(l);
	if (l->tok == TOK_EQUALS) {
		scan_option(l, s, &n);
		return;
	}
	if (l->tok == TOK_WORD && l->word.line == n.line) {
		n.titled = true;
		n.title = l->word;
		lex_next(l);
	}
	if (l->tok == TOK_OPEN) {
		scan_section(l, s, &n, open);
		return;
	}
	conf_error(l->report, l->file, n.line, "%.*s: = or { expected behind it", STR_ARG(n.name));
	if (l->word.line == n.line)
		recover(l);
}

void
conf_scan(struct conf_scan *s, struct str text, struct str file, struct conf_report *report)
{
	struct lexer	l = { .text = text, .file = file, .report = report, .bare = &s->bare, .line = 1 };
	struct open	open = { .n = 0 };

	*s = (struct conf_scan){ .text = text, .bare = BUF_INIT(text.n + 1) };
	buf_add(&s->bare, text);
	if (str_chr(text, '\0') != text.n || !str_is_utf8(text)) {
		conf_error(report, file, 0, "is not text in UTF-8");
		return;
	}
	lex_next(&l);
	while (l.tok != TOK_EOF) {
		if (l.tok == TOK_WORD)
			scan_item(&l, s, &open);
		else if (l.tok == TOK_CLOSE)
			close_section(&l, s, &open);
		else {
			if (l.tok != TOK_BAD)
				conf_error(report, file, l.word.line, "an option's name is expected here");
			recover(&l);
		}
	}
	while (open.n > 0) {
		const struct conf_node	*n = &s->node[open.node[--open.n]];

		conf_error(report, file, n->line, "%.*s: the section is not closed: a } is missing", STR_ARG(n->name));
	}
}

void
conf_scan_free(struct conf_scan *s)
{
	buf_free(&s->bare);
	free(s->node);
	free(s->value);
	*s = (struct conf_scan){ .nnode = 0 };
}

int
conf_scan_find(const struct conf_scan *s, int parent, const char *name, int after)
{
	struct str	want = str_c(name);

	if (after < parent)
		after = parent;
	for (size_t i = (size_t)(after + 1); i < s->nnode; i++) {
		if (s->node[i].parent < parent)
			break;		/* behind the section's end */
		if (s->node[i].parent == parent && str_eq(s->node[i].name, want))
			return (int)i;
	}
	return -1;
}

int
conf_scan_section(const struct conf_scan *s, int parent, const char *name, struct str title)
{
	int	i = -1;

	while ((i = conf_scan_find(s, parent, name, i)) != -1)
		if (s->node[i].section && str_eq(s->node[i].title.text, title))
			return i;
	return -1;
}
