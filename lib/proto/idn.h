/*
 * idn: the two spellings of an international domain name (IDNA 2008), U-labels in
 * UTF-8 and A-labels ("xn--…"), by libidn2. Who uses it links that.
 */
#ifndef PROTO_IDN_H
#define PROTO_IDN_H

#include "../base/buf.h"

/*
 * Append the name in A-labels: in lower case, in one normal form; what is ASCII
 * may stay as it is. False when IDNA allows no such name (or out is full); then
 * out is as it was. What looks like ASCII becomes ASCII: see that it is a domain.
 */
bool	idn_to_ascii(struct str name, struct buf *out) __attribute__((warn_unused_result));

/* The same in UTF-8. */
bool	idn_to_utf8(struct str name, struct buf *out) __attribute__((warn_unused_result));

#endif
