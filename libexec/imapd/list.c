/* list: LIST with its options (RFC 5258, 5819, 6154) and LSUB. */
#include <errno.h>
#include <stdlib.h>

#include "command.h"
#include "proto/imap_pattern.h"
#include "proto/imap_utf7.h"
#include "status.h"

enum option {
	SEL_SUBSCRIBED	= 1,
	SEL_REMOTE	= 2,
	SEL_RECURSIVE	= 4,
	SEL_SPECIAL	= 8,
	RET_SUBSCRIBED	= 16,
	RET_CHILDREN	= 32,
	RET_SPECIAL	= 64,
	RET_STATUS	= 128,
	LSUB		= 256,
};

enum { PATTERNS_MAX = 64 };

struct question {
	unsigned	 options;
	unsigned	 status;	/* items of RETURN (STATUS (…)) */
	struct str	*patterns;	/* reference and pattern, as on the wire */
	size_t		 n;
};

/* A mailbox, a subscribed name, or (neither) the parent of a subscribed name. */
struct candidate {
	struct mailbox_info	info;
	bool			below;	/* something below it is subscribed */
};

static const struct option_name {
	const char	*name;
	enum option	 option;
} selections[] = {
	{ "SUBSCRIBED", SEL_SUBSCRIBED },
	{ "REMOTE", SEL_REMOTE },
	{ "RECURSIVEMATCH", SEL_RECURSIVE },
	{ "SPECIAL-USE", SEL_SPECIAL },
}, returns[] = {
	{ "SUBSCRIBED", RET_SUBSCRIBED },
	{ "CHILDREN", RET_CHILDREN },
	{ "SPECIAL-USE", RET_SPECIAL },
	{ "STATUS", RET_STATUS },
};

static unsigned
option_named(struct imap_cur *c, const struct option_name *names, size_t n)
{
	struct str	word = imap_word(c);

	for (size_t i = 0; i < n; i++)
		if (str_ieq(word, str_c(names[i].name)))
			return names[i].option;
	imap_cur_fail(c, "unknown LIST option");
	return 0;
}

static void
read_selections(struct imap_cur *c, struct question *q)
{
	bool	first = true;

	imap_need(c, '(');
	while (imap_list_next(c, &first))
		q->options |= option_named(c, selections, sizeof(selections) / sizeof(selections[0]));
	imap_sp(c);
	if ((q->options & SEL_RECURSIVE) != 0 && (q->options & (SEL_SUBSCRIBED | SEL_SPECIAL)) == 0)
		imap_cur_fail(c, "RECURSIVEMATCH needs another selection");
}

static void
read_returns(struct session *s, struct imap_cur *c, struct question *q)
{
	bool	first = true;

	if (!imap_try_token(c, " RETURN "))
		return;
	imap_need(c, '(');
	while (imap_list_next(c, &first)) {
		unsigned	o = option_named(c, returns, sizeof(returns) / sizeof(returns[0]));

		q->options |= o;
		if (o == RET_STATUS) {
			imap_sp(c);
			q->status |= status_items(s, c);
		}
	}
}

/* Keep reference and pattern as one. */
static void
add_pattern(struct session *s, struct imap_cur *c, struct question *q, struct str reference)
{
	struct str	pattern = imap_list_mailbox(c);
	char		*p;

	if (c->err != NULL)
		return;
	if (q->n == PATTERNS_MAX || reference.n > IMAP_PATTERN_MAX || pattern.n > IMAP_PATTERN_MAX - reference.n) {
		imap_cur_fail(c, "too much to match");
		return;
	}
	if (q->patterns == NULL)
		q->patterns = arena_array(&s->arena, PATTERNS_MAX, sizeof(*q->patterns));
	p = arena_alloc(&s->arena, reference.n + pattern.n);
	if (q->patterns == NULL || p == NULL) {
		imap_cur_fail(c, "command too large");
		return;
	}
	if (reference.n > 0)
		memcpy(p, reference.p, reference.n);
	if (pattern.n > 0)
		memcpy(p + reference.n, pattern.p, pattern.n);
	q->patterns[q->n++] = (struct str){ p, reference.n + pattern.n };
}

