/*
 * smtp_client: whole dialogues. What the server says is fed at once, byte by
 * byte and in pieces of other lengths, and the transcript must always be the one
 * wanted. In a transcript [..] is a want as it was fulfilled; what became of each
 * recipient is at its end. \x01 in an input ends what STARTTLS throws away. An
 * input that ends early is a connection that breaks.
 */
#include "proto/smtp_client.h"

#include "../tap.h"

enum {
	TLS = 1, OFFERED = 2, REQUIRED = 4, LOGIN = 8, ONE = 16,	/* the client */
	UTF8 = 32, REQUIRETLS = 64, EIGHT = 128, BINARY = 256, DSN = 512, NULL_SENDER = 1024, TWO_MAILS = 2048,	/* the message */
	THREE = 4096,	/* recipients; else one */
	EARLY = 8192,	/* the server speaks when half of the message is sent */
};

struct test {
	const char	*name;
	unsigned	 flags;
	const char	*in, *want;
	const char	*message;	/* NULL: "hi\r\n" */
	uint64_t	 size;		/* said; 0: of the message */
	const char	*mechanisms;
	const char	*rcpt[3];
};

struct run {
	const struct test	*t;
	struct smtp_client	 c;
	struct smtp_client_conf	 conf;
	struct smtp_mail	 mail;
	struct smtp_mail_rcpt	 rcpt[3];
	struct arena		 arena;
	struct buf		 log;
	unsigned		 mails;
	struct str		 message;
};

static const char *const	gots[] = { "untried", "ok", "temp", "perm", "host", "unsure" };
static const char *const	whys[] = { "ended", "refused", "closing", "garbage", "lost", "no tls", "no auth", "loop", "aborted" };

static void
setup(struct run *r, const struct test *t)
{
	static const char *const	names[] = { "a@x.example", "b@x.example", "c@y.example" };
	unsigned			f = t->flags;

	*r = (struct run){ .t = t, .arena = ARENA_INIT(1u << 20), .log = BUF_INIT(1u << 20) };
	r->message = t->message != NULL ? str_c(t->message) : STR("hi\r\n");
	r->conf = (struct smtp_client_conf){
		.hostname = STR("us.example"), .tls = (f & TLS) != 0, .one_by_one = (f & ONE) != 0, .login = (f & LOGIN) != 0,
		.starttls = f & REQUIRED ? SMTPC_TLS_REQUIRED : f & OFFERED ? SMTPC_TLS_OFFERED : SMTPC_TLS_NEVER,
		.auth = {
			.user = STR("user"), .password = STR("pencil"), .allowed = str_c(t->mechanisms),
			.nonce = STR("rOprNGfwEbeRWgbNEkqO"), .clear = (f & TLS) != 0,
		},
	};
	r->mail = (struct smtp_mail){
		.from = f & NULL_SENDER ? STR("") : STR("s@us.example"),
		.body = f & BINARY ? SMTP_BODY_BINARYMIME : f & EIGHT ? SMTP_BODY_8BITMIME : SMTP_BODY_7BIT,
		.smtputf8 = (f & UTF8) != 0, .requiretls = (f & REQUIRETLS) != 0,
		.ret = f & DSN ? SMTP_RET_HDRS : SMTP_RET_UNSAID, .envid = f & DSN ? STR("e+20id") : STR(""),
		.size = t->size != 0 ? t->size : r->message.n,
		.rcpt = r->rcpt, .nrcpt = f & THREE ? 3 : 1, .arena = &r->arena,
	};
	for (size_t i = 0; i < 3; i++)
		r->rcpt[i] = (struct smtp_mail_rcpt){
			.address = str_c(t->rcpt[i] != NULL ? t->rcpt[i] : names[i]),
			.notify = f & DSN ? SMTP_NOTIFY_SUCCESS | SMTP_NOTIFY_FAILURE : 0,
			.orcpt = f & DSN ? STR("rfc822;o@x.example") : STR(""),
		};
	smtp_client_init(&r->c, &r->conf);
}

static void
drain(struct run *r)
{
	buf_add(&r->log, buf_str(&r->c.out));
	buf_reset(&r->c.out);
}

static void
add_results(struct run *r)
{
	for (size_t i = 0; i < r->mail.nrcpt; i++) {
		const struct smtp_mail_rcpt	*q = &r->rcpt[i];

		buf_addf(&r->log, "<%zu %s", i, gots[q->got]);
		if (q->got != SMTP_MAIL_UNTRIED)
			buf_addf(&r->log, " %u %s " STR_FMT, q->code, q->status, STR_ARG(q->text));
		buf_adds(&r->log, ">");
	}
}

static void
next_mail(struct run *r)
{
	if (r->mails++ > (r->t->flags & TWO_MAILS ? 1u : 0u)) {
		smtp_client_quit(&r->c);
		return;
	}
	if (r->mails == 2) {
		add_results(r);
		for (size_t i = 0; i < r->mail.nrcpt; i++)
			r->rcpt[i].got = SMTP_MAIL_UNTRIED;
	}
	smtp_client_send(&r->c, &r->mail);
}

