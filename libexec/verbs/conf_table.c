#include "conf_table.h"

#include "base/ip.h"
#include "base/limits.h"
#include "base/num.h"
#include "proto/addr.h"
#include "proto/dkim_sig.h"

static const struct conf_keydef	postmaster_keys[] = {
	{ .name = "account",	.type = CONF_ACCOUNT_NAME, .required = true },
	{ .name = "mailbox",	.type = CONF_MAILBOX },
	{ .name = NULL },
};

static const struct conf_keydef	listener_keys[] = {
	{ .name = "address",	.type = CONF_IP,	.list = true, .required = true },
	{ .name = "hostname",	.type = CONF_HOST },
	{ .name = "smtp",	.type = CONF_PORT },
	{ .name = "submission",	.type = CONF_PORT },
	{ .name = "submissions", .type = CONF_PORT },
	{ .name = "imap",	.type = CONF_PORT },
	{ .name = "imaps",	.type = CONF_PORT },
	{ .name = "starttls",	.type = CONF_BOOL },
	{ .name = "require-starttls", .type = CONF_BOOL },
	{ .name = "auth-in-clear", .type = CONF_BOOL },
	{ .name = "trusted",	.type = CONF_NET,	.list = true },
	{ .name = "proxy",	.type = CONF_NET,	.list = true },
	{ .name = "max-message-size", .type = CONF_BYTES },
	{ .name = "connections", .type = CONF_NUMBER,	.max = 1000000 },
	{ .name = "connections-per-minute", .type = CONF_NUMBER, .max = 1000000 },
	{ .name = NULL },
};

static const struct conf_keydef	dns_keys[] = {
	{ .name = "forwarder",	.type = CONF_SERVER,	.list = true },
	{ .name = "stub",	.type = CONF_STUB,	.list = true },
	{ .name = "zone-file",	.type = CONF_PATH,	.list = true },
	{ .name = "trust-anchor", .type = CONF_ANCHOR,	.list = true },
	{ .name = "trust-anchor-file", .type = CONF_PATH, .list = true },
	{ .name = NULL },
};

static const struct conf_keydef	transport_keys[] = {
	{ .name = "kind",	.type = CONF_CHOICE,	.required = true, .choices = "submissions, submission, smtp, direct or fail" },
	{ .name = "host",	.type = CONF_PLACE },
	{ .name = "port",	.type = CONF_PORT },
	{ .name = "user",	.type = CONF_TEXT,	.max = 512 },
	{ .name = "mechanisms",	.type = CONF_CHOICE,	.list = true,
	    .choices = "SCRAM-SHA-256-PLUS, SCRAM-SHA-256, SCRAM-SHA-1-PLUS, SCRAM-SHA-1, CRAM-MD5, PLAIN or LOGIN" },
	{ .name = "ca-file",	.type = CONF_PATH },
	{ .name = "tls",	.type = CONF_CHOICE,	.choices = "required, unverified or off" },
	{ .name = "ipv4",	.type = CONF_BOOL },
	{ .name = "ipv6",	.type = CONF_BOOL },
	{ .name = "code",	.type = CONF_NUMBER,	.max = 599 },
	{ .name = "text",	.type = CONF_TEXT,	.max = 256 },
	{ .name = NULL },
};

static const struct conf_keydef	route_keys[] = {
	{ .name = "from-domain", .type = CONF_ROUTE_DOMAIN, .list = true },
	{ .name = "to-domain",	.type = CONF_ROUTE_DOMAIN, .list = true },
	{ .name = "minimum-attempts", .type = CONF_NUMBER, .max = 1000 },
	{ .name = "transport",	.type = CONF_ACCOUNT_NAME, .required = true },
	{ .name = NULL },
};

