/* job: what queue-send and its workers say to each other, and what is no such record. */
#include "client/job.h"

#include <stdlib.h>

#include "../tap.h"
#include "base/attr.h"
#include "base/limits.h"

static char	filler[LIMIT_RECORD];

static struct job
sample(struct job_rcpt *rcpt, size_t nrcpt)
{
	return (struct job){
		.id = STR("0123456789abcdef"), .kind = JOB_SMARTHOST, .hostname = STR("mx.example.org"),
		.domain = STR("example.net"), .host = STR("relay.example"), .port = { 10025, 25 }, .nport = 2,
		.tls = JOB_TLS_STARTTLS, .ca_file = STR("/etc/ca.pem"), .user = STR("joe"), .password = STR("s\n3cret"),
		.mechanisms = STR("SCRAM-SHA-256 PLAIN"), .no_ipv6 = true, .from = STR("joe@example.org"),
		.body = SMTP_BODY_8BITMIME, .smtputf8 = true, .require_tls = true, .ret = SMTP_RET_HDRS,
		.envid = STR("env+20id"), .attempt = 3, .dialed = STR("relay 192.0.2.1\n"), .content = 400, .size = 12345,
		.rcpt = rcpt, .nrcpt = nrcpt,
	};
}

static void
test_job(void)
{
	struct job_rcpt	rcpt[] = {
		{ .address = STR("a@example.net"), .notify = 6, .orcpt = STR("rfc822;a@example.net") },
		{ .address = STR("b@example.net") },
		{ .address = STR("c@example.net"), .account = STR("joe"), .mailbox = STR("INBOX") },
	};
	struct job	in = sample(rcpt, 3), out;
	struct buf	rec = BUF_INIT(LIMIT_RECORD);
	struct arena	arena = ARENA_INIT(65536);

	ok(job_encode(&rec, &in), "a job is encoded");
	ok(job_decode(buf_str(&rec), &arena, &out), "and decoded");
	is_str(out.id, in.id, "id");
	ok(out.kind == JOB_SMARTHOST && out.tls == JOB_TLS_STARTTLS, "kind and TLS");
	is_str(out.hostname, in.hostname, "hostname");
	is_str(out.domain, in.domain, "domain");
	is_str(out.host, in.host, "host");
	ok(out.nport == 2 && out.port[0] == 10025 && out.port[1] == 25, "ports in their order");
	is_str(out.ca_file, in.ca_file, "ca-file");
	is_str(out.user, in.user, "user");
	is_str(out.password, in.password, "password");
	is_str(out.mechanisms, in.mechanisms, "mechanisms");
	ok(out.no_ipv6 && !out.no_ipv4, "families");
	is_str(out.from, in.from, "from");
	ok(out.body == SMTP_BODY_8BITMIME && out.smtputf8 && out.require_tls && !out.tls_no, "what the message needs");
	ok(out.ret == SMTP_RET_HDRS, "ret");
	is_str(out.envid, in.envid, "envid");
	is_str(out.dialed, in.dialed, "dialed");
	ok(out.attempt == 3 && out.content == 400 && out.size == 12345, "numbers");
	is_num(out.nrcpt, 3, "three recipients");
	is_num(out.rcpt[0].notify, 6, "notify is told of the first");
	is_str(out.rcpt[0].orcpt, rcpt[0].orcpt, "orcpt too");
	ok(out.rcpt[1].notify == 0 && out.rcpt[1].orcpt.n == 0, "and not of the second");
	is_str(out.rcpt[1].address, rcpt[1].address, "the second");
	is_str(out.rcpt[2].account, STR("joe"), "account is told of the third");
	is_str(out.rcpt[2].mailbox, STR("INBOX"), "mailbox too");
	ok(out.rcpt[0].account.n == 0, "and not of the first");
	arena_free(&arena);
	buf_free(&rec);
}

static void
test_null_path(void)
{
	struct job_rcpt	rcpt = { .address = STR("user@localhost") };
	struct job	in = { .id = STR("x"), .kind = JOB_LOCAL, .attempt = 1, .rcpt = &rcpt, .nrcpt = 1 }, out;
	struct buf	rec = BUF_INIT(LIMIT_RECORD);
	struct arena	arena = ARENA_INIT(65536);

	ok(job_encode(&rec, &in) && job_decode(buf_str(&rec), &arena, &out), "a job with next to nothing");
	ok(out.from.n == 0 && out.from.p != NULL && out.envid.n == 0 && out.envid.p != NULL, "what is not said is empty");
	ok(out.kind == JOB_LOCAL && out.tls == JOB_TLS_POLICY && out.body == SMTP_BODY_7BIT && out.nport == 0, "or what it is by default");
	arena_free(&arena);
	buf_free(&rec);
}

