/* posthorn dkim gen, txt, list, rotate, retire: var/dkim/DOMAIN/SELECTOR.pem, and retired/ below DOMAIN. */
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "dkim.h"
#include "base/num.h"
#include "conf_idn.h"
#include "sys/deadline.h"
#include "sys/die.h"
#include "sys/fd.h"
#include "sys/home.h"
#include "sys/priv.h"

#define RETIRED	"retired"

enum {
	BITS		= 2048,
	TXT_STRING	= 100,		/* bytes of one string of a record, as people's editors bear */
	NAMES		= 10000,	/* keys of one domain */
	KEY_FILE	= 65536,
};

static const char	suffix[] = ".pem";

/* --- places */

/* As their owner, whom root's verb becomes; the directory is made when it is not there. */
static void
enter(void)
{
	struct stat	st;

	if (home_enter() == -1)
		die(EXIT_TEMP, "unable to enter the var directory");
	if (mkdir(HOME_DKIM, 0700) == 0) {
		if (stat(HOME_QUEUE, &st) == 0 && geteuid() == 0 && lchown(HOME_DKIM, st.st_uid, st.st_gid) == -1)
			die(EXIT_TEMP, "unable to give " HOME_DKIM " to its owner");
	} else if (errno != EEXIST)
		die(EXIT_TEMP, "unable to make " HOME_DKIM);
	if (priv_become_owner(HOME_DKIM) == -1)
		die(EXIT_TEMP, "unable to become the owner of " HOME_DKIM);
	(void)umask(077);
}

/* The domain as it is in DNS and in names of directories: A-labels in lower case. */
static const char *
domain_of(const char *text)
{
	static char	name[LIMIT_DOMAIN + 1];
	struct buf	b = BUF_INIT(LIMIT_DOMAIN), other = BUF_INIT(LIMIT_DOMAIN);
	struct str	s = str_c(text);

	if (!str_is_ascii(s) && conf_idn_other(s, &other))
		s = buf_str(&other);
	for (size_t i = 0; i < s.n; i++)
		buf_addc(&b, byte_lower(s.p[i]));
	if (!dkim_is_name(buf_str(&b)) || !str_is_ascii(s) || !str_copy(buf_str(&b), name, sizeof(name)))
		diex(EXIT_PERM, "%s is no domain", text);
	buf_free(&b);
	buf_free(&other);
	return name;
}

static const char *
selector_of(const char *text)
{
	if (!dkim_is_name(str_c(text)) || !str_is_ascii(str_c(text)))
		diex(EXIT_PERM, "%s is no selector: letters, digits, hyphens and dots", text);
	return text;
}

static void
file_of(const char *selector, char *path, size_t size)
{
	if (snprintf(path, size, "%s%s", selector, suffix) >= (int)size)
		diex(EXIT_PERM, "the selector is too long");
}

/* The directory of a domain's keys; -1 without one. */
static int
keys_open(const char *domain, bool make)
{
	int	top = dir_open(AT_FDCWD, HOME_DKIM), dir;

	if (top == -1 || (make && mkdirat(top, domain, 0700) == -1 && errno != EEXIST))
		die(EXIT_TEMP, "unable to make " HOME_DKIM "/%s", domain);
	dir = dir_open(top, domain);
	if (dir == -1 && (make || errno != ENOENT))
		die(EXIT_TEMP, "unable to open " HOME_DKIM "/%s", domain);
	if (make && dir_sync(top) == -1)
		die(EXIT_TEMP, "unable to make " HOME_DKIM "/%s durable", domain);
	(void)close(top);
	return dir;
}

