/* posthorn dkim verify: what the signatures of a message are worth. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "dkim.h"
#include "base/code.h"
#include "client/dkim_ask.h"
#include "proto/orgdomain.h"
#include "sys/die.h"
#include "sys/fd.h"
#include "tool_confine.h"
#include "tool_dns.h"

enum {
	ASK_MS		= 30000,	/* for all keys together */
	OUTPUT		= 1 << 20,
};

struct options {
	const char	*server;
	bool		 json;
};

static struct options
options(int argc, char *argv[])
{
	static const struct option	names[] = {
		{ "dns", required_argument, NULL, 'd' }, { "json", no_argument, NULL, 'j' }, { NULL, 0, NULL, 0 },
	};
	struct options			o = { .json = false };
	int				c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1)
		switch (c) {
		case 'd':
			o.server = optarg;
			break;
		case 'j':
			o.json = true;
			break;
		default:
			dkim_usage();
		}
	if (optind != argc)
		dkim_usage();
	return o;
}

/* --- what is told */

static void
tell(struct buf *out, const struct dkim_check *c)
{
	buf_addf(out, "%s d=", dkim_result_name(c->result));
	code_escape(out, c->sig.domain);
	buf_adds(out, " s=");
	code_escape(out, c->sig.selector);
	buf_adds(out, " a=");
	code_escape(out, c->sig.algorithm);
	if (c->sig.identity.n > 0) {
		buf_adds(out, " i=");
		code_escape(out, c->sig.identity);
	}
	if (c->bits > 0)
		buf_addf(out, " (%u bits, %s DNSSEC)", c->bits, c->secure ? "with" : "without");
	buf_addf(out, ": %s", c->why != NULL ? c->why : "header and body are as they were signed");
	if (c->testing)
		buf_adds(out, "; the key says that it is a test (t=y)");
	if (c->why != NULL && c->key_name.n > 0) {
		buf_adds(out, "; key ");
		code_escape(out, c->key_name);
	}
	buf_addc(out, '\n');
}

static void
tell_all(struct buf *out, const struct dkim_verify *v)
{
	buf_addf(out, "%s\n", dkim_result_name(dkim_verify_result(v)));
	for (size_t i = 0; i < v->n; i++)
		tell(out, &v->check[i]);
	if (v->n == 0)
		buf_adds(out, "the message has no DKIM-Signature\n");
	if (v->skipped > 0)
		buf_addf(out, "%zu more signatures were not looked at\n", v->skipped);
}

static void
member(struct buf *out, const char *name, struct str value)
{
	buf_addf(out, ",\"%s\":", name);
	code_json(out, value);
}

static void
json(struct buf *out, const struct dkim_check *c)
{
	buf_addf(out, "{\"result\":\"%s\"", dkim_result_name(c->result));
	member(out, "domain", c->sig.domain);
	member(out, "selector", c->sig.selector);
	member(out, "algorithm", c->sig.algorithm);
	member(out, "identity", c->sig.identity);
	member(out, "b", str_head(c->sig.text, 12));
	member(out, "key", c->key_name);
	buf_addf(out, ",\"bits\":%u,\"dnssec\":%s,\"testing\":%s", c->bits, c->secure ? "true" : "false", c->testing ? "true" : "false");
	member(out, "reason", str_c(c->why));
	buf_addc(out, '}');
}

static void
json_all(struct buf *out, const struct dkim_verify *v)
{
	buf_addf(out, "{\"result\":\"%s\",\"signatures\":[", dkim_result_name(dkim_verify_result(v)));
	for (size_t i = 0; i < v->n; i++) {
		if (i > 0)
			buf_addc(out, ',');
		json(out, &v->check[i]);
	}
	buf_addf(out, "],\"skipped\":%zu}\n", v->skipped);
}

static int
print(struct buf *out)
{
	if (buf_failed(out))
		diex(EXIT_TEMP, "out of memory");
	if (write_all(STDOUT_FILENO, buf_str(out)) == -1)
		die(EXIT_TEMP, "unable to write");
	return EXIT_OK;
}

static int
too_large(const struct options *o)
{
	struct buf	out = BUF_INIT(OUTPUT);

	if (o->json)
		buf_adds(&out, "{\"result\":\"permerror\",\"signatures\":[],\"reason\":\"the header is too large\"}\n");
	else
		buf_adds(&out, "permerror\nthe header is too large\n");
	return print(&out);
}

/* --- the message */

static void
body(void *arg, struct str s)
{
	dkim_verify_body(arg, s);
}

static bool
is_suffix(void *list, struct str domain)
{
	return suffix_list_has(list, domain);
}

int
dkim_verify_message(int argc, char *argv[])
{
	struct options		o = options(argc, argv);
	struct held		dns;
	struct arena		arena = ARENA_INIT(LIMIT_DKIM_ARENA), names = ARENA_INIT(LIMIT_DKIM_ANSWERS);
	struct suffix_list	list;
	struct dkim_policy	policy = { .now = clock_now(), .is_suffix = is_suffix, .arg = &list };
	struct buf		out = BUF_INIT(OUTPUT);
	struct dkim_input	in;
	struct dkim_verify	v;

	if (!suffix_list_builtin(&list))
		diex(EXIT_TEMP, "libpsl has no public suffix list");
	tool_dns_open(&dns, o.server);
	tool_confine(&dns);
	dkim_input_open(&in);
	policy.lf = in.lf;
	if (in.large || !dkim_verify_open(&v, buf_str(&in.text), &policy, &arena))
		return too_large(&o);
	dkim_ask(&dns, &v, &names, deadline_in(ASK_MS));
	dkim_input_rest(&in, v.body, body, &v);
	dkim_verify_end(&v);
	if (o.json)
		json_all(&out, &v);
	else
		tell_all(&out, &v);
	dkim_verify_close(&v);
	held_free(&dns);
	suffix_list_free(&list);
	arena_free(&arena);
	arena_free(&names);
	buf_free(&in.text);
	return print(&out);
}
