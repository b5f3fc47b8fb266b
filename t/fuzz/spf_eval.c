/*
 * spf_eval: a whole check of a sender whose DNS is hostile. The input is lines: sender, EHLO
 * name, client address, and then the answers in the order in which they are asked for, whatever was
 * asked: each line is the data of records with "\x01" between, "!" an error, "" nothing.
 * However they are: the check ends, within the limits, with one of the results.
 */
#include "proto/spf.h"
#include "proto/spf_header.h"

#include <stdlib.h>

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

enum { ANSWERS = 1 + LIMIT_SPF_LOOKUPS * (1 + LIMIT_SPF_NAMES) + 2 + LIMIT_SPF_NAMES };

static size_t	told;

static void
tell(void *arg, const struct spf_step *step)
{
	(void)arg;
	if (step->depth > LIMIT_SPF_LOOKUPS || step->text.n > LIMIT_SPF_TOLD)
		abort();
	told++;
}

static struct str
line(struct str *in)
{
	struct str	l;

	(void)str_cut(in, '\n', &l);
	return l;
}

/* One record from a text: whatever the type, all fields may be anything that a decoder lets through. */
static struct dns_rr
record(enum dns_type type, struct str text, struct arena *arena)
{
	struct dns_rr	rr = { .text = text };

	if (type == DNS_A || type == DNS_AAAA) {
		char	b[16] = { 0 };

		memcpy(b, text.p, text.n < 16 ? text.n : 16);
		rr.ip = ip_from_bytes(b, type == DNS_A ? 4 : 16);
	} else if (type == DNS_MX || type == DNS_PTR) {
		struct buf	name = BUF_INIT(4 * SPF_NAME_MAX);

		spf_name_text(&name, str_head(text, SPF_NAME_MAX));
		if (!arena_dup(arena, buf_str(&name), &rr.name))
			abort();
		buf_free(&name);
	}
	return rr;
}

static void
answer(struct spf_answer *a, const struct spf_question *q, struct str text, struct arena *arena)
{
	struct dns_rr	*rr = arena_array(arena, text.n + 1, sizeof(*rr));
	struct str	one;

	if (rr == NULL || q->name.n == 0 || !str_is_ascii(q->name) || str_has_control(q->name))
		abort();
	*a = (struct spf_answer){ .got = text.n == 0 ? SPF_DNS_VOID : SPF_DNS_FOUND, .rr = rr, .secure = true };
	if (str_eq(text, STR("!")))
		*a = (struct spf_answer){ .got = SPF_DNS_ERROR, .why = STR("error") };
	for (bool more = a->got == SPF_DNS_FOUND; more; ) {
		more = str_cut(&text, '\1', &one);
		rr[a->n++] = record(q->type, one, arena);
	}
}

static void
check(struct spf *s, struct str *in, struct arena *answers)
{
	size_t	asked = 0;

	while (s->nwant > 0) {
		struct spf_answer	a[LIMIT_SPF_NAMES];

		arena_reset(answers);
		asked += s->nwant;
		if (s->nwant > LIMIT_SPF_NAMES || asked > ANSWERS)
			abort();
		for (size_t i = 0; i < s->nwant; i++)
			answer(&a[i], &s->want[i], line(in), answers);
		spf_feed(s, a);
	}
	if (s->result > SPF_PERMERROR || s->explanation.n > LIMIT_SPF_EXPLANATION)
		abort();
	for (size_t i = 0; i < s->explanation.n; i++)
		if (s->explanation.p[i] < 0x20 || s->explanation.p[i] > 0x7e)
			abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str		in = str_n(data, size), from = line(&in), helo = line(&in);
	struct arena		arena = ARENA_INIT(LIMIT_SPF_ARENA), answers = ARENA_INIT(64 << 20);
	struct spf_args		args = { .receiver = STR("r.example"), .now = 1, .tell = tell };
	struct spf_header	h = { .receiver = STR("r.example"), .helo = helo };
	struct buf		b = BUF_INIT(65536);
	struct spf		s;

	if (size > 40000 || !ip_parse(line(&in), &args.ip))
		goto out;
	spf_identity(&args, from, helo);
	told = 0;
	spf_begin(&s, &args, &arena);
	check(&s, &in, &answers);
	h.result = s.result;
	h.ip = args.ip;
	h.sender = from;
	h.mechanism = s.mechanism;
	h.problem = s.problem;
	spf_header_write(&b, &h);
	if (buf_failed(&b))
		abort();
out:
	buf_free(&b);
	arena_free(&arena);
	arena_free(&answers);
	return 0;
}
