/*
 * cert: make a self-signed certificate, or show which there are. The
 * directories below tls/ are read by listend(8). See posthorn-cert(8).
 */
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "../listend/certname.h"
#include "base/code.h"
#include "base/ip.h"
#include "base/limits.h"
#include "sys/die.h"
#include "sys/fd.h"
#include "sys/home.h"
#include "sys/priv.h"

enum { DAYS = 4 * 365 + 1, NAMES_TEXT = 8192 };

static int	selfsigned(int, char *[]);
static int	list(void);

static noreturn void
usage(void)
{
	diex(EXIT_PERM, "usage: posthorn cert selfsigned [-f] NAME ...\n"
	    "       posthorn cert list");
}

int
main(int argc, char *argv[])
{
	prog_init(argv[0]);
	if (argc < 2)
		usage();
	if (home_enter() == -1)
		die(EXIT_TEMP, "unable to enter the var directory");
	if (strcmp(argv[1], "selfsigned") == 0)
		return selfsigned(argc - 1, argv + 1);
	if (strcmp(argv[1], "list") == 0 && argc == 2)
		return list();
	usage();
}

static noreturn void
crypto_failed(const char *what)
{
	const char	*why = ERR_reason_error_string(ERR_peek_error());

	diex(EXIT_TEMP, "unable to %s: %s", what, why == NULL ? "unknown error" : why);
}

/* --- making one */

/* The names as OpenSSL wants to be told them: each was checked, so that none can say more than itself. */
static void
alt_names(struct buf *text, int n, char *names[])
{
	for (int i = 0; i < n; i++) {
		char		folded[LIMIT_DOMAIN];
		struct str	name;
		struct ip	ip;

		if (i > 0)
			buf_addc(text, ',');
		if (ip_parse(str_c(names[i]), &ip)) {
			buf_adds(text, "IP:");
			ip_format(text, &ip);
		} else if (certname_fold(str_c(names[i]), folded, sizeof(folded), &name)) {
			buf_adds(text, "DNS:");
			buf_add(text, name);
		} else
			diex(EXIT_PERM, "neither a host name nor an address: %s", names[i]);
	}
	if (buf_c(text) == NULL)
		diex(EXIT_PERM, "too many names");
}

static void
add_extension(X509 *x, int nid, const char *value)
{
	X509V3_CTX	 ctx;
	X509_EXTENSION	*e;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	if (e == NULL || X509_add_ext(x, e, -1) != 1)
		crypto_failed("make the certificate");
	X509_EXTENSION_free(e);
}

static void
random_serial(X509 *x)
{
	unsigned char	r[16];
	BIGNUM		*n;

	if (RAND_bytes(r, sizeof(r)) != 1)
		crypto_failed("make a serial number");
	r[0] = (r[0] & 0x7f) | 1;	/* positive and not zero (RFC 5280 section 4.1.2.2) */
	n = BN_bin2bn(r, sizeof(r), NULL);
	if (n == NULL || BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x)) == NULL)
		crypto_failed("make a serial number");
	BN_free(n);
}

static X509 *
make_certificate(EVP_PKEY *key, const char *first, const char *names)
{
	X509		*x = X509_new();
	X509_NAME	*subject;

	if (x == NULL || X509_set_version(x, X509_VERSION_3) != 1)
		crypto_failed("make the certificate");
	random_serial(x);
	subject = X509_get_subject_name(x);
	/* at most 64 bytes are allowed there; nobody looks at it when there are alternative names */
	if (strlen(first) <= 64 && X509_NAME_add_entry_by_NID(subject, NID_commonName,
	    MBSTRING_ASC, (const unsigned char *)first, -1, -1, 0) != 1)
		crypto_failed("make the certificate");
	if (X509_set_issuer_name(x, subject) != 1 || X509_set_pubkey(x, key) != 1 ||
	    X509_gmtime_adj(X509_getm_notBefore(x), 0) == NULL ||
	    X509_time_adj_ex(X509_getm_notAfter(x), DAYS, 0, NULL) == NULL)
		crypto_failed("make the certificate");
	add_extension(x, NID_subject_alt_name, names);
	add_extension(x, NID_basic_constraints, "critical,CA:FALSE");
	add_extension(x, NID_key_usage, "critical,digitalSignature");
	add_extension(x, NID_ext_key_usage, "serverAuth,clientAuth");
	add_extension(x, NID_subject_key_identifier, "hash");
	if (X509_sign(x, key, EVP_sha256()) == 0)
		crypto_failed("sign the certificate");
	return x;
}

