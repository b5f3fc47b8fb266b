#include "conf.h"

#include <errno.h>
#include <stdlib.h>

#include "../base/attr.h"
#include "../base/limits.h"
#include "../base/num.h"
#include "conf_open.h"

static const struct {
	const char	*name;
	uint16_t	 port;
} services[CONF_SERVICES] = {
	[CONF_SMTP]		= { "smtp",		25 },
	[CONF_SUBMISSION]	= { "submission",	587 },
	[CONF_SUBMISSIONS]	= { "submissions",	465 },
	[CONF_IMAP]		= { "imap",		143 },
	[CONF_IMAPS]		= { "imaps",		993 },
};

const char *
conf_service_name(enum conf_service s)
{
	return services[s].name;
}

uint16_t
conf_service_port(enum conf_service s)
{
	return services[s].port;
}

/* How often a name occurs among the attributes of one listener (or of no listener). */
static size_t
count_attr(struct str rec, size_t at, const char *want)
{
	struct str	name, value;
	size_t		n = 0;

	while (attr_next(rec, &at, &name, &value) && (!str_eq(name, STR("listener")) || str_eq(name, str_c(want))))
		n += str_eq(name, str_c(want));
	return n;
}

static uint32_t
number(struct str s)
{
	uint32_t	v;

	return num_u32(s, UINT32_MAX, &v) ? v : 0;
}

static bool
add_net(struct ipnet *nets, size_t *n, struct str value)
{
	return ipnet_parse(value, &nets[*n]) && ++*n != 0;
}

/* One attribute of a listener. False when it cannot be. */
static bool
listener_attr(struct conf_listener *l, struct str name, struct str value)
{
	uint64_t	v;

	for (size_t i = 0; i < CONF_SERVICES; i++)
		if (str_eq(name, str_c(services[i].name)))
			return (l->port[i] = (uint16_t)number(value)) != 0;
	if (str_eq(name, STR("address")))
		return ip_parse(value, &l->address[l->naddress]) && ++l->naddress != 0;
	if (str_eq(name, STR("trusted")))
		return add_net(l->trusted, &l->ntrusted, value);
	if (str_eq(name, STR("proxy")))
		return add_net(l->proxy, &l->nproxy, value);
	if (str_eq(name, STR("hostname")))
		l->hostname = value;
	else if (str_eq(name, STR("starttls")))
		l->starttls = number(value) != 0;
	else if (str_eq(name, STR("require-starttls")))
		l->require_starttls = number(value) != 0;
	else if (str_eq(name, STR("auth-in-clear")))
		l->auth_in_clear = number(value) != 0;
	else if (str_eq(name, STR("connections")))
		l->connections = number(value);
	else if (str_eq(name, STR("connections-per-minute")))
		l->connections_per_minute = number(value);
	else if (str_eq(name, STR("max-message-size")) && num_u64(value, UINT64_MAX, &v))
		l->max_message_size = v;
	return true;
}

static bool
listener_begin(struct conf *c, struct str rec, size_t at, struct str title)
{
	struct conf_machine	*m = &c->machine;
	struct conf_listener	*l = &m->listener[m->nlistener++];

	l->name = title;
	l->hostname = m->hostname;
	l->max_message_size = m->max_message_size;
	l->address = arena_array(&c->arena, count_attr(rec, at, "address"), sizeof(*l->address));
	l->trusted = arena_array(&c->arena, count_attr(rec, at, "trusted"), sizeof(*l->trusted));
	l->proxy = arena_array(&c->arena, count_attr(rec, at, "proxy"), sizeof(*l->proxy));
	return l->address != NULL && l->trusted != NULL && l->proxy != NULL;
}

/* Attributes of the machine that may be there many times. */
static bool
machine_list(struct conf_machine *m, struct str name, struct str value)
{
	struct conf_dns	*d = &m->dns;

	if (str_eq(name, STR("outgoing-ports"))) {
		if (m->noutgoing_port < CONF_OUTGOING_PORTS)
			m->outgoing_port[m->noutgoing_port++] = (uint16_t)number(value);
	} else if (str_eq(name, STR("dns.forwarder")))
		d->forwarder[d->nforwarder++] = value;
	else if (str_eq(name, STR("dns.stub")))
		d->stub[d->nstub++] = value;
	else if (str_eq(name, STR("dns.zone-file")))
		d->zone_file[d->nzone_file++] = value;
	else if (str_eq(name, STR("dns.trust-anchor")))
		d->trust_anchor[d->ntrust_anchor++] = value;
	else if (str_eq(name, STR("dns.trust-anchor-file")))
		d->trust_anchor_file[d->ntrust_anchor_file++] = value;
	else
		return false;
	return true;
}