static void
read_patterns(struct session *s, struct imap_cur *c, struct question *q, bool *empty_r)
{
	struct str	reference = imap_astring(c);
	bool		first = true;

	*empty_r = false;
	imap_sp(c);
	if (imap_try(c, '(')) {
		while (imap_list_next(c, &first))
			add_pattern(s, c, q, reference);
		if (q->n == 0)
			imap_cur_fail(c, "missing pattern");
		return;
	}
	*empty_r = imap_try_token(c, "\"\"");
	if (!*empty_r)
		add_pattern(s, c, q, reference);
}

static bool
asked_for(const struct question *q, struct str name, bool *percent_r)
{
	struct buf	wire = BUF_INIT(8 * LIMIT_MAILBOX_NAME);
	bool		found = false;

	*percent_r = false;
	if (!imap_utf7_encode(&wire, name))
		buf_reset(&wire);
	for (size_t i = 0; i < q->n && !found; i++) {
		found = imap_pattern_matches(q->patterns[i], buf_str(&wire));
		*percent_r = found && str_chr(q->patterns[i], '%') < q->patterns[i].n;
	}
	buf_free(&wire);
	return found;
}

/* INBOX, then by name. */
static int
by_name(const void *a, const void *b)
{
	struct str	x = ((const struct candidate *)a)->info.name, y = ((const struct candidate *)b)->info.name;
	bool		xi = str_eq(x, STR("INBOX")), yi = str_eq(y, STR("INBOX"));

	return xi || yi ? yi - xi : str_cmp(x, y);
}

static struct candidate *
find(struct candidate *list, size_t n, struct str name)
{
	struct candidate	key = { .info = { .name = name } };

	return n == 0 ? NULL : bsearch(&key, list, n, sizeof(*list), by_name);
}

/* Those that are asked for by subscription below them: mark them, and make the missing ones. */
static bool
add_parents(struct session *s, struct candidate **list, size_t *n)
{
	size_t			 have = *n, room = have, extra = 0;
	struct candidate	*all;

	for (size_t i = 0; i < have; i++)
		for (size_t k = 0; k < (*list)[i].info.name.n; k++)
			room += (*list)[i].info.subscribed && !(*list)[i].info.exists && (*list)[i].info.name.p[k] == '/';
	all = arena_array(&s->arena, room, sizeof(*all));
	if (all == NULL)
		return false;
	if (have > 0) {
		memcpy(all, *list, have * sizeof(*all));
		qsort(all, have, sizeof(*all), by_name);
	}
	for (size_t i = 0; i < have; i++) {
		struct str	up = all[i].info.name;

		while (all[i].info.subscribed && (up = str_head(up, str_rchr(up, '/'))).n < all[i].info.name.n &&
		    up.n > 0) {
			struct candidate	*p = find(all, have, up);

			for (size_t k = 0; p == NULL && k < extra; k++)
				if (str_eq(all[have + k].info.name, up))
					p = &all[have + k];
			if (p == NULL && have + extra < room) {
				p = &all[have + extra++];
				p->info.name = up;
			}
			if (p != NULL)
				p->below = true;
			if (str_chr(up, '/') == up.n)
				break;
		}
	}
	*list = all;
	*n = have + extra;
	return true;
}

static void
put_attribute(struct buf *b, const char *name)
{
	if (b->n > 0 && b->p[b->n - 1] != '(')
		buf_addc(b, ' ');
	buf_adds(b, name);
}

