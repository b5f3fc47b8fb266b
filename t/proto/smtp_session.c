/*
 * smtp_session: whole dialogues. Each is fed at once, byte by byte and in
 * pieces of other lengths, and the transcript must always be the one wanted.
 * In a transcript [..] is a want as it was fulfilled. \x01 in an input ends what
 * STARTTLS throws away. It is always 2026-11-21 00:00:00 UTC.
 */
#include "proto/smtp_session.h"

#include "../tap.h"

enum { TRUSTED = 1, LOCAL = 2, TLS = 4, OFFER = 8, REQUIRE = 16, CLOSED = 32, SMALL = 64, SPF = 128,
	SUBMIT = 256, CLEAR = 512, KEY = 1024, KNOWN = 2048, CHANNEL = 4096 };

struct run {
	struct smtp_session	 s;
	struct smtp_session_conf conf;
	struct buf		 log, message;
	bool			 spf, key;
};

static void
drain(struct run *r)
{
	buf_add(&r->log, buf_str(&r->s.out));
	buf_reset(&r->s.out);
}

static void
sender(struct run *r)
{
	struct str	d = r->s.from.domain;

	buf_addf(&r->log, "[from " STR_FMT "]", STR_ARG(r->s.from_text));
	if (str_eq(d, STR("other.example")))
		smtp_session_sender(&r->s, SMTP_SENDER_NOT_YOURS);
	else if (str_eq(d, STR("off.example")))
		smtp_session_sender(&r->s, SMTP_SENDER_DISABLED);
	else if (str_eq(d, STR("null.example")))
		smtp_session_sender(&r->s, SMTP_SENDER_NO_MAIL);
	else
		smtp_session_sender(&r->s, str_eq(d, STR("temp.example")) ? SMTP_SENDER_ERROR : SMTP_SENDER_OK);
}

/* authd's place: each response says itself what becomes of it. */
static void
auth(struct run *r)
{
	static const struct {
		const char		*response;
		enum smtp_auth_got	 got;
	} known[] = {
		{ "b2s=", SMTP_AUTH_OK }, { "cHJvdG9jb2w=", SMTP_AUTH_BADPROTOCOL }, { "Ymlu", SMTP_AUTH_BADCHANBIND },
		{ "b2Zm", SMTP_AUTH_DISABLED }, { "bGltaXQ=", SMTP_AUTH_LIMITED }, { "dGVtcA==", SMTP_AUTH_TEMP },
		{ "bW9yZQ==", SMTP_AUTH_CONTINUE },
	};
	struct str		resp = buf_str(&r->s.auth.response);
	enum smtp_auth_got	got = SMTP_AUTH_BADCREDS;

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (str_eq(resp, str_c(known[i].response)))
			got = known[i].got;
	switch (r->s.auth.step) {
	case SMTP_AUTH_KEY:
		buf_adds(&r->log, "[key]");
		got = r->s.conf->trusted ? SMTP_AUTH_OK : SMTP_AUTH_BADCREDS;
		break;
	case SMTP_AUTH_START:
		buf_addf(&r->log, "[%s " STR_FMT "]", r->s.auth.mechanism, STR_ARG(r->s.auth.given ? resp : STR("none")));
		if (!r->s.auth.given)
			got = SMTP_AUTH_CONTINUE;
		if (str_eq(str_c(r->s.auth.mechanism), STR("GSSAPI")))
			got = SMTP_AUTH_NOMECH;
		break;
	case SMTP_AUTH_STEP:
		buf_addf(&r->log, "[" STR_FMT "]", STR_ARG(resp));
		break;
	case SMTP_AUTH_ABORT:
		buf_adds(&r->log, "[abort]");
		got = SMTP_AUTH_ABORTED;
		break;
	}
	smtp_session_auth(&r->s, got, got == SMTP_AUTH_CONTINUE ? STR("Z28=") : STR("moved\r\naway"));
}

static void
found(struct run *r)
{
	static const struct {
		const char	*text;
		enum smtp_found	 f;
	} known[] = {
		{ "nobody@x", SMTP_FOUND_UNKNOWN }, { "noone@x", SMTP_FOUND_UNKNOWN },
		{ "joe@other", SMTP_FOUND_NO_DOMAIN }, { "joe@off", SMTP_FOUND_DISABLED },
		{ "gone@x", SMTP_FOUND_REFUSED }, { "later@x", SMTP_FOUND_LATER },
		{ "error@x", SMTP_FOUND_ERROR }, { "temperror@x", SMTP_FOUND_UNKNOWN },
	};
	enum smtp_found	f = SMTP_FOUND_LOCAL;

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (str_eq(r->s.asked.text, str_c(known[i].text)))
			f = known[i].f;
	buf_addf(&r->log, "[to " STR_FMT "]", STR_ARG(r->s.asked.text));
	smtp_session_found(&r->s, f, STR("because"), NULL);
}

static void
queue(struct run *r)
{
	struct str	to = r->s.rcpt[0].text;

	buf_addf(&r->log, "[" STR_FMT STR_FMT "]", STR_ARG(r->s.holdfor), STR_ARG(r->s.holduntil));
	if (str_starts(to, STR("bad")))
		smtp_session_queued(&r->s, 554, STR("5.6.0"), STR("no header"), false);
	else if (str_starts(to, STR("lost")))
		smtp_session_queued(&r->s, 451, STR("4.3.0"), STR("no answer"), true);
	else
		smtp_session_queued(&r->s, 250, STR("2.6.0"), STR("queued as 7"), false);
}

