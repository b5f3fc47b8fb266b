/*
 * posthorn dmarc: what the domain in From wants done with a message, and why.
 * Exit codes: by result, see posthorn-dmarc(8).
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/code.h"
#include "client/dkim_ask.h"
#include "client/dmarc_check.h"
#include "client/spf_check.h"
#include "dkim.h"
#include "proto/author.h"
#include "sys/die.h"
#include "sys/fd.h"
#include "sys/verb.h"
#include "tool_confine.h"
#include "tool_dns.h"

enum { CHECK_MS = 30000, OUTPUT = 1 << 20 };

/* The exit codes that are not of all programs. */
enum { EXIT_FAIL = 1, EXIT_NONE = 4 };

struct request {
	const char	*dns;
	bool		 json, walk;
	struct str	 arg[3];	/* address, sender, EHLO name */
	size_t		 n;
};

/* All that is found. */
struct report {
	struct author		 author;
	enum author_got		 author_got;
	struct spf		 spf;
	struct dkim_verify	 dkim;
	struct dmarc		 dmarc;
	unsigned		 asked;
};

static noreturn void	usage(void);
static int		check(int argc, char *argv[]);

int
main(int argc, char *argv[])
{
	static const struct verb	verbs[] = { { "check", check }, { NULL, NULL } };

	prog_init("posthorn dmarc");
	verb_run(verbs, argc, argv);
	usage();
}

static noreturn void
usage(void)
{
	diex(EXIT_PERM, "usage: posthorn dmarc check [--dns ADDRESS[@PORT]] [--json] [--walk] IP MAILFROM HELO <MESSAGE");
}

/* A sender or EHLO name may begin with a hyphen; what begins with two is an option, wherever it stands. */
static struct request
read_request(int argc, char *argv[])
{
	static const struct option	options[] = {
		{ "dns", required_argument, NULL, 'd' }, { "json", no_argument, NULL, 'j' }, { "walk", no_argument, NULL, 'w' },
		{ NULL, 0, NULL, 0 },
	};
	struct request	r = { .n = 0 };
	bool		names = false;	/* "--" was there */
	int		c;

	while (optind < argc) {
		if (names || argv[optind][0] != '-' || (r.n > 0 && argv[optind][1] != '-')) {
			if (r.n == 3)
				usage();
			r.arg[r.n++] = str_c(argv[optind++]);
			continue;
		}
		c = getopt_long(argc, argv, "+", options, NULL);
		if (c == 'd')
			r.dns = optarg;
		else if (c == 'j')
			r.json = true;
		else if (c == 'w')
			r.walk = true;
		else if (c == -1)
			names = true;
		else
			usage();
	}
	if (r.n != 3)
		usage();
	return r;
}

/* --- as text, that of strangers escaped */

static void
add_named(struct buf *b, const char *before, struct str s)
{
	buf_adds(b, before);
	code_escape(b, s);
}

static const char *
author_problem(enum author_got got)
{
	switch (got) {
	case AUTHOR_CLEAR:
		return "";
	case AUTHOR_UNCLEAR:
		return " (From is odd: others may read another address in it)";
	case AUTHOR_NONE:
		return "there is no address in From";
	case AUTHOR_SEVERAL:
		return "there is more than one From, or address in it";
	}
	return "";
}

static void
text_inputs(struct buf *b, const struct report *r)
{
	add_named(b, "From: ", r->author.local);
	if (r->author.domain.n > 0)
		add_named(b, "@", r->author.domain);
	buf_addf(b, "%s\n", author_problem(r->author_got));
	buf_addf(b, "SPF: %s for ", spf_result_name(r->spf.result));
	code_escape(b, r->spf.args.domain);
	buf_addf(b, "%s%s\n", r->spf.args.is_helo ? " (the EHLO name)" : "", r->dmarc.result.spf_aligned ? ", aligned" : "");
	for (size_t i = 0; i < r->dkim.n; i++) {
		const struct dkim_check	*c = &r->dkim.check[i];

		buf_addf(b, "DKIM: %s for ", dkim_result_name(c->result));
		code_escape(b, c->sig.domain);
		buf_addf(b, "%s%s", c->why != NULL ? ": " : "", c->why != NULL ? c->why : "");
		buf_adds(b, r->dmarc.result.dkim_aligned && str_ieq(c->sig.domain, r->dmarc.result.dkim_domain) && c->result == DKIM_PASS ?
		    ", aligned\n" : "\n");
	}
	if (r->dkim.n == 0)
		buf_adds(b, "DKIM: no signature\n");
}

