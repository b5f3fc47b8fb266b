/* conf: a row for each step of looking up an address, a login, a sender. */
#include "client/conf.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../libexec/verbs/conf_build.h"
#include "../tap.h"
#include "sys/fd.h"

static const char	machine_conf[] =
    "hostname = mail.example.org\n"
    "separators = \"+\"\n"
    "quota = 10G\n"
    "postmaster { account = joe mailbox = Postmaster }\n"
    "listener public { address = { 192.0.2.1, \"2001:db8::1\" } smtp = 25 imaps = 993 hostname = mx.example.org\n"
    "  trusted = { 127.0.0.0/8, \"::1\" } max-message-size = 1M }\n"
    "listener private { address = 127.0.0.1 smtp = 1025 proxy = 10.0.0.0/8 starttls = false connections = 5\n"
    "  submission = 1587 auth-in-clear = true }\n"
    "outgoing-ports = { 10025, 25 }\n"
    "max-outgoing-per-day = 77\n"
    "dns { forwarder = { \"127.0.0.1@5353\", \"::1\" } stub = { \"example. 127.0.0.1@5301\" } zone-file = { lab.zone }\n"
    "  trust-anchor = { \"example. DS 1 13 2 aabbccddee\" } }\n"
    "transport relay { kind = submission host = relay.example.net user = me mechanisms = { SCRAM-SHA-256, PLAIN } ca-file = lab.zone }\n"
    "transport lab { kind = smtp host = \"::1\" port = 1025 tls = off }\n"
    "transport four { kind = direct ipv6 = no }\n"
    "transport quiet { kind = submissions host = relay.example.net user = me }\n"
    "transport never { kind = fail code = 550 text = \"not from here\" }\n"
    "route closed { from-domain = { closed.example, b\xc3\xbc" "cher.example } transport = never }\n"
    "route lab { to-domain = { .Lab.example, one.example } transport = lab }\n"
    "route old { to-domain = { late.example } minimum-attempts = 3 transport = relay }\n"
    "route four { to-domain = { four.example } from-domain = { .example.org } transport = four }\n";

static const struct {
	const char	*path, *text;
} files[] = {
	{ "etc/posthorn.conf", machine_conf },
	{ "etc/lab.zone", "" },
	{ "etc/domains/example.org.conf", "alias team { members = { joe@example.org, ann@example.net } allow-msg-from = true }\n"
	    "alias news { members = { ann@example.net } post-public = yes list-members = on }\n" },
	{ "etc/domains/example.net.conf", "separators = \"-_\" case-sensitive = true catch-all = joe@example.org\n" },
	{ "etc/domains/closed.example.conf", "disabled = true\n" },
	{ "etc/domains/b\xc3\xbc" "cher.example.conf", "" },
	{ "etc/accounts/joe.conf", "system-users = { joe, www-data } max-first-time-recipients-per-day = 5 full-name = \"Joe Q\" quota = 5M\naddress Joe@Example.org { }\n"
	    "address lists@example.org { mailbox = Lists/all }\n"
	    "address old@example.org { smtp-error = 550 }\n"
	    "address later@example.org { smtp-error = '421 come again' }\n"
	    "address joe@closed.example { }\n"
	    "address '\"joe q\"@example.org' { }\n"
	    "address b@b\xc3\xbc" "cher.example { }\n" },
	{ "etc/accounts/ann.conf", "login-disabled = \"moved away\"\naddress ann@example.net { }\naddress Ann@example.net { mailbox = Other }\n" },
};

static void
write_files(void)
{
	char	dir[] = "/tmp/conf.XXXXXX", env[100];

	if (mkdtemp(dir) == NULL || chdir(dir) == -1 || mkdir("etc", 0755) == -1 || mkdir("etc/domains", 0755) == -1 ||
	    mkdir("etc/accounts", 0755) == -1)
		abort();
	snprintf(env, sizeof(env), "%s/etc", dir);
	setenv("POSTHORN_ETC", env, 1);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (file_replace(AT_FDCWD, files[i].path, str_c(files[i].text), 0644) == -1)
			abort();
}

