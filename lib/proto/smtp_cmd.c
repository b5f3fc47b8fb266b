#include "smtp_cmd.h"

#include "../base/limits.h"
#include "../base/num.h"
#include "date.h"

/* Parameters of MAIL and RCPT, as bits to see one come twice. */
enum {
	PARAM_SIZE = 1, PARAM_BODY = 2, PARAM_SMTPUTF8 = 4, PARAM_REQUIRETLS = 8,
	PARAM_RET = 16, PARAM_ENVID = 32, PARAM_AUTH = 64, PARAM_NOTIFY = 128, PARAM_ORCPT = 256,
	PARAM_HOLD = 512,	/* either of two */
};

struct param {
	struct str		name;
	unsigned		bit;
	bool			has_value;
	enum smtp_cmd_err	(*take)(struct smtp_cmd *, struct str value);
};

static const struct smtp_code	replies[] = {
	[SMTP_CMD_OK]		 = { 250, "2.0.0", "ok" },
	[SMTP_CMD_UNKNOWN]	 = { 500, "5.5.1", "unknown command" },
	[SMTP_CMD_SYNTAX]	 = { 501, "5.5.2", "syntax error in the command's arguments" },
	[SMTP_CMD_PATH]		 = { 501, "5.5.2", "syntax error in the address" },
	[SMTP_CMD_PATH_LONG]	 = { 501, "5.5.2", "the address is too long" },
	[SMTP_CMD_PARAM_UNKNOWN] = { 555, "5.3.3", "unknown parameter" },
	[SMTP_CMD_PARAM_TWICE]	 = { 501, "5.5.4", "the same parameter twice" },
	[SMTP_CMD_PARAM_VALUE]	 = { 501, "5.5.4", "a parameter's value is wrong" },
	[SMTP_CMD_BODY]		 = { 555, "5.5.4", "unknown value of BODY" },
};

struct smtp_code
smtp_cmd_reply(enum smtp_cmd_err e)
{
	return replies[e];
}

static int
capital_hex(char c)
{
	return c >= 'a' && c <= 'f' ? -1 : num_hex_digit(c);
}

bool
smtp_unxtext(struct buf *b, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char	c = s.p[i];

		if (c == '+') {
			int	hi = i + 1 < s.n ? capital_hex(s.p[i + 1]) : -1;
			int	lo = i + 2 < s.n ? capital_hex(s.p[i + 2]) : -1;

			if (hi < 0 || lo < 0)
				return false;
			c = (char)(hi << 4 | lo);
			if (c < 0x20 || c > 0x7e)
				return false;
			i += 2;
		} else if (c <= 0x20 || c > 0x7e || c == '=')
			return false;
		buf_addc(b, c);
	}
	return true;
}

static bool
is_xtext(struct str s)
{
	char		text[LIMIT_SMTP_LINE];
	struct buf	b = { .p = text, .cap = sizeof(text), .max = sizeof(text) - 1 };

	return smtp_unxtext(&b, s) && !buf_failed(&b);
}

static enum smtp_cmd_err
take_size(struct smtp_cmd *c, struct str v)
{
	enum { DIGITS = 20 };	/* RFC 1870 section 3 */

	for (size_t i = 0; i < v.n; i++)
		if (!byte_is_digit(v.p[i]))
			return SMTP_CMD_PARAM_VALUE;
	if (v.n > DIGITS)
		return SMTP_CMD_PARAM_VALUE;
	if (!num_u64(v, UINT64_MAX, &c->size))
		c->size = UINT64_MAX;
	c->has_size = true;
	return SMTP_CMD_OK;
}

static enum smtp_cmd_err
take_body(struct smtp_cmd *c, struct str v)
{
	if (str_ieq(v, STR("7BIT")))
		c->body = SMTP_BODY_7BIT;
	else if (str_ieq(v, STR("8BITMIME")))
		c->body = SMTP_BODY_8BITMIME;
	else if (str_ieq(v, STR("BINARYMIME")))
		c->body = SMTP_BODY_BINARYMIME;
	else
		return SMTP_CMD_BODY;
	return SMTP_CMD_OK;
}

