/* DKIM: mail is signed by the domain that it says it is from, with the keys that domain.conf names. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include <openssl/crypto.h>

#include "put.h"
#include "proto/dkim_canon.h"
#include "proto/dkim_crypt.h"
#include "proto/dkim_sign.h"
#include "sys/fd.h"
#include "sys/home.h"
#include "sys/log.h"

enum { KEY_FILE = 65536 };

static void
not_signed(const struct queue_put *q, struct str domain, struct str selector, const char *why, int err)
{
	struct log	l;

	/* the standard error of a program's user is not our log */
	if (q->who.system)
		return;
	log_start(&l, "not-signed");
	log_cstr(&l, "msg", q->e.id);
	log_str(&l, "domain", domain);
	if (selector.n > 0)
		log_str(&l, "selector", selector);
	log_cstr(&l, "error", err == 0 ? why : strerror(err));
	log_end(&l);
}

static void
hash_put(void *arg, struct str s)
{
	(void)EVP_DigestUpdate(arg, s.p, s.n);
}

static void
body_put(void *arg, struct str s)
{
	dkim_body_feed(arg, s);
}

static bool
hash_body(const struct message *m, uint8_t hash[DKIM_HASH])
{
	EVP_MD_CTX		*md = EVP_MD_CTX_new();
	struct dkim_body	 body;
	bool			 good;

	dkim_body_init(&body, DKIM_RELAXED, false, hash_put, md);
	good = md != NULL && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1 && message_body(m, body_put, &body) == 0;
	if (good) {
		dkim_body_end(&body);
		good = EVP_DigestFinal_ex(md, hash, NULL) == 1;
	}
	EVP_MD_CTX_free(md);
	return good;
}

/* The private key of a selector; NULL, and the reason in the log. */
static EVP_PKEY *
read_key(const struct queue_put *q, struct str domain, struct str selector, enum dkim_alg *alg_r)
{
	struct buf	 pem = BUF_INIT(KEY_FILE);
	char		 path[2 * LIMIT_DOMAIN + 32];
	EVP_PKEY	*key = NULL;

	(void)snprintf(path, sizeof(path), HOME_DKIM "/" STR_FMT "/" STR_FMT ".pem", STR_ARG(domain), STR_ARG(selector));
	if (file_read(AT_FDCWD, path, &pem) == -1) {
		not_signed(q, domain, selector, NULL, errno);
	} else {
		key = dkim_private_key(buf_str(&pem), alg_r);
		if (key == NULL)
			not_signed(q, domain, selector, "the file holds no key that can sign mail", 0);
	}
	if (pem.p != NULL)
		OPENSSL_cleanse(pem.p, pem.n);
	buf_free(&pem);
	return key;
}

static void
sign_one(struct buf *out, const struct queue_put *q, struct dkim_head *head, struct dkim_signer *s, const uint8_t hash[DKIM_HASH])
{
	struct buf	field = BUF_INIT(2 * LIMIT_DKIM_SIGNATURE);

	s->key = read_key(q, s->domain, s->selector, &s->alg);
	if (s->key == NULL)
		return;
	if (dkim_sign(s, head, hash, &field))
		buf_add(out, buf_str(&field));
	else
		not_signed(q, s->domain, s->selector, "it could not be signed", 0);
	EVP_PKEY_free(s->key);
	buf_free(&field);
}

/* The keys of the domain that the header is from; false when it has none. */
static bool
find_domain(struct queue_put *q, struct str header, struct arena *a, struct conf_domain *d)
{
	struct submission	says;

	return submission_look(header, a, &says) && says.domain.n > 0 &&
	    conf_domain(q->conf, says.domain, a, d) == CONF_OK && d->nselector > 0;
}

void
sign(struct buf *out, struct queue_put *q, const struct message *m, struct str header)
{
	struct arena		a = ARENA_INIT(LIMIT_DKIM_ARENA);
	struct dkim_signer	s = {
		.identity = STR(""), .header_canon = DKIM_RELAXED, .body_canon = DKIM_RELAXED, .oversign = true, .time = q->e.queued,
	};
	struct conf_domain	d;
	struct dkim_head	head;
	uint8_t			hash[DKIM_HASH];

	if (find_domain(q, header, &a, &d)) {
		/* its configuration file is not ours to read, and not needed */
		(void)OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
		s.domain = d.ascii;
		if (!dkim_head_open(&head, header, &a) || !hash_body(m, hash))
			not_signed(q, s.domain, STR(""), "the message could not be hashed", 0);
		else
			for (size_t i = 0; i < d.nselector; i++) {
				s.selector = d.selector[i];
				sign_one(out, q, &head, &s, hash);
			}
	}
	arena_free(&a);
}