static void
remove_files(void)
{
	char	cwd[100];

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		unlink(files[i].path);
	unlink("config.tdb");
	rmdir("etc/domains");
	rmdir("etc/accounts");
	rmdir("etc");
	if (getcwd(cwd, sizeof(cwd)) != NULL)
		rmdir(cwd);
}

static void
build(void)
{
	struct conf_report	r = CONF_REPORT_INIT;

	if (conf_build(CONF_BUILD, NULL, 0, &r) == -1)
		conf_report_print(&r);
	conf_report_free(&r);
}

static const struct rcpt_row {
	const char		*name, *local, *domain;
	enum conf_rcpt_kind	 kind;
	const char		*account, *mailbox, *address;
} rcpts[] = {
	{ "postmaster of no domain", "postmaster", "", CONF_RCPT_ACCOUNT, "joe", "Postmaster", "postmaster@mail.example.org" },
	{ "in any case", "PostMaster", "", CONF_RCPT_ACCOUNT, "joe", "Postmaster", "postmaster@mail.example.org" },
	{ "postmaster of our host name", "postmaster", "MAIL.example.org", CONF_RCPT_ACCOUNT, "joe", "Postmaster", NULL },
	{ "postmaster of a listener's host name", "postmaster", "mx.example.org", CONF_RCPT_ACCOUNT, "joe", "Postmaster", NULL },
	{ "somebody else of no domain", "joe", "", CONF_RCPT_NO_DOMAIN, "", "", NULL },
	{ "unknown domain", "joe", "example.com", CONF_RCPT_NO_DOMAIN, "", "", NULL },
	{ "disabled domain", "joe", "closed.example", CONF_RCPT_DISABLED, "", "", NULL },
	{ "an address", "joe", "example.org", CONF_RCPT_ACCOUNT, "joe", "INBOX", "joe@example.org" },
	{ "case is folded", "JOE", "EXAMPLE.ORG", CONF_RCPT_ACCOUNT, "joe", "INBOX", "joe@example.org" },
	{ "what follows a separator is cut", "joe+x+y", "example.org", CONF_RCPT_ACCOUNT, "joe", "INBOX", "joe@example.org" },
	{ "a mailbox of its own", "lists", "example.org", CONF_RCPT_ACCOUNT, "joe", "Lists/all", NULL },
	{ "a localpart with a space", "joe q", "example.org", CONF_RCPT_ACCOUNT, "joe", "INBOX", "joe q@example.org" },
	{ "an SMTP error", "old", "example.org", CONF_RCPT_REFUSED, "joe", "INBOX", "old@example.org" },
	{ "unknown localpart", "nobody", "example.org", CONF_RCPT_NONE, "", "", NULL },
	{ "nothing before the separator", "+x", "example.org", CONF_RCPT_NONE, "", "", NULL },
	{ "postmaster of a domain", "postmaster", "example.org", CONF_RCPT_ACCOUNT, "joe", "Postmaster", "postmaster@example.org" },
	{ "an alias", "Team+x", "example.org", CONF_RCPT_ALIAS, "", "", "team@example.org" },
	{ "case matters where told so", "ann", "example.net", CONF_RCPT_ACCOUNT, "ann", "INBOX", "ann@example.net" },
	{ "case matters where told so, the other", "Ann", "example.net", CONF_RCPT_ACCOUNT, "ann", "Other", "Ann@example.net" },
	{ "another separator", "ann-a_b", "example.net", CONF_RCPT_ACCOUNT, "ann", "INBOX", "ann@example.net" },
	{ "the other separator first", "ann_a-b", "example.net", CONF_RCPT_ACCOUNT, "ann", "INBOX", "ann@example.net" },
	{ "not a separator there", "ann+x", "example.net", CONF_RCPT_ACCOUNT, "joe", "INBOX", "ann+x@example.net" },
	{ "the catch-all", "who", "example.net", CONF_RCPT_ACCOUNT, "joe", "INBOX", "who@example.net" },
	{ "the catch-all before the postmaster", "postmaster", "example.net", CONF_RCPT_ACCOUNT, "joe", "INBOX", NULL },
	{ "an international domain by its A-label", "b", "XN--bcher-kva.example", CONF_RCPT_ACCOUNT, "joe", "INBOX", "b@b\xc3\xbc" "cher.example" },
	{ "an international domain", "b", "b\xc3\xbc" "cher.example", CONF_RCPT_ACCOUNT, "joe", "INBOX", NULL },
};

