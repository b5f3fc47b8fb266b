/*
 * posthorn spf: what the SPF record of a sender says about a client, and why.
 * Exit codes: by result, see posthorn-spf(8).
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/code.h"
#include "client/spf_check.h"
#include "sys/die.h"
#include "sys/verb.h"
#include "tool_dns.h"

enum {
	CHECK_MS	= 30000,	/* RFC 7208 4.6.4: 20 seconds at least */
	ARENA		= LIMIT_SPF_ARENA + 65536,
	STEPS		= 1000,		/* that are told; only a record that nobody reads has more */
	OUTPUT		= 16 << 20,
};

/* The exit codes that are not of all programs. */
enum { EXIT_FAIL = 1, EXIT_SOFTFAIL = 2, EXIT_NEUTRAL = 3, EXIT_NONE = 4 };

struct request {
	const char	*dns;
	bool		 json;
	struct str	 arg[3];	/* address, sender, EHLO name */
	size_t		 n;
};

static noreturn void	usage(void);
static int		check(int argc, char *argv[]);

int
main(int argc, char *argv[])
{
	static const struct verb	verbs[] = { { "check", check }, { NULL, NULL } };

	prog_init("posthorn spf");
	verb_run(verbs, argc, argv);
	usage();
}

static noreturn void
usage(void)
{
	diex(EXIT_PERM, "usage: posthorn spf check [--dns ADDRESS[@PORT]] [--json] IP MAILFROM HELO");
}

