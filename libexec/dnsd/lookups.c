/*
 * Questions of clients, and the look-ups they wait for. The same question of
 * several clients is one look-up. A look-up is never cancelled: libunbound
 * would go on with it anyhow, its answer fills the cache, and so their number
 * is known and bounded; it is the questions that have a deadline.
 */
#include "dnsd.h"

#include <stdlib.h>

#include "sys/log.h"

enum { BUCKETS = 1024, CLASS_IN = 1 };

struct asked {
	struct client	*client;
	struct lookup	*lookup;
	struct deadline	 until;
	size_t		 place;			/* in the heap */
	struct asked	*next, *prev;		/* of the look-up */
	struct asked	*cnext, *cprev;		/* of the client */
	size_t		 id_n;
	char		 id[LIMIT_DNSD_ID];
};

struct lookup {
	struct lookup	*next;			/* in its bucket */
	struct resolver	*resolver;
	struct asked	*asked;
	enum dns_type	 type;
	char		 name[TEXT_NAME];
};

static struct resolver	*current, *old;		/* old: a list */
static struct lookup	*bucket[BUCKETS];
static size_t		 nlookups;
static struct asked	*heap[LIMIT_DNSD_QUESTIONS];	/* the soonest deadline first */
static size_t		 nasked;

/* --- the heap of deadlines */

static void
heap_put(struct asked *a, size_t at)
{
	heap[at] = a;
	a->place = at;
}

static void
heap_up(struct asked *a, size_t at)
{
	for (; at > 0 && heap[(at - 1) / 2]->until.at > a->until.at; at = (at - 1) / 2)
		heap_put(heap[(at - 1) / 2], at);
	heap_put(a, at);
}

static void
heap_down(struct asked *a, size_t at)
{
	for (;;) {
		size_t	kid = 2 * at + 1;

		if (kid + 1 < nasked && heap[kid + 1]->until.at < heap[kid]->until.at)
			kid++;
		if (kid >= nasked || heap[kid]->until.at >= a->until.at)
			break;
		heap_put(heap[kid], at);
		at = kid;
	}
	heap_put(a, at);
}

static void
heap_remove(size_t at)
{
	struct asked	*last = heap[--nasked];

	if (at == nasked)
		return;
	heap_down(last, at);
	heap_up(last, last->place);
}

/* --- questions */

static bool
asked_new(struct client *c, struct lookup *l, const struct question *q)
{
	struct asked	*a = calloc(1, sizeof(*a));

	if (a == NULL)
		return false;
	a->client = c;
	a->lookup = l;
	a->until = deadline_in(q->ms);
	a->id_n = q->id.n;
	memcpy(a->id, q->id.p != NULL ? q->id.p : "", q->id.n);
	a->next = l->asked;
	if (a->next != NULL)
		a->next->prev = a;
	l->asked = a;
	a->cnext = c->asked;
	if (a->cnext != NULL)
		a->cnext->cprev = a;
	c->asked = a;
	c->nasked++;
	heap_up(a, nasked++);
	return true;
}

static void
asked_free(struct asked *a)
{
	*(a->prev != NULL ? &a->prev->next : &a->lookup->asked) = a->next;
	if (a->next != NULL)
		a->next->prev = a->prev;
	*(a->cprev != NULL ? &a->cprev->cnext : &a->client->asked) = a->cnext;
	if (a->cnext != NULL)
		a->cnext->cprev = a->cprev;
	a->client->nasked--;
	heap_remove(a->place);
	free(a);
}

/* Answering may close the client, which forgets all it asked: so a is freed before. */
static void
asked_answer(struct asked *a, struct str body)
{
	struct client	*c = a->client;
	char		 id[LIMIT_DNSD_ID];
	struct str	 s = { id, a->id_n };

	memcpy(id, a->id, a->id_n);
	asked_free(a);
	client_answer(c, s, body);
}

static void
say(struct client *c, struct str id, const char *got, struct str why)
{
	struct answer	a = { .got = got, .why = why };
	struct buf	body = BUF_INIT(LIMIT_RECORD);

	text_answer(&body, &a);
	client_answer(c, id, buf_str(&body));
	buf_free(&body);
}

/* --- look-ups */

static struct lookup **
place_of(const char *name, enum dns_type type)
{
	uint32_t	h = 2166136261u ^ (uint32_t)type;

	for (; *name != '\0'; name++)
		h = (h ^ (unsigned char)*name) * 16777619u;
	return &bucket[h % BUCKETS];
}

static struct lookup *
lookup_find(const char *name, enum dns_type type)
{
	for (struct lookup *l = *place_of(name, type); l != NULL; l = l->next)
		if (l->type == type && l->resolver == current && strcmp(l->name, name) == 0)
			return l;
	return NULL;
}

static void
lookup_unlink(struct lookup *l)
{
	struct lookup	**at = place_of(l->name, l->type);

	while (*at != l)
		at = &(*at)->next;
	*at = l->next;
	l->resolver->lookups--;
	nlookups--;
}

