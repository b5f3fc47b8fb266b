/* The mechanisms (RFC 7208 section 5). */
#include "spf_i.h"

enum { ADDRESSES_TOLD = 400 };

static enum dns_type
address_type(const struct spf *s)
{
	return s->args.ip.len == 16 ? DNS_AAAA : DNS_A;
}

static enum spf_go
says(bool match)
{
	return match ? SPF_GO_MATCH : SPF_GO_ON;
}

/* --- addresses */

static bool
matches_any(const struct spf *s, const struct spf_answer *a)
{
	const struct spf_term	*t = &s->frame[s->depth].term;
	unsigned		 bits = s->args.ip.len == 16 ? t->bits6 : t->bits4;
	struct ip		 client = ip_mask(&s->args.ip, bits);

	for (size_t i = 0; a->got == SPF_DNS_FOUND && i < a->n; i++) {
		struct ip	ip = ip_mask(&a->rr[i].ip, bits);

		if (ip_eq(&client, &ip))
			return true;
	}
	return false;
}

static void
add_addresses(struct buf *b, const struct spf_answer *a)
{
	for (size_t i = 0; a->got == SPF_DNS_FOUND && i < a->n; i++) {
		if (b->n > ADDRESSES_TOLD) {
			buf_adds(b, ", ...");
			return;
		}
		if (b->n > 0)
			buf_adds(b, ", ");
		ip_format(b, &a->rr[i].ip);
	}
}

static void
tell_addresses(struct spf *s, const struct spf_answer *a, size_t n, bool match)
{
	struct buf	b = BUF_INIT(LIMIT_SPF_TOLD);

	if (s->args.tell == NULL)
		return;
	for (size_t i = 0; i < n; i++)
		add_addresses(&b, &a[i]);
	if (b.n == 0)
		buf_adds(&b, s->args.ip.len == 16 ? "no IPv6 address" : "no IPv4 address");
	spf_tell(s, spf_top(s)->term.text, STR_FMT " has " STR_FMT ": %s", STR_ARG(s->target), STR_ARG(buf_str(&b)), match ? "match" : "no match");
	buf_free(&b);
}

static enum spf_go
failed(struct spf *s, const struct spf_answer *a)
{
	spf_tell(s, spf_top(s)->term.text, STR_FMT " cannot be looked up: " STR_FMT, STR_ARG(s->target), STR_ARG(str_head(a->why, LIMIT_SPF_TOLD / 2)));
	return spf_end(s, SPF_TEMPERROR, STR_FMT " cannot be looked up: " STR_FMT, STR_ARG(s->target),
	    STR_ARG(str_head(a->why, LIMIT_SPF_TOLD / 2)));
}

/* --- a, exists */

static enum spf_go
heard_address(struct spf *s, const struct spf_answer *a, size_t n)
{
	bool	match = matches_any(s, a);

	if (a->got == SPF_DNS_ERROR)
		return failed(s, a);
	tell_addresses(s, a, n, match);
	if (a->got != SPF_DNS_FOUND && !spf_count_void(s))
		return SPF_GO_OVER;
	return says(match);
}

static enum spf_go
heard_exists(struct spf *s, const struct spf_answer *a, size_t n)
{
	bool	match = a->got == SPF_DNS_FOUND;

	(void)n;
	if (a->got == SPF_DNS_ERROR)
		return failed(s, a);
	spf_tell(s, spf_top(s)->term.text, STR_FMT " %s", STR_ARG(s->target), match ? "exists: match" : "does not exist: no match");
	if (!match && !spf_count_void(s))
		return SPF_GO_OVER;
	return says(match);
}

/* --- mx */

/* The addresses of all hosts. A match counts before what could not be looked up. */
static enum spf_go
heard_hosts(struct spf *s, const struct spf_answer *a, size_t n)
{
	const struct spf_answer	*bad = NULL;
	bool			 match = false;

	for (size_t i = 0; i < n; i++) {
		match = match || matches_any(s, &a[i]);
		if (a[i].got == SPF_DNS_ERROR)
			bad = &a[i];
	}
	if (bad != NULL && !match)
		return failed(s, bad);
	tell_addresses(s, a, n, match);
	return says(match);
}

