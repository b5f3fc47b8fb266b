/*
 * Forwarders without a trust anchor of the configuration: can they prove what
 * they say, from the root's keys? Many can, those of a test cannot, and
 * nobody should have to say which. Until one has shown it, answers are as good as
 * without DNSSEC; from then on all are held to it.
 */
#include <poll.h>

#include "dnsd.h"
#include "sys/log.h"

enum { AGAIN_MS = 60 * 1000, TYPE_SOA = 6 };

static struct resolver	*probe;		/* validates; NULL: none is at work */
static bool		 over, proven;
static struct deadline	 again = { INT64_MAX };

static void
found(void *of, int err, struct ub_result *r)
{
	(void)of;
	over = true;
	proven = err == 0 && r != NULL && r->secure && !r->bogus && r->havedata;
	ub_resolve_free(r);
}

static void
drop(void)
{
	resolver_free(probe);
	probe = NULL;
}

bool
probe_wanted(const struct settings *s)
{
	const struct conf_dns	*d = &s->dns;

	return d->nforwarder > 0 && d->ntrust_anchor == 0 && d->ntrust_anchor_file == 0;
}

void
probe_start(const struct settings *s, int wait_ms)
{
	struct deadline	until = deadline_in(wait_ms);

	drop();
	over = proven = false;
	again = DEADLINE_NEVER;
	if (!probe_wanted(s) || (probe = resolver_new(s, true)) == NULL)
		return;
	if (ub_resolve_async(probe->ctx, ".", TYPE_SOA, 1, NULL, found, NULL) != 0 || loop_watch(probe, ub_fd(probe->ctx), POLLIN) == -1) {
		drop();
		return;
	}
	while (!over && deadline_wait(ub_fd(probe->ctx), POLLIN, until) == 1)
		(void)ub_process(probe->ctx);
	probe_run(s);
}

void
probe_run(const struct settings *s)
{
	struct log	l;

	if (over && probe != NULL) {
		log_start(&l, proven ? "validating" : "not-validating");
		log_str(&l, "forwarder", s->dns.forwarder[0]);
		log_end(&l);
		if (proven) {
			lookups_resolver(probe);
			probe = NULL;
		} else {
			drop();
			again = deadline_in(AGAIN_MS);
		}
	}
	if (probe == NULL && deadline_over(again))
		probe_start(s, 0);
}

void
probe_close(void)
{
	drop();
}