static void
test_too_much(void)
{
	struct job_rcpt	rcpt[JOB_RCPTS + 1];
	struct job	in;
	struct buf	rec = BUF_INIT(LIMIT_RECORD);
	struct str	longest = str_n(filler, LIMIT_ORCPT);

	for (size_t i = 0; i <= JOB_RCPTS; i++)
		rcpt[i] = (struct job_rcpt){ .address = str_n(filler, LIMIT_PATH) };
	in = sample(rcpt, JOB_RCPTS);
	ok(job_encode(&rec, &in), "all recipients with the longest addresses");
	for (size_t i = 0; i < JOB_RCPTS; i++)
		rcpt[i].orcpt = longest;
	ok(!job_encode(&rec, &in), "but not with the longest ORCPT each");
	in.nrcpt = JOB_RCPTS / 2;
	ok(job_encode(&rec, &in), "half of them fit, in the same buffer");
	in = sample(rcpt, JOB_RCPTS + 1);
	ok(!job_encode(&rec, &in), "one recipient too many");
	in = sample(rcpt, 0);
	ok(!job_encode(&rec, &in), "no recipient");
	buf_free(&rec);
}

static void
test_not_a_job(void)
{
	static const struct {
		const char	*name;
		struct str	 rec;
	} rows[] = {
#define HEAD	"job\0" "1\0id\0x\0kind\0direct\0domain\0d\0"
#define NUMBERS	"attempt\0" "1\0content\0" "1\0size\0" "2\0"
		{ "another protocol", STR("jab\0" "1\0id\0x\0kind\0local\0" NUMBERS "rcpt\0a\0") },
		{ "another version", STR("job\0" "2\0id\0x\0kind\0local\0" NUMBERS "rcpt\0a\0") },
		{ "cut", STR(HEAD "port\0" "25\0" NUMBERS "rcpt\0a@b\0notify") },
		{ "no recipient", STR(HEAD "port\0" "25\0" NUMBERS) },
		{ "no port", STR(HEAD NUMBERS "rcpt\0a\0") },
		{ "port 0", STR(HEAD "port\0" "0\0" NUMBERS "rcpt\0a\0") },
		{ "port 65536", STR(HEAD "port\0" "65536\0" NUMBERS "rcpt\0a\0") },
		{ "five ports", STR(HEAD "port\0" "1\0port\0" "2\0port\0" "3\0port\0" "4\0port\0" "5\0" NUMBERS "rcpt\0a\0") },
		{ "no id", STR("job\0" "1\0kind\0local\0" NUMBERS "rcpt\0a\0") },
		{ "no kind", STR("job\0" "1\0id\0x\0domain\0d\0port\0" "25\0" NUMBERS "rcpt\0a\0") },
		{ "an unknown kind", STR("job\0" "1\0id\0x\0kind\0pigeon\0" NUMBERS "rcpt\0a\0") },
		{ "an unknown tls", STR("job\0" "1\0id\0x\0kind\0local\0tls\0some\0" NUMBERS "rcpt\0a\0") },
		{ "a smart host without its name", STR("job\0" "1\0id\0x\0kind\0smarthost\0port\0" "25\0" NUMBERS "rcpt\0a\0") },
		{ "no attempt", STR("job\0" "1\0id\0x\0kind\0local\0content\0" "1\0size\0" "1\0rcpt\0a\0") },
		{ "attempt 0", STR("job\0" "1\0id\0x\0kind\0local\0attempt\0" "0\0content\0" "1\0size\0" "1\0rcpt\0a\0") },
		{ "a size that is none", STR("job\0" "1\0id\0x\0kind\0local\0attempt\0" "1\0content\0" "1\0size\0-1\0rcpt\0a\0") },
		{ "notify 16", STR("job\0" "1\0id\0x\0kind\0local\0" NUMBERS "rcpt\0a\0notify\0" "16\0") },
	};
	struct arena	arena = ARENA_INIT(65536), none = ARENA_INIT(0);
	struct job	out;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ok(!job_decode(rows[i].rec, &arena, &out), "no job: %s", rows[i].name);
	ok(job_decode(STR(HEAD "port\0" "25\0" NUMBERS "colour\0red\0rcpt\0a\0shape\0round\0"), &arena, &out), "unknown names are skipped");
	ok(!job_decode(STR(HEAD "port\0" "25\0" NUMBERS "rcpt\0a\0"), &none, &out), "no memory");
	arena_free(&arena);
	arena_free(&none);
}

