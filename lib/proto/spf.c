#include "spf.h"

#include "spf_i.h"

enum { QUOTED = LIMIT_SPF_TOLD / 2 };	/* of a record or name, in a text for people */

/* --- what all files use */

struct spf_frame *
spf_top(struct spf *s)
{
	return &s->frame[s->depth];
}

void
spf_tell(struct spf *s, struct str term, const char *fmt, ...)
{
	struct buf	text = BUF_INIT(LIMIT_SPF_TOLD);
	struct spf_step	step = { .depth = s->depth, .domain = spf_top(s)->domain, .term = str_head(term, QUOTED) };
	va_list		ap;

	if (s->args.tell == NULL)
		return;
	va_start(ap, fmt);
	buf_vaddf(&text, fmt, ap);
	va_end(ap);
	step.text = buf_str(&text);
	s->args.tell(s->args.arg, &step);
	buf_free(&text);
}

enum spf_go
spf_end(struct spf *s, enum spf_result result, const char *fmt, ...)
{
	struct buf	text = BUF_INIT(LIMIT_SPF_TOLD);
	va_list		ap;

	va_start(ap, fmt);
	buf_vaddf(&text, fmt, ap);
	va_end(ap);
	s->result = result;
	if (!arena_dup(s->arena, buf_str(&text), &s->problem))
		s->problem = STR("");
	buf_free(&text);
	if (result == SPF_TEMPERROR || result == SPF_PERMERROR || result == SPF_NONE)
		s->mechanism = STR("");
	s->nwant = 0;
	return SPF_GO_OVER;
}

enum spf_go
spf_want(struct spf *s, enum dns_type type, struct str name, spf_heard *heard)
{
	struct buf	b = BUF_INIT(4 * SPF_NAME_MAX);
	bool		kept;

	spf_name_text(&b, name);
	kept = !buf_failed(&b) && arena_dup(s->arena, buf_str(&b), &s->want[0].name);
	buf_free(&b);
	if (!kept)
		return spf_end(s, SPF_TEMPERROR, "out of memory");
	s->want[0].type = type;
	s->nwant = 1;
	s->heard = heard;
	return SPF_GO_WAIT;
}

bool
spf_want_host(struct spf *s, struct str name, struct str *kept_r)
{
	if (s->nwant == LIMIT_SPF_NAMES || !arena_dup(s->arena, name, kept_r))
		return false;
	s->want[s->nwant++] = (struct spf_question){ s->args.ip.len == 16 ? DNS_AAAA : DNS_A, *kept_r };
	return true;
}

bool
spf_count(struct spf *s)
{
	if (++s->lookups <= LIMIT_SPF_LOOKUPS)
		return true;
	(void)spf_end(s, SPF_PERMERROR, "more than %d terms ask the DNS", LIMIT_SPF_LOOKUPS);
	return false;
}

bool
spf_count_void(struct spf *s)
{
	if (s->explaining || ++s->voids <= LIMIT_SPF_VOID)
		return true;
	(void)spf_end(s, SPF_PERMERROR, "more than %d terms ask the DNS for what is not there", LIMIT_SPF_VOID);
	return false;
}

struct spf_macro
spf_facts(struct spf *s)
{
	const struct spf_args	*a = &s->args;
	struct spf_macro	 m = {
		.ip = a->ip, .local = a->local, .origin = a->domain, .domain = spf_top(s)->domain, .helo = a->helo,
		.receiver = a->receiver, .now = a->now, .validated = spf_names_best(s, spf_top(s)->domain),
	};

	return m;
}

bool
spf_is_mute(const struct spf *s, struct str spec)
{
	return !str_is_ascii(s->args.local) && spf_macro_has(spec, "sl");
}

bool
spf_target(struct spf *s, struct str spec)
{
	struct spf_macro	m = spf_facts(s);
	struct buf		b = BUF_INIT(16384);
	bool			good;

	s->target = spf_top(s)->domain;
	if (spec.n == 0)
		return true;
	good = spf_macro_domain(&b, spec, &m) && arena_dup(s->arena, buf_str(&b), &s->target);
	buf_free(&b);
	return good;
}

/* --- records */

static enum spf_go
no_record(struct spf *s, const char *why)
{
	struct spf_frame	*f = spf_top(s);
	/* who includes, or redirects to, a domain says that it has one (5.2, 6.1) */
	enum spf_result		 result = s->depth > 0 || f->redirected ? SPF_PERMERROR : SPF_NONE;

	spf_tell(s, STR(""), "%s", why);
	return spf_end(s, result, STR_FMT " %s", STR_ARG(f->domain), why);
}

/* The one SPF record among them, NULL and *n_r for none or several. */
static const struct dns_rr *
select_record(const struct spf_answer *a, size_t *n_r)
{
	const struct dns_rr	*found = NULL;

	*n_r = 0;
	for (size_t i = 0; i < a->n; i++)
		if (spf_record_is(a->rr[i].text)) {
			found = &a->rr[i];
			++*n_r;
		}
	return *n_r == 1 ? found : NULL;
}

static enum spf_go
parse_record(struct spf *s, struct str txt)
{
	struct spf_frame	*f = spf_top(s);
	struct str		 bad;
	const char		*why;

	if (!arena_dup(s->arena, txt, &txt))
		return spf_end(s, SPF_TEMPERROR, "out of memory");
	spf_tell(s, STR(""), STR_FMT "%s", STR_ARG(str_head(txt, QUOTED)), txt.n > QUOTED ? " ..." : "");
	why = spf_record_parse(txt, &f->record, &bad);
	f->rest = f->record.terms;
	if (why == NULL)
		return SPF_GO_ON;
	spf_tell(s, str_head(bad, QUOTED), "%s", why);
	return spf_end(s, SPF_PERMERROR, "the record of " STR_FMT " is wrong at " STR_FMT ": %s", STR_ARG(f->domain),
	    STR_ARG(str_head(bad, 200)), why);
}