static void
finish(struct run *r)
{
	buf_addf(&r->log, "[" STR_FMT "]", STR_ARG(buf_str(&r->message)));
	buf_reset(&r->message);
	if (r->s.conf->submission) {
		queue(r);
		return;
	}
	for (size_t i = 0; i < r->s.nrcpt; i++) {
		const struct smtp_rcpt	*q = &r->s.rcpt[i];

		if (!q->deliver)
			continue;
		if (str_starts(q->text, STR("full")))
			smtp_session_result(&r->s, i, 452, STR("4.2.2"), STR("full"));
		else if (str_starts(q->text, STR("busy")))
			smtp_session_result(&r->s, i, 451, STR("4.3.0"), STR("busy\r\nMAIL"));
		else if (str_starts(q->text, STR("bad")))
			smtp_session_result(&r->s, i, 550, STR("nonsense"), STR("bad"));
		else if (!str_starts(q->text, STR("silent")))
			smtp_session_result(&r->s, i, 250, STR("2.0.0"), STR("ok"));
	}
	smtp_session_finished(&r->s);
}

static void
store(struct run *r)
{
	bool	full = str_find(buf_str(&r->s.data), STR("FULL")) != r->s.data.n;

	buf_add(&r->message, buf_str(&r->s.data));
	smtp_session_stored(&r->s, full ? SMTP_STORED_FULL : SMTP_STORED);
}

/* False when the session is over. */
static bool
fulfil(struct run *r, enum smtp_want want, struct str *rest)
{
	drain(r);
	switch (want) {
	case SMTP_WANT_INPUT:
		return rest->n > 0;
	case SMTP_WANT_AUTH:
		auth(r);
		break;
	case SMTP_WANT_SENDER:
		sender(r);
		break;
	case SMTP_WANT_SPF:
		buf_adds(&r->log, "[spf]");
		smtp_session_spf(&r->s, r->spf);
		break;
	case SMTP_WANT_RCPT:
		found(r);
		break;
	case SMTP_WANT_STORE:
		store(r);
		break;
	case SMTP_WANT_FINISH:
		finish(r);
		break;
	case SMTP_WANT_STARTTLS:
		buf_adds(&r->log, "[tls]");
		*rest = str_skip(*rest, str_chr(*rest, '\x01') + 1);
		smtp_session_secured(&r->s, r->key, false);
		break;
	case SMTP_WANT_DELAY:
		buf_addf(&r->log, "[wait %d]", (int)r->s.delay_ms);
		smtp_session_waited(&r->s);
		break;
	case SMTP_WANT_CLOSE:
		buf_adds(&r->log, "[close]");
		return false;
	}
	return true;
}

/* The whole of it in pieces of n bytes. */
static struct buf
transcript(const char *input, unsigned how, size_t n)
{
	struct run	r = {
		.conf = { .hostname = STR_INIT("mx"), .id = STR_INIT("c"),
		    .max_size = how & SMALL ? 20 : 1000000, .trusted = how & TRUSTED, .localserve = how & LOCAL,
		    .tls = how & TLS, .starttls = how & OFFER, .require_tls = how & REQUIRE, .closed = how & CLOSED, .submission = how & SUBMIT, .auth_clear = how & CLEAR,
		    .client_key = (how & (KEY | TLS)) == (KEY | TLS), .known = how & KNOWN, .channel = how & CHANNEL },
		.log = BUF_INIT(1u << 20), .message = BUF_INIT(1u << 20), .spf = how & SPF, .key = how & KEY,
	};
	struct str	rest = str_c(input), piece;
	bool		more = true;

	smtp_session_init(&r.s, &r.conf);
	while (more) {
		enum smtp_want	want;
		size_t		before;

		piece = str_head(rest, n);
		before = piece.n;
		r.s.now = 1795219200;
		want = smtp_session_feed(&r.s, &piece);
		rest = str_skip(rest, before - piece.n);
		if (want == SMTP_WANT_INPUT && piece.n > 0)
			buf_adds(&r.log, "[input left]");
		more = fulfil(&r, want, &rest);
	}
	buf_free(&r.message);
	smtp_session_free(&r.s);
	return r.log;
}

#define HI	"EHLO me\r\n"
#define HI_R	"250-mx\r\n250-PIPELINING\r\n250-SIZE 1000000\r\n250-ENHANCEDSTATUSCODES\r\n" \
		"250-8BITMIME\r\n250-LIMITS RCPTMAX=1000\r\n250-SMTPUTF8\r\n250-CHUNKING\r\n250-BINARYMIME\r\n250 DSN\r\n"
#define TO	"HELO me\r\nMAIL FROM:<a@b>\r\nRCPT TO:<joe@x>\r\n"
#define TO_R	"250 mx\r\n[from a@b]250 2.1.0 sender ok\r\n[to joe@x]250 2.1.0 recipient ok\r\n"
#define GO	"354 go ahead, and end with a dot on a line\r\n"
#define MAIL	"HELO me\r\nMAIL FROM:<a@b>\r\n"
#define MAIL_R	"250 mx\r\n[from a@b]250 2.1.0 sender ok\r\n"

#define SUB_R	"250-FUTURERELEASE 5184000 2027-01-20T00:00:00Z\r\n250-ENHANCEDSTATUSCODES\r\n" \
		"250-8BITMIME\r\n250-LIMITS RCPTMAX=1000\r\n250-SMTPUTF8\r\n250-CHUNKING\r\n250-BINARYMIME\r\n250 DSN\r\n"
#define SUB_HI	"250-mx\r\n250-PIPELINING\r\n250-SIZE 1000000\r\n"
#define IN	"HELO me\r\nAUTH PLAIN b2s=\r\n"
#define IN_R	"250 mx\r\n[PLAIN b2s=]235 2.7.0 nice\r\n"
#define IN_TO	IN "MAIL FROM:<a@b>\r\nRCPT TO:<joe@x>\r\n"
#define IN_TO_R	IN_R "[from a@b]250 2.1.0 sender ok\r\n[to joe@x]250 2.1.0 recipient ok\r\n"

