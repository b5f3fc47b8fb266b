/* smtp_cmd: a row for each rule of the command line. */
#include "proto/smtp_cmd.h"

#include "../tap.h"

#define X10	"xxxxxxxxxx"
#define X100	X10 X10 X10 X10 X10 X10 X10 X10 X10 X10

static const struct {
	const char		*name, *line;
	enum smtp_verb		 verb;
	enum smtp_cmd_err	 err;
} rows[] = {
	{ "EHLO", "EHLO mail.example.org", SMTP_EHLO, SMTP_CMD_OK },
	{ "any case", "ehlo x", SMTP_EHLO, SMTP_CMD_OK },
	{ "EHLO without a name", "EHLO", SMTP_EHLO, SMTP_CMD_SYNTAX },
	{ "EHLO with two", "EHLO a b", SMTP_EHLO, SMTP_CMD_SYNTAX },
	{ "EHLO literal", "EHLO [192.0.2.1]", SMTP_EHLO, SMTP_CMD_OK },
	{ "EHLO bad literal", "EHLO [192.0.2]", SMTP_EHLO, SMTP_CMD_SYNTAX },
	{ "HELO", "HELO x", SMTP_HELO, SMTP_CMD_OK },
	{ "MAIL", "MAIL FROM:<a@b>", SMTP_MAIL, SMTP_CMD_OK },
	{ "MAIL null", "mail from:<>", SMTP_MAIL, SMTP_CMD_OK },
	{ "MAIL with a space behind the colon", "MAIL FROM: <a@b>", SMTP_MAIL, SMTP_CMD_OK },
	{ "MAIL with a space before the colon", "MAIL FROM :<a@b>", SMTP_MAIL, SMTP_CMD_SYNTAX },
	{ "MAIL TO", "MAIL TO:<a@b>", SMTP_MAIL, SMTP_CMD_SYNTAX },
	{ "MAIL alone", "MAIL", SMTP_MAIL, SMTP_CMD_SYNTAX },
	{ "MAIL without brackets", "MAIL FROM:a@b", SMTP_MAIL, SMTP_CMD_PATH },
	{ "MAIL and text behind the path", "MAIL FROM:<a@b>SIZE=1", SMTP_MAIL, SMTP_CMD_PATH },
	{ "MAIL localpart too long", "MAIL FROM:<" X100 X10 X10 X10 "@b>", SMTP_MAIL, SMTP_CMD_PATH_LONG },
	{ "SIZE", "MAIL FROM:<a@b> SIZE=123", SMTP_MAIL, SMTP_CMD_OK },
	{ "SIZE empty", "MAIL FROM:<a@b> SIZE=", SMTP_MAIL, SMTP_CMD_PARAM_VALUE },
	{ "SIZE without a value", "MAIL FROM:<a@b> SIZE", SMTP_MAIL, SMTP_CMD_PARAM_VALUE },
	{ "SIZE not a number", "MAIL FROM:<a@b> SIZE=1k", SMTP_MAIL, SMTP_CMD_PARAM_VALUE },
	{ "SIZE of 20 digits", "MAIL FROM:<a@b> SIZE=99999999999999999999", SMTP_MAIL, SMTP_CMD_OK },
	{ "SIZE of 21 digits", "MAIL FROM:<a@b> SIZE=999999999999999999999", SMTP_MAIL, SMTP_CMD_PARAM_VALUE },
	{ "SIZE twice", "MAIL FROM:<a@b> SIZE=1 size=1", SMTP_MAIL, SMTP_CMD_PARAM_TWICE },
	{ "BODY=7BIT", "MAIL FROM:<a@b> BODY=7BIT", SMTP_MAIL, SMTP_CMD_OK },
	{ "BODY=8BITMIME", "MAIL FROM:<a@b> body=8bitmime", SMTP_MAIL, SMTP_CMD_OK },
	{ "BODY=BINARYMIME", "MAIL FROM:<a@b> BODY=BINARYMIME", SMTP_MAIL, SMTP_CMD_OK },
	{ "BODY other", "MAIL FROM:<a@b> BODY=9BIT", SMTP_MAIL, SMTP_CMD_BODY },
	{ "SMTPUTF8", "MAIL FROM:<a@b> SMTPUTF8", SMTP_MAIL, SMTP_CMD_OK },
	{ "SMTPUTF8 with a value", "MAIL FROM:<a@b> SMTPUTF8=1", SMTP_MAIL, SMTP_CMD_PARAM_VALUE },
	{ "REQUIRETLS", "MAIL FROM:<a@b> REQUIRETLS", SMTP_MAIL, SMTP_CMD_OK },
	{ "AUTH", "MAIL FROM:<a@b> AUTH=e+3Dmc2@example.com", SMTP_MAIL, SMTP_CMD_OK },
	{ "AUTH null", "MAIL FROM:<a@b> AUTH=<>", SMTP_MAIL, SMTP_CMD_OK },
	{ "unknown parameter", "MAIL FROM:<a@b> FOO=1", SMTP_MAIL, SMTP_CMD_PARAM_UNKNOWN },
	{ "HOLDFOR", "MAIL FROM:<a@b> HOLDFOR=60", SMTP_MAIL, SMTP_CMD_OK },
	{ "HOLDFOR of nine digits", "MAIL FROM:<a@b> HOLDFOR=999999999", SMTP_MAIL, SMTP_CMD_OK },
	{ "HOLDFOR of ten digits", "MAIL FROM:<a@b> HOLDFOR=1000000000", SMTP_MAIL, SMTP_CMD_PARAM_VALUE },
	{ "HOLDFOR nothing", "MAIL FROM:<a@b> HOLDFOR=0", SMTP_MAIL, SMTP_CMD_PARAM_VALUE },
	{ "HOLDFOR with a zero first", "MAIL FROM:<a@b> HOLDFOR=060", SMTP_MAIL, SMTP_CMD_PARAM_VALUE },
	{ "HOLDFOR no number", "MAIL FROM:<a@b> HOLDFOR=1h", SMTP_MAIL, SMTP_CMD_PARAM_VALUE },
	{ "HOLDFOR without a value", "MAIL FROM:<a@b> HOLDFOR", SMTP_MAIL, SMTP_CMD_PARAM_VALUE },
	{ "HOLDUNTIL", "MAIL FROM:<a@b> HOLDUNTIL=2026-11-21T12:00:00Z", SMTP_MAIL, SMTP_CMD_OK },
	{ "HOLDUNTIL in small letters", "MAIL FROM:<a@b> holduntil=2026-11-21t12:00:00z", SMTP_MAIL, SMTP_CMD_OK },
	{ "HOLDUNTIL in another zone", "MAIL FROM:<a@b> HOLDUNTIL=2026-11-21T12:00:00+00:00", SMTP_MAIL, SMTP_CMD_PARAM_VALUE },
	{ "HOLDUNTIL with a fraction", "MAIL FROM:<a@b> HOLDUNTIL=2026-11-21T12:00:00.5Z", SMTP_MAIL, SMTP_CMD_PARAM_VALUE },
	{ "HOLDUNTIL without a time", "MAIL FROM:<a@b> HOLDUNTIL=2026-11-21", SMTP_MAIL, SMTP_CMD_PARAM_VALUE },
	{ "HOLDUNTIL on no day", "MAIL FROM:<a@b> HOLDUNTIL=2026-02-30T12:00:00Z", SMTP_MAIL, SMTP_CMD_PARAM_VALUE },
	{ "both HOLDs", "MAIL FROM:<a@b> HOLDFOR=60 HOLDUNTIL=2026-11-21T12:00:00Z", SMTP_MAIL, SMTP_CMD_PARAM_TWICE },
	{ "HOLDFOR at RCPT", "RCPT TO:<a@b> HOLDFOR=60", SMTP_RCPT, SMTP_CMD_PARAM_UNKNOWN },
	{ "RCPT's parameter at MAIL", "MAIL FROM:<a@b> NOTIFY=NEVER", SMTP_MAIL, SMTP_CMD_PARAM_UNKNOWN },
	{ "RET=FULL", "MAIL FROM:<a@b> RET=FULL", SMTP_MAIL, SMTP_CMD_OK },
	{ "RET=HDRS", "MAIL FROM:<a@b> RET=hdrs", SMTP_MAIL, SMTP_CMD_OK },
	{ "RET other", "MAIL FROM:<a@b> RET=SOME", SMTP_MAIL, SMTP_CMD_PARAM_VALUE },
	{ "ENVID", "MAIL FROM:<a@b> ENVID=QQ+2B314159", SMTP_MAIL, SMTP_CMD_OK },
	{ "ENVID of 100", "MAIL FROM:<a@b> ENVID=" X100, SMTP_MAIL, SMTP_CMD_OK },
	{ "ENVID of 101", "MAIL FROM:<a@b> ENVID=" X100 "x", SMTP_MAIL, SMTP_CMD_PARAM_VALUE },
	{ "ENVID with small hex", "MAIL FROM:<a@b> ENVID=Q+2b", SMTP_MAIL, SMTP_CMD_PARAM_VALUE },
	{ "ENVID cut short", "MAIL FROM:<a@b> ENVID=Q+2", SMTP_MAIL, SMTP_CMD_PARAM_VALUE },
	{ "ENVID with a control inside", "MAIL FROM:<a@b> ENVID=Q+0A", SMTP_MAIL, SMTP_CMD_PARAM_VALUE },
	{ "ENVID with =", "MAIL FROM:<a@b> ENVID=a=b", SMTP_MAIL, SMTP_CMD_PARAM_VALUE },
	{ "all of them", "MAIL FROM:<a@b> SIZE=1 BODY=8BITMIME SMTPUTF8 REQUIRETLS RET=FULL ENVID=x AUTH=<>",
	    SMTP_MAIL, SMTP_CMD_OK },
	{ "spaces between", "MAIL FROM:<a@b>  SIZE=1  BODY=7BIT ", SMTP_MAIL, SMTP_CMD_OK },
	{ "RCPT", "RCPT TO:<a@b>", SMTP_RCPT, SMTP_CMD_OK },
	{ "RCPT postmaster", "rcpt to:<postmaster>", SMTP_RCPT, SMTP_CMD_OK },
	{ "RCPT route", "RCPT TO:<@c,@d:a@b>", SMTP_RCPT, SMTP_CMD_OK },
	{ "RCPT null", "RCPT TO:<>", SMTP_RCPT, SMTP_CMD_PATH },
	{ "RCPT unknown parameter", "RCPT TO:<a@b> FOO", SMTP_RCPT, SMTP_CMD_PARAM_UNKNOWN },
	{ "NOTIFY=NEVER", "RCPT TO:<a@b> NOTIFY=NEVER", SMTP_RCPT, SMTP_CMD_OK },
	{ "NOTIFY list", "RCPT TO:<a@b> NOTIFY=success,Failure,DELAY", SMTP_RCPT, SMTP_CMD_OK },
	{ "NOTIFY=NEVER with others", "RCPT TO:<a@b> NOTIFY=NEVER,DELAY", SMTP_RCPT, SMTP_CMD_PARAM_VALUE },
	{ "NOTIFY other", "RCPT TO:<a@b> NOTIFY=ALWAYS", SMTP_RCPT, SMTP_CMD_PARAM_VALUE },
	{ "NOTIFY ends in a comma", "RCPT TO:<a@b> NOTIFY=DELAY,", SMTP_RCPT, SMTP_CMD_PARAM_VALUE },
	{ "NOTIFY twice", "RCPT TO:<a@b> NOTIFY=DELAY NOTIFY=DELAY", SMTP_RCPT, SMTP_CMD_PARAM_TWICE },
	{ "ORCPT", "RCPT TO:<a@b> ORCPT=rfc822;c@d", SMTP_RCPT, SMTP_CMD_OK },
	{ "ORCPT encoded", "RCPT TO:<a@b> ORCPT=rfc822;c+2Bx@d", SMTP_RCPT, SMTP_CMD_OK },
	{ "ORCPT without type", "RCPT TO:<a@b> ORCPT=c@d", SMTP_RCPT, SMTP_CMD_PARAM_VALUE },
	{ "ORCPT with an empty type", "RCPT TO:<a@b> ORCPT=;c@d", SMTP_RCPT, SMTP_CMD_PARAM_VALUE },
	{ "ORCPT with nothing", "RCPT TO:<a@b> ORCPT=rfc822;", SMTP_RCPT, SMTP_CMD_PARAM_VALUE },
	{ "ORCPT utf-8", "RCPT TO:<a@b> ORCPT=utf-8;\xc3\xbc@d", SMTP_RCPT, SMTP_CMD_OK },
	{ "ORCPT utf-8 embedded", "RCPT TO:<a@b> ORCPT=utf-8;\\x{FC}@d", SMTP_RCPT, SMTP_CMD_OK },
	{ "ORCPT rfc822 with utf8", "RCPT TO:<a@b> ORCPT=rfc822;\xc3\xbc@d", SMTP_RCPT, SMTP_CMD_PARAM_VALUE },
	{ "ORCPT too long", "RCPT TO:<a@b> ORCPT=rfc822;" X100 X100 X100 X100 X100, SMTP_RCPT, SMTP_CMD_PARAM_VALUE },
	{ "DATA", "DATA", SMTP_DATA, SMTP_CMD_OK },
	{ "DATA with a word", "DATA x", SMTP_DATA, SMTP_CMD_SYNTAX },
	{ "BDAT", "BDAT 100", SMTP_BDAT, SMTP_CMD_OK },
	{ "BDAT LAST", "bdat 0 last", SMTP_BDAT, SMTP_CMD_OK },
	{ "BDAT without a size", "BDAT", SMTP_BDAT, SMTP_CMD_SYNTAX },
	{ "BDAT LAST without a size", "BDAT LAST", SMTP_BDAT, SMTP_CMD_SYNTAX },
	{ "BDAT negative", "BDAT -1", SMTP_BDAT, SMTP_CMD_SYNTAX },
	{ "BDAT too large", "BDAT 9223372036854775808", SMTP_BDAT, SMTP_CMD_SYNTAX },
	{ "BDAT with another word", "BDAT 1 FIRST", SMTP_BDAT, SMTP_CMD_SYNTAX },
	{ "BDAT with more behind", "BDAT 1 LAST x", SMTP_BDAT, SMTP_CMD_SYNTAX },
	{ "RSET", "RSET", SMTP_RSET, SMTP_CMD_OK },
	{ "RSET with a word", "RSET x", SMTP_RSET, SMTP_CMD_SYNTAX },
	{ "NOOP", "NOOP", SMTP_NOOP, SMTP_CMD_OK },
	{ "NOOP with a word", "NOOP hello", SMTP_NOOP, SMTP_CMD_OK },
	{ "NOOP with a string", "NOOP \"hello \\\" you\"", SMTP_NOOP, SMTP_CMD_OK },
	{ "NOOP with a string not closed", "NOOP \"hello", SMTP_NOOP, SMTP_CMD_SYNTAX },
	{ "NOOP with two words", "NOOP hello you", SMTP_NOOP, SMTP_CMD_SYNTAX },
	{ "QUIT", "quit", SMTP_QUIT, SMTP_CMD_OK },
	{ "QUIT with a word", "QUIT now", SMTP_QUIT, SMTP_CMD_SYNTAX },
	{ "VRFY", "VRFY joe", SMTP_VRFY, SMTP_CMD_OK },
	{ "EXPN", "EXPN", SMTP_EXPN, SMTP_CMD_OK },
	{ "HELP", "HELP me please", SMTP_HELP, SMTP_CMD_OK },
	{ "STARTTLS", "STARTTLS", SMTP_STARTTLS, SMTP_CMD_OK },
	{ "STARTTLS with a word", "STARTTLS now", SMTP_STARTTLS, SMTP_CMD_SYNTAX },
	{ "AUTH verb", "AUTH PLAIN AGEAYg==", SMTP_AUTH, SMTP_CMD_OK },
	{ "unknown", "GET / HTTP/1.1", SMTP_OTHER, SMTP_CMD_UNKNOWN },
	{ "part of a verb", "MAI", SMTP_OTHER, SMTP_CMD_UNKNOWN },
	{ "empty", "", SMTP_OTHER, SMTP_CMD_UNKNOWN },
	{ "space first", " NOOP", SMTP_OTHER, SMTP_CMD_UNKNOWN },
	{ "tab for space", "NOOP\tx", SMTP_OTHER, SMTP_CMD_UNKNOWN },
	{ "a CR inside", "NOOP a\rb", SMTP_NOOP, SMTP_CMD_SYNTAX },
};