static enum spf_go
heard_record(struct spf *s, const struct spf_answer *a, size_t n)
{
	const struct dns_rr	*rr;

	switch (a->got) {
	case SPF_DNS_ERROR:
		spf_tell(s, STR(""), "cannot be looked up: " STR_FMT, STR_ARG(str_head(a->why, QUOTED)));
		return spf_end(s, SPF_TEMPERROR, STR_FMT " cannot be looked up: " STR_FMT, STR_ARG(spf_top(s)->domain),
		    STR_ARG(str_head(a->why, QUOTED)));
	case SPF_DNS_NO_NAME:
		return no_record(s, "does not exist");
	case SPF_DNS_VOID:
		return no_record(s, "has no SPF record");
	case SPF_DNS_FOUND:
		break;
	}
	rr = select_record(a, &n);
	if (n == 0)
		return no_record(s, "has no SPF record");
	if (rr != NULL)
		return parse_record(s, rr->text);
	spf_tell(s, STR(""), "has %zu SPF records", n);
	return spf_end(s, SPF_PERMERROR, STR_FMT " has %zu SPF records", STR_ARG(spf_top(s)->domain), n);
}

enum spf_go
spf_read(struct spf *s, struct str domain)
{
	spf_top(s)->domain = domain;
	if (!spf_name_is(domain, 2))
		return no_record(s, "is no domain that could have an SPF record");
	return spf_want(s, DNS_TXT, domain, heard_record);
}

/* --- from term to term */

/* The record says this: it is the result, or an include's (5.2). Errors do not come here: they end it all. */
static enum spf_go
record_says(struct spf *s, enum spf_result result, struct str mechanism)
{
	struct str	from = spf_top(s)->domain;

	if (s->depth > 0) {
		s->depth--;
		spf_tell(s, spf_top(s)->term.text, "the record of " STR_FMT " says %s: %s", STR_ARG(from), spf_result_name(result),
		    result == SPF_PASS ? "match" : "no match");
		return result == SPF_PASS ? SPF_GO_MATCH : SPF_GO_ON;
	}
	s->mechanism = mechanism;
	s->result = result;
	return result == SPF_FAIL ? spf_explain(s) : SPF_GO_OVER;
}

static enum spf_go
redirect(struct spf *s)
{
	struct spf_frame	*f = spf_top(s);
	struct str		 spec = f->record.redirect;

	/* %{p} is a look-up too (4.6.4) */
	if (!spf_count(s))
		return SPF_GO_OVER;
	if (spf_names_lacking(s, spec))
		return spf_names_find(s, redirect);
	if (spf_is_mute(s, spec) || !spf_target(s, spec))
		return spf_end(s, SPF_PERMERROR, "the redirect of " STR_FMT " leads to no domain", STR_ARG(f->domain));
	spf_tell(s, STR("redirect"), "no term matched; the record of " STR_FMT " decides", STR_ARG(s->target));
	f->redirected = true;
	return spf_read(s, s->target);
}

static enum spf_go
next_term(struct spf *s)
{
	struct spf_frame	*f = spf_top(s);
	const char		*why;

	while (spf_term_next(&f->rest, &f->term, &why) == SPF_TERM_OK)
		if (f->term.kind < SPF_REDIRECT)
			return spf_term_begin(s);
	if (f->record.redirect.n > 0)
		return redirect(s);
	spf_tell(s, STR(""), "no term matched: neutral");
	return record_says(s, SPF_NEUTRAL, STR("default"));
}

static void
run(struct spf *s, enum spf_go go)
{
	while (go == SPF_GO_ON || go == SPF_GO_MATCH)
		go = go == SPF_GO_ON ? next_term(s) : record_says(s, spf_top(s)->term.qualifier, spf_top(s)->term.text);
	if (go == SPF_GO_OVER)
		s->nwant = 0;
}

/* --- begin and feed */

void
spf_identity(struct spf_args *a, struct str mailfrom, struct str helo)
{
	size_t	at;

	if (str_eq(mailfrom, STR("<>")))
		mailfrom.n = 0;
	at = str_rchr(mailfrom, '@');
	a->helo = helo;
	a->is_helo = mailfrom.n == 0;
	a->local = at < mailfrom.n ? str_head(mailfrom, at) : STR("");
	a->domain = a->is_helo ? helo : at < mailfrom.n ? str_skip(mailfrom, at + 1) : mailfrom;
	if (a->local.n == 0)
		a->local = STR("postmaster");
}

void
spf_begin(struct spf *s, const struct spf_args *args, struct arena *arena)
{
	struct str	domain = args->domain;

	*s = (struct spf){ .args = *args, .arena = arena, .secure = true };
	s->args.local = str_head(args->local, LIMIT_SPF_LOCAL);
	if (str_ends(domain, STR(".")))
		domain.n--;
	s->args.domain = spf_top(s)->domain = domain;
	if (!dns_name_is_host(domain) || !spf_name_is(domain, 2)) {
		s->secure = false;
		run(s, spf_end(s, SPF_NONE, "the sender has no domain that could have an SPF record"));
		return;
	}
	run(s, spf_read(s, domain));
}

void
spf_feed(struct spf *s, const struct spf_answer *a)
{
	size_t	n = s->nwant;

	for (size_t i = 0; i < n; i++)
		s->secure = s->secure && a[i].secure && a[i].got != SPF_DNS_ERROR;
	s->nwant = 0;
	run(s, s->heard(s, a, n));
}
