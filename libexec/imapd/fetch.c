#include "fetch.h"

#include <errno.h>

#include "command.h"
#include "proto/imap_mime.h"
#include "store/message.h"
#include "sys/log.h"

enum {
	ITEMS_MAX	= 256,
	ITEMS_STEP	= 8,
};

/* "BODY[HEADER.FIELDS (From)]<0>": what the response calls it. */
static struct str
section_label(struct session *s, const struct item *it)
{
	struct buf	b = BUF_INIT(2 * LIMIT_IMAP_LINE);
	struct str	label = { "", 0 };

	buf_adds(&b, it->kind->label);
	imap_put_section(&b, &it->section);
	if (it->partial.given)
		buf_addf(&b, "<%u>", it->partial.at);
	if (buf_failed(&b) || !arena_dup(&s->arena, buf_str(&b), &label))
		label.n = 0;
	buf_free(&b);
	return label;
}

static bool
room_for_item(struct fetch *f)
{
	struct item	*more;

	if (f->n == ITEMS_MAX)
		return false;
	if (f->n < f->room)
		return true;
	more = arena_array(&f->s->arena, f->room + ITEMS_STEP, sizeof(*more));
	if (more == NULL)
		return false;
	if (f->n > 0)
		memcpy(more, f->items, f->n * sizeof(*more));
	f->items = more;
	f->room += ITEMS_STEP;
	return true;
}

static void
add_item(struct fetch *f, struct imap_cur *c, const struct item_kind *kind)
{
	struct item	it = { .kind = kind, .label = str_c(kind->label) };

	if ((kind->flags & ITEM_SECTION) != 0) {
		it.section = imap_section(c);
		it.partial = imap_partial(c);
		it.label = section_label(f->s, &it);
	}
	if (c->err == NULL && (it.label.n == 0 || !room_for_item(f)))
		imap_cur_fail(c, "too many items");
	if (c->err != NULL)
		return;
	f->file |= (kind->flags & ITEM_FILE) != 0;
	f->seen |= (kind->flags & ITEM_SEEN) != 0;
	if ((kind->flags & ITEM_MODSEQ) != 0)
		session_condstore(f->s);
	for (size_t i = 0; i < f->n; i++)
		if (str_eq(f->items[i].label, it.label))
			return;	/* once is enough */
	f->items[f->n++] = it;
}

static void
read_item(struct fetch *f, struct imap_cur *c)
{
	struct str		 name = imap_word(c);
	const struct item_kind	*kind = item_find(name, imap_peek(c, '['));

	if (kind == NULL)
		imap_cur_fail(c, "unknown FETCH item");
	else
		add_item(f, c, kind);
}

/* ALL, FAST and FULL stand alone (RFC 3501 6.4.5). */
static bool
read_macro(struct fetch *f, struct imap_cur *c)
{
	static const char *const all[] = { "FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE", "BODY" };
	struct imap_cur	ahead = *c;
	struct str	name = imap_word(&ahead);
	size_t		n = 0;

	if (str_ieq(name, STR("FAST")))
		n = 3;
	else if (str_ieq(name, STR("ALL")))
		n = 4;
	else if (str_ieq(name, STR("FULL")))
		n = 5;
	if (n == 0)
		return false;
	*c = ahead;
	for (size_t i = 0; i < n; i++)
		add_item(f, c, item_find(str_c(all[i]), false));
	return true;
}

static void
modifier_changedsince(struct fetch *f, struct imap_cur *c)
{
	imap_sp(c);
	f->has_since = true;
	f->since = imap_number63(c);
	add_item(f, c, item_find(STR("MODSEQ"), false));
}

static const struct {
	const char	*name;
	void		(*read)(struct fetch *, struct imap_cur *);
} modifiers[] = {
	{ "CHANGEDSINCE", modifier_changedsince },
};

static void
read_modifiers(struct fetch *f, struct imap_cur *c)
{
	size_t	n = sizeof(modifiers) / sizeof(modifiers[0]);
	bool	first = true;

	if (!imap_try(c, ' '))
		return;
	imap_need(c, '(');
	while (imap_list_next(c, &first)) {
		struct str	name = imap_word(c);
		size_t		i = 0;

		while (i < n && !str_ieq(name, str_c(modifiers[i].name)))
			i++;
		if (i < n)
			modifiers[i].read(f, c);
		else
			imap_cur_fail(c, "unknown FETCH modifier");
	}
}