static void
text_policy(struct buf *b, const struct dmarc_result *d)
{
	if (d->org.n > 0)
		add_named(b, "organisational domain: ", d->org);
	buf_addf(b, "%salignment: %s\n", d->org.n > 0 ? "\n" : "", dmarc_validation_name(d->validation));
	if (d->policy_domain.n == 0)
		return;
	add_named(b, "record of ", d->policy_domain);
	add_named(b, ": ", d->record.text);
	buf_addc(b, '\n');
	if (d->record.errors > 0) {
		buf_addf(b, "  %u tags of it are wrong and do not count, first: ", d->record.errors);
		code_escape(b, d->record.error);
		buf_addc(b, '\n');
	}
	if (d->parsed == DMARC_RECORD_REPORT_ONLY)
		buf_adds(b, "  its policy is missing or wrong: as it names a place for reports, it is none\n");
	buf_addf(b, "policy for mail that fails: %s (%s=)\n", dmarc_policy_name(d->policy), d->policy_tag);
	if (d->reject && d->record.pct < 100)
		buf_addf(b, "  for %u%% of it\n", d->record.pct);
}

static void
print_text(struct buf *b, const struct report *r)
{
	const struct dmarc_result	*d = &r->dmarc.result;

	buf_addf(b, "%s\n", dmarc_verdict_name(d->verdict));
	if (d->why != DMARC_WHY_NOTHING)
		buf_addf(b, "%s\n", dmarc_why_text(d->why));
	text_inputs(b, r);
	text_policy(b, d);
	buf_adds(b, d->reject ? "the message would be refused" : "the message would not be refused for this");
	if (d->overrides != 0) {
		buf_adds(b, ", because of ");
		dmarc_overrides_text(b, d->overrides);
	}
	buf_addf(b, "\nlook-ups for DMARC: %u\n", r->asked);
}

/* --- as JSON */

static void
member(struct buf *b, const char *name, struct str value)
{
	buf_addf(b, ",\"%s\":", name);
	code_json(b, value);
}

static void
flag(struct buf *b, const char *name, bool value)
{
	buf_addf(b, ",\"%s\":%s", name, value ? "true" : "false");
}

static void
json_inputs(struct buf *b, const struct report *r)
{
	buf_addf(b, ",\"spf\":{\"result\":\"%s\"", spf_result_name(r->spf.result));
	member(b, "domain", r->spf.args.domain);
	member(b, "scope", r->spf.args.is_helo ? STR("helo") : STR("mfrom"));
	flag(b, "aligned", r->dmarc.result.spf_aligned);
	buf_adds(b, "},\"dkim\":[");
	for (size_t i = 0; i < r->dkim.n; i++) {
		const struct dkim_check	*c = &r->dkim.check[i];

		buf_addf(b, "%s{\"result\":\"%s\"", i > 0 ? "," : "", dkim_result_name(c->result));
		member(b, "domain", c->sig.domain);
		member(b, "selector", c->sig.selector);
		member(b, "reason", str_c(c->why));
		buf_addc(b, '}');
	}
	buf_addc(b, ']');
}

static void
print_json(struct buf *b, const struct report *r)
{
	const struct dmarc_result	*d = &r->dmarc.result;
	struct buf			 overrides = BUF_INIT(200);

	dmarc_overrides_text(&overrides, d->overrides);
	buf_addf(b, "{\"result\":\"%s\"", dmarc_verdict_name(d->verdict));
	member(b, "reason", str_c(dmarc_why_text(d->why)));
	member(b, "from", d->from);
	flag(b, "from_clear", r->author_got == AUTHOR_CLEAR);
	member(b, "organisation", d->org);
	member(b, "alignment", str_c(dmarc_validation_name(d->validation)));
	member(b, "record_domain", d->policy_domain);
	member(b, "record", d->record.text);
	member(b, "policy", str_c(d->policy_domain.n > 0 ? dmarc_policy_name(d->policy) : ""));
	member(b, "tag", str_c(d->policy_domain.n > 0 ? d->policy_tag : ""));
	buf_addf(b, ",\"pct\":%u", d->policy_domain.n > 0 ? d->record.pct : 100);
	flag(b, "refused", d->reject);
	member(b, "overrides", buf_str(&overrides));
	flag(b, "dkim_aligned", d->dkim_aligned);
	json_inputs(b, r);
	buf_addf(b, ",\"lookups\":%u}\n", r->asked);
	buf_free(&overrides);
}

/* --- the check */

