#include "dmarc_check.h"

enum {
	QUESTION_MS	= 10000,	/* for one question: the others must have their time too */
	ANSWER		= 4 * LIMIT_RECORD,
};

static enum dns_type
type_of(enum dmarc_want want)
{
	switch (want) {
	case DMARC_WANT_A:
		return DNS_A;
	case DMARC_WANT_AAAA:
		return DNS_AAAA;
	case DMARC_WANT_MX:
		return DNS_MX;
	case DMARC_WANT_TXT:
	case DMARC_WANT_NOTHING:
		break;
	}
	return DNS_TXT;
}

static enum dmarc_dns
got_of(enum dns_got got)
{
	switch (got) {
	case DNS_OK:
		return DMARC_DNS_FOUND;
	case DNS_NODATA:
		return DMARC_DNS_NODATA;
	case DNS_NXDOMAIN:
		return DMARC_DNS_NXDOMAIN;
	case DNS_BOGUS:
	case DNS_TEMP:
		break;
	}
	return DMARC_DNS_TEMPERROR;
}

void
dmarc_check(struct held *dns, const struct dmarc_facts *f, struct arena *arena, struct deadline dl, struct dmarc *d, unsigned *asked_r)
{
	struct arena	scratch = ARENA_INIT(ANSWER);
	struct str	name;
	enum dmarc_want	want;

	*asked_r = 0;
	dmarc_start(d, f, arena);
	while ((want = dmarc_next(d, &name)) != DMARC_WANT_NOTHING) {
		struct dns_answer	a;
		enum dmarc_dns		got;
		struct str		*txt = NULL;

		arena_reset(&scratch);
		++*asked_r;
		got = got_of(dns_ask(dns, type_of(want), name, &scratch, deadline_sooner(dl, deadline_in(QUESTION_MS)), &a));
		if (got == DMARC_DNS_FOUND && (txt = arena_array(&scratch, a.n, sizeof(*txt))) == NULL)
			got = DMARC_DNS_TEMPERROR;
		for (size_t i = 0; txt != NULL && i < a.n; i++)
			txt[i] = a.rr[i].text;
		dmarc_told(d, got, txt, txt == NULL ? 0 : a.n);
	}
	arena_free(&scratch);
}
