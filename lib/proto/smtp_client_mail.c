#include "smtp_client.h"

#include "smtp_client_i.h"

/* Where a recipient is in the transaction under way. */
enum {
	STAGE_OUT,		/* not in it */
	STAGE_CHOSEN,
	STAGE_ACCEPTED,
};

/* The commands of an envelope, in order: RSET, MAIL, RCPT for each chosen one, DATA. */
enum { CMD_RSET, CMD_MAIL, CMD_RCPT };

static void	begin(struct smtp_client *);

/* --- results */

static void
set_result(struct smtp_client *c, struct smtp_mail_rcpt *r, enum smtp_mail_got got, unsigned code, const char *status, struct str text)
{
	r->got = got;
	r->code = code;
	r->stage = STAGE_OUT;
	if (!str_copy(str_c(status), r->status, sizeof(r->status)))
		r->status[0] = '\0';
	if (!arena_dup(c->mail->arena, text, &r->text))
		r->text = STR("");
}

enum smtp_mail_got
smtp_client_verdict(const struct smtp_client *c)
{
	char	status[SMTP_STATUS];
	bool	said = smtp_client_reply_status(&c->reply, c->peer.enhanced, status);
	bool	too_big = said && (strcmp(status, "5.3.4") == 0 || strcmp(status, "5.2.3") == 0);

	if (c->reply.code / 100 == 5 && (c->reply.code != 552 || too_big))
		return SMTP_MAIL_PERM;
	return c->reply.code / 100 == 2 ? SMTP_MAIL_OK : SMTP_MAIL_TEMP;
}

/* The reply is the result of this one. */
static void
reply_result(struct smtp_client *c, struct smtp_mail_rcpt *r)
{
	struct buf		text = BUF_INIT(2 * LIMIT_SMTP_REPLY);
	enum smtp_mail_got	got = smtp_client_verdict(c);
	char			status[SMTP_STATUS];

	(void)smtp_client_reply_status(&c->reply, c->peer.enhanced, status);
	if (got == SMTP_MAIL_TEMP)
		status[0] = '4';
	smtp_client_reply_add(&c->reply, &text);
	set_result(c, r, got, c->reply.code, status, buf_str(&text));
	buf_free(&text);
}

/* The reply is the result of all that are in this stage. */
static void
reply_results(struct smtp_client *c, int stage)
{
	for (size_t i = 0; i < c->mail->nrcpt; i++)
		if (c->mail->rcpt[i].stage == stage)
			reply_result(c, &c->mail->rcpt[i]);
}

/* Our own words are the result of all that have none. */
static void
own_results(struct smtp_client *c, enum smtp_mail_got got, const char *status, struct str text)
{
	for (size_t i = 0; i < c->mail->nrcpt; i++)
		if (c->mail->rcpt[i].got == SMTP_MAIL_UNTRIED)
			set_result(c, &c->mail->rcpt[i], got, 0, status, text);
}

/*
 * What was not answered is temporary, and the end of the message being sent, unsure. Those
 * of other transactions stay untried: they may be tried on another connection at once.
 */
void
smtp_client_mail_over(struct smtp_client *c)
{
	struct smtp_mail	*m = c->mail;
	bool			 unsure = c->phase == PHASE_END && c->why != SMTPC_CLOSING;

	for (size_t i = 0; i < m->nrcpt; i++) {
		struct smtp_mail_rcpt	*r = &m->rcpt[i];
		char			 status[SMTP_STATUS];
		struct buf		 text = BUF_INIT(2 * LIMIT_SMTP_REPLY);

		if (r->stage == STAGE_OUT)
			continue;
		memcpy(status, c->status, sizeof(status));
		status[0] = '4';
		buf_add(&text, buf_str(&c->text));
		if (unsure)
			buf_adds(&text, "; the message had been sent, and the server may have it");
		set_result(c, r, unsure ? SMTP_MAIL_UNSURE : SMTP_MAIL_TEMP, c->code, status, buf_str(&text));
		buf_free(&text);
	}
	c->in_mail = false;
	c->mail = NULL;
}

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

/* The next command, or with PIPELINING (RFC 2920) all of them. */
static void
add_commands(struct smtp_client *c)
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

