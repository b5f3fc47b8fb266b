/*
 * smtp_client: the first two bytes choose the client and the message, the third how
 * the server's words are cut. Output, wants and results must be those of the
 * whole; every command is one line; no input waits when input is wanted; at the
 * end each recipient has a result or none was begun with.
 */
#include <stdlib.h>

#include "proto/smtp_client.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
check_out(struct str out)
{
	struct str	line;

	while (out.n > 0) {
		if (!str_cut(&out, '\n', &line) || line.n == 0 || line.p[line.n - 1] != '\r')
			abort();
		if (str_chr(str_head(line, line.n - 1), '\r') != line.n - 1)
			abort();
	}
}

static void
add_results(struct buf *log, const struct smtp_mail *m)
{
	for (size_t i = 0; i < m->nrcpt; i++) {
		const struct smtp_mail_rcpt	*r = &m->rcpt[i];

		if (r->got == SMTP_MAIL_UNTRIED)
			continue;
		if (r->text.n == 0 || (r->code != 0 && (r->code < 200 || r->code > 599)) || str_c(r->status).n < 5)
			abort();
		for (size_t k = 0; k < r->text.n; k++)
			if (byte_is_control(r->text.p[k]) && r->text.p[k] != '\n')
				abort();
		if ((r->got == SMTP_MAIL_OK) != (r->code / 100 == 2) || (r->got == SMTP_MAIL_TEMP && r->status[0] != '4'))
			abort();
		buf_addf(log, "%d %u %s " STR_FMT "\n", r->got, r->code, r->status, STR_ARG(r->text));
	}
}

static void
setup(const uint8_t *flags, struct smtp_client_conf *conf, struct smtp_mail *m, struct smtp_mail_rcpt rcpt[3])
{
	static const char *const	names[] = { "a@x.example", "b@y.example", "c@x.example" };

	*conf = (struct smtp_client_conf){
		.hostname = STR("us"), .starttls = (enum smtp_client_tls)((flags[0] & 3) % 3), .tls = (flags[0] & 4) != 0,
		.one_by_one = (flags[0] & 8) != 0, .login = (flags[0] & 16) != 0,
		.auth = { .user = STR("u"), .password = STR("p"), .nonce = STR("n"), .clear = (flags[0] & 4) != 0 },
	};
	*m = (struct smtp_mail){
		.from = flags[1] & 1 ? STR("s@us") : STR(""), .body = (enum smtp_body)((flags[1] >> 1 & 3) % 3),
		.smtputf8 = (flags[1] & 8) != 0, .requiretls = (flags[1] & 16) != 0, .envid = STR("e"), .ret = SMTP_RET_FULL,
		.size = 9, .rcpt = rcpt, .nrcpt = 1 + (flags[1] >> 5) % 3,
	};
	for (size_t i = 0; i < 3; i++)
		rcpt[i] = (struct smtp_mail_rcpt){ .address = str_c(names[i]), .notify = SMTP_NOTIFY_DELAY, .orcpt = STR("rfc822;x") };
}

/* False: over. */
static bool
fulfil(struct smtp_client *c, struct smtp_mail *m, unsigned *mails, struct buf *log)
{
	static const struct scram_channel	none = { { NULL, 0 }, { NULL, 0 } };

	if (smtp_client_want(c) == SMTPC_WANT_INPUT)
		return true;
	buf_addc(log, (char)('A' + (char)smtp_client_want(c)));
	switch (smtp_client_want(c)) {
	case SMTPC_WANT_INPUT:
		break;
	case SMTPC_WANT_STARTTLS:
		smtp_client_secured(c, &none);
		break;
	case SMTPC_WANT_MAIL:
		add_results(log, m);
		if ((*mails)++ == 2) {
			smtp_client_quit(c);
			break;
		}
		for (size_t i = 0; i < m->nrcpt; i++)
			m->rcpt[i].got = SMTP_MAIL_UNTRIED;
		smtp_client_send(c, m);
		break;
	case SMTPC_WANT_MESSAGE:
		smtp_client_message(c, STR("a\r\n.\r\n"), false);
		smtp_client_message(c, STR(".b\n"), true);
		break;
	case SMTPC_WANT_CLOSE:
		return false;
	}
	return true;
}

static void
run(const uint8_t *flags, struct str in, size_t piece, struct buf *log)
{
	struct smtp_client_conf	conf;
	struct smtp_mail_rcpt	rcpt[3];
	struct smtp_mail	m;
	struct smtp_client	c;
	struct arena		arena = ARENA_INIT(1u << 20);
	unsigned		mails = 0;

	setup(flags, &conf, &m, rcpt);
	m.arena = &arena;
	smtp_client_init(&c, &conf);
	do {
		if (smtp_client_want(&c) == SMTPC_WANT_INPUT) {
			struct str	part = str_head(in, piece);
			size_t		before = part.n;

			if (in.n == 0)
				smtp_client_lost(&c, "4.4.2", STR("gone"));
			if (smtp_client_feed(&c, &part) == SMTPC_WANT_INPUT && part.n > 0)
				abort();
			in = str_skip(in, before - part.n);
		}
		if (m.body != SMTP_BODY_BINARYMIME)
			check_out(buf_str(&c.out));
		buf_add(log, buf_str(&c.out));
		buf_reset(&c.out);
	} while (fulfil(&c, &m, &mails, log));
	buf_addf(log, "%d %u %s " STR_FMT "\n", c.why, c.code, c.status, STR_ARG(buf_str(&c.text)));
	add_results(log, &m);
	smtp_client_free(&c);
	arena_free(&arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf	a = BUF_INIT(1u << 22), b = BUF_INIT(1u << 22);
	struct str	in;

	if (size < 4)
		return 0;
	in = str_n(data + 3, size - 3);
	run(data, in, in.n, &a);
	run(data, in, 1 + data[2] % 16, &b);
	if (!buf_failed(&a) && !buf_failed(&b) && !str_eq(buf_str(&a), buf_str(&b)))
		abort();
	buf_free(&a);
	buf_free(&b);
	return 0;
}
