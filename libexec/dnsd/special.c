/*
 * Names that libunbound answers by itself (RFC 6303, RFC 6761). When a server or
 * a file of ours has such a zone, or a forwarder is asked for all, theirs is the
 * answer; only localhost, invalid and onion stay what they are.
 */
#include "dnsd.h"

#define IP6_NIBBLES15	"0.0.0.0.0.0.0.0.0.0.0.0.0.0.0."

static const char *const	zones[] = {
	"test.", "home.arpa.", "127.in-addr.arpa.", "255.255.255.255.in-addr.arpa.",
	"1." IP6_NIBBLES15 IP6_NIBBLES15 "0.ip6.arpa.", "0." IP6_NIBBLES15 IP6_NIBBLES15 "0.ip6.arpa.",
};

static bool
is_related(const char *zone, struct str other)
{
	return text_below(str_c(zone), other) || text_below(other, str_c(zone));
}

/* Is the zone, one above or one below it configured? */
static bool
is_ours(const struct settings *s, const char *zone)
{
	const struct conf_dns	*d = &s->dns;
	char			 name[TEXT_NAME];

	if (d->nforwarder > 0)
		return true;
	for (size_t i = 0; i < d->nstub; i++) {
		struct str	rest = d->stub[i], word;

		(void)str_cut(&rest, ' ', &word);
		if (text_name(word, name) && is_related(zone, str_c(name)))
			return true;
	}
	for (size_t i = 0; i < d->nzone_file; i++)
		if (settings_zone_of(d->zone_file[i], name) && is_related(zone, str_c(name)))
			return true;
	return false;
}

bool
special_lan(const struct settings *s)
{
	return is_ours(s, "in-addr.arpa.") || is_ours(s, "ip6.arpa.");
}

int
special_open(struct ub_ctx *ctx, const struct settings *s)
{
	/* removing what is not there finalises too */
	int	err = ub_ctx_zone_remove(ctx, "posthorn.invalid.");

	for (size_t i = 0; err == 0 && i < sizeof(zones) / sizeof(zones[0]); i++)
		if (is_ours(s, zones[i]))
			err = ub_ctx_zone_remove(ctx, zones[i]);
	return err;
}