const struct conf_keydef	conf_machine_keys[] = {
	{ .name = "hostname",	.type = CONF_HOST,	.required = true },
	{ .name = "postmaster",	.type = CONF_SECTION,	.sub = postmaster_keys },
	{ .name = "separators",	.type = CONF_SEPARATORS },
	{ .name = "quota",	.type = CONF_BYTES },
	{ .name = "max-message-size", .type = CONF_BYTES },
	{ .name = "auth-failures-per-minute", .type = CONF_NUMBER, .max = 1000000 },
	{ .name = "auth-failures-per-day", .type = CONF_NUMBER, .max = 1000000 },
	{ .name = "outgoing-ports", .type = CONF_PORT,	.list = true },
	{ .name = "outgoing-connections", .type = CONF_NUMBER, .max = 10000 },
	{ .name = "destination-connections", .type = CONF_NUMBER, .max = 10000 },
	{ .name = "max-outgoing-per-day", .type = CONF_NUMBER, .max = 1000000000 },
	{ .name = "max-first-time-recipients-per-day", .type = CONF_NUMBER, .max = 1000000000 },
	{ .name = "dns",	.type = CONF_SECTION,	.sub = dns_keys },
	{ .name = "transport",	.type = CONF_SECTION,	.list = true, .sub = transport_keys, .title = CONF_ACCOUNT_NAME },
	{ .name = "route",	.type = CONF_SECTION,	.list = true, .sub = route_keys, .title = CONF_ACCOUNT_NAME },
	{ .name = "localserve",	.type = CONF_BOOL },
	{ .name = "listener",	.type = CONF_SECTION,	.list = true, .sub = listener_keys, .title = CONF_ACCOUNT_NAME },
	{ .name = NULL },
};

static const struct conf_keydef	alias_keys[] = {
	{ .name = "members",	.type = CONF_ADDRESS,	.list = true, .required = true },
	{ .name = "post-public", .type = CONF_BOOL },
	{ .name = "list-members", .type = CONF_BOOL },
	{ .name = "allow-msg-from", .type = CONF_BOOL },
	{ .name = NULL },
};

const struct conf_keydef	conf_domain_keys[] = {
	{ .name = "disabled",	.type = CONF_BOOL },
	{ .name = "separators",	.type = CONF_SEPARATORS },
	{ .name = "case-sensitive", .type = CONF_BOOL },
	{ .name = "catch-all",	.type = CONF_ADDRESS },
	{ .name = "dkim-selectors", .type = CONF_SELECTOR, .list = true },
	{ .name = "alias",	.type = CONF_SECTION,	.list = true, .sub = alias_keys, .title = CONF_TEXT },
	{ .name = NULL },
};

static const struct conf_keydef	address_keys[] = {
	{ .name = "mailbox",	.type = CONF_MAILBOX },
	{ .name = "smtp-error",	.type = CONF_SMTP_ERROR },
	{ .name = NULL },
};

const struct conf_keydef	conf_account_keys[] = {
	{ .name = "full-name",	.type = CONF_TEXT },
	{ .name = "quota",	.type = CONF_BYTES },
	{ .name = "login-disabled", .type = CONF_TEXT,	.max = 255 },
	{ .name = "max-outgoing-per-day", .type = CONF_NUMBER, .max = 1000000000 },
	{ .name = "max-first-time-recipients-per-day", .type = CONF_NUMBER, .max = 1000000000 },
	{ .name = "system-users", .type = CONF_SYSTEM_USER, .list = true },
	{ .name = "address",	.type = CONF_SECTION,	.list = true, .sub = address_keys, .title = CONF_ADDRESS },
	{ .name = NULL },
};

const struct conf_keydef *
conf_keydef(const struct conf_keydef *table, struct str name)
{
	for (; table->name != NULL; table++)
		if (str_eq(str_c(table->name), name))
			return table;
	return NULL;
}

static bool
is_name(struct str s, size_t max, bool upper)
{
	if (s.n == 0 || s.n > max || !(byte_is_alnum(s.p[0]) || s.p[0] < 0))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char	c = s.p[i];

		if (!upper && byte_lower(c) != c)
			return false;
		if (!byte_is_alnum(c) && c != '.' && c != '_' && c != '-' && (upper || c >= 0))
			return false;
	}
	return str_find(s, STR("..")) == s.n && s.p[s.n - 1] != '.';
}

