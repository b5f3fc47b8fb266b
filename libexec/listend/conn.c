#include "listend.h"

#include <sys/socket.h>

#include <openssl/rand.h>

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/limits.h"
#include "proto/proxy.h"
#include "sys/deadline.h"
#include "sys/fd.h"
#include "sys/log.h"

/* Descriptors: the peer, a pair for data, a pair for control, the door; when it runs, few of them. */
enum { FDS_STARTING = 6, FDS_DIRECT = 2, FDS_PUMP = 2 };

/* Handshakes only for the sake of a refusal: past these there is none. */
enum { REFUSED_MAX = 500 };

static struct conn	*living, *dead;
static size_t		 n_conns, n_refused, n_descriptors;

static void	peer_ready(void *, int);
static void	patience_over(void *);

static void
new_id(char id[17])
{
	static const char	letters[] = "abcdefghijklmnopqrstuvwxyz234567";
	unsigned char		r[16];

	if (RAND_bytes(r, sizeof(r)) != 1)
		memset(r, 0, sizeof(r));	/* an id is for logs: better one that repeats than none */
	for (size_t i = 0; i < sizeof(r); i++)
		id[i] = letters[r[i] & 31];
	id[16] = '\0';
}

/* Our own address, as the peer dialled it. */
static void
learn_local(struct conn *c)
{
	struct sockaddr_storage	ss;
	socklen_t		len = sizeof(ss);

	if (getsockname(c->tcp.fd, (struct sockaddr *)&ss, &len) == -1)
		return;
	sockaddr_ip(&ss, &c->lip, &c->lport);
}

static bool
in_networks(const struct ipnet *nets, size_t n, const struct ip *ip)
{
	for (size_t i = 0; i < n; i++)
		if (ipnet_has(&nets[i], ip))
			return true;
	return false;
}

/* Say how many descriptors it has or may come to need. */
static void
needs(struct conn *c, unsigned n)
{
	n_descriptors += n;
	n_descriptors -= c->descriptors;
	c->descriptors = n;
}

static void
watch_init(struct watch *w, int fd, void (*ready)(void *, int), struct conn *c)
{
	*w = (struct watch){ .fd = fd, .ready = ready, .of = c };
}

/* The addresses are known: count it, and begin with TLS or with the session. */
static void
begin(struct conn *c)
{
	c->trusted = in_networks(c->listener->rules.trusted, c->listener->rules.n_trusted, &c->rip);
	if (!c->trusted)
		c->refused = !limits_enter(c);
	if (!c->listener->service->implicit) {
		if (c->refused)
			conn_refuse(c, "4.7.0", "too many connections from your network");
		else
			conn_serve(c);
		return;
	}
	n_refused += c->refused;
	if (n_refused > REFUSED_MAX || tls_start(c) == -1)
		conn_close(c);
	else if (c->refused)
		timer_set(&c->timer, TIMER_REFUSED);
}

void
conn_accepted(struct listener *l, int fd, const struct ip *ip, uint16_t port)
{
	struct conn	*c = calloc(1, sizeof(*c));

	if (c == NULL) {
		(void)close(fd);
		return;
	}
	c->listener = l;
	c->rip = *ip;
	c->rport = port;
	c->timer = (struct timer){ .over = patience_over, .of = c };
	watch_init(&c->tcp, fd, peer_ready, c);
	watch_init(&c->data, -1, NULL, c);
	watch_init(&c->control, -1, control_ready, c);
	watch_init(&c->door, -1, door_ready, c);
	buf_init(&c->head, LIMIT_PROXY);
	buf_init(&c->in, LIMIT_PUMP);
	buf_init(&c->out, LIMIT_PUMP);
	new_id(c->id);
	n_conns++;
	c->next = living;
	if (living != NULL)
		living->prev = c;
	living = c;
	needs(c, FDS_STARTING);
	if (in_networks(l->rules.proxies, l->rules.n_proxies, ip)) {
		c->state = CONN_PROXY;
		timer_set(&c->timer, TIMER_PROXY);
		loop_want(&c->tcp, LOOP_IN);
		return;
	}
	learn_local(c);
	begin(c);
}

/* Read the proxy's header and not a byte more: what follows may be the session's. */
static void
read_proxy(struct conn *c)
{
	struct proxy	p;
	size_t		need, room;
	enum proxy_got	got;
	char		*to;
	ssize_t		n;

	while ((got = proxy_parse(buf_str(&c->head), &need, &p)) == PROXY_MORE) {
		to = buf_room(&c->head, need - c->head.n, &room);
		n = to == NULL ? 0 : recv(c->tcp.fd, to, room, MSG_DONTWAIT);
		if (n == -1 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			conn_close(c);
			return;
		}
		buf_grew(&c->head, (size_t)n);
	}
	buf_free(&c->head);
	if (got == PROXY_BAD) {
		conn_log(c, "proxy", "error", "no PROXY v2 header");
		conn_close(c);
		return;
	}
	loop_want(&c->tcp, 0);
	timer_set(&c->timer, TIMER_NONE);
	learn_local(c);
	if (!p.local) {
		c->rip = p.src;
		c->rport = p.sport;
		c->lip = p.dst;
		c->lport = p.dport;
	}
	begin(c);
}

void
conn_serve(struct conn *c)
{
	c->give_up = 0;
	door_open(c);
}

