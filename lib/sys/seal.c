#include "seal.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "../base/attr.h"
#include "../base/code.h"
#include "../base/limits.h"
#include "fd.h"
#include "listen.h"

int
seal_key_load(struct seal_key *k, const char *file)
{
	int	fd = file != NULL ? open(file, O_RDONLY | O_CLOEXEC) : listen_fd(SEAL_NAME);
	ssize_t	n;
	int	err;

	*k = (struct seal_key){ .there = false };
	if (fd == -1)
		return file != NULL ? -1 : 0;
	/* all who have it share one file position */
	n = pread(fd, k->b, sizeof(k->b), 0);
	err = n == -1 ? errno : EINVAL;
	(void)fd_close(&fd);
	k->there = n == (ssize_t)sizeof(k->b);
	errno = err;
	return k->there ? 0 : -1;
}

/* Every fact has its place, so that none can pass for another. */
static void
sealed_text(struct buf *rec, const struct peer *p)
{
	attr_start(rec, "seal", 1);
	attr_add(rec, "id", p->id);
	attr_add(rec, "service", p->service);
	attr_add(rec, "listener", p->listener);
	attr_add(rec, "rip", p->rip);
	attr_add(rec, "rport", p->rport);
	attr_add(rec, "lip", p->lip);
	attr_add(rec, "lport", p->lport);
	attr_add(rec, "tls", p->tls);
	attr_add(rec, "cipher", p->cipher);
	attr_add(rec, "sni", p->sni);
	attr_add(rec, "fingerprint", p->fingerprint);
	attr_add(rec, "exporter", p->exporter);
	attr_add(rec, "endpoint", p->endpoint);
	attr_add(rec, "trusted", p->trusted ? STR("1") : STR(""));
}

bool
seal_make(const struct seal_key *k, const struct peer *p, struct buf *b)
{
	struct buf	rec = BUF_INIT(LIMIT_RECORD);
	unsigned char	md[EVP_MAX_MD_SIZE];
	unsigned	n = 0;
	bool		good;

	sealed_text(&rec, p);
	good = k->there && !buf_failed(&rec) &&
	    HMAC(EVP_sha256(), k->b, SEAL_KEY, (const unsigned char *)rec.p, rec.n, md, &n) != NULL;
	if (good)
		code_hex(b, str_n(md, n));
	buf_free(&rec);
	return good && !buf_failed(b);
}

bool
seal_is_good(const struct seal_key *k, const struct peer *p)
{
	struct buf	want = BUF_INIT(2 * EVP_MAX_MD_SIZE);
	bool		good = seal_make(k, p, &want) && want.n == p->seal.n && want.n > 0 &&
	    CRYPTO_memcmp(want.p, p->seal.p, want.n) == 0;

	buf_free(&want);
	return good;
}
