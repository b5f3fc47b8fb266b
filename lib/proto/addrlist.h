/*
 * addrlist: the addresses of a header field (RFC 5322 3.4 and 4.4): mailboxes
 * and groups, comments, quoted strings, obsolete routes; and what comes
 * instead: no "<", an address as its own display name, no domain, no ">",
 * ";" between addresses. Never fails: what cannot be understood is given as a
 * local part without a domain.
 *
 *	struct addrlist		l;
 *	struct addrlist_item	i;
 *
 *	addrlist_open(&l, value, &arena);
 *	while (addrlist_next(&l, &i))
 *		…
 */
#ifndef PROTO_ADDRLIST_H
#define PROTO_ADDRLIST_H

#include "../base/arena.h"
#include "lex.h"

enum addrlist_kind {
	ADDRLIST_MAILBOX,
	ADDRLIST_GROUP,		/* name is the group's */
	ADDRLIST_GROUP_END,	/* comes for every group, also one that is not ended */
};

struct addrlist {
	struct lex	 lex;
	struct arena	*arena;
	size_t		 items;
	bool		 in_group;
};

/*
 * Text in the arena, without quotes, folds and comments; encoded words
 * (RFC 2047) stand as they are. name.p is NULL without a display name; the
 * comment behind an address serves for one.
 */
struct addrlist_item {
	enum addrlist_kind	kind;
	struct str		name;
	struct str		route;		/* "@a,@b", or p NULL */
	struct str		local;
	struct str		domain;		/* empty without; a literal with its brackets */
};

void	addrlist_open(struct addrlist *, struct str value, struct arena *);

/* False at the end, behind LIMIT_ADDRLIST items, or when the arena is full. */
bool	addrlist_next(struct addrlist *, struct addrlist_item *out_r);

/*
 * The address of a field that must hold exactly one mailbox (From, for
 * authentication); false when it holds none, several, or one without a domain.
 */
bool	addrlist_single(struct str value, struct arena *, struct addrlist_item *out_r);

#endif
