/*
 * A libunbound context that works as the settings say. It finalises itself with
 * the first thing asked of it: other settings are another context.
 */
#include <sys/mman.h>
#include <sys/socket.h>

#include <netinet/in.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "dnsd.h"
#include "sys/fd.h"
#include "sys/log.h"

enum { OPTIONS = 1 << 20 };

/* The root's keys (IANA root-anchors: KSK-2017, KSK-2024). */
static const char *const	root_anchor[] = {
	". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D",
	". IN DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16",
};

/* Memory is bounded. Below level 2 of the log it is not told why an answer is bogus. */
static const char	options[] =
	"server:\n"
	"\tmsg-cache-size: 16m\n\trrset-cache-size: 32m\n\tkey-cache-size: 4m\n\tneg-cache-size: 1m\n"
	"\tinfra-cache-numhosts: 10000\n\tinfra-keep-probing: yes\n"
	"\toutgoing-range: 256\n\toutgoing-num-tcp: 16\n\tedns-buffer-size: 1232\n"
	"\tcache-max-negative-ttl: 900\n\tminimal-responses: yes\n\tval-bogus-ttl: 30\n"
	"\tverbosity: 0\n\tval-log-level: 2\n\tuse-syslog: no\n";

/*
 * A server of the zones that did not answer is asked again after a minute, and its silence
 * is not waited for by the next question: there are others. A forwarder is all there is: it
 * is asked at least every two seconds, and back in use as soon after it is back.
 */
static const char	patience[] = "\tinfra-host-ttl: 60\n";
static const char	impatience[] = "\tinfra-host-ttl: 2\n\tinfra-cache-max-rtt: 2000\n";

/* --- what the settings come to */

static struct str
first_word(struct str s, struct str *rest_r)
{
	struct str	word;

	*rest_r = str_trim(s);
	(void)str_cut(rest_r, ' ', &word);
	*rest_r = str_trim(*rest_r);
	return word;
}

static bool
is_loopback(struct str server)
{
	struct str	address;
	struct ip	ip;

	(void)str_cut(&server, '@', &address);
	return ip_parse(address, &ip) && ip_is_loopback(&ip);
}

/* Is true of any server that is configured? */
static bool
any_server(const struct conf_dns *d, bool (*is)(struct str))
{
	struct str	server;

	for (size_t i = 0; i < d->nforwarder; i++)
		if (is(d->forwarder[i]))
			return true;
	for (size_t i = 0; i < d->nstub; i++) {
		(void)first_word(d->stub[i], &server);
		if (is(server))
			return true;
	}
	return false;
}

static bool
is_ip6(struct str server)
{
	return str_chr(server, ':') < server.n;
}

/* Nothing is sent: the kernel only looks for a way there. */
static bool
ip6_works(void)
{
	/* a root server's address */
	struct sockaddr_in6	sin = { .sin6_family = AF_INET6, .sin6_port = htons(53),
		.sin6_addr.s6_addr = { 0x20, 1, 5, 0, 0, 2, [15] = 0xc } };
	int			sock = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool			works;

	if (sock == -1)
		return false;
	works = connect(sock, (struct sockaddr *)&sin, sizeof(sin)) == 0;
	(void)close(sock);
	return works;
}

/* --- zones of ours */

/* Is there a trust anchor of the configuration at or above the zone? */
static bool
is_anchored(const struct conf_dns *d, struct str zone)
{
	for (size_t i = 0; i < d->ntrust_anchor; i++) {
		char		owner[TEXT_NAME];
		struct str	rest;

		if (text_name(first_word(d->trust_anchor[i], &rest), owner) && text_below(zone, str_c(owner)))
			return true;
	}
	/* what a file is about is not looked into: it is taken to be for these zones */
	return d->ntrust_anchor_file > 0;
}

static void
zone_options(struct buf *b, const struct conf_dns *d, bool *root_r)
{
	char		zone[TEXT_NAME];
	struct str	rest;

	for (size_t i = 0; i < d->nstub; i++) {
		if (!text_name(first_word(d->stub[i], &rest), zone))
			continue;
		if (strcmp(zone, ".") == 0)
			*root_r = false;
		else if (!is_anchored(d, str_c(zone)))
			buf_addf(b, "server:\n\tdomain-insecure: \"%s\"\n", zone);
	}
	for (size_t i = 0; i < d->nzone_file; i++) {
		if (str_chr(d->zone_file[i], '"') < d->zone_file[i].n || !settings_zone_of(d->zone_file[i], zone))
			continue;
		if (!is_anchored(d, str_c(zone)))
			buf_addf(b, "server:\n\tdomain-insecure: \"%s\"\n", zone);
		buf_addf(b, "auth-zone:\n\tname: \"%s\"\n\tzonefile: \"" STR_FMT "\"\n\tfor-downstream: no\n"
		    "\tfor-upstream: yes\n\tfallback-enabled: no\n", zone, STR_ARG(d->zone_file[i]));
	}
}

