#include "peer.h"

#include <sys/socket.h>

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "../base/attr.h"
#include "../base/code.h"
#include "ipc.h"

struct peer
peer_from_env(void)
{
	return (struct peer){
		.id = str_c(getenv("PEER_ID")),
		.service = str_c(getenv("PEER_SERVICE")),
		.listener = str_c(getenv("PEER_LISTENER")),
		.rip = str_c(getenv("PEER_RIP")),
		.rport = str_c(getenv("PEER_RPORT")),
		.lip = str_c(getenv("PEER_LIP")),
		.lport = str_c(getenv("PEER_LPORT")),
		.tls = str_c(getenv("PEER_TLS")),
		.cipher = str_c(getenv("PEER_CIPHER")),
		.sni = str_c(getenv("PEER_SNI")),
		.fingerprint = str_c(getenv("PEER_FINGERPRINT")),
		.exporter = str_c(getenv("PEER_EXPORTER")),
		.endpoint = str_c(getenv("PEER_ENDPOINT")),
		.seal = str_c(getenv("PEER_SEAL")),
		.account = str_c(getenv("PEER_ACCOUNT")),
		.login = str_c(getenv("PEER_LOGIN")),
		.mechanism = str_c(getenv("PEER_MECHANISM")),
		.tag = str_c(getenv("PEER_TAG")),
		.trusted = str_eq(str_c(getenv("PEER_TRUSTED")), STR("1")),
		.starttls = str_eq(str_c(getenv("PEER_STARTTLS")), STR("1")),
	};
}

struct peer
peer_from_record(struct str rec)
{
	return (struct peer){
		.id = attr_get(rec, "id"),
		.service = attr_get(rec, "service"),
		.listener = attr_get(rec, "listener"),
		.rip = attr_get(rec, "rip"),
		.rport = attr_get(rec, "rport"),
		.lip = attr_get(rec, "lip"),
		.lport = attr_get(rec, "lport"),
		.tls = attr_get(rec, "tls"),
		.cipher = attr_get(rec, "cipher"),
		.sni = attr_get(rec, "sni"),
		.fingerprint = attr_get(rec, "fingerprint"),
		.exporter = attr_get(rec, "exporter"),
		.endpoint = attr_get(rec, "endpoint"),
		.seal = attr_get(rec, "seal"),
		.trusted = str_eq(attr_get(rec, "trusted"), STR("1")),
	};
}

bool
peer_input(struct buf *b)
{
	return code_unb64(b, str_c(getenv("PEER_INPUT")));
}

static void
add_if(struct buf *rec, const char *name, struct str value)
{
	if (value.n > 0)
		attr_add(rec, name, value);
}

void
peer_add(struct buf *rec, const struct peer *p)
{
	add_if(rec, "id", p->id);
	add_if(rec, "service", p->service);
	add_if(rec, "listener", p->listener);
	add_if(rec, "rip", p->rip);
	add_if(rec, "rport", p->rport);
	add_if(rec, "lip", p->lip);
	add_if(rec, "lport", p->lport);
	add_if(rec, "tls", p->tls);
	add_if(rec, "cipher", p->cipher);
	add_if(rec, "sni", p->sni);
	add_if(rec, "fingerprint", p->fingerprint);
	add_if(rec, "exporter", p->exporter);
	add_if(rec, "endpoint", p->endpoint);
	add_if(rec, "trusted", p->trusted ? STR("1") : STR(""));
	add_if(rec, "seal", p->seal);
}

/* Throw away plaintext that listend had already sent on before it stopped. */
static int
drain(int data)
{
	char	scrap[4096];
	ssize_t	n;

	do
		n = recv(data, scrap, sizeof(scrap), MSG_DONTWAIT);
	while (n > 0 || (n == -1 && errno == EINTR));
	if (n == 0) {
		errno = EPIPE;
		return -1;
	}
	return errno == EAGAIN ? 0 : -1;
}

/*
 * Put the new socket in place of the one in plain text, which the session then
 * holds no more: what an attacker sent into that is gone with it.
 */
static int
replace(int data, int fd)
{
	int	n = 0;

	/* data is descriptors 0 and 1; neither is closed over exec, as they were not */
	if (data == STDIN_FILENO || data == STDOUT_FILENO)
		n = dup2(fd, data == STDIN_FILENO ? STDOUT_FILENO : STDIN_FILENO);
	if (n != -1)
		n = dup2(fd, data);
	return n == -1 ? -1 : 0;
}

int
peer_starttls(struct peer *p, int data, struct deadline d)
{
	static char	kept[4096];
	struct buf	rec = { .p = kept, .cap = sizeof(kept), .max = sizeof(kept) - 1 };
	struct ipc_fds	fds = { .n = 0 };
	struct str	facts;
	int		n;

	if (ipc_send(PEER_CONTROL, STR("S"), NULL, d) == -1 ||
	    ipc_recv(PEER_CONTROL, &rec, &fds, d) == -1)
		return -1;
	if (!attr_is(buf_str(&rec), "tls", 1)) {
		ipc_close(&fds);
		errno = EPROTO;
		return -1;
	}
	n = fds.n > 0 ? replace(data, fds.fd[0]) : drain(data);
	ipc_close(&fds);
	if (n == -1 || ipc_send(PEER_CONTROL, STR("G"), NULL, d) == -1)
		return -1;
	/* the record has the name of its first attribute */
	facts = str_skip(buf_str(&rec), sizeof("tls\0001"));
	p->tls = attr_get(facts, "tls");
	p->cipher = attr_get(facts, "cipher");
	p->sni = attr_get(facts, "sni");
	p->fingerprint = attr_get(facts, "fingerprint");
	p->exporter = attr_get(facts, "exporter");
	p->endpoint = attr_get(facts, "endpoint");
	p->seal = attr_get(facts, "seal");
	p->starttls = false;
	return 0;
}