static void
test_values(void)
{
	struct smtp_cmd	c;

	ok(smtp_cmd_parse(STR("MAIL FROM:<A@B> SIZE=77 BODY=BINARYMIME SMTPUTF8 RET=HDRS ENVID=a+2Bb"), &c) == SMTP_CMD_OK,
	    "MAIL with much");
	ok(c.has_size && c.size == 77 && c.body == SMTP_BODY_BINARYMIME && c.smtputf8 && !c.requiretls, "its values");
	ok(c.ret == SMTP_RET_HDRS, "RET");
	is_str(c.envid, STR("a+2Bb"), "ENVID as it came");
	is_str(c.path.domain, STR("B"), "the path");
	ok(smtp_cmd_parse(STR("MAIL FROM:<A@B> SIZE=99999999999999999999"), &c) == SMTP_CMD_OK && c.size == UINT64_MAX,
	    "a size that does not fit is the largest");
	ok(smtp_cmd_parse(STR("RCPT TO:<a@b> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;x@y"), &c) == SMTP_CMD_OK, "RCPT");
	is_num(c.notify, SMTP_NOTIFY_SUCCESS | SMTP_NOTIFY_DELAY, "NOTIFY");
	is_str(c.orcpt, STR("rfc822;x@y"), "ORCPT");
	ok(smtp_cmd_parse(STR("BDAT 65536 LAST"), &c) == SMTP_CMD_OK && c.chunk == 65536 && c.last, "BDAT LAST");
	ok(smtp_cmd_parse(STR("BDAT 5"), &c) == SMTP_CMD_OK && c.chunk == 5 && !c.last, "BDAT");
	ok(smtp_cmd_parse(STR("MAIL FROM:<a@b> HOLDFOR=86400"), &c) == SMTP_CMD_OK && c.hold_seconds == 86400, "HOLDFOR");
	is_str(c.holdfor, STR("86400"), "as it came");
	ok(smtp_cmd_parse(STR("MAIL FROM:<a@b> HOLDUNTIL=2026-11-21T12:00:00Z"), &c) == SMTP_CMD_OK &&
	    c.hold_time == 1795262400, "HOLDUNTIL");
	is_str(c.holduntil, STR("2026-11-21T12:00:00Z"), "as it came");
	is_num(smtp_cmd_reply(SMTP_CMD_PARAM_UNKNOWN).code, 555, "a reply's code");
}

int
main(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct smtp_cmd		c;
		enum smtp_cmd_err	e = smtp_cmd_parse(str_c(rows[i].line), &c);

		if (!ok(e == rows[i].err && c.verb == rows[i].verb, "%s", rows[i].name))
			printf("# err %d verb %d\n", e, c.verb);
	}
	test_values();
	return done_testing();
}