static struct str
bio_text(BIO *b)
{
	char	*p;
	long	 n = BIO_get_mem_data(b, &p);

	if (n <= 0)
		crypto_failed("write the certificate");
	return str_n(p, (size_t)n);
}

/* The directory's name: the first name, without a byte that a shell would take for its own. */
static int
make_directory(const char *first, char path[NAME_MAX + 1])
{
	int	tls, fd;

	if (!str_copy(str_c(first), path, NAME_MAX + 1) || path[0] == '.' || strchr(path, '/') != NULL)
		diex(EXIT_PERM, "no name for a directory: %s", first);
	if (path[0] == '*')
		path[0] = '_';
	if (mkdir(HOME_TLS, 0700) == -1 && errno != EEXIST)
		die(EXIT_TEMP, "unable to make %s", HOME_TLS);
	tls = dir_open(AT_FDCWD, HOME_TLS);
	if (tls == -1 || (mkdirat(tls, path, 0700) == -1 && errno != EEXIST) ||
	    (fd = dir_open(tls, path)) == -1)
		die(EXIT_TEMP, "unable to make %s/%s", HOME_TLS, path);
	(void)fd_close(&tls);
	return fd;
}

/* The key first: until its certificate is there too, listend keeps what it has. */
static void
store(int dir, const char *name, EVP_PKEY *key, X509 *x)
{
	BIO	*key_pem = BIO_new(BIO_s_secmem()), *cert_pem = BIO_new(BIO_s_mem());

	if (key_pem == NULL || cert_pem == NULL ||
	    PEM_write_bio_PrivateKey(key_pem, key, NULL, NULL, 0, NULL, NULL) != 1 ||
	    PEM_write_bio_X509(cert_pem, x) != 1)
		crypto_failed("write the certificate");
	if (file_replace(dir, "key.pem", bio_text(key_pem), 0600) == -1 ||
	    file_replace(dir, "cert.pem", bio_text(cert_pem), 0644) == -1)
		die(EXIT_TEMP, "unable to write to %s/%s", HOME_TLS, name);
	BIO_free(key_pem);
	BIO_free(cert_pem);
}

static int
selfsigned(int argc, char *argv[])
{
	char		 text[NAMES_TEXT], name[NAME_MAX + 1];
	struct buf	 names = { .p = text, .cap = sizeof(text), .max = sizeof(text) - 1 };
	bool		 force = false;
	EVP_PKEY	*key;
	X509		*x;
	int		 ch, dir;

	while ((ch = getopt(argc, argv, "f")) != -1) {
		if (ch != 'f')
			usage();
		force = true;
	}
	if (optind == argc)
		usage();
	alt_names(&names, argc - optind, argv + optind);
	if (priv_become_owner(access(HOME_TLS, F_OK) == 0 ? HOME_TLS : ".") == -1)
		die(EXIT_TEMP, "unable to become the owner of %s", HOME_TLS);
	dir = make_directory(argv[optind], name);
	if (!force && (faccessat(dir, "cert.pem", F_OK, 0) == 0 || faccessat(dir, "key.pem", F_OK, 0) == 0))
		diex(EXIT_PERM, "%s/%s has a certificate already; -f replaces it", HOME_TLS, name);
	key = EVP_EC_gen("P-256");
	if (key == NULL)
		crypto_failed("make a key");
	x = make_certificate(key, argv[optind], text);
	store(dir, name, key, x);
	X509_free(x);
	EVP_PKEY_free(key);
	(void)fd_close(&dir);
	return EXIT_OK;
}

