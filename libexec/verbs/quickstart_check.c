/* Looking around: nothing that is found here stops anybody, it is only told. */
#include "quickstart.h"

#include <sys/socket.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/mx.h"
#include "setup.h"
#include "setup_serve.h"
#include "sys/deadline.h"
#include "sys/die.h"
#include "sys/fd.h"
#include "sys/home.h"

enum {
	READY_MS	= 10000,	/* for the resolver to start */
	LOOKUP_MS	= 10000,	/* for each round of questions */
	CONNECT_MS	= 10000,	/* to a stranger's port 25 */
	CHECK_MEMORY	= 4 << 20,
};

/* Below var: a table with the resolver alone, gone afterwards. */
#define TABLE_DIR	HOME_TMP "/quickstart"
#define TABLE		TABLE_DIR "/services"

/* Who is sure to have a server, and validated names. */
#define BIG_PROVIDER	"gmail.com"
#define BIG_ZONE	"com"

static void __attribute__((format(printf, 1, 2)))
note(const char *fmt, ...)
{
	char	text[2048];
	va_list	ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	warnx("warning: %s", text);
}

static const char *
ip_text(const struct ip *ip, char text[IP_TEXT])
{
	struct buf	b = { .p = text, .cap = IP_TEXT, .max = IP_TEXT - 1 };

	ip_format(&b, ip);
	text[b.n] = '\0';
	return text;
}

/* --- our own addresses */

static bool
in_net(const struct ip *ip, const char *net)
{
	struct ipnet	n;

	return ipnet_parse(str_c(net), &n) && ipnet_has(&n, ip);
}

/* One that others on the Internet may reach: not of RFC 6890's special ones that machines have. */
static bool
is_public(const struct ip *ip)
{
	static const char *const	others[] = {
		"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16",
		"::1", "::", "fc00::/7", "fe80::/10",
	};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (in_net(ip, others[i]))
			return false;
	return true;
}

static bool
has_ip(const struct ip *list, size_t n, const struct ip *ip)
{
	for (size_t i = 0; i < n; i++)
		if (ip_eq(&list[i], ip))
			return true;
	return false;
}

