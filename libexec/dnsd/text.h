/*
 * text: a question as it comes from a client, a name as libunbound wants it, and
 * the answer as a client gets it. Pure: no sockets, no libunbound.
 */
#ifndef DNSD_TEXT_H
#define DNSD_TEXT_H

#include "base/buf.h"
#include "base/limits.h"
#include "proto/dns_rr.h"

/* A name in DNS's text form: each byte of 255 escaped as \DDD, the final dot and a NUL. */
enum { TEXT_NAME = 4 * 255 + 2 };

/*
 * A name as people, mail and text_name() write it: U-labels or A-labels, with or
 * without the final dot, \DDD and \X taken for what they mean. out_r gets
 * A-labels in lower case with the final dot. False: DNS cannot have it.
 */
bool	text_name(struct str, char out_r[TEXT_NAME]) __attribute__((warn_unused_result));

struct question {
	struct str	id;		/* the record's */
	enum dns_type	type;
	struct str	name;
	int64_t		ms;
};

/* Record "dns" 1. NULL when it is understood, else what is wrong with it. */
const char	*text_question(struct str rec, struct question *out_r) __attribute__((warn_unused_result));

/* What is told about a name, whoever asked. */
struct answer {
	const char	*got;		/* ok, nodata, nxdomain, bogus, temp */
	bool		 secure;
	struct str	 canonical;	/* a final dot is not told */
	struct str	 why;
	uint32_t	 ttl;
	char *const	*data;		/* of records; NULL at the end, or NULL */
	const int	*len;
};

/* All of the answer but its first attributes. One that is too large for a record becomes "temp". */
void	text_answer(struct buf *body, const struct answer *);

/* The record for one question. */
void	text_record(struct buf *rec, struct str id, struct str body);

/*
 * The zone that a zone file is about: what $ORIGIN says before the first
 * record, or else the first record's owner, which must be absolute. False:
 * it cannot be told.
 */
bool	text_zone_of(struct str file, struct str *zone_r) __attribute__((warn_unused_result));

/* a is b or below it; both with their final dot, in lower case. */
bool	text_below(struct str a, struct str b);

#endif