static enum smtp_cmd_err
take_smtputf8(struct smtp_cmd *c, struct str v)
{
	(void)v;
	c->smtputf8 = true;
	return SMTP_CMD_OK;
}

static enum smtp_cmd_err
take_requiretls(struct smtp_cmd *c, struct str v)
{
	(void)v;
	c->requiretls = true;
	return SMTP_CMD_OK;
}

static enum smtp_cmd_err
take_ret(struct smtp_cmd *c, struct str v)
{
	if (str_ieq(v, STR("FULL")))
		c->ret = SMTP_RET_FULL;
	else if (str_ieq(v, STR("HDRS")))
		c->ret = SMTP_RET_HDRS;
	else
		return SMTP_CMD_PARAM_VALUE;
	return SMTP_CMD_OK;
}

static enum smtp_cmd_err
take_envid(struct smtp_cmd *c, struct str v)
{
	if (v.n > LIMIT_ENVID || !is_xtext(v))
		return SMTP_CMD_PARAM_VALUE;
	c->envid = v;
	return SMTP_CMD_OK;
}

/* RFC 4954 section 5: read, and not believed. */
static enum smtp_cmd_err
take_auth(struct smtp_cmd *c, struct str v)
{
	(void)c;
	return str_eq(v, STR("<>")) || is_xtext(v) ? SMTP_CMD_OK : SMTP_CMD_PARAM_VALUE;
}

static enum smtp_cmd_err
take_holdfor(struct smtp_cmd *c, struct str v)
{
	enum { DIGITS = 9 };	/* RFC 4865 section 3 */

	if (v.n > DIGITS || v.p[0] == '0' || !num_u32(v, UINT32_MAX, &c->hold_seconds))
		return SMTP_CMD_PARAM_VALUE;
	c->holdfor = v;
	return SMTP_CMD_OK;
}

/* RFC 3339 in UTC and in whole seconds: what we would write ourselves. */
static enum smtp_cmd_err
take_holduntil(struct smtp_cmd *c, struct str v)
{
	char		text[32];
	struct buf	b = { .p = text, .cap = sizeof(text), .max = sizeof(text) - 1 };
	struct date	d;

	if (!date_parse(v, &d))
		return SMTP_CMD_PARAM_VALUE;
	date_write_3339(&b, d.time);
	if (!str_ieq(v, buf_str(&b)))
		return SMTP_CMD_PARAM_VALUE;
	c->holduntil = v;
	c->hold_time = d.time;
	return SMTP_CMD_OK;
}

static enum smtp_cmd_err
take_notify(struct smtp_cmd *c, struct str v)
{
	static const struct {
		struct str	name;
		unsigned	bit;
	} words[] = {
		{ STR_INIT("NEVER"), SMTP_NOTIFY_NEVER },
		{ STR_INIT("SUCCESS"), SMTP_NOTIFY_SUCCESS },
		{ STR_INIT("FAILURE"), SMTP_NOTIFY_FAILURE },
		{ STR_INIT("DELAY"), SMTP_NOTIFY_DELAY },
	};
	struct str	word;

	for (bool more = true; more; ) {
		unsigned	bit = 0;

		more = str_cut(&v, ',', &word);
		for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
			if (str_ieq(word, words[i].name))
				bit = words[i].bit;
		if (bit == 0)
			return SMTP_CMD_PARAM_VALUE;
		c->notify |= bit;
	}
	if (c->notify & SMTP_NOTIFY_NEVER && c->notify != SMTP_NOTIFY_NEVER)
		return SMTP_CMD_PARAM_VALUE;
	return SMTP_CMD_OK;
}