static const struct row {
	const char	*name;
	unsigned	 how;
	const char	*in, *want;	/* want is without the greeting */
} rows[] = {
	{ "EHLO", 0, HI "QUIT\r\n", HI_R "221 2.0.0 bye\r\n[close]" },
	{ "lines end in LF too", 0, "HELO me\nQUIT\n", "250 mx\r\n221 2.0.0 bye\r\n[close]" },
	{ "first command unknown", 0, "GET / HTTP/1.1\r\nHELO x\r\n",
	    "500 5.5.2 please try again speaking smtp (c)\r\n[close]" },
	{ "first line empty", 0, "\r\n", "500 5.5.2 please try again speaking smtp (c)\r\n[close]" },
	{ "later ones are only unknown", 0, "NOOP\r\nFOO\r\nBAR\r\n",
	    "250 2.0.0 alrighty\r\n500 5.5.1 unknown command (c)\r\n500 5.5.1 unknown command (c)\r\n" },
	{ "spaces at a line's end", 0, "HELO me \r\nQUIT \t\r\n", "250 mx\r\n221 2.0.0 bye\r\n[close]" },
	{ "not served", CLOSED, "EHLO x\r\n", "[close]" },
	{ "a message", 0, TO "DATA\r\n..a\r\nb\r\n.\r\nQUIT\r\n",
	    TO_R GO "[.a\r\nb\r\n]250 2.2.0 it is done (c.1)\r\n221 2.0.0 bye\r\n[close]" },
	{ "an empty message", 0, TO "DATA\r\n.\r\n", TO_R GO "[]250 2.2.0 it is done (c.1)\r\n" },
	{ "two messages", 0, TO "DATA\r\na\r\n.\r\nMAIL FROM:<>\r\nRCPT TO:<joe@x>\r\nDATA\r\nb\r\n.\r\n",
	    TO_R GO "[a\r\n]250 2.2.0 it is done (c.1)\r\n250 2.1.0 sender ok\r\n[to joe@x]250 2.1.0 recipient ok\r\n"
	    GO "[b\r\n]250 2.2.0 it is done (c.2)\r\n" },
	{ "no EHLO", 0, "MAIL FROM:<a@b>\r\nRCPT TO:<a@b>\r\nDATA\r\n",
	    "503 5.5.1 EHLO first (c)\r\n503 5.5.1 EHLO first (c)\r\n503 5.5.1 EHLO first (c)\r\n" },
	{ "EHLO resets", 0, MAIL "HELO me\r\nRCPT TO:<joe@x>\r\n", MAIL_R "250 mx\r\n503 5.5.1 MAIL first (c)\r\n" },
	{ "RSET resets", 0, TO "RSET\r\nDATA\r\n", TO_R "250 2.0.0 forgotten\r\n503 5.5.1 MAIL first (c)\r\n" },
	{ "MAIL twice", 0, MAIL "MAIL FROM:<c@d>\r\nRCPT TO:<joe@x>\r\n",
	    MAIL_R "503 5.5.1 already in a transaction (c.1)\r\n[to joe@x]250 2.1.0 recipient ok\r\n" },
	{ "a sender that takes no mail", 0, "HELO me\r\nMAIL FROM:<a@null.example>\r\nRCPT TO:<joe@x>\r\n",
	    "250 mx\r\n[from a@null.example]550 5.7.27 the sender's domain takes no mail (c)\r\n503 5.5.1 MAIL first (c)\r\n" },
	{ "a sender not to be looked up", 0, "HELO me\r\nMAIL FROM:<a@temp.example>\r\n",
	    "250 mx\r\n[from a@temp.example]451 4.4.0 the sender's domain cannot be looked up (c)\r\n" },
	{ "a size too large", SMALL, "HELO me\r\nMAIL FROM:<a@b> SIZE=21\r\nMAIL FROM:<a@b> SIZE=20\r\n",
	    "250 mx\r\n552 5.2.3 message too large (c)\r\n[from a@b]250 2.1.0 sender ok\r\n" },
	{ "a message too large", SMALL, TO "DATA\r\n1234567890\r\n1234567890\r\n.\r\nNOOP\r\n",
	    TO_R GO "552 5.2.3 message too large (c.1)\r\n250 2.0.0 alrighty\r\n" },
	{ "a message just fits", SMALL, TO "DATA\r\n12345678\r\n12345678\r\n.\r\n",
	    TO_R GO "[12345678\r\n12345678\r\n]250 2.2.0 it is done (c.1)\r\n" },
	{ "no space", 0, TO "DATA\r\nFULL\r\n.\r\n", TO_R GO "452 4.3.1 no space for the message now (c.1)\r\n" },
	{ "REQUIRETLS", TLS, "HELO me\r\nMAIL FROM:<a@b> REQUIRETLS\r\n", MAIL_R },
	{ "REQUIRETLS in clear", 0, "HELO me\r\nMAIL FROM:<a@b> REQUIRETLS\r\n",
	    "250 mx\r\n523 5.7.10 REQUIRETLS needs TLS (c)\r\n" },
	{ "TLS wanted for recipients", REQUIRE, MAIL "RCPT TO:<joe@x>\r\n", MAIL_R "530 5.7.0 STARTTLS first (c.1)\r\n" },
	{ "who is refused", TRUSTED,
	    MAIL "RCPT TO:<nobody@x>\r\nRCPT TO:<joe@other>\r\nRCPT TO:<joe@off>\r\nRCPT TO:<gone@x>\r\n"
	    "RCPT TO:<later@x>\r\nRCPT TO:<error@x>\r\nRCPT TO:<joe@[192.0.2.1]>\r\nDATA\r\n",
	    MAIL_R "[to nobody@x]550 5.1.1 no such user (c.1)\r\n[to joe@other]550 5.1.1 not our domain, and no relaying (c.1)\r\n"
	    "[to joe@off]450 4.2.1 the domain is disabled (c.1)\r\n[to gone@x]550 5.1.1 because (c.1)\r\n"
	    "[to later@x]451 4.3.0 because (c.1)\r\n[to error@x]451 4.3.0 the recipient cannot be looked up now (c.1)\r\n"
	    "550 5.1.1 no mail for address literals (c.1)\r\n503 5.5.1 RCPT first (c.1)\r\n" },
	{ "a stranger and somebody unknown", 0, MAIL "RCPT TO:<nobody@x>\r\nDATA\r\nx\r\n.\r\nNOOP\r\n",
	    MAIL_R "[to nobody@x]250 2.1.0 recipient ok\r\n" GO "[wait 5000]550 5.1.1 no such user (c.1)\r\n250 2.0.0 alrighty\r\n" },
	{ "a stranger with two", 0, TO "RCPT TO:<ann@x>\r\nRCPT TO:<eve@x>\r\nRCPT TO:<JOE@X>\r\nRCPT TO:<joe@X>\r\n",
	    TO_R "[spf]452 4.5.3 one recipient a message, please (c.1)\r\n452 4.5.3 one recipient a message, please (c.1)\r\n"
	    "452 4.5.3 one recipient a message, please (c.1)\r\n250 2.1.0 recipient ok\r\n" },
	{ "SPF passed: two, asked once", SPF, TO "RCPT TO:<ann@x>\r\nRCPT TO:<eve@x>\r\n",
	    TO_R "[spf][to ann@x]250 2.1.0 recipient ok\r\n[to eve@x]250 2.1.0 recipient ok\r\n" },
	{ "SPF passed: one of two unknown", SPF, TO "RCPT TO:<nobody@x>\r\nDATA\r\nx\r\n.\r\n",
	    TO_R "[spf][to nobody@x]250 2.1.0 recipient ok\r\n" GO "[x\r\n]550 5.1.1 nobody@x: no such user (c.1)\r\n" },
	{ "the null sender with two", TRUSTED, "HELO me\r\nMAIL FROM:<>\r\nRCPT TO:<joe@x>\r\nRCPT TO:<ann@x>\r\n",
	    "250 mx\r\n250 2.1.0 sender ok\r\n[to joe@x]250 2.1.0 recipient ok\r\n"
	    "452 4.5.3 one recipient for the null sender (c.1)\r\n" },
	{ "one refused among two", TRUSTED, TO "RCPT TO:<bad@x>\r\nDATA\r\nx\r\n.\r\n",
	    TO_R "[to bad@x]250 2.1.0 recipient ok\r\n" GO "[x\r\n]550 5.3.0 bad@x: bad (c.1)\r\n" },
	{ "one later among two", TRUSTED, TO "RCPT TO:<busy@x>\r\nDATA\r\nx\r\n.\r\n",
	    TO_R "[to busy@x]250 2.1.0 recipient ok\r\n" GO "[x\r\n]451 4.3.0 busy@x: busy  MAIL (c.1)\r\n" },
	{ "later and full", TRUSTED, "HELO me\r\nMAIL FROM:<a@b>\r\nRCPT TO:<full@x>\r\nRCPT TO:<busy@x>\r\nDATA\r\nx\r\n.\r\n",
	    MAIL_R "[to full@x]250 2.1.0 recipient ok\r\n[to busy@x]250 2.1.0 recipient ok\r\n" GO "[x\r\n]"
	    "451-4.3.0 full@x: 452 4.2.2 full\r\n451-4.3.0 busy@x: 451 4.3.0 busy  MAIL\r\n451 4.3.0 multiple errors (c.1)\r\n" },
	{ "later and refused", TRUSTED, "HELO me\r\nMAIL FROM:<a@b>\r\nRCPT TO:<bad@x>\r\nRCPT TO:<busy@x>\r\nDATA\r\nx\r\n.\r\n",
	    MAIL_R "[to bad@x]250 2.1.0 recipient ok\r\n[to busy@x]250 2.1.0 recipient ok\r\n" GO "[x\r\n]"
	    "451-4.3.0 bad@x: 550 5.3.0 bad\r\n451-4.3.0 busy@x: 451 4.3.0 busy  MAIL\r\n451 4.3.0 multiple errors (c.1)\r\n" },
	{ "one without a result", TRUSTED, MAIL "RCPT TO:<silent@x>\r\nDATA\r\nx\r\n.\r\n",
	    MAIL_R "[to silent@x]250 2.1.0 recipient ok\r\n" GO "[x\r\n]451 4.3.0 not delivered (c.1)\r\n" },
	{ "special names", LOCAL | TRUSTED, "HELO me\r\nMAIL FROM:<mailfrom450@b>\r\nMAIL FROM:<a@b>\r\n"
	    "RCPT TO:<rcpttotimeout@x>\r\nRCPT TO:<temperror@x>\r\nDATA\r\nx\r\n.\r\n",
	    "250 mx\r\n450 4.0.0 as the special address asks (c)\r\n[from a@b]250 2.1.0 sender ok\r\n"
	    "[wait 3600000]451 4.0.0 as the special address asks (c.1)\r\n[to temperror@x]250 2.1.0 recipient ok\r\n"
	    GO "[x\r\n]451 4.0.0 as the special address asks (c.1)\r\n" },
	{ "special names are only names elsewhere", 0, MAIL "RCPT TO:<x450@x>\r\n", MAIL_R "[to x450@x]250 2.1.0 recipient ok\r\n" },
	{ "smuggling", 0, TO "DATA\r\na\n.\r\nMAIL FROM:<x@y>\r\n.\r\nNOOP\r\n",
	    TO_R GO "500 5.5.2 bare carriage return, or bare newline around a dot: not SMTP (c.1)\r\n250 2.0.0 alrighty\r\n" },
	{ "BDAT", 0, TO "BDAT 5\r\nab\r\ncBDAT 0\r\nBDAT 4 LAST\r\n\r\n.\nNOOP\r\n",
	    TO_R "250 2.0.0 octets received\r\n250 2.0.0 octets received\r\n[ab\r\nc\r\n.\r\n]250 2.2.0 it is done (c.1)\r\n"
	    "250 2.0.0 alrighty\r\n" },
	{ "BDAT of nothing", 0, TO "BDAT 0 LAST\r\n", TO_R "[]250 2.2.0 it is done (c.1)\r\n" },
	{ "BDAT without recipients", 0, MAIL "BDAT 6 LAST\r\nNOOP\r\nNOOP\r\n",
	    MAIL_R "503 5.5.1 RCPT first (c.1)\r\n250 2.0.0 alrighty\r\n" },
	{ "BDAT, then DATA, RCPT, RSET", 0, TO "BDAT 1\r\nxDATA\r\nRCPT TO:<ann@x>\r\nRSET\r\nBDAT 1 LAST\r\nx",
	    TO_R "250 2.0.0 octets received\r\n503 5.5.1 BDAT has begun (c.1)\r\n503 5.5.1 BDAT has begun (c.1)\r\n"
	    "250 2.0.0 forgotten\r\n503 5.5.1 MAIL first (c)\r\n" },
	{ "BDAT too large", SMALL, TO "BDAT 30\r\n123456789012345678901234567890BDAT 1 LAST\r\nxNOOP\r\n",
	    TO_R "552 5.2.3 message too large (c.1)\r\n503 5.5.1 MAIL first (c)\r\n250 2.0.0 alrighty\r\n" },
	{ "BDAT with a CR at its end", 0, TO "BDAT 2 LAST\r\na\r",
	    TO_R "500 5.5.2 bare carriage return, or bare newline around a dot: not SMTP (c.1)\r\n" },
	{ "BDAT with CR and LF in two chunks", 0, TO "BDAT 2\r\na\rBDAT 1 LAST\r\n\n",
	    TO_R "250 2.0.0 octets received\r\n[a\r\n]250 2.2.0 it is done (c.1)\r\n" },
	{ "BDAT that is none", 0, TO "BDAT -1\r\nNOOP\r\n", TO_R "501 5.5.4 syntax error in BDAT (c.1)\r\n[close]" },
	{ "BINARYMIME", 0, "HELO me\r\nMAIL FROM:<a@b> BODY=BINARYMIME\r\nRCPT TO:<joe@x>\r\nDATA\r\nBDAT 4\r\na\r\n\nBDAT 2 LAST\r\n\rb",
	    TO_R "503 5.5.1 BINARYMIME needs BDAT (c.1)\r\n250 2.0.0 octets received\r\n[a\r\n\n\rb]250 2.2.0 it is done (c.1)\r\n" },
	{ "STARTTLS", OFFER, MAIL "STARTTLS\r\nNOOP\r\nMAIL FROM:<x@y>\r\n\x01" "MAIL FROM:<a@b>\r\nHELO me\r\nSTARTTLS\r\n",
	    MAIL_R "220 2.0.0 go! (c)\r\n[tls]503 5.5.1 EHLO first (c)\r\n250 mx\r\n503 5.5.1 TLS is on already (c)\r\n" },
	{ "STARTTLS not on offer", 0, "STARTTLS\r\n", "503 5.5.1 STARTTLS is not offered (c)\r\n" },
	{ "SMTPUTF8", TRUSTED, "HELO me\r\nMAIL FROM:<\xc3\xbc@b>\r\nMAIL FROM:<a@b>\r\nRCPT TO:<\xc3\xbc@x>\r\nRSET\r\n"
	    "MAIL FROM:<\xc3\xbc@b> SMTPUTF8\r\nRCPT TO:<\xc3\xbc@x>\r\n",
	    "250 mx\r\n550 5.6.7 the address needs SMTPUTF8 (c)\r\n[from a@b]250 2.1.0 sender ok\r\n"
	    "553 5.6.7 the address needs SMTPUTF8 (c.1)\r\n250 2.0.0 forgotten\r\n"
	    "[from \xc3\xbc@b]250 2.1.0 sender ok\r\n[to \xc3\xbc@x]250 2.1.0 recipient ok\r\n" },
	{ "submission in clear, TLS on offer", SUBMIT | OFFER, HI, SUB_HI "250-STARTTLS\r\n250-AUTH\r\n" SUB_R },
	{ "submission in clear, as it may be", SUBMIT | CLEAR, HI,
	    SUB_HI "250-AUTH SCRAM-SHA-256 SCRAM-SHA-1 CRAM-MD5 PLAIN LOGIN\r\n" SUB_R },
	{ "submission in TLS", SUBMIT | TLS | CHANNEL, HI, SUB_HI "250-REQUIRETLS\r\n"
	    "250-AUTH SCRAM-SHA-256-PLUS SCRAM-SHA-256 SCRAM-SHA-1-PLUS SCRAM-SHA-1 CRAM-MD5 PLAIN LOGIN\r\n" SUB_R },
	{ "a message is submitted", SUBMIT | TLS, IN_TO "RCPT TO:<joe@other>\r\nDATA\r\na\r\n.\r\nMAIL FROM:<>\r\n",
	    IN_TO_R "[to joe@other]250 2.1.0 recipient ok\r\n" GO "[a\r\n][]250 2.6.0 queued as 7\r\n250 2.1.0 sender ok\r\n" },
	{ "in chunks", SUBMIT | TLS, IN_TO "BDAT 1 LAST\r\na", IN_TO_R "[a][]250 2.6.0 queued as 7\r\n" },
	{ "the queue refuses", SUBMIT | TLS, IN "MAIL FROM:<a@b>\r\nRCPT TO:<bad@x>\r\nDATA\r\na\r\n.\r\nNOOP\r\n",
	    IN_R "[from a@b]250 2.1.0 sender ok\r\n[to bad@x]250 2.1.0 recipient ok\r\n" GO
	    "[a\r\n][]554 5.6.0 no header (c.1)\r\n250 2.0.0 alrighty\r\n" },
	{ "the queue is lost", SUBMIT | TLS, IN "MAIL FROM:<a@b>\r\nRCPT TO:<lost@x>\r\nDATA\r\na\r\n.\r\nMAIL FROM:<a@b>\r\n",
	    IN_R "[from a@b]250 2.1.0 sender ok\r\n[to lost@x]250 2.1.0 recipient ok\r\n" GO "[a\r\n][]"
	    "451 4.3.0 no answer (c.1)\r\n421 4.3.0 the queue is out of reach, please log in again (c)\r\n[close]" },
	{ "no mail before the login", SUBMIT | TLS, "MAIL FROM:<a@b>\r\nHELO me\r\nMAIL FROM:<a@b>\r\nRCPT TO:<joe@x>\r\nDATA\r\n",
	    "503 5.5.1 EHLO first (c)\r\n250 mx\r\n530 5.7.0 log in first (c)\r\n503 5.5.1 MAIL first (c)\r\n"
	    "503 5.5.1 MAIL first (c)\r\n" },
	{ "RSET and EHLO keep the login", SUBMIT | TLS, IN "RSET\r\nHELO me\r\nMAIL FROM:<a@b>\r\n",
	    IN_R "250 2.0.0 forgotten\r\n250 mx\r\n[from a@b]250 2.1.0 sender ok\r\n" },
	{ "AUTH twice, in a transaction, before EHLO, of nothing", SUBMIT | TLS,
	    "AUTH PLAIN b2s=\r\nHELO me\r\nAUTH\r\nAUTH PLAIN b2s=\r\nAUTH PLAIN b2s=\r\nMAIL FROM:<a@b>\r\nAUTH PLAIN b2s=\r\n",
	    "503 5.5.1 EHLO first (c)\r\n250 mx\r\n501 5.5.4 AUTH needs a mechanism (c)\r\n[PLAIN b2s=]235 2.7.0 nice\r\n"
	    "503 5.5.1 already authenticated (c)\r\n[from a@b]250 2.1.0 sender ok\r\n503 5.5.1 already authenticated (c.1)\r\n" },
	{ "AUTH and its answers", SUBMIT | TLS | TRUSTED, "HELO me\r\nAUTH PLAIN cHJvdG9jb2w=\r\nAUTH SCRAM-SHA-1 cHJvdG9jb2w=\r\n"
	    "AUTH SCRAM-SHA-1-PLUS Ymlu\r\nAUTH PLAIN YmFk\r\nAUTH PLAIN b2Zm\r\nAUTH PLAIN dGVtcA==\r\nAUTH GSSAPI\r\n"
	    "AUTH ABCDEFGHIJKLMNOPQRSTUVWXYZ\r\nAUTH PLAIN !\r\nAUTH PLAIN bad\r\nAUTH PLAIN \r\nbGltaXQ=\r\n",
	    "250 mx\r\n[PLAIN cHJvdG9jb2w=]501 5.5.2 that is not how this mechanism goes (c)\r\n"
	    "[SCRAM-SHA-1 cHJvdG9jb2w=]455 4.7.0 that is not how SCRAM goes (c)\r\n"
	    "[SCRAM-SHA-1-PLUS Ymlu]535 5.7.7 not the channel that we share (c)\r\n[PLAIN YmFk]535 5.7.8 wrong name or password (c)\r\n"
	    "[PLAIN b2Zm]525 5.7.13 moved  away (c)\r\n[PLAIN dGVtcA==]454 4.3.0 cannot tell now who you are, try later (c)\r\n"
	    "[GSSAPI none]504 5.5.4 no such mechanism here (c)\r\n504 5.5.4 no such mechanism here (c)\r\n501 5.5.2 not base64 (c)\r\n"
	    "501 5.5.2 not base64 (c)\r\n[PLAIN none]334 Z28=\r\n[bGltaXQ=]421 4.7.0 too many failed logins, try later (c)\r\n[close]" },
	{ "challenges", SUBMIT | TLS, "HELO me\r\nAUTH LOGIN\r\nbW9yZQ==\r\n\r\nAUTH PLAIN =\r\nauth plain\r\n!\r\nAUTH PLAIN\r\n*\r\n"
	    "AUTH PLAIN\r\nb2s=\r\nNOOP\r\n",
	    "250 mx\r\n[LOGIN none]334 Z28=\r\n[bW9yZQ==]334 Z28=\r\n[]535 5.7.8 wrong name or password (c)\r\n"
	    "[PLAIN ]535 5.7.8 wrong name or password (c)\r\n[plain none]334 Z28=\r\n501 5.5.2 not base64 (c)\r\n"
	    "[PLAIN none]334 Z28=\r\n[abort]501 5.5.0 cancelled (c)\r\n[PLAIN none]334 Z28=\r\n[b2s=]235 2.7.0 nice\r\n"
	    "250 2.0.0 alrighty\r\n" },
	{ "no password in clear", SUBMIT | OFFER, "HELO me\r\nAUTH PLAIN b2s=\r\nAUTH login\r\nAUTH SCRAM-SHA-256 b2s=\r\nSTARTTLS\r\n",
	    "250 mx\r\n538 5.7.11 this mechanism needs TLS (c)\r\n538 5.7.11 this mechanism needs TLS (c)\r\n"
	    "[SCRAM-SHA-256 b2s=]235 2.7.0 nice\r\n503 5.5.1 STARTTLS comes before AUTH (c)\r\n" },
	{ "STARTTLS, then AUTH", SUBMIT | OFFER, "HELO me\r\nSTARTTLS\r\nAUTH PLAIN b2s=\r\n\x01" "AUTH PLAIN b2s=\r\n" IN,
	    "250 mx\r\n220 2.0.0 go! (c)\r\n[tls]503 5.5.1 EHLO first (c)\r\n" IN_R },
	{ "who fails is slow, and then waits", SUBMIT | TLS, "HELO me\r\nAUTH PLAIN YmFk\r\nAUTH PLAIN YmFk\r\nAUTH PLAIN YmFk\r\n"
	    "AUTH PLAIN YmFk\r\nAUTH PLAIN YmFk\r\nAUTH PLAIN b2s=\r\n",
	    "250 mx\r\n[PLAIN YmFk]535 5.7.8 wrong name or password (c)\r\n[PLAIN YmFk]535 5.7.8 wrong name or password (c)\r\n"
	    "[PLAIN YmFk]535 5.7.8 wrong name or password (c)\r\n[PLAIN YmFk]535 5.7.8 wrong name or password (c)\r\n"
	    "[wait 1000][PLAIN YmFk]535 5.7.8 wrong name or password (c)\r\n[wait 2000][PLAIN b2s=]235 2.7.0 nice\r\n" },
	{ "a key logs in, and AUTH may follow", SUBMIT | TLS | KEY | TRUSTED, "HELO me\r\nMAIL FROM:<a@b>\r\nRSET\r\nAUTH EXTERNAL =\r\n"
	    "AUTH PLAIN b2s=\r\nAUTH PLAIN b2s=\r\n",
	    "[key]250 mx\r\n[from a@b]250 2.1.0 sender ok\r\n250 2.0.0 forgotten\r\n[EXTERNAL ]535 5.7.8 wrong name or password (c)\r\n"
	    "[PLAIN b2s=]235 2.7.0 nice\r\n503 5.5.1 already authenticated (c)\r\n" },
	{ "an unknown key", SUBMIT | TLS | KEY, HI "MAIL FROM:<a@b>\r\n", "[key]" SUB_HI "250-REQUIRETLS\r\n"
	    "250-AUTH EXTERNAL SCRAM-SHA-256 SCRAM-SHA-1 CRAM-MD5 PLAIN LOGIN\r\n" SUB_R "530 5.7.0 log in first (c)\r\n" },
	{ "a key after STARTTLS", SUBMIT | OFFER | KEY | TRUSTED, "HELO me\r\nSTARTTLS\r\n\x01HELO me\r\nMAIL FROM:<a@b>\r\n",
	    "250 mx\r\n220 2.0.0 go! (c)\r\n[tls][key]250 mx\r\n[from a@b]250 2.1.0 sender ok\r\n" },
	{ "a key is nothing to a mail exchanger", TLS | KEY, "HELO me\r\n", "250 mx\r\n" },
	{ "who is known already", SUBMIT | KNOWN, HI "AUTH PLAIN b2s=\r\nSTARTTLS\r\nMAIL FROM:<a@b>\r\n",
	    SUB_HI SUB_R "503 5.5.1 already authenticated (c)\r\n503 5.5.1 STARTTLS is not offered (c)\r\n[from a@b]250 2.1.0 sender ok\r\n" },
	{ "senders of submission", SUBMIT | TLS, IN "MAIL FROM:<a@other.example>\r\nMAIL FROM:<a@[192.0.2.1]>\r\nRSET\r\nMAIL FROM:<a@off.example>\r\n",
	    IN_R "[from a@other.example]550 5.7.1 this sender's address is not yours to use (c)\r\n[from a@[192.0.2.1]]250 2.1.0 sender ok\r\n"
	    "250 2.0.0 forgotten\r\n[from a@off.example]451 4.3.0 the sender's domain is disabled (c)\r\n" },
	{ "recipients of submission", SUBMIT | TLS, IN_TO "RCPT TO:<nobody@x>\r\nRCPT TO:<joe@[192.0.2.1]>\r\nRCPT TO:<joe@off>\r\n"
	    "RCPT TO:<gone@x>\r\n",
	    IN_TO_R "[to nobody@x]550 5.1.1 no such user (c.1)\r\n[to joe@[192.0.2.1]]250 2.1.0 recipient ok\r\n"
	    "[to joe@off]450 4.2.1 the domain is disabled (c.1)\r\n[to gone@x]550 5.1.1 because (c.1)\r\n" },
	{ "HOLDFOR and HOLDUNTIL", SUBMIT | TLS, IN "MAIL FROM:<a@b> HOLDFOR=5184001\r\nMAIL FROM:<a@b> HOLDUNTIL=2026-11-20T23:59:59Z\r\n"
	    "MAIL FROM:<a@b> HOLDUNTIL=2027-01-20T00:00:01Z\r\nMAIL FROM:<a@b> HOLDUNTIL=2027-01-20T00:00:00Z\r\nRSET\r\n"
	    "MAIL FROM:<a@b> HOLDFOR=5184000\r\nRCPT TO:<joe@x>\r\nDATA\r\n.\r\n",
	    IN_R "554 5.5.4 no message is held that long (c)\r\n554 5.5.4 that time is over (c)\r\n554 5.5.4 no message is held that long (c)\r\n"
	    "[from a@b]250 2.1.0 sender ok\r\n250 2.0.0 forgotten\r\n[from a@b]250 2.1.0 sender ok\r\n[to joe@x]250 2.1.0 recipient ok\r\n"
	    GO "[][5184000]250 2.6.0 queued as 7\r\n" },
	{ "HOLDFOR elsewhere", 0, "HELO me\r\nMAIL FROM:<a@b> HOLDFOR=60\r\n", "250 mx\r\n555 5.3.3 unknown parameter (c)\r\n" },
	{ "special names of submission", SUBMIT | TLS | LOCAL, IN "MAIL FROM:<a@b>\r\nRCPT TO:<rcptto450@x>\r\nRCPT TO:<queue451@x>\r\n"
	    "DATA\r\n.\r\nMAIL FROM:<a@b>\r\nRCPT TO:<joe@x>\r\nRCPT TO:<x451@other>\r\nDATA\r\n.\r\n",
	    IN_R "[from a@b]250 2.1.0 sender ok\r\n450 4.0.0 as the special address asks (c.1)\r\n[to queue451@x]250 2.1.0 recipient ok\r\n"
	    GO "[][]250 2.6.0 queued as 7\r\n[from a@b]250 2.1.0 sender ok\r\n[to joe@x]250 2.1.0 recipient ok\r\n"
	    "[to x451@other]250 2.1.0 recipient ok\r\n" GO "451 4.0.0 as the special address asks (c.2)\r\n" },
	{ "names that mail programs make up", SUBMIT | TLS, "EHLO\r\nHELO my_pc.\r\nHELO [IPv6:fe80::1%eth0]\r\nHELO a b\r\n",
	    "501 5.5.2 syntax error in the command's arguments (c)\r\n250 mx\r\n250 mx\r\n"
	    "501 5.5.2 syntax error in the command's arguments (c)\r\n" },
	{ "other commands", 0, "VRFY\r\nEXPN list\r\nHELP\r\nAUTH PLAIN\r\n",
	    "252 2.7.0 send a message and see\r\n252 2.7.0 send a message and see\r\n214 2.0.0 see RFC 5321\r\n"
	    "503 5.5.1 no authentication here (c)\r\n" },
};

