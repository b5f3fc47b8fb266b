/*
 * key: client keys that may log in. See posthorn-key(8).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "../authd/account.h"
#include "../authd/keys.h"
#include "base/code.h"
#include "sys/deadline.h"
#include "sys/die.h"
#include "sys/fd.h"
#include "sys/home.h"
#include "sys/priv.h"
#include "sys/verb.h"

enum { PEM_MAX = 65536, RSA_MIN = 2048 };

static const char	usage[] =
    "usage: posthorn key add [-p] ADDRESS [NAME] | list [ACCOUNT] | rm FINGERPRINT";

static int	key_add(int, char *[]);
static int	key_list(int, char *[]);
static int	key_rm(int, char *[]);

int
main(int argc, char *argv[])
{
	static const struct verb	verbs[] = {
		{ "add", key_add }, { "list", key_list }, { "rm", key_rm }, { NULL, NULL },
	};

	prog_init(argv[0]);
	if (home_enter() == -1)
		die(EXIT_TEMP, "unable to enter the var directory");
	if (priv_become_owner(access(HOME_AUTH, F_OK) == 0 ? HOME_AUTH : ".") == -1)
		die(EXIT_TEMP, "unable to become the owner of %s", HOME_AUTH);
	verb_run(verbs, argc, argv);
	diex(EXIT_PERM, "%s", usage);
}

static struct tdb_context *
open_keys(bool create)
{
	struct tdb_context	*db = keys_open(create);

	if (db == NULL && (create || errno != ENOENT))
		die(EXIT_TEMP, "unable to open auth/keys.tdb");
	return db;
}

/* The public key of what standard input holds: a certificate, or a key alone. */
static EVP_PKEY *
read_key(void)
{
	struct buf	 pem = BUF_INIT(PEM_MAX);
	EVP_PKEY	*key = NULL;
	X509		*cert;
	BIO		*bio;
	ssize_t		 n;

	while ((n = read_some(STDIN_FILENO, &pem, PEM_MAX)) > 0)
		;
	if (n == -1)
		die(EXIT_TEMP, "unable to read standard input");
	bio = BIO_new_mem_buf(pem.p, (int)pem.n);
	cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	if (cert != NULL) {
		key = X509_get_pubkey(cert);
		X509_free(cert);
	} else if (BIO_reset(bio) == 1) {
		key = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
	}
	BIO_free(bio);
	buf_free(&pem);
	return key;
}

/* Weak keys are worse than passwords: nobody slows down who guesses them. */
static bool
is_strong(const EVP_PKEY *key)
{
	switch (EVP_PKEY_get_base_id(key)) {
	case EVP_PKEY_RSA:
		return EVP_PKEY_get_bits(key) >= RSA_MIN;
	case EVP_PKEY_EC:
	case EVP_PKEY_ED25519:
	case EVP_PKEY_ED448:
		return true;
	}
	return false;
}

/* SHA-256 of the SubjectPublicKeyInfo, in hex. */
static void
fingerprint_of(EVP_PKEY *key, struct buf *out)
{
	unsigned char	*der = NULL;
	uint8_t		 hash[32];
	int		 n = i2d_PUBKEY(key, &der);

	if (n <= 0 || EVP_Digest(der, (size_t)n, hash, NULL, EVP_sha256(), NULL) != 1)
		diex(EXIT_PERM, "this key cannot be encoded");
	OPENSSL_free(der);
	code_hex(out, str_n(hash, sizeof(hash)));
}

static void
find_account(const char *address, struct account *a)
{
	struct conf	*conf = conf_open();

	if (conf == NULL)
		die(EXIT_TEMP, "unable to open config.tdb");
	switch (account_of_login(conf, str_c(address), a)) {
	case ACCOUNT_FOUND:
		break;
	case ACCOUNT_NONE:
		diex(EXIT_PERM, "%s is no address of an account", address);
	case ACCOUNT_TEMP:
		diex(EXIT_TEMP, "unable to read config.tdb");
	}
	conf_close(conf);
}

static int
key_add(int argc, char *argv[])
{
	struct buf		 fingerprint = BUF_INIT(KEYS_FINGERPRINT);
	struct key		 k = { .created = clock_now() }, old;
	struct account		 a;
	struct tdb_context	*db;
	EVP_PKEY		*key;
	int			 c;

	while ((c = getopt(argc, argv, "p")) != -1) {
		if (c != 'p')
			diex(EXIT_PERM, "%s", usage);
		k.nopreauth = true;
	}
	argc -= optind;
	argv += optind;
	if (argc < 1 || argc > 2)
		diex(EXIT_PERM, "%s", usage);
	find_account(argv[0], &a);
	if (!str_copy(str_c(a.name), k.account, sizeof(k.account)) ||
	    !str_copy(str_c(a.login), k.login, sizeof(k.login)) ||
	    !str_copy(str_c(argv[1]), k.name, sizeof(k.name)) || str_has_control(str_c(k.name)))
		diex(EXIT_PERM, "the name is too long, or has control characters");
	key = read_key();
	if (key == NULL)
		diex(EXIT_PERM, "standard input holds no certificate and no public key in PEM form");
	if (!is_strong(key))
		diex(EXIT_PERM, "a key is RSA of at least %d bits, ECDSA, Ed25519 or Ed448", RSA_MIN);
	fingerprint_of(key, &fingerprint);
	EVP_PKEY_free(key);
	db = open_keys(true);
	if (keys_get(db, buf_str(&fingerprint), &old) == 1 && strcmp(old.account, k.account) != 0)
		diex(EXIT_PERM, "this key is registered for account %s", old.account);
	if (keys_put(db, buf_str(&fingerprint), &k) == -1)
		diex(EXIT_TEMP, "unable to write auth/keys.tdb: %s", tdb_errorstr(db));
	(void)printf("%s\n", buf_c(&fingerprint));
	buf_free(&fingerprint);
	return tdb_close(db) == 0 ? EXIT_OK : EXIT_TEMP;
}

static int
list_one(struct tdb_context *db, TDB_DATA id, TDB_DATA value, void *arg)
{
	const char	*account = arg;
	struct key	 k;

	(void)db;
	if (!keys_decode(authdb_str(value), &k) || (account != NULL && strcmp(account, k.account) != 0))
		return 0;
	(void)printf(STR_FMT " %s %s%s%s%s\n", STR_ARG(authdb_str(id)), k.account, k.login,
	    k.nopreauth ? " nopreauth" : "", k.name[0] != '\0' ? " " : "", k.name);
	return 0;
}

static int
key_list(int argc, char *argv[])
{
	struct tdb_context	*db;

	if (argc > 2)
		diex(EXIT_PERM, "%s", usage);
	db = open_keys(false);
	if (db == NULL)
		return EXIT_OK;
	if (tdb_traverse_read(db, list_one, argv[1]) == -1)
		diex(EXIT_TEMP, "unable to read auth/keys.tdb");
	return tdb_close(db) == 0 ? EXIT_OK : EXIT_TEMP;
}

static int
key_rm(int argc, char *argv[])
{
	struct tdb_context	*db;
	struct str		 id;

	if (argc != 2)
		diex(EXIT_PERM, "%s", usage);
	id = str_c(argv[1]);
	db = open_keys(false);
	if (db == NULL || !keys_is_fingerprint(id) || !tdb_exists(db, authdb_data(id)))
		diex(EXIT_PERM, "no such key is registered");
	if (authdb_delete(db, id) == -1)
		diex(EXIT_TEMP, "unable to write auth/keys.tdb: %s", tdb_errorstr(db));
	return tdb_close(db) == 0 ? EXIT_OK : EXIT_TEMP;
}
