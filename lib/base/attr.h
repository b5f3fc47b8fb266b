/*
 * attr: records, the one form in which programs talk to each other and keep
 * small things on disk: "name\0value\0name\0value\0". The first name is the
 * protocol's and its value the version: "deliver\0001\0". At most
 * LIMIT_RECORD bytes. Names a reader does not know are skipped. A value never
 * holds a NUL; binary ones are encoded (base/code.h). `tr '\0' '\n'` reads all of it.
 */
#ifndef BASE_ATTR_H
#define BASE_ATTR_H

#include <stdint.h>

#include "buf.h"

/* Start a record in an empty buf. */
void	attr_start(struct buf *, const char *proto, unsigned version);

/* Add one attribute. A NUL in the name or value makes the buf fail. */
void	attr_add(struct buf *, const char *name, struct str value);
void	attr_adds(struct buf *, const char *name, const char *value);
void	attr_addu(struct buf *, const char *name, uint64_t value);

/*
 * True when rec is a whole record (ends in NUL, names paired with values, no
 * empty name, not too long) that starts with this protocol and version.
 */
bool	attr_is(struct str rec, const char *proto, unsigned version);

/* Step through: true with the next pair; start with *at = 0. */
bool	attr_next(struct str rec, size_t *at, struct str *name_r, struct str *value_r);

/* The first value of that name, or an empty str with p NULL. */
struct str	attr_get(struct str rec, const char *name);

/* The same, but never NULL. */
struct str	attr_text(struct str rec, const char *name);

/* How many attributes have that name. */
size_t	attr_count(struct str rec, const char *name);

/* The number of that name, or fallback when it is absent or not a number. */
uint64_t	attr_getu(struct str rec, const char *name, uint64_t fallback);

#endif