static void
check_row(const struct row *r)
{
	static const char	greeting[] = "220 mx ESMTP posthorn\r\n";
	static const char	closed[] = "554 this service is not served here (c)\r\n";
	struct buf		want = BUF_INIT(1u << 20);
	bool			same = true;

	buf_adds(&want, r->how & CLOSED ? closed : greeting);
	buf_adds(&want, r->want);
	for (size_t n = strlen(r->in); n > 0 && same; n = n > 8 ? n / 2 : n - 1) {
		struct buf	got = transcript(r->in, r->how, n);

		same = str_eq(buf_str(&got), buf_str(&want));
		if (!same) {
			printf("# in pieces of %zu:\n", n);
			is_str(buf_str(&got), buf_str(&want), r->name);
		}
		buf_free(&got);
	}
	if (same)
		ok(true, "%s", r->name);
	buf_free(&want);
}

/* A response may be longer than a command, and not as long as one likes. */
static void
test_long_response(void)
{
	for (size_t extra = 0; extra < 2; extra++) {
		struct buf	in = BUF_INIT(20000);
		bool		good = true;

		buf_adds(&in, "HELO me\r\nAUTH PLAIN\r\n");
		for (size_t n = 0; n < (LIMIT_SMTP_AUTH_LINE - 2) / 4 * 4 + 4 * extra; n++)
			buf_addc(&in, 'A');
		buf_adds(&in, "\r\nNOOP\r\n");
		for (size_t n = 1; n <= in.n && good; n = n * 5 + 1) {
			struct buf	got = transcript(buf_c(&in), SUBMIT | TLS, n);

			good = str_find(buf_str(&got), extra > 0 ? STR("500 5.5.6") : STR("535 5.7.8")) != got.n;
			buf_free(&got);
		}
		ok(good, "a response %s", extra > 0 ? "too long" : "of 12284 bytes");
		buf_free(&in);
	}
}

