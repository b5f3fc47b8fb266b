#include "session.h"

#include <sys/random.h>

#include <errno.h>
#include <unistd.h>

#include "base/code.h"
#include "base/limits.h"
#include "sys/log.h"

enum {
	PIECE	= 32768,	/* of a message, read at once */
	OUT	= 65536,	/* gathered before it is written */
	QUIT_MS	= 1000,		/* for the reply to QUIT: all is done, and nobody is to wait for it */
};

void
session_init(struct session *s)
{
	*s = (struct session){ .conn = CONN_INIT, .arena = ARENA_INIT(LIMIT_RECORD) };
}

void
session_add_peer(const struct session *s, struct buf *b)
{
	buf_add(b, s->host);
	buf_adds(b, " [");
	ip_format(b, &s->conn.ip);
	buf_addf(b, "]:%u", s->conn.port);
}

static void
drop(struct session *s)
{
	tls_end(&s->conn);
	conn_close(&s->conn);
	s->open = false;
}

/* --- what the client wants */

static const char *
lost_text(int err)
{
	if (err == 0)
		return "the server closed the connection";
	if (err == ETIMEDOUT)
		return "the server did not answer in time";
	if (err == ECANCELED)
		return "given up: the queue is being stopped";
	return strerror(err);
}

/* What has come already may be a reply that explains it (421). */
static void
lost(struct session *s, int err)
{
	struct str	in = buf_str(&s->conn.in);

	while (conn_peek(&s->conn) == 1)
		;
	in = buf_str(&s->conn.in);
	if (err != ECANCELED)
		(void)smtp_client_feed(&s->client, &in);
	s->pipelined = smtp_client_pipelined(&s->client);
	smtp_client_lost(&s->client, "4.4.2", str_c(lost_text(err)));
}

static bool
flush(struct session *s, struct patience p)
{
	int	n = conn_write(&s->conn, buf_str(&s->client.out), p.io_ms);

	buf_reset(&s->client.out);
	if (n == -1)
		lost(s, errno);
	return n == 0;
}

static void
feed(struct session *s)
{
	struct str	in = buf_str(&s->conn.in);
	size_t		before = in.n;

	(void)smtp_client_feed(&s->client, &in);
	buf_consume(&s->conn.in, before - in.n);
}

static void
more_input(struct session *s, struct patience p)
{
	int	n;

	if (!flush(s, p))
		return;
	if (s->conn.in.n == 0) {
		/* what has been sent whole is worth hearing about */
		int	watch = s->conn.watch;

		if (s->client.ended)
			s->conn.watch = -1;
		n = conn_read(&s->conn, s->client.ended ? p.end_ms : p.io_ms);
		s->conn.watch = watch;
		if (n <= 0) {
			lost(s, n == 0 ? 0 : errno);
			return;
		}
	}
	feed(s);
}

/* 0: TLS is on; -1: no_tls tells why not. */
static int
handshake(struct session *s, struct patience p)
{
	if (tls_begin(&s->conn, s->host, s->verify, p.io_ms, &s->no_tls) == -1)
		return -1;
	s->no_tls = NULL;
	tls_bindings(&s->conn, &s->binding);
	s->channel = (struct scram_channel){
		str_n(s->binding.exporter, s->binding.exporter_n), str_n(s->binding.endpoint, s->binding.endpoint_n),
	};
	if (!str_copy(str_c(tls_version(&s->conn)), s->tls, sizeof(s->tls)))
		s->tls[0] = '\0';
	return 0;
}

/* Bytes that came before TLS began are nobody's word (RFC 3207 section 4.2). */
static void
start_tls(struct session *s, struct patience p)
{
	if (!flush(s, p))
		return;
	buf_reset(&s->conn.in);
	if (handshake(s, p) == -1)
		smtp_client_lost(&s->client, "4.7.5", str_c(s->no_tls));
	else
		smtp_client_secured(&s->client, &s->channel);
}

struct source {
	int		fd;
	uint64_t	at, end;
};

/* The message's next bytes; and a look whether the server does not want the rest. */
static void
more_message(struct session *s, struct source *src, struct patience p)
{
	char	piece[PIECE];
	size_t	n = src->end - src->at < PIECE ? (size_t)(src->end - src->at) : PIECE;
	ssize_t	got = n == 0 ? 0 : pread(src->fd, piece, n, (off_t)src->at);

	if (got == -1 && errno == EINTR)
		return;
	if (got < 0 || (got == 0 && n > 0)) {
		log_failure("message", "pread", got == 0 ? EPIPE : errno);
		smtp_client_lost(&s->client, "4.3.0", STR("the message cannot be read here"));
		return;
	}
	src->at += (uint64_t)got;
	smtp_client_message(&s->client, str_n(piece, (size_t)got), src->at == src->end);
	if (s->client.out.n < OUT || !flush(s, p))
		return;
	if (conn_peek(&s->conn) == -1)
		lost(s, errno);
	else if (s->conn.in.n > 0)
		feed(s);
}

/* Until mail may be sent, or never again. */
static void
run(struct session *s, struct source *src, struct patience p)
{
	for (;;)
		switch (smtp_client_want(&s->client)) {
		case SMTPC_WANT_INPUT:
			more_input(s, p);
			break;
		case SMTPC_WANT_STARTTLS:
			start_tls(s, p);
			break;
		case SMTPC_WANT_MESSAGE:
			more_message(s, src, p);
			break;
		case SMTPC_WANT_MAIL:
			return;
		case SMTPC_WANT_CLOSE:
			drop(s);
			return;
		}
}

