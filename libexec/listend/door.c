#include "listend.h"

#include <sys/socket.h>

#include <errno.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/limits.h"
#include "sys/deadline.h"
#include "sys/die.h"
#include "sys/fd.h"
#include "sys/ipc.h"

/* Nothing here may wait: the loop has other connections. */
#define AT_ONCE	((struct deadline){ 0 })

/* A control socket whose other end is closed, for sessions that have nothing to ask. */
static int	no_control = -1;

void
doors_setup(void)
{
	int	pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1)
		die(EXIT_TEMP, "unable to make a socket");
	no_control = pair[0];
	(void)close(pair[1]);
}

static void
add_ip(struct buf *rec, const char *name, const struct ip *ip)
{
	char		text[IP_TEXT];
	struct buf	b = { .p = text, .cap = sizeof(text), .max = sizeof(text) - 1 };

	ip_format(&b, ip);
	attr_add(rec, name, buf_str(&b));
}

/* Last of the facts; it covers all of them. Without a key there is none. */
static void
add_seal(struct buf *rec)
{
	char		text[128];
	struct buf	seal = { .p = text, .cap = sizeof(text), .max = sizeof(text) - 1 };
	struct peer	p = peer_from_record(buf_str(rec));

	if (seal_make(&seal_key, &p, &seal))
		attr_add(rec, "seal", buf_str(&seal));
}

void
conn_facts(struct buf *rec, const struct conn *c)
{
	attr_adds(rec, "id", c->id);
	attr_adds(rec, "service", c->listener->service->name);
	attr_adds(rec, "listener", c->listener->name);
	add_ip(rec, "rip", &c->rip);
	attr_addu(rec, "rport", c->rport);
	add_ip(rec, "lip", &c->lip);
	attr_addu(rec, "lport", c->lport);
	if (c->trusted)
		attr_adds(rec, "trusted", "1");
	if (c->ssl != NULL)
		tls_facts(rec, c->ssl);
	add_seal(rec);
}

static void
conn_record(struct buf *rec, const struct conn *c)
{
	attr_start(rec, "conn", 1);
	conn_facts(rec, c);
	if (c->ssl == NULL && c->listener->rules.starttls && certs_default(c->listener->rules.hostname) != NULL)
		attr_adds(rec, "starttls", "1");
}

/* Send the record with the session's ends; ours are put into c. -1 with errno. */
static int
hand_over(struct conn *c)
{
	char		text[4096];
	struct buf	rec = { .p = text, .cap = sizeof(text), .max = sizeof(text) - 1 };
	struct ipc_fds	fds = { .fd = { c->tcp.fd, no_control }, .n = 2 };
	int		pair[2] = { -1, -1 }, n = -1;
	struct watch	*ours = c->ssl != NULL ? &c->data : &c->control;

	conn_record(&rec, c);
	if (socketpair(AF_UNIX, (c->ssl != NULL ? SOCK_STREAM : SOCK_SEQPACKET) | SOCK_CLOEXEC, 0, pair) == -1)
		return -1;
	fds.fd[c->ssl != NULL ? 0 : 1] = pair[1];
	n = buf_failed(&rec) ? -1 : ipc_send(c->door.fd, buf_str(&rec), &fds, AT_ONCE);
	(void)fd_close(&pair[1]);
	if (n == 0) {
		ours->fd = pair[0];
		c->tcp.shared = c->ssl == NULL;
	} else
		(void)fd_close(&pair[0]);
	return n;
}

void
door_open(struct conn *c)
{
	if (c->give_up == 0)
		c->give_up = timers_now() + timer_ms(TIMER_SPAWN);
	c->state = CONN_SPAWN;
	timer_set(&c->timer, TIMER_SPAWN);
	c->door.fd = ipc_connect(c->listener->service->door, AT_ONCE);
	if (c->door.fd != -1 && hand_over(c) == 0) {
		loop_want(&c->door, LOOP_IN);
		return;
	}
	loop_close(&c->door);
	if (timers_now() >= c->give_up) {
		conn_log(c, "door", "path", c->listener->service->door);
		conn_refuse(c, "4.3.2", "service not available, try again later");
		return;
	}
	/* full, or being started: knock again in a moment */
	c->state = CONN_DOOR;
	timer_set(&c->timer, TIMER_RETRY);
}

void
door_ready(void *of, int got)
{
	struct conn	*c = of;
	char		 text[1024], error[256];
	struct buf	 rec = { .p = text, .cap = sizeof(text), .max = sizeof(text) - 1 };
	struct str	 s;

	ssize_t		 n;

	(void)got;
	n = recv(c->door.fd, text, sizeof(text), MSG_DONTWAIT);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	rec.n = n > 0 ? (size_t)n : 0;
	if (n <= 0)
		conn_log(c, "door", "error", "closed without an answer");
	else if (s = buf_str(&rec), attr_is(s, "spawned", 1) && str_eq(attr_get(s, "ok"), STR("1"))) {
		conn_spawned(c);
		return;
	} else if (str_copy(str_head(attr_get(s, "error"), sizeof(error) - 1), error, sizeof(error)))
		conn_log(c, "door", "error", error);
	conn_refuse(c, "4.3.2", "service not available, try again later");
}
