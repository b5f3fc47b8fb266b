/* smtp_client_reply: single replies and what bounds them; smtp_ehlo and smtp_stuff beside it. */
#include "proto/smtp_client_reply.h"

#include "base/limits.h"
#include "proto/sasl.h"
#include "proto/smtp_data.h"
#include "proto/smtp_ehlo.h"
#include "proto/smtp_stuff.h"

#include "../tap.h"

static const struct {
	const char	*name, *in;
	const char	*want;		/* code, status, the text for people; what follows. "bad", "more" */
} replies[] = {
	{ "one line", "250 2.1.0 fine\r\n354", "250 2.1.0 250 2.1.0 fine|354" },
	{ "many lines", "550-5.1.1 who\r\n550-5.1.1 is\r\n550 5.1.1 that\r\n", "550 5.1.1 550 5.1.1 who\nis\nthat|" },
	{ "an enhanced code of another class", "450 5.1.1 who\r\n", "450 4.0.0 450 5.1.1 who|" },
	{ "an enhanced code alone", "550 5.7.1\r\n", "550 5.7.1 550 5.7.1|" },
	{ "one with long numbers", "550 5.123.456 x\r\n", "550 5.123.456 550 5.123.456 x|" },
	{ "one with longer numbers", "550 5.1234.4 x\r\n", "550 5.0.0 550 5.1234.4 x|" },
	{ "no third number", "550 5.1 x\r\n", "550 5.0.0 550 5.1 x|" },
	{ "an empty last line", "250-ok\r\n250\r\n", "250 2.0.0 250 ok\n|" },
	{ "a tab and a NUL\t", "250 a\tb\r\n", "250 2.0.0 250 a b|" },
	{ "no text", "550\r\n", "550 5.0.0 550|" },
	{ "a line without an end", "250 ok", "more" },
	{ "a last line that is missing", "250-ok\r\n", "more" },
	{ "an empty line", "\r\n", "bad" },
	{ "two digits", "25 ok\r\n", "bad" },
	{ "four digits", "2500 ok\r\n", "bad" },
	{ "600", "600 ok\r\n", "bad" },
	{ "letters", "2x0 ok\r\n", "bad" },
	{ "codes that differ", "250-ok\r\n251 ok\r\n", "bad" },
	{ "text that goes on without a code", "250-ok\r\nand more\r\n250 ok\r\n", "bad" },
};

static void
read_reply(struct str in, size_t piece, struct buf *log)
{
	struct smtp_client_reply	r;
	enum smtp_client_reply_got	got = SMTP_REPLY_MORE;
	char				status[SMTP_STATUS];

	smtp_client_reply_init(&r);
	while (got == SMTP_REPLY_MORE && in.n > 0) {
		struct str	part = str_head(in, piece);
		size_t		before = part.n;

		got = smtp_client_reply_feed(&r, &part);
		in = str_skip(in, before - part.n);
	}
	buf_reset(log);
	if (got == SMTP_REPLY_WHOLE) {
		(void)smtp_client_reply_status(&r, true, status);
		buf_addf(log, "%u %s ", r.code, status);
		smtp_client_reply_add(&r, log);
		buf_addf(log, "|" STR_FMT, STR_ARG(in));
	} else
		buf_adds(log, got == SMTP_REPLY_BAD ? "bad" : "more");
	smtp_client_reply_free(&r);
}

static void
test_replies(void)
{
	struct buf	log = BUF_INIT(65536);

	for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++)
		for (size_t piece = 1; piece < 4; piece++) {
			read_reply(str_c(replies[i].in), piece == 3 ? 10000 : piece, &log);
			is_str(buf_str(&log), str_c(replies[i].want), replies[i].name);
		}
	buf_free(&log);
}

