#include "listend.h"

#include <openssl/err.h>
#include <openssl/x509.h>

#include "base/attr.h"
#include "base/code.h"
#include "base/ip.h"
#include "base/limits.h"
#include "sys/die.h"

/*
 * Connections begin with one of two contexts that hold the rules and the keys
 * of session tickets, for as long as the process lives; the certificate comes
 * from a context of its own (certs.c) when the peer has said which name it wants.
 */
static SSL_CTX	*rules_mx, *rules_client;

const char *
tls_error(void)
{
	unsigned long	e = ERR_peek_error();
	const char	*s;

	if (e == 0)
		return "connection lost";
	s = ERR_SYSTEM_ERROR(e) ? strerror(ERR_GET_REASON(e)) : ERR_reason_error_string(e);
	return s != NULL ? s : "unknown";
}

/*
 * The host that the peer asks for, or NULL. An address is no host name (RFC 6066
 * section 3), but GnuTLS sends it where the user gave one, and so does mutt: as if nothing was asked for.
 */
static const char *
asked_name(SSL *ssl)
{
	const char	*sni = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	struct ip	 ip;

	return sni == NULL || ip_parse(str_c(sni), &ip) ? NULL : sni;
}

/*
 * On port 25 a wrong name is better served with our own certificate than not
 * at all: most senders do not verify. A mail client that named a host must get that host.
 */
static int
choose_certificate(SSL *ssl, int *alert, void *arg)
{
	struct conn	*c = SSL_get_app_data(ssl);
	const char	*sni = asked_name(ssl);
	SSL_CTX		*ctx;

	(void)arg;
	ctx = sni == NULL ? certs_default(c->listener->rules.hostname) : certs_find(str_c(sni));
	if (ctx == NULL && c->listener->service->mx)
		ctx = certs_default(c->listener->rules.hostname);
	if (ctx == NULL || SSL_set_SSL_CTX(ssl, ctx) == NULL) {
		*alert = SSL_AD_UNRECOGNIZED_NAME;
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	}
	return sni == NULL ? SSL_TLSEXT_ERR_NOACK : SSL_TLSEXT_ERR_OK;
}

/* smtp or imap is agreed to where we speak it; whatever else is asked for is not answered. */
static int
choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_n,
    const unsigned char *in, unsigned in_n, void *arg)
{
	const struct conn	*c = SSL_get_app_data(ssl);
	struct str		 want = c->listener->service->smtp ? STR("smtp") : STR("imap");
	struct str		 rest = str_n(in, in_n);

	(void)arg;
	while (rest.n > 0) {
		struct str	name = str_head(str_skip(rest, 1), (unsigned char)rest.p[0]);

		if (str_eq(name, want)) {
			*out = (const unsigned char *)name.p;
			*out_n = (unsigned char)name.n;
			return SSL_TLSEXT_ERR_OK;
		}
		rest = str_skip(rest, 1 + name.n);
	}
	return SSL_TLSEXT_ERR_NOACK;
}

/* Whose key it is, authd knows; that the peer holds it, the handshake has shown. */
static int
accept_any(X509_STORE_CTX *store, void *arg)
{
	(void)store;
	(void)arg;
	return 1;
}

SSL_CTX *
tls_new_ctx(void)
{
	SSL_CTX	*ctx = SSL_CTX_new(TLS_server_method());

	if (ctx == NULL)
		return NULL;
	/* these two are asked of the certificate's context, the rest of the rules' */
	SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, NULL);
	SSL_CTX_set_cert_verify_callback(ctx, accept_any, NULL);
	return ctx;
}

static SSL_CTX *
new_rules(bool mx)
{
	SSL_CTX	*ctx = tls_new_ctx();

	if (ctx == NULL || SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1 ||
	    SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"posthorn", 8) != 1)
		diex(EXIT_TEMP, "unable to set up TLS: %s", tls_error());
	(void)SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
	    SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA | SSL_OP_IGNORE_UNEXPECTED_EOF);
	(void)SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
	    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	/* a record in one read(2), not its head and then its body */
	SSL_CTX_set_read_ahead(ctx, 1);
	(void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	(void)SSL_CTX_set_tlsext_servername_callback(ctx, choose_certificate);
	if (mx) {
		/* Microsoft's senders have had trouble with them */
		(void)SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
		(void)SSL_CTX_set_num_tickets(ctx, 0);
		return ctx;
	}
	(void)SSL_CTX_set_num_tickets(ctx, 1);
	tickets_setup(ctx);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	return ctx;
}

void
tls_setup(void)
{
	rules_mx = new_rules(true);
	rules_client = new_rules(false);
}

