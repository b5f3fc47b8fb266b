#include "listend.h"

#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/x509.h>

#include "base/limits.h"
#include "certname.h"
#include "sys/fd.h"
#include "sys/home.h"
#include "sys/log.h"

/* A file as it was when it was read: any change makes it a different one. */
struct stamp {
	dev_t		dev;
	ino_t		ino;
	off_t		size;
	struct timespec	mtime, ctime;
};

/* A directory tls/NAME with cert.pem and key.pem. */
struct cert {
	struct cert	*next;
	char		 dir[NAME_MAX + 1];
	struct stamp	 stamps[2];
	SSL_CTX		*ctx;		/* NULL: it could not be loaded, and never was */
	struct buf	 names;		/* each ended by a NUL */
	bool		 seen;		/* the directory is still there */
};

/* Names in order, so that a thousand domains cost a handshake ten comparisons. */
struct name {
	struct str	 name;
	struct cert	*cert;
};

static struct cert	*certs;
static struct name	*names;
static size_t		 n_names;
static SSL_CTX		*any_ctx;	/* for a host name without one */

static void
cert_free(struct cert *c)
{
	SSL_CTX_free(c->ctx);	/* connections keep theirs */
	buf_free(&c->names);
	free(c);
}

static void
cert_log(const struct cert *c, const char *event, const char *error)
{
	struct log	l;

	log_start(&l, event);
	log_cstr(&l, "certificate", c->dir);
	if (error != NULL)
		log_cstr(&l, "error", error);
	log_end(&l);
}

static bool
stamp_of(const char *dir, const char *file, struct stamp *out)
{
	char		path[PATH_MAX];
	struct stat	st;

	if (snprintf(path, sizeof(path), HOME_TLS "/%s/%s", dir, file) >= (int)sizeof(path) || stat(path, &st) == -1)
		return false;
	memset(out, 0, sizeof(*out));	/* padding is compared too */
	out->dev = st.st_dev;
	out->ino = st.st_ino;
	out->size = st.st_size;
	out->mtime = st.st_mtim;
	out->ctime = st.st_ctim;
	return true;
}

/* A key behind a passphrase is an error, not a question on somebody's terminal. */
static int
no_passphrase(char *to, int size, int writing, void *arg)
{
	(void)to;
	(void)size;
	(void)writing;
	(void)arg;
	return -1;
}

static SSL_CTX *
load(const char *dir)
{
	char	cert[PATH_MAX], key[PATH_MAX];
	SSL_CTX	*ctx;

	ERR_clear_error();
	if (snprintf(cert, sizeof(cert), HOME_TLS "/%s/cert.pem", dir) >= (int)sizeof(cert) ||
	    snprintf(key, sizeof(key), HOME_TLS "/%s/key.pem", dir) >= (int)sizeof(key))
		return NULL;
	ctx = tls_new_ctx();
	if (ctx == NULL)
		return NULL;
	SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
	if (SSL_CTX_use_certificate_chain_file(ctx, cert) == 1 &&
	    SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) == 1 &&
	    SSL_CTX_check_private_key(ctx) == 1)
		return ctx;
	SSL_CTX_free(ctx);
	return NULL;
}

static void
add_name(void *arg, struct str name)
{
	struct cert	*c = arg;

	buf_add(&c->names, name);
	buf_addc(&c->names, '\0');
}

/* Load what is new in this directory. What is broken is told once, and the old one stays. */
static bool
refresh(struct cert *c, const struct stamp stamps[2])
{
	SSL_CTX	*ctx;

	if (memcmp(c->stamps, stamps, sizeof(c->stamps)) == 0)
		return false;
	memcpy(c->stamps, stamps, sizeof(c->stamps));
	ctx = load(c->dir);
	if (ctx == NULL) {
		cert_log(c, c->ctx == NULL ? "unusable" : "kept", tls_error());
		return false;
	}
	SSL_CTX_free(c->ctx);
	c->ctx = ctx;
	buf_reset(&c->names);
	certname_each(SSL_CTX_get0_certificate(ctx), add_name, c);
	if (X509_cmp_current_time(X509_get0_notAfter(SSL_CTX_get0_certificate(ctx))) < 0)
		cert_log(c, "expired", NULL);
	else
		cert_log(c, "loaded", NULL);
	return true;
}

static struct cert *
cert_known(const char *dir)
{
	struct cert	*c = certs;

	while (c != NULL && strcmp(c->dir, dir) != 0)
		c = c->next;
	return c;
}

static struct cert *
cert_new(const char *dir)
{
	struct cert	*c;

	c = calloc(1, sizeof(*c));
	if (c == NULL || !str_copy(str_c(dir), c->dir, sizeof(c->dir))) {
		free(c);
		return NULL;
	}
	buf_init(&c->names, LIMIT_RECORD);
	c->seen = true;
	c->next = certs;
	certs = c;
	return c;
}