static struct imap_set
read_fetch(struct fetch *f, struct imap_cur *c)
{
	struct imap_set	set;
	bool		first = true;

	imap_sp(c);
	set = imap_sequence_set(c);
	imap_sp(c);
	if (imap_try(c, '(')) {
		while (imap_list_next(c, &first))
			read_item(f, c);
		if (f->n == 0)
			imap_cur_fail(c, "missing FETCH item");
	} else if (!read_macro(f, c))
		read_item(f, c);
	read_modifiers(f, c);
	return set;
}

/* One message: all that the index knows in one go, then what needs its file. */
static void
put_message(struct fetch *f)
{
	struct buf	*b = out(f->s);
	size_t		 room;
	char		*start = buf_room(b, f->space, &room), *p = start;

	if (p == NULL || room < f->space) {
		b->failed = true;
		return;
	}
	*p++ = '*';
	*p++ = ' ';
	p = put_number(p, f->seq);
	memcpy(p, " FETCH (UID ", 12);
	p = put_number(p + 12, f->e.uid);
	for (size_t i = 0; i < f->n; i++)
		if (f->items[i].kind->quick != NULL)
			p = f->items[i].kind->quick(f, p);
	buf_grew(b, (size_t)(p - start));
	for (size_t i = 0; i < f->n; i++) {
		const struct item	*it = &f->items[i];

		if (it->kind->put == NULL)
			continue;
		buf_addc(b, ' ');
		buf_add(b, it->label);
		buf_addc(b, ' ');
		if (!it->kind->put(f, it))
			buf_adds(b, "NIL");
	}
	buf_add(b, STR(")\r\n"));
	out_more(f->s);
}

/* The file and its text, before anything is said of it. */
static int
load(struct fetch *f)
{
	if (message_load(&f->m, f->s->mb, &f->e) == -1)
		return -1;
	if (message_text(&f->m).n == f->m.size)
		return 0;
	message_unload(&f->m);
	errno = EIO;
	return -1;
}

/* All messages of the set; how many were told. -1 with errno. */
static int
run(struct fetch *f, const struct uidset *set, struct uidset *seen, uint32_t *told_r)
{
	struct session	*s = f->s;
	struct entries	 it;
	int		 rc = 0;

	*told_r = 0;
	entries_start(&it, s->mb, set);
	while (!s->gone && !session_stopping(s) && (rc = entries_next(&it, &f->e)) == 1) {
		if (f->has_since && f->e.modseq <= f->since) {
			++*told_r;
			continue;
		}
		if (f->file && load(f) == -1) {
			if (errno == ENOENT)
				continue;
			return -1;
		}
		f->seq = view_seq(&s->view, f->e.uid);
		put_message(f);
		if (f->file)
			message_unload(&f->m);
		if (f->seen && (f->e.flags.sys & FLAG_SEEN) == 0)
			uidset_add(seen, f->e.uid, f->e.uid);
		++*told_r;
	}
	return rc;
}

/* Only after everything was sent, and only when it could be. */
static int
mark_seen(struct session *s, const struct uidset *seen)
{
	struct flag_change	change = {
		.mode = FLAGS_ADD, .flags = { .sys = FLAG_SEEN }, .unchangedsince = UINT64_MAX,
	};
	struct flag_result	res;

	if (seen->n == 0 || !s->view.readwrite)
		return 0;
	out_flush(s);
	if (s->gone)
		return 0;
	if (message_flags(s->mb, seen, &change, &res) == -1)
		return -1;
	flag_result_free(&res);
	return 0;
}

static void
fetch(struct fetch *f, const struct uidset *set)
{
	struct session	*s = f->s;
	struct uidset	 seen = UIDSET_INIT;
	uint32_t	 told;

	f->space = 256 + s->flags_room;
	f->flags_text = arena_alloc(&s->arena, s->flags_room);
	if (f->flags_text == NULL)
		reply(s, NO, "LIMIT", "Not enough memory");
	else if (run(f, set, &seen, &told) == -1 || mark_seen(s, &seen) == -1)
		reply_errno(s, errno);
	else if (session_stopping(s))
		reply(s, NO, "UNAVAILABLE", "The server is stopping");
	else if (told == uidset_count(set) || s->uid)
		reply(s, OK, NULL, "Fetched");
	else if (told > 0)
		reply(s, OK, "EXPUNGEISSUED", "Some of them were removed meanwhile");
	else
		reply(s, NO, "EXPUNGEISSUED", "They were removed meanwhile");
	uidset_free(&seen);
	message_free(&f->m);
}

void
cmd_fetch(struct session *s, struct imap_cur *c)
{
	struct fetch	f = { .s = s, .m = MESSAGE_INIT };
	struct imap_set	set;
	struct uidset	uids;

	set = read_fetch(&f, c);
	if (!parsed(s, c) || !set_resolve(s, &set, &uids))
		return;
	fetch(&f, &uids);
	uidset_free(&uids);
}
