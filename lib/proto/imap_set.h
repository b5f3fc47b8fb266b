/*
 * imap_set: sequence sets (RFC 3501 section 9, sequence-set), of sequence
 * numbers or of UIDs.
 */
#ifndef PROTO_IMAP_SET_H
#define PROTO_IMAP_SET_H

#include <stdint.h>

#include "../base/arena.h"
#include "../base/buf.h"

/* The "*" of a set that was parsed and not yet resolved. */
enum { IMAP_STAR = 0 };

struct imap_range {
	uint32_t	first, last;
};

struct imap_set {
	struct imap_range	*r;	/* in an arena */
	size_t			 n;
};

enum imap_set_err {
	IMAP_SET_OK,
	IMAP_SET_SYNTAX,
	IMAP_SET_NOMEM,		/* the arena is full */
};

/* All of s as a set, in the order given, "*" kept as IMAP_STAR. */
enum imap_set_err imap_set_parse(struct str s, struct arena *, struct imap_set *out_r);

/*
 * Put max for each "*", turn ranges the right way round, sort and join them:
 * afterwards they are disjoint and rise. With max 0 (nothing there) "*" stands for no message.
 */
void	imap_set_resolve(struct imap_set *, uint32_t max);

/* Of a resolved set. */
bool	imap_set_has(const struct imap_set *, uint32_t);

/* The greatest number named, 0 for an empty set; of a resolved set. */
uint32_t imap_set_max(const struct imap_set *);

/* Writes numbers that come one by one as a set, joining those that rise by one. */
struct imap_setw {
	struct buf	*out;
	uint32_t	 first, last;	/* not yet written; 0 for none */
	bool		 any;		/* something is written */
};

void	imap_setw_start(struct imap_setw *, struct buf *out);
void	imap_setw_add(struct imap_setw *, uint32_t);
void	imap_setw_range(struct imap_setw *, uint32_t first, uint32_t last);

/* Write what is held back; false when no number was added. */
bool	imap_setw_end(struct imap_setw *);

#endif