static bool
dns_begin(struct conf *c, struct str rec)
{
	struct conf_dns	*d = &c->machine.dns;
	struct {
		const char	 *name;
		struct str	**list;
	} lists[] = {
		{ "dns.forwarder", &d->forwarder }, { "dns.stub", &d->stub }, { "dns.zone-file", &d->zone_file },
		{ "dns.trust-anchor", &d->trust_anchor }, { "dns.trust-anchor-file", &d->trust_anchor_file },
	};

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		*lists[i].list = arena_array(&c->arena, count_attr(rec, 0, lists[i].name), sizeof(struct str));
		if (*lists[i].list == NULL)
			return false;
	}
	return true;
}

static void
machine_attr(struct conf_machine *m, struct str name, struct str value)
{
	uint64_t	v;

	if (machine_list(m, name, value))
		return;
	if (str_eq(name, STR("hostname")))
		m->hostname = value;
	else if (str_eq(name, STR("postmaster-account")))
		m->postmaster_account = value;
	else if (str_eq(name, STR("postmaster-mailbox")))
		m->postmaster_mailbox = value;
	else if (str_eq(name, STR("auth-failures-per-minute")))
		m->auth_failures_per_minute = number(value);
	else if (str_eq(name, STR("auth-failures-per-day")))
		m->auth_failures_per_day = number(value);
	else if (str_eq(name, STR("outgoing-connections")))
		m->outgoing_connections = number(value);
	else if (str_eq(name, STR("destination-connections")))
		m->destination_connections = number(value);
	else if (str_eq(name, STR("max-outgoing-per-day")))
		m->max_outgoing_per_day = number(value);
	else if (str_eq(name, STR("max-first-time-recipients-per-day")))
		m->max_first_time_per_day = number(value);
	else if (str_eq(name, STR("localserve")))
		m->localserve = number(value) != 0;
	else if (str_eq(name, STR("quota")) && num_u64(value, UINT64_MAX, &v))
		m->quota = v;
	else if (str_eq(name, STR("max-message-size")) && num_u64(value, UINT64_MAX, &v))
		m->max_message_size = v;
}

/* The machine record, whose text the machine and its listeners borrow. */
static int
machine_load(struct conf *c)
{
	struct conf_machine	*m = &c->machine;
	struct str		 rec, name, value;
	struct buf		 key = BUF_INIT(64);
	size_t			 at = 0;
	int			 got;

	buf_reset(&c->rec);
	got = conf_fetch(&c->db, conf_key(&key, 'm', STR("")), &c->rec);
	buf_free(&key);
	rec = buf_str(&c->rec);
	if (got != 1 || !attr_is(rec, "machine", CONF_VERSION)) {
		errno = EPROTO;
		return -1;
	}
	m->listener = arena_array(&c->arena, count_attr(rec, 0, "listener"), sizeof(*m->listener));
	if (m->listener == NULL || !dns_begin(c, rec))
		return -1;
	while (attr_next(rec, &at, &name, &value)) {
		if (str_eq(name, STR("listener"))) {
			if (!listener_begin(c, rec, at, value))
				return -1;
		} else if (m->nlistener == 0)
			machine_attr(m, name, value);
		else if (!listener_attr(&m->listener[m->nlistener - 1], name, value)) {
			errno = EPROTO;
			return -1;
		}
	}
	return 0;
}

static struct conf *
conf_new(void)
{
	struct conf	*c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	arena_init(&c->arena, CONF_ARENA);
	buf_init(&c->rec, LIMIT_RECORD);
	return c;
}

struct conf *
conf_open(void)
{
	struct conf	*c = conf_new();
	int		 err;

	if (c == NULL)
		return NULL;
	if (conf_db_open(&c->db, NULL) == 0 && machine_load(c) == 0)
		return c;
	err = errno;
	conf_close(c);
	errno = err;
	return NULL;
}

void
conf_close(struct conf *c)
{
	if (c == NULL)
		return;
	conf_db_close(&c->db);
	arena_free(&c->arena);
	buf_free(&c->rec);
	free(c);
}

int
conf_refresh(struct conf *c)
{
	int		 same = conf_db_is_current(&c->db);
	struct conf	*n, old;

	if (same != 0)
		return same == 1 ? 0 : -1;
	n = conf_new();
	if (n == NULL)
		return -1;
	if (conf_db_open(&n->db, &c->db) == -1) {
		conf_close(n);
		return -1;
	}
	c->db = n->db;		/* took over from ours what stays open */
	if (machine_load(n) == -1) {
		n->db = (struct conf_db){ .base = { .db = NULL } };
		conf_close(n);
		return -1;
	}
	old = *c;
	*c = *n;
	*n = old;
	n->db = (struct conf_db){ .base = { .db = NULL } };
	conf_close(n);
	return 1;
}

const struct conf_machine *
conf_machine(const struct conf *c)
{
	return &c->machine;
}

const struct conf_listener *
conf_listener(const struct conf *c, struct str name)
{
	for (size_t i = 0; i < c->machine.nlistener; i++)
		if (str_eq(c->machine.listener[i].name, name))
			return &c->machine.listener[i];
	return NULL;
}