static int
exit_code(enum dmarc_verdict v)
{
	switch (v) {
	case DMARC_VERDICT_PASS:
		return EXIT_OK;
	case DMARC_VERDICT_FAIL:
		return EXIT_FAIL;
	case DMARC_VERDICT_NONE:
		return EXIT_NONE;
	case DMARC_VERDICT_TEMPERROR:
		return EXIT_TEMP;
	case DMARC_VERDICT_PERMERROR:
		return EXIT_PERM;
	}
	return EXIT_TEMP;
}

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

static void
verify(struct report *r, struct dkim_input *in, struct held *dns, struct suffix_list *list, struct arena *arena)
{
	struct dkim_policy	policy = { .now = clock_now(), .is_suffix = is_suffix, .arg = list, .lf = in->lf };
	struct arena		answers = ARENA_INIT(LIMIT_DKIM_ANSWERS);

	if (in->large || !dkim_verify_open(&r->dkim, buf_str(&in->text), &policy, arena))
		diex(EXIT_PERM, "the header of the message is too large");
	dkim_ask(dns, &r->dkim, &answers, deadline_in(CHECK_MS));
	dkim_input_rest(in, r->dkim.body, body, &r->dkim);
	dkim_verify_end(&r->dkim);
	arena_free(&answers);
}

static enum dmarc_auth
auth_of(bool pass, bool temp)
{
	return pass ? DMARC_AUTH_PASS : temp ? DMARC_AUTH_TEMPERROR : DMARC_AUTH_FAIL;
}

static void
evaluate(struct report *r, bool walk, struct held *dns, const struct suffix_list *list, struct arena *arena)
{
	struct dmarc_identity	dkim[LIMIT_DKIM_SIGNATURES];
	struct buf		from = BUF_INIT(LIMIT_DOMAIN);
	struct dmarc_facts	f = { .dkim = dkim, .ndkim = r->dkim.n, .suffixes = list,
	    .discovery = walk ? DMARC_BY_WALK : DMARC_BY_SUFFIX };

	f.from = author_domain(&from, &r->author) ? buf_str(&from) : STR("");
	f.spf = (struct dmarc_identity){ r->spf.args.domain, auth_of(r->spf.result == SPF_PASS, r->spf.result == SPF_TEMPERROR) };
	for (size_t i = 0; i < r->dkim.n; i++) {
		const struct dkim_check	*c = &r->dkim.check[i];

		dkim[i] = (struct dmarc_identity){ c->sig.domain, auth_of(c->result == DKIM_PASS, c->result == DKIM_TEMPERROR) };
	}
	dmarc_check(dns, &f, arena, deadline_in(CHECK_MS), &r->dmarc, &r->asked);
	buf_free(&from);
}

static int
print(const struct report *r, bool json)
{
	struct buf	out = BUF_INIT(OUTPUT);

	if (json)
		print_json(&out, r);
	else
		print_text(&out, r);
	if (buf_failed(&out))
		diex(EXIT_TEMP, "out of memory");
	if (write_all(STDOUT_FILENO, buf_str(&out)) == -1)
		die(EXIT_TEMP, "unable to write");
	buf_free(&out);
	return exit_code(r->dmarc.result.verdict);
}

static int
check(int argc, char *argv[])
{
	struct request		q = read_request(argc, argv);
	struct arena		arenas[] = { ARENA_INIT(LIMIT_SPF_ARENA + 65536), ARENA_INIT(LIMIT_DKIM_ARENA), ARENA_INIT(LIMIT_DMARC_ARENA) };
	struct spf_args		args = { .now = clock_now() };
	struct suffix_list	list;
	struct dkim_input	in;
	struct held		dns;
	struct report		r = { .asked = 0 };
	int			code;

	if (!ip_parse(q.arg[0], &args.ip))
		diex(EXIT_PERM, "%s is no IP address", q.arg[0].p);
	if (!suffix_list_builtin(&list))
		diex(EXIT_TEMP, "libpsl has no public suffix list");
	spf_check_identity(&args, q.arg[1], q.arg[2], &arenas[0]);
	tool_dns_open(&dns, q.dns);
	tool_confine(&dns);
	dkim_input_open(&in);
	r.author_got = author_find(buf_str(&in.text), &arenas[2], &r.author);
	spf_check(&dns, &args, &arenas[0], deadline_in(CHECK_MS), &r.spf);
	verify(&r, &in, &dns, &list, &arenas[1]);
	evaluate(&r, q.walk, &dns, &list, &arenas[2]);
	code = print(&r, q.json);
	dkim_verify_close(&r.dkim);
	held_free(&dns);
	buf_free(&in.text);
	suffix_list_free(&list);
	for (size_t i = 0; i < 3; i++)
		arena_free(&arenas[i]);
	return code;
}
