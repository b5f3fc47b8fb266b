/* tls: the client's side of TLS. The context is made when it is first needed. */
#ifndef QUEUE_REMOTE_TLS_H
#define QUEUE_REMOTE_TLS_H

#include "conn.h"
#include "proto/scram.h"

/*
 * Read the certificates of authorities by which peers will be verified: of this
 * file, or (empty) the system's. Before the sandbox. False: tls_error() says why.
 */
bool	tls_load(struct str ca_file) __attribute__((warn_unused_result));

/*
 * Handshake; with verify the certificate must be host's (a name or an address) and
 * come from an authority. 0; or -1, and why_r, whose text is static, tells people.
 */
int	tls_begin(struct conn *, struct str host, bool verify, int64_t ms, const char **why_r) __attribute__((warn_unused_result));

/* Say good-bye, without waiting. */
void	tls_end(struct conn *);

const char	*tls_version(const struct conn *);	/* "TLSv1.3"; "" in plain text */
const char	*tls_cipher(const struct conn *);

/* Bytes of the channel bindings; n 0: cannot be bound to. */
struct tls_binding {
	unsigned char	exporter[32], endpoint[EVP_MAX_MD_SIZE];
	size_t		exporter_n, endpoint_n;
};

void	tls_bindings(const struct conn *, struct tls_binding *out_r);

const char	*tls_error(void);

void	tls_free(void);

#endif