/* A sender or EHLO name may begin with a hyphen; what begins with two is an option, wherever it stands. */
static struct request
read_request(int argc, char *argv[])
{
	static const struct option	options[] = {
		{ "dns", required_argument, NULL, 'd' }, { "json", no_argument, NULL, 'j' }, { NULL, 0, NULL, 0 },
	};
	struct request	r = { .n = 0 };
	bool		names = false;	/* "--" was there */
	int		c;

	while (optind < argc) {
		bool	option = !names && argv[optind][0] == '-' && (r.n == 0 || argv[optind][1] == '-');

		if (!option) {
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
		else if (c == -1)
			names = true;
		else
			usage();
	}
	if (r.n != 3)
		usage();
	return r;
}

struct told {
	struct buf	text;
	size_t		n;
};

/* --- as text, that of strangers escaped */

static void
step_text(void *arg, const struct spf_step *s)
{
	struct told	*t = arg;
	struct buf	*b = &t->text;

	if (t->n++ >= STEPS) {
		buf_adds(b, t->n == STEPS + 1 ? "  ...\n" : "");
		return;
	}
	buf_addf(b, "%*s", 2 + 4 * (int)s->depth, "");
	if (s->term.n > 0) {
		buf_adds(b, "  ");
		code_escape(b, s->term);
	} else {
		code_escape(b, s->domain);
	}
	buf_adds(b, ": ");
	code_escape(b, s->text);
	buf_addc(b, '\n');
}

static void
add_sender(struct buf *b, const struct spf *s)
{
	code_escape(b, s->args.local);
	buf_addc(b, '@');
	code_escape(b, s->args.domain);
	if (s->args.is_helo)
		buf_adds(b, " (the EHLO name)");
}

static void
add_summary(struct buf *b, const struct spf *s)
{
	static const char *const	words[] = {
		[SPF_NEUTRAL] = " may or may not send as ", [SPF_PASS] = " may send as ", [SPF_FAIL] = " may not send as ",
		[SPF_SOFTFAIL] = " probably may not send as ",
	};

	switch (s->result) {
	case SPF_NONE:
	case SPF_TEMPERROR:
	case SPF_PERMERROR:
		add_sender(b, s);
		buf_adds(b, ": ");
		code_escape(b, s->problem);
		break;
	case SPF_NEUTRAL:
	case SPF_PASS:
	case SPF_FAIL:
	case SPF_SOFTFAIL:
		ip_format(b, &s->args.ip);
		buf_adds(b, words[s->result]);
		add_sender(b, s);
		buf_adds(b, ": ");
		code_escape(b, s->mechanism);
		break;
	}
	buf_addc(b, '\n');
}

static void
print_text(struct buf *out, const struct spf *s, const struct buf *steps)
{
	buf_addf(out, "%s\n", spf_result_name(s->result));
	add_summary(out, s);
	buf_add(out, buf_str(steps));
	if (s->explanation.n > 0) {
		buf_adds(out, "explanation by ");
		code_escape(out, s->explainer);
		buf_adds(out, ": ");
		code_escape(out, s->explanation);
		buf_addc(out, '\n');
	}
	buf_addf(out, "look-ups: %u of %d, in vain: %u of %d; %s by DNSSEC\n", s->lookups, LIMIT_SPF_LOOKUPS, s->voids, LIMIT_SPF_VOID,
	    s->secure ? "validated" : "not validated");
}

/* --- as JSON */

static void
step_json(void *arg, const struct spf_step *s)
{
	struct told	*t = arg;
	struct buf	*b = &t->text;

	if (t->n++ >= STEPS)
		return;
	buf_addf(b, "%s{\"depth\":%u,\"domain\":", b->n > 0 ? "," : "", s->depth);
	code_json(b, s->domain);
	buf_adds(b, ",\"term\":");
	code_json(b, s->term);
	buf_adds(b, ",\"text\":");
	code_json(b, s->text);
	buf_addc(b, '}');
}

static void
add_member(struct buf *b, const char *name, struct str value)
{
	buf_addf(b, ",\"%s\":", name);
	code_json(b, value);
}

static void
print_json(struct buf *out, const struct spf *s, const struct buf *steps)
{
	struct buf	ip = BUF_INIT(IP_TEXT);

	ip_format(&ip, &s->args.ip);
	buf_addf(out, "{\"result\":\"%s\",\"identity\":\"%s\"", spf_result_name(s->result), s->args.is_helo ? "helo" : "mailfrom");
	add_member(out, "ip", buf_str(&ip));
	add_member(out, "local", s->args.local);
	add_member(out, "domain", s->args.domain);
	add_member(out, "helo", s->args.helo);
	add_member(out, "mechanism", s->mechanism);
	add_member(out, "problem", s->problem);
	add_member(out, "explanation", s->explanation);
	buf_addf(out, ",\"lookups\":%u,\"voids\":%u,\"secure\":%s,\"steps\":[" STR_FMT "]}\n", s->lookups, s->voids,
	    s->secure ? "true" : "false", STR_ARG(buf_str(steps)));
	buf_free(&ip);
}

/* --- the check */

static int
exit_code(enum spf_result result)
{
	static const int	codes[] = {
		[SPF_NONE] = EXIT_NONE, [SPF_NEUTRAL] = EXIT_NEUTRAL, [SPF_PASS] = EXIT_OK, [SPF_FAIL] = EXIT_FAIL,
		[SPF_SOFTFAIL] = EXIT_SOFTFAIL, [SPF_TEMPERROR] = EXIT_TEMP, [SPF_PERMERROR] = EXIT_PERM,
	};

	return codes[result];
}

static int
check(int argc, char *argv[])
{
	struct request	r = read_request(argc, argv);
	struct told	steps = { .text = BUF_INIT(OUTPUT) };
	struct buf	out = BUF_INIT(2 * OUTPUT);
	struct arena	arena = ARENA_INIT(ARENA);
	struct spf_args	args = { .now = clock_now(), .tell = r.json ? step_json : step_text, .arg = &steps };
	struct held	dns;
	struct spf	s;

	if (!ip_parse(r.arg[0], &args.ip))
		diex(EXIT_PERM, "%s is no IP address", r.arg[0].p);
	spf_check_identity(&args, r.arg[1], r.arg[2], &arena);
	tool_dns_open(&dns, r.dns);
	spf_check(&dns, &args, &arena, deadline_in(CHECK_MS), &s);
	tool_dns_close(&dns);
	if (r.json)
		print_json(&out, &s, &steps.text);
	else
		print_text(&out, &s, &steps.text);
	if (buf_failed(&steps.text) || buf_failed(&out) || fwrite(out.p, 1, out.n, stdout) != out.n || fflush(stdout) == EOF)
		die(EXIT_TEMP, "unable to write");
	buf_free(&steps.text);
	buf_free(&out);
	arena_free(&arena);
	return exit_code(s.result);
}