static void
put_list(struct session *s, const struct question *q, const struct candidate *m, bool selected)
{
	struct buf	*b = out(s);
	bool		 lsub = (q->options & LSUB) != 0;
	bool		 childinfo = (q->options & SEL_RECURSIVE) != 0 && m->below;

	buf_adds(b, lsub ? "* LSUB (" : "* LIST (");
	if ((q->options & (SEL_SUBSCRIBED | RET_SUBSCRIBED)) != 0 && m->info.subscribed)
		put_attribute(b, "\\Subscribed");
	if (!m->info.exists && !lsub)
		put_attribute(b, "\\NonExistent");
	if (lsub && !selected)
		put_attribute(b, "\\Noselect");
	if (!lsub && m->info.exists)
		put_attribute(b, m->info.children ? "\\HasChildren" : "\\HasNoChildren");
	else if (!lsub && (q->options & RET_CHILDREN) != 0)
		put_attribute(b, "\\HasNoChildren");
	if (!lsub && m->info.special != SPECIAL_NONE) {
		put_attribute(b, "");
		buf_add(b, special_name(m->info.special));
	}
	buf_adds(b, ") \"/\" ");
	imap_put_mailbox(b, m->info.name);
	if (childinfo)
		buf_adds(b, " (\"CHILDINFO\" (\"SUBSCRIBED\"))");
	buf_adds(b, "\r\n");
	out_more(s);
	if ((q->options & RET_STATUS) != 0 && m->info.exists && selected && q->status != 0 &&
	    status_put(s, m->info.name, q->status) == -1)
		return;	/* gone meanwhile: no STATUS (RFC 5819 section 2) */
}

static void
consider(struct session *s, const struct question *q, const struct candidate *m)
{
	bool	by_sub = (q->options & (SEL_SUBSCRIBED | LSUB)) != 0;
	bool	selected, percent;

	selected = by_sub ? m->info.subscribed : m->info.exists;
	if ((q->options & SEL_SPECIAL) != 0 && m->info.special == SPECIAL_NONE)
		selected = false;
	if (!selected && !(m->below && by_sub && (q->options & (SEL_RECURSIVE | LSUB)) != 0))
		return;
	if (!asked_for(q, m->info.name, &percent))
		return;
	if (!selected && (q->options & LSUB) != 0 && !percent)
		return;
	put_list(s, q, m, selected);
}

static void
answer(struct session *s, const struct question *q)
{
	struct mailbox_info	*infos;
	struct candidate	*list;
	size_t			 n;

	if (mailbox_list(s->account, &s->arena, &infos, &n) == -1) {
		reply_errno(s, errno);
		return;
	}
	list = arena_array(&s->arena, n, sizeof(*list));
	for (size_t i = 0; list != NULL && i < n; i++)
		list[i].info = infos[i];
	if (list == NULL || ((q->options & (SEL_RECURSIVE | LSUB)) != 0 && !add_parents(s, &list, &n))) {
		reply(s, NO, "LIMIT", "Too many mailboxes to list at once");
		return;
	}
	for (size_t i = 0; i < n && !s->gone; i++)
		consider(s, q, &list[i]);
	reply(s, OK, NULL, "Listed");
}

void
cmd_list(struct session *s, struct imap_cur *c)
{
	struct question	q = { 0 };
	bool		empty;

	imap_sp(c);
	if (imap_peek(c, '('))
		read_selections(c, &q);
	read_patterns(s, c, &q, &empty);
	read_returns(s, c, &q);
	if (!parsed(s, c))
		return;
	if (empty) {	/* only the separator is asked for */
		untagged(s, "LIST (\\Noselect) \"/\" \"\"");
		reply(s, OK, NULL, "Listed");
		return;
	}
	answer(s, &q);
}

void
cmd_lsub(struct session *s, struct imap_cur *c)
{
	struct question	q = { .options = LSUB };
	struct str	reference;

	imap_sp(c);
	reference = imap_astring(c);
	imap_sp(c);
	add_pattern(s, c, &q, reference);
	if (parsed(s, c))
		answer(s, &q);
}