/* --- the context */

/* libunbound takes options from a file only; this one is in memory. */
static int
give_options(struct ub_ctx *ctx, const struct buf *text)
{
	char	path[32];
	int	fd = memfd_create("options", MFD_CLOEXEC), err = UB_READFILE;

	if (fd != -1 && !buf_failed(text) && write_all(fd, buf_str(text)) == 0) {
		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		err = ub_ctx_config(ctx, path);
	}
	(void)fd_close(&fd);
	return err;
}

static int
give_text(struct ub_ctx *ctx, int (*give)(struct ub_ctx *, const char *), const struct str *list, size_t n)
{
	int	err = 0;

	for (size_t i = 0; i < n && err == 0; i++) {
		char	text[4096];

		err = str_copy(list[i], text, sizeof(text)) ? give(ctx, text) : UB_SYNTAX;
	}
	return err;
}

static int
give_stub(struct ub_ctx *ctx, const char *text)
{
	char		zone[TEXT_NAME], server[256];
	struct str	rest;

	if (!text_name(first_word(str_c(text), &rest), zone) || !str_copy(rest, server, sizeof(server)))
		return UB_SYNTAX;
	return ub_ctx_set_stub(ctx, zone, server, 0);
}

static int
give_root(struct ub_ctx *ctx, const struct settings *s)
{
	int	err = 0;

	if (s->nroot > 0)
		return give_text(ctx, ub_ctx_add_ta, s->root, s->nroot);
	for (size_t i = 0; err == 0 && i < sizeof(root_anchor) / sizeof(root_anchor[0]); i++)
		err = ub_ctx_add_ta(ctx, root_anchor[i]);
	return err;
}

static int
set_up(struct ub_ctx *ctx, const struct settings *s, bool root)
{
	const struct conf_dns	*d = &s->dns;
	struct buf		 text = BUF_INIT(OPTIONS);
	int			 err;

	buf_adds(&text, options);
	buf_adds(&text, d->nforwarder > 0 ? impatience : patience);
	buf_addf(&text, "\tdo-not-query-localhost: %s\n", any_server(d, is_loopback) ? "no" : "yes");
	buf_addf(&text, "\tdo-ip6: %s\n", ip6_works() || any_server(d, is_ip6) ? "yes" : "no");
	buf_addf(&text, "\tunblock-lan-zones: %s\n", special_lan(s) ? "yes" : "no");
	zone_options(&text, d, &root);
	err = give_options(ctx, &text);
	buf_free(&text);
	if (err == 0)
		err = give_text(ctx, ub_ctx_set_fwd, d->forwarder, d->nforwarder);
	if (err == 0)
		err = give_text(ctx, give_stub, d->stub, d->nstub);
	if (err == 0)
		err = give_text(ctx, ub_ctx_add_ta, d->trust_anchor, d->ntrust_anchor);
	if (err == 0)
		err = give_text(ctx, ub_ctx_add_ta_file, d->trust_anchor_file, d->ntrust_anchor_file);
	if (err == 0 && root)
		err = give_root(ctx, s);
	if (err == 0)
		err = ub_ctx_async(ctx, 1);
	/* this one finalises, and so tells what cannot be */
	if (err == 0)
		err = special_open(ctx, s);
	return err;
}

struct resolver *
resolver_new(const struct settings *s, bool root)
{
	struct resolver	*r = calloc(1, sizeof(*r));
	int		 err = UB_NOMEM;
	struct log	 l;

	if (r != NULL)
		r->ctx = ub_ctx_create();
	if (r != NULL && r->ctx != NULL) {
		(void)ub_ctx_debugout(r->ctx, stderr);
		err = set_up(r->ctx, s, root);
		(void)ub_ctx_debugout(r->ctx, NULL);
	}
	if (err == 0) {
		r->source = SOURCE_RESOLVER;
		return r;
	}
	log_start(&l, "no-resolver");
	log_cstr(&l, "error", ub_strerror(err));
	log_end(&l);
	resolver_free(r);
	return NULL;
}

void
resolver_free(struct resolver *r)
{
	if (r == NULL)
		return;
	if (r->ctx != NULL)
		ub_ctx_delete(r->ctx);
	free(r);
}
