/* conf_idn: the two spellings of an international domain name (IDNA 2008). */
#ifndef VERBS_CONF_IDN_H
#define VERBS_CONF_IDN_H

#include "base/buf.h"

/*
 * The other spelling of a domain into other (reset first; empty when there is
 * none): A-labels for one in UTF-8, UTF-8 for one in A-labels. False when the
 * name is not one that IDNA allows, or not written as it would be from the
 * other spelling; then other is how it should be written, or empty.
 */
bool	conf_idn_other(struct str name, struct buf *other);

#endif
