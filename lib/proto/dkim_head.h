/*
 * dkim_head: a message's header, indexed by name, and the hash of the fields
 * that a signature covers (RFC 6376 5.4.2: of several fields of a name the last
 * that is not yet used). Costs follow the header's size, whatever h= says.
 */
#ifndef PROTO_DKIM_HEAD_H
#define PROTO_DKIM_HEAD_H

#include "dkim_sig.h"
#include "header.h"

struct dkim_head_entry {
	struct header_field	f;
	size_t			at;	/* its place in the header */
};

struct dkim_head {
	struct dkim_head_entry	*entry;		/* by name, then by place */
	size_t			 n;
	uint32_t		*used;		/* of the fields of a name, counted at the first of them */
	struct header		 header;	/* after its last field */
};

/* text: a message, or at least its whole header. Borrows it. False: over the arena's limit. */
bool	dkim_head_open(struct dkim_head *, struct str text, struct arena *) __attribute__((warn_unused_result));

/* How many fields have that name. */
size_t	dkim_head_count(const struct dkim_head *, struct str name);

/*
 * The hash of the fields that h= names, and the signature's own field (with its line ending or without) but
 * for what stands in b. own is its place in the header, SIZE_MAX for one that is not (yet) there.
 */
bool	dkim_head_hash(struct dkim_head *, struct str fields, enum dkim_canon, size_t own, struct str raw, struct str b,
	    uint8_t hash_r[DKIM_HASH]) __attribute__((warn_unused_result));

#endif
