#include "spf_check.h"

#include "../proto/idn.h"

enum {
	QUESTION_MS	= 10000,	/* for one question: the others must have their time too */
	ANSWERS		= LIMIT_SPF_NAMES * 4 * LIMIT_RECORD,
};

void
spf_check_identity(struct spf_args *a, struct str mailfrom, struct str helo, struct arena *arena)
{
	struct buf	name = BUF_INIT(LIMIT_DOMAIN);
	struct str	kept;

	spf_identity(a, mailfrom, helo);
	/* an EHLO name must come in A-labels: nobody had offered SMTPUTF8 yet */
	if (!a->is_helo && idn_to_ascii(a->domain, &name) && arena_dup(arena, buf_str(&name), &kept))
		a->domain = kept;
	buf_free(&name);
}

static struct spf_answer
translate(const struct dns_answer *a)
{
	struct spf_answer	s = { .got = SPF_DNS_ERROR, .secure = a->secure, .why = a->why };

	switch (a->got) {
	case DNS_OK:
		s.got = SPF_DNS_FOUND;
		s.rr = a->rr;
		s.n = a->n;
		break;
	case DNS_NODATA:
		s.got = SPF_DNS_VOID;
		break;
	case DNS_NXDOMAIN:
		s.got = SPF_DNS_NO_NAME;
		break;
	case DNS_BOGUS:
	case DNS_TEMP:
		break;
	}
	return s;
}

void
spf_check(struct held *dns, const struct spf_args *args, struct arena *arena, struct deadline dl, struct spf *out_r)
{
	struct arena	answers = ARENA_INIT(ANSWERS);

	_Static_assert((int)LIMIT_SPF_NAMES <= (int)DNS_QUESTIONS, "all is asked at once");
	spf_begin(out_r, args, arena);
	while (out_r->nwant > 0) {
		struct dns_question	q[LIMIT_SPF_NAMES];
		struct spf_answer	a[LIMIT_SPF_NAMES];

		arena_reset(&answers);
		for (size_t i = 0; i < out_r->nwant; i++)
			q[i] = (struct dns_question){ .type = out_r->want[i].type, .name = out_r->want[i].name };
		dns_ask_all(dns, q, out_r->nwant, &answers, deadline_sooner(dl, deadline_in(QUESTION_MS)));
		for (size_t i = 0; i < out_r->nwant; i++)
			a[i] = translate(&q[i].answer);
		spf_feed(out_r, a);
	}
	arena_free(&answers);
}
