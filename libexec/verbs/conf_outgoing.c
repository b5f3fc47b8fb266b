/* What posthorn.conf says about mail that leaves the machine: ports, DNS, transports, routes. */
#include "conf_record.h"

#include "base/attr.h"
#include "base/limits.h"
#include "base/num.h"
#include "client/conf.h"
#include "conf_fill.h"
#include "conf_idn.h"

/* --- in the machine's record */

static void
outgoing_ports(struct conf_builder *b, const struct conf_file *f)
{
	int	i = conf_scan_find(&f->scan, CONF_TOP, "outgoing-ports", CONF_TOP);
	size_t	n = i == -1 ? 0 : f->scan.node[i].nvalue;

	if (i == -1)
		attr_addu(&b->rec, "outgoing-ports", 25);
	else if (n == 0 || n > CONF_OUTGOING_PORTS)
		conf_error(b->report, f->name, f->scan.node[i].line, "outgoing-ports: 1 to %d ports", CONF_OUTGOING_PORTS);
	for (size_t j = 0; j < n; j++) {
		const struct conf_value	*v = &f->scan.value[f->scan.node[i].value + j];

		if (str_eq(v->text, STR("0")))
			conf_error(b->report, f->name, v->line, "outgoing-ports: 0 is no port to call");
		attr_add(&b->rec, "outgoing-ports", v->text);
	}
}

static void
at_least_one(struct conf_builder *b, const struct conf_file *f, const char *name)
{
	if (str_eq(conf_file_get(f, CONF_TOP, name), STR("0")))
		conf_error(b->report, f->name, conf_file_line(f, CONF_TOP, name), "%s: must be 1 at least", name);
}

void
conf_add_outgoing(struct conf_builder *b, const struct conf_file *f)
{
	int	dns = conf_scan_find(&f->scan, CONF_TOP, "dns", CONF_TOP);

	outgoing_ports(b, f);
	at_least_one(b, f, "outgoing-connections");
	at_least_one(b, f, "destination-connections");
	conf_fill_number(&b->rec, f, CONF_TOP, "outgoing-connections", 50);
	conf_fill_number(&b->rec, f, CONF_TOP, "destination-connections", 10);
	conf_fill_number(&b->rec, f, CONF_TOP, "max-outgoing-per-day", 1000);
	conf_fill_number(&b->rec, f, CONF_TOP, "max-first-time-recipients-per-day", 200);
	if (dns == -1)
		return;
	conf_fill_list(&b->rec, f, dns, "forwarder", "dns.forwarder");
	conf_fill_list(&b->rec, f, dns, "stub", "dns.stub");
	conf_fill_paths(&b->rec, f, dns, "zone-file", "dns.zone-file", b->report);
	conf_fill_list(&b->rec, f, dns, "trust-anchor", "dns.trust-anchor");
	conf_fill_paths(&b->rec, f, dns, "trust-anchor-file", "dns.trust-anchor-file", b->report);
}

/* --- transports */

enum kind { SUBMISSIONS, SUBMISSION, SMTP, DIRECT, FAIL, KINDS };

static const struct {
	const char	*name;
	unsigned	 port;
} kinds[KINDS] = {
	[SUBMISSIONS] = { "submissions", 465 },
	[SUBMISSION] = { "submission", 587 },
	[SMTP] = { "smtp", 25 },
	[DIRECT] = { "direct", 0 },
	[FAIL] = { "fail", 0 },
};

static enum kind
kind_of(struct str s)
{
	enum kind	k = SUBMISSIONS;

	while (k < KINDS && !str_eq(s, str_c(kinds[k].name)))
		k++;
	return k;
}

