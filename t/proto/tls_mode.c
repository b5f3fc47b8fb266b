/* tls_mode: each row of the decision. */
#include "proto/tls_mode.h"

#include "../tap.h"

enum {
	REQ = 1, NO = 2, FAILED = 4, REPORT = 8,	/* of the facts */
	PKIX = 1, DANE = 2, RTLS = 4, PERM = 8,		/* of what is wanted */
};

#define POLICY	TLS_TRANSPORT_POLICY
#define NODANE	TLS_DANE_NONE
#define NOSTS	TLS_STS_NONE

static const struct {
	const char		*name;
	enum tls_transport	 transport;
	enum tls_dane		 dane;
	enum tls_sts		 sts;
	unsigned		 flags;
	enum tls_use		 use;
	unsigned		 want;
	const char		*status;
} rows[] = {
	{ "nothing is known", POLICY, NODANE, NOSTS, 0, TLS_USE_OFFERED, 0, NULL },
	{ "and the handshake failed", POLICY, NODANE, NOSTS, FAILED, TLS_USE_NONE, 0, NULL },
	{ "but it is a report", POLICY, NODANE, NOSTS, FAILED | REPORT, TLS_USE_REFUSED, 0, "4.7.5" },
	{ "MTA-STS", POLICY, NODANE, TLS_STS_ENFORCE, 0, TLS_USE_REQUIRED, PKIX, NULL },
	{ "MTA-STS, and the handshake failed", POLICY, NODANE, TLS_STS_ENFORCE, FAILED, TLS_USE_REFUSED, 0, "4.7.5" },
	{ "MTA-STS, another host", POLICY, NODANE, TLS_STS_MISMATCH, 0, TLS_USE_REFUSED, 0, "4.7.0" },
	{ "MTA-STS, not to be found out", POLICY, NODANE, TLS_STS_ERROR, 0, TLS_USE_REFUSED, 0, "4.7.0" },
	{ "DANE", POLICY, TLS_DANE_USABLE, NOSTS, 0, TLS_USE_REQUIRED, DANE, NULL },
	{ "DANE, and the handshake failed", POLICY, TLS_DANE_USABLE, NOSTS, FAILED, TLS_USE_REFUSED, 0, "4.7.5" },
	{ "DANE and MTA-STS", POLICY, TLS_DANE_USABLE, TLS_STS_ENFORCE, 0, TLS_USE_REQUIRED, DANE | PKIX, NULL },
	{ "DANE with records that cannot be used", POLICY, TLS_DANE_UNUSABLE, NOSTS, 0, TLS_USE_REQUIRED, 0, NULL },
	{ "the same with MTA-STS", POLICY, TLS_DANE_UNUSABLE, TLS_STS_ENFORCE, 0, TLS_USE_REQUIRED, PKIX, NULL },
	{ "the same, and the handshake failed", POLICY, TLS_DANE_UNUSABLE, NOSTS, FAILED, TLS_USE_REFUSED, 0, "4.7.5" },
	{ "DANE, not to be found out", POLICY, TLS_DANE_ERROR, NOSTS, 0, TLS_USE_REFUSED, 0, "4.7.0" },
	{ "TLS-Required: No", POLICY, NODANE, NOSTS, NO, TLS_USE_OFFERED, 0, NULL },
	{ "it goes before MTA-STS", POLICY, NODANE, TLS_STS_ENFORCE, NO, TLS_USE_OFFERED, 0, NULL },
	{ "another host does not matter", POLICY, NODANE, TLS_STS_MISMATCH, NO, TLS_USE_OFFERED, 0, NULL },
	{ "nor that it cannot be found out", POLICY, TLS_DANE_ERROR, TLS_STS_ERROR, NO, TLS_USE_OFFERED, 0, NULL },
	{ "nor DANE", POLICY, TLS_DANE_USABLE, NOSTS, NO, TLS_USE_OFFERED, 0, NULL },
	{ "plain text after a handshake that failed", POLICY, TLS_DANE_USABLE, TLS_STS_ENFORCE, NO | FAILED, TLS_USE_NONE, 0, NULL },
	{ "REQUIRETLS without a policy", POLICY, NODANE, NOSTS, REQ, TLS_USE_REFUSED, PERM, "5.7.30" },
	{ "REQUIRETLS with records that cannot be used", POLICY, TLS_DANE_UNUSABLE, NOSTS, REQ, TLS_USE_REFUSED, PERM, "5.7.30" },
	{ "REQUIRETLS with MTA-STS", POLICY, NODANE, TLS_STS_ENFORCE, REQ, TLS_USE_REQUIRED, PKIX | RTLS, NULL },
	{ "REQUIRETLS with DANE", POLICY, TLS_DANE_USABLE, NOSTS, REQ, TLS_USE_REQUIRED, DANE | RTLS, NULL },
	{ "REQUIRETLS, and the handshake failed", POLICY, TLS_DANE_USABLE, NOSTS, REQ | FAILED, TLS_USE_REFUSED, PERM, "5.7.10" },
	{ "REQUIRETLS, not to be found out", POLICY, TLS_DANE_ERROR, NOSTS, REQ, TLS_USE_REFUSED, 0, "4.7.0" },
	{ "REQUIRETLS goes before TLS-Required: No", POLICY, NODANE, NOSTS, REQ | NO, TLS_USE_REFUSED, PERM, "5.7.30" },
	{ "a smart host by implicit TLS", TLS_TRANSPORT_IMPLICIT, NODANE, NOSTS, 0, TLS_USE_IMPLICIT, PKIX, NULL },
	{ "by STARTTLS", TLS_TRANSPORT_STARTTLS, NODANE, NOSTS, 0, TLS_USE_REQUIRED, PKIX, NULL },
	{ "not verified", TLS_TRANSPORT_UNVERIFIED, NODANE, NOSTS, 0, TLS_USE_REQUIRED, 0, NULL },
	{ "in plain text", TLS_TRANSPORT_OFF, NODANE, NOSTS, 0, TLS_USE_NONE, 0, NULL },
	{ "no other than it says, for TLS-Required: No", TLS_TRANSPORT_STARTTLS, NODANE, NOSTS, NO, TLS_USE_REQUIRED, PKIX, NULL },
	{ "a handshake that failed", TLS_TRANSPORT_STARTTLS, NODANE, NOSTS, FAILED, TLS_USE_REFUSED, 0, "4.7.5" },
	{ "a handshake that failed, TLS-Required: No", TLS_TRANSPORT_IMPLICIT, NODANE, NOSTS, FAILED | NO, TLS_USE_REFUSED, 0, "4.7.5" },
	{ "a handshake that failed, not verified", TLS_TRANSPORT_UNVERIFIED, NODANE, NOSTS, FAILED, TLS_USE_REFUSED, 0, "4.7.5" },
	{ "REQUIRETLS by implicit TLS", TLS_TRANSPORT_IMPLICIT, NODANE, NOSTS, REQ, TLS_USE_IMPLICIT, PKIX | RTLS, NULL },
	{ "REQUIRETLS by STARTTLS", TLS_TRANSPORT_STARTTLS, NODANE, NOSTS, REQ, TLS_USE_REQUIRED, PKIX | RTLS, NULL },
	{ "REQUIRETLS, and that handshake failed", TLS_TRANSPORT_STARTTLS, NODANE, NOSTS, REQ | FAILED, TLS_USE_REFUSED, PERM, "5.7.10" },
	{ "REQUIRETLS, not verified", TLS_TRANSPORT_UNVERIFIED, NODANE, NOSTS, REQ, TLS_USE_REFUSED, PERM, "5.7.30" },
	{ "REQUIRETLS in plain text", TLS_TRANSPORT_OFF, NODANE, NOSTS, REQ, TLS_USE_REFUSED, PERM, "5.7.30" },
};

int
main(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct tls_facts	f = {
			.transport = rows[i].transport, .dane = rows[i].dane, .sts = rows[i].sts,
			.require_tls = rows[i].flags & REQ, .tls_no = rows[i].flags & NO,
			.failed = rows[i].flags & FAILED, .never_plain = rows[i].flags & REPORT,
		};
		struct tls_mode		m = tls_mode(&f);
		unsigned		got = (m.pkix ? PKIX : 0) | (m.dane ? DANE : 0) | (m.requiretls ? RTLS : 0) | (m.permanent ? PERM : 0);

		ok(m.use == rows[i].use && got == rows[i].want, "%s (use %d, %u)", rows[i].name, (int)m.use, got);
		is_str(str_c(m.status), str_c(rows[i].status), "its status");
		ok((m.use == TLS_USE_REFUSED) == (m.text != NULL), "and a text for who is refused");
	}
	return done_testing();
}
