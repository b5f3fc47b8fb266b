/* The envelope, as records say it, and no more than they may. */
#include <errno.h>

#include "put.h"
#include "base/attr.h"
#include "base/num.h"
#include "proto/date.h"
#include "proto/idn.h"

enum { PATH = LIMIT_PATH + LIMIT_LOCALPART };	/* with quotes and escapes a localpart is twice as long */

static const struct reply	bad_path = { 501, "5.1.7", "not an address" };
static const struct reply	bad_rcpt = { 501, "5.1.3", "not an address" };
static const struct reply	bad_value = { 501, "5.5.4", "a parameter has no such value" };
static const struct reply	bad_hold = { 554, "5.5.4", "held until then it cannot be" };
static const struct reply	no_mail = { 503, "5.5.1", "no sender was given" };
static const struct reply	too_many = { 452, "4.5.3", "too many recipients" };

void
tx_reset(struct queue_put *q)
{
	arena_reset(&q->arena);
	q->begun = q->requiretls = false;
	q->wrong = NULL;
	q->e = (struct envelope){ .rcpt = q->rcpt, .account = { "", 0 }, .login = { "", 0 }, .from = { "", 0 } };
}

/* A copy that lives as long as the message; absent is empty. */
static bool
get(struct queue_put *q, struct str rec, const char *name, size_t max, struct str *out_r)
{
	struct str	s = attr_get(rec, name);

	*out_r = STR("");
	return s.n <= max && !str_has_control(s) && (s.n == 0 || arena_dup(&q->arena, s, out_r));
}

/*
 * The domain as the DNS has it: then it needs no SMTPUTF8, and is one destination
 * however it was written. Wide forms of "@", "/" and "[" become those: it is looked at again.
 */
static bool
to_alabels(struct queue_put *q, struct str *path)
{
	struct buf	b = BUF_INIT(PATH);
	struct addr	a;
	size_t		at = str_rchr(*path, '@') + 1;
	bool		good;

	if (at > path->n || str_is_ascii(str_skip(*path, at)))
		return true;
	buf_add(&b, str_head(*path, at));
	good = idn_to_ascii(str_skip(*path, at), &b) && !buf_failed(&b) && addr_parse(buf_str(&b), &a) == ADDR_OK &&
	    !a.literal && str_eq(a.domain, str_skip(buf_str(&b), at)) && arena_dup(&q->arena, buf_str(&b), path);
	buf_free(&b);
	return good;
}

static bool
get_path(struct queue_put *q, struct str rec, const char *name, struct str *out_r)
{
	struct addr	a;

	if (!get(q, rec, name, PATH, out_r))
		return false;
	if (out_r->n > 0 && addr_parse(*out_r, &a) != ADDR_OK && !system_qualify(q, out_r))
		return false;
	return to_alabels(q, out_r);
}

static bool
get_body(struct str word, enum smtp_body *out_r)
{
	static const char *const	words[] = {
		[SMTP_BODY_7BIT] = "7bit", [SMTP_BODY_8BITMIME] = "8bitmime", [SMTP_BODY_BINARYMIME] = "binarymime",
	};

	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (str_eq(word, str_c(words[i]))) {
			*out_r = (enum smtp_body)i;
			return true;
		}
	return word.n == 0;
}

static bool
get_ret(struct str word, enum smtp_ret *out_r)
{
	*out_r = str_eq(word, STR("full")) ? SMTP_RET_FULL : str_eq(word, STR("hdrs")) ? SMTP_RET_HDRS : SMTP_RET_UNSAID;
	return word.n == 0 || *out_r != SMTP_RET_UNSAID;
}

