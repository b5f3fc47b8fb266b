/*
 * smtp_ehlo: what a server offers, from its reply to EHLO: RFC 5321 4.1.1.1,
 * SIZE (1870), STARTTLS (3207), AUTH (4954), DSN (3461), CHUNKING and BINARYMIME
 * (3030), 8BITMIME (6152), PIPELINING (2920), ENHANCEDSTATUSCODES (2034),
 * SMTPUTF8 (6531), REQUIRETLS (8689), LIMITS (9422). What is not known is skipped.
 */
#ifndef PROTO_SMTP_EHLO_H
#define PROTO_SMTP_EHLO_H

#include <stdint.h>

#include "../base/limits.h"
#include "../base/str.h"

struct smtp_ehlo {
	char		name[LIMIT_DOMAIN + 1];	/* what it calls itself; empty when that is no name */
	bool		pipelining, size, starttls, eightbit, binarymime, chunking, smtputf8, dsn, requiretls, enhanced;
	bool		auth;
	unsigned	mechanisms;		/* 1 << enum sasl_mech each */
	uint64_t	max_size;		/* 0: not said */
	uint32_t	mail_max, rcpt_max, rcpt_domain_max;	/* 0: not said */
};

/* text: the reply's lines without their codes, divided by LF. */
void	smtp_ehlo_parse(struct str text, struct smtp_ehlo *out_r);

/* The first word of a greeting or of a reply to EHLO, which is the server's name; empty when it is none. */
struct str	smtp_ehlo_name(struct str text);

#endif