static enum spf_go
heard_mx(struct spf *s, const struct spf_answer *a, size_t n)
{
	struct str	kept;

	(void)n;
	if (a->got == SPF_DNS_ERROR)
		return failed(s, a);
	if (a->got != SPF_DNS_FOUND) {
		spf_tell(s, spf_top(s)->term.text, STR_FMT " has no MX record: no match", STR_ARG(s->target));
		return spf_count_void(s) ? SPF_GO_ON : SPF_GO_OVER;
	}
	if (a->n > LIMIT_SPF_NAMES)
		return spf_end(s, SPF_PERMERROR, STR_FMT " has more than %d MX records", STR_ARG(s->target), LIMIT_SPF_NAMES);
	/* the root is the null MX (RFC 7505) */
	for (size_t i = 0; i < a->n; i++)
		if (a->rr[i].name.n > 0 && !spf_want_host(s, a->rr[i].name, &kept))
			return spf_end(s, SPF_TEMPERROR, "out of memory");
	if (s->nwant > 0) {
		s->heard = heard_hosts;
		return SPF_GO_WAIT;
	}
	spf_tell(s, spf_top(s)->term.text, STR_FMT " takes no mail: no match", STR_ARG(s->target));
	return SPF_GO_ON;
}

/* --- ptr */

static enum spf_go
compare_names(struct spf *s)
{
	struct str	name = spf_names_below(s, s->target);

	if (name.n > 0)
		spf_tell(s, spf_top(s)->term.text, "the client is " STR_FMT ": match", STR_ARG(name));
	else if (s->nname > 0)
		spf_tell(s, spf_top(s)->term.text, "the client is " STR_FMT ", which is not in " STR_FMT ": no match", STR_ARG(s->name[0]), STR_ARG(s->target));
	else
		spf_tell(s, spf_top(s)->term.text, "the client has no valid name: no match");
	return says(name.n > 0);
}

/* --- include */

static enum spf_go
include(struct spf *s)
{
	struct spf_frame	*f;

	spf_tell(s, spf_top(s)->term.text, "the record of " STR_FMT " is asked", STR_ARG(s->target));
	/* each include is counted: there is room */
	if (s->depth == LIMIT_SPF_LOOKUPS)
		return spf_end(s, SPF_PERMERROR, "too many includes in each other");
	f = &s->frame[++s->depth];
	*f = (struct spf_frame){ .redirected = false };
	return spf_read(s, s->target);
}

/* --- beginning */

static enum spf_go
ask(struct spf *s)
{
	struct spf_term	*t = &spf_top(s)->term;

	switch (t->kind) {
	case SPF_INCLUDE:
		return include(s);
	case SPF_A:
		return spf_want(s, address_type(s), s->target, heard_address);
	case SPF_MX:
		return spf_want(s, DNS_MX, s->target, heard_mx);
	case SPF_EXISTS:
		return spf_want(s, DNS_A, s->target, heard_exists);
	case SPF_PTR:
		/* what was asked in vain before is so once more */
		if (s->names_void && !spf_count_void(s))
			return SPF_GO_OVER;
		return spf_names_find(s, compare_names);
	case SPF_ALL:
	case SPF_IP4:
	case SPF_IP6:
	case SPF_REDIRECT:
	case SPF_EXP:
	case SPF_UNKNOWN:
		break;
	}
	return SPF_GO_ON;
}

/*
 * Left open by 4.8: a name with an empty label, or one too long, can be nobody's, and nobody is
 * asked: no match. A strange localpart does not make a record wrong then. But who includes, names a record.
 */
static enum spf_go
no_name(struct spf *s)
{
	struct spf_term	*t = &spf_top(s)->term;

	spf_tell(s, t->text, "it leads to no name that the DNS could have: no match");
	if (t->kind != SPF_INCLUDE)
		return SPF_GO_ON;
	return spf_end(s, SPF_PERMERROR, STR_FMT " leads to no name that the DNS could have", STR_ARG(str_head(t->text, 200)));
}

static enum spf_go
begin_asking(struct spf *s)
{
	struct spf_term	*t = &spf_top(s)->term;

	if (!spf_count(s))
		return SPF_GO_OVER;
	if (spf_is_mute(s, t->domain)) {
		spf_tell(s, t->text, "the sender's localpart is not ASCII: no match");
		return SPF_GO_ON;
	}
	if (!spf_target(s, t->domain))
		return no_name(s);
	return ask(s);
}

enum spf_go
spf_term_begin(struct spf *s)
{
	struct spf_term	*t = &spf_top(s)->term;

	if (t->kind == SPF_ALL) {
		spf_tell(s, t->text, "match");
		return SPF_GO_MATCH;
	}
	if (t->kind == SPF_IP4 || t->kind == SPF_IP6) {
		bool	match = spf_term_has(t, &s->args.ip);

		spf_tell(s, t->text, match ? "match" : "no match");
		return says(match);
	}
	/* %{p} is a look-up too (4.6.4) */
	if (!spf_names_lacking(s, t->domain))
		return begin_asking(s);
	return spf_count(s) ? spf_names_find(s, begin_asking) : SPF_GO_OVER;
}
