/*
 * tls_mode: whether a message may go to a host, and with how much TLS: the
 * whole decision (RFC 3207, 7672, 8461, 8689 and the transport's own rules) as one
 * function of facts, made before a connection and again after a failed handshake.
 */
#ifndef PROTO_TLS_MODE_H
#define PROTO_TLS_MODE_H

#include <stdbool.h>

enum tls_transport {
	TLS_TRANSPORT_POLICY,		/* to the domain's own host: as its policies say */
	TLS_TRANSPORT_IMPLICIT,		/* a smart host: from the first byte, verified */
	TLS_TRANSPORT_STARTTLS,		/* required, verified */
	TLS_TRANSPORT_UNVERIFIED,	/* required, whoever it is */
	TLS_TRANSPORT_OFF,
};

enum tls_dane {
	TLS_DANE_NONE,			/* no records, or names that are not signed */
	TLS_DANE_UNUSABLE,		/* records, none of which can be used: TLS, whoever it is (RFC 7672 2.2) */
	TLS_DANE_USABLE,
	TLS_DANE_ERROR,			/* could not be looked up: there may be some */
};

enum tls_sts {
	TLS_STS_NONE,			/* no policy, or mode none or testing */
	TLS_STS_ENFORCE,		/* and the host is in it */
	TLS_STS_MISMATCH,		/* and the host is not in it */
	TLS_STS_ERROR,			/* could not be looked up */
};

struct tls_facts {
	enum tls_transport	transport;
	enum tls_dane		dane;
	enum tls_sts		sts;
	bool			require_tls;	/* REQUIRETLS, and the message is not from <> (RFC 8689 section 5) */
	bool			tls_no;		/* TLS-Required: No */
	bool			never_plain;	/* a report that is not worth plain text after a failed handshake */
	bool			failed;		/* a handshake with this host failed just now */
};

enum tls_use {
	TLS_USE_NONE,			/* plain text */
	TLS_USE_OFFERED,		/* STARTTLS when it is offered */
	TLS_USE_REQUIRED,		/* STARTTLS, or not at all */
	TLS_USE_IMPLICIT,
	TLS_USE_REFUSED,		/* not to this host: status and text */
};

struct tls_mode {
	enum tls_use	 use;
	bool		 pkix, dane;	/* verify the certificate by name and chain, by TLSA; both: both must pass */
	bool		 requiretls;	/* the server has to offer REQUIRETLS */
	bool		 permanent;	/* REFUSED: so it will be, if no other host is better */
	const char	*status, *text;
};

struct tls_mode	tls_mode(const struct tls_facts *);

#endif
