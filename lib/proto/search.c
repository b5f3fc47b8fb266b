#include "search.h"

#include "date.h"
#include "header.h"
#include "words.h"

/* Encoded bytes taken at a time; what is decoded from them is at most twelve times as much. */
enum { PIECE = 8192, PIECE_DECODED = 12 * PIECE + 4096 };

/* Folded text that flows past, and what we look for in it. */
struct finder {
	struct str	needle;
	struct buf	window;		/* the end of what flowed past, shorter than the needle */
	bool		found;
};

bool
search_key(struct search_key *key_r, struct str charset, struct str text, const struct charset_hooks *hooks, struct arena *a)
{
	struct buf	utf8 = BUF_INIT(text.n * 4 + 64), folded = BUF_INIT(text.n * 4 + 64);
	bool		good;

	good = charset_convert(&utf8, charset, text, hooks);
	utf8_fold(&folded, buf_str(&utf8));
	good = good && !buf_failed(&folded) && arena_dup(a, buf_str(&folded), &key_r->needle);
	buf_free(&utf8);
	buf_free(&folded);
	return good;
}

static bool
contains(struct str text, struct str needle)
{
	return needle.n == 0 || str_find(text, needle) < text.n;
}

/* Decode a value behind a prefix, fold it, and look. */
static bool
value_contains(struct str prefix, struct str value, struct str needle, const struct charset_hooks *hooks)
{
	struct buf	text = BUF_INIT(4 * (prefix.n + value.n) + 64), folded = BUF_INIT(text.max);
	bool		found;

	buf_add(&text, prefix);
	words_decode(&text, value, hooks);
	utf8_fold(&folded, buf_str(&text));
	found = contains(buf_str(&folded), needle);
	buf_free(&text);
	buf_free(&folded);
	return found;
}

bool
search_header(struct str message, struct str name, const struct search_key *k, const struct charset_hooks *hooks)
{
	struct header		h;
	struct header_field	f;

	header_open(&h, message);
	while (header_next_named(&h, name, &f))
		if (k->needle.n == 0 || value_contains(STR(""), f.value, k->needle, hooks))
			return true;
	return false;
}

bool
search_headers(struct str message, const struct search_key *k, const struct charset_hooks *hooks)
{
	struct buf		prefix = BUF_INIT(message.n + 2);
	struct header		h;
	struct header_field	f;
	bool			found = k->needle.n == 0;

	header_open(&h, message);
	while (!found && header_next(&h, &f)) {
		buf_reset(&prefix);
		buf_add(&prefix, f.name);
		buf_adds(&prefix, ": ");
		found = value_contains(buf_str(&prefix), f.value, k->needle, hooks);
	}
	buf_free(&prefix);
	return found;
}

/* UTF-8 of whole characters flows past. */
static void
finder_feed(struct finder *f, struct str utf8)
{
	struct str	w;

	utf8_fold(&f->window, utf8);
	w = buf_str(&f->window);
	if (contains(w, f->needle))
		f->found = true;
	else if (w.n >= f->needle.n)
		buf_consume(&f->window, w.n - (f->needle.n - 1));
}

/* A text part, decoded piece by piece. */
static bool
part_contains(struct str body, enum transfer encoding, struct str charset, struct str needle, const struct charset_hooks *hooks)
{
	struct finder		f = { .needle = needle, .window = BUF_INIT(needle.n + PIECE_DECODED) };
	struct buf		bytes = BUF_INIT(PIECE + 256), utf8 = BUF_INIT(PIECE_DECODED);
	struct transfer_state	t;
	struct charset		c;

	(void)charset_open(&c, charset, hooks);
	transfer_start(&t, encoding);
	for (size_t at = 0; at < body.n && !f.found; at += PIECE) {
		buf_reset(&bytes);
		buf_reset(&utf8);
		transfer_feed(&t, str_head(str_skip(body, at), PIECE), &bytes);
		charset_feed(&c, buf_str(&bytes), &utf8);
		finder_feed(&f, buf_str(&utf8));
	}
	buf_reset(&bytes);
	buf_reset(&utf8);
	transfer_end(&t, &bytes);
	charset_feed(&c, buf_str(&bytes), &utf8);
	charset_end(&c, &utf8);
	if (!f.found)
		finder_feed(&f, buf_str(&utf8));
	buf_free(&bytes);
	buf_free(&utf8);
	buf_free(&f.window);
	return f.found;
}

bool
search_body(const struct mime *m, const struct search_key *k, const struct charset_hooks *hooks)
{
	struct str	charset;

	if (k->needle.n == 0)
		return true;
	for (size_t i = 0; i < m->n; i++) {
		const struct mime_part	*p = &m->parts[i];

		if (i > 0 && search_headers(mime_header(m, p), k, hooks))
			return true;
		if (p->kind != MIME_LEAF || !(str_ieq(p->type, STR("text")) || str_ieq(p->type, STR("message"))))
			continue;
		(void)params_find(&p->params, STR("charset"), &charset);
		if (part_contains(mime_body(m, p), p->encoding, charset, k->needle, hooks))
			return true;
	}
	return false;
}

bool
search_text(const struct mime *m, const struct search_key *k, const struct charset_hooks *hooks)
{
	return search_headers(mime_header(m, &m->parts[0]), k, hooks) || search_body(m, k, hooks);
}

bool
search_sent(struct str message, int32_t *day_r)
{
	struct header_field	f;
	struct date		d;

	*day_r = 0;
	if (!header_find(message, STR("Date"), &f) || !date_parse(f.value, &d))
		return false;
	*day_r = date_day(d);
	return true;
}