/* As many as the server's limits let us (RFC 9422); without any, what every server must take. */
static void
choose(struct smtp_client *c)
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
		own_results(c, SMTP_MAIL_PERM, "5.1.7", STR("the sender's address is malformed"));
		return;
	}
	for (size_t i = 0; i < m->nrcpt; i++) {
		m->rcpt[i].stage = STAGE_OUT;
		if (m->rcpt[i].got == SMTP_MAIL_UNTRIED && !is_address(m->rcpt[i].address))
			set_result(c, &m->rcpt[i], SMTP_MAIL_PERM, 0, "5.1.3", STR("the address is malformed"));
	}
}

static void
check_message(struct smtp_client *c)
{
	struct smtp_mail	*m = c->mail;

	m->smtputf8 = is_utf8_needed(m);

	if (c->peer.max_size > 0 && m->size > c->peer.max_size)
		own_results(c, SMTP_MAIL_PERM, "5.3.4", STR("the message is larger than the server says it takes"));
	else if (m->smtputf8 && !c->peer.smtputf8)
		own_results(c, SMTP_MAIL_HOST, "5.6.7", STR("the message needs SMTPUTF8 (an address or a header that is not ASCII), which the server does not offer"));
	else if (m->requiretls && !(c->tls && c->peer.requiretls))
		own_results(c, SMTP_MAIL_HOST, "5.7.30", STR("the sender requires TLS all the way (REQUIRETLS), which the server does not offer"));
	else if (m->body == SMTP_BODY_BINARYMIME && !(c->peer.binarymime && c->peer.chunking))
		own_results(c, SMTP_MAIL_HOST, "5.6.3", STR("the message is binary (BINARYMIME), which the server does not take"));
}

/* --- a transaction */

static void
idle(struct smtp_client *c)
{
	c->in_mail = c->transferring = false;
	c->mail = NULL;
	c->phase = PHASE_MAIL;
	c->want = SMTPC_WANT_MAIL;
}

bool
smtp_client_may_send(const struct smtp_client *c)
{
	return c->want == SMTPC_WANT_MAIL && (c->peer.mail_max == 0 || c->transactions < c->peer.mail_max);
}

bool
smtp_client_pipelined(const struct smtp_client *c)
{
	return c->want != SMTPC_WANT_CLOSE && c->in_mail && c->phase == PHASE_ENVELOPE && c->all_at_once;
}

void
smtp_client_send(struct smtp_client *c, struct smtp_mail *m)
{
	c->mail = m;
	c->chosen = arena_array(m->arena, m->nrcpt, sizeof(c->chosen[0]));
	if (c->chosen == NULL) {
		own_results(c, SMTP_MAIL_TEMP, "4.3.0", STR("out of memory"));
		idle(c);
		return;
	}
	check_addresses(c);
	check_message(c);
	begin(c);
}

/* A transaction for those still untried, if there are any and the server takes one more. */
static void
begin(struct smtp_client *c)
{
	c->want = SMTPC_WANT_MAIL;
	c->transferring = c->ended = false;
	if (smtp_client_may_send(c))
		choose(c);
	else
		c->nchosen = 0;
	if (c->nchosen == 0) {
		idle(c);
		return;
	}
	c->transactions++;
	c->bdat = c->mail->body == SMTP_BODY_BINARYMIME;
	c->all_at_once = c->peer.pipelining && !c->conf->one_by_one;
	c->in_mail = true;
	c->mail_ok = false;
	c->naccepted = 0;
	c->first = c->sent = c->answered = c->need_rset ? CMD_RSET : CMD_MAIL;
	c->last = CMD_RCPT + c->nchosen + (c->bdat ? 0 : 1);
	c->need_rset = true;
	c->phase = PHASE_ENVELOPE;
	c->want = SMTPC_WANT_INPUT;
	add_commands(c);
}

static void
garbage(struct smtp_client *c)
{
	smtp_client_close(c, SMTPC_GARBAGE, true, "4.5.0", STR("an unexpected reply"));
}

/* The transaction is over, each of its recipients has a result. */
static void
end(struct smtp_client *c)
{
	for (size_t i = 0; i < c->nchosen; i++)
		c->mail->rcpt[c->chosen[i]].stage = STAGE_OUT;
	begin(c);
}

static void
begin_body(struct smtp_client *c)
{
	c->phase = PHASE_BODY;
	c->want = SMTPC_WANT_MESSAGE;
	c->transferring = true;
	c->stuff = (struct smtp_stuff)SMTP_STUFF_INIT;
	c->left = c->mail->size;
	if (c->bdat) {
		buf_adds(&c->out, "BDAT ");
		buf_addu(&c->out, c->left);
		buf_adds(&c->out, " LAST\r\n");
	}
}

