#include "dns_rr.h"

#include "../base/code.h"
#include "../base/limits.h"

static const struct {
	enum dns_type	 type;
	const char	*name;
} types[] = {
	{ DNS_A, "A" }, { DNS_NS, "NS" }, { DNS_CNAME, "CNAME" }, { DNS_SOA, "SOA" }, { DNS_PTR, "PTR" },
	{ DNS_MX, "MX" }, { DNS_TXT, "TXT" }, { DNS_AAAA, "AAAA" }, { DNS_SRV, "SRV" }, { DNS_TLSA, "TLSA" },
};

enum { TYPES = sizeof(types) / sizeof(types[0]), LABEL_MAX = 63, WIRE_NAME_MAX = 255, NAME_TEXT_MAX = 253 };

const char *
dns_type_name(enum dns_type type)
{
	for (size_t i = 0; i < TYPES; i++)
		if (types[i].type == type)
			return types[i].name;
	return NULL;
}

bool
dns_type_parse(struct str name, enum dns_type *out_r)
{
	for (size_t i = 0; i < TYPES; i++)
		if (str_ieq(name, str_c(types[i].name))) {
			*out_r = types[i].type;
			return true;
		}
	return false;
}

/* --- a cursor with a sticky error */

struct cur {
	struct str	s;
	bool		bad;
};

static uint32_t
cur_number(struct cur *c, size_t bytes)
{
	uint32_t	v = 0;

	if (c->s.n < bytes) {
		c->bad = true;
		c->s.n = 0;
		return 0;
	}
	for (size_t i = 0; i < bytes; i++)
		v = v << 8 | (unsigned char)c->s.p[i];
	c->s = str_skip(c->s, bytes);
	return v;
}

static struct str
cur_span(struct cur *c, size_t n)
{
	struct str	got = str_head(c->s, n);

	if (got.n < n)
		c->bad = true;
	c->s = str_skip(c->s, n);
	return got;
}

/* A label in lower case; what would end it, or cannot be seen, as in a zone file. */
static void
add_label(struct buf *b, struct str label)
{
	for (size_t i = 0; i < label.n; i++) {
		unsigned char	c = (unsigned char)label.p[i];

		if (c <= ' ' || c >= 0x7f)
			buf_addf(b, "\\%03u", c);
		else if (memchr(".\\\"();@$", c, 8) != NULL)
			buf_addf(b, "\\%c", c);
		else
			buf_addc(b, byte_lower((char)c));
	}
}

/* A name's text without final dot. Compression is not for here: its bits are a length over 63. */
static void
cur_name(struct cur *c, struct buf *b)
{
	size_t	before = c->s.n, first = b->n;

	for (;;) {
		size_t	n = cur_number(c, 1);

		if (n == 0 || c->bad)
			break;
		if (n > LABEL_MAX) {
			c->bad = true;
			return;
		}
		if (b->n > first)
			buf_addc(b, '.');
		add_label(b, cur_span(c, n));
	}
	if (before - c->s.n > WIRE_NAME_MAX)
		c->bad = true;
}

/* --- the types */

static void
name_text(struct cur *c, struct buf *name, struct buf *text)
{
	cur_name(c, name);
	buf_add(text, buf_str(name));
	buf_addc(text, '.');
}

static void
soa_text(struct cur *c, struct buf *name, struct buf *text)
{
	name_text(c, name, text);
	buf_addc(text, ' ');
	cur_name(c, text);
	buf_addc(text, '.');
	for (int i = 0; i < 5; i++) {
		buf_addc(text, ' ');
		buf_addu(text, cur_number(c, 4));
	}
}

static void
srv_text(struct cur *c, struct dns_rr *rr, struct buf *name, struct buf *text)
{
	unsigned	weight;

	rr->pref = (uint16_t)cur_number(c, 2);
	weight = cur_number(c, 2);
	rr->port = (uint16_t)cur_number(c, 2);
	buf_addf(text, "%u %u %u ", rr->pref, weight, rr->port);
	name_text(c, name, text);
}

static void
tlsa_text(struct cur *c, struct buf *text)
{
	unsigned	usage = cur_number(c, 1), selector = cur_number(c, 1), match = cur_number(c, 1);

	buf_addf(text, "%u %u %u ", usage, selector, match);
	code_hex(text, cur_span(c, c->s.n));
}

static void
ip_text(struct cur *c, struct dns_rr *rr, size_t n, struct buf *text)
{
	struct str	s = cur_span(c, n);

	if (c->bad)
		return;
	rr->ip = ip_from_bytes(s.p, n);
	ip_format(text, &rr->ip);
}

static void
decode(enum dns_type type, struct cur *c, struct dns_rr *rr, struct buf *name, struct buf *text)
{
	switch (type) {
	case DNS_A:
		ip_text(c, rr, 4, text);
		break;
	case DNS_AAAA:
		ip_text(c, rr, 16, text);
		break;
	case DNS_NS:
	case DNS_CNAME:
	case DNS_PTR:
		name_text(c, name, text);
		break;
	case DNS_MX:
		rr->pref = (uint16_t)cur_number(c, 2);
		buf_addf(text, "%u ", rr->pref);
		name_text(c, name, text);
		break;
	case DNS_TXT:
		while (c->s.n > 0)
			buf_add(text, cur_span(c, cur_number(c, 1)));
		break;
	case DNS_SOA:
		soa_text(c, name, text);
		break;
	case DNS_SRV:
		srv_text(c, rr, name, text);
		break;
	case DNS_TLSA:
		tlsa_text(c, text);
		break;
	}
}

bool
dns_rr_decode(enum dns_type type, struct str data, struct arena *arena, struct dns_rr *out_r)
{
	struct cur	c = { data, dns_type_name(type) == NULL };
	struct buf	name = BUF_INIT(4 * WIRE_NAME_MAX), text = BUF_INIT(2 * LIMIT_RECORD);
	bool		good;

	*out_r = (struct dns_rr){ .pref = 0 };
	if (!c.bad)
		decode(type, &c, out_r, &name, &text);
	good = !c.bad && c.s.n == 0 && !buf_failed(&name) && !buf_failed(&text) &&
	    arena_dup(arena, buf_str(&name), &out_r->name) &&
	    arena_dup(arena, buf_str(&text), &out_r->text) && arena_dup(arena, data, &out_r->data);
	buf_free(&name);
	buf_free(&text);
	return good;
}

bool
dns_name_is_host(struct str s)
{
	struct ip	ip;
	struct str	label;
	bool		more = s.n > 0 && s.n <= NAME_TEXT_MAX && !ip_parse(s, &ip);

	if (!more)
		return false;
	while (more) {
		more = str_cut(&s, '.', &label);
		if (label.n == 0 || label.n > LABEL_MAX)
			return false;
		for (size_t i = 0; i < label.n; i++)
			if (!byte_is_alnum(label.p[i]) && label.p[i] != '-' && label.p[i] != '_')
				return false;
	}
	return true;
}