static void
test_rcpts(struct conf *c, struct arena *a)
{
	for (size_t i = 0; i < sizeof(rcpts) / sizeof(rcpts[0]); i++) {
		const struct rcpt_row	*w = &rcpts[i];
		struct conf_rcpt	 r;

		conf_rcpt(c, str_c(w->local), str_c(w->domain), a, &r);
		ok(r.kind == w->kind && str_eq(r.account, str_c(w->account)), "rcpt: %s: %d %.*s", w->name, (int)r.kind, STR_ARG(r.account));
		if (w->kind == CONF_RCPT_ACCOUNT)
			is_str(r.mailbox, str_c(w->mailbox), "its mailbox");
		if (w->address != NULL)
			is_str(r.address, str_c(w->address), "its canonical address");
	}
}

static void
test_rcpt_more(struct conf *c, struct arena *a)
{
	struct conf_rcpt	r;

	conf_rcpt(c, STR("old"), STR("example.org"), a, &r);
	is_num(r.smtp_code, 550, "the code of an SMTP error");
	is_str(r.smtp_text, STR("no such user(s)"), "its default text");
	conf_rcpt_text(c, STR("later@example.org"), a, &r);
	is_num(r.smtp_code, 421, "the other code");
	is_str(r.smtp_text, STR("come again"), "its own text");
	conf_rcpt_text(c, STR("team@example.org"), a, &r);
	ok(r.nmember == 2 && str_eq(r.member[0], STR("joe@example.org")) && str_eq(r.member[1], STR("ann@example.net")), "members in order");
	ok(r.allow_msg_from && !r.post_public && !r.list_members, "flags of the one alias");
	conf_rcpt_text(c, STR("news@example.org"), a, &r);
	ok(!r.allow_msg_from && r.post_public && r.list_members, "flags of the other");
	conf_rcpt_text(c, STR("who@example.net"), a, &r);
	ok(r.catch_all, "the catch-all says so");
	conf_rcpt_text(c, STR("joe@example.org"), a, &r);
	ok(!r.catch_all, "an address does not");
}

static const struct login_row {
	const char	*name, *local, *domain;
	enum conf_got	 got;
	const char	*account;
} logins[] = {
	{ "an address", "joe", "example.org", CONF_OK, "joe" },
	{ "in any case, with a separator", "Joe+imap", "example.org", CONF_OK, "joe" },
	{ "of a disabled domain", "joe", "closed.example", CONF_OK, "joe" },
	{ "an alias", "team", "example.org", CONF_NONE, NULL },
	{ "a catch-all", "who", "example.net", CONF_NONE, NULL },
	{ "postmaster", "postmaster", "", CONF_NONE, NULL },
	{ "postmaster of a domain", "postmaster", "example.org", CONF_NONE, NULL },
	{ "an account's name", "joe", "", CONF_NONE, NULL },
	{ "nothing", "", "example.org", CONF_NONE, NULL },
};

static void
test_logins(struct conf *c, struct arena *a)
{
	for (size_t i = 0; i < sizeof(logins) / sizeof(logins[0]); i++) {
		const struct login_row	*w = &logins[i];
		struct str		 account = STR(""), address;
		enum conf_got		 got = conf_login(c, str_c(w->local), str_c(w->domain), a, &account, &address);

		ok(got == w->got && (got != CONF_OK || str_eq(account, str_c(w->account))), "login: %s", w->name);
	}
}

