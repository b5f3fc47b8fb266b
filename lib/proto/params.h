/*
 * params: the parameters of MIME fields, "; name=value; …" (RFC 2045 5.1), with
 * the continuations of RFC 2231 put together: "a*0=x; a*1=y" is a=xy, and
 * when a section is encoded ("a*0*=") the whole is one encoded parameter a*,
 * its plain sections percent-encoded (params_decode in words.h reads it).
 */
#ifndef PROTO_PARAMS_H
#define PROTO_PARAMS_H

#include "../base/arena.h"

struct param {
	struct str	name;	/* as written; ends in "*" when the value is encoded */
	struct str	value;	/* without quotes and line endings */
};

struct params {
	struct param	*p;
	size_t		 n;
};

/*
 * Read parameters from what follows the field's own value. Borrows from s and
 * the arena. At most LIMIT_MIME_PARAMS are kept, and fewer when the arena is full.
 */
struct params	params_parse(struct str s, struct arena *);

/* The value of the parameter of exactly that name (either case); false without. */
bool	params_find(const struct params *, struct str name, struct str *value_r);

#endif