/* Options that this kind has no use for are mistakes. */
static void
check_useless(struct conf_builder *b, const struct conf_file *f, int i, enum kind kind)
{
	static const struct {
		const char	*name;
		bool		 for_kind[KINDS];
	} uses[] = {
		{ "host",	{ true, true, true, false, false } },
		{ "port",	{ true, true, true, false, false } },
		{ "user",	{ true, true, true, false, false } },
		{ "mechanisms",	{ true, true, true, false, false } },
		{ "ca-file",	{ true, true, true, false, false } },
		{ "tls",	{ true, true, true, false, false } },
		{ "ipv4",	{ false, false, false, true, false } },
		{ "ipv6",	{ false, false, false, true, false } },
		{ "code",	{ false, false, false, false, true } },
		{ "text",	{ false, false, false, false, true } },
	};

	for (size_t j = 0; j < sizeof(uses) / sizeof(uses[0]); j++)
		if (!uses[j].for_kind[kind] && conf_scan_find(&f->scan, i, uses[j].name, i) != -1)
			conf_error(b->report, f->name, conf_file_line(f, i, uses[j].name),
			    "%s is nothing for a transport of kind %s", uses[j].name, kinds[kind].name);
}

static void
check_server(struct conf_builder *b, const struct conf_file *f, int i, enum kind kind)
{
	struct str	tls = conf_file_get(f, i, "tls");

	if (conf_file_get(f, i, "host").p == NULL)
		conf_error(b->report, f->name, f->scan.node[i].line, "host is missing");
	if (str_eq(conf_file_get(f, i, "port"), STR("0")))
		conf_error(b->report, f->name, conf_file_line(f, i, "port"), "port: 0 is no port to call");
	if (kind == SUBMISSIONS && tls.p != NULL && !str_eq(tls, STR("required")))
		conf_error(b->report, f->name, conf_file_line(f, i, "tls"), "tls: submissions is always with TLS, and verified");
	if (conf_file_get(f, i, "user").p == NULL && conf_scan_find(&f->scan, i, "mechanisms", i) != -1)
		conf_error(b->report, f->name, conf_file_line(f, i, "mechanisms"), "mechanisms without a user to log in");
}

static void
add_mechanisms(struct conf_builder *b, const struct conf_file *f, int i)
{
	int	m = conf_scan_find(&f->scan, i, "mechanisms", i);

	if (m == -1 && conf_file_get(f, i, "user").p != NULL)	/* those that do not show the server the password */
		attr_adds(&b->rec, "mechanisms", "SCRAM-SHA-256-PLUS SCRAM-SHA-256 SCRAM-SHA-1-PLUS SCRAM-SHA-1 CRAM-MD5");
	if (m == -1)
		return;
	buf_reset(&b->text);
	for (size_t j = 0; j < f->scan.node[m].nvalue; j++) {
		if (j > 0)
			buf_addc(&b->text, ' ');
		buf_add(&b->text, f->scan.value[f->scan.node[m].value + j].text);
	}
	attr_add(&b->rec, "mechanisms", buf_str(&b->text));
}

static void
add_server(struct conf_builder *b, const struct conf_file *f, int i, enum kind kind)
{
	check_server(b, f, i, kind);
	conf_fill_text(&b->rec, f, i, "host", "host");
	conf_fill_number(&b->rec, f, i, "port", kinds[kind].port);
	conf_fill_text(&b->rec, f, i, "user", "user");
	add_mechanisms(b, f, i);
	conf_fill_paths(&b->rec, f, i, "ca-file", "ca-file", b->report);
	conf_fill_text(&b->rec, f, i, "tls", "tls");
}

static void
add_direct(struct conf_builder *b, const struct conf_file *f, int i)
{
	bool	v4 = true, v6 = true;

	if (conf_bool(conf_file_get(f, i, "ipv4"), &v4) && conf_bool(conf_file_get(f, i, "ipv6"), &v6) && !v4 && !v6)
		conf_error(b->report, f->name, f->scan.node[i].line, "neither ipv4 nor ipv6 is left");
	conf_fill_bool(&b->rec, f, i, "ipv4", true);
	conf_fill_bool(&b->rec, f, i, "ipv6", true);
}

