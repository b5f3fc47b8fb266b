#include "dns.h"

#include <errno.h>

#include "../base/attr.h"
#include "../base/code.h"
#include "../sys/fd.h"
#include "../sys/ipc.h"

enum { ASK_MS_MAX = 30000 };	/* what dnsd grants at most */

static enum dns_got
temporary(struct dns_answer *a, struct str why)
{
	*a = (struct dns_answer){ .got = DNS_TEMP, .why = why };
	return DNS_TEMP;
}

/* --- the answer */

static bool
decode_got(struct str s, enum dns_got *out_r)
{
	static const char *const	names[] = {
		[DNS_OK] = "ok", [DNS_NODATA] = "nodata", [DNS_NXDOMAIN] = "nxdomain",
		[DNS_BOGUS] = "bogus", [DNS_TEMP] = "temp",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (str_eq(s, str_c(names[i]))) {
			*out_r = (enum dns_got)i;
			return true;
		}
	return false;
}

/* False over the arena's limit. */
static bool
decode_all(struct str rec, enum dns_type type, struct arena *arena, struct dns_answer *a)
{
	struct buf	data = BUF_INIT(LIMIT_RECORD);
	struct str	name, value;
	size_t		at = 0;

	a->rr = arena_array(arena, attr_count(rec, "rr"), sizeof(a->rr[0]));
	if (a->rr == NULL)
		return false;
	while (attr_next(rec, &at, &name, &value)) {
		if (!str_eq(name, STR("rr")))
			continue;
		buf_reset(&data);
		if (code_unb64(&data, value) && dns_rr_decode(type, buf_str(&data), arena, &a->rr[a->n]))
			a->n++;
	}
	buf_free(&data);
	return true;
}

enum dns_got
dns_answer_decode(struct str rec, enum dns_type type, struct arena *arena, struct dns_answer *out_r)
{
	struct dns_answer	a = { .n = 0 };

	if (!attr_is(rec, "answer", 1) || !decode_got(attr_get(rec, "got"), &a.got))
		return temporary(out_r, STR("dnsd's answer was not understood"));
	a.secure = str_eq(attr_get(rec, "secure"), STR("1")) && a.got != DNS_BOGUS && a.got != DNS_TEMP;
	a.ttl = (uint32_t)attr_getu(rec, "ttl", 0);
	if (!arena_dup(arena, attr_get(rec, "canonical"), &a.canonical) ||
	    !arena_dup(arena, attr_get(rec, "why"), &a.why))
		return temporary(out_r, STR("the answer is larger than it may be"));
	if (a.why.n == 0 && a.got == DNS_BOGUS)
		a.why = STR("DNSSEC does not confirm the answer");
	if (a.why.n == 0 && a.got == DNS_TEMP)
		a.why = STR("no answer");
	if (a.got == DNS_OK) {
		if (!decode_all(rec, type, arena, &a))
			return temporary(out_r, STR("the answer is larger than it may be"));
		if (a.n == 0)
			return temporary(out_r, STR("no record of the answer was understood"));
	}
	*out_r = a;
	return a.got;
}

/* --- asking */

/* A part of the time is for the way, so that dnsd's word that there is no answer still comes. */
static uint64_t
ask_ms(struct deadline dl)
{
	int64_t	left = dl.at == INT64_MAX ? ASK_MS_MAX : dl.at - clock_ms();

	if (left > ASK_MS_MAX)
		left = ASK_MS_MAX;
	left -= left / 10;
	return left > 0 ? (uint64_t)left : 1;
}

static int
send_question(struct held *h, const struct dns_question *q, size_t id, struct deadline dl)
{
	const char	*type = dns_type_name(q->type);

	attr_start(&h->rec, "dns", 1);
	attr_addu(&h->rec, "id", id);
	attr_adds(&h->rec, "type", type != NULL ? type : "");
	attr_add(&h->rec, "name", q->name);
	attr_addu(&h->rec, "ms", ask_ms(dl));
	if (buf_failed(&h->rec)) {
		errno = EINVAL;
		return -1;
	}
	return ipc_send(h->sock, buf_str(&h->rec), NULL, dl);
}

static int
receive_answer(struct held *h, struct dns_question *q, size_t n, bool *seen, struct arena *arena, struct deadline dl)
{
	uint64_t	id;

	if (ipc_recv(h->sock, &h->rec, NULL, dl) == -1)
		return -1;
	id = attr_getu(buf_str(&h->rec), "id", UINT64_MAX);
	if (id >= n || seen[id]) {
		errno = EPROTO;
		return -1;
	}
	(void)dns_answer_decode(buf_str(&h->rec), q[id].type, arena, &q[id].answer);
	seen[id] = true;
	return 0;
}

/* All over one connection; -1 with errno when it broke, and what was answered stays. */
static int
exchange(struct held *h, struct dns_question *q, size_t n, bool *seen, struct arena *arena, struct deadline dl)
{
	size_t	asked = 0;

	if (h->sock == -1)
		h->sock = ipc_connect(h->path, dl);
	if (h->sock == -1)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (!seen[i]) {
			if (send_question(h, &q[i], i, dl) == -1)
				return -1;
			asked++;
		}
	for (; asked > 0; asked--)
		if (receive_answer(h, q, n, seen, arena, dl) == -1)
			return -1;
	return 0;
}

void
dns_ask_all(struct held *h, struct dns_question *q, size_t n, struct arena *arena, struct deadline dl)
{
	bool	seen[DNS_QUESTIONS] = { false };
	bool	again = h->sock != -1;
	int	err = EINVAL;

	while (n <= DNS_QUESTIONS) {
		if (exchange(h, q, n, seen, arena, dl) == 0)
			return;
		err = errno;
		held_close(h);
		/* dnsd was started anew since we asked last: asking twice does no harm */
		if (!again || (err != EPIPE && err != ECONNRESET))
			break;
		again = false;
	}
	for (size_t i = 0; i < n; i++)
		if (n > DNS_QUESTIONS || !seen[i])
			(void)temporary(&q[i].answer, err == ETIMEDOUT ? STR("no answer in time") : STR("dnsd cannot be asked"));
}

enum dns_got
dns_ask(struct held *h, enum dns_type type, struct str name, struct arena *arena, struct deadline dl, struct dns_answer *out_r)
{
	struct dns_question	q = { .type = type, .name = name };

	dns_ask_all(h, &q, 1, arena, dl);
	*out_r = q.answer;
	return out_r->got;
}