static void
lookup_answer(struct lookup *l, const struct answer *a)
{
	struct buf	body = BUF_INIT(LIMIT_RECORD);

	text_answer(&body, a);
	while (l->asked != NULL)
		asked_answer(l->asked, buf_str(&body));
	buf_free(&body);
}

/* What libunbound found, in our words. Bogus comes before all else: its data is there too. */
static struct answer
judge(int err, const struct ub_result *r, const char *name)
{
	struct answer	a = { .got = "temp", .canonical = str_c(name) };

	if (err != 0 || r == NULL) {
		a.why = str_c(ub_strerror(err));
		return a;
	}
	if (r->canonname != NULL && r->canonname[0] != '\0')
		a.canonical = str_c(r->canonname);
	if (r->bogus) {
		a.got = "bogus";
		a.why = str_c(r->why_bogus);
		return a;
	}
	if (r->rcode != 0 && !r->nxdomain) {
		a.why = r->rcode == 2 ? STR("no server of the zone gave an answer") : STR("the servers refuse to answer");
		return a;
	}
	a.got = r->nxdomain ? "nxdomain" : r->havedata ? "ok" : "nodata";
	a.secure = r->secure != 0;
	a.ttl = r->ttl > 0 ? (uint32_t)r->ttl : 0;
	if (r->havedata && !r->nxdomain) {
		a.data = r->data;
		a.len = r->len;
	}
	return a;
}

static void
log_answer(const struct lookup *l, const struct answer *a)
{
	struct log	line;

	if (strcmp(a->got, "bogus") != 0 && strcmp(a->got, "temp") != 0)
		return;
	log_start(&line, a->got);
	log_cstr(&line, "name", l->name);
	log_cstr(&line, "type", dns_type_name(l->type));
	log_str(&line, "why", str_head(a->why, 512));
	log_end(&line);
}

static void
found(void *of, int err, struct ub_result *r)
{
	struct lookup	*l = of;
	struct answer	a = judge(err, r, l->name);

	log_answer(l, &a);
	lookup_unlink(l);
	lookup_answer(l, &a);
	ub_resolve_free(r);
	free(l);
}

static struct lookup *
lookup_new(const char *name, enum dns_type type)
{
	struct lookup	*l = nlookups < LIMIT_DNSD_LOOKUPS ? calloc(1, sizeof(*l)) : NULL;
	struct lookup	**at = place_of(name, type);
	int		 err;

	if (l == NULL)
		return NULL;
	l->type = type;
	l->resolver = current;
	memcpy(l->name, name, strlen(name) + 1);	/* both are of that size */
	err = ub_resolve_async(current->ctx, l->name, (int)type, CLASS_IN, l, found, NULL);
	if (err != 0) {
		struct log	line;

		log_start(&line, "not-asked");
		log_cstr(&line, "name", l->name);
		log_cstr(&line, "error", ub_strerror(err));
		log_end(&line);
		free(l);
		return NULL;
	}
	l->next = *at;
	*at = l;
	current->lookups++;
	nlookups++;
	return l;
}

void
lookups_ask(struct client *c, const struct question *q)
{
	char		name[TEXT_NAME];
	struct lookup	*l;

	if (!text_name(q->name, name)) {
		say(c, q->id, "nxdomain", STR("DNS cannot have that name"));
		return;
	}
	l = nasked < LIMIT_DNSD_QUESTIONS ? lookup_find(name, q->type) : NULL;
	if (l == NULL && nasked < LIMIT_DNSD_QUESTIONS)
		l = lookup_new(name, q->type);
	if (l == NULL || !asked_new(c, l, q))
		say(c, q->id, "temp", STR("too much is asked at once"));
}

void
lookups_forget(struct client *c)
{
	while (c->asked != NULL)
		asked_free(c->asked);
}

void
lookups_run(void)
{
	struct answer	late = { .got = "temp", .why = STR("no answer in time") };
	struct buf	body = BUF_INIT(LIMIT_RECORD);

	while (nasked > 0 && deadline_over(heap[0]->until)) {
		late.canonical = str_c(heap[0]->lookup->name);
		log_answer(heap[0]->lookup, &late);
		text_answer(&body, &late);
		asked_answer(heap[0], buf_str(&body));
	}
	buf_free(&body);
	/* what the old settings were asked is done */
	for (struct resolver **at = &old; *at != NULL; )
		if ((*at)->lookups == 0) {
			struct resolver	*r = *at;

			*at = r->next;
			resolver_free(r);
		} else {
			at = &(*at)->next;
		}
}

int
lookups_next(void)
{
	return nasked > 0 ? deadline_poll(heap[0]->until) : -1;
}

void
lookups_resolver(struct resolver *r)
{
	if (current != NULL) {
		current->next = old;
		old = current;
	}
	current = r;
}

/* At the end of the process: the clients are gone, nobody waits. */
void
lookups_close(void)
{
	for (size_t i = 0; i < BUCKETS; i++)
		while (bucket[i] != NULL) {
			struct lookup	*l = bucket[i];

			bucket[i] = l->next;
			free(l);
		}
	while (old != NULL) {
		struct resolver	*r = old;

		old = r->next;
		resolver_free(r);
	}
	resolver_free(current);
	current = NULL;
}
