#include "tls.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/limits.h"

static SSL_CTX	*context;	/* one worker talks to one destination */
static bool	 authorities;	/* loaded */
static char	 why_text[256];

const char *
tls_error(void)
{
	unsigned long	e = ERR_peek_error();
	const char	*s = NULL;

	if (e != 0)
		s = ERR_SYSTEM_ERROR(e) ? strerror(ERR_GET_REASON(e)) : ERR_reason_error_string(e);
	return s != NULL ? s : "the connection was closed";
}

static SSL_CTX *
make_context(void)
{
	SSL_CTX	*ctx;

	if (OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1)
		return NULL;
	ctx = SSL_CTX_new(TLS_client_method());
	if (ctx == NULL)
		return NULL;
	if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	(void)SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
	(void)SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
	    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_read_ahead(ctx, 1);
	(void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	return ctx;
}

static bool
have_context(void)
{
	ERR_clear_error();
	if (context == NULL)
		context = make_context();
	return context != NULL;
}

/* Where systems keep their authorities in one file: a directory would have to be read later. */
static const char *
system_file(void)
{
	static const char *const	places[] = {
		"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
		"/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem",
	};
	const char	*file = getenv("POSTHORN_CA_FILE");

	if (file != NULL)
		return file;
	if (access(X509_get_default_cert_file(), R_OK) == 0)
		return X509_get_default_cert_file();
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (access(places[i], R_OK) == 0)
			return places[i];
	return NULL;
}

bool
tls_load(struct str ca_file)
{
	char		path[4096];
	const char	*file = ca_file.n > 0 ? path : system_file();

	if (ca_file.n > 0 && !str_copy(ca_file, path, sizeof(path)))
		return false;
	if (!have_context() || file == NULL || SSL_CTX_load_verify_file(context, file) != 1)
		return false;
	authorities = true;
	return true;
}

/* The certificate must be this host's. */
static bool
set_host(SSL *ssl, struct str host, bool verify)
{
	X509_VERIFY_PARAM	*param = SSL_get0_param(ssl);
	char			 name[LIMIT_DOMAIN + 1];
	struct ip		 ip;

	if (ip_parse(host, &ip))
		return !verify || X509_VERIFY_PARAM_set1_ip(param, ip.b, ip.len) == 1;
	if (host.n > 0 && host.p[host.n - 1] == '.')
		host.n--;
	if (!str_copy(host, name, sizeof(name)) || SSL_set_tlsext_host_name(ssl, name) != 1)
		return false;
	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return !verify || X509_VERIFY_PARAM_set1_host(param, name, host.n) == 1;
}

static int
setup(struct conn *c, struct str host, bool verify)
{
	if (verify && !authorities) {
		(void)snprintf(why_text, sizeof(why_text), "there are no certificates of authorities to verify it by");
		return -1;
	}
	if (!have_context() || (c->ssl = SSL_new(context)) == NULL ||
	    SSL_set_fd(c->ssl, c->fd) != 1 || !set_host(c->ssl, host, verify)) {
		(void)snprintf(why_text, sizeof(why_text), "unable to set up TLS: %s", tls_error());
		return -1;
	}
	SSL_set_verify(c->ssl, verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
	if (!verify)	/* weak keys are better than none where nobody looks at the certificate */
		SSL_set_security_level(c->ssl, 0);
	SSL_set_connect_state(c->ssl);
	return 0;
}

static void
explain(const struct conn *c, int err)
{
	long	v = SSL_get_verify_result(c->ssl);

	if (v != X509_V_OK && SSL_get_verify_mode(c->ssl) != SSL_VERIFY_NONE)
		(void)snprintf(why_text, sizeof(why_text), "the certificate is not good: %s", X509_verify_cert_error_string(v));
	else if (ERR_peek_error() != 0)
		(void)snprintf(why_text, sizeof(why_text), "%s", tls_error());
	else
		(void)snprintf(why_text, sizeof(why_text), "%s", err != 0 ? strerror(err) : "the connection was closed");
}

int
tls_begin(struct conn *c, struct str host, bool verify, int64_t ms, const char **why_r)
{
	struct deadline	d = deadline_in(ms);
	int		n, err = 0;

	*why_r = why_text;
	if (setup(c, host, verify) == -1)
		return -1;
	for (;;) {
		ERR_clear_error();
		errno = 0;
		n = SSL_do_handshake(c->ssl);
		if (n == 1)
			return 0;
		n = conn_ssl_wait(c, n, d);
		if (n != 1) {
			err = n == -1 ? errno : 0;
			explain(c, err);
			errno = err;
			return -1;
		}
	}
}

void
tls_end(struct conn *c)
{
	if (c->ssl != NULL && SSL_is_init_finished(c->ssl))
		(void)SSL_shutdown(c->ssl);
}

const char *
tls_version(const struct conn *c)
{
	return c->ssl != NULL ? SSL_get_version(c->ssl) : "";
}

const char *
tls_cipher(const struct conn *c)
{
	return c->ssl != NULL ? SSL_CIPHER_standard_name(SSL_get_current_cipher(c->ssl)) : "";
}

/* RFC 9266; with TLS 1.2 only where the master secret is bound to the handshake (RFC 7627). */
static void
exporter(SSL *ssl, struct tls_binding *b)
{
	static const char	label[] = "EXPORTER-Channel-Binding";

	if (SSL_version(ssl) == TLS1_2_VERSION && SSL_get_extms_support(ssl) != 1)
		return;
	if (SSL_export_keying_material(ssl, b->exporter, sizeof(b->exporter), label, sizeof(label) - 1, (const unsigned char *)"", 0, 1) == 1)
		b->exporter_n = sizeof(b->exporter);
}

/* RFC 5929 section 4.1: the certificate by the hash of its signature, SHA-256 for the old ones. */
static void
endpoint(SSL *ssl, struct tls_binding *b)
{
	X509		*cert = SSL_get0_peer_certificate(ssl);
	int		 nid;
	unsigned	 n;
	const EVP_MD	*hash;

	if (cert == NULL || X509_get_signature_info(cert, &nid, NULL, NULL, NULL) != 1 || nid == NID_undef)
		return;
	hash = nid == NID_md5 || nid == NID_sha1 ? EVP_sha256() : EVP_get_digestbynid(nid);
	if (hash != NULL && X509_digest(cert, hash, b->endpoint, &n) == 1)
		b->endpoint_n = n;
}

/* TLS 1.3 has one that every server of it can know; older ones know the other better. */
void
tls_bindings(const struct conn *c, struct tls_binding *out_r)
{
	*out_r = (struct tls_binding){ .exporter_n = 0 };
	if (c->ssl == NULL)
		return;
	if (SSL_version(c->ssl) >= TLS1_3_VERSION)
		exporter(c->ssl, out_r);
	endpoint(c->ssl, out_r);
}

void
tls_free(void)
{
	SSL_CTX_free(context);
	context = NULL;
}
