/*
 * smtp_session: the first byte chooses the settings, the second how the rest
 * is cut. The replies and wants must be those of the whole; every reply line
 * is well-formed and not too long; no input waits when input is wanted.
 */
#include <stdlib.h>

#include "proto/smtp_session.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static unsigned
mark(struct str s)
{
	unsigned	h = 5381;

	for (size_t i = 0; i < s.n; i++)
		h = h * 33 + (unsigned char)s.p[i];
	return h;
}

static void
check_replies(struct str out)
{
	struct str	line;

	while (out.n > 0) {
		if (!str_cut(&out, '\n', &line) || line.n < 5 || line.n > LIMIT_SMTP_REPLY_LINE + 1)
			abort();
		if (line.p[line.n - 1] != '\r' || !byte_is_digit(line.p[0]) || (line.p[3] != ' ' && line.p[3] != '-'))
			abort();
		if (str_chr(str_head(line, line.n - 1), '\r') != line.n - 1)
			abort();
	}
}

static void
auth(struct smtp_session *s, struct buf *log)
{
	struct str	resp = buf_str(&s->auth.response);

	if (s->auth.step == SMTP_AUTH_ABORT) {
		smtp_session_auth(s, SMTP_AUTH_ABORTED, STR(""));
		return;
	}
	buf_add(log, resp);
	smtp_session_auth(s, (enum smtp_auth_got)((mark(resp) + s->failures) % 10), STR("Y2hhbGxlbmdl"));
}

static void
finish(struct smtp_session *s, struct buf *log, struct buf *message)
{
	if (s->size != message->n)
		abort();
	buf_add(log, buf_str(message));
	buf_reset(message);
	if (s->conf->submission) {
		if (!s->known)
			abort();
		smtp_session_queued(s, s->nrcpt % 2 == 0 ? 550 : 250, STR("2.6.0"), s->from_text, s->nrcpt > 3);
		return;
	}
	for (size_t i = 0; i < s->nrcpt; i++) {
		unsigned	m = mark(s->rcpt[i].text);

		if (s->rcpt[i].deliver && m % 5 != 0)
			smtp_session_result(s, i, m % 5 == 1 ? 451 : m % 5 == 2 ? 550 : 250, STR("4.2.2"), s->rcpt[i].text);
	}
	smtp_session_finished(s);
}

/* False: over. */
static bool
fulfil(struct smtp_session *s, enum smtp_want want, struct buf *log, struct buf *message)
{
	switch (want) {
	case SMTP_WANT_INPUT:
		break;
	case SMTP_WANT_AUTH:
		auth(s, log);
		break;
	case SMTP_WANT_SENDER:
		smtp_session_sender(s, (enum smtp_sender)(mark(s->from_text) % 5));
		break;
	case SMTP_WANT_SPF:
		smtp_session_spf(s, s->from_text.n % 2 == 0);
		break;
	case SMTP_WANT_RCPT:
		smtp_session_found(s, (enum smtp_found)(mark(s->asked.text) % 7), s->asked.text, NULL);
		break;
	case SMTP_WANT_STORE:
		/* the first byte of a message must not follow what an aborted one left */
		if (s->size == s->data.n)
			buf_reset(message);
		buf_add(message, buf_str(&s->data));
		smtp_session_stored(s, SMTP_STORED);
		break;
	case SMTP_WANT_FINISH:
		if (s->size == 0)
			buf_reset(message);
		finish(s, log, message);
		break;
	case SMTP_WANT_DELAY:
		smtp_session_waited(s);
		break;
	case SMTP_WANT_STARTTLS:
	case SMTP_WANT_CLOSE:
		return false;
	}
	buf_addc(log, (char)('A' + (char)want));
	return true;
}

static void
run(unsigned flags, struct str in, size_t piece, struct buf *log)
{
	struct smtp_session_conf	conf = {
		.hostname = STR_INIT("mx"), .id = STR_INIT("c"), .max_size = flags & 1 ? 40 : 100000,
		.trusted = flags & 2, .localserve = flags & 4, .starttls = flags & 8, .tls = flags & 16,
		.submission = flags & 32, .auth_clear = flags & 64, .client_key = flags & 128, .channel = flags & 128,
	};
	struct smtp_session	s;
	struct buf		message = BUF_INIT(1u << 20);
	bool			more = true;

	smtp_session_init(&s, &conf);
	while (more) {
		struct str	part = str_head(in, piece);
		size_t		before = part.n;
		enum smtp_want	want = smtp_session_feed(&s, &part);

		in = str_skip(in, before - part.n);
		if (want == SMTP_WANT_INPUT && part.n > 0)
			abort();
		check_replies(buf_str(&s.out));
		buf_add(log, buf_str(&s.out));
		buf_reset(&s.out);
		if (want == SMTP_WANT_INPUT)
			more = in.n > 0;
		else
			more = fulfil(&s, want, log, &message);
	}
	buf_free(&message);
	smtp_session_free(&s);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf	a = BUF_INIT(1u << 22), b = BUF_INIT(1u << 22);
	struct str	in;

	if (size < 3)
		return 0;
	in = str_n(data + 2, size - 2);
	run(data[0], in, in.n, &a);
	run(data[0], in, 1 + data[1] % 16, &b);
	if (!buf_failed(&a) && !buf_failed(&b) && !str_eq(buf_str(&a), buf_str(&b)))
		abort();
	buf_free(&a);
	buf_free(&b);
	return 0;
}
