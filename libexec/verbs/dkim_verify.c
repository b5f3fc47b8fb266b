/* posthorn dkim verify: what the signatures of a message are worth. */
#include <sys/wait.h>

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "dkim.h"
#include "base/code.h"
#include "client/dns.h"
#include "proto/dkim_verify.h"
#include "sys/child.h"
#include "sys/die.h"
#include "sys/fd.h"
#include "sys/sandbox.h"
#include "tool_dns.h"

enum {
	ASK_MS		= 30000,	/* for all keys together */
	DNS_ARENA	= LIMIT_DKIM_SIGNATURES * 4 * LIMIT_RECORD,
	OUTPUT		= 1 << 20,
};

struct options {
	const char	*server;
	bool		 json;
};

_Static_assert((int)LIMIT_DKIM_SIGNATURES <= (int)DNS_QUESTIONS, "keys are looked up at once");

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

/* --- keys */

static enum dkim_lookup
lookup_of(enum dns_got got)
{
	switch (got) {
	case DNS_OK:
		return DKIM_LOOKUP_OK;
	case DNS_NODATA:
	case DNS_NXDOMAIN:
		return DKIM_LOOKUP_NONE;
	case DNS_BOGUS:
		return DKIM_LOOKUP_BOGUS;
	case DNS_TEMP:
		break;
	}
	return DKIM_LOOKUP_TEMP;
}

static void
give_key(struct dkim_verify *v, size_t i, const struct dns_answer *a, struct arena *arena)
{
	struct str	*txt = arena_array(arena, a->n + 1, sizeof(*txt));

	for (size_t j = 0; txt != NULL && j < a->n; j++)
		txt[j] = a->rr[j].text;
	dkim_verify_key(v, i, txt == NULL ? DKIM_LOOKUP_TEMP : lookup_of(a->got), txt, txt == NULL ? 0 : a->n, a->secure);
}

static void
look_up(struct dkim_verify *v, struct held *dns, struct arena *arena)
{
	struct dns_question	q[LIMIT_DKIM_SIGNATURES];
	size_t			of[LIMIT_DKIM_SIGNATURES], n = 0;

	for (size_t i = 0; i < v->n; i++)
		if (v->check[i].ask) {
			q[n] = (struct dns_question){ .type = DNS_TXT, .name = v->check[i].key_name };
			of[n++] = i;
		}
	if (n == 0)
		return;
	dns_ask_all(dns, q, n, arena, deadline_in(ASK_MS));
	for (size_t i = 0; i < n; i++)
		give_key(v, of[i], &q[i].answer, arena);
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

/*
 * The message is a stranger's: what reads it is a child that has a connection to a
 * resolver and nothing else. We stay outside to end that one: landlock keeps signals in.
 */
static void
confine(struct held *dns)
{
	pid_t	self = getpid(), pid;
	int	status;
	EVP_MD	*md;

	/* what libcrypto opens when it is first used */
	md = EVP_MD_fetch(NULL, "SHA256", NULL);
	EVP_MD_free(md);
	pid = fork();
	if (pid == 0) {
		child_follow(self);
		sandbox_enter(SANDBOX_SESSION);
		return;
	}
	while (pid != -1 && waitpid(pid, &status, 0) == -1)
		if (errno != EINTR)
			pid = -1;
	tool_dns_close(dns);
	if (pid == -1 || !WIFEXITED(status))
		diex(EXIT_TEMP, "unable to look at the message");
	exit(WEXITSTATUS(status));
}

static void
body(void *arg, struct str s)
{
	dkim_verify_body(arg, s);
}

int
dkim_verify_message(int argc, char *argv[])
{
	struct options		o = options(argc, argv);
	struct held		dns;
	struct arena		arena = ARENA_INIT(LIMIT_DKIM_ARENA), names = ARENA_INIT(DNS_ARENA);
	struct dkim_policy	policy = { .now = clock_now() };
	struct buf		out = BUF_INIT(OUTPUT);
	struct dkim_input	in;
	struct dkim_verify	v;

	tool_dns_open(&dns, o.server);
	confine(&dns);
	dkim_input_open(&in);
	policy.lf = in.lf;
	if (in.large || !dkim_verify_open(&v, buf_str(&in.text), &policy, &arena))
		return too_large(&o);
	look_up(&v, &dns, &names);
	dkim_input_rest(&in, v.body, body, &v);
	dkim_verify_end(&v);
	if (o.json)
		json_all(&out, &v);
	else
		tell_all(&out, &v);
	dkim_verify_close(&v);
	held_free(&dns);
	arena_free(&arena);
	arena_free(&names);
	buf_free(&in.text);
	return print(&out);
}