/* RFC 3461 4.2; for the type utf-8 RFC 6533 section 3, where '\' and UTF-8 itself may be. */
static enum smtp_cmd_err
take_orcpt(struct smtp_cmd *c, struct str v)
{
	struct str	text = v, type;

	if (v.n > LIMIT_ORCPT || !str_cut(&text, ';', &type) || type.n == 0 || text.n == 0)
		return SMTP_CMD_PARAM_VALUE;
	for (size_t i = 0; i < type.n; i++)
		if (!byte_is_alnum(type.p[i]) && type.p[i] != '-')
			return SMTP_CMD_PARAM_VALUE;
	if (str_ieq(type, STR("utf-8"))) {
		if (!str_is_utf8(text) || str_has_control(text) || str_chr(text, ' ') != text.n)
			return SMTP_CMD_PARAM_VALUE;
	} else if (!is_xtext(text))
		return SMTP_CMD_PARAM_VALUE;
	c->orcpt = v;
	return SMTP_CMD_OK;
}

static const struct param	mail_params[] = {
	{ STR_INIT("SIZE"), PARAM_SIZE, true, take_size },
	{ STR_INIT("BODY"), PARAM_BODY, true, take_body },
	{ STR_INIT("SMTPUTF8"), PARAM_SMTPUTF8, false, take_smtputf8 },
	{ STR_INIT("REQUIRETLS"), PARAM_REQUIRETLS, false, take_requiretls },
	{ STR_INIT("RET"), PARAM_RET, true, take_ret },
	{ STR_INIT("ENVID"), PARAM_ENVID, true, take_envid },
	{ STR_INIT("AUTH"), PARAM_AUTH, true, take_auth },
	{ STR_INIT("HOLDFOR"), PARAM_HOLD, true, take_holdfor },
	{ STR_INIT("HOLDUNTIL"), PARAM_HOLD, true, take_holduntil },
	{ STR_INIT(""), 0, false, NULL },
};

static const struct param	rcpt_params[] = {
	{ STR_INIT("NOTIFY"), PARAM_NOTIFY, true, take_notify },
	{ STR_INIT("ORCPT"), PARAM_ORCPT, true, take_orcpt },
	{ STR_INIT(""), 0, false, NULL },
};

static enum smtp_cmd_err
parse_param(struct smtp_cmd *c, struct str word, const struct param *p, unsigned *seen)
{
	struct str	name;
	bool		has_value = str_cut(&word, '=', &name);

	for (; p->take != NULL; p++)
		if (str_ieq(name, p->name))
			break;
	if (p->take == NULL)
		return SMTP_CMD_PARAM_UNKNOWN;
	if (*seen & p->bit)
		return SMTP_CMD_PARAM_TWICE;
	*seen |= p->bit;
	if (has_value != p->has_value || (has_value && word.n == 0))
		return SMTP_CMD_PARAM_VALUE;
	return p->take(c, word);
}

static struct str
skip_spaces(struct str s)
{
	while (s.n > 0 && s.p[0] == ' ')
		s = str_skip(s, 1);
	return s;
}

/* "FROM:<path> PARAM PARAM=value"; senders in use put a space behind the colon. */
static enum smtp_cmd_err
parse_path(struct smtp_cmd *c, struct str label, enum addr_kind kind, const struct param *params)
{
	struct str	s = c->arg, word;
	unsigned	seen = 0;
	enum addr_err	ae;

	if (!str_istarts(s, label))
		return SMTP_CMD_SYNTAX;
	s = skip_spaces(str_skip(s, label.n));
	ae = addr_path(&s, kind, &c->path);
	if (ae != ADDR_OK)
		return ae == ADDR_LONG ? SMTP_CMD_PATH_LONG : SMTP_CMD_PATH;
	while (s.n > 0) {
		enum smtp_cmd_err	e;

		if (s.p[0] != ' ')
			return SMTP_CMD_PATH;
		s = skip_spaces(s);
		if (s.n == 0)
			break;
		word = str_head(s, str_chr(s, ' '));
		s = str_skip(s, word.n);
		e = parse_param(c, word, params, &seen);
		if (e != SMTP_CMD_OK)
			return e;
	}
	return SMTP_CMD_OK;
}