/* Of two certificates for a name, the one that is good for longer comes first. */
static int
name_cmp(const void *a, const void *b)
{
	const struct name	*x = a, *y = b;
	int			 n = str_cmp(x->name, y->name);

	if (n != 0)
		return n;
	return ASN1_TIME_compare(X509_get0_notAfter(SSL_CTX_get0_certificate(y->cert->ctx)),
	    X509_get0_notAfter(SSL_CTX_get0_certificate(x->cert->ctx)));
}

static const struct name *
name_find(struct str want)
{
	size_t	lo = 0, hi = n_names;

	while (lo < hi) {
		size_t	mid = lo + (hi - lo) / 2;

		if (str_cmp(names[mid].name, want) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < n_names && str_eq(names[lo].name, want) ? &names[lo] : NULL;
}

SSL_CTX *
certs_find(struct str sni)
{
	char			 text[LIMIT_DOMAIN];
	struct str		 name;
	const struct name	*found;

	if (!certname_fold(sni, text, sizeof(text), &name))
		return NULL;
	found = name_find(name);
	if (found == NULL) {
		/* "*" stands for one label, and text has room for it in place of that */
		size_t	dot = str_chr(name, '.');

		if (dot == 0 || dot == name.n)
			return NULL;
		text[dot - 1] = '*';
		found = name_find(str_skip(name, dot - 1));
	}
	return found == NULL ? NULL : found->cert->ctx;
}

SSL_CTX *
certs_default(struct str hostname)
{
	SSL_CTX	*ctx = certs_find(hostname);

	return ctx != NULL ? ctx : any_ctx;
}

/* Make the table of names anew. On no memory the old table must not stay: its certificates may be gone. */
static void
index_names(void)
{
	size_t	n = 0;

	free(names);
	n_names = 0;
	for (struct cert *c = certs; c != NULL; c = c->next)
		for (size_t i = 0; i < c->names.n; i++)
			n += c->names.p[i] == '\0';
	names = calloc(n + 1, sizeof(*names));
	for (struct cert *c = certs; names != NULL && c != NULL; c = c->next) {
		struct str	rest = buf_str(&c->names), name;

		while (str_cut(&rest, '\0', &name))
			names[n_names++] = (struct name){ .name = name, .cert = c };
	}
	if (n_names > 1)
		qsort(names, n_names, sizeof(*names), name_cmp);
}

/* The directory that comes first by name: the same after each start. */
static void
choose_any(void)
{
	const struct cert	*first = NULL;
	struct log		 l;

	for (struct cert *c = certs; c != NULL; c = c->next)
		if (c->ctx != NULL && (first == NULL || strcmp(c->dir, first->dir) < 0))
			first = c;
	any_ctx = first == NULL ? NULL : first->ctx;
	if (first != NULL)
		return;
	log_start(&l, "no-certificate");
	log_end(&l);
}

/* Look at one directory; true when a certificate was loaded. */
static bool
look(const char *dir)
{
	struct stamp	stamps[2];
	bool		has_cert = stamp_of(dir, "cert.pem", &stamps[0]);
	bool		has_key = stamp_of(dir, "key.pem", &stamps[1]);
	struct cert	*c = cert_known(dir);

	if (!has_cert && !has_key)
		return false;
	/* one of the two may be being replaced right now: what is known stays */
	if (c != NULL)
		c->seen = true;
	if (!has_cert || !has_key)
		return false;
	if (c == NULL)
		c = cert_new(dir);
	return c != NULL && refresh(c, stamps);
}

/* Forget those whose directory is gone; true when there were such. */
static bool
sweep(void)
{
	struct cert	**at = &certs, *c;
	bool		  any = false;

	while ((c = *at) != NULL) {
		if (c->seen) {
			at = &c->next;
			continue;
		}
		*at = c->next;
		any = true;
		cert_log(c, "dropped", NULL);
		cert_free(c);
	}
	return any;
}

void
certs_check(void)
{
	static bool	 once;
	DIR		*d = opendir(HOME_TLS);
	struct dirent	*e;
	bool		 changed = !once;

	if (d == NULL && errno != ENOENT) {
		log_failure("certificates", HOME_TLS, errno);
		return;	/* keep what there is */
	}
	for (struct cert *c = certs; c != NULL; c = c->next)
		c->seen = false;
	while (d != NULL && (e = readdir(d)) != NULL)
		if (e->d_name[0] != '.')
			changed |= look(e->d_name);
	if (d != NULL)
		(void)closedir(d);
	changed |= sweep();
	once = true;
	if (!changed)
		return;
	index_names();
	choose_any();
}
