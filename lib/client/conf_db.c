#include "conf_db.h"

static TDB_DATA
key_data(const struct buf *key)
{
	struct str	s = buf_str(key);

	/* tdb takes no const, and does not write to a key */
	return (TDB_DATA){ .dptr = (unsigned char *)(uintptr_t)s.p, .dsize = s.n };
}

TDB_DATA
conf_key(struct buf *key, char letter, struct str name)
{
	buf_reset(key);
	buf_addc(key, letter);
	buf_add(key, name);
	return key_data(key);
}

TDB_DATA
conf_key_address(struct buf *key, struct str local, struct str domain)
{
	buf_reset(key);
	buf_addc(key, 'a');
	buf_add(key, local);
	buf_addc(key, '@');
	buf_add(key, domain);
	return key_data(key);
}

static int
take_record(TDB_DATA key, TDB_DATA value, void *arg)
{
	struct buf	*out = arg;

	(void)key;
	buf_add(out, str_n(value.dptr, value.dsize));
	return buf_failed(out) ? -1 : 0;
}

int
conf_fetch(struct tdb_context *db, TDB_DATA key, struct buf *out)
{
	if (tdb_parse_record(db, key, take_record, out) == 0)
		return 1;
	return !buf_failed(out) && tdb_error(db) == TDB_ERR_NOEXIST ? 0 : -1;
}

void
conf_add_lower(struct buf *b, struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		buf_addc(b, byte_lower(s.p[i]));
}

void
conf_add_local(struct buf *b, struct str local, struct str separators, bool case_sensitive)
{
	for (size_t i = 0; i < separators.n; i++)
		local = str_head(local, str_chr(local, separators.p[i]));
	if (case_sensitive)
		buf_add(b, local);
	else
		conf_add_lower(b, local);
}

bool
conf_cut(struct str address, struct str *local_r, struct str *domain_r)
{
	size_t	at = str_rchr(address, '@');

	if (at == address.n)
		return false;
	*local_r = str_head(address, at);
	*domain_r = str_skip(address, at + 1);
	return true;
}