static enum smtp_cmd_err
parse_mail(struct smtp_cmd *c)
{
	return parse_path(c, STR("FROM:"), ADDR_REVERSE, mail_params);
}

static enum smtp_cmd_err
parse_rcpt(struct smtp_cmd *c)
{
	return parse_path(c, STR("TO:"), ADDR_FORWARD, rcpt_params);
}

static enum smtp_cmd_err
parse_helo(struct smtp_cmd *c)
{
	return addr_is_helo(c->arg) ? SMTP_CMD_OK : SMTP_CMD_SYNTAX;
}

/* RFC 3030 section 2: the size, and LAST. */
static enum smtp_cmd_err
parse_bdat(struct smtp_cmd *c)
{
	struct str	rest = c->arg, size;

	c->last = str_cut(&rest, ' ', &size);
	if (!num_u64(size, INT64_MAX, &c->chunk))
		return SMTP_CMD_SYNTAX;
	return !c->last || str_ieq(rest, STR("LAST")) ? SMTP_CMD_OK : SMTP_CMD_SYNTAX;
}

static enum smtp_cmd_err
parse_none(struct smtp_cmd *c)
{
	return c->arg.n == 0 ? SMTP_CMD_OK : SMTP_CMD_SYNTAX;
}

static enum smtp_cmd_err
parse_any(struct smtp_cmd *c)
{
	(void)c;
	return SMTP_CMD_OK;
}

/* One word, or one string in quotes: NOOP's. */
static enum smtp_cmd_err
parse_word(struct smtp_cmd *c)
{
	struct str	s = c->arg;

	if (s.n > 1 && s.p[0] == '"') {
		size_t	i = 1;

		while (i < s.n && s.p[i] != '"')
			i += s.p[i] == '\\' ? 2 : 1;
		return i + 1 == s.n ? SMTP_CMD_OK : SMTP_CMD_SYNTAX;
	}
	return str_chr(s, ' ') == s.n ? SMTP_CMD_OK : SMTP_CMD_SYNTAX;
}

static const struct {
	struct str		name;
	enum smtp_cmd_err	(*parse)(struct smtp_cmd *);
} verbs[] = {
	[SMTP_HELO]	= { STR_INIT("HELO"), parse_helo },
	[SMTP_EHLO]	= { STR_INIT("EHLO"), parse_helo },
	[SMTP_MAIL]	= { STR_INIT("MAIL"), parse_mail },
	[SMTP_RCPT]	= { STR_INIT("RCPT"), parse_rcpt },
	[SMTP_DATA]	= { STR_INIT("DATA"), parse_none },
	[SMTP_BDAT]	= { STR_INIT("BDAT"), parse_bdat },
	[SMTP_RSET]	= { STR_INIT("RSET"), parse_none },
	[SMTP_NOOP]	= { STR_INIT("NOOP"), parse_word },
	[SMTP_QUIT]	= { STR_INIT("QUIT"), parse_none },
	[SMTP_VRFY]	= { STR_INIT("VRFY"), parse_any },
	[SMTP_EXPN]	= { STR_INIT("EXPN"), parse_any },
	[SMTP_HELP]	= { STR_INIT("HELP"), parse_any },
	[SMTP_STARTTLS]	= { STR_INIT("STARTTLS"), parse_none },
	[SMTP_AUTH]	= { STR_INIT("AUTH"), parse_any },
};

enum smtp_cmd_err
smtp_cmd_parse(struct str line, struct smtp_cmd *out_r)
{
	struct str	name;

	*out_r = (struct smtp_cmd){ .verb = SMTP_OTHER };
	(void)str_cut(&line, ' ', &name);
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (!str_ieq(name, verbs[i].name))
			continue;
		out_r->verb = (enum smtp_verb)i;
		out_r->arg = skip_spaces(line);
		if (str_has_control(out_r->arg))
			return SMTP_CMD_SYNTAX;
		return verbs[i].parse(out_r);
	}
	return SMTP_CMD_UNKNOWN;
}
