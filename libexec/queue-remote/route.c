#include "remote.h"

#include <errno.h>
#include <poll.h>

#include "base/limits.h"
#include "sys/log.h"

/* One host of a destination, as it is being tried. */
struct target {
	struct str		 name;
	struct mx_addresses	 addr;
	struct ip		 ip;		/* the address at hand */
	uint16_t		 port;
	bool			 one_by_one;
	struct tls_facts	 tls;
};

static void
log_problem(const struct attempt *a, const struct target *t, const char *what, struct str text)
{
	struct log	l;

	log_start(&l, what);
	log_str(&l, "msg", a->job->id);
	log_str(&l, "host", t->name);
	if (t->ip.len > 0) {
		char		ip_text[IP_TEXT];
		struct buf	ip = { .p = ip_text, .cap = sizeof(ip_text), .max = sizeof(ip_text) - 1 };

		ip_format(&ip, &t->ip);
		log_str(&l, "ip", buf_str(&ip));
		log_num(&l, "port", t->port);
	}
	log_str(&l, "error", text);
	log_end(&l);
}

static void
log_connection(const struct attempt *a, const struct session *s)
{
	struct log	l;
	char		text[IP_TEXT];
	struct buf	ip = { .p = text, .cap = sizeof(text), .max = sizeof(text) - 1 };

	ip_format(&ip, &s->conn.ip);
	log_start(&l, "connected");
	log_str(&l, "msg", a->job->id);
	log_str(&l, "host", s->host);
	log_str(&l, "ip", buf_str(&ip));
	log_num(&l, "port", s->conn.port);
	if (s->tls[0] != '\0') {
		log_cstr(&l, "tls", s->tls);
		log_cstr(&l, "cipher", tls_cipher(&s->conn));
		log_cstr(&l, "verified", s->verify ? "yes" : "no");
	}
	log_end(&l);
}

/* --- one address */

static struct patience
patience(const struct attempt *a)
{
	return (struct patience){ a->r->o.io_ms, a->r->o.end_ms };
}

/* Our words about an address. */
static void
failed(struct attempt *a, const struct target *t, enum smtp_mail_got got, const char *status, const char *what, struct str why)
{
	struct buf	text = BUF_INIT(2048);
	char		ip_text[IP_TEXT];
	struct buf	ip = { .p = ip_text, .cap = sizeof(ip_text), .max = sizeof(ip_text) - 1 };

	if (t->ip.len > 0)
		ip_format(&ip, &t->ip);
	buf_add(&text, t->name);
	if (t->ip.len > 0)
		buf_addf(&text, " [" STR_FMT "]:%u", STR_ARG(buf_str(&ip)), t->port);
	buf_addf(&text, ": %s", what);
	buf_add(&text, why);
	log_problem(a, t, "problem", buf_str(&text));
	results_own(a, got, status, buf_str(&text), t->name, buf_str(&ip));
	buf_free(&text);
}

/* A connection to the address at hand, on the first port where somebody listens. */
static bool
dial(struct attempt *a, struct target *t)
{
	struct conn	*c = &a->r->session.conn;
	const char	*why = "no port is given";
	int		 err = 0;

	c->watch = a->r->jobs;
	c->by = a->by;
	for (size_t i = 0; i < a->job->nport; i++) {
		t->port = a->job->port[i];
		if (conn_dial(c, &t->ip, t->port, deadline_sooner(a->dialing, deadline_in(a->r->o.dial_ms))) == 0) {
			dialed_add(&a->dialed, t->name, &t->ip);
			return true;
		}
		err = errno;
		why = err == ETIMEDOUT ? "no answer in time" : strerror(err);
		if (err != ECONNREFUSED)
			break;
	}
	if (err == ECANCELED)
		a->over = true;
	failed(a, t, SMTP_MAIL_TEMP, "4.4.1", "unable to connect: ", str_c(why));
	return false;
}

/* --- a session */

/* queue-send is gone, or it will not wait for the answer any more. */
bool
is_stopped(const struct attempt *a)
{
	struct pollfd	pfd = { .fd = a->r->jobs, .events = POLLRDHUP };

	return deadline_over(a->by) || poll(&pfd, 1, 0) == 1;
}

/*
 * It broke before the message's end was sent: as if nothing had been tried. With
 * all, refusals do not count either: whose they were is not certain.
 */
static void
undo(struct attempt *a, bool all)
{
	for (size_t i = 0; i < a->mail.nrcpt; i++) {
		struct smtp_mail_rcpt	*q = &a->mail.rcpt[i];
		bool			 broke = q->got == SMTP_MAIL_TEMP && (q->code == 0 || q->code == 421);

		if (!a->taken[i] && (broke || (all && q->got != SMTP_MAIL_OK && q->got != SMTP_MAIL_UNSURE)))
			q->got = SMTP_MAIL_UNTRIED;
	}
}