/* A server that never ends is given up after so many bytes, whatever they are. */
static void
test_bounds(void)
{
	struct buf	in = BUF_INIT(1u << 20), log = BUF_INIT(65536);

	for (int i = 0; i < 2000; i++)
		buf_adds(&in, "250-and so on\r\n");
	buf_adds(&in, "250 end\r\n");
	for (size_t piece = 1; piece < 100000; piece *= 10) {
		read_reply(buf_str(&in), piece, &log);
		is_str(buf_str(&log), STR("bad"), "a reply without end");
	}
	buf_reset(&in);
	buf_adds(&in, "250 ");
	for (int i = 0; i < LIMIT_SMTP_LINE; i++)
		buf_addc(&in, 'x');
	buf_adds(&in, "\r\n");
	for (size_t piece = 1; piece < 100000; piece *= 10) {
		read_reply(buf_str(&in), piece, &log);
		is_str(buf_str(&log), STR("bad"), "a line without end");
	}
	buf_reset(&in);
	buf_adds(&in, "250 ");
	for (int i = 0; i < LIMIT_SMTP_LINE - 6; i++)
		buf_addc(&in, 'x');
	buf_adds(&in, "\r\n");
	read_reply(buf_str(&in), 1, &log);
	ok(str_starts(buf_str(&log), STR("250 2.0.0 250 xxx")), "a long line");
	buf_free(&in);
	buf_free(&log);
}

static void
test_ehlo(void)
{
	struct smtp_ehlo	e;

	smtp_ehlo_parse(STR("mx.example greets you\npipelining\nSIZE 1000\nauth plain  login X-Y scram-sha-256\nLIMITS RCPTMAX=100 MAILMAX=7 RCPTDOMAINMAX=1"), &e);
	is_str(str_c(e.name), STR("mx.example"), "the name");
	ok(e.pipelining && e.auth && !e.dsn && !e.starttls, "extensions");
	is_num(e.max_size, 1000, "SIZE");
	is_num(e.mechanisms, 1 << SASL_PLAIN | 1 << SASL_LOGIN | 1 << SASL_SCRAM_SHA_256, "mechanisms");
	ok(e.rcpt_max == 100 && e.mail_max == 7 && e.rcpt_domain_max == 1, "limits");
	smtp_ehlo_parse(STR("PIPELINING\nSIZE 99999999999999999999999\nLIMITS RCPTMAX=0 MAILMAX=x RCPTDOMAINMAX=9999999 =\nPIPELININGS\n\n DSN "), &e);
	ok(!e.pipelining && !e.starttls, "the first line offers nothing");
	ok(e.max_size == 0 && e.rcpt_max == 0 && e.mail_max == 0 && e.rcpt_domain_max == 0, "numbers that are none are not said");
	ok(e.dsn, "white space around a keyword");
	smtp_ehlo_parse(STR(""), &e);
	ok(e.name[0] == '\0' && !e.pipelining, "nothing at all");
	is_str(smtp_ehlo_name(STR("mx.example ESMTP")), STR("mx.example"), "the name of a greeting");
	is_str(smtp_ehlo_name(STR("*** ready")), STR(""), "a greeting without a name");
}

/* What smtp_stuff makes of a message, smtp_data takes for the same, with every line end a CRLF. */
static void
test_stuff(void)
{
	static const struct {
		const char	*in, *want;
	} rows[] = {
		{ "", "" }, { "a", "a\r\n" }, { "a\r\n", "a\r\n" }, { ".", ".\r\n" }, { "..\r\n.\r\n", "..\r\n.\r\n" },
		{ "\n.\n", "\r\n.\r\n" }, { "\r.\r", "\r\n.\r\n" }, { "a\r\r\nb", "a\r\n\r\nb\r\n" }, { "\r\n.\r\nx\r\n", "\r\n.\r\nx\r\n" },
		{ "a\r", "a\r\n" }, { "a.\r\n.b\n.c\r.d", "a.\r\n.b\r\n.c\r\n.d\r\n" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (size_t piece = 1; piece < 5; piece++) {
			struct smtp_stuff	s = SMTP_STUFF_INIT;
			struct smtp_data	d = SMTP_DATA_INIT;
			struct buf		wire = BUF_INIT(1000), got = BUF_INIT(1000);
			struct str		in = str_c(rows[i].in);
			bool			end;

			for (; in.n > 0; in = str_skip(in, piece))
				smtp_stuff_feed(&s, str_head(in, piece), &wire);
			smtp_stuff_end(&s, &wire);
			in = buf_str(&wire);
			end = smtp_data_feed(&d, &in, &got) == SMTP_DATA_END;
			ok(end && in.n == 0 && !d.spoiled, "one end, and it is the last");
			is_str(buf_str(&got), str_c(rows[i].want), "the message");
			buf_free(&wire);
			buf_free(&got);
		}
}

int
main(void)
{
	test_replies();
	test_bounds();
	test_ehlo();
	test_stuff();
	return done_testing();
}
