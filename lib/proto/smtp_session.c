#include "smtp_session.h"

#include <stdlib.h>

#include "smtp_internal.h"

void
smtp_session_init(struct smtp_session *s, const struct smtp_session_conf *conf)
{
	*s = (struct smtp_session){
		.conf = conf,
		.out = BUF_INIT(LIMIT_SMTP_REPLIES),
		.data = BUF_INIT(2 * SMTP_DATA_BUFFER),
		.line = BUF_INIT(LIMIT_SMTP_AUTH_LINE),
		.auth.response = BUF_INIT(LIMIT_SMTP_AUTH_LINE),
		.arena = ARENA_INIT(LIMIT_SMTP_TRANSACTION),
		.tls = conf->tls,
		.client_key = conf->client_key,
		.channel = conf->channel,
		.known = conf->known,
		.want = SMTP_WANT_INPUT,
	};
	if (conf->closed) {
		smtp_say_close(s, 554, NULL, "this service is not served here");
		return;
	}
	buf_adds(&s->out, "220 ");
	buf_add(&s->out, conf->hostname);
	buf_adds(&s->out, " ESMTP posthorn\r\n");
	smtp_auth_key(s);
}

void
smtp_session_free(struct smtp_session *s)
{
	buf_free(&s->out);
	buf_free(&s->data);
	smtp_auth_wipe(s);
	buf_free(&s->auth.response);
	buf_free(&s->line);
	arena_free(&s->arena);
	free(s->rcpt);
	s->rcpt = NULL;
}

void
smtp_reset(struct smtp_session *s)
{
	arena_reset(&s->arena);
	buf_reset(&s->data);
	s->mail = s->smtputf8 = s->requiretls = false;
	s->msg = s->from_text = s->envid = s->holdfor = s->holduntil = STR("");
	s->from = (struct addr){ .local = STR("") };
	s->said_size = s->size = s->nrcpt = 0;
	s->body = SMTP_BODY_7BIT;
	s->ret = SMTP_RET_UNSAID;
	s->spf = s->spf_asked = s->too_big = s->chunks = s->all_unknown = false;
	s->trouble = SMTP_STORED;
	s->phase = PHASE_COMMAND;
}

void
smtp_delay(struct smtp_session *s, int64_t ms, int then)
{
	s->then = then;
	s->delay_ms = ms;
	s->want = SMTP_WANT_DELAY;
	if (ms == 0)
		smtp_session_waited(s);
}

/*
 * The next whole line without its end: CRLF, and for hand-typed sessions LF. The
 * one place that decides what ends a command. False: no whole line yet, or one too long.
 */
static bool
take_line(struct smtp_session *s, struct str *in, size_t max, struct str *line_r)
{
	size_t	at = str_chr(*in, '\n');
	size_t	n = at < in->n ? at + 1 : at;

	if (n > max - s->line.n || (at == in->n && n == max - s->line.n)) {
		if (s->phase == PHASE_AUTH)
			smtp_say_close(s, 500, "5.5.6", "authentication exchange line too long");
		else
			smtp_say_close(s, 500, "5.5.0", "command line too long");
		return false;
	}
	if (s->line.n == 0 && at < in->n)
		*line_r = str_head(*in, n);
	else {
		buf_add(&s->line, str_head(*in, n));
		*line_r = buf_str(&s->line);
	}
	*in = str_skip(*in, n);
	if (at + 1 != n)
		return false;
	line_r->n--;
	if (line_r->n > 0 && line_r->p[line_r->n - 1] == '\r')
		line_r->n--;
	return true;
}

static void
feed_command(struct smtp_session *s, struct str *in)
{
	struct str	line;

	if (!take_line(s, in, LIMIT_SMTP_LINE, &line))
		return;
	smtp_command(s, line);
	buf_reset(&s->line);
}

