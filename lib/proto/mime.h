/*
 * mime: the parts of a whole message (RFC 2045, 2046) as a flat array, the
 * message itself first, each part before its children. Made for a mapped file:
 * everything is borrowed from the message and the arena; the body is looked
 * at once, line by line.
 *
 * Bounds (base/limits.h): below LIMIT_MIME_DEPTH a multipart or message is an
 * application/octet-stream; behind LIMIT_MIME_PARTS parts, or when the arena is
 * full, a multipart is taken to have ended. Then `truncated` is set. Any bytes
 * are a message: a multipart without a boundary, or in which it never comes, is text/plain.
 */
#ifndef PROTO_MIME_H
#define PROTO_MIME_H

#include <stdint.h>

#include "../base/limits.h"
#include "params.h"
#include "transfer.h"

#define MIME_NONE	UINT32_MAX

enum mime_kind {
	MIME_LEAF,
	MIME_MULTIPART,		/* children: its parts */
	MIME_MESSAGE,		/* message/rfc822 or message/global: one child, the message in it */
};

struct mime_part {
	uint32_t	parent, child, next;	/* indices, MIME_NONE without: parent, first child, next sibling */
	uint32_t	depth;			/* 0 for the message */
	enum mime_kind	kind;
	enum transfer	encoding;
	size_t		header, body, end;	/* offsets: header is [header, body), body [body, end) */
	size_t		lines;			/* line feeds in the body */
	struct str	type, subtype;		/* as written; text and plain without a field */
	struct params	params;
	struct str	encoding_name;		/* as written, or "7BIT" */
	struct str	disposition;		/* empty without */
	struct params	disposition_params;
	struct str	id, description, md5, language, location;	/* values with folds; p NULL without */
};

struct mime {
	struct str		 text;
	struct mime_part	*parts;
	size_t			 n;		/* at least 1 */
	bool			 truncated;
};

/* An arena of this maximum is enough for all within the limits but absurd parameters. */
enum { MIME_ARENA = LIMIT_MIME_ARENA };

/* False only when not even one part could be allocated. */
bool	mime_parse(struct mime *m_r, struct str text, struct arena *) __attribute__((warn_unused_result));

/* The bytes of a part: header with its empty line, body as encoded. */
struct str	mime_header(const struct mime *, const struct mime_part *);
struct str	mime_body(const struct mime *, const struct mime_part *);

bool	mime_is(const struct mime_part *, const char *type, const char *subtype);

/* The part's n-th child, counted from 1, or NULL. */
const struct mime_part	*mime_child(const struct mime *, const struct mime_part *, uint32_t n);

#endif
