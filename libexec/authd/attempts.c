#include "attempts.h"

#include <openssl/evp.h>

#include "base/attr.h"
#include "base/limits.h"
#include "base/num.h"

enum { ATTEMPTS_EXPECTED = 20000, ATTEMPTS_KEY = 33, ATTEMPTS_CUT = 200 };

struct tdb_context *
attempts_open(bool create)
{
	struct tdb_context	*db = authdb_open("attempts.tdb", ATTEMPTS_EXPECTED, create);

	/* a machine that dies may lose the last of them */
	if (db != NULL)
		tdb_add_flags(db, TDB_NOSYNC);
	return db;
}

static void
add(struct buf *rec, const char *name, struct str value)
{
	value = str_head(value, ATTEMPTS_CUT);
	value = str_head(value, str_chr(value, '\0'));
	if (value.n > 0)
		attr_add(rec, name, value);
}

/* What makes two attempts equal, as the beginning of a record. */
static void
add_identity(struct buf *rec, const struct attempt *a)
{
	attr_start(rec, "attempt", 1);
	add(rec, "account", a->account);
	add(rec, "login", a->login);
	add(rec, "rip", a->rip);
	add(rec, "lip", a->lip);
	add(rec, "tls", a->tls);
	add(rec, "fingerprint", a->fingerprint);
	add(rec, "agent", a->agent);
	add(rec, "protocol", a->protocol);
	add(rec, "mechanism", a->mechanism);
	add(rec, "result", a->result);
}

bool
attempts_decode(struct str rec, struct attempt *a)
{
	*a = (struct attempt){
		.account = attr_get(rec, "account"), .login = attr_get(rec, "login"),
		.rip = attr_get(rec, "rip"), .lip = attr_get(rec, "lip"),
		.tls = attr_get(rec, "tls"), .fingerprint = attr_get(rec, "fingerprint"),
		.agent = attr_get(rec, "agent"), .protocol = attr_get(rec, "protocol"),
		.mechanism = attr_get(rec, "mechanism"), .result = attr_get(rec, "result"),
		.count = attr_getu(rec, "count", 0),
		.first = (int64_t)attr_getu(rec, "first", 0),
		.last = (int64_t)attr_getu(rec, "last", 0),
	};
	return attr_is(rec, "attempt", 1) && a->count > 0;
}

/* "n ACCOUNT": how many different failures are kept of it. */
static struct str
counter_key(struct buf *key, struct str account)
{
	buf_reset(key);
	buf_adds(key, "n ");
	buf_add(key, str_head(account, ATTEMPTS_CUT));
	return buf_str(key);
}

static uint64_t
counter(struct tdb_context *db, struct str account)
{
	struct buf	key = BUF_INIT(ATTEMPTS_CUT + 2), value = BUF_INIT(32);
	uint64_t	n = 0;

	if (authdb_get(db, counter_key(&key, account), &value) != 1 ||
	    !num_u64(buf_str(&value), UINT64_MAX, &n))
		n = 0;
	buf_free(&key);
	buf_free(&value);
	return n;
}

static int
set_counter(struct tdb_context *db, struct str account, uint64_t n)
{
	struct buf	key = BUF_INIT(ATTEMPTS_CUT + 2), value = BUF_INIT(32);
	int		r;

	buf_addu(&value, n);
	r = authdb_put(db, counter_key(&key, account), buf_str(&value));
	buf_free(&key);
	buf_free(&value);
	return r;
}

/* "h" and the hash of the identity that rec holds. */
static bool
key_of(struct str rec, char key[ATTEMPTS_KEY])
{
	key[0] = 'h';
	return EVP_Digest(rec.p, rec.n, (unsigned char *)key + 1, NULL, EVP_sha256(), NULL) == 1;
}

static int
note(struct tdb_context *db, const struct attempt *a, struct buf *rec, struct buf *old)
{
	struct attempt	before = { .first = a->last };
	char		key[ATTEMPTS_KEY];
	int		got;

	buf_reset(rec);
	add_identity(rec, a);
	if (!key_of(buf_str(rec), key) || (got = authdb_get(db, str_n(key, sizeof(key)), old)) == -1)
		return -1;
	if (got == 1 && !attempts_decode(buf_str(old), &before))
		before = (struct attempt){ .first = a->last };
	if (got == 0 && !str_eq(a->result, STR("ok"))) {
		uint64_t	n = counter(db, a->account);

		if (n >= LIMIT_ATTEMPTS && !str_eq(a->login, STR("\xe2\x80\xa6"))) {
			struct attempt	rest = { .account = a->account, .login = STR("\xe2\x80\xa6"),
			    .protocol = a->protocol, .result = a->result, .last = a->last };

			return note(db, &rest, rec, old);
		}
		if (set_counter(db, a->account, n + 1) == -1)
			return -1;
	}
	attr_addu(rec, "count", before.count + 1);
	attr_addu(rec, "first", (uint64_t)before.first);
	attr_addu(rec, "last", (uint64_t)a->last);
	return buf_failed(rec) ? -1 : authdb_put(db, str_n(key, sizeof(key)), buf_str(rec));
}

int
attempts_note(struct tdb_context *db, const struct attempt *a)
{
	struct buf	rec = BUF_INIT(ATTEMPTS_RECORD), old = BUF_INIT(ATTEMPTS_RECORD);
	int		r;

	if (tdb_transaction_start(db) == -1)
		return -1;
	r = note(db, a, &rec, &old);
	if (r == 0)
		r = tdb_transaction_commit(db);
	else
		(void)tdb_transaction_cancel(db);
	buf_free(&rec);
	buf_free(&old);
	return r;
}

struct clean {
	int64_t	before;
};

static int
clean_counter(struct tdb_context *db, TDB_DATA key, TDB_DATA value, void *arg)
{
	(void)value;
	(void)arg;
	return str_starts(authdb_str(key), STR("h")) ? 0 : tdb_delete(db, key);
}

static int
clean_one(struct tdb_context *db, TDB_DATA key, TDB_DATA value, void *arg)
{
	struct clean	*c = arg;
	struct attempt	 a;

	if (!str_starts(authdb_str(key), STR("h")))
		return 0;
	if (!attempts_decode(authdb_str(value), &a) || a.last < c->before)
		return tdb_delete(db, key);
	if (str_eq(a.result, STR("ok")))
		return 0;
	return set_counter(db, a.account, counter(db, a.account) + 1);
}

void
attempts_clean(struct tdb_context *db, int64_t before)
{
	struct clean	c = { .before = before };

	if (tdb_transaction_start(db) == -1)
		return;
	if (tdb_traverse(db, clean_counter, NULL) == -1 || tdb_traverse(db, clean_one, &c) == -1)
		(void)tdb_transaction_cancel(db);
	else if (tdb_transaction_commit(db) == -1)
		return;		/* as it was; the next cleaning does it */
}
