/*
 * certname: which names a certificate is good for. Shared by listend and the
 * verb cert, so that what is listed is what is served.
 */
#ifndef LISTEND_CERTNAME_H
#define LISTEND_CERTNAME_H

#include <openssl/x509.h>

#include "base/str.h"

/*
 * Call each(arg, name) with every DNS name, in lower case, without a dot at the
 * end; the common name when there is no alternative name at all (RFC 6125).
 * Names with strange bytes are left out. A wildcard comes as "*.example.org".
 */
void	certname_each(X509 *, void (*each)(void *arg, struct str name), void *arg);

/*
 * Put the name into buf of size bytes as it is compared: lower case, no dot at
 * the end. False when it is no host name; with a wildcard, only as the whole first label.
 */
bool	certname_fold(struct str name, char *to, size_t size, struct str *out_r);

#endif