/*
 * Is another transaction worth it for this recipient (RFC 5321 4.5.3.1.10)? When
 * others were taken in this one; and not if it is the mailbox that is full.
 */
static bool
is_one_too_many(const struct smtp_client *c)
{
	char	status[SMTP_STATUS];

	if ((c->reply.code != 452 && c->reply.code != 552) || c->naccepted == 0)
		return false;
	return !smtp_client_reply_status(&c->reply, c->peer.enhanced, status) || strncmp(status + 1, ".2.", 3) != 0;
}

static void
got_rcpt(struct smtp_client *c, struct smtp_mail_rcpt *r)
{
	if (!c->mail_ok)
		return;		/* MAIL's reply was its result */
	if (c->reply.code / 100 == 2) {
		r->stage = STAGE_ACCEPTED;
		c->naccepted++;
	} else if (c->reply.code / 100 == 3)
		garbage(c);
	else if (is_one_too_many(c))
		r->stage = STAGE_OUT;	/* untried, for the next one */
	else
		reply_result(c, r);
}

static void
got_data(struct smtp_client *c)
{
	if (c->reply.code == 354) {
		if (c->naccepted > 0)
			begin_body(c);
		else if (c->mail_ok) {
			/* RFC 2920 section 3.1 */
			buf_adds(&c->out, ".\r\n");
			c->phase = PHASE_EMPTY;
		} else
			/* whose mail would it be? */
			garbage(c);
	} else if (c->reply.code / 100 < 4)
		garbage(c);
	else {
		reply_results(c, STAGE_ACCEPTED);
		end(c);
	}
}

static void
got_envelope(struct smtp_client *c)
{
	size_t	i = c->answered++;

	if (i == CMD_RSET)
		;	/* a server that does not know RSET will say so to MAIL */
	else if (i == CMD_MAIL) {
		c->mail_ok = c->reply.code / 100 == 2;
		if (c->reply.code / 100 == 3)
			garbage(c);
		else if (!c->mail_ok) {
			c->need_rset = c->all_at_once;
			reply_results(c, STAGE_CHOSEN);
		}
	} else if (i - CMD_RCPT < c->nchosen)
		got_rcpt(c, &c->mail->rcpt[c->chosen[i - CMD_RCPT]]);
	else {
		got_data(c);
		return;
	}
	if (c->want == SMTPC_WANT_CLOSE || c->answered < c->sent)
		return;
	if ((i == CMD_MAIL && !c->mail_ok) || (i + 1 == CMD_RCPT + c->nchosen && c->naccepted == 0))
		end(c);
	else if (c->bdat && c->answered == c->last)
		begin_body(c);
	else
		add_commands(c);
}

void
smtp_client_mail_reply(struct smtp_client *c)
{
	switch (c->phase) {
	case PHASE_ENVELOPE:
		got_envelope(c);
		break;
	case PHASE_BODY:	/* it does not want to hear the rest, and nothing else can be said before that */
		if (c->reply.code / 100 < 4)
			garbage(c);
		else {
			reply_results(c, STAGE_ACCEPTED);
			smtp_client_close(c, SMTPC_CLOSING, true, "", STR(""));
		}
		break;
	case PHASE_END:
		if (c->reply.code / 100 == 3)
			garbage(c);
		else {
			reply_results(c, STAGE_ACCEPTED);
			c->need_rset = false;
			end(c);
		}
		break;
	default:	/* PHASE_EMPTY: whatever it made of nothing */
		c->need_rset = false;
		end(c);
	}
}

void
smtp_client_message(struct smtp_client *c, struct str bytes, bool last)
{
	if (c->bdat) {
		bytes = str_head(bytes, bytes.n < c->left ? bytes.n : (size_t)c->left);
		buf_add(&c->out, bytes);
		c->left -= bytes.n;
		if (last && c->left > 0) {
			smtp_client_close(c, SMTPC_ABORTED, false, "4.3.0", STR("the message is shorter than it was"));
			return;
		}
	} else
		smtp_stuff_feed(&c->stuff, bytes, &c->out);
	if (!last)
		return;
	if (!c->bdat)
		smtp_stuff_end(&c->stuff, &c->out);
	c->phase = PHASE_END;
	c->want = SMTPC_WANT_INPUT;
	c->ended = true;
}