/* --- showing them */

static void
print_name(void *arg, struct str name)
{
	(void)arg;
	printf(" " STR_FMT, STR_ARG(name));
}

static void
print_addresses(X509 *x)
{
	GENERAL_NAMES	*names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
	char		 text[IP_TEXT];

	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME	*g = sk_GENERAL_NAME_value(names, i);
		struct buf		 b = { .p = text, .cap = sizeof(text), .max = sizeof(text) - 1 };
		struct ip		 ip;

		if (g->type != GEN_IPADD)
			continue;
		ip = ip_from_bytes(ASN1_STRING_get0_data(g->d.iPAddress), (size_t)ASN1_STRING_length(g->d.iPAddress));
		ip_format(&b, &ip);
		print_name(NULL, buf_str(&b));
	}
	GENERAL_NAMES_free(names);
}

static void
print_expiry(X509 *x)
{
	struct tm	tm;
	int		days, secs;

	if (ASN1_TIME_to_tm(X509_get0_notAfter(x), &tm) != 1 ||
	    ASN1_TIME_diff(&days, &secs, NULL, X509_get0_notAfter(x)) != 1) {
		printf("  expires      unknown\n");
		return;
	}
	printf("  expires      %04d-%02d-%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
	if (days < 0 || secs < 0)
		printf(", %d days ago\n", -days);
	else
		printf(", in %d days\n", days);
}

static void
print_fingerprint(X509 *x)
{
	unsigned char	md[EVP_MAX_MD_SIZE];
	char		text[2 * EVP_MAX_MD_SIZE + 1];
	struct buf	hex = { .p = text, .cap = sizeof(text), .max = sizeof(text) - 1 };
	unsigned	n;

	if (X509_digest(x, EVP_sha256(), md, &n) != 1)
		crypto_failed("hash the certificate");
	code_hex(&hex, str_n(md, n));
	printf("  fingerprint  sha256 " STR_FMT "\n", STR_ARG(buf_str(&hex)));
}

/* A certificate and what it says; false when it cannot be read. */
static bool
show(int dir, const char *name)
{
	char		text[65536];
	struct buf	b = { .p = text, .cap = sizeof(text), .max = sizeof(text) - 1 };
	char		path[NAME_MAX + sizeof("/cert.pem")];
	BIO		*bio;
	X509		*x;

	(void)snprintf(path, sizeof(path), "%s/cert.pem", name);
	if (file_read(dir, path, &b) == -1) {
		if (errno == ENOENT || errno == ENOTDIR)
			return true;
		warn("%s/%s", HOME_TLS, path);
		return false;
	}
	bio = BIO_new_mem_buf(b.p, (int)b.n);
	x = bio == NULL ? NULL : PEM_read_bio_X509(bio, NULL, NULL, NULL);
	BIO_free(bio);
	if (x == NULL) {
		warnx("%s/%s: not a certificate", HOME_TLS, path);
		return false;
	}
	printf("%s\n  names       ", name);
	certname_each(x, print_name, NULL);
	print_addresses(x);
	printf("\n");
	print_expiry(x);
	print_fingerprint(x);
	X509_free(x);
	return true;
}

static int
by_name(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

static int
list(void)
{
	struct dirent	**e;
	bool		  good = true;
	int		  n, dir = dir_open(AT_FDCWD, HOME_TLS);

	if (dir == -1 && errno == ENOENT)
		return EXIT_OK;
	n = dir == -1 ? -1 : scandir(HOME_TLS, &e, by_name, alphasort);
	if (n == -1)
		die(EXIT_TEMP, "unable to read %s", HOME_TLS);
	for (int i = 0; i < n; i++) {
		good &= show(dir, e[i]->d_name);
		free(e[i]);
	}
	free(e);
	(void)fd_close(&dir);
	return good ? EXIT_OK : EXIT_TEMP;
}