/* LIMIT_SMTP_LINE, and however it is cut. */
static void
test_long_line(void)
{
	for (size_t extra = 0; extra < 3; extra++) {
		struct buf	in = BUF_INIT(10000);
		bool		good = true;

		buf_adds(&in, "NOOP ");
		while (in.n < LIMIT_SMTP_LINE - 3 + extra)
			buf_addc(&in, 'x');
		buf_adds(&in, "\r\nNOOP\r\n");
		for (size_t n = 1; n <= in.n && good; n = n * 3 - 1) {
			struct buf	got = transcript(buf_c(&in), 0, n == 1 ? 2 : n);
			bool		told = str_find(buf_str(&got), STR("500 5.5.0")) != got.n;

			good = told == (extra > 1);
			buf_free(&got);
		}
		ok(good, "a line of %zu bytes", (size_t)LIMIT_SMTP_LINE - 1 + extra);
		buf_free(&in);
	}
}

/* A thousand recipients and no more; a long reply is cut into lines. */
static void
test_many(void)
{
	struct buf	in = BUF_INIT(1u << 20), got;

	buf_adds(&in, MAIL);
	for (int i = 0; i < 1001; i++)
		buf_addf(&in, "RCPT TO:<r%d@x>\r\n", i);
	got = transcript(buf_c(&in), TRUSTED, in.n);
	ok(str_find(buf_str(&got), STR("[to r999@x]250 2.1.0 recipient ok\r\n452 4.5.3 too many recipients")) < got.n,
	    "1000 recipients, and not one more");
	buf_free(&got);
	buf_reset(&in);
	buf_adds(&in, MAIL);
	for (int i = 0; i < 40; i++)
		buf_addf(&in, "RCPT TO:<busy%d@x>\r\n", i);
	buf_adds(&in, "DATA\r\n.\r\n");
	got = transcript(buf_c(&in), TRUSTED, in.n);
	ok(str_find(buf_str(&got), STR("451-4.3.0 busy38@x: busy")) < got.n &&
	    str_find(buf_str(&got), STR("451 4.3.0 busy39@x: busy  MAIL (c.1)\r\n")) < got.n, "a line for each failure");
	for (struct str rest = buf_str(&got), line; str_cut(&rest, '\n', &line); )
		if (line.n > LIMIT_SMTP_REPLY_LINE + 1)
			ok(false, "a reply line of %zu", line.n);
	buf_free(&got);
	buf_free(&in);
}

/* A peer that only fails is not listened to for ever. */
static void
test_bad(void)
{
	struct buf	in = BUF_INIT(1u << 20), got;

	buf_adds(&in, "HELO me\r\n");
	for (int i = 0; i < 12; i++)
		buf_adds(&in, "MAIL FROM:<a@b>\r\nRCPT TO:<nobody@x>\r\nDATA\r\n.\r\n");
	got = transcript(buf_c(&in), 0, 100);
	ok(str_ends(buf_str(&got), STR("550 5.1.0 too many failed messages (c)\r\n[close]")), "eleven bad ones are enough");
	buf_free(&got);
	buf_free(&in);
}

int
main(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_row(&rows[i]);
	test_long_line();
	test_long_response();
	test_many();
	test_bad();
	return done_testing();
}