bool
conf_is_account_name(struct str s)
{
	return is_name(s, 64, true) && byte_is_alnum(s.p[0]);
}

bool
conf_is_domain_name(struct str s)
{
	return is_name(s, LIMIT_DOMAIN - 10, false) && addr_is_domain(s);
}

bool
conf_bool(struct str s, bool *out_r)
{
	*out_r = str_ieq(s, STR("true")) || str_ieq(s, STR("yes")) || str_ieq(s, STR("on"));
	return *out_r || str_ieq(s, STR("false")) || str_ieq(s, STR("no")) || str_ieq(s, STR("off"));
}

bool
conf_smtp_error(struct str s, unsigned *code_r, struct str *text_r)
{
	struct str	code = str_head(s, 3), text = str_trim(str_skip(s, 3));

	if (s.n > 3 && s.p[3] != ' ')
		return false;
	if (str_eq(code, STR("421"))) {
		*code_r = 421;
		*text_r = text.n > 0 ? text : STR("error processing");
	} else if (str_eq(code, STR("550"))) {
		*code_r = 550;
		*text_r = text.n > 0 ? text : STR("no such user(s)");
	} else
		return false;
	return str_is_ascii(text) && !str_has_control(text) && text.n <= 255;
}

/* A mailbox's name as RFC 9051 section 5.1 and our own store want it. */
static bool
is_mailbox(struct str s)
{
	struct str	part;
	bool		more;

	if (s.n == 0 || s.n > LIMIT_MAILBOX_NAME || s.p[0] == '#' || str_has_control(s))
		return false;
	do {
		more = str_cut(&s, '/', &part);
		if (part.n == 0 || str_eq(part, STR(".")) || str_eq(part, STR("..")))
			return false;
	} while (more);
	return true;
}

static bool
is_separators(struct str s)
{
	static const struct str	fine = STR_INIT("+-_.=~!#$%&'*/?^`{|}");

	for (size_t i = 0; i < s.n; i++)
		if (str_chr(fine, s.p[i]) == fine.n || str_chr(s, s.p[i]) != i)
			return false;
	return true;
}

/* v is one of the words of "one, another or a third". */
static bool
is_choice(const char *choices, struct str v)
{
	struct str	rest = str_c(choices), word;
	bool		more;

	do {
		more = str_cut(&rest, ' ', &word);
		if (str_ends(word, STR(",")))
			word = str_head(word, word.n - 1);
		if (str_eq(word, v))
			return !str_eq(word, STR("or"));
	} while (more);
	return false;
}

static bool
is_server(struct str v)
{
	struct str	address;
	struct ip	ip;
	uint64_t	port;

	if (str_cut(&v, '@', &address) && (!num_u64(v, 65535, &port) || port == 0))
		return false;
	return ip_parse(address, &ip);
}

static bool
is_zone(struct str v)
{
	return str_eq(v, STR(".")) || addr_is_domain(str_ends(v, STR(".")) ? str_head(v, v.n - 1) : v);
}

static bool
is_stub(struct str v)
{
	struct str	zone;

	return str_cut(&v, ' ', &zone) && is_zone(zone) && is_server(v);
}

/* "ZONE [TTL] [IN] DS TAG ALGORITHM …", as it stands in a zone: the resolver reads the rest. */
static bool
is_anchor(struct str v)
{
	struct str	zone, word;
	bool		more = str_cut(&v, ' ', &zone);

	if (!more || !is_zone(zone) || str_has_control(v))
		return false;
	do {
		more = str_cut(&v, ' ', &word);
		if (str_ieq(word, STR("DS")) || str_ieq(word, STR("DNSKEY")))
			return more && v.n > 8;
	} while (more);
	return false;
}

static bool
is_place(struct str v)
{
	struct ip	ip;

	return ip_parse(v, &ip) || addr_is_domain(v);
}