/* False when the session is over. */
static bool
fulfil(struct run *r, struct str *rest, size_t piece)
{
	static const struct scram_channel	none = { { NULL, 0 }, { NULL, 0 } };
	struct str				part, scrap;

	drain(r);
	switch (smtp_client_want(&r->c)) {
	case SMTPC_WANT_INPUT:
		if (rest->n == 0) {
			smtp_client_lost(&r->c, "4.4.2", STR("gone"));
			break;
		}
		part = str_head(*rest, piece);
		*rest = str_skip(*rest, part.n);
		(void)smtp_client_feed(&r->c, &part);
		rest->p -= part.n;
		rest->n += part.n;
		if (smtp_client_want(&r->c) == SMTPC_WANT_INPUT && part.n > 0)
			buf_adds(&r->log, "[input left]");
		break;
	case SMTPC_WANT_STARTTLS:
		buf_adds(&r->log, "[tls]");
		(void)str_cut(rest, '\x01', &scrap);
		smtp_client_secured(&r->c, &none);
		break;
	case SMTPC_WANT_MESSAGE:
		buf_adds(&r->log, "[message]");
		smtp_client_message(&r->c, str_head(r->message, r->message.n / 2), false);
		if ((r->t->flags & EARLY) != 0 && smtp_client_feed(&r->c, rest) == SMTPC_WANT_CLOSE)
			break;
		smtp_client_message(&r->c, str_skip(r->message, r->message.n / 2), true);
		break;
	case SMTPC_WANT_MAIL:
		buf_adds(&r->log, smtp_client_may_send(&r->c) ? "[mail]" : "[full]");
		next_mail(r);
		break;
	case SMTPC_WANT_CLOSE:
		buf_addf(&r->log, "[close %s", whys[r->c.why]);
		if (r->c.text.n > 0)
			buf_addf(&r->log, " %u %s " STR_FMT, r->c.code, r->c.status, STR_ARG(buf_str(&r->c.text)));
		buf_adds(&r->log, "]");
		return false;
	}
	return true;
}

static void
converse(const struct test *t, size_t piece, struct buf *log)
{
	struct run	r;
	struct str	rest = str_c(t->in);

	setup(&r, t);
	while (fulfil(&r, &rest, piece))
		;
	add_results(&r);
	buf_reset(log);
	buf_add(log, buf_str(&r.log));
	smtp_client_free(&r.c);
	arena_free(&r.arena);
	buf_free(&r.log);
}

#define HELLO	"220 mx ready\r\n250-mx.example hi\r\n"
#define START	"EHLO us.example\r\n[mail]"
#define PIPE	HELLO "250 PIPELINING\r\n"
#define PLAIN	"220 mx\r\n250 mx\r\n"
#define FROM	"MAIL FROM:<s@us.example>\r\n"
#define TO(x)	"RCPT TO:<" x ">\r\n"
#define A	TO("a@x.example")
#define B	TO("b@x.example")
#define C	TO("c@y.example")
#define SENT	"[message]hi\r\n.\r\n"
#define BYE	"[mail]QUIT\r\n[close ended]"
#define OKS	"250 ok\r\n250 ok\r\n354 go\r\n250 done\r\n221 bye\r\n"