static const struct may_row {
	const char	*name, *account, *local, *domain;
	enum conf_may	 may;
} mays[] = {
	{ "an own address", "joe", "joe+x", "example.org", CONF_MAY },
	{ "another's", "ann", "joe", "example.org", CONF_MAY_NOT },
	{ "one its catch-all takes", "joe", "who", "example.net", CONF_MAY },
	{ "an alias of which it is a member", "ann", "team", "example.org", CONF_MAY },
	{ "an alias that does not allow it", "ann", "news", "example.org", CONF_MAY_NOT },
	{ "of a disabled domain", "joe", "joe", "closed.example", CONF_MAY_DISABLED },
	{ "of a domain not ours", "joe", "joe", "example.com", CONF_MAY_NOT },
	{ "one that takes no mail", "joe", "old", "example.org", CONF_MAY },
};

static void
test_mays(struct conf *c, struct arena *a)
{
	for (size_t i = 0; i < sizeof(mays) / sizeof(mays[0]); i++)
		ok(conf_may_send(c, str_c(mays[i].account), str_c(mays[i].local), str_c(mays[i].domain), a) == mays[i].may,
		    "send as: %s", mays[i].name);
}

static void
test_settings(struct conf *c, struct arena *a)
{
	const struct conf_machine	*m = conf_machine(c);
	const struct conf_listener	*l;
	struct conf_account		 acc;
	struct conf_domain		 d;
	struct str			*names, canon;
	size_t				 n;

	is_str(m->hostname, STR("mail.example.org"), "host name");
	is_num(m->nlistener, 2, "listeners");
	l = &m->listener[0];
	ok(l->naddress == 2 && l->address[1].len == 16, "addresses of both kinds");
	ok(l->port[CONF_SMTP] == 25 && l->port[CONF_IMAPS] == 993 && l->port[CONF_IMAP] == 0, "ports");
	ok(l->ntrusted == 2 && l->nproxy == 0 && l->starttls && l->connections == 30, "the first's settings");
	is_num(l->max_message_size, 1 << 20, "its own size");
	is_str(l->hostname, STR("mx.example.org"), "its own name");
	l = conf_listener(c, STR("private"));
	ok(l != NULL && l->nproxy == 1 && !l->starttls && l->connections == 5 && l->max_message_size == 100 << 20, "the second's settings");
	ok(conf_listener(c, STR("none")) == NULL, "no such listener");
	ok(conf_account(c, STR("joe"), a, &acc) == CONF_OK && acc.quota == 5 << 20 && acc.naddress == 7, "an account");
	is_str(acc.full_name, STR("Joe Q"), "its full name");
	ok(conf_account(c, STR("ann"), a, &acc) == CONF_OK && acc.quota == 10ull << 30, "the default quota");
	is_str(acc.login_disabled, STR("moved away"), "a disabled login");
	ok(conf_account(c, STR("../joe"), a, &acc) == CONF_NONE, "no such account");
	ok(conf_domain(c, STR("Example.NET"), a, &d) == CONF_OK && d.case_sensitive && str_eq(d.separators, STR("-_")), "a domain");
	ok(conf_accounts(c, a, &names, &n) == CONF_OK && n == 2 && str_eq(names[0], STR("ann")), "all accounts");
	ok(conf_domains(c, a, &names, &n) == CONF_OK && n == 4, "all domains");
	ok(conf_canonical(c, STR("Joe+x"), STR("Example.ORG"), a, &canon) == CONF_OK && str_eq(canon, STR("joe@example.org")), "canonical of ours");
	ok(conf_canonical(c, STR("Joe+x"), STR("Example.COM"), a, &canon) == CONF_OK && str_eq(canon, STR("Joe+x@example.com")), "canonical of others");
}

