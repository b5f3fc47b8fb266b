#include "account.h"

/* An account comes with all its addresses; most have a few, some have thousands. */
enum { ACCOUNT_MEMORY = 64 * 1024 * 1024 };

static enum account_got
got(enum conf_got g)
{
	switch (g) {
	case CONF_OK:
		return ACCOUNT_FOUND;
	case CONF_NONE:
		return ACCOUNT_NONE;
	case CONF_ERROR:
		break;
	}
	return ACCOUNT_TEMP;
}

static enum account_got
fill(struct conf *c, struct str name, struct str login, struct arena *mem, struct account *out_r)
{
	struct conf_account	ca;
	enum conf_got		g = conf_account(c, name, mem, &ca);

	if (g != CONF_OK)
		return got(g);
	if (!str_copy(ca.name, out_r->name, sizeof(out_r->name)) ||
	    !str_copy(login, out_r->login, sizeof(out_r->login)))
		return ACCOUNT_NONE;
	/* a long text is cut, not lost: what counts is that it is not empty */
	if (!str_copy(str_head(ca.login_disabled, sizeof(out_r->disabled) - 1), out_r->disabled, sizeof(out_r->disabled)))
		return ACCOUNT_TEMP;
	return ACCOUNT_FOUND;
}

enum account_got
account_of_login(struct conf *c, struct str user, struct account *out_r)
{
	struct arena		mem = ARENA_INIT(ACCOUNT_MEMORY);
	size_t			at = str_rchr(user, '@');
	struct str		name, address;
	enum account_got	g;

	if (at == user.n || at == 0)
		return ACCOUNT_NONE;
	g = got(conf_login(c, str_head(user, at), str_skip(user, at + 1), &mem, &name, &address));
	if (g == ACCOUNT_FOUND)
		g = fill(c, name, address, &mem, out_r);
	arena_free(&mem);
	return g;
}

enum account_got
account_of_name(struct conf *c, struct str name, struct str login, struct account *out_r)
{
	struct arena		mem = ARENA_INIT(ACCOUNT_MEMORY);
	enum account_got	g = fill(c, name, login, &mem, out_r);

	arena_free(&mem);
	return g;
}
