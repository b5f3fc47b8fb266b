#include "keys.h"

#include "base/attr.h"

enum { KEYS_EXPECTED = 1000 };

struct tdb_context *
keys_open(bool create)
{
	return authdb_open("keys.tdb", KEYS_EXPECTED, create);
}

bool
keys_is_fingerprint(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!byte_is_digit(s.p[i]) && !(s.p[i] >= 'a' && s.p[i] <= 'f'))
			return false;
	return s.n == KEYS_FINGERPRINT;
}

bool
keys_decode(struct str rec, struct key *k)
{
	*k = (struct key){ .nopreauth = attr_getu(rec, "nopreauth", 0) == 1 };
	k->created = (int64_t)attr_getu(rec, "created", 0);
	return attr_is(rec, "key", 1) &&
	    str_copy(attr_get(rec, "account"), k->account, sizeof(k->account)) &&
	    str_copy(attr_get(rec, "login"), k->login, sizeof(k->login)) &&
	    str_copy(attr_get(rec, "name"), k->name, sizeof(k->name)) &&
	    k->account[0] != '\0' && k->login[0] != '\0';
}

int
keys_get(struct tdb_context *db, struct str fingerprint, struct key *out_r)
{
	struct buf	rec = BUF_INIT(KEYS_RECORD);
	int		got = keys_is_fingerprint(fingerprint) ? authdb_get(db, fingerprint, &rec) : 0;

	if (got == 1 && !keys_decode(buf_str(&rec), out_r))
		got = -1;
	buf_free(&rec);
	return got;
}

int
keys_put(struct tdb_context *db, struct str fingerprint, const struct key *k)
{
	struct buf	rec = BUF_INIT(KEYS_RECORD);
	int		r = -1;

	attr_start(&rec, "key", 1);
	attr_adds(&rec, "account", k->account);
	attr_adds(&rec, "login", k->login);
	attr_adds(&rec, "name", k->name);
	if (k->nopreauth)
		attr_adds(&rec, "nopreauth", "1");
	attr_addu(&rec, "created", (uint64_t)k->created);
	if (!buf_failed(&rec))
		r = authdb_commit(db, fingerprint, buf_str(&rec));
	buf_free(&rec);
	return r;
}

static int
remove_one(struct tdb_context *db, TDB_DATA id, TDB_DATA value, void *arg)
{
	const struct str	*account = arg;
	struct key		 k;

	if (!keys_decode(authdb_str(value), &k) || !str_eq(*account, str_c(k.account)))
		return 0;
	return tdb_delete(db, id);
}

int
keys_remove_account(struct tdb_context *db, struct str account)
{
	if (tdb_transaction_start(db) == -1)
		return -1;
	if (tdb_traverse(db, remove_one, &account) == -1) {
		(void)tdb_transaction_cancel(db);
		return -1;
	}
	return tdb_transaction_commit(db);
}