/* Also of one that is retired: a selector is not used twice. */
static bool
is_there(int dir, const char *file)
{
	char	old[LIMIT_DOMAIN + 32];

	(void)snprintf(old, sizeof(old), RETIRED "/%s", file);
	return faccessat(dir, file, F_OK, AT_SYMLINK_NOFOLLOW) == 0 || faccessat(dir, old, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* NULL without one, with errno; one that cannot be understood ends the program. */
static EVP_PKEY *
key_read(int dir, const char *domain, const char *file, enum dkim_alg *alg_r)
{
	struct buf	 pem = BUF_INIT(KEY_FILE);
	EVP_PKEY	*key;

	if (file_read(dir, file, &pem) == -1) {
		if (errno == ENOENT)
			return NULL;
		die(EXIT_TEMP, "unable to read " HOME_DKIM "/%s/%s", domain, file);
	}
	key = dkim_private_key(buf_str(&pem), alg_r);
	if (key == NULL)
		diex(EXIT_PERM, HOME_DKIM "/%s/%s holds no private key that can sign mail", domain, file);
	buf_free(&pem);
	return key;
}

EVP_PKEY *
dkim_key_of(const char *domain, const char *selector, enum dkim_alg *alg_r)
{
	char		 file[LIMIT_DOMAIN + 8];
	EVP_PKEY	*key = NULL;
	int		 dir;

	enter();
	domain = domain_of(domain);
	file_of(selector_of(selector), file, sizeof(file));
	dir = keys_open(domain, false);
	if (dir != -1)
		key = key_read(dir, domain, file, alg_r);
	if (key == NULL)
		diex(EXIT_PERM, "there is no key %s of %s (posthorn dkim gen makes one)", selector, domain);
	(void)close(dir);
	return key;
}

/* --- what DNS is told */

/* In zone file form, the text in strings of a length that all take. */
static void
print_record(const char *domain, const char *selector, EVP_PKEY *key, enum dkim_alg alg)
{
	struct buf	b = BUF_INIT(LIMIT_DKIM_KEY);
	struct str	rest;

	if (!dkim_key_record(key, alg, &b))
		diex(EXIT_TEMP, "unable to write the public key");
	rest = buf_str(&b);
	(void)printf("%s._domainkey.%s. TXT (", selector, domain);
	for (; rest.n > 0; rest = str_skip(rest, TXT_STRING))
		(void)printf("\n\t\"" STR_FMT "\"", STR_ARG(str_head(rest, TXT_STRING)));
	(void)printf(" )\n");
	buf_free(&b);
}

/* --- gen */

/* Today's date; with a number behind it when there is one of today. */
static void
new_selector(int dir, char *out, size_t size, enum dkim_alg alg)
{
	time_t		now = (time_t)clock_now();
	struct tm	tm;
	char		day[16], file[LIMIT_DOMAIN + 8];

	if (gmtime_r(&now, &tm) == NULL || strftime(day, sizeof(day), "%Y%m%d", &tm) == 0)
		diex(EXIT_TEMP, "unable to tell the date");
	for (unsigned n = 1; n < NAMES; n++) {
		(void)snprintf(out, size, "%s%s", day, alg == DKIM_RSA_SHA256 ? "r" : "e");
		if (n > 1)
			(void)snprintf(out + strlen(out), size - strlen(out), "%u", n);
		file_of(out, file, sizeof(file));
		if (!is_there(dir, file))
			return;
	}
	diex(EXIT_PERM, "there are too many keys");
}

/* Make a key and tell its record. selector NULL: one is chosen. */
static void
make(const char *domain, const char *selector, enum dkim_alg alg, unsigned bits)
{
	int		 dir = keys_open(domain, true);
	char		 file[LIMIT_DOMAIN + 8], chosen[64];
	struct buf	 pem = BUF_INIT(KEY_FILE);
	EVP_PKEY	*key;

	if (selector == NULL) {
		new_selector(dir, chosen, sizeof(chosen), alg);
		selector = chosen;
	}
	file_of(selector, file, sizeof(file));
	if (is_there(dir, file))
		diex(EXIT_PERM, "there is or was a key %s of %s already", selector, domain);
	key = dkim_make_key(alg, bits);
	if (key == NULL || !dkim_key_pem(key, &pem))
		diex(EXIT_TEMP, "unable to make a key");
	if (file_replace(dir, file, buf_str(&pem), 0600) == -1)
		die(EXIT_TEMP, "unable to write " HOME_DKIM "/%s/%s", domain, file);
	print_record(domain, selector, key, alg);
	EVP_PKEY_free(key);
	OPENSSL_cleanse(pem.p, pem.n);
	buf_free(&pem);
	(void)close(dir);
}

int
dkim_gen(int argc, char *argv[])
{
	enum dkim_alg	alg = DKIM_RSA_SHA256;
	uint32_t	bits = BITS;
	int		c;

	while ((c = getopt(argc, argv, "b:e")) != -1)
		switch (c) {
		case 'b':
			if (!num_u32(str_c(optarg), LIMIT_DKIM_RSA_MAX, &bits) || bits < LIMIT_DKIM_RSA_MIN)
				diex(EXIT_PERM, "-b: an RSA key has %d to %d bits", LIMIT_DKIM_RSA_MIN, LIMIT_DKIM_RSA_MAX);
			break;
		case 'e':
			alg = DKIM_ED25519_SHA256;
			break;
		default:
			dkim_usage();
		}
	argc -= optind;
	argv += optind;
	if (argc < 1 || argc > 2)
		dkim_usage();
	enter();
	make(domain_of(argv[0]), argc == 2 ? selector_of(argv[1]) : NULL, alg, bits);
	return EXIT_OK;
}

/* --- txt */

int
dkim_txt(int argc, char *argv[])
{
	enum dkim_alg	 alg;
	EVP_PKEY	*key;

	if (argc != 3)
		dkim_usage();
	key = dkim_key_of(argv[1], argv[2], &alg);
	print_record(domain_of(argv[1]), argv[2], key, alg);
	EVP_PKEY_free(key);
	return EXIT_OK;
}

/* --- list */

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names in a directory that end so, sorted; those that begin with a dot are not ours. */
static size_t
names_in(int at, const char *name, const char *end, char **list, size_t max)
{
	int		 fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR		*d = fd == -1 ? NULL : fdopendir(fd);
	struct dirent	*e;
	size_t		 n = 0;

	if (d == NULL) {
		if (errno != ENOENT && errno != ENOTDIR)
			die(EXIT_TEMP, "unable to read %s", name);
		return 0;
	}
	while (n < max && (e = readdir(d)) != NULL) {
		struct str	s = str_c(e->d_name);

		if (s.p[0] == '.' || !str_ends(s, str_c(end)))
			continue;
		list[n] = strndup(e->d_name, s.n - strlen(end));
		if (list[n++] == NULL)
			die(EXIT_TEMP, "unable to list keys");
	}
	(void)closedir(d);
	qsort(list, n, sizeof(*list), by_name);
	return n;
}

static void
list_keys(int dir, const char *domain, const char *below, const char *state)
{
	char	*list[NAMES], file[LIMIT_DOMAIN + 32];
	size_t	 n = names_in(dir, below, suffix, list, NAMES);

	for (size_t i = 0; i < n; i++) {
		enum dkim_alg	 alg;
		EVP_PKEY	*key;

		(void)snprintf(file, sizeof(file), "%s/%s%s", below, list[i], suffix);
		key = key_read(dir, domain, file, &alg);
		if (key != NULL && alg == DKIM_RSA_SHA256)
			(void)printf("%s %s rsa-%d %s\n", domain, list[i], EVP_PKEY_get_bits(key), state);
		else if (key != NULL)
			(void)printf("%s %s ed25519 %s\n", domain, list[i], state);
		EVP_PKEY_free(key);
		free(list[i]);
	}
}

static void
list_domain(const char *domain)
{
	int	dir = keys_open(domain, false);

	if (dir == -1)
		return;
	list_keys(dir, domain, ".", "kept");
	list_keys(dir, domain, RETIRED, "retired");
	(void)close(dir);
}

int
dkim_list(int argc, char *argv[])
{
	char	*domains[NAMES];
	size_t	 n;

	if (argc > 2)
		dkim_usage();
	enter();
	if (argc == 2) {
		list_domain(domain_of(argv[1]));
		return EXIT_OK;
	}
	n = names_in(AT_FDCWD, HOME_DKIM, "", domains, NAMES);
	for (size_t i = 0; i < n; i++) {
		list_domain(domains[i]);
		free(domains[i]);
	}
	return EXIT_OK;
}

/* --- rotate, retire */

/* The one key there is, when it was not said which is meant. */
static const char *
only_key(int dir, const char *domain)
{
	char	*list[2];
	size_t	 n = names_in(dir, ".", suffix, list, 2);

	if (n == 0)
		diex(EXIT_PERM, "there is no key of %s (posthorn dkim gen makes one)", domain);
	if (n > 1)
		diex(EXIT_PERM, "there are several keys of %s: say which", domain);
	return list[0];
}

int
dkim_rotate(int argc, char *argv[])
{
	const char	*domain, *old;
	char		 file[LIMIT_DOMAIN + 8];
	enum dkim_alg	 alg;
	EVP_PKEY	*key = NULL;
	unsigned	 bits;
	int		 dir;

	if (argc < 2 || argc > 3)
		dkim_usage();
	enter();
	domain = domain_of(argv[1]);
	dir = keys_open(domain, false);
	if (dir == -1)
		diex(EXIT_PERM, "there is no key of %s (posthorn dkim gen makes one)", domain);
	old = argc == 3 ? selector_of(argv[2]) : only_key(dir, domain);
	file_of(old, file, sizeof(file));
	key = key_read(dir, domain, file, &alg);
	if (key == NULL)
		diex(EXIT_PERM, "there is no key %s of %s", old, domain);
	bits = (unsigned)EVP_PKEY_get_bits(key);
	EVP_PKEY_free(key);
	/* never smaller than what is made today */
	make(domain, NULL, alg, bits < BITS ? BITS : bits);
	(void)printf("; When this record is seen by all, name it in dkim-selectors of domains/%s.conf in place of\n"
	    "; %s. Leave the record of %s for a week, so that mail on its way can be verified, then:\n"
	    "; posthorn dkim retire %s %s\n", domain, old, old, domain, old);
	(void)close(dir);
	return EXIT_OK;
}

/* Out of use, but never gone. */
int
dkim_retire(int argc, char *argv[])
{
	char		 file[LIMIT_DOMAIN + 8], to[LIMIT_DOMAIN + 32];
	const char	*domain;
	int		 dir;

	if (argc != 3)
		dkim_usage();
	enter();
	domain = domain_of(argv[1]);
	file_of(selector_of(argv[2]), file, sizeof(file));
	(void)snprintf(to, sizeof(to), RETIRED "/%s", file);
	dir = keys_open(domain, false);
	if (dir == -1 || faccessat(dir, file, F_OK, AT_SYMLINK_NOFOLLOW) == -1)
		diex(EXIT_PERM, "there is no key %s of %s", argv[2], domain);
	if (mkdirat(dir, RETIRED, 0700) == -1 && errno != EEXIST)
		die(EXIT_TEMP, "unable to make " HOME_DKIM "/%s/" RETIRED, domain);
	/* linkat: what is retired already is never replaced */
	if (linkat(dir, file, dir, to, 0) == -1 || unlinkat(dir, file, 0) == -1 || dir_sync(dir) == -1)
		die(EXIT_TEMP, "unable to retire " HOME_DKIM "/%s/%s", domain, file);
	(void)close(dir);
	return EXIT_OK;
}