/* As useradd(8) takes them, and what it does not: no control, no colon, no slash, no NUL. */
static bool
is_system_user(struct str v)
{
	return v.n > 0 && v.n <= 64 && v.p[0] != '-' && !str_has_control(v) && str_chr(v, ':') == v.n && str_chr(v, '/') == v.n;
}

static const char *
wants_number(const struct conf_keydef *k, enum conf_type type, struct str v)
{
	uint64_t	n;

	switch (type) {
	case CONF_PORT:
		return num_u64(v, 65535, &n) ? NULL : "a port, 0 to 65535";
	case CONF_BYTES:
		return num_bytes(v, &n) ? NULL : "a size in bytes, as 500M or 10G";
	default:
		return num_u64(v, k->max == 0 ? UINT32_MAX : k->max, &n) ? NULL : "a number (not too large)";
	}
}

static const char *
wants_place(const struct conf_keydef *k, enum conf_type type, struct str v)
{
	switch (type) {
	case CONF_CHOICE:
		return is_choice(k->choices, v) ? NULL : k->choices;
	case CONF_PATH:
		return v.n > 0 && v.n < 1000 && !str_has_control(v) ? NULL : "the path of a file";
	case CONF_SERVER:
		return is_server(v) ? NULL : "an IP address, or ADDRESS@PORT";
	case CONF_STUB:
		return is_stub(v) ? NULL : "a zone, a space, and an IP address or ADDRESS@PORT";
	case CONF_ANCHOR:
		return is_anchor(v) ? NULL : "a DS or DNSKEY record of a zone";
	case CONF_PLACE:
		return is_place(v) ? NULL : "a host name or an IP address";
	default:
		return addr_is_domain(str_skip(v, str_starts(v, STR(".")))) ? NULL : "a domain, or one with a dot before it";
	}
}

const char *
conf_type_wants(const struct conf_keydef *k, enum conf_type type, struct str v)
{
	struct ip	ip;
	struct ipnet	net;
	struct addr	addr;
	struct str	text;
	unsigned	code;
	bool		b;

	switch (type) {
	case CONF_TEXT:
		return v.n <= (k->max == 0 ? 1000 : k->max) && !str_has_control(v) ? NULL : "one line of text, not too long";
	case CONF_BOOL:
		return conf_bool(v, &b) ? NULL : "true or false";
	case CONF_NUMBER:
	case CONF_PORT:
	case CONF_BYTES:
		return wants_number(k, type, v);
	case CONF_IP:
		return ip_parse(v, &ip) ? NULL : "an IP address";
	case CONF_NET:
		return ipnet_parse(v, &net) ? NULL : "an IP address or network (ADDRESS/BITS)";
	case CONF_HOST:
		return addr_is_domain(v) ? NULL : "a host name";
	case CONF_ADDRESS:
		return addr_parse(v, &addr) == ADDR_OK && !addr.literal ? NULL : "an address (localpart@domain)";
	case CONF_ACCOUNT_NAME:
		return conf_is_account_name(v) ? NULL : "a name of letters, digits, and . _ - inside";
	case CONF_MAILBOX:
		return is_mailbox(v) ? NULL : "a mailbox name";
	case CONF_SMTP_ERROR:
		return conf_smtp_error(v, &code, &text) ? NULL : "421 or 550 and a text in ASCII";
	case CONF_SEPARATORS:
		return is_separators(v) ? NULL : "punctuation, each once";
	case CONF_SYSTEM_USER:
		return is_system_user(v) ? NULL : "the name of a user of this system";
	case CONF_SELECTOR:
		return str_is_ascii(v) && dkim_is_name(v) ? NULL : "a selector: letters, digits, hyphens and dots";
	case CONF_CHOICE:
	case CONF_PATH:
	case CONF_SERVER:
	case CONF_STUB:
	case CONF_ANCHOR:
	case CONF_PLACE:
	case CONF_ROUTE_DOMAIN:
		return wants_place(k, type, v);
	case CONF_SECTION:
		break;
	}
	return NULL;
}