/* RFC 3339 in UTC, as RFC 4865 wants it: nothing else that date_parse() would take. */
static bool
get_time(struct str s, int64_t *out_r)
{
	static const char	shape[] = "0000-00-00T00:00:00";
	struct date		d;

	if (s.n <= sizeof(shape) - 1 || byte_upper(s.p[s.n - 1]) != 'Z')
		return false;
	for (size_t i = 0; i < sizeof(shape) - 1; i++)
		if (shape[i] == '0' ? !byte_is_digit(s.p[i]) : byte_upper(s.p[i]) != shape[i])
			return false;
	for (size_t i = sizeof(shape) - 1; i < s.n - 1; i++)
		if (!byte_is_digit(s.p[i]) && !(s.p[i] == '.' && i == sizeof(shape) - 1))
			return false;
	if (!date_parse(str_head(s, sizeof(shape) - 1), &d))
		return false;
	*out_r = d.time;
	return true;
}

/* FUTURERELEASE (RFC 4865). */
static const struct reply *
get_hold(struct queue_put *q, struct str rec)
{
	struct str	wait = attr_get(rec, "holdfor"), until = attr_get(rec, "holduntil");
	struct buf	text = BUF_INIT(100);
	int64_t		now = clock_now(), at;
	uint64_t	seconds;
	bool		kept;

	if (wait.p == NULL && until.p == NULL)
		return NULL;
	if (wait.p != NULL && until.p != NULL)
		return &bad_value;
	if (wait.p != NULL) {
		if (wait.n > 9 || !num_u64(wait, UINT64_MAX, &seconds) || wait.p[0] == '0')
			return &bad_value;
		at = now + (int64_t)seconds;
	} else if (!get_time(until, &at))
		return &bad_value;
	if (at < now || at - now > LIMIT_SUBMISSION_HOLD)
		return &bad_hold;
	buf_adds(&text, wait.p != NULL ? "for;" : "until;");
	buf_add(&text, wait.p != NULL ? wait : until);
	kept = !buf_failed(&text) && arena_dup(&q->arena, buf_str(&text), &q->e.future);
	buf_free(&text);
	q->e.not_before = at;
	return kept ? NULL : &bad_value;
}

static const struct reply *
mail(struct queue_put *q, struct str rec)
{
	struct envelope	*e = &q->e;

	if (attr_get(rec, "from").p == NULL || !get_path(q, rec, "from", &e->from))
		return &bad_path;
	if (!get_body(attr_get(rec, "body"), &e->body) || !get_ret(attr_get(rec, "ret"), &e->ret) ||
	    !get(q, rec, "envid", LIMIT_ENVID, &e->envid))
		return &bad_value;
	q->requiretls = str_eq(attr_get(rec, "requiretls"), STR("1"));
	return get_hold(q, rec);
}

void
tx_mail(struct queue_put *q, struct str rec)
{
	tx_reset(q);
	q->begun = true;
	q->wrong = mail(q, rec);
}

static const struct reply *
rcpt(struct queue_put *q, struct str rec)
{
	enum { NOTIFY_ALL = SMTP_NOTIFY_NEVER | SMTP_NOTIFY_SUCCESS | SMTP_NOTIFY_FAILURE | SMTP_NOTIFY_DELAY };
	struct envelope_rcpt	 r = { .notify = 0 };
	uint64_t		 notify = attr_getu(rec, "notify", 0);
	const struct reply	*no;

	if (!q->begun)
		return &no_mail;
	if (q->e.nrcpt == LIMIT_SMTP_RCPTS)
		return &too_many;
	if (!get_path(q, rec, "rcpt", &r.address) || r.address.n == 0)
		return &bad_rcpt;
	if (notify > NOTIFY_ALL || ((notify & SMTP_NOTIFY_NEVER) != 0 && notify != SMTP_NOTIFY_NEVER) ||
	    !get(q, rec, "orcpt", LIMIT_ORCPT, &r.orcpt))
		return &bad_value;
	r.notify = (unsigned)notify;
	if (q->who.system && (no = system_rcpt(q, &r.address)) != NULL)
		return no;
	q->rcpt[q->e.nrcpt++] = r;
	return NULL;
}

void
tx_rcpt(struct queue_put *q, struct str rec)
{
	const struct reply	*no = rcpt(q, rec);

	if (q->wrong == NULL)
		q->wrong = no;
}
