/*
 * dmarc_record: the text of _dmarc.DOMAIN (RFC 7489 6.3 and 6.4, RFC 9091 3.2 for np,
 * RFC 9989 4.7 for psd and t). Unknown tags are skipped; a known one with a value that
 * is none counts as absent, but for p, sp and np: see dmarc_record_parse().
 */
#ifndef PROTO_DMARC_RECORD_H
#define PROTO_DMARC_RECORD_H

#include <stdint.h>

#include "../base/buf.h"
#include "../base/limits.h"

enum dmarc_policy {
	DMARC_POLICY_NONE,
	DMARC_POLICY_QUARANTINE,
	DMARC_POLICY_REJECT,
};

enum dmarc_psd {
	DMARC_PSD_UNKNOWN,
	DMARC_PSD_YES,
	DMARC_PSD_NO,
};

/* When failure reports are wanted; we send none. */
enum {
	DMARC_FO_ALL = 1,	/* 0: all failed */
	DMARC_FO_ANY = 2,	/* 1: any did */
	DMARC_FO_DKIM = 4,
	DMARC_FO_SPF = 8,
};

struct dmarc_uri {
	struct str	uri;	/* without the size */
	uint64_t	max;	/* bytes of the largest report that is taken; 0: any */
	bool		mailto;
};

/* Borrows from the text. */
struct dmarc_record {
	struct str		text;
	enum dmarc_policy	p, sp, np;	/* sp falls back to p, np to sp */
	bool			has_p, has_sp, has_np;
	bool			adkim_strict, aspf_strict;
	bool			testing;	/* t=y */
	enum dmarc_psd		psd;
	uint8_t			pct;		/* 0 to 100 */
	unsigned		fo;
	uint32_t		ri;		/* seconds between reports */
	struct dmarc_uri	rua[LIMIT_DMARC_URIS], ruf[LIMIT_DMARC_URIS];
	size_t			nrua, nruf;
	unsigned		errors;		/* tags that are malformed or repeated, or have no such value */
	struct str		error;		/* the first of them, as it stands in the text */
};

enum dmarc_parsed {
	DMARC_RECORD_GOOD,
	DMARC_RECORD_REPORT_ONLY,	/* p is missing, or p, sp or np bad, but there is a rua: policies none (6.6.3) */
	DMARC_RECORD_BAD,		/* the same without a rua: no DMARC for this message */
	DMARC_RECORD_OTHER,		/* no DMARC record: v=DMARC1 does not come first; to be discarded */
};

/* The strings of one TXT record, joined. */
enum dmarc_parsed	dmarc_record_parse(struct str text, struct dmarc_record *out_r);

/* "none", "quarantine", "reject". */
const char	*dmarc_policy_name(enum dmarc_policy);

#endif