static void
test_done(void)
{
	struct job_result	result[] = {
		{ .got = JOB_OK, .code = 250, .status = STR("2.0.0"), .text = STR("queued\nas 1"), .host = STR("mx.example.net"),
		  .ip = STR("192.0.2.1"), .tls = STR("TLSv1.3"), .dsn = true },
		{ .got = JOB_OK, .code = 250, .status = STR("2.0.0"), .text = STR("queued\nas 1"), .host = STR("mx.example.net"),
		  .ip = STR("192.0.2.1"), .tls = STR("TLSv1.3"), .dsn = true },
		{ .got = JOB_PERM, .code = 550, .text = STR("no such user") },
		{ .got = JOB_TEMP, .text = STR("bad\0 byte"), .local = true },
	};
	struct job_done	in = { .result = result, .nresult = 4, .dialed = STR("x"), .more = true }, out;
	struct buf	rec = BUF_INIT(LIMIT_RECORD);
	struct arena	arena = ARENA_INIT(65536);

	ok(job_done_encode(&rec, &in) && job_done_decode(buf_str(&rec), &arena, &out), "a done goes through");
	ok(out.nresult == 4 && out.more && !out.unreached, "four results");
	is_str(out.dialed, in.dialed, "dialed");
	for (size_t i = 0; i < 2; i++) {
		ok(out.result[i].got == JOB_OK && out.result[i].code == 250 && out.result[i].dsn && !out.result[i].local, "result %zu", i);
		is_str(out.result[i].text, result[0].text, "its text");
		is_str(out.result[i].host, result[0].host, "its host");
		is_str(out.result[i].tls, result[0].tls, "its TLS");
		is_str(out.result[i].ip, result[0].ip, "its address");
		is_str(out.result[i].status, result[0].status, "its status");
	}
	ok(out.result[2].got == JOB_PERM && out.result[2].code == 550 && out.result[2].host.n == 0, "the third has none of it");
	ok(out.result[3].got == JOB_TEMP && out.result[3].code == 0 && out.result[3].local, "the fourth");
	is_str(out.result[3].text, STR("bad"), "a text ends before a NUL");
	arena_free(&arena);
	buf_free(&rec);
}

static void
test_long_done(void)
{
	struct job_result	result[JOB_RCPTS];
	struct job_done		in = { .result = result, .nresult = JOB_RCPTS, .dialed = str_n(filler, LIMIT_JOB_DIALED) }, out;
	struct buf		rec = BUF_INIT(LIMIT_RECORD);
	struct arena		arena = ARENA_INIT(65536);

	for (size_t i = 0; i < JOB_RCPTS; i++)
		result[i] = (struct job_result){ .got = JOB_TEMP, .code = 400 + (unsigned)i, .text = str_n(filler, LIMIT_SMTP_REPLY),
		    .host = str_n(filler, 300), .ip = str_n(filler, 300), .tls = str_n(filler, 300), .status = str_n(filler, 300) };
	ok(job_done_encode(&rec, &in), "100 results with the longest texts fit");
	ok(job_done_decode(buf_str(&rec), &arena, &out) && out.nresult == JOB_RCPTS && out.result[99].code == 499, "none is lost");
	ok(out.result[99].text.n > 0, "there is something left of the text");
	in.nresult = 1;
	ok(job_done_encode(&rec, &in) && job_done_decode(buf_str(&rec), &arena, &out) && out.result[0].text.n == LIMIT_SMTP_REPLY,
	    "the text of one alone is whole");
	in.nresult = 0;
	ok(!job_done_encode(&rec, &in), "no result is no answer");
	arena_free(&arena);
	buf_free(&rec);
}

static void
test_not_a_done(void)
{
	static const struct str	rows[] = {
		STR_INIT("done\0" "1\0"), STR_INIT("job\0" "1\0result\0ok\0"), STR_INIT("done\0" "1\0result\0fine\0"),
		STR_INIT("done\0" "1\0result\0ok\0again\0" "1\0"), STR_INIT("done\0" "1\0result\0ok\0code\0" "1000\0"),
		STR_INIT("done\0" "1\0result\0ok\0text"),
	};
	struct arena	arena = ARENA_INIT(65536);
	struct buf	many = BUF_INIT(LIMIT_RECORD);
	struct job_done	out;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ok(!job_done_decode(rows[i], &arena, &out), "no done: %zu", i);
	attr_start(&many, "done", 1);
	for (size_t i = 0; i <= JOB_RCPTS; i++)
		attr_adds(&many, "result", "ok");
	ok(!job_done_decode(buf_str(&many), &arena, &out), "more results than a job has recipients");
	buf_free(&many);
	arena_free(&arena);
}

int
main(void)
{
	memset(filler, 'x', sizeof(filler));
	test_job();
	test_null_path();
	test_too_much();
	test_not_a_job();
	test_done();
	test_long_done();
	test_not_a_done();
	return done_testing();
}