void
route_held(struct attempt *a)
{
	struct session	*s = &a->r->session;

	s->conn.by = a->by;
	a->begun = true;
	if (!session_send(s, &a->mail, a->fd, a->job->content, patience(a)) && !is_stopped(a))
		undo(a, false);	/* it was old: a new one is made */
	results_take(a, s);
}

/* True: another connection to the same address is wanted. */
static bool
transmit(struct attempt *a, struct target *t)
{
	struct session	*s = &a->r->session;
	size_t		 untried = results_untried(a);
	bool		 again;

	a->begun = true;
	s->dualstack = t->addr.dualstack;
	(void)session_send(s, &a->mail, a->fd, a->job->content, patience(a));
	if (!s->open && s->client.why != SMTPC_ENDED)
		log_problem(a, t, "broken", buf_str(&s->client.text));
	again = s->pipelined && !t->one_by_one;
	if (again) {
		t->one_by_one = true;
		undo(a, true);
	}
	results_take(a, s);
	if (again && is_stopped(a)) {
		results_failed(a, s);
		return false;
	}
	/* or the server takes no more mail on one connection, but took some */
	return results_untried(a) > 0 && (again || (s->open && results_untried(a) < untried));
}

/* No mail could be sent. True: in plain text it may be. */
static bool
begin_failed(struct attempt *a, struct target *t)
{
	struct session	*s = &a->r->session;
	struct tls_mode	 m;

	if (s->no_tls == NULL) {
		log_problem(a, t, "problem", buf_str(&s->client.text));
		results_failed(a, s);
		a->over = s->client.why == SMTPC_LOOP;
		return false;
	}
	t->tls.failed = true;
	m = tls_mode(&t->tls);
	if (m.use == TLS_USE_NONE) {
		log_problem(a, t, "no-tls", str_c(s->no_tls));
		return true;
	}
	failed(a, t, m.permanent ? SMTP_MAIL_HOST : SMTP_MAIL_TEMP, m.status, "TLS: ", str_c(s->no_tls));
	t->tls.failed = false;
	return false;
}

/* True: with this host we are through. */
static bool
try_address(struct attempt *a, struct target *t)
{
	struct session	*s = &a->r->session;
	struct tls_mode	 m;

	t->tls.failed = t->one_by_one = false;
	results_again(a, t->name);
	for (;;) {
		m = tls_mode(&t->tls);
		session_end(s);
		if (!dial(a, t))
			return false;
		if (session_begin(s, a->job, t->name, &m, t->one_by_one, patience(a))) {
			log_connection(a, s);
			if (!transmit(a, t))
				return true;
		} else if (!begin_failed(a, t))
			return false;
		if (is_stopped(a))
			return true;
	}
}

/* --- one host */

static bool
is_allowed(const struct job *j, const struct ip *ip)
{
	return ip->len == 4 ? !j->no_ipv4 : !j->no_ipv6;
}

/* A few of each family, so that many of one do not hide the other. */
static void
select_addresses(const struct job *j, struct mx_addresses *addr)
{
	size_t	n = 0, four = 0, six = 0;

	for (size_t i = 0; i < addr->n; i++) {
		size_t	*count = addr->ip[i].len == 4 ? &four : &six;

		if (is_allowed(j, &addr->ip[i]) && (*count)++ < LIMIT_REMOTE_ADDRESSES)
			addr->ip[n++] = addr->ip[i];
	}
	addr->n = n;
}

/* False: no address; the results say why. */
static bool
find_addresses(struct attempt *a, struct target *t)
{
	const struct dialed_host	*before = dialed_find(&a->dialed, t->name);

	switch (mx_addresses(&a->r->dns, t->name, a->arena, a->dialing, &t->addr)) {
	case MX_OK:
		break;
	case MX_NO_DOMAIN:
	case MX_NULL:
	case MX_INVALID:
		/* of a relay it is our configuration that is wrong, not the address that somebody wrote to */
		if (a->job->kind == JOB_SMARTHOST)
			failed(a, t, SMTP_MAIL_TEMP, "4.4.4", "the relay has no address", STR(""));
		else
			failed(a, t, SMTP_MAIL_HOST, "5.4.4", "the host has no address", STR(""));
		return false;
	case MX_BOGUS:
		failed(a, t, SMTP_MAIL_TEMP, "4.4.3", "the host's address is not to be trusted (DNSSEC): ", t->addr.why);
		return false;
	case MX_TEMP:
		failed(a, t, SMTP_MAIL_TEMP, "4.4.3", "the host's address cannot be looked up: ", t->addr.why);
		return false;
	}
	select_addresses(a->job, &t->addr);
	if (before != NULL)
		mx_order(t->addr.ip, t->addr.n, before->ip, before->n);
	if (t->addr.n > 0)
		return true;
	failed(a, t, SMTP_MAIL_TEMP, "4.4.4", "the host has no address of a family that the transport allows", STR(""));
	return false;
}