void
conn_tls_done(struct conn *c)
{
	/* the peer is not to be heard until the session is there; peer_ready() sees to that if it speaks */
	loop_want(&c->tcp, LOOP_IN);
	timer_set(&c->timer, TIMER_NONE);
	if (c->starttls)
		control_tls_done(c);
	else if (c->refused)
		conn_refuse(c, "4.7.0", "too many connections from your network");
	else
		conn_serve(c);
}

void
conn_spawned(struct conn *c)
{
	timer_set(&c->timer, TIMER_NONE);
	loop_close(&c->door);
	if (c->ssl != NULL) {
		needs(c, FDS_PUMP);
		pump_start(c);
		return;
	}
	needs(c, FDS_DIRECT);
	c->state = CONN_DIRECT;
	loop_want(&c->control, LOOP_IN);
}

/* Wait for the peer to see our end and to close: closing first could cost it our last words. */
static void
linger(struct conn *c)
{
	char	scrap[4096];
	ssize_t	n;

	do
		n = recv(c->tcp.fd, scrap, sizeof(scrap), MSG_DONTWAIT);
	while (n > 0);
	if (n == 0 || (errno != EAGAIN && errno != EINTR))
		conn_close(c);
}

void
conn_linger(struct conn *c)
{
	loop_close(&c->data);
	loop_close(&c->control);
	loop_close(&c->door);
	buf_free(&c->in);
	buf_free(&c->out);
	if (c->ssl != NULL && SSL_is_init_finished(c->ssl))
		(void)SSL_shutdown(c->ssl);
	if (shutdown(c->tcp.fd, SHUT_WR) == -1) {
		conn_close(c);
		return;
	}
	needs(c, 1);
	c->state = CONN_LINGER;
	timer_set(&c->timer, TIMER_LINGER);
	loop_want(&c->tcp, LOOP_IN);
	linger(c);
}

void
conn_refuse(struct conn *c, const char *smtp_code, const char *text)
{
	char		line[256];
	struct buf	b = { .p = line, .cap = sizeof(line), .max = sizeof(line) - 1 };

	if (c->listener->service->smtp)
		buf_addf(&b, "421 %s %s (%s)\r\n", smtp_code, text, c->id);
	else
		buf_addf(&b, "* BYE %s (%s)\r\n", text, c->id);
	conn_log(c, "refused", "reason", text);
	if (c->ssl != NULL)
		tls_say(c->ssl, buf_c(&b));
	else
		(void)send(c->tcp.fd, b.p, b.n, MSG_NOSIGNAL | MSG_DONTWAIT);
	conn_linger(c);
}

void
conn_close(struct conn *c)
{
	if (c->state == CONN_DEAD)
		return;
	if (c->counted)
		limits_leave(c);
	if (c->refused && c->listener->service->implicit)
		n_refused--;
	needs(c, 0);
	n_conns--;
	timer_set(&c->timer, TIMER_NONE);
	loop_close(&c->data);
	loop_close(&c->control);
	loop_close(&c->door);
	loop_close(&c->tcp);
	SSL_free(c->ssl);
	c->ssl = NULL;
	buf_free(&c->head);
	buf_free(&c->in);
	buf_free(&c->out);
	if (c->next != NULL)
		c->next->prev = c->prev;
	if (c->prev != NULL)
		c->prev->next = c->next;
	else
		living = c->next;
	c->state = CONN_DEAD;
	c->next = dead;
	dead = c;
}

void
conns_bury(void)
{
	struct conn	*c;

	while ((c = dead) != NULL) {
		dead = c->next;
		free(c);
	}
}

void
conns_close(void)
{
	while (living != NULL)
		conn_close(living);
	conns_bury();
}

size_t
conns_count(void)
{
	return n_conns;
}

size_t
conns_descriptors(void)
{
	return n_descriptors;
}

void
conn_log(const struct conn *c, const char *event, const char *key, const char *value)
{
	char		text[IP_TEXT];
	struct buf	b = { .p = text, .cap = sizeof(text), .max = sizeof(text) - 1 };
	struct log	l;

	if (!log_allowed())
		return;
	ip_format(&b, &c->rip);
	log_start(&l, event);
	log_cstr(&l, "conn", c->id);
	log_cstr(&l, "service", c->listener->service->name);
	log_str(&l, "rip", buf_str(&b));
	log_cstr(&l, key, value);
	log_end(&l);
}

/* The peer's socket is ready; what that means is the state's to say. */
static void
peer_ready(void *of, int got)
{
	struct conn	*c = of;

	switch (c->state) {
	case CONN_PROXY:
		read_proxy(c);
		return;
	case CONN_HANDSHAKE:
		tls_handshake(c);
		return;
	case CONN_PUMP:
		pump_peer(c, got);
		return;
	case CONN_LINGER:
		linger(c);
		return;
	case CONN_DOOR:
	case CONN_SPAWN:
	case CONN_DIRECT:
	case CONN_FACTS:
	case CONN_DEAD:
		loop_want(&c->tcp, 0);
		return;
	}
}

static void
patience_over(void *of)
{
	struct conn	*c = of;

	switch (c->state) {
	case CONN_DOOR:
		door_open(c);
		return;
	case CONN_SPAWN:
		conn_refuse(c, "4.3.2", "service not available, try again later");
		return;
	case CONN_PROXY:
	case CONN_HANDSHAKE:
	case CONN_PUMP:
		conn_log(c, "timeout", "state", c->state == CONN_PUMP ? "session" :
		    c->state == CONN_PROXY ? "proxy" : "handshake");
		conn_close(c);
		return;
	case CONN_DIRECT:
	case CONN_FACTS:
	case CONN_LINGER:
	case CONN_DEAD:
		conn_close(c);
		return;
	}
}
