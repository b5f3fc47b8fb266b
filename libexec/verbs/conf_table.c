#include "conf_table.h"

#include "base/ip.h"
#include "base/limits.h"
#include "base/num.h"
#include "proto/addr.h"

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
	{ .name = "trusted",	.type = CONF_NET,	.list = true },
	{ .name = "proxy",	.type = CONF_NET,	.list = true },
	{ .name = "max-message-size", .type = CONF_BYTES },
	{ .name = "connections", .type = CONF_NUMBER,	.max = 1000000 },
	{ .name = "connections-per-minute", .type = CONF_NUMBER, .max = 1000000 },
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
	case CONF_SECTION:
		break;
	}
	return NULL;
}
