#include "password.h"

#include <openssl/crypto.h>

#include "proto/precis.h"
#include "sys/deadline.h"

bool
password_user(struct str in, struct buf *out)
{
	return precis_username(in, out);
}

bool
password_secrets(struct authd *a, const char *account, struct str user, struct secrets *out_r, struct buf *raw)
{
	int	got = account == NULL ? 0 : secrets_get(a->secrets, str_c(account), out_r, raw);

	if (got == -1) {
		authdb_log(a->secrets, "secrets-unreadable", account);
		return false;
	}
	if (got == 0) {
		secrets_fake(a->fake, user, out_r);
	} else if (!out_r->scram) {
		/* PLAIN can be checked, but SCRAM gets what a stranger gets */
		struct secrets	fake;

		secrets_fake(a->fake, user, &fake);
		out_r->sasl = fake.sasl;
	}
	return true;
}

/* Now that the password is seen, keep it in our own form. */
static void
renew(struct authd *a, const char *account, struct str password)
{
	struct secrets	s;

	if (!secrets_make(&s, password) || secrets_put(a->secrets, str_c(account), &s) == -1)
		authdb_log(a->secrets, "rehash-failed", account);
	OPENSSL_cleanse(&s, sizeof(s));
}

static bool
check(struct authd *a, const char *account, const struct secrets *s, struct str raw, struct str password)
{
	uint8_t	tag[CACHE_TAG];
	bool	tagged = account != NULL && cache_tag(&a->cache, str_c(account), raw, password, tag);

	if (tagged && cache_has(&a->cache, tag, clock_ms()))
		return true;
	if (!secrets_check(s, password))
		return false;
	if (tagged)
		cache_add(&a->cache, tag, clock_ms());
	if (secrets_is_dated(s))
		renew(a, account, password);
	return true;
}

enum password_got
password_check(struct authd *a, const char *account, struct str user, struct str password)
{
	struct buf	clean = BUF_INIT(LIMIT_PASSWORD), raw = BUF_INIT(SECRETS_RECORD);
	struct secrets	s;
	bool		good = password_secrets(a, account, user, &s, &raw), right = false;
	size_t		room;

	(void)buf_room(&clean, LIMIT_PASSWORD, &room);
	if (good) {
		bool	legal = precis_password(password, &clean);

		/* one that cannot be right costs the same time */
		right = check(a, account, &s, buf_str(&raw), buf_str(&clean)) && legal;
	}
	if (clean.p != NULL)
		OPENSSL_cleanse(clean.p, clean.cap);
	OPENSSL_cleanse(&s, sizeof(s));
	buf_free(&clean);
	buf_free(&raw);
	return !good ? PASSWORD_TEMP : right ? PASSWORD_RIGHT : PASSWORD_WRONG;
}
