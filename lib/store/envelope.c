#include "envelope.h"

#include "../base/attr.h"
#include "../base/num.h"

enum { AT_BYTES = 17, BYTES_DIGITS = 10 };

static const char	head[] = "queue\0001\0envelope\0";

_Static_assert(sizeof(head) - 1 == AT_BYTES, "BYTES follows its name");
_Static_assert(AT_BYTES + BYTES_DIGITS + 1 == ENVELOPE_HEAD, "the head ends with it");

static const char *const	body_words[] = {
	[SMTP_BODY_7BIT] = "7bit", [SMTP_BODY_8BITMIME] = "8bitmime", [SMTP_BODY_BINARYMIME] = "binarymime",
};
static const char *const	tls_words[] = {
	[ENVELOPE_TLS_ANY] = "", [ENVELOPE_TLS_REQUIRED] = "required", [ENVELOPE_TLS_NO] = "no",
};
static const char *const	ret_words[] = {
	[SMTP_RET_UNSAID] = "", [SMTP_RET_FULL] = "full", [SMTP_RET_HDRS] = "hdrs",
};
/* bit 0 first */
static const char *const	notify_words[] = { "never", "success", "failure", "delay" };

#define N(words)	(sizeof(words) / sizeof((words)[0]))

/* --- encoding */

/* Absent when empty: that is what it is for the reader then. */
static void
add(struct buf *b, const char *name, struct str value)
{
	if (str_has_control(value))
		b->failed = true;
	else if (value.n > 0)
		attr_add(b, name, value);
}

static void
add_time(struct buf *b, const char *name, int64_t t)
{
	if (t > 0)
		attr_addu(b, name, (uint64_t)t);
}

static void
add_notify(struct buf *b, unsigned notify)
{
	char		text[64];
	struct buf	list = { .p = text, .cap = sizeof(text), .max = sizeof(text) - 1 };

	for (size_t i = 0; i < N(notify_words); i++)
		if ((notify & 1u << i) != 0) {
			buf_adds(&list, list.n > 0 ? "," : "");
			buf_adds(&list, notify_words[i]);
		}
	add(b, "notify", buf_str(&list));
}

static void
add_rcpt(struct buf *b, const struct envelope_rcpt *r)
{
	if (r->address.n == 0 || str_has_control(r->address))
		b->failed = true;
	attr_add(b, "rcpt", r->address);
	add_notify(b, r->notify);
	add(b, "orcpt", r->orcpt);
	add(b, "account", r->account);
	add(b, "mailbox", r->mailbox);
}

bool
envelope_encode(struct buf *b, const struct envelope *e)
{
	struct buf	digits;

	if (b->n != 0 || e->nrcpt == 0 || e->nrcpt > LIMIT_SMTP_RCPTS || !spool_is_id(str_c(e->id)))
		return false;
	buf_add(b, str_n(head, sizeof(head) - 1));
	buf_add(b, str_n("0000000000\0", BYTES_DIGITS + 1));
	attr_adds(b, "id", e->id);
	add_time(b, "queued", e->queued);
	add_time(b, "not-before", e->not_before);
	add(b, "future", e->future);
	add(b, "account", e->account);
	add(b, "login", e->login);
	if (str_has_control(e->from))
		b->failed = true;
	attr_add(b, "from", e->from);
	attr_adds(b, "body", body_words[e->body]);
	if (e->smtputf8)
		attr_adds(b, "smtputf8", "1");
	add(b, "tls", str_c(tls_words[e->tls]));
	add(b, "ret", str_c(ret_words[e->ret]));
	add(b, "envid", e->envid);
	add(b, "message-id", e->message_id);
	for (size_t i = 0; i < e->nrcpt; i++)
		add_rcpt(b, &e->rcpt[i]);
	if (buf_failed(b) || b->n > LIMIT_ENVELOPE)
		return false;
	digits = (struct buf){ .p = b->p + AT_BYTES, .cap = BYTES_DIGITS + 1, .max = BYTES_DIGITS };
	buf_addf(&digits, "%010zu", b->n);
	return true;
}

/* --- decoding */

size_t
envelope_length(struct str in)
{
	uint64_t	n;

	if (in.n < ENVELOPE_HEAD || !str_starts(in, str_n(head, sizeof(head) - 1)) || in.p[ENVELOPE_HEAD - 1] != '\0')
		return 0;
	if (!num_u64(str_n(in.p + AT_BYTES, BYTES_DIGITS), LIMIT_ENVELOPE, &n) || n < ENVELOPE_HEAD)
		return 0;
	return (size_t)n;
}

/* The index of the word, absent or not: an unknown one is damage. */
static bool
word_index(struct str value, const char *const *words, size_t n, unsigned *out_r)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(value, str_c(words[i]))) {
			*out_r = (unsigned)i;
			return true;
		}
	return false;
}

static bool
get_notify(struct str list, unsigned *out_r)
{
	struct str	word;
	unsigned	i;

	*out_r = 0;
	while (list.n > 0) {
		(void)str_cut(&list, ',', &word);
		if (!word_index(word, notify_words, N(notify_words), &i))
			return false;
		*out_r |= 1u << i;
	}
	return true;
}

