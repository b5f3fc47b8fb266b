/* peer: the facts of a connection, and a session's side of STARTTLS. */
#include "sys/peer.h"

#include <sys/socket.h>

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/limits.h"
#include "sys/ipc.h"
#include "../tap.h"

static struct deadline
soon(void)
{
	return deadline_in(300);
}

static void
test_environment(void)
{
	struct buf	rec = BUF_INIT(LIMIT_RECORD), in = BUF_INIT(100);
	struct peer	p = peer_from_env();

	ok(p.rip.n == 0 && !p.trusted && !p.starttls, "an empty environment is no peer");
	ok(peer_input(&in) && in.n == 0, "without input");
	(void)setenv("PEER_RIP", "192.0.2.1", 1);
	(void)setenv("PEER_TRUSTED", "1", 1);
	(void)setenv("PEER_STARTTLS", "yes", 1);
	(void)setenv("PEER_INPUT", "YWIK", 1);
	p = peer_from_env();
	is_str(p.rip, STR("192.0.2.1"), "the address");
	ok(p.trusted, "1 is true");
	ok(!p.starttls, "and nothing else is");
	ok(peer_input(&in), "input is decoded");
	is_str(buf_str(&in), STR("ab\n"), "to its bytes");
	attr_start(&rec, "verify", 1);
	peer_add(&rec, &p);
	is_str(attr_get(buf_str(&rec), "rip"), STR("192.0.2.1"), "added to a record");
	ok(attr_get(buf_str(&rec), "sni").p == NULL, "what is absent is not");
	(void)setenv("PEER_INPUT", "?", 1);
	buf_reset(&in);
	ok(!peer_input(&in), "input that is no base64 is refused");
	buf_free(&rec);
	buf_free(&in);
}

/* We play listend: whatever must not survive is already in the data socket. */
static void
test_starttls(void)
{
	struct buf	rec = BUF_INIT(LIMIT_RECORD);
	struct peer	p = { .starttls = true };
	int		control[2], data[2];
	char		got[8];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, control) == -1 || socketpair(AF_UNIX, SOCK_STREAM, 0, data) == -1 ||
	    dup2(control[0], PEER_CONTROL) == -1)
		exit(1);
	ok(write(data[1], "RCPT TO:<evil>\r\n", 16) == 16, "plaintext behind the command");
	attr_start(&rec, "tls", 1);
	attr_adds(&rec, "tls", "TLSv1.3");
	attr_adds(&rec, "cipher", "TLS_AES_128_GCM_SHA256");
	attr_adds(&rec, "sni", "mail.example");
	is_num(ipc_send(control[1], buf_str(&rec), NULL, soon()), 0, "listend did the handshake");
	is_num(peer_starttls(&p, data[0], soon()), 0, "starttls");
	is_str(p.tls, STR("TLSv1.3"), "its facts are there");
	is_str(p.sni, STR("mail.example"), "all of them");
	ok(!p.starttls, "and it cannot be asked for again");
	ok(recv(control[1], got, 1, MSG_DONTWAIT) == 1 && got[0] == 'S', "it said S");
	ok(recv(control[1], got, 1, MSG_DONTWAIT) == 1 && got[0] == 'G', "and G");
	ok(recv(data[0], got, 1, MSG_DONTWAIT) == -1 && errno == EAGAIN, "the plaintext is gone");
	is_num(ipc_send(control[1], STR("nonsense"), NULL, soon()), 0, "a record of another kind");
	is_num(peer_starttls(&p, data[0], soon()), -1, "is not taken");
	is_num(errno, EPROTO, "as EPROTO");
	is_num(peer_starttls(&p, data[0], deadline_in(20)), -1, "no answer");
	is_num(errno, ETIMEDOUT, "is a time-out");
	is_num(ipc_send(control[1], buf_str(&rec), NULL, soon()), 0, "a handshake");
	(void)close(data[1]);
	is_num(peer_starttls(&p, data[0], soon()), -1, "and a peer that left meanwhile");
	buf_free(&rec);
}

int
main(void)
{
	test_environment();
	test_starttls();
	return done_testing();
}
