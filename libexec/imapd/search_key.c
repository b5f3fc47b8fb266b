/* search_key: the table of search keys (RFC 3501 6.4.4, RFC 7162 3.1.5). */
#include <errno.h>

#include "search.h"

/* --- reading */

static void
read_set(struct search *q, struct imap_cur *c, struct node *n, bool uid)
{
	struct imap_set	set = imap_sequence_set(c);
	const char	*err;

	n->set = arena_alloc(&q->s->arena, sizeof(*n->set));
	if (n->set == NULL || q->nsets == sizeof(q->sets) / sizeof(q->sets[0]))
		imap_cur_fail(c, "too many message sets");
	if (c->err != NULL)
		return;
	err = set_uids(q->s, &set, uid, n->set);
	if (err != NULL)
		imap_cur_fail(c, err);
	else
		q->sets[q->nsets++] = n->set;
}

static void
read_numbers(struct search *q, struct imap_cur *c, struct node *n)
{
	read_set(q, c, n, false);
}

static void
read_uids(struct search *q, struct imap_cur *c, struct node *n)
{
	imap_sp(c);
	read_set(q, c, n, true);
}

static void
read_text(struct search *q, struct imap_cur *c, struct node *n)
{
	imap_sp(c);
	n->field = str_c(n->key->field);
	if (!search_key(&n->find, STR(""), imap_astring(c), NULL, &q->s->arena))
		imap_cur_fail(c, "command too large");
}

static void
read_header(struct search *q, struct imap_cur *c, struct node *n)
{
	struct str	field;

	imap_sp(c);
	field = imap_astring(c);
	read_text(q, c, n);
	n->field = field;
}

static void
read_day(struct search *q, struct imap_cur *c, struct node *n)
{
	(void)q;
	imap_sp(c);
	n->day = imap_date(c);
}

static void
read_size(struct search *q, struct imap_cur *c, struct node *n)
{
	(void)q;
	imap_sp(c);
	n->number = imap_number63(c);
}

static void
read_keyword(struct search *q, struct imap_cur *c, struct node *n)
{
	struct str		name;
	struct imap_flags	named = { .keywords = &name, .n = 1 };

	imap_sp(c);
	name = imap_atom(c);
	if (c->err == NULL && flags_resolve(q->s->mb, &named, false, &n->flags) == -1)
		n->flags = (struct flags){ 0 };	/* a name that cannot be: nothing has it */
}

static void
read_not(struct search *q, struct imap_cur *c, struct node *n)
{
	imap_sp(c);
	n->a = search_read(q, c);
}

static void
read_or(struct search *q, struct imap_cur *c, struct node *n)
{
	imap_sp(c);
	n->a = search_read(q, c);
	imap_sp(c);
	n->b = search_read(q, c);
}

/* With or without the name of a metadata item, which makes no difference here. */
static void
read_modseq(struct search *q, struct imap_cur *c, struct node *n)
{
	imap_sp(c);
	if (imap_peek(c, '"')) {
		(void)imap_string(c);
		imap_sp(c);
		if (!imap_try_token(c, "priv ") && !imap_try_token(c, "shared ") && !imap_try_token(c, "all "))
			imap_cur_fail(c, "unknown MODSEQ entry type");
	}
	n->number = imap_number63(c);
	q->modseq = true;
}

/* --- testing */

static enum verdict
test_all(struct search *q, const struct node *n)
{
	(void)q;
	(void)n;
	return MATCH;
}

static enum verdict
test_flag(struct search *q, const struct node *n)
{
	return ((q->e.flags.sys & n->key->flag) != 0) == n->key->set ? MATCH : NO_MATCH;
}

static enum verdict
test_keyword(struct search *q, const struct node *n)
{
	bool	has = (q->e.flags.sys & n->flags.sys) != 0 || (q->e.flags.keywords & n->flags.keywords) != 0;

	return has == n->key->set ? MATCH : NO_MATCH;
}

static enum verdict
test_recent(struct search *q, const struct node *n)
{
	return uidset_has(&q->s->view.recent, q->e.uid) == n->key->set ? MATCH : NO_MATCH;
}

static enum verdict
test_new(struct search *q, const struct node *n)
{
	(void)n;
	return (q->e.flags.sys & FLAG_SEEN) == 0 && uidset_has(&q->s->view.recent, q->e.uid) ? MATCH : NO_MATCH;
}

static enum verdict
test_set(struct search *q, const struct node *n)
{
	return uidset_has(n->set, q->e.uid) ? MATCH : NO_MATCH;
}

