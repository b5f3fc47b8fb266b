/* What the files of dsn share. */
#ifndef PROTO_DSN_INTERNAL_H
#define PROTO_DSN_INTERNAL_H

#include "dsn.h"

/* A status code of RFC 3463 in people's words. */
struct dsn_reason {
	const char	*why;		/* whole sentences */
	const char	*todo;		/* what its sender can do */
};

/* dsn_reason.c: of a well-formed status; never NULL. */
const struct dsn_reason	*dsn_reason(struct str status);

/* dsn_text.c: the text for people. */
void	dsn_text(struct buf *, const struct dsn *);

/* "Undelivered: …" as it is meant, in UTF-8. */
void	dsn_subject(struct buf *, const struct dsn *);

/* dsn_fields.c: the fields for machines; ASCII unless global. */
void	dsn_fields(struct buf *, const struct dsn *, bool global);

/* Our name; "localhost" when what was told is none. */
struct str	dsn_hostname(const struct dsn *);

/* The status told of it, or one of its action's class. */
struct str	dsn_status(const struct dsn_rcpt *);

/* The peer's name and address; empty when they are none, or it is ourselves. */
struct str	dsn_remote(const struct dsn *, const struct dsn_rcpt *);
struct str	dsn_remote_ip(const struct dsn *, const struct dsn_rcpt *);
bool		dsn_is_ours(const struct dsn *, const struct dsn_rcpt *);

/*
 * Append at most max bytes of s, in one line: controls and what is not UTF-8 (not
 * ASCII, with utf8 false), and characters that hide others, are replaced.
 */
void	dsn_clean(struct buf *, struct str s, size_t max, bool utf8);

/*
 * Append clean text from that column on, in lines of about 76 bytes that
 * begin with indent, and the last line's end.
 */
void	dsn_fold(struct buf *, size_t column, const char *indent, struct str text);

#endif
