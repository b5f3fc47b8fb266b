#include "deliverd.h"

#include <sys/stat.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sys/home.h"

enum {
	KEPT		= 32,	/* accounts open between rounds: seven descriptors or more each */
	MAILBOXES	= 4,	/* of each */
	ARENA_MAX	= 65536,
};

struct kept {
	struct kept	*next;		/* the one used longest ago is last */
	char		*name;
	struct account	*acc;
	dev_t		 dev;		/* of the directory: an account may be removed and made anew */
	ino_t		 ino;
	bool		 doubted;
	struct {
		char		*name;
		struct mailbox	*mb;
	} box[MAILBOXES];
};

struct accounts {
	struct conf	*conf;
	struct arena	 arena;
	struct kept	*first;
};

struct accounts *
accounts_new(void)
{
	struct accounts	*a = calloc(1, sizeof(*a));

	if (a != NULL)
		arena_init(&a->arena, ARENA_MAX);
	return a;
}

static void
drop(struct kept *k)
{
	for (unsigned i = 0; i < MAILBOXES; i++) {
		mailbox_close(k->box[i].mb);
		free(k->box[i].name);
	}
	account_close(k->acc);
	free(k->name);
	free(k);
}

void
accounts_trim(struct accounts *a)
{
	size_t	n = 0;

	for (struct kept **p = &a->first; *p != NULL; ) {
		struct kept	*k = *p;

		if (n >= KEPT || k->doubted) {
			*p = k->next;
			drop(k);
			continue;
		}
		n++;
		p = &k->next;
	}
}

void
accounts_free(struct accounts *a)
{
	while (a->first != NULL) {
		struct kept	*k = a->first;

		a->first = k->next;
		drop(k);
	}
	if (a->conf != NULL)
		conf_close(a->conf);
	arena_free(&a->arena);
	free(a);
}

void
accounts_doubt(struct accounts *a, const struct account *acc)
{
	for (struct kept *k = a->first; k != NULL; k = k->next)
		if (k->acc == acc)
			k->doubted = true;
}

/* What the configuration says of the account now. ESRCH, or EAGAIN when it cannot be read. */
static int
settings(struct accounts *a, struct str name, uint64_t *quota_r)
{
	struct conf_account	c;

	if (a->conf == NULL && (a->conf = conf_open()) == NULL) {
		errno = EAGAIN;
		return -1;
	}
	(void)!conf_refresh(a->conf);	/* the old one stays in use */
	arena_reset(&a->arena);
	switch (conf_account(a->conf, name, &a->arena, &c)) {
	case CONF_OK:
		*quota_r = c.quota;
		return 0;
	case CONF_NONE:
		errno = ESRCH;
		return -1;
	case CONF_ERROR:
		break;
	}
	errno = EAGAIN;
	return -1;
}

/* The one in hand, moved to the front; it must still be the directory of that path. */
static struct kept *
find(struct accounts *a, struct str name, const char *path)
{
	struct stat	st;

	for (struct kept **p = &a->first; *p != NULL; p = &(*p)->next) {
		struct kept	*k = *p;

		if (k->doubted || !str_eq(str_c(k->name), name))
			continue;
		if (stat(path, &st) == -1 || st.st_dev != k->dev || st.st_ino != k->ino) {
			k->doubted = true;
			return NULL;
		}
		*p = k->next;
		k->next = a->first;
		a->first = k;
		return k;
	}
	return NULL;
}

/* One process has an account open once: the doubted handle must go before a new one comes. */
static bool
is_open(const struct accounts *a, struct str name)
{
	for (const struct kept *k = a->first; k != NULL; k = k->next)
		if (str_eq(str_c(k->name), name))
			return true;
	return false;
}

static struct kept *
add(struct accounts *a, struct str name, const char *path)
{
	struct kept	*k;
	struct stat	 st;

	if (is_open(a, name)) {
		errno = EAGAIN;
		return NULL;
	}
	if ((k = calloc(1, sizeof(*k))) == NULL)
		return NULL;
	k->name = strndup(name.p, name.n);
	if (k->name == NULL || account_open(path, &k->acc) == -1 || stat(path, &st) == -1) {
		int	err = errno;

		drop(k);
		errno = err;
		return NULL;
	}
	k->dev = st.st_dev;
	k->ino = st.st_ino;
	k->next = a->first;
	a->first = k;
	return k;
}

static struct kept *
take(struct accounts *a, struct str name)
{
	char		 path[256];
	struct kept	*k;

	(void)snprintf(path, sizeof(path), HOME_ACCOUNTS "/" STR_FMT, STR_ARG(name));
	k = find(a, name, path);
	/* one that a full disk or a crash left half made is completed before it is used */
	if (k == NULL && (account_create(path) == 0 || errno == EEXIST))
		k = add(a, name, path);
	return k;
}

static int
open_mailbox(struct account *acc, struct str name, struct mailbox **out_r)
{
	if (mailbox_open(acc, name, out_r) == 0)
		return 0;
	if (errno != ENOENT)
		return -1;
	if (mailbox_create(acc, name, SPECIAL_NONE, NULL) == -1 && errno != EEXIST)
		return -1;
	return mailbox_open(acc, name, out_r);
}

int
accounts_mailbox(struct accounts *a, struct str account, struct str mailbox, struct mailbox **out_r)
{
	struct kept	*k;
	unsigned	 i;
	uint64_t	 quota;

	*out_r = NULL;
	if (!account_name_ok(account)) {
		errno = ESRCH;
		return -1;
	}
	if (settings(a, account, &quota) == -1 || (k = take(a, account)) == NULL)
		return -1;
	account_set_quota(k->acc, quota);
	for (i = 0; i < MAILBOXES; i++)
		if (k->box[i].mb != NULL && str_eq(str_c(k->box[i].name), mailbox)) {
			*out_r = k->box[i].mb;
			return 0;
		}
	for (i = 0; i < MAILBOXES && k->box[i].mb != NULL; i++)
		;
	if (i == MAILBOXES) {
		/* all in use, perhaps in this very round: make room between rounds */
		k->doubted = true;
		errno = EAGAIN;
		return -1;
	}
	if ((k->box[i].name = strndup(mailbox.p, mailbox.n)) == NULL)
		return -1;
	if (open_mailbox(k->acc, mailbox, &k->box[i].mb) == -1) {
		free(k->box[i].name);
		k->box[i].name = NULL;
		return -1;
	}
	*out_r = k->box[i].mb;
	return 0;
}