static void
add_interface(struct quickstart *q, const struct sockaddr *sa)
{
	struct ip	ip;

	if (sa != NULL && sa->sa_family == AF_INET)
		ip = ip_from_bytes(&((const struct sockaddr_in *)(const void *)sa)->sin_addr, 4);
	else if (sa != NULL && sa->sa_family == AF_INET6)
		ip = ip_from_bytes(&((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr, 16);
	else
		return;
	if (q->nip < QUICKSTART_IPS && is_public(&ip) && !has_ip(q->ip, q->nip, &ip))
		q->ip[q->nip++] = ip;
}

void
quickstart_addresses(struct quickstart *q)
{
	struct ifaddrs	*all;

	if (q->nlisten > 0) {
		memcpy(q->ip, q->listen, sizeof(q->ip));
		q->nip = q->nlisten;
		return;
	}
	if (getifaddrs(&all) == -1)
		return;
	for (struct ifaddrs *i = all; i != NULL; i = i->ifa_next)
		add_interface(q, i->ifa_addr);
	freeifaddrs(all);
}

/* --- sockets */

static socklen_t
address_of(const struct ip *ip, unsigned port, struct sockaddr_storage *ss)
{
	struct sockaddr_in	*in = (struct sockaddr_in *)(void *)ss;
	struct sockaddr_in6	*in6 = (struct sockaddr_in6 *)(void *)ss;

	memset(ss, 0, sizeof(*ss));
	if (ip->len == 4) {
		in->sin_family = AF_INET;
		in->sin_port = htons((uint16_t)port);
		memcpy(&in->sin_addr, ip->b, 4);
		return sizeof(*in);
	}
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons((uint16_t)port);
	memcpy(&in6->sin6_addr, ip->b, 16);
	return sizeof(*in6);
}

static void
check_port(const struct ip *ip, unsigned port)
{
	struct sockaddr_storage	ss;
	socklen_t		n = address_of(ip, port, &ss);
	char			text[IP_TEXT];
	int			on = 1, s = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (s == -1)
		return;
	/* as supervised does: connections of an earlier program that are not over do not matter */
	(void)setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(s, (struct sockaddr *)&ss, n) == -1)
		note("port %u of %s cannot be listened on: %s", port, ip_text(ip, text), strerror(errno));
	close(s);
}

static void
check_ports(const struct quickstart *q)
{
	struct ip	any = { .len = 4 };

	for (enum conf_service s = 0; s < CONF_SERVICES; s++) {
		for (size_t i = 0; i < q->nlisten; i++)
			check_port(&q->listen[i], quickstart_port(q, s));
		if (q->nlisten == 0)
			check_port(&any, quickstart_port(q, s));
	}
}

static bool
can_connect(const struct ip *ip, struct deadline by)
{
	struct sockaddr_storage	ss;
	socklen_t		n = address_of(ip, 25, &ss), len = sizeof(int);
	int			err = ETIMEDOUT, s = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (s == -1)
		return false;
	if (connect(s, (struct sockaddr *)&ss, n) == 0)
		err = 0;
	else if (errno == EINPROGRESS && deadline_wait(s, POLLOUT, by) == 1 &&
	    getsockopt(s, SOL_SOCKET, SO_ERROR, &err, &len) == -1)
		err = errno;
	close(s);
	return err == 0;
}

/* --- the DNS */

struct check {
	struct quickstart	*q;
	struct held		 dns;
	struct arena		 arena;
};

static bool
is_failure(const struct dns_answer *a)
{
	return a->got == DNS_TEMP || a->got == DNS_BOGUS;
}

static void
take_host(const struct dns_answer *a, struct ip *got, size_t *n)
{
	for (size_t i = 0; a->got == DNS_OK && i < a->n && *n < QUICKSTART_IPS; i++)
		got[(*n)++] = a->rr[i].ip;
}

static void
compare_host(struct quickstart *q, const struct ip *got, size_t n)
{
	char	text[IP_TEXT];

	for (size_t i = 0; i < n; i++) {
		if (ip_is_loopback(&got[i]) && !has_ip(q->ip, q->nip, &got[i]))
			note("%s leads to %s, by which nobody else comes here", q->hostname, ip_text(&got[i], text));
		else if (q->nip > 0 && !has_ip(q->ip, q->nip, &got[i]))
			note("%s leads to %s, which is no address of this machine", q->hostname, ip_text(&got[i], text));
	}
	q->in_dns = n > 0;
	for (size_t i = 0; n > 0 && i < q->nip; i++)
		if (!has_ip(got, n, &q->ip[i])) {
			note("%s does not lead to %s", q->hostname, ip_text(&q->ip[i], text));
			q->in_dns = false;
		}
	if (q->nip == 0) {	/* behind a router that has the address: others know better */
		memcpy(q->ip, got, n * sizeof(*got));
		q->nip = n;
	}
}

static void
check_mx(struct quickstart *q, const struct dns_answer *a)
{
	if (a->got != DNS_OK)
		return;
	for (size_t i = 0; i < a->n; i++)
		if (str_ieq(a->rr[i].name, str_c(q->hostname)))
			return;
	note("mail for %s goes to %.*s until its MX record is changed", q->domain, STR_ARG(a->rr[0].name));
}

/* False: nothing can be looked up, and that was told. */
static bool
check_names(struct check *c)
{
	struct quickstart	*q = c->q;
	struct dns_question	 ask[] = {
		{ .type = DNS_A, .name = str_c(q->hostname) }, { .type = DNS_AAAA, .name = str_c(q->hostname) },
		{ .type = DNS_MX, .name = str_c(q->domain) }, { .type = DNS_NS, .name = STR(BIG_ZONE) },
	};
	struct ip		 got[QUICKSTART_IPS];
	size_t			 n = 0, known = q->dns == NULL ? 4 : 3;	/* a resolver that was chosen is not questioned */

	dns_ask_all(&c->dns, ask, known, &c->arena, deadline_in(LOOKUP_MS));
	take_host(&ask[0].answer, got, &n);
	take_host(&ask[1].answer, got, &n);
	if (n == 0 && (is_failure(&ask[0].answer) || is_failure(&ask[1].answer))) {
		note("unable to look %s up: %.*s", q->hostname, STR_ARG(ask[is_failure(&ask[0].answer) ? 0 : 1].answer.why));
		return false;
	}
	if (n == 0)
		note("%s has no address in the DNS yet", q->hostname);
	compare_host(q, got, n);
	check_mx(q, &ask[2].answer);
	if (known == 4 && (ask[3].answer.got != DNS_OK || !ask[3].answer.secure))
		note("answers of the DNS do not arrive validated: %.*s; are UDP and TCP port 53 open, or is a resolver to be named in posthorn.conf (dns)?",
		    STR_ARG(ask[3].answer.why));
	return true;
}

static void
check_reverse(struct check *c)
{
	struct quickstart	*q = c->q;
	struct dns_question	 ask[QUICKSTART_IPS];
	char			 name[QUICKSTART_IPS][80], text[IP_TEXT];

	for (size_t i = 0; i < q->nip; i++) {
		struct buf	b = { .p = name[i], .cap = sizeof(name[i]), .max = sizeof(name[i]) - 1 };

		ip_reverse(&b, &q->ip[i], "in-addr.arpa", "ip6.arpa");
		ask[i] = (struct dns_question){ .type = DNS_PTR, .name = buf_str(&b) };
	}
	if (q->nip > 0)
		dns_ask_all(&c->dns, ask, q->nip, &c->arena, deadline_in(LOOKUP_MS));
	for (size_t i = 0; i < q->nip; i++) {
		const struct dns_answer	*a = &ask[i].answer;
		struct str		 is = a->got == DNS_OK && a->n > 0 ? a->rr[0].name : STR("unknown");

		if (!str_ieq(is, str_c(q->hostname)))
			note("the reverse name of %s is %.*s and should be %s; many refuse mail otherwise",
			    ip_text(&q->ip[i], text), STR_ARG(is), q->hostname);
	}
}

static void
check_way_out(struct check *c)
{
	struct deadline		by = deadline_in(CONNECT_MS);
	struct mx		mx;
	struct mx_addresses	at;

	if (mx_find(&c->dns, STR(BIG_PROVIDER), &c->arena, by, &mx) != MX_OK || mx.nhost == 0 ||
	    mx_addresses(&c->dns, mx.host[0].name, &c->arena, by, &at) != MX_OK)
		return;		/* the DNS was told of already */
	for (size_t i = at.n; i-- > 0; )	/* IPv4 first */
		if (can_connect(&at.ip[i], by))
			return;
	note("port 25 of %.*s cannot be reached: many providers block it; ask yours, or send by a relay (transport and route in posthorn.conf)",
	    STR_ARG(mx.host[0].name));
}

static void
write_table(const struct quickstart *q)
{
	struct buf	b = BUF_INIT(8192);

	if (q->own)
		buf_adds(&b, "same-user\n");
	setup_service(&b, "dnsd");
	setup_write(TABLE, &b);
	buf_free(&b);
}

static void
ask_dns(struct quickstart *q, const char *dir)
{
	static volatile sig_atomic_t	never;
	struct check		c = { .q = q, .dns = HELD_INIT(DNS_SOCKET), .arena = ARENA_INIT(CHECK_MEMORY) };
	struct setup_serve	s;
	int			status;

	setup_serve_start(&s, HOME_RUN "/quickstart", dir, true);
	if (setup_serve_wait(&s, deadline_in(READY_MS), &never, &status) != SETUP_SERVE_READY) {
		note("the resolver does not start; names were not looked up");
		return;
	}
	if (check_names(&c)) {
		check_reverse(&c);
		if (q->dns == NULL)
			check_way_out(&c);
	}
	held_free(&c.dns);
	arena_free(&c.arena);
	(void)setup_serve_end(&s);
}

void
quickstart_check(struct quickstart *q)
{
	char	dir[PATH_MAX];

	if (q->skip_checks)
		return;
	check_ports(q);
	if (snprintf(dir, sizeof(dir), "%s/" TABLE_DIR, q->var) >= (int)sizeof(dir) || mkdir(TABLE_DIR, 0755) == -1)
		die(EXIT_TEMP, "unable to make %s", dir);
	write_table(q);
	warnx("looking up names");
	ask_dns(q, dir);
	if (unlink(TABLE) == -1 || rmdir(TABLE_DIR) == -1)
		warn("unable to remove %s", dir);
}