static const struct route_row {
	const char	*name, *from, *to;
	unsigned	 attempts;
	const char	*transport;		/* NULL: none */
} routes[] = {
	{ "no route", "example.org", "example.com", 0, NULL },
	{ "by the sender's domain", "closed.example", "example.com", 0, "never" },
	{ "in any case", "Closed.Example", "example.com", 0, "never" },
	{ "not one below it", "x.closed.example", "example.com", 0, NULL },
	{ "an international one", "b\xc3\xbc" "cher.example", "example.com", 0, "never" },
	{ "by its A-label", "xn--bcher-kva.example", "example.com", 0, "never" },
	{ "no sender", "", "example.com", 0, NULL },
	{ "the first that fits", "closed.example", "lab.example", 0, "never" },
	{ "with a dot: the domain", "", "lab.example", 0, "lab" },
	{ "and all below it", "", "a.b.LAB.example", 9, "lab" },
	{ "but no other that ends so", "", "mylab.example", 0, NULL },
	{ "another of the list", "", "one.example", 0, "lab" },
	{ "too early", "", "late.example", 2, NULL },
	{ "late enough", "", "late.example", 3, "relay" },
	{ "both domains", "mail.example.org", "four.example", 0, "four" },
	{ "one of both", "example.com", "four.example", 0, NULL },
};

static void
test_routes(struct conf *c, struct arena *a)
{
	struct conf_transport	 t;
	struct str		*names;
	size_t			 n;

	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		const struct route_row	*w = &routes[i];
		enum conf_got		 got = conf_route(c, STR("joe"), str_c(w->from), str_c(w->to), w->attempts, a, &t);

		ok(got == (w->transport == NULL ? CONF_NONE : CONF_OK) && (got != CONF_OK || str_eq(t.name, str_c(w->transport))),
		    "route: %s", w->name);
	}
	ok(conf_transport(c, STR("relay"), a, &t) == CONF_OK && t.kind == CONF_TRANSPORT_SUBMISSION && t.port == 587 &&
	    str_eq(t.host, STR("relay.example.net")) && str_eq(t.user, STR("me")) && t.tls == CONF_TLS_REQUIRED &&
	    str_eq(t.mechanisms, STR("SCRAM-SHA-256 PLAIN")) && str_ends(t.ca_file, STR("/etc/lab.zone")), "a transport with its defaults");
	ok(conf_transport(c, STR("quiet"), a, &t) == CONF_OK && t.port == 465 && str_starts(t.mechanisms, STR("SCRAM-SHA-256-PLUS ")) &&
	    str_find(t.mechanisms, STR("PLAIN")) == t.mechanisms.n, "no mechanism that shows the password, unless it is named");
	ok(conf_transport(c, STR("lab"), a, &t) == CONF_OK && t.kind == CONF_TRANSPORT_SMTP && t.port == 1025 &&
	    t.tls == CONF_TLS_OFF && t.user.n == 0 && str_eq(t.host, STR("::1")), "one to an IP address, without TLS");
	ok(conf_transport(c, STR("four"), a, &t) == CONF_OK && t.kind == CONF_TRANSPORT_DIRECT && !t.no_ipv4 && t.no_ipv6, "a direct one");
	ok(conf_transport(c, STR("never"), a, &t) == CONF_OK && t.kind == CONF_TRANSPORT_FAIL && t.code == 550 &&
	    str_eq(t.text, STR("not from here")), "one that fails");
	ok(conf_transports(c, a, &names, &n) == CONF_OK && n == 5 && str_eq(names[0], STR("relay")) && str_eq(names[4], STR("never")),
	    "all of them");
	ok(conf_transport(c, STR("closed"), a, &t) == CONF_NONE, "a route is no transport");
}