/* --- the whole */

static bool
keep(struct session *s, struct str from, struct str *to_r)
{
	*to_r = STR("");
	return from.n == 0 || arena_dup(&s->arena, from, to_r);
}

/* What the session borrows must outlive the job that opened it. */
static bool
remember(struct session *s, const struct job *j, struct str host)
{
	arena_reset(&s->arena);
	s->key = (struct job){
		.kind = j->kind, .tls = j->tls, .require_tls = j->require_tls, .tls_no = j->tls_no,
		.no_ipv4 = j->no_ipv4, .no_ipv6 = j->no_ipv6,
	};
	return keep(s, host, &s->host) && keep(s, j->hostname, &s->key.hostname) &&
	    keep(s, j->domain, &s->key.domain) && keep(s, j->host, &s->key.host) &&
	    keep(s, j->ca_file, &s->key.ca_file) && keep(s, j->user, &s->key.user) &&
	    keep(s, j->password, &s->key.password) && keep(s, j->mechanisms, &s->key.mechanisms);
}

static struct str
make_nonce(struct session *s)
{
	unsigned char	bytes[18] = { 0 };
	char		text[25];
	struct buf	b = { .p = text, .cap = sizeof(text), .max = sizeof(text) - 1 };
	struct str	nonce = STR("");

	if (getrandom(bytes, sizeof(bytes), 0) == sizeof(bytes)) {
		code_b64(&b, str_n(bytes, sizeof(bytes)));
		if (!arena_dup(&s->arena, buf_str(&b), &nonce))
			return STR("");
	}
	return nonce;
}

static void
configure(struct session *s, const struct tls_mode *m, bool one_by_one)
{
	bool	implicit = m->use == TLS_USE_IMPLICIT;

	s->verify = m->pkix;
	s->conf = (struct smtp_client_conf){
		.hostname = s->key.hostname,
		.starttls = m->use == TLS_USE_REQUIRED ? SMTPC_TLS_REQUIRED :
		    m->use == TLS_USE_OFFERED ? SMTPC_TLS_OFFERED : SMTPC_TLS_NEVER,
		.tls = implicit,
		.one_by_one = one_by_one,
		.login = s->key.kind == JOB_SMARTHOST && s->key.user.n > 0,
		.auth = {
			.user = s->key.user, .password = s->key.password, .allowed = s->key.mechanisms,
			.nonce = make_nonce(s), .clear = implicit,
		},
	};
}

bool
session_begin(struct session *s, const struct job *j, struct str host, const struct tls_mode *m, bool one_by_one, struct patience p)
{
	if (s->begun)
		smtp_client_free(&s->client);
	s->open = s->pipelined = false;
	s->no_tls = NULL;
	s->tls[0] = '\0';
	if (!remember(s, j, host))
		s->host = STR("");
	configure(s, m, one_by_one);
	smtp_client_init(&s->client, &s->conf);
	s->begun = true;
	if (m->use == TLS_USE_IMPLICIT) {
		if (handshake(s, p) == -1)
			smtp_client_lost(&s->client, "4.7.5", str_c(s->no_tls));
		else
			smtp_client_channel(&s->client, &s->channel);
	}
	run(s, NULL, p);
	s->open = smtp_client_want(&s->client) == SMTPC_WANT_MAIL;
	return s->open;
}

bool
session_send(struct session *s, struct smtp_mail *m, int fd, uint64_t content, struct patience p)
{
	struct source	src = { fd, content, content + m->size };

	s->pipelined = false;
	smtp_client_send(&s->client, m);
	run(s, &src, p);
	return s->open;
}

static bool
is_same_destination(const struct job *a, const struct job *b)
{
	return a->kind == b->kind && a->tls == b->tls && a->require_tls == b->require_tls && a->tls_no == b->tls_no &&
	    a->no_ipv4 == b->no_ipv4 && a->no_ipv6 == b->no_ipv6 &&
	    str_eq(a->hostname, b->hostname) && str_eq(a->ca_file, b->ca_file) && str_eq(a->user, b->user) &&
	    str_eq(a->password, b->password) && str_eq(a->mechanisms, b->mechanisms) && str_eq(a->host, b->host) &&
	    (a->kind == JOB_SMARTHOST || str_ieq(a->domain, b->domain));
}

bool
session_serves(struct session *s, const struct job *j)
{
	/* whatever came unasked ends it: 421, or something that is no SMTP */
	return s->open && is_same_destination(&s->key, j) && smtp_client_may_send(&s->client) &&
	    conn_peek(&s->conn) == 0 && !s->conn.closed && s->conn.in.n == 0;
}

void
session_end(struct session *s)
{
	if (s->open) {
		smtp_client_quit(&s->client);
		run(s, NULL, (struct patience){ QUIT_MS, QUIT_MS });
	}
	drop(s);
}

void
session_free(struct session *s)
{
	session_end(s);
	if (s->begun)
		smtp_client_free(&s->client);
	arena_free(&s->arena);
	buf_free(&s->conn.in);
}