static enum tls_transport
transport_of(const struct job *j)
{
	static const enum tls_transport	of[] = {
		[JOB_TLS_POLICY] = TLS_TRANSPORT_POLICY, [JOB_TLS_IMPLICIT] = TLS_TRANSPORT_IMPLICIT,
		[JOB_TLS_STARTTLS] = TLS_TRANSPORT_STARTTLS, [JOB_TLS_UNVERIFIED] = TLS_TRANSPORT_UNVERIFIED,
		[JOB_TLS_OFF] = TLS_TRANSPORT_OFF,
	};

	return of[j->tls];
}

static void
try_host(struct attempt *a, struct str name)
{
	struct target	t = {
		.name = name,
		.tls = {
			.transport = transport_of(a->job),
			.require_tls = a->mail.requiretls, .tls_no = a->job->tls_no,
		},
	};
	struct tls_mode	m = tls_mode(&t.tls);

	results_again(a, name);
	if (results_untried(a) == 0)
		return;		/* it has answered on the connection we held */
	a->dialing = deadline_sooner(a->by, deadline_in(a->r->o.dial_all_ms));
	if (m.use == TLS_USE_REFUSED) {
		failed(a, &t, m.permanent ? SMTP_MAIL_HOST : SMTP_MAIL_TEMP, m.status, m.text, STR(""));
		return;
	}
	if (!find_addresses(a, &t))
		return;
	for (size_t i = 0; i < t.addr.n && !a->over; i++) {
		t.ip = t.addr.ip[i];
		if (try_address(a, &t))
			return;
		if (is_stopped(a))
			a->over = true;
	}
}

/* --- the hosts of a destination */

/* The resolver's words are for those who know DNS; before them stands what it means. */
static void
unknown(struct attempt *a, const char *what, struct str why)
{
	struct buf	text = BUF_INIT(2048);

	buf_add(&text, a->job->domain);
	buf_addf(&text, ": %s", what);
	buf_add(&text, why);
	results_own(a, SMTP_MAIL_TEMP, "4.4.3", buf_str(&text), STR(""), STR(""));
	buf_free(&text);
}

/* All that is temporary or permanent about a whole domain. False: there are no hosts. */
static bool
find_hosts(struct attempt *a, struct mx *mx)
{
	const struct str	none = STR("");

	switch (mx_find(&a->r->dns, a->job->domain, a->arena, deadline_in(a->r->o.dial_all_ms), mx)) {
	case MX_OK:
		return true;
	case MX_NULL:
		results_own(a, SMTP_MAIL_PERM, "5.1.10", mx->why, none, none);
		return false;
	case MX_NO_DOMAIN:
		results_own(a, SMTP_MAIL_PERM, "5.1.2", mx->why, none, none);
		return false;
	case MX_INVALID:
		results_own(a, SMTP_MAIL_PERM, "5.4.4", mx->why, none, none);
		return false;
	case MX_BOGUS:
		unknown(a, "what the DNS says of the domain is not to be trusted (DNSSEC): ", mx->why);
		return false;
	case MX_TEMP:
		unknown(a, "the domain cannot be looked up: ", mx->why);
		return false;
	}
	return false;
}

/*
 * RFC 5321 5.1: where we are ourselves one of the hosts, only better ones are
 * delivered to.
 */
static void
without_ourselves(struct attempt *a, struct mx *mx)
{
	size_t	us;

	for (us = 0; us < mx->nhost; us++)
		if (str_ieq(mx->host[us].name, a->job->hostname))
			break;
	if (us == mx->nhost)
		return;
	while (us > 0 && mx->host[us - 1].pref == mx->host[us].pref)
		us--;
	mx->nhost = us;
	if (us == 0)
		results_own(a, SMTP_MAIL_PERM, "5.4.6",
		    STR("mail for this domain loops back to ourselves: we are its best mail exchanger, but the domain is none of ours"),
		    STR(""), STR(""));
}

void
route(struct attempt *a)
{
	struct mx	mx = { .nhost = 0 };

	if (a->job->kind == JOB_SMARTHOST) {
		try_host(a, a->job->host);
		return;
	}
	if (!find_hosts(a, &mx))
		return;
	without_ourselves(a, &mx);
	for (size_t i = 0; i < mx.nhost && i < LIMIT_REMOTE_HOSTS && !a->over && !results_done(a); i++) {
		try_host(a, mx.host[i].name);
		if (is_stopped(a))
			a->over = true;
	}
}