static void
test_outgoing(struct conf *c, struct arena *a)
{
	const struct conf_machine	*m = conf_machine(c);
	const struct conf_dns		*d = &m->dns;
	struct conf_account		 acc;
	struct str			 account;

	ok(m->noutgoing_port == 2 && m->outgoing_port[0] == 10025 && m->outgoing_port[1] == 25, "ports to call");
	ok(m->outgoing_connections == 50 && m->destination_connections == 10, "connections");
	ok(m->max_outgoing_per_day == 77 && m->max_first_time_per_day == 200, "limits a day");
	ok(!m->listener[0].auth_in_clear && m->listener[1].auth_in_clear, "AUTH in clear");
	ok(d->nforwarder == 2 && str_eq(d->forwarder[0], STR("127.0.0.1@5353")) && str_eq(d->forwarder[1], STR("::1")), "forwarders");
	ok(d->nstub == 1 && d->ntrust_anchor == 1 && d->ntrust_anchor_file == 0, "stub and anchor");
	ok(d->nzone_file == 1 && d->zone_file[0].p[0] == '/' && str_ends(d->zone_file[0], STR("/etc/lab.zone")), "a path is absolute");
	ok(conf_account(c, STR("joe"), a, &acc) == CONF_OK && acc.max_outgoing_per_day == 77 && acc.max_first_time_per_day == 5, "an account's limits");
	ok(conf_system_user(c, STR("www-data"), a, &account) == CONF_OK && str_eq(account, STR("joe")), "a user of the system");
	ok(conf_system_user(c, STR("nobody"), a, &account) == CONF_NONE, "another");
}

static void
test_refresh(struct conf *c, struct arena *a)
{
	struct conf_transport	t;
	struct conf_rcpt	r;
	struct str		account;

	is_num(conf_refresh(c), 0, "nothing changed");
	if (file_replace(AT_FDCWD, "etc/domains/example.com.conf", STR(""), 0644) == -1 ||
	    file_replace(AT_FDCWD, "etc/accounts/joe.conf", STR("address joe@example.org {} address joe@example.com {}"), 0644) == -1)
		abort();
	build();
	is_num(conf_refresh(c), 1, "a change in place is noticed");
	is_num(conf_refresh(c), 0, "once");
	conf_rcpt_text(c, STR("joe@example.com"), a, &r);
	ok(r.kind == CONF_RCPT_ACCOUNT, "and seen");
	unlink("etc/domains/closed.example.conf");
	build();
	is_num(conf_refresh(c), 1, "a new file is noticed");
	conf_rcpt_text(c, STR("joe@closed.example"), a, &r);
	ok(r.kind == CONF_RCPT_NO_DOMAIN, "and seen");
	ok(conf_system_user(c, STR("joe"), a, &account) == CONF_NONE, "no system user is left");
	if (file_replace(AT_FDCWD, "etc/posthorn.conf", STR("hostname = mail.example.org separators = \"+\""), 0644) == -1)
		abort();
	build();
	is_num(conf_refresh(c), 1, "a new posthorn.conf is noticed");
	ok(conf_route(c, STR("joe"), STR("closed.example"), STR(""), 0, a, &t) == CONF_NONE, "no route is left");
	ok(conf_machine(c)->noutgoing_port == 1 && conf_machine(c)->outgoing_port[0] == 25, "the default port");
	unlink("etc/domains/example.com.conf");
}

int
main(void)
{
	struct arena	 a = ARENA_INIT(1 << 20);
	struct conf	*c;

	write_files();
	ok(conf_open() == NULL, "nothing is built yet");
	build();
	c = conf_open();
	if (ok(c != NULL, "opened")) {
		test_settings(c, &a);
		test_rcpts(c, &a);
		test_rcpt_more(c, &a);
		test_logins(c, &a);
		test_mays(c, &a);
		test_outgoing(c, &a);
		test_routes(c, &a);
		test_refresh(c, &a);
	}
	conf_close(c);
	arena_free(&a);
	remove_files();
	return done_testing();
}
