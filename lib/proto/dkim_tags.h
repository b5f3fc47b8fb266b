/*
 * dkim_tags: tag=value lists (RFC 6376 3.2, with UTF-8 as RFC 8616 lets it),
 * of DKIM-Signature fields, key records, and what borrows their form (ARC, DMARC).
 * As strict as the RFC: one tag twice, a tag without "=", a control character
 * or an empty place between two semicolons makes the whole list invalid.
 */
#ifndef PROTO_DKIM_TAGS_H
#define PROTO_DKIM_TAGS_H

#include "../base/buf.h"
#include "../base/limits.h"

/* All borrowed from the text. */
struct dkim_tag {
	struct str	name;
	struct str	value;	/* without white space around it; folds inside stay */
	struct str	raw;	/* all between "=" and ";" or the end */
};

struct dkim_tags {
	struct dkim_tag	tag[LIMIT_DKIM_TAGS];
	size_t		n;
};

/* NULL, or what is wrong in words for people (a constant). */
const char	*dkim_tags_parse(struct str text, struct dkim_tags *out_r) __attribute__((warn_unused_result));

/* The tag of exactly that name; NULL without. */
const struct dkim_tag	*dkim_tags_find(const struct dkim_tags *, const char *name);

/* Append a value without the white space in it (base64 and what is folded anywhere). */
void	dkim_tags_compact(struct buf *, struct str value);

/*
 * The next member of a list divided by colons, without white space around it;
 * start with *rest the value. False at the end. A member may be empty.
 */
bool	dkim_tags_member(struct str *rest, struct str *member_r);

/* Is word (in any case of letters) a member of the list? */
bool	dkim_tags_has(struct str list, struct str word);

#endif
