#include "dkim_ask.h"

_Static_assert((int)LIMIT_DKIM_SIGNATURES <= (int)DNS_QUESTIONS, "keys are looked up at once");

static enum dkim_lookup
lookup_of(enum dns_got got)
{
	switch (got) {
	case DNS_OK:
		return DKIM_LOOKUP_OK;
	case DNS_NODATA:
	case DNS_NXDOMAIN:
		return DKIM_LOOKUP_NONE;
	case DNS_BOGUS:
		return DKIM_LOOKUP_BOGUS;
	case DNS_TEMP:
		break;
	}
	return DKIM_LOOKUP_TEMP;
}

static void
give_key(struct dkim_verify *v, size_t i, const struct dns_answer *a, struct arena *arena)
{
	struct str	*txt = arena_array(arena, a->n + 1, sizeof(*txt));

	for (size_t j = 0; txt != NULL && j < a->n; j++)
		txt[j] = a->rr[j].text;
	dkim_verify_key(v, i, txt == NULL ? DKIM_LOOKUP_TEMP : lookup_of(a->got), txt, txt == NULL ? 0 : a->n, a->secure);
}

void
dkim_ask(struct held *dns, struct dkim_verify *v, struct arena *arena, struct deadline dl)
{
	struct dns_question	q[LIMIT_DKIM_SIGNATURES];
	size_t			of[LIMIT_DKIM_SIGNATURES], n = 0;

	for (size_t i = 0; i < v->n; i++)
		if (v->check[i].ask) {
			q[n] = (struct dns_question){ .type = DNS_TXT, .name = v->check[i].key_name };
			of[n++] = i;
		}
	if (n == 0)
		return;
	dns_ask_all(dns, q, n, arena, dl);
	for (size_t i = 0; i < n; i++)
		give_key(v, of[i], &q[i].answer, arena);
}