/* Days of the internal date are those of UTC, in which it is told. */
static int64_t
day_of(const struct search *q)
{
	return q->e.date / 86400;
}

static enum verdict
test_before(struct search *q, const struct node *n)
{
	return day_of(q) < n->day ? MATCH : NO_MATCH;
}

static enum verdict
test_on(struct search *q, const struct node *n)
{
	return day_of(q) == n->day ? MATCH : NO_MATCH;
}

static enum verdict
test_since(struct search *q, const struct node *n)
{
	return day_of(q) >= n->day ? MATCH : NO_MATCH;
}

static enum verdict
test_larger(struct search *q, const struct node *n)
{
	return q->e.size > n->number ? MATCH : NO_MATCH;
}

static enum verdict
test_smaller(struct search *q, const struct node *n)
{
	return q->e.size < n->number ? MATCH : NO_MATCH;
}

static enum verdict
test_modseq(struct search *q, const struct node *n)
{
	return q->e.modseq >= n->number ? MATCH : NO_MATCH;
}

/* A message without a readable date was sent when it came. */
static int64_t
sent(struct search *q)
{
	int32_t	day;

	return search_sent(message_text(&q->m), &day) ? day : day_of(q);
}

static enum verdict
test_sent_before(struct search *q, const struct node *n)
{
	return !q->loaded ? UNKNOWN : sent(q) < n->day ? MATCH : NO_MATCH;
}

static enum verdict
test_sent_on(struct search *q, const struct node *n)
{
	return !q->loaded ? UNKNOWN : sent(q) == n->day ? MATCH : NO_MATCH;
}

static enum verdict
test_sent_since(struct search *q, const struct node *n)
{
	return !q->loaded ? UNKNOWN : sent(q) >= n->day ? MATCH : NO_MATCH;
}

static enum verdict
test_header(struct search *q, const struct node *n)
{
	if (!q->loaded)
		return UNKNOWN;
	return search_header(message_text(&q->m), n->field, &n->find, NULL) ? MATCH : NO_MATCH;
}

/* What BODY and TEXT have in common: all but where in the message they look. */
static enum verdict
test_content(struct search *q, const struct node *n, bool text)
{
	const struct mime	*mime;

	if (n->find.needle.n == 0)
		return MATCH;
	if (!q->loaded)
		return UNKNOWN;
	mime = message_mime(&q->m);
	if (mime == NULL)
		return NO_MATCH;
	return (text ? search_text(mime, &n->find, NULL) : search_body(mime, &n->find, NULL)) ? MATCH : NO_MATCH;
}

static enum verdict
test_body(struct search *q, const struct node *n)
{
	return test_content(q, n, false);
}

static enum verdict
test_text(struct search *q, const struct node *n)
{
	return test_content(q, n, true);
}

static enum verdict
test_not(struct search *q, const struct node *n)
{
	enum verdict	v = search_test(q, n->a);

	return v == UNKNOWN ? UNKNOWN : v == MATCH ? NO_MATCH : MATCH;
}

static enum verdict
test_or(struct search *q, const struct node *n)
{
	enum verdict	a = search_test(q, n->a), b;

	if (a == MATCH)
		return MATCH;
	b = search_test(q, n->b);
	return b == MATCH ? MATCH : a == UNKNOWN || b == UNKNOWN ? UNKNOWN : NO_MATCH;
}

static enum verdict
test_and(struct search *q, const struct node *n)
{
	enum verdict	all = MATCH;

	for (const struct node *k = n->a; k != NULL; k = k->next) {
		enum verdict	v = search_test(q, k);

		if (v == NO_MATCH)
			return NO_MATCH;
		if (v == UNKNOWN)
			all = UNKNOWN;
	}
	return all;
}

