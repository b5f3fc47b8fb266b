/* posthorn dkim sign: the message on standard input, with a signature on top. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "dkim.h"
#include "base/num.h"
#include "proto/dkim_canon.h"
#include "proto/dkim_sign.h"
#include "sys/deadline.h"
#include "sys/die.h"
#include "sys/fd.h"

enum { CHUNK = 64 * 1024, KEY_FILE = 65536 };

struct job {
	struct dkim_signer	 s;
	struct dkim_body	 body;
	EVP_MD_CTX		*md;
	int			 keep;	/* the message, to be written behind the signature */
};

static enum dkim_canon
canon_named(struct str s)
{
	if (str_eq(s, STR("relaxed")))
		return DKIM_RELAXED;
	if (!str_eq(s, STR("simple")))
		diex(EXIT_PERM, "-c: simple or relaxed, or two of them as in relaxed/simple");
	return DKIM_SIMPLE;
}

static EVP_PKEY *
key_of_file(const char *name, enum dkim_alg *alg_r)
{
	struct buf	 pem = BUF_INIT(KEY_FILE);
	EVP_PKEY	*key;

	if (file_read(AT_FDCWD, name, &pem) == -1)
		die(EXIT_PERM, "unable to read %s", name);
	key = dkim_private_key(buf_str(&pem), alg_r);
	if (key == NULL)
		diex(EXIT_PERM, "%s holds no private key that can sign mail", name);
	buf_free(&pem);
	return key;
}

static void
set_canon(struct dkim_signer *s, const char *text)
{
	struct str	rest = str_c(text), header;
	bool		both = str_cut(&rest, '/', &header);

	s->header_canon = canon_named(header);
	s->body_canon = both ? canon_named(rest) : DKIM_SIMPLE;
}

static void
options(struct dkim_signer *s, int argc, char *argv[])
{
	const char	*file = NULL;
	uint64_t	 seconds;
	int		 c;

	*s = (struct dkim_signer){
		.identity = STR(""), .header_canon = DKIM_RELAXED, .body_canon = DKIM_RELAXED, .oversign = true, .time = clock_now(),
	};
	while ((c = getopt(argc, argv, "c:i:k:ox:")) != -1)
		switch (c) {
		case 'c':
			set_canon(s, optarg);
			break;
		case 'i':
			s->identity = str_c(optarg);
			break;
		case 'k':
			file = optarg;
			break;
		case 'o':
			s->oversign = false;
			break;
		case 'x':
			if (!num_seconds(str_c(optarg), &seconds) || seconds == 0 || seconds > UINT32_MAX)
				diex(EXIT_PERM, "-x: seconds, or a number with m, h, d or w");
			s->lifetime = (int64_t)seconds;
			break;
		default:
			dkim_usage();
		}
	if (argc - optind != 2)
		dkim_usage();
	s->domain = str_c(argv[optind]);
	s->selector = str_c(argv[optind + 1]);
	if (!dkim_is_name(s->domain) || !dkim_is_name(s->selector))
		diex(EXIT_PERM, "a domain and a selector are wanted");
	s->key = file != NULL ? key_of_file(file, &s->alg) : dkim_key_of(argv[optind], argv[optind + 1], &s->alg);
}

/* --- the message */

static void
hash_put(void *arg, struct str s)
{
	if (EVP_DigestUpdate(arg, s.p, s.n) != 1)
		diex(EXIT_TEMP, "unable to hash the message");
}

static void
take(void *arg, struct str s)
{
	struct job	*j = arg;

	dkim_body_feed(&j->body, s);
	if (write_all(j->keep, s) == -1)
		die(EXIT_TEMP, "unable to keep the message");
}

/* A field of ours in a file of this system has that system's lines. */
static void
write_field(struct str field, bool lf)
{
	struct buf	b = BUF_INIT(4 * LIMIT_DKIM_SIGNATURE);

	for (size_t i = 0; i < field.n; i++)
		if (!lf || field.p[i] != '\r')
			buf_addc(&b, field.p[i]);
	if (buf_failed(&b) || write_all(STDOUT_FILENO, buf_str(&b)) == -1)
		die(EXIT_TEMP, "unable to write");
	buf_free(&b);
}

static void
write_rest(int fd)
{
	struct buf	b = BUF_INIT(CHUNK);

	if (lseek(fd, 0, SEEK_SET) == -1)
		die(EXIT_TEMP, "unable to read the message again");
	while (read_some(fd, &b, CHUNK) > 0) {
		if (write_all(STDOUT_FILENO, buf_str(&b)) == -1)
			die(EXIT_TEMP, "unable to write");
		buf_reset(&b);
	}
	buf_free(&b);
}

int
dkim_sign_message(int argc, char *argv[])
{
	struct job		j = { .keep = file_unnamed() };
	struct arena		arena = ARENA_INIT(LIMIT_DKIM_ARENA);
	struct buf		field = BUF_INIT(4 * LIMIT_DKIM_SIGNATURE);
	struct dkim_input	in;
	struct dkim_head	head;
	uint8_t			hash[DKIM_HASH];
	size_t			body;

	options(&j.s, argc, argv);
	dkim_input_open(&in);
	if (in.large || !dkim_head_open(&head, buf_str(&in.text), &arena))
		diex(EXIT_PERM, "the message's header is too large");
	body = head.header.body;
	j.md = EVP_MD_CTX_new();
	if (j.keep == -1 || j.md == NULL || EVP_DigestInit_ex(j.md, EVP_sha256(), NULL) != 1)
		diex(EXIT_TEMP, "unable to begin");
	dkim_body_init(&j.body, j.s.body_canon, in.lf, hash_put, j.md);
	dkim_input_rest(&in, body, take, &j);
	dkim_body_end(&j.body);
	if (EVP_DigestFinal_ex(j.md, hash, NULL) != 1 || !dkim_sign(&j.s, &head, hash, &field))
		diex(EXIT_PERM, "this cannot be signed: is there a From field, and -i within the domain?");
	write_field(buf_str(&field), in.lf);
	if (write_all(STDOUT_FILENO, str_head(buf_str(&in.text), body)) == -1)
		die(EXIT_TEMP, "unable to write");
	write_rest(j.keep);
	EVP_MD_CTX_free(j.md);
	EVP_PKEY_free(j.s.key);
	arena_free(&arena);
	buf_free(&field);
	buf_free(&in.text);
	return EXIT_OK;
}