static void
feed_auth(struct smtp_session *s, struct str *in)
{
	struct str	line;

	if (!take_line(s, in, LIMIT_SMTP_AUTH_LINE, &line))
		return;
	s->phase = PHASE_COMMAND;
	smtp_auth_line(s, line);
	if (s->line.n > 0)
		explicit_bzero(s->line.p, s->line.n);
	buf_reset(&s->line);
}

/* Count what came; what is not to be kept is dropped here. */
static void
take_data(struct smtp_session *s, size_t before)
{
	size_t	n = s->data.n - before;

	if (n > s->conf->max_size - s->size)
		s->too_big = true;
	else
		s->size += n;
	if (s->too_big || s->all_unknown || s->reader.spoiled || s->trouble != SMTP_STORED)
		buf_reset(&s->data);
	else if (s->data.n >= SMTP_DATA_BUFFER)
		s->want = SMTP_WANT_STORE;
}

static void
feed_data(struct smtp_session *s, struct str *in)
{
	size_t	before = s->data.n;
	bool	end = smtp_data_feed(&s->reader, in, &s->data) == SMTP_DATA_END;

	take_data(s, before);
	if (end) {
		s->phase = PHASE_COMMAND;
		smtp_message_end(s);
	}
}

/* The chunk is in: its reply, or the message's end. */
static void
end_chunk(struct smtp_session *s)
{
	s->phase = PHASE_COMMAND;
	if (s->chunk_bad) {
		smtp_say(s, s->refused.code, s->refused.enhanced, s->refused.text);
		return;
	}
	if (s->chunk_last)
		smtp_data_close(&s->reader);
	if (s->chunk_last || s->too_big || s->reader.spoiled || s->trouble != SMTP_STORED)
		smtp_message_end(s);
	else
		smtp_say(s, 250, "2.0.0", "octets received");
}

static void
feed_chunk(struct smtp_session *s, struct str *in)
{
	struct str	part = str_head(*in, s->chunk < in->n ? (size_t)s->chunk : in->n);
	size_t		before = s->data.n, whole = part.n;

	if (s->chunk_bad)
		part = str_skip(part, whole);
	else if (s->body == SMTP_BODY_BINARYMIME) {
		buf_add(&s->data, str_head(part, s->data.max - s->data.n));
		part = str_skip(part, s->data.n - before);
	} else
		(void)!smtp_data_feed(&s->reader, &part, &s->data);
	*in = str_skip(*in, whole - part.n);
	s->chunk -= whole - part.n;
	if (!s->chunk_bad)
		take_data(s, before);
	if (s->chunk == 0)
		end_chunk(s);
}

enum smtp_want
smtp_session_feed(struct smtp_session *s, struct str *in)
{
	while (s->want == SMTP_WANT_INPUT && (in->n > 0 || (s->phase == PHASE_CHUNK && s->chunk == 0))) {
		switch (s->phase) {
		case PHASE_DATA:
			feed_data(s, in);
			break;
		case PHASE_CHUNK:
			feed_chunk(s, in);
			break;
		case PHASE_AUTH:
			feed_auth(s, in);
			break;
		case PHASE_COMMAND:
		default:
			feed_command(s, in);
			break;
		}
	}
	if (buf_failed(&s->out))	/* nothing true can be said any more */
		s->want = SMTP_WANT_CLOSE;
	return s->want;
}

bool
smtp_session_in_message(const struct smtp_session *s)
{
	return s->phase == PHASE_DATA || s->phase == PHASE_CHUNK || s->chunks;
}

void
smtp_session_stop(struct smtp_session *s, int code, const char *enhanced, const char *text)
{
	if (s->want != SMTP_WANT_CLOSE)
		smtp_say_close(s, code, enhanced, text);
}

void
smtp_session_secured(struct smtp_session *s, bool client_key, bool channel)
{
	smtp_reset(s);
	buf_reset(&s->line);
	s->tls = true;
	s->client_key = client_key;
	s->channel = channel;
	s->helo = STR("");
	s->esmtp = false;
	s->want = SMTP_WANT_INPUT;
	smtp_auth_key(s);
}
