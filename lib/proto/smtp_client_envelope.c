/* smtp_client_envelope: can this server take the message, for whom now, and the commands for it. */
#include "smtp_client.h"

#include "smtp_client_i.h"

/* --- commands */

static void
add_notify(struct buf *b, unsigned notify)
{
	static const struct {
		unsigned	 bit;
		const char	*name;
	} names[] = {
		{ SMTP_NOTIFY_SUCCESS, "SUCCESS" }, { SMTP_NOTIFY_FAILURE, "FAILURE" }, { SMTP_NOTIFY_DELAY, "DELAY" },
	};
	const char	*comma = "";

	if (notify == 0)
		return;
	buf_adds(b, " NOTIFY=");
	if ((notify & SMTP_NOTIFY_NEVER) != 0) {
		buf_adds(b, "NEVER");
		return;
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if ((notify & names[i].bit) != 0) {
			buf_adds(b, comma);
			buf_adds(b, names[i].name);
			comma = ",";
		}
}

/* Values came through our own parser; what is no single word all the same is left out. */
static void
add_value(struct buf *b, const char *name, struct str value)
{
	if (value.n == 0 || str_has_control(value) || str_chr(value, ' ') != value.n)
		return;
	buf_adds(b, name);
	buf_add(b, value);
}

static void
add_mail(struct smtp_client *c)
{
	const struct smtp_mail	*m = c->mail;
	struct buf		*b = &c->out;

	buf_adds(b, "MAIL FROM:<");
	buf_add(b, m->from);
	buf_addc(b, '>');
	if (c->peer.size) {
		buf_adds(b, " SIZE=");
		buf_addu(b, m->size);
	}
	if (c->bdat)
		buf_adds(b, " BODY=BINARYMIME");
	else if (m->body != SMTP_BODY_7BIT && c->peer.eightbit)
		buf_adds(b, " BODY=8BITMIME");
	if (m->smtputf8)
		buf_adds(b, " SMTPUTF8");
	if (m->requiretls)
		buf_adds(b, " REQUIRETLS");
	if (c->peer.dsn) {
		if (m->ret != SMTP_RET_UNSAID)
			buf_adds(b, m->ret == SMTP_RET_FULL ? " RET=FULL" : " RET=HDRS");
		add_value(b, " ENVID=", m->envid);
	}
	buf_adds(b, "\r\n");
}

static void
add_rcpt(struct smtp_client *c, const struct smtp_mail_rcpt *r)
{
	struct buf	*b = &c->out;

	buf_adds(b, "RCPT TO:<");
	buf_add(b, r->address);
	buf_addc(b, '>');
	if (c->peer.dsn) {
		add_notify(b, r->notify);
		if (c->mail->smtputf8 || str_is_ascii(r->orcpt))
			add_value(b, " ORCPT=", r->orcpt);
	}
	buf_adds(b, "\r\n");
}

void
smtp_client_commands(struct smtp_client *c)
{
	do {
		size_t	i = c->sent++;

		if (i == CMD_RSET)
			buf_adds(&c->out, "RSET\r\n");
		else if (i == CMD_MAIL)
			add_mail(c);
		else if (i - CMD_RCPT < c->nchosen)
			add_rcpt(c, &c->mail->rcpt[c->chosen[i - CMD_RCPT]]);
		else
			buf_adds(&c->out, "DATA\r\n");
	} while (c->all_at_once && c->sent < c->last);
}

/* --- choosing recipients for a transaction */

static struct str
domain_of(struct str address)
{
	return str_skip(address, str_rchr(address, '@') + 1);
}

/* Was this domain among the chosen ones before? */
static bool
domain_seen(const struct smtp_client *c, struct str domain)
{
	for (size_t i = 0; i < c->nchosen; i++)
		if (str_ieq(domain_of(c->mail->rcpt[c->chosen[i]].address), domain))
			return true;
	return false;
}

void
smtp_client_choose(struct smtp_client *c)
{
	struct smtp_mail	*m = c->mail;
	size_t			 max = c->peer.rcpt_max > 0 ? c->peer.rcpt_max : LIMIT_SMTP_RCPTS;
	size_t			 domains = 0;

	c->nchosen = 0;
	for (size_t i = 0; i < m->nrcpt && c->nchosen < max; i++) {
		struct smtp_mail_rcpt	*r = &m->rcpt[i];

		if (r->got != SMTP_MAIL_UNTRIED)
			continue;
		if (c->peer.rcpt_domain_max > 0 && !domain_seen(c, domain_of(r->address))) {
			if (domains == c->peer.rcpt_domain_max)
				continue;
			domains++;
		}
		r->stage = STAGE_CHOSEN;
		c->chosen[c->nchosen++] = (uint32_t)i;
	}
}

/* --- can this server take it at all? */

static bool
is_utf8_needed(const struct smtp_mail *m)
{
	bool	needed = m->smtputf8 || (m->from.n > 0 && !str_is_ascii(m->from));

	for (size_t i = 0; i < m->nrcpt && !needed; i++)
		needed = m->rcpt[i].got == SMTP_MAIL_UNTRIED && !str_is_ascii(m->rcpt[i].address);
	return needed;
}

/* An address that would not be read as the one it is, or break the line. */
static bool
is_address(struct str s)
{
	struct addr	a;

	return addr_parse(s, &a) == ADDR_OK && !str_has_control(s);
}

static void
check_addresses(struct smtp_client *c)
{
	struct smtp_mail	*m = c->mail;

	if (m->from.n > 0 && !is_address(m->from)) {
		smtp_client_own_results(c, SMTP_MAIL_PERM, "5.1.7", STR("the sender's address is malformed"));
		return;
	}
	for (size_t i = 0; i < m->nrcpt; i++) {
		m->rcpt[i].stage = STAGE_OUT;
		if (m->rcpt[i].got == SMTP_MAIL_UNTRIED && !is_address(m->rcpt[i].address))
			smtp_client_result(c, &m->rcpt[i], SMTP_MAIL_PERM, 0, "5.1.3", STR("the address is malformed"));
	}
}

static void
check_message(struct smtp_client *c)
{
	struct smtp_mail	*m = c->mail;

	m->smtputf8 = is_utf8_needed(m);

	if (c->peer.max_size > 0 && m->size > c->peer.max_size)
		smtp_client_own_results(c, SMTP_MAIL_PERM, "5.3.4", STR("the message is larger than the server says it takes"));
	else if (m->smtputf8 && !c->peer.smtputf8)
		smtp_client_own_results(c, SMTP_MAIL_HOST, "5.6.7", STR("the message needs SMTPUTF8 (an address or a header that is not ASCII), which the server does not offer"));
	else if (m->requiretls && !(c->tls && c->peer.requiretls))
		smtp_client_own_results(c, SMTP_MAIL_HOST, "5.7.30", STR("the sender requires TLS all the way (REQUIRETLS), which the server does not offer"));
	else if (m->body == SMTP_BODY_BINARYMIME && !(c->peer.binarymime && c->peer.chunking))
		smtp_client_own_results(c, SMTP_MAIL_HOST, "5.6.3", STR("the message is binary (BINARYMIME), which the server does not take"));
}

void
smtp_client_check(struct smtp_client *c)
{
	check_addresses(c);
	check_message(c);
}
