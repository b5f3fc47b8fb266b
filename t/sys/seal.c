/* seal: one text on both sides, and a key that comes from a file or a descriptor. */
#include "sys/seal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/limits.h"
#include "sys/fd.h"
#include "../tap.h"

/* Every fact: one that is forgotten in the sealed text fails here. */
static const char *const	facts[] = {
	"id", "service", "listener", "rip", "rport", "lip", "lport", "trusted",
	"tls", "cipher", "sni", "fingerprint", "exporter", "endpoint",
};

enum { FACTS = sizeof(facts) / sizeof(facts[0]) };

static struct peer
peer_with(struct buf *rec, size_t without)
{
	buf_reset(rec);
	attr_start(rec, "conn", 1);
	for (size_t i = 0; i < FACTS; i++)
		if (i != without)
			attr_adds(rec, facts[i], "1");
	return peer_from_record(buf_str(rec));
}

static void
test_seal(void)
{
	struct seal_key	k = { .there = true };
	struct buf	rec = BUF_INIT(LIMIT_RECORD), seal = BUF_INIT(200), no = BUF_INIT(200), again = BUF_INIT(LIMIT_RECORD);
	struct peer	p = peer_with(&rec, FACTS), q;

	ok(seal_make(&k, &p, &seal) && seal.n == 64, "a seal of 64 digits");
	ok(!seal_is_good(&k, &p), "facts without it");
	p.seal = buf_str(&seal);
	ok(seal_is_good(&k, &p), "facts with it");
	attr_start(&again, "auth", 1);
	peer_add(&again, &p);
	q = peer_from_record(buf_str(&again));
	ok(seal_is_good(&k, &q), "and passed on");
	for (size_t i = 0; i < FACTS; i++) {
		q = peer_with(&rec, i);
		q.seal = buf_str(&seal);
		ok(!seal_is_good(&k, &q), "not without %s", facts[i]);
	}
	p = peer_with(&rec, FACTS);
	p.seal = buf_str(&seal);
	k.b[31] ^= 1;
	ok(!seal_is_good(&k, &p), "nor under another key");
	k.there = false;
	ok(!seal_make(&k, &p, &no) && no.n == 0, "without a key there is none");
	buf_free(&rec);
	buf_free(&again);
	buf_free(&seal);
	buf_free(&no);
}

static void
test_key(void)
{
	struct seal_key	k;
	char		name[] = "/tmp/seal.XXXXXX", pid[32];
	int		fd = mkstemp(name);

	is_num(seal_key_load(&k, NULL), 0, "nothing was passed");
	ok(!k.there, "and nothing is there");
	is_num(seal_key_load(&k, "/nowhere/key"), -1, "a file that is not there");
	is_num(errno, ENOENT, "as ENOENT");
	ok(fd != -1 && write_all(fd, STR("0123456789abcdef0123456789abcde")) == 0, "31 bytes");
	is_num(seal_key_load(&k, name), -1, "are too few");
	is_num(errno, EINVAL, "as EINVAL");
	ok(!k.there && write_all(fd, STR("f")) == 0, "one more");
	is_num(seal_key_load(&k, name), 0, "is a key");
	ok(k.there && k.b[31] == 'f', "all of it");
	(void)snprintf(pid, sizeof(pid), "%ld", (long)getpid());
	if (fd != 3 && (dup2(fd, 3) == -1 || close(fd) == -1))
		exit(1);
	(void)setenv("LISTEN_PID", pid, 1);
	(void)setenv("LISTEN_FDS", "1", 1);
	(void)setenv("LISTEN_FDNAMES", SEAL_NAME, 1);
	is_num(seal_key_load(&k, NULL), 0, "passed, its position at the end");
	ok(k.there && k.b[0] == '0', "and read from the beginning");
	(void)unlink(name);
}

int
main(void)
{
	test_seal();
	test_key();
	return done_testing();
}