static const struct test	tests[] = {
	{ "one message, command by command", 0,
	    .in = PLAIN OKS,
	    .want = START FROM A "DATA\r\n" SENT BYE "<0 ok 250 2.0.0 250 done>" },
	{ "all at once with PIPELINING", 0,
	    .in = PIPE OKS,
	    .want = START FROM A "DATA\r\n" SENT BYE "<0 ok 250 2.0.0 250 done>" },
	{ "PIPELINING is not believed", ONE,
	    .in = PIPE OKS,
	    .want = START FROM A "DATA\r\n" SENT BYE "<0 ok 250 2.0.0 250 done>" },
	{ "bare LF, and replies of many lines", 0,
	    .in = "220-mx\n220-is\n220 here\n250-mx\n250 PIPELINING\n250 ok\n250-ok\n250 ok\n354 go\n250 done\n221 bye\n",
	    .want = START FROM A "DATA\r\n" SENT BYE "<0 ok 250 2.0.0 250 done>" },
	{ "EHLO is refused, HELO is not", 0,
	    .in = "220 mx\r\n502 what\r\n250 mx\r\n" OKS,
	    .want = "EHLO us.example\r\nHELO us.example\r\n[mail]" FROM A "DATA\r\n" SENT BYE "<0 ok 250 2.0.0 250 done>" },
	{ "HELO is refused, too", 0,
	    .in = "220 mx\r\n502 what\r\n550 5.7.1 go away\r\n",
	    .want = "EHLO us.example\r\nHELO us.example\r\n[close refused 550 5.7.1 550 5.7.1 go away]<0 untried>" },
	{ "EHLO is put off", 0,
	    .in = "220 mx\r\n450 later\r\n",
	    .want = "EHLO us.example\r\n[close refused 450 4.0.0 450 later]<0 untried>" },
	{ "a greeting that refuses", 0,
	    .in = "554-no\r\n554 mail here\r\n",
	    .want = "[close refused 554 5.0.0 554 no\nmail here]<0 untried>" },
	{ "a greeting that says more than could be announced", 0,
	    .in = "554 5.7.1 not from you\r\n",
	    .want = "[close refused 554 5.7.1 554 5.7.1 not from you]<0 untried>" },
	{ "a greeting of 421", 0,
	    .in = "421 busy\r\n",
	    .want = "[close closing 421 4.0.0 421 busy]<0 untried>" },
	{ "the server is ourselves: greeting", 0,
	    .in = "220 US.example ESMTP\r\n",
	    .want = "[close loop 0 5.4.6 mail loops back to ourselves: the other server has our own host name]<0 untried>" },
	{ "the server is ourselves: EHLO", 0,
	    .in = "220 mx\r\n250 us.example\r\n",
	    .want = "EHLO us.example\r\n[close loop 0 5.4.6 mail loops back to ourselves: the other server has our own host name]<0 untried>" },
	{ "garbage instead of a greeting", 0,
	    .in = "SSH-2.0-OpenSSH\r\n",
	    .want = "[close garbage 0 4.5.0 what the server sends is no reply]<0 untried>" },
	{ "a code that is none", 0,
	    .in = "120 x\r\n",
	    .want = "[close garbage 0 4.5.0 what the server sends is no reply]<0 untried>" },
	{ "a code without a space", 0,
	    .in = "220mx\r\n",
	    .want = "[close garbage 0 4.5.0 what the server sends is no reply]<0 untried>" },
	{ "a code alone", 0,
	    .in = "220\r\n250\r\n" OKS,
	    .want = START FROM A "DATA\r\n" SENT BYE "<0 ok 250 2.0.0 250 done>" },
	{ "codes that differ", 0,
	    .in = "220-mx\r\n250 mx\r\n",
	    .want = "[close garbage 0 4.5.0 what the server sends is no reply]<0 untried>" },
	{ "control characters and bytes that are no UTF-8", 0,
	    .in = "220 mx\r\n250 mx\r\n550 a\033[31mb\377\r\n221 bye\r\n",
	    .want = START FROM BYE "<0 perm 550 5.0.0 550 a [31mb?>" },
	{ "it closes at once", 0,
	    .in = "",
	    .want = "[close lost 0 4.4.2 gone]<0 untried>" },
	{ "it closes after EHLO", 0,
	    .in = "220 mx\r\n",
	    .want = "EHLO us.example\r\n[close lost 0 4.4.2 gone]<0 untried>" },
	{ "MAIL is refused", 0,
	    .in = PLAIN "550 5.1.8 no\r\n221 bye\r\n",
	    .want = START FROM BYE "<0 perm 550 5.0.0 550 5.1.8 no>" },
	{ "MAIL is refused, pipelined: the rest is not heard", 0,
	    .in = PIPE "550 no\r\n503 no\r\n503 no\r\n221 bye\r\n",
	    .want = START FROM A "DATA\r\n" BYE "<0 perm 550 5.0.0 550 no>" },
	{ "MAIL is refused and DATA is not: nothing is sent", 0,
	    .in = PIPE "550 no\r\n250 yes\r\n354 go\r\n",
	    .want = START FROM A "DATA\r\n[close garbage 0 4.5.0 an unexpected reply: 354 go]<0 perm 550 5.0.0 550 no>" },
	{ "no recipient is taken", 0,
	    .in = PLAIN "250 ok\r\n550 5.1.1 who\r\n221 bye\r\n",
	    .want = START FROM A BYE "<0 perm 550 5.0.0 550 5.1.1 who>" },
	{ "no recipient is taken, pipelined, but DATA", 0,
	    .in = PIPE "250 ok\r\n550 who\r\n354 go\r\n554 nobody\r\n221 bye\r\n",
	    .want = START FROM A "DATA\r\n.\r\n" BYE "<0 perm 550 5.0.0 550 who>" },
	{ "some recipients are taken", THREE,
	    .in = PIPE "250 ok\r\n250 ok\r\n550 who\r\n450 later\r\n354 go\r\n250 done\r\n221 bye\r\n",
	    .want = START FROM A B C "DATA\r\n" SENT BYE "<0 ok 250 2.0.0 250 done><1 perm 550 5.0.0 550 who><2 temp 450 4.0.0 450 later>" },
	{ "DATA is refused", 0,
	    .in = PIPE "250 ok\r\n250 ok\r\n451 not now\r\n221 bye\r\n",
	    .want = START FROM A "DATA\r\n" BYE "<0 temp 451 4.0.0 451 not now>" },
	{ "DATA is answered with 250", 0,
	    .in = PIPE "250 ok\r\n250 ok\r\n250 ok\r\n",
	    .want = START FROM A "DATA\r\n[close garbage 0 4.5.0 an unexpected reply: 250 ok]<0 temp 0 4.5.0 an unexpected reply: 250 ok>" },
	{ "RCPT is answered with 354", 0,
	    .in = PIPE "250 ok\r\n354 ok\r\n",
	    .want = START FROM A "DATA\r\n[close garbage 0 4.5.0 an unexpected reply: 354 ok]<0 temp 0 4.5.0 an unexpected reply: 354 ok>" },
	{ "MAIL is answered with 354", 0,
	    .in = PIPE "354 ok\r\n",
	    .want = START FROM A "DATA\r\n[close garbage 0 4.5.0 an unexpected reply: 354 ok]<0 temp 0 4.5.0 an unexpected reply: 354 ok>" },
	{ "the end is refused", THREE,
	    .in = PIPE "250 ok\r\n250 ok\r\n250 ok\r\n550 who\r\n354 go\r\n554 spam\r\n221 bye\r\n",
	    .want = START FROM A B C "DATA\r\n" SENT BYE "<0 perm 554 5.0.0 554 spam><1 perm 554 5.0.0 554 spam><2 perm 550 5.0.0 550 who>" },
	{ "the end is answered with 354", 0,
	    .in = PIPE "250 ok\r\n250 ok\r\n354 go\r\n354 go\r\n",
	    .want = START FROM A "DATA\r\n" SENT "[close garbage 0 4.5.0 an unexpected reply: 354 go]<0 unsure 0 4.5.0 an unexpected reply: 354 go; the message had been sent, and the server may have it>" },
	{ "the end is answered with garbage", 0,
	    .in = PIPE "250 ok\r\n250 ok\r\n354 go\r\nhello\r\n",
	    .want = START FROM A "DATA\r\n" SENT "[close garbage 0 4.5.0 what the server sends is no reply]<0 unsure 0 4.5.0 what the server sends is no reply; the message had been sent, and the server may have it>" },
	{ "it closes after the end", 0,
	    .in = PIPE "250 ok\r\n250 ok\r\n354 go\r\n",
	    .want = START FROM A "DATA\r\n" SENT "[close lost 0 4.4.2 gone]<0 unsure 0 4.4.2 gone; the message had been sent, and the server may have it>" },
	{ "421 after the end", 0,
	    .in = PIPE "250 ok\r\n250 ok\r\n354 go\r\n421 full\r\n",
	    .want = START FROM A "DATA\r\n" SENT "[close closing 421 4.0.0 421 full]<0 temp 421 4.0.0 421 full>" },
	{ "421 to RCPT", THREE,
	    .in = PIPE "250 ok\r\n250 ok\r\n421 4.3.2 bye\r\n",
	    .want = START FROM A B C "DATA\r\n[close closing 421 4.0.0 421 4.3.2 bye]<0 temp 421 4.0.0 421 4.3.2 bye><1 temp 421 4.0.0 421 4.3.2 bye><2 temp 421 4.0.0 421 4.3.2 bye>" },
	{ "it closes after some recipients", THREE,
	    .in = PIPE "250 ok\r\n550 no\r\n250 ok\r\n",
	    .want = START FROM A B C "DATA\r\n[close lost 0 4.4.2 gone]<0 perm 550 5.0.0 550 no><1 temp 0 4.4.2 gone><2 temp 0 4.4.2 gone>" },
	{ "552 for a message is temporary", 0,
	    .in = PIPE "250 ok\r\n250 ok\r\n354 go\r\n552 full\r\n221 bye\r\n",
	    .want = START FROM A "DATA\r\n" SENT BYE "<0 temp 552 4.0.0 552 full>" },
	{ "552 with 5.3.4 is not", 0,
	    .in = HELLO "250-ENHANCEDSTATUSCODES\r\n250 PIPELINING\r\n250 ok\r\n250 ok\r\n354 go\r\n552 5.3.4 too big\r\n221 bye\r\n",
	    .want = START FROM A "DATA\r\n" SENT BYE "<0 perm 552 5.3.4 552 5.3.4 too big>" },
	{ "too many recipients: another transaction", THREE,
	    .in = PIPE "250 ok\r\n250 ok\r\n452 too many\r\n552 too many\r\n354 go\r\n250 one\r\n250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n250 two\r\n221 bye\r\n",
	    .want = START FROM A B C "DATA\r\n" SENT FROM B C "DATA\r\n" SENT BYE "<0 ok 250 2.0.0 250 one><1 ok 250 2.0.0 250 two><2 ok 250 2.0.0 250 two>" },
	{ "452 for the first is its own", THREE,
	    .in = PIPE "250 ok\r\n452 full\r\n452 full\r\n452 full\r\n554 none\r\n221 bye\r\n",
	    .want = START FROM A B C "DATA\r\n" BYE "<0 temp 452 4.0.0 452 full><1 temp 452 4.0.0 452 full><2 temp 452 4.0.0 452 full>" },
	{ "a full mailbox is no reason for another transaction", THREE,
	    .in = HELLO "250-ENHANCEDSTATUSCODES\r\n250 PIPELINING\r\n250 ok\r\n250 ok\r\n452 4.2.2 full\r\n250 ok\r\n354 go\r\n250 2.0.0 done\r\n221 bye\r\n",
	    .want = START FROM A B C "DATA\r\n" SENT BYE "<0 ok 250 2.0.0 250 2.0.0 done><1 temp 452 4.2.2 452 4.2.2 full><2 ok 250 2.0.0 250 2.0.0 done>" },
	{ "too many, with 4.5.3", THREE,
	    .in = HELLO "250 ENHANCEDSTATUSCODES\r\n250 ok\r\n250 ok\r\n250 ok\r\n452 4.5.3 many\r\n354 go\r\n250 one\r\n250 ok\r\n250 ok\r\n354 go\r\n250 two\r\n221 bye\r\n",
	    .want = START FROM A B C "DATA\r\n" SENT FROM C "DATA\r\n" SENT BYE "<0 ok 250 2.0.0 250 one><1 ok 250 2.0.0 250 one><2 ok 250 2.0.0 250 two>" },
	{ "LIMITS RCPTMAX=2", THREE,
	    .in = HELLO "250-LIMITS FOO=1 RCPTMAX=2 MAILMAX=0 X\r\n250 PIPELINING\r\n250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n250 one\r\n250 ok\r\n250 ok\r\n354 go\r\n250 two\r\n221 bye\r\n",
	    .want = START FROM A B "DATA\r\n" SENT FROM C "DATA\r\n" SENT BYE "<0 ok 250 2.0.0 250 one><1 ok 250 2.0.0 250 one><2 ok 250 2.0.0 250 two>" },
	{ "LIMITS RCPTMAX=2 MAILMAX=1", THREE,
	    .in = HELLO "250-LIMITS RCPTMAX=2 MAILMAX=1\r\n250 PIPELINING\r\n250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n250 one\r\n221 bye\r\n",
	    .want = START FROM A B "DATA\r\n" SENT "[full]QUIT\r\n[close ended]<0 ok 250 2.0.0 250 one><1 ok 250 2.0.0 250 one><2 untried>" },
	{ "LIMITS RCPTDOMAINMAX=1", THREE,
	    .in = HELLO "250-LIMITS RCPTDOMAINMAX=1\r\n250 PIPELINING\r\n250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n250 one\r\n250 ok\r\n250 ok\r\n354 go\r\n250 two\r\n221 bye\r\n",
	    .want = START FROM A B "DATA\r\n" SENT FROM C "DATA\r\n" SENT BYE "<0 ok 250 2.0.0 250 one><1 ok 250 2.0.0 250 one><2 ok 250 2.0.0 250 two>" },
	{ "a second message needs no RSET", TWO_MAILS,
	    .in = PIPE "250 ok\r\n250 ok\r\n354 go\r\n250 one\r\n250 ok\r\n250 ok\r\n354 go\r\n250 two\r\n221 bye\r\n",
	    .want = START FROM A "DATA\r\n" SENT "[mail]<0 ok 250 2.0.0 250 one>" FROM A "DATA\r\n" SENT BYE "<0 ok 250 2.0.0 250 two>" },
	{ "after a message that nobody took it does", TWO_MAILS,
	    .in = PIPE "250 ok\r\n550 who\r\n503 no\r\n250 reset\r\n250 ok\r\n250 ok\r\n354 go\r\n250 two\r\n221 bye\r\n",
	    .want = START FROM A "DATA\r\n[mail]<0 perm 550 5.0.0 550 who>RSET\r\n" FROM A "DATA\r\n" SENT BYE "<0 ok 250 2.0.0 250 two>" },
	{ "a server that does not know RSET", TWO_MAILS,
	    .in = PLAIN "250 ok\r\n550 who\r\n500 what\r\n250 ok\r\n250 ok\r\n354 go\r\n250 two\r\n221 bye\r\n",
	    .want = START FROM A "[mail]<0 perm 550 5.0.0 550 who>RSET\r\n" FROM A "DATA\r\n" SENT BYE "<0 ok 250 2.0.0 250 two>" },
	{ "SIZE is said", 0,
	    .in = HELLO "250 SIZE 100\r\n" OKS,
	    .want = START "MAIL FROM:<s@us.example> SIZE=4\r\n" A "DATA\r\n" SENT BYE "<0 ok 250 2.0.0 250 done>" },
	{ "SIZE without a number", 0,
	    .in = HELLO "250 SIZE\r\n" OKS,
	    .want = START "MAIL FROM:<s@us.example> SIZE=4\r\n" A "DATA\r\n" SENT BYE "<0 ok 250 2.0.0 250 done>" },
	{ "too large", 0,
	    .in = HELLO "250 SIZE 100\r\n221 bye\r\n",
	    .want = START BYE "<0 perm 0 5.3.4 the message is larger than the server says it takes>", .size = 101 },
	{ "8BITMIME", EIGHT,
	    .in = HELLO "250 8bitmime\r\n" OKS,
	    .want = START "MAIL FROM:<s@us.example> BODY=8BITMIME\r\n" A "DATA\r\n" SENT BYE "<0 ok 250 2.0.0 250 done>" },
	{ "8bit to a server that does not say it can", EIGHT,
	    .in = PLAIN OKS,
	    .want = START FROM A "DATA\r\n" SENT BYE "<0 ok 250 2.0.0 250 done>" },
	{ "SMTPUTF8", UTF8 | EIGHT,
	    .in = HELLO "250-SMTPUTF8\r\n250 8BITMIME\r\n" OKS,
	    .want = START "MAIL FROM:<s@us.example> BODY=8BITMIME SMTPUTF8\r\n" A "DATA\r\n" SENT BYE "<0 ok 250 2.0.0 250 done>" },
	{ "SMTPUTF8 is needed and not there", UTF8,
	    .in = PLAIN "221 bye\r\n",
	    .want = START BYE "<0 host 0 5.6.7 the message needs SMTPUTF8 (an address or a header that is not ASCII), which the server does not offer>" },
	{ "an address needs it", 0,
	    .in = PLAIN "221 bye\r\n",
	    .want = START BYE "<0 host 0 5.6.7 the message needs SMTPUTF8 (an address or a header that is not ASCII), which the server does not offer>", .rcpt = { "j\u00f6@x.example" } },
	{ "an address needs it and it is there", 0,
	    .in = HELLO "250 SMTPUTF8\r\n" OKS,
	    .want = START "MAIL FROM:<s@us.example> SMTPUTF8\r\nRCPT TO:<jö@x.example>\r\nDATA\r\n" SENT BYE "<0 ok 250 2.0.0 250 done>", .rcpt = { "j\u00f6@x.example" } },
	{ "DSN", DSN,
	    .in = HELLO "250 DSN\r\n" OKS,
	    .want = START "MAIL FROM:<s@us.example> RET=HDRS ENVID=e+20id\r\nRCPT TO:<a@x.example> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;o@x.example\r\nDATA\r\n" SENT BYE "<0 ok 250 2.0.0 250 done>" },
	{ "DSN is not offered", DSN,
	    .in = PLAIN OKS,
	    .want = START FROM A "DATA\r\n" SENT BYE "<0 ok 250 2.0.0 250 done>" },
	{ "BINARYMIME", BINARY,
	    .in = HELLO "250-BINARYMIME\r\n250-PIPELINING\r\n250 CHUNKING\r\n250 ok\r\n250 ok\r\n250 done\r\n221 bye\r\n",
	    .want = START "MAIL FROM:<s@us.example> BODY=BINARYMIME\r\n" A "BDAT 6 LAST\r\n[message]a\n.\r\rb" BYE "<0 ok 250 2.0.0 250 done>", .message = "a\n.\r\rb" },
	{ "BINARYMIME without CHUNKING", BINARY,
	    .in = HELLO "250 BINARYMIME\r\n221 bye\r\n",
	    .want = START BYE "<0 host 0 5.6.3 the message is binary (BINARYMIME), which the server does not take>" },
	{ "BINARYMIME, and no recipient is taken", BINARY,
	    .in = HELLO "250-BINARYMIME\r\n250-PIPELINING\r\n250 CHUNKING\r\n250 ok\r\n550 no\r\n221 bye\r\n",
	    .want = START "MAIL FROM:<s@us.example> BODY=BINARYMIME\r\n" A BYE "<0 perm 550 5.0.0 550 no>" },
	{ "REQUIRETLS without TLS", REQUIRETLS,
	    .in = HELLO "250 REQUIRETLS\r\n221 bye\r\n",
	    .want = START BYE "<0 host 0 5.7.30 the sender requires TLS all the way (REQUIRETLS), which the server does not offer>" },
	{ "REQUIRETLS", REQUIRETLS | TLS,
	    .in = HELLO "250 REQUIRETLS\r\n" OKS,
	    .want = START "MAIL FROM:<s@us.example> REQUIRETLS\r\n" A "DATA\r\n" SENT BYE "<0 ok 250 2.0.0 250 done>" },
	{ "REQUIRETLS is not offered", REQUIRETLS | TLS,
	    .in = PLAIN "221 bye\r\n",
	    .want = START BYE "<0 host 0 5.7.30 the sender requires TLS all the way (REQUIRETLS), which the server does not offer>" },
	{ "the null sender", NULL_SENDER,
	    .in = PLAIN OKS,
	    .want = START "MAIL FROM:<>\r\n" A "DATA\r\n" SENT BYE "<0 ok 250 2.0.0 250 done>" },
	{ "dots, and no line end at the end", 0,
	    .in = PLAIN OKS,
	    .want = START FROM A "DATA\r\n[message]..\r\n...\r\na.\r\n..b\r\n.\r\n" BYE "<0 ok 250 2.0.0 250 done>", .message = ".\r\n..\r\na.\r\n.b" },
	{ "lone CR and LF", 0,
	    .in = PLAIN OKS,
	    .want = START FROM A "DATA\r\n[message]a\r\nb\r\nc\r\n\r\n\r\n..\r\n..\r\n..\r\n.\r\n" BYE "<0 ok 250 2.0.0 250 done>", .message = "a\nb\rc\r\r\n\n.\n.\r.\r" },
	{ "an empty message", 0,
	    .in = PLAIN OKS,
	    .want = START FROM A "DATA\r\n[message].\r\n" BYE "<0 ok 250 2.0.0 250 done>", .message = "" },
	{ "an address that would be a command", THREE,
	    .in = PIPE OKS,
	    .want = START FROM B "DATA\r\n" SENT BYE "<0 perm 0 5.1.3 the address is malformed><1 ok 250 2.0.0 250 done><2 perm 0 5.1.3 the address is malformed>", .rcpt = { "a@x.example>\r\nRSET", "b@x.example", "no" } },
	{ "STARTTLS", OFFERED,
	    .in = HELLO "250 STARTTLS\r\n220 go\r\n250 forged\r\n\x01" "250-mx\r\n250-STARTTLS\r\n250 PIPELINING\r\n" OKS,
	    .want = "EHLO us.example\r\nSTARTTLS\r\n[tls]" START FROM A "DATA\r\n" SENT BYE "<0 ok 250 2.0.0 250 done>" },
	{ "STARTTLS is offered and not used", 0,
	    .in = HELLO "250 STARTTLS\r\n" OKS,
	    .want = START FROM A "DATA\r\n" SENT BYE "<0 ok 250 2.0.0 250 done>" },
	{ "STARTTLS is refused", OFFERED,
	    .in = HELLO "250 STARTTLS\r\n454 no\r\n" OKS,
	    .want = "EHLO us.example\r\nSTARTTLS\r\n[mail]" FROM A "DATA\r\n" SENT BYE "<0 ok 250 2.0.0 250 done>" },
	{ "STARTTLS is required and refused", REQUIRED,
	    .in = HELLO "250 STARTTLS\r\n454 no\r\n",
	    .want = "EHLO us.example\r\nSTARTTLS\r\n[close no tls 0 4.7.10 TLS is required, and the server refuses STARTTLS: 454 no]<0 untried>" },
	{ "STARTTLS is required and not offered", REQUIRED,
	    .in = PLAIN,
	    .want = "EHLO us.example\r\n[close no tls 0 4.7.10 TLS is required, and the server does not offer STARTTLS]<0 untried>" },
	{ "TLS is required, and only HELO is there", REQUIRED,
	    .in = "220 mx\r\n500 what\r\n250 mx\r\n",
	    .want = "EHLO us.example\r\nHELO us.example\r\n[close no tls 0 4.7.10 TLS is required, and the server does not offer STARTTLS]<0 untried>" },
	{ "what was offered before TLS does not count", OFFERED | EIGHT,
	    .in = HELLO "250-8BITMIME\r\n250 STARTTLS\r\n220 go\r\n\x01" "250 mx\r\n" OKS,
	    .want = "EHLO us.example\r\nSTARTTLS\r\n[tls]" START FROM A "DATA\r\n" SENT BYE "<0 ok 250 2.0.0 250 done>" },
	{ "the server does not want the rest", EARLY | THREE,
	    .in = PIPE "250 ok\r\n250 ok\r\n550 no\r\n250 ok\r\n354 go\r\n554 stop\r\n",
	    .want = START FROM A B C "DATA\r\n[message]hi[close closing 554 5.0.0 554 stop]<0 perm 554 5.0.0 554 stop><1 perm 550 5.0.0 550 no><2 perm 554 5.0.0 554 stop>" },
	{ "421 in the middle of a message", EARLY,
	    .in = PIPE "250 ok\r\n250 ok\r\n354 go\r\n421 bye\r\n",
	    .want = START FROM A "DATA\r\n[message]hi[close closing 421 4.0.0 421 bye]<0 temp 421 4.0.0 421 bye>" },
	{ "250 in the middle of a message", EARLY,
	    .in = PIPE "250 ok\r\n250 ok\r\n354 go\r\n250 done\r\n",
	    .want = START FROM A "DATA\r\n[message]hi[close garbage 0 4.5.0 an unexpected reply: 250 done]<0 temp 0 4.5.0 an unexpected reply: 250 done>" },
	{ "PLAIN in TLS", LOGIN | TLS,
	    .in = HELLO "250 AUTH LOGIN PLAIN\r\n235 in\r\n" OKS,
	    .want = "EHLO us.example\r\nAUTH PLAIN AHVzZXIAcGVuY2ls\r\n[mail]" FROM A "DATA\r\n" SENT BYE "<0 ok 250 2.0.0 250 done>" },
	{ "PLAIN without TLS is not used", LOGIN,
	    .in = HELLO "250 AUTH LOGIN PLAIN\r\n",
	    .want = "EHLO us.example\r\n[close no auth 0 4.7.8 unable to log in: the server offers no mechanism that may be used here]<0 untried>" },
	{ "a mechanism that is not allowed", LOGIN | TLS,
	    .in = HELLO "250 AUTH LOGIN PLAIN\r\n",
	    .want = "EHLO us.example\r\n[close no auth 0 4.7.8 unable to log in: the server offers no mechanism that may be used here]<0 untried>", .mechanisms = "CRAM-MD5 SCRAM-SHA-256" },
	{ "LOGIN", LOGIN | TLS,
	    .in = HELLO "250 AUTH LOGIN\r\n334 VXNlcm5hbWU6\r\n334 UGFzc3dvcmQ6\r\n235 in\r\n" OKS,
	    .want = "EHLO us.example\r\nAUTH LOGIN\r\ndXNlcg==\r\ncGVuY2ls\r\n[mail]" FROM A "DATA\r\n" SENT BYE "<0 ok 250 2.0.0 250 done>" },
	{ "AUTH=LOGIN of old", LOGIN | TLS,
	    .in = HELLO "250 AUTH=LOGIN\r\n334 VXNlcm5hbWU6\r\n334 UGFzc3dvcmQ6\r\n235 in\r\n" OKS,
	    .want = "EHLO us.example\r\nAUTH LOGIN\r\ndXNlcg==\r\ncGVuY2ls\r\n[mail]" FROM A "DATA\r\n" SENT BYE "<0 ok 250 2.0.0 250 done>" },
	{ "CRAM-MD5", LOGIN,
	    .in = HELLO "250 AUTH PLAIN CRAM-MD5\r\n334 PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+\r\n235 in\r\n" OKS,
	    .want = "EHLO us.example\r\nAUTH CRAM-MD5\r\ndXNlciAyNjZmODJiYjJkMWFjZTY3MjlkMmM1NzNlNGUwMDRjNg==\r\n[mail]" FROM A "DATA\r\n" SENT BYE "<0 ok 250 2.0.0 250 done>" },
	{ "a wrong password", LOGIN | TLS,
	    .in = HELLO "250-ENHANCEDSTATUSCODES\r\n250 AUTH PLAIN\r\n535 5.7.8 wrong\r\n",
	    .want = "EHLO us.example\r\nAUTH PLAIN AHVzZXIAcGVuY2ls\r\n[close no auth 0 5.7.8 unable to log in: 535 5.7.8 wrong]<0 untried>" },
	{ "a mechanism is refused, the next is tried", LOGIN | TLS,
	    .in = HELLO "250 AUTH CRAM-MD5 PLAIN\r\n504 not that\r\n235 in\r\n" OKS,
	    .want = "EHLO us.example\r\nAUTH CRAM-MD5\r\nAUTH PLAIN AHVzZXIAcGVuY2ls\r\n[mail]" FROM A "DATA\r\n" SENT BYE "<0 ok 250 2.0.0 250 done>" },
	{ "AUTH is not offered", LOGIN | TLS,
	    .in = PLAIN,
	    .want = "EHLO us.example\r\n[close no auth 0 4.7.8 unable to log in: the server does not offer AUTH]<0 untried>" },
	{ "a challenge that is no base64", LOGIN,
	    .in = HELLO "250 AUTH CRAM-MD5\r\n334 *\r\n",
	    .want = "EHLO us.example\r\nAUTH CRAM-MD5\r\n[close no auth 0 4.7.8 unable to log in: the server's part of the dialogue is wrong, or it does not know the password]<0 untried>" },
	{ "a challenge too many", LOGIN,
	    .in = HELLO "250 AUTH CRAM-MD5\r\n334 PDE+\r\n334 PDE+\r\n",
	    .want = "EHLO us.example\r\nAUTH CRAM-MD5\r\ndXNlciA5MGQxZTVlNGZhZmEwMWUwNTVlNTNlM2M0ZWRjMDk4Mw==\r\n[close no auth 0 4.7.8 unable to log in: the server's part of the dialogue is wrong, or it does not know the password]<0 untried>" },
	{ "SCRAM-SHA-256", LOGIN,
	    .in = HELLO "250 AUTH PLAIN SCRAM-SHA-1 SCRAM-SHA-256\r\n334 cj1yT3ByTkdmd0ViZVJXZ2JORWtxTyVodllEcFdVYTJSYVRDQWZ1eEZJbGopaE5sRiRrMCxzPVcyMlphSjBTTlk3c29Fc1VFamI2Z1E9PSxpPTQwOTY=\r\n334 dj02cnJpVFJCaTIzV3BSUi93dHVwK21NaFVaVW4vZEI1bkxUSlJzamw5NUc0PQ==\r\n235 in\r\n" OKS,
	    .want = "EHLO us.example\r\nAUTH SCRAM-SHA-256 biwsbj11c2VyLHI9ck9wck5HZndFYmVSV2diTkVrcU8=\r\nYz1iaXdzLHI9ck9wck5HZndFYmVSV2diTkVrcU8laHZZRHBXVWEyUmFUQ0FmdXhGSWxqKWhObEYkazAscD1kSHpiWmFwV0lrNGpVaE4rVXRlOXl0YWc5empmTUhnc3FtbWl6N0FuZFZRPQ==\r\n\r\n[mail]" FROM A "DATA\r\n" SENT BYE "<0 ok 250 2.0.0 250 done>" },
	{ "SCRAM-SHA-256, and the server does not know the password", LOGIN,
	    .in = HELLO "250 AUTH SCRAM-SHA-256\r\n334 cj1yT3ByTkdmd0ViZVJXZ2JORWtxTyVodllEcFdVYTJSYVRDQWZ1eEZJbGopaE5sRiRrMCxzPVcyMlphSjBTTlk3c29Fc1VFamI2Z1E9PSxpPTQwOTY=\r\n334 dj02cnJpVFJCaTIzV3BSUi93dHVwK21NaFVaVW4vZEI1bkxUSlJzamw5NUc1PQ==\r\n",
	    .want = "EHLO us.example\r\nAUTH SCRAM-SHA-256 biwsbj11c2VyLHI9ck9wck5HZndFYmVSV2diTkVrcU8=\r\nYz1iaXdzLHI9ck9wck5HZndFYmVSV2diTkVrcU8laHZZRHBXVWEyUmFUQ0FmdXhGSWxqKWhObEYkazAscD1kSHpiWmFwV0lrNGpVaE4rVXRlOXl0YWc5empmTUhnc3FtbWl6N0FuZFZRPQ==\r\n[close no auth 0 4.7.8 unable to log in: the server's part of the dialogue is wrong, or it does not know the password]<0 untried>" },
	{ "SCRAM-SHA-256, and the server does not even try", LOGIN,
	    .in = HELLO "250 AUTH SCRAM-SHA-256\r\n334 cj1yT3ByTkdmd0ViZVJXZ2JORWtxTyVodllEcFdVYTJSYVRDQWZ1eEZJbGopaE5sRiRrMCxzPVcyMlphSjBTTlk3c29Fc1VFamI2Z1E9PSxpPTQwOTY=\r\n235 in\r\n",
	    .want = "EHLO us.example\r\nAUTH SCRAM-SHA-256 biwsbj11c2VyLHI9ck9wck5HZndFYmVSV2diTkVrcU8=\r\nYz1iaXdzLHI9ck9wck5HZndFYmVSV2diTkVrcU8laHZZRHBXVWEyUmFUQ0FmdXhGSWxqKWhObEYkazAscD1kSHpiWmFwV0lrNGpVaE4rVXRlOXl0YWc5empmTUhnc3FtbWl6N0FuZFZRPQ==\r\n[close no auth 0 4.7.8 unable to log in: the server has not shown that it knows the password]<0 untried>" },
	{ "SCRAM with a nonce that is not ours", LOGIN,
	    .in = HELLO "250 AUTH SCRAM-SHA-256\r\n334 cj14T3ByTkdmd0ViZVJXZ2JORWtxTyVodllEcFdVYTJSYVRDQWZ1eEZJbGopaE5sRiRrMCxzPVcyMlphSjBTTlk3c29Fc1VFamI2Z1E9PSxpPTQwOTY=\r\n",
	    .want = "EHLO us.example\r\nAUTH SCRAM-SHA-256 biwsbj11c2VyLHI9ck9wck5HZndFYmVSV2diTkVrcU8=\r\n[close no auth 0 4.7.8 unable to log in: the server's part of the dialogue is wrong, or it does not know the password]<0 untried>" },
	{ "SCRAM with too few iterations", LOGIN,
	    .in = HELLO "250 AUTH SCRAM-SHA-256\r\n334 cj1yT3ByTkdmd0ViZVJXZ2JORWtxTyVodllEcFdVYTJSYVRDQWZ1eEZJbGopaE5sRiRrMCxzPVcyMlphSjBTTlk3c29Fc1VFamI2Z1E9PSxpPTE=\r\n",
	    .want = "EHLO us.example\r\nAUTH SCRAM-SHA-256 biwsbj11c2VyLHI9ck9wck5HZndFYmVSV2diTkVrcU8=\r\n[close no auth 0 4.7.8 unable to log in: the server's part of the dialogue is wrong, or it does not know the password]<0 untried>" },
};

int
main(void)
{
	struct buf	log = BUF_INIT(1u << 20);

	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		static const size_t	pieces[] = { 100000, 1, 2, 7 };

		for (size_t k = 0; k < sizeof(pieces) / sizeof(pieces[0]); k++) {
			converse(&tests[i], pieces[k], &log);
			is_str(buf_str(&log), str_c(tests[i].want), tests[i].name);
		}
	}
	buf_free(&log);
	return done_testing();
}