static const struct key	keys[] = {
	{ "ALL",	NULL,		test_all,	0, false, NULL },
	{ "ANSWERED",	NULL,		test_flag,	FLAG_ANSWERED, true, NULL },
	{ "BCC",	read_text,	test_header,	0, false, "Bcc" },
	{ "BEFORE",	read_day,	test_before,	0, false, NULL },
	{ "BODY",	read_text,	test_body,	0, false, NULL },
	{ "CC",		read_text,	test_header,	0, false, "Cc" },
	{ "DELETED",	NULL,		test_flag,	FLAG_DELETED, true, NULL },
	{ "DRAFT",	NULL,		test_flag,	FLAG_DRAFT, true, NULL },
	{ "FLAGGED",	NULL,		test_flag,	FLAG_FLAGGED, true, NULL },
	{ "FROM",	read_text,	test_header,	0, false, "From" },
	{ "HEADER",	read_header,	test_header,	0, false, NULL },
	{ "KEYWORD",	read_keyword,	test_keyword,	0, true, NULL },
	{ "LARGER",	read_size,	test_larger,	0, false, NULL },
	{ "MODSEQ",	read_modseq,	test_modseq,	0, false, NULL },
	{ "NEW",	NULL,		test_new,	0, false, NULL },
	{ "NOT",	read_not,	test_not,	0, false, NULL },
	{ "OLD",	NULL,		test_recent,	0, false, NULL },
	{ "ON",		read_day,	test_on,	0, false, NULL },
	{ "OR",		read_or,	test_or,	0, false, NULL },
	{ "RECENT",	NULL,		test_recent,	0, true, NULL },
	{ "SEEN",	NULL,		test_flag,	FLAG_SEEN, true, NULL },
	{ "SENTBEFORE",	read_day,	test_sent_before, 0, false, NULL },
	{ "SENTON",	read_day,	test_sent_on,	0, false, NULL },
	{ "SENTSINCE",	read_day,	test_sent_since, 0, false, NULL },
	{ "SINCE",	read_day,	test_since,	0, false, NULL },
	{ "SMALLER",	read_size,	test_smaller,	0, false, NULL },
	{ "SUBJECT",	read_text,	test_header,	0, false, "Subject" },
	{ "TEXT",	read_text,	test_text,	0, false, NULL },
	{ "TO",		read_text,	test_header,	0, false, "To" },
	{ "UID",	read_uids,	test_set,	0, false, NULL },
	{ "UNANSWERED",	NULL,		test_flag,	FLAG_ANSWERED, false, NULL },
	{ "UNDELETED",	NULL,		test_flag,	FLAG_DELETED, false, NULL },
	{ "UNDRAFT",	NULL,		test_flag,	FLAG_DRAFT, false, NULL },
	{ "UNFLAGGED",	NULL,		test_flag,	FLAG_FLAGGED, false, NULL },
	{ "UNKEYWORD",	read_keyword,	test_keyword,	0, false, NULL },
	{ "UNSEEN",	NULL,		test_flag,	FLAG_SEEN, false, NULL },
};

static const struct key	key_set = { "set", read_numbers, test_set, 0, false, NULL };
static const struct key	key_and = { "and", NULL, test_and, 0, false, NULL };

enum verdict
search_test(struct search *q, const struct node *n)
{
	return n->key->test(q, n);
}

static struct node *
node_new(struct search *q, struct imap_cur *c, const struct key *key)
{
	struct node	*n = arena_alloc(&q->s->arena, sizeof(*n));

	if (n == NULL)
		imap_cur_fail(c, "command too large");
	else
		n->key = key;
	return n;
}

static const struct key *
read_name(struct imap_cur *c)
{
	struct str	name;

	if (c->rest.n > 0 && (byte_is_digit(c->rest.p[0]) || c->rest.p[0] == '*'))
		return &key_set;
	name = imap_word(c);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (str_ieq(name, str_c(keys[i].name)))
			return &keys[i];
	imap_cur_fail(c, "unknown search key");
	return NULL;
}

struct node *
search_read(struct search *q, struct imap_cur *c)
{
	const struct key	*key;
	struct node		*n = NULL;

	if (++q->depth > LIMIT_IMAP_DEPTH)
		imap_cur_fail(c, "search keys nested too deep");
	if (imap_try(c, '(')) {
		n = search_read_all(q, c);
		imap_need(c, ')');
	} else if (c->err == NULL && (key = read_name(c)) != NULL && (n = node_new(q, c, key)) != NULL &&
	    key->read != NULL)
		key->read(q, c, n);
	q->depth--;
	return n;
}

/* Those that read whole bodies come last, so that the others can spare it. */
static bool
is_dear(const struct node *n)
{
	return n->key->test == test_body || n->key->test == test_text;
}

struct node *
search_read_all(struct search *q, struct imap_cur *c)
{
	struct node	*all = node_new(q, c, &key_and), *dear = NULL, **end;

	if (all == NULL)
		return NULL;
	end = &all->a;
	do {
		struct node	*n = search_read(q, c);

		if (n == NULL || c->err != NULL)
			return all;
		if (is_dear(n)) {
			n->next = dear;
			dear = n;
		} else {
			*end = n;
			end = &n->next;
		}
	} while (imap_try(c, ' '));
	*end = dear;
	return all;
}
