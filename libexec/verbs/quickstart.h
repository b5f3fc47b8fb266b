/* quickstart: what is known about the system to be made. See quickstart.c. */
#ifndef VERBS_QUICKSTART_H
#define VERBS_QUICKSTART_H

#include <limits.h>

#include "base/ip.h"
#include "base/limits.h"
#include "client/conf.h"

enum { QUICKSTART_IPS = 16, QUICKSTART_PASSWORD = 4 * LIMIT_PASSWORD };

struct quickstart {
	/* options */
	bool		 yes, skip_checks, password_stdin;
	const char	*dns;			/* ADDRESS@PORT; NULL: from the root down */
	unsigned	 base;			/* added to every port */
	struct ip	 listen[QUICKSTART_IPS];	/* --ip; none: all addresses */
	size_t		 nlisten;

	/* where */
	bool		 own;			/* all below one directory, all as its user; else this machine's */
	const char	*dir;			/* of own */
	char		 etc[PATH_MAX], var[PATH_MAX];

	/* who */
	char		 hostname[LIMIT_DOMAIN + 1];
	char		 address[LIMIT_PATH + 1];	/* canonical */
	char		 domain[LIMIT_DOMAIN + 1];	/* of the address */
	char		 account[LIMIT_ACCOUNT + 1];
	char		 password[QUICKSTART_PASSWORD];

	/* what was found out */
	struct ip	 ip[QUICKSTART_IPS];	/* by which others reach us */
	size_t		 nip;
	bool		 in_dns;		/* the host name leads to all of them */
};

/* The port of a service. */
unsigned	quickstart_port(const struct quickstart *, enum conf_service);

/* quickstart_ask.c: whatever the options did not say, from the terminal; with --yes the usual. */
void	quickstart_address(struct quickstart *, const char *text);
void	quickstart_hostname(struct quickstart *, const char *text);
void	quickstart_ask(struct quickstart *);

/* quickstart_make.c: refuses where there is something already; then files, directories, users, secrets. */
void	quickstart_place(struct quickstart *);
void	quickstart_make(struct quickstart *);

/* quickstart_users.c: the users in the table of services that are missing; the owner of queue-drop. */
void	quickstart_users(const struct quickstart *);
void	quickstart_queue_drop(void);

/* quickstart_check.c: look around, and warn. */
void	quickstart_addresses(struct quickstart *);
void	quickstart_check(struct quickstart *);

/* quickstart_tell.c: DNS records, settings of clients, what to do next. */
void	quickstart_tell(const struct quickstart *);

#endif
