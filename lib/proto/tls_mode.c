#include "tls_mode.h"

#include <stddef.h>

static struct tls_mode
refuse(bool permanent, const char *status, const char *text)
{
	return (struct tls_mode){ .use = TLS_USE_REFUSED, .permanent = permanent, .status = status, .text = text };
}

static const char	handshake[] = "the TLS handshake failed";

/* What the administrator has said of his smart host is all there is to it. */
static struct tls_mode
by_transport(const struct tls_facts *f)
{
	struct tls_mode	m = { .use = TLS_USE_REQUIRED, .requiretls = f->require_tls };

	if (f->require_tls && (f->transport == TLS_TRANSPORT_UNVERIFIED || f->transport == TLS_TRANSPORT_OFF))
		return refuse(true, "5.7.30", "the sender requires TLS all the way (REQUIRETLS), and the transport does not verify its host");
	if (f->failed)
		return f->require_tls ? refuse(true, "5.7.10", handshake) : refuse(false, "4.7.5", handshake);
	if (f->transport == TLS_TRANSPORT_OFF)
		m.use = TLS_USE_NONE;
	else if (f->transport == TLS_TRANSPORT_IMPLICIT)
		m.use = TLS_USE_IMPLICIT;
	m.pkix = f->transport == TLS_TRANSPORT_IMPLICIT || f->transport == TLS_TRANSPORT_STARTTLS;
	return m;
}

/* What the domain has published, RFC 7672 and RFC 8461. */
static struct tls_mode
by_policy(const struct tls_facts *f)
{
	struct tls_mode	m = { .use = TLS_USE_REQUIRED, .requiretls = f->require_tls };

	if (f->dane == TLS_DANE_ERROR)
		return refuse(false, "4.7.0", "the host's TLSA records (DANE) cannot be looked up");
	if (f->sts == TLS_STS_ERROR)
		return refuse(false, "4.7.0", "the domain's MTA-STS policy cannot be looked up");
	if (f->sts == TLS_STS_MISMATCH)
		return refuse(false, "4.7.0", "the host is not one of those that the domain's MTA-STS policy names");
	m.dane = f->dane == TLS_DANE_USABLE;
	m.pkix = f->sts == TLS_STS_ENFORCE;
	if (f->require_tls && !m.dane && !m.pkix)
		return refuse(true, "5.7.30", "the sender requires TLS all the way (REQUIRETLS), and the domain has no policy (DANE, MTA-STS) by which to verify its hosts");
	if (f->dane == TLS_DANE_NONE && f->sts == TLS_STS_NONE)
		m.use = TLS_USE_OFFERED;
	return m;
}

struct tls_mode
tls_mode(const struct tls_facts *f)
{
	struct tls_mode	m;

	if (f->transport != TLS_TRANSPORT_POLICY)
		return by_transport(f);
	/* REQUIRETLS goes before the header field (RFC 8689 section 4.1) */
	if (f->tls_no && !f->require_tls)
		return (struct tls_mode){ .use = f->failed ? TLS_USE_NONE : TLS_USE_OFFERED };
	m = by_policy(f);
	if (!f->failed || m.use == TLS_USE_REFUSED)
		return m;
	if (m.use == TLS_USE_OFFERED && !f->never_plain)
		return (struct tls_mode){ .use = TLS_USE_NONE };
	return f->require_tls ? refuse(true, "5.7.10", handshake) : refuse(false, "4.7.5", handshake);
}