static bool
get_time(struct str value, int64_t *out_r)
{
	uint64_t	n;

	if (!num_u64(value, INT64_MAX, &n))
		return false;
	*out_r = (int64_t)n;
	return true;
}

/* The domain of an address in lower case: as it stands, or a copy in the arena. */
static bool
set_domain(struct envelope_rcpt *r, struct arena *a)
{
	struct addr	parsed;
	char		*copy;
	size_t		i;

	if (addr_parse(r->address, &parsed) == ADDR_OK)
		r->domain = parsed.domain;
	else
		r->domain = str_skip(r->address, str_rchr(r->address, '@') + 1);
	for (i = 0; i < r->domain.n && r->domain.p[i] == byte_lower(r->domain.p[i]); i++)
		;
	if (i == r->domain.n)
		return true;
	if ((copy = arena_alloc(a, r->domain.n)) == NULL)
		return false;
	for (i = 0; i < r->domain.n; i++)
		copy[i] = byte_lower(r->domain.p[i]);
	r->domain.p = copy;
	return true;
}

static bool
get_of_rcpt(struct envelope_rcpt *r, struct str name, struct str value)
{
	if (str_eq(name, STR("notify")))
		return get_notify(value, &r->notify);
	if (str_eq(name, STR("orcpt")))
		r->orcpt = value;
	else if (str_eq(name, STR("account")))
		r->account = value;
	else if (str_eq(name, STR("mailbox")))
		r->mailbox = value;
	return true;
}

static bool
get_words(struct envelope *e, struct str name, struct str value)
{
	unsigned	i = 0;

	if (str_eq(name, STR("body")) && word_index(value, body_words, N(body_words), &i))
		e->body = (enum smtp_body)i;
	else if (str_eq(name, STR("tls")) && word_index(value, tls_words, N(tls_words), &i))
		e->tls = (enum envelope_tls)i;
	else if (str_eq(name, STR("ret")) && word_index(value, ret_words, N(ret_words), &i))
		e->ret = (enum smtp_ret)i;
	else
		return false;
	return true;
}

static bool
get_of_message(struct envelope *e, struct str name, struct str value)
{
	static const struct {
		const char	*name;
		size_t		 at;
	} texts[] = {
		{ "future", offsetof(struct envelope, future) },
		{ "account", offsetof(struct envelope, account) },
		{ "login", offsetof(struct envelope, login) },
		{ "from", offsetof(struct envelope, from) },
		{ "envid", offsetof(struct envelope, envid) },
		{ "message-id", offsetof(struct envelope, message_id) },
	};

	for (size_t i = 0; i < N(texts); i++)
		if (str_eq(name, str_c(texts[i].name))) {
			*(struct str *)(void *)((char *)e + texts[i].at) = value;
			return true;
		}
	if (str_eq(name, STR("id")))
		return spool_is_id(value) && str_copy(value, e->id, sizeof(e->id));
	if (str_eq(name, STR("queued")))
		return get_time(value, &e->queued);
	if (str_eq(name, STR("not-before")))
		return get_time(value, &e->not_before);
	if (str_eq(name, STR("smtputf8")))
		return e->smtputf8 = true;
	if (str_eq(name, STR("body")) || str_eq(name, STR("tls")) || str_eq(name, STR("ret")))
		return get_words(e, name, value);
	return true;	/* of a later version */
}

static bool
get_all(struct str in, size_t at, struct arena *a, struct envelope *e)
{
	struct envelope_rcpt	*r = NULL;
	struct str		 name, value;

	while (at < in.n) {
		if (!attr_next(in, &at, &name, &value) || name.n == 0 || str_has_control(value))
			return false;
		if (str_eq(name, STR("rcpt"))) {
			r = r == NULL ? e->rcpt : r + 1;
			r->address = value;
			if (value.n == 0 || !set_domain(r, a))
				return false;
		} else if (r != NULL ? !get_of_rcpt(r, name, value) : !get_of_message(e, name, value))
			return false;
	}
	return true;
}

bool
envelope_decode(struct str in, struct arena *a, struct envelope *e)
{
	size_t	n = envelope_length(in);

	*e = (struct envelope){ .from = { "", 0 } };
	if (n == 0 || n > in.n)
		return false;
	in = str_head(in, n);
	e->content = n;
	e->nrcpt = attr_count(in, "rcpt");
	if (e->nrcpt == 0 || e->nrcpt > LIMIT_SMTP_RCPTS)
		return false;
	e->rcpt = arena_array(a, e->nrcpt, sizeof(e->rcpt[0]));
	if (e->rcpt == NULL)
		return false;
	return get_all(in, ENVELOPE_HEAD, a, e) && e->id[0] != '\0';
}

bool
spool_is_id(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!byte_is_digit(s.p[i]) && !(s.p[i] >= 'a' && s.p[i] <= 'v'))
			return false;
	return s.n == SPOOL_ID;
}
