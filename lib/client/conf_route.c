#include "conf.h"

#include "../base/attr.h"
#include "../base/limits.h"
#include "../base/num.h"
#include "conf_open.h"

/* The record of transports and routes into b: CONF_NONE when there are none. */
static enum conf_got
fetch_outgoing(struct conf *c, struct buf *b)
{
	struct buf	key = BUF_INIT(8);
	int		got = conf_fetch(&c->db, conf_key(&key, 'o', STR("")), b);

	buf_free(&key);
	if (got == 0)
		return CONF_NONE;
	return got == 1 && attr_is(buf_str(b), "outgoing", CONF_VERSION) ? CONF_OK : CONF_ERROR;
}

/* --- transports */

/* Values that config build has checked: all but the known ones mean the first. */
static enum conf_transport_kind
kind_of(struct str s)
{
	static const char *const	names[] = {
		[CONF_TRANSPORT_DIRECT] = "direct", [CONF_TRANSPORT_SUBMISSIONS] = "submissions",
		[CONF_TRANSPORT_SUBMISSION] = "submission", [CONF_TRANSPORT_SMTP] = "smtp", [CONF_TRANSPORT_FAIL] = "fail",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (str_eq(s, str_c(names[i])))
			return (enum conf_transport_kind)i;
	return CONF_TRANSPORT_FAIL;
}

static enum conf_transport_tls
tls_of(struct str s)
{
	if (str_eq(s, STR("unverified")))
		return CONF_TLS_UNVERIFIED;
	return str_eq(s, STR("off")) ? CONF_TLS_OFF : CONF_TLS_REQUIRED;
}

/* group: the attributes of one transport and what follows it. */
static void
take_transport(struct str group, struct conf_transport *t)
{
	*t = (struct conf_transport){
		.name = attr_get(group, "transport"),
		.kind = kind_of(attr_get(group, "kind")),
		.host = attr_get(group, "host"),
		.port = (uint16_t)attr_getu(group, "port", 0),
		.user = attr_get(group, "user"),
		.mechanisms = attr_get(group, "mechanisms"),
		.ca_file = attr_get(group, "ca-file"),
		.tls = tls_of(attr_get(group, "tls")),
		.no_ipv4 = attr_getu(group, "ipv4", 1) == 0,
		.no_ipv6 = attr_getu(group, "ipv6", 1) == 0,
		.code = (unsigned)attr_getu(group, "code", 554),
		.text = attr_get(group, "text"),
	};
}

static bool
begins_group(struct str name)
{
	return str_eq(name, STR("transport")) || str_eq(name, STR("route"));
}

/* Its group alone is copied, and all of t borrows from that. */
static enum conf_got
find_transport(struct str rec, struct str want, struct arena *a, struct conf_transport *t)
{
	struct str	name, value, group = { NULL, 0 };
	size_t		at = 0, begin;

	for (begin = at; attr_next(rec, &at, &name, &value); begin = at) {
		if (group.p == NULL && str_eq(name, STR("transport")) && str_eq(value, want))
			group = str_skip(rec, begin);
		else if (group.p != NULL && begins_group(name))
			break;
		if (str_eq(name, STR("route")))
			break;
	}
	if (group.p == NULL)
		return CONF_NONE;
	group = str_head(group, begin - (size_t)(group.p - rec.p));
	if (!arena_dup(a, group, &group))
		return CONF_ERROR;
	take_transport(group, t);
	return CONF_OK;
}

enum conf_got
conf_transport(struct conf *c, struct str name, struct arena *a, struct conf_transport *out_r)
{
	struct buf	b = BUF_INIT(LIMIT_RECORD);
	enum conf_got	got = fetch_outgoing(c, &b);

	if (got == CONF_OK)
		got = find_transport(buf_str(&b), name, a, out_r);
	buf_free(&b);
	return got;
}

static enum conf_got
list_transports(struct str rec, struct arena *a, struct str **names_r, size_t *n_r)
{
	struct str	name, value;
	size_t		at, n = 0;

	for (at = 0; attr_next(rec, &at, &name, &value); )
		n += str_eq(name, STR("transport"));
	*names_r = arena_array(a, n, sizeof(**names_r));
	if (*names_r == NULL)
		return CONF_ERROR;
	for (at = 0; attr_next(rec, &at, &name, &value); )
		if (str_eq(name, STR("transport")) && !arena_dup(a, value, &(*names_r)[(*n_r)++]))
			return CONF_ERROR;
	return CONF_OK;
}

enum conf_got
conf_transports(struct conf *c, struct arena *a, struct str **names_r, size_t *n_r)
{
	struct buf	b = BUF_INIT(LIMIT_RECORD);
	enum conf_got	got = fetch_outgoing(c, &b);

	*names_r = NULL;
	*n_r = 0;
	if (got == CONF_OK)
		got = list_transports(buf_str(&b), a, names_r, n_r);
	buf_free(&b);
	return got == CONF_NONE ? CONF_OK : got;
}

/* --- routes */

/* "example.org" is that one; ".example.org" is also all below it. */
static bool
domain_fits(struct str pattern, struct str domain)
{
	if (!str_starts(pattern, STR(".")))
		return str_ieq(pattern, domain);
	return str_iends(domain, pattern) || str_ieq(domain, str_skip(pattern, 1));
}

/* A list that may be empty: then anything fits. */
struct choice {
	bool	any, fits;
};

static void
choose(struct choice *c, struct str pattern, struct str domain)
{
	c->any = false;
	c->fits = c->fits || domain_fits(pattern, domain);
}

/* The first route's transport, or p NULL. */
static struct str
find_route(struct str rec, struct str from_domain, struct str to_domain, unsigned attempts)
{
	struct choice	from = { false, false }, to = { false, false };
	struct str	name, value;
	uint32_t	minimum;
	bool		early = true;

	for (size_t at = 0; attr_next(rec, &at, &name, &value); ) {
		if (str_eq(name, STR("route"))) {
			from = to = (struct choice){ .any = true };
			early = false;
		} else if (str_eq(name, STR("from-domain")))
			choose(&from, value, from_domain);
		else if (str_eq(name, STR("to-domain")))
			choose(&to, value, to_domain);
		else if (str_eq(name, STR("minimum-attempts")))
			early = !num_u32(value, UINT32_MAX, &minimum) || attempts < minimum;
		else if (str_eq(name, STR("by")) && !early && (from.any || from.fits) && (to.any || to.fits))
			return value;
	}
	return (struct str){ NULL, 0 };
}

enum conf_got
conf_route(struct conf *c, struct str account, struct str from_domain, struct str to_domain, unsigned attempts,
    struct arena *a, struct conf_transport *out_r)
{
	struct buf	b = BUF_INIT(LIMIT_RECORD);
	struct str	by;
	enum conf_got	got = fetch_outgoing(c, &b);

	(void)account;		/* routes of accounts come with their own settings */
	if (got == CONF_OK) {
		by = find_route(buf_str(&b), from_domain, to_domain, attempts);
		got = by.p == NULL ? CONF_NONE : find_transport(buf_str(&b), by, a, out_r);
		if (by.p != NULL && got == CONF_NONE)
			got = CONF_ERROR;
	}
	buf_free(&b);
	return got;
}