int
tls_start(struct conn *c)
{
	if (certs_default(c->listener->rules.hostname) == NULL) {
		conn_log(c, "tls", "error", "there is no certificate");
		return -1;
	}
	ERR_clear_error();
	c->ssl = SSL_new(c->listener->service->mx ? rules_mx : rules_client);
	if (c->ssl == NULL || SSL_set_fd(c->ssl, c->tcp.fd) != 1 ||
	    SSL_set_min_proto_version(c->ssl, c->listener->rules.min_version) != 1) {
		conn_log(c, "tls", "error", tls_error());
		return -1;
	}
	(void)SSL_set_app_data(c->ssl, c);
	SSL_set_accept_state(c->ssl);
	c->state = CONN_HANDSHAKE;
	timer_set(&c->timer, TIMER_HANDSHAKE);
	loop_want(&c->tcp, LOOP_IN);
	return 0;
}

void
tls_handshake(struct conn *c)
{
	int	n;

	ERR_clear_error();
	n = SSL_do_handshake(c->ssl);
	if (n == 1) {
		conn_tls_done(c);
		return;
	}
	switch (SSL_get_error(c->ssl, n)) {
	case SSL_ERROR_WANT_READ:
		loop_want(&c->tcp, LOOP_IN);
		return;
	case SSL_ERROR_WANT_WRITE:
		loop_want(&c->tcp, LOOP_OUT);
		return;
	default:
		conn_log(c, "handshake", "error", tls_error());
		/* an alert is on its way */
		conn_linger(c);
	}
}

void
tls_say(SSL *ssl, const char *text)
{
	size_t	n;

	ERR_clear_error();
	if (text != NULL)
		(void)SSL_write_ex(ssl, text, strlen(text), &n);
}

static void
add_hex(struct buf *rec, const char *name, const unsigned char *p, size_t n)
{
	char		text[2 * EVP_MAX_MD_SIZE + 1];
	struct buf	hex = { .p = text, .cap = sizeof(text), .max = sizeof(text) - 1 };

	code_hex(&hex, str_n(p, n));
	attr_add(rec, name, buf_str(&hex));
}

/* What a user registers is the key, not the certificate around it. */
static void
add_fingerprint(struct buf *rec, SSL *ssl)
{
	X509		*cert = SSL_get1_peer_certificate(ssl);
	unsigned char	*der = NULL, md[EVP_MAX_MD_SIZE];
	unsigned	 md_n;
	int		 n;

	if (cert == NULL)
		return;
	n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
	if (n > 0 && EVP_Digest(der, (size_t)n, md, &md_n, EVP_sha256(), NULL) == 1)
		add_hex(rec, "fingerprint", md, md_n);
	OPENSSL_free(der);
	X509_free(cert);
}

/* RFC 9266: with TLS 1.2 only where the master secret is bound to the handshake (RFC 7627). */
static void
add_exporter(struct buf *rec, SSL *ssl)
{
	static const char	label[] = "EXPORTER-Channel-Binding";
	unsigned char		key[32];

	if (SSL_version(ssl) == TLS1_2_VERSION && SSL_get_extms_support(ssl) != 1)
		return;
	if (SSL_export_keying_material(ssl, key, sizeof(key), label, sizeof(label) - 1, (const unsigned char *)"", 0, 1) == 1)
		add_hex(rec, "exporter", key, sizeof(key));
}

/* RFC 5929 section 4.1: our certificate by the hash of its signature, SHA-256 for the old ones. */
static void
add_endpoint(struct buf *rec, SSL *ssl)
{
	X509		*cert = SSL_get_certificate(ssl);
	int		 nid;
	unsigned char	 md[EVP_MAX_MD_SIZE];
	unsigned	 md_n;
	const EVP_MD	*hash;

	if (cert == NULL || X509_get_signature_info(cert, &nid, NULL, NULL, NULL) != 1 || nid == NID_undef)
		return;
	hash = nid == NID_md5 || nid == NID_sha1 ? EVP_sha256() : EVP_get_digestbynid(nid);
	if (hash != NULL && X509_digest(cert, hash, md, &md_n) == 1)
		add_hex(rec, "endpoint", md, md_n);
}

/* A peer's bytes, for Received lines and logs: only what a host name is made of. */
static void
add_sni(struct buf *rec, SSL *ssl)
{
	struct str	sni = str_c(asked_name(ssl));

	if (sni.n == 0 || sni.n > LIMIT_DOMAIN)
		return;
	for (size_t i = 0; i < sni.n; i++)
		if (!byte_is_alnum(sni.p[i]) && sni.p[i] != '-' && sni.p[i] != '.' && sni.p[i] != '_')
			return;
	attr_add(rec, "sni", sni);
}

void
tls_facts(struct buf *rec, SSL *ssl)
{
	ERR_clear_error();
	attr_adds(rec, "tls", SSL_get_version(ssl));
	attr_adds(rec, "cipher", SSL_CIPHER_standard_name(SSL_get_current_cipher(ssl)));
	add_sni(rec, ssl);
	add_fingerprint(rec, ssl);
	add_exporter(rec, ssl);
	add_endpoint(rec, ssl);
}