static void
add_fail(struct conf_builder *b, const struct conf_file *f, int i)
{
	struct str	text = conf_file_get(f, i, "text"), code = conf_file_get(f, i, "code");
	uint64_t	n;

	if (num_u64(code, 999, &n) && (n < 400 || n > 599))
		conf_error(b->report, f->name, conf_file_line(f, i, "code"), "code: 400 to 599");
	if (!str_is_ascii(text))
		conf_error(b->report, f->name, conf_file_line(f, i, "text"), "text: must be ASCII");
	conf_fill_number(&b->rec, f, i, "code", 554);
	attr_add(&b->rec, "text", text.n > 0 ? text : STR("mail is not sent this way"));
}

static void
add_transport(struct conf_builder *b, const struct conf_file *f, int i)
{
	enum kind	kind = kind_of(conf_file_get(f, i, "kind"));

	if (kind == KINDS)
		return;		/* reported already */
	attr_add(&b->rec, "transport", f->scan.node[i].title.text);
	attr_adds(&b->rec, "kind", kinds[kind].name);
	check_useless(b, f, i, kind);
	if (kind == DIRECT)
		add_direct(b, f, i);
	else if (kind == FAIL)
		add_fail(b, f, i);
	else
		add_server(b, f, i, kind);
}

/* --- routes */

/* In lower case, and a name that is international in both its spellings. */
static void
add_domains(struct conf_builder *b, const struct conf_file *f, int route, const char *name)
{
	struct buf	lower = BUF_INIT(1024);
	int		i = conf_scan_find(&f->scan, route, name, route);

	for (size_t j = 0; i != -1 && j < f->scan.node[i].nvalue; j++) {
		struct str	v = f->scan.value[f->scan.node[i].value + j].text;
		bool		below = str_starts(v, STR("."));

		buf_reset(&lower);
		conf_add_lower(&lower, v);
		attr_add(&b->rec, name, buf_str(&lower));
		if (!conf_idn_other(str_skip(buf_str(&lower), below), &b->text) || b->text.n == 0)
			continue;
		buf_reset(&lower);
		buf_adds(&lower, below ? "." : "");
		buf_add(&lower, buf_str(&b->text));
		attr_add(&b->rec, name, buf_str(&lower));
	}
	buf_free(&lower);
}

static void
add_route(struct conf_builder *b, const struct conf_file *f, int i)
{
	struct str	by = conf_file_get(f, i, "transport");

	if (by.p == NULL)
		return;
	if (conf_scan_section(&f->scan, CONF_TOP, "transport", by) == -1)
		conf_error(b->report, f->name, conf_file_line(f, i, "transport"), "route %.*s: there is no transport %.*s",
		    STR_ARG(f->scan.node[i].title.text), STR_ARG(by));
	attr_add(&b->rec, "route", f->scan.node[i].title.text);
	add_domains(b, f, i, "from-domain");
	add_domains(b, f, i, "to-domain");
	conf_fill_number(&b->rec, f, i, "minimum-attempts", 0);
	attr_add(&b->rec, "by", by);	/* the last of its group: whoever reads has seen all then */
}

void
conf_put_outgoing(struct conf_builder *b, const struct conf_file *f)
{
	int	i = -1;

	attr_start(&b->rec, "outgoing", CONF_VERSION);
	while ((i = conf_scan_find(&f->scan, CONF_TOP, "transport", i)) != -1)
		add_transport(b, f, i);
	while ((i = conf_scan_find(&f->scan, CONF_TOP, "route", i)) != -1)
		add_route(b, f, i);
	if (buf_failed(&b->rec))
		conf_error(b->report, f->name, 0, "the transports and routes are too long: %u bytes are the limit", LIMIT_RECORD);
	else
		conf_write_put(&b->w, conf_key(&b->key, 'o', STR("")), buf_str(&b->rec), true);
}
