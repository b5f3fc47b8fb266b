/* spf_zone: answers to the engine of SPF from a table, as a resolver would give them. */
#ifndef T_PROTO_SPF_ZONE_H
#define T_PROTO_SPF_ZONE_H

#include <stdlib.h>

#include "proto/spf.h"

/* The rows of a name; DNS_TEMP in data: a server that does not answer. No row of any type: no such name. */
struct zone_row {
	const char	*name;
	enum dns_type	 type;
	const char	*data;	/* TXT: its text; MX, PTR: a name; A, AAAA: an address */
};

#define ZONE_TIMEOUT	"!timeout"

static const struct zone_row	zone[];
static const size_t		zone_n;

static void
zone_rr(const struct zone_row *z, struct dns_rr *rr)
{
	*rr = (struct dns_rr){ .pref = 0 };
	if (z->type == DNS_TXT)
		rr->text = str_c(z->data);
	else if (z->type == DNS_MX || z->type == DNS_PTR)
		rr->name = str_c(z->data);
	else if (!ip_parse(str_c(z->data), &rr->ip))
		abort();
}

static struct spf_answer
zone_answer(const struct spf_question *q, struct arena *arena)
{
	struct spf_answer	a = { .got = SPF_DNS_NO_NAME };
	struct dns_rr		*rr = arena_array(arena, zone_n, sizeof(*rr));

	if (rr == NULL)
		abort();
	a.rr = rr;
	for (size_t i = 0; i < zone_n; i++) {
		if (!str_ieq(str_c(zone[i].name), q->name))
			continue;
		if (a.got == SPF_DNS_NO_NAME)
			a.got = SPF_DNS_VOID;
		if (zone[i].type != q->type)
			continue;
		if (strcmp(zone[i].data, ZONE_TIMEOUT) == 0)
			return (struct spf_answer){ .got = SPF_DNS_ERROR, .why = STR("no answer in time") };
		a.got = SPF_DNS_FOUND;
		zone_rr(&zone[i], &rr[a.n++]);
	}
	return a;
}

/* Run a check to its end; the number of questions in *asked. */
static void
zone_check(struct spf *s, const struct spf_args *args, struct arena *arena, unsigned *asked)
{
	struct arena		own = ARENA_INIT(8 << 20);
	struct spf_answer	a[LIMIT_SPF_NAMES];

	*asked = 0;
	spf_begin(s, args, arena);
	while (s->nwant > 0) {
		arena_reset(&own);
		for (size_t i = 0; i < s->nwant; i++)
			a[i] = zone_answer(&s->want[i], &own);
		*asked += (unsigned)s->nwant;
		spf_feed(s, a);
	}
	arena_free(&own);
}

#endif
